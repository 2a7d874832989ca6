"""Batches: what each source answered, and the papers it brought."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Batch, Paper, Problem, Verdict, stamped
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new
from newsletter.store.identity import complete, join
from newsletter.store.papers import load

_DATED = re.compile(r" \d{4}-\d\d-\d\d$", re.ASCII)


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

    async def remember_all(self, batches: Sequence[Batch], at: datetime) -> list[tuple[Batch, int]]:
        """The same for all that a source answered at once, so that a crash leaves nothing half remembered."""
        async with self._database.write() as connection:
            return [await _remember(connection, batch, at) for batch in batches]

    async def last_days(self, source: str, after: date) -> dict[str, date]:
        """The newest day later than `after` of which each document of `source` brought papers.

        A document named "cs.CL 2026-10-01" counts as "cs.CL".
        """
        column = tables.batches.c
        query = select(column.document, func.max(column.day)).where(column.source == source, column.day > after)
        found: dict[str, date] = {}
        async with self._database.read() as connection:
            for document, day in await connection.execute(query.where(column.papers > 0).group_by(column.document)):
                name = _DATED.sub("", document)
                found[name] = max(day, found.get(name, day))
        return found

    async def answered(self, source: str, since: date) -> set[date]:
        """The days from `since` on that `source` was asked for, and all that it answered last could be read."""
        column = tables.batches.c
        query = select(column.asked, column.collected_at, column.verdict).where(column.source == source)
        last: dict[date, tuple[datetime, set[Verdict]]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query.where(column.asked >= since).order_by(column.id)):
                moment, verdicts = last.get(row.asked, (row.collected_at, set()))
                last[row.asked] = (
                    row.collected_at,
                    ({*verdicts, row.verdict} if moment == row.collected_at else {row.verdict}),
                )
        unread = {Verdict.BROKEN, Verdict.PARTIAL, Verdict.STALE}
        return {day for day, (_, verdicts) in last.items() if unread.isdisjoint(verdicts)}

    async def newest(self) -> list[BatchRecord]:
        """What each source answered when it was last asked for what is new."""
        column = tables.batches.c
        last = (
            select(column.source, func.max(column.collected_at)).where(column.asked.is_(None)).group_by(column.source)
        )
        query = select(tables.batches).where(column.asked.is_(None)).order_by(column.id)
        async with self._database.read() as connection:
            found = []
            for source, moment in (await connection.execute(last.order_by(column.source))).all():
                rows = await connection.execute(query.where(column.source == source, column.collected_at == moment))
                found += [_record(row) for row in rows]
            return found

    async def latest(self, limit: int = 20) -> list[BatchRecord]:
        """The last `limit` batches, newest first."""
        query = select(tables.batches).order_by(tables.batches.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_record(row) for row in await connection.execute(query)]


async def _remember(connection: AsyncConnection, batch: Batch, at: datetime) -> tuple[Batch, int]:
    batch = await _unmasked(connection, _stamped(batch))
    known = await _known(connection, batch)
    after = complete(batch.notes, join(batch.papers, known))
    if batch.standing:
        after = {paper.id: _first_listed(paper, known.get(paper.id), batch.source) for paper in after.values()}
    joined = _as_sent(known, after, await _taken(connection, known))
    await _write(connection, known, joined)
    new = len(joined) - len(known)
    if batch.verdict is Verdict.NEW and not new and _listings(joined) == _listings(known):
        batch = replace(batch, verdict=Verdict.SAME, why=_nothing_new(len(batch.papers)))
    await _observe(connection, batch, joined, at)
    await _note(connection, batch, new, at)
    return batch, new


def _record(row: Row[Any]) -> BatchRecord:
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
    )


def _stamped(batch: Batch) -> Batch:
    """`batch` with its source as the origin of what its papers say, unless they name another."""
    origin = f"{batch.kind}/{batch.source}" if batch.kind else ""
    if not origin:
        return batch
    papers = tuple(stamped(paper, origin) for paper in batch.papers)
    return replace(batch, papers=papers, notes=tuple(stamped(note, origin) for note in batch.notes))


async def _unmasked(connection: AsyncConnection, batch: Batch) -> Batch:
    """`batch`, but with the papers' days as they were when it only shows an earlier day's papers under a new date."""
    if not (batch.expected and batch.day and batch.identities):
        return batch
    column = tables.batches.c
    same = (column.source == batch.source) & (column.document == batch.document)
    first = select(func.min(column.day)).where(same, column.identities == batch.identities)
    shown: date | None = await connection.scalar(first)
    if shown is None or shown >= batch.day:
        return batch
    papers = tuple(
        replace(paper, listings=tuple(replace(one, day=shown) for one in paper.listings), first_seen=shown)
        for paper in batch.papers
    )
    late = batch.expected > shown
    why = f"the {len(papers)} papers are those of {shown}, dated {batch.day}"
    return replace(batch, day=shown, papers=papers, verdict=Verdict.STALE if late else batch.verdict, why=why)


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


async def _note(connection: AsyncConnection, batch: Batch, new: int, at: datetime) -> None:
    """Enter the batch itself."""
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
    )
    await connection.execute(note)


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


def _nothing_new(papers: int) -> str:
    return f"all {papers} papers were known already" if papers > 1 else "its paper was known already"
