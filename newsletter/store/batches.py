"""Batches: what each source answered, and the papers it brought."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Batch, Paper, Problem, Verdict
from newsletter.store import tables
from newsletter.store.database import Database, blocks
from newsletter.store.identity import join
from newsletter.store.papers import load


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


class Batches:
    """Takes in what sources answered, and remembers that they did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, batch: Batch, at: datetime) -> tuple[Batch, int]:
        """Store the papers of `batch`, collected `at`, and note the batch; all of it or nothing.

        A paper that is known already is completed, never replaced; one that an edition took only gains listings and
        keys, so that its message can be made again as it was. Returns the batch, its verdict `same` instead of
        `new` when it brought neither a paper nor a listing, and the number of papers that were not known before.
        """
        async with self._database.write() as connection:
            known = await _known(connection, batch)
            joined = _as_sent(known, join(batch.papers, known), await _taken(connection, known))
            await _write(connection, known, joined)
            new = len(joined) - len(known)
            if batch.verdict is Verdict.NEW and not new and _listings(joined) == _listings(known):
                batch = replace(batch, verdict=Verdict.SAME, why=_nothing_new(len(batch.papers)))
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
            )
            await connection.execute(note)
        return batch, new

    async def latest(self, limit: int = 20) -> list[BatchRecord]:
        """The last `limit` batches, newest first."""
        query = select(tables.batches).order_by(tables.batches.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [
                BatchRecord(
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
                )
                for row in await connection.execute(query)
            ]


async def _known(connection: AsyncConnection, batch: Batch) -> dict[str, Paper]:
    """Every paper that one of the batch's keys belongs to."""
    column = tables.paper_keys.c
    owners: list[str] = []
    for block in blocks(key for paper in batch.papers for key in (paper.id, *paper.keys)):
        owners += await connection.scalars(select(column.paper_id).where(column.key.in_(block)))
    return await load(connection, owners)


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
    }


def _listings(papers: Mapping[str, Paper]) -> int:
    return sum(len(paper.listings) for paper in papers.values())


def _nothing_new(papers: int) -> str:
    return f"all {papers} papers were known already" if papers > 1 else "its paper was known already"
