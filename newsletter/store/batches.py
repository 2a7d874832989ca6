"""Batches: what each source answered, and the papers it brought."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.logs import Log
from newsletter.model import Batch, Paper, Problem, Verdict, stamped
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new
from newsletter.store.identity import complete, join
from newsletter.store.papers import load
from newsletter.store.uniting import united

_log = Log(__name__)

_DATED = re.compile(r"(?:(.*) )?(\d{4}-\d\d-\d\d)", re.ASCII)
_LATE = timedelta(days=2)
_SHOWN_AGAIN = 0.8
"""The share of a list that makes it an old one under a new date; the rest may have been added or taken out."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as it was noted: `papers` counts what it held, `new` those of them that were not known before."""

    source: str
    document: str
    day: date | None
    verdict: Verdict
    why: str
    papers: int
    new: int
    curators: str
    collected_at: datetime
    problems: tuple[Problem, ...]
    declared: int | None = None
    asked: date | None = None
    expected: date | None = None


class Batches:
    """Takes in what sources answered, and remembers that they did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, batch: Batch, at: datetime) -> tuple[Batch, int]:
        """Store the papers of `batch`, collected `at`, and note the batch; all of it or nothing.

        A paper that is known already is completed (see `model.merge`); one that an edition took only gains listings and
        keys, so that its message can be made again as it was. Returns the batch and the number of papers that were not
        known before. Its verdict is `same` instead of `new` when it brought neither a paper nor a listing, and `stale`
        when it shows, under a new day, no other papers than on an earlier one although its source was due: then the
        papers keep the days they had.
        """
        return (await self.remember_all([batch], at))[0]

    async def remember_all(
        self, batches: Sequence[Batch], at: datetime, *, note: bool = True
    ) -> list[tuple[Batch, int]]:
        """The same for all that a source answered at once, so that a crash leaves nothing half remembered; without a
        `note` only the papers are, and nothing of the batches.

        Raises ValueError, one sentence, for what no database can hold, and then has remembered nothing.
        """
        try:
            async with self._database.write() as connection:
                found = [await _remember(connection, batch, at, note=note) for batch in batches]
        except (TypeError, ValueError, AttributeError, OverflowError, StatementError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, (IntegrityError, DataError)):
                raise
            raise ValueError(f"answered what cannot be kept ({type(error).__name__}: {error})") from error
        for batch, new, number in found:
            _say(batch, new, number)
        return [(batch, new) for batch, new, _ in found]

    async def past(self, source: str, after: date) -> dict[str, tuple[date, frozenset[date]]]:
        """By document: the day `source` was first asked for what is new, and the days later than `after` that it
        answered for, and that were read whole.

        A document named "cs.CL 2026-10-01" tells of that day of "cs.CL", one named "2026-10-01" of that of "". That
        there was nothing on a day is believed two days later: indexes and lists come late.
        """
        column = tables.batches.c
        whole = column.verdict.in_((Verdict.NEW, Verdict.SAME, Verdict.QUIET))
        firsts = select(column.document, func.min(column.collected_at)).where(
            column.source == source, column.asked.is_(None)
        )
        rows = select(column.document, column.day, column.verdict, column.collected_at).where(
            column.source == source, whole, column.collected_at > datetime.combine(after, time(), UTC)
        )
        found: dict[str, date] = {}
        read: dict[str, set[date]] = defaultdict(set)
        async with self._database.read() as connection:
            for document, moment in (await connection.execute(firsts.group_by(column.document))).all():
                name, _ = _named(document)
                found[name] = min(moment.date(), found.get(name, moment.date()))
            for row in await connection.execute(rows):
                name, day = _named(row.document)
                if _is_whole(row.verdict, day, row.collected_at) and (told := day or row.day) and told > after:
                    read[name].add(told)
        return {name: (first, frozenset(read[name])) for name, first in found.items()}

    async def answered(self, source: str, since: date) -> set[date]:
        """The days from `since` on that `source` was asked for, and all that it answered last could be read."""
        column = tables.batches.c
        query = select(column.asked, column.collected_at, column.verdict).where(column.source == source)
        last: dict[date, tuple[datetime, list[bool]]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query.where(column.asked >= since).order_by(column.id)):
                moment, whole = last.get(row.asked, (row.collected_at, []))
                mine = _is_whole(row.verdict, row.asked, row.collected_at)
                last[row.asked] = row.collected_at, [*whole, mine] if moment == row.collected_at else [mine]
        return {day for day, (_, whole) in last.items() if all(whole)}

    async def newest(self) -> list[BatchRecord]:
        """What each source answered when it was last asked for what is new."""
        column, new = tables.batches.c, tables.batches.c.asked.is_(None)
        moments = select(column.source, func.max(column.collected_at).label("last")).where(new)
        last = moments.group_by(column.source).subquery()
        query = (
            select(tables.batches)
            .join(last, (last.c.source == column.source) & (last.c.last == column.collected_at))
            .where(new)
            .order_by(column.source, column.id)
        )
        async with self._database.read() as connection:
            return [recorded(row) for row in await connection.execute(query)]

    async def page(
        self, since: datetime, *, source: str = "", before: int | None = None, limit: int = 100
    ) -> list[tuple[int, BatchRecord]]:
        """The newest `limit` batches since a moment, newest first, each with its number: those of `source` where one is
        named, and with a number less than `before`."""
        column = tables.batches.c
        query = select(tables.batches).where(column.collected_at >= since).order_by(column.id.desc()).limit(limit)
        if source:
            query = query.where(column.source == source)
        if before is not None:
            query = query.where(column.id < before)
        async with self._database.read() as connection:
            return [(row.id, recorded(row)) for row in await connection.execute(query)]

    async def latest(self, limit: int = 20) -> list[BatchRecord]:
        """The last `limit` batches, newest first."""
        query = select(tables.batches).order_by(tables.batches.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [recorded(row) for row in await connection.execute(query)]


async def _remember(
    connection: AsyncConnection, batch: Batch, at: datetime, *, note: bool
) -> tuple[Batch, int, int | None]:
    """The batch as it was judged, how many papers are new, and its number, where it was to be noted."""
    batch = _stamped(batch)
    known, gone = await united(connection, batch.papers, await _known(connection, batch))
    batch = _unmasked(batch, known)
    after = complete(batch.notes, join([*gone, *batch.papers], known))
    if batch.standing:
        after = {paper.id: _first_listed(paper, known.get(paper.id), batch.source) for paper in after.values()}
    joined = _as_sent(known, after, await _taken(connection, known))
    await _write(connection, known, joined)
    new = len(joined) - len(known)
    changed = _listings(joined) != _listings(known) if batch.papers else joined != known
    if batch.verdict is Verdict.NEW and not new and not changed:
        batch = replace(batch, verdict=Verdict.SAME, why=_nothing_new(batch))
    await _observe(connection, batch, joined, at)
    return batch, new, await _note(connection, batch, new, at) if note else None


def _say(batch: Batch, new: int, number: int | None) -> None:
    told = {"source": batch.source, "document": batch.document, "day": batch.day or batch.asked}
    counts = {"verdict": batch.verdict, "papers": len(batch.papers), "new": new, "problems": len(batch.problems)}
    if number is not None:
        _log.info("batch", batch=number, **told, **counts, why=batch.why)


def _named(document: str) -> tuple[str, date | None]:
    """The name of a document without the day at its end, and that day."""
    dated = _DATED.fullmatch(document)
    try:
        return (dated[1] or "", date.fromisoformat(dated[2])) if dated else (document, None)
    except ValueError:
        return document, None


def _is_whole(verdict: Verdict, day: date | None, collected_at: datetime) -> bool:
    """Whether a batch tells all there is of `day`."""
    if verdict is Verdict.QUIET and day:
        return collected_at.date() >= day + _LATE
    return verdict in (Verdict.NEW, Verdict.SAME, Verdict.QUIET)


def recorded(row: Row[Any]) -> BatchRecord:
    """A row of the table as a record."""
    return BatchRecord(
        source=row.source,
        document=row.document,
        day=row.day,
        verdict=row.verdict,
        why=row.why,
        papers=row.papers,
        new=row.new,
        curators=row.curators,
        collected_at=row.collected_at,
        problems=tuple(Problem(*problem) for problem in row.problems),
        declared=row.declared,
        asked=row.asked,
        expected=row.expected,
    )


def _stamped(batch: Batch) -> Batch:
    """`batch` with its source as the origin of what its papers say, unless they name another."""
    origin = f"{batch.kind}/{batch.source}" if batch.kind else ""
    if not origin:
        return batch
    papers = tuple(stamped(paper, origin) for paper in batch.papers)
    return replace(batch, papers=papers, notes=tuple(stamped(note, origin) for note in batch.notes))


def _unmasked(batch: Batch, known: Mapping[str, Paper]) -> Batch:
    """`batch`, but with the papers' days as they were when it only shows an earlier day's papers under a new date."""
    if not (batch.expected and batch.day and batch.papers):
        return batch
    owners = {key: paper for paper in known.values() for key in paper.keys}
    before = {paper.id: _listed_before(paper, owners, batch.source, batch.day) for paper in batch.papers}
    days = Counter(day for listed in before.values() for day in listed)
    shown, number = days.most_common(1)[0] if days else (batch.day, 0)
    share = number / len(batch.papers)
    if share < 1.0 and (share < _SHOWN_AGAIN or len(batch.papers) < 3):
        return batch
    papers = tuple(_redated(paper, shown) if shown in before[paper.id] else paper for paper in batch.papers)
    why = f"{number} of the {len(papers)} papers are those of {shown}, dated {batch.day}"
    verdict = Verdict.STALE if batch.expected > shown else batch.verdict
    return replace(batch, day=shown, papers=papers, verdict=verdict, why=why)


def _listed_before(paper: Paper, owners: Mapping[str, Paper], source: str, day: date) -> set[date]:
    """The days before `day` on which `source` listed the paper; none when it listed it on that day too."""
    own = next((owners[key] for key in paper.keys if key in owners), None)
    days = {one.day for one in own.listings if one.source == source} if own else set()
    return set() if day in days else {one for one in days if one < day}


def _redated(paper: Paper, day: date) -> Paper:
    return replace(paper, listings=tuple(replace(one, day=day) for one in paper.listings), first_seen=day)


def _first_listed(paper: Paper, before: Paper | None, source: str) -> Paper:
    """`paper` with no listing in `source` beyond those it had `before`, if it had any."""
    had = {one for one in before.listings if one.source == source} if before else set()
    if not had:
        return paper
    return replace(paper, listings=tuple(one for one in paper.listings if one.source != source or one in had))


async def _known(connection: AsyncConnection, batch: Batch) -> dict[str, Paper]:
    """Every paper that one of the batch's keys belongs to."""
    column = tables.paper_keys.c
    owners: list[str] = []
    told = (key for paper in (*batch.papers, *batch.notes) for key in (paper.id, *paper.keys))
    for block in blocks((*told, *(one.paper for one in batch.observations))):
        owners += await connection.scalars(select(column.paper_id).where(column.key.in_(block)))
    return await load(connection, owners)


async def _observe(connection: AsyncConnection, batch: Batch, papers: Mapping[str, Paper], at: datetime) -> None:
    """Keep the numbers that the batch tells, each with its time; those of papers that are not known are passed over."""
    owners = {key: paper.id for paper in papers.values() for key in (paper.id, *paper.keys)}
    values = {(owners[one.paper], one.what): one.value for one in batch.observations if one.paper in owners}
    rows = [
        {"paper_id": paper_id, "what": what, "source": batch.source, "observed_at": at, "value": value}
        for (paper_id, what), value in values.items()
    ]
    if rows:
        await connection.execute(insert_new(connection, tables.observations), rows)


async def _note(connection: AsyncConnection, batch: Batch, new: int, at: datetime) -> int:
    """Enter the batch itself; its number."""
    note = insert(tables.batches).values(
        source=batch.source,
        document=batch.document,
        day=batch.day,
        verdict=batch.verdict,
        why=batch.why,
        papers=len(batch.papers),
        new=new,
        curators=batch.curators,
        problems=[[problem.document, problem.line, problem.why] for problem in batch.problems],
        collected_at=at,
        declared=batch.declared,
        asked=batch.asked,
        identities=batch.identities,
        expected=batch.expected,
    )
    return int((await connection.execute(note.returning(tables.batches.c.id))).scalar_one())


async def _taken(connection: AsyncConnection, papers: Iterable[str]) -> set[str]:
    """Those of `papers` that an edition took."""
    column = tables.edition_papers.c.paper_id
    taken: set[str] = set()
    for block in blocks(papers):
        taken.update(await connection.scalars(select(column).where(column.in_(block))))
    return taken


def _as_sent(known: Mapping[str, Paper], joined: Mapping[str, Paper], taken: Collection[str]) -> dict[str, Paper]:
    """`joined`, but those that were `taken` as they are `known`, with the keys and listings they gained."""
    return {
        paper.id: replace(known[paper.id], keys=paper.keys, listings=paper.listings) if paper.id in taken else paper
        for paper in joined.values()
    }


async def _write(connection: AsyncConnection, known: Mapping[str, Paper], joined: Mapping[str, Paper]) -> None:
    """Write what `joined` holds beyond `known`."""
    fresh = [paper for paper in joined.values() if paper.id not in known]
    changed = [paper for paper in joined.values() if paper.id in known and paper != known[paper.id]]
    keys, listings = [], []
    for paper in fresh + changed:
        before = known.get(paper.id)
        keys += [
            {"key": key, "paper_id": paper.id, "position": position}
            for position, key in enumerate(paper.keys)
            if not before or key not in before.keys
        ]
        listings += [
            {"paper_id": paper.id, "source": listing.source, "day": listing.day, "rank": listing.rank}
            for listing in paper.listings
            if not before or listing not in before.listings
        ]
    change = update(tables.papers).where(tables.papers.c.id == bindparam("known_id"))
    for statement, rows in (
        (insert(tables.papers), [{"id": paper.id, **_columns(paper)} for paper in fresh]),
        (change, [{"known_id": paper.id, **_columns(paper)} for paper in changed]),
        (insert(tables.paper_keys), keys),
        (insert(tables.listings), listings),
    ):
        if rows:
            await connection.execute(statement, rows)


def _columns(paper: Paper) -> dict[str, object]:
    return {
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "links": [{"kind": link.kind.value, "url": link.url} for link in paper.links],
        "first_seen": paper.first_seen,
        "venue": paper.venue,
        "published": paper.published,
        "version": paper.version,
        "votes": paper.votes,
        "ai_summary": paper.ai_summary,
        "thumbnail": paper.thumbnail,
        "categories": list(paper.categories),
        "institutions": list(paper.institutions),
        "fields": list(paper.fields),
        "origins": dict(paper.origins),
    }


def _listings(papers: Mapping[str, Paper]) -> int:
    return sum(len(paper.listings) for paper in papers.values())


def _nothing_new(batch: Batch) -> str:
    number = len(batch.papers)
    if not number:
        return batch.why
    return f"all {number} papers were known already" if number > 1 else "its paper was known already"
