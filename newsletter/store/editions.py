"""Editions: days, frozen, and what some readers were ranked of them. What is frozen is never written again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Answered, Edition, Group, Pick, Ranking, Reason, Verdict, Why
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new
from newsletter.store.topics import topic


class Editions:
    """Freezes days and reads them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def freeze(
        self,
        day: date,
        papers: Sequence[str],
        curators: Sequence[str],
        rankings: Sequence[Ranking],
        answered: Sequence[Answered] = (),
    ) -> Edition:
        """The edition of `day`; frozen now from the ids `papers` in page order unless it is there already.

        A paper that another edition took meanwhile is left out, of the rankings too.
        """
        async with self._database.write() as connection:
            verdicts = [[one.source, one.verdict.value, one.papers] for one in answered]
            values = {"day": day, "curators": list(curators), "verdicts": verdicts or None}
            added = insert_new(connection, tables.editions).values(values).returning(tables.editions.c.id)
            edition_id = await connection.scalar(added)
            if edition_id is not None:
                ours = await _take(connection, edition_id, papers)
                await _add_rankings(connection, edition_id, [_without_others(ranking, ours) for ranking in rankings])
            return (await _editions(connection, tables.editions.c.day == day))[0]

    async def find(self, day: date) -> Edition | None:
        """The edition of `day`, if it is frozen."""
        async with self._database.read() as connection:
            return next(iter(await _editions(connection, tables.editions.c.day == day)), None)

    async def between(self, after: date, until: date) -> list[Edition]:
        """The editions of the days in (`after`, `until`], oldest first."""
        day = tables.editions.c.day
        async with self._database.read() as connection:
            return await _editions(connection, (day > after) & (day <= until))

    async def all_days(self) -> list[date]:
        """The days that are frozen, oldest first."""
        async with self._database.read() as connection:
            return list(await connection.scalars(select(tables.editions.c.day).order_by(tables.editions.c.day)))

    async def rankings(self, edition_id: int) -> dict[str, Ranking]:
        """The rankings of an edition by slug, each with its topic as it was worded then."""
        query = (
            select(tables.rankings).where(tables.rankings.c.edition_id == edition_id).order_by(tables.rankings.c.slug)
        )
        async with self._database.read() as connection:
            return {row.slug: _ranking(row) for row in await connection.execute(query)}

    async def add_rankings(self, edition_id: int, rankings: Sequence[Ranking]) -> None:
        """Add rankings to an edition, of topics that came later say; those that are frozen stay as they are."""
        async with self._database.write() as connection:
            await _add_rankings(connection, edition_id, rankings)

    async def personal(
        self, subscriber_ids: Iterable[int], edition_ids: Iterable[int]
    ) -> dict[tuple[int, int], dict[str, Ranking]]:
        """What each reader was ranked of each edition, by (subscriber id, edition id) and then by slug.

        Readers and editions without a ranking of their own are left out. The topic is worded as in the edition's own
        ranking.
        """
        own, general = tables.personal_rankings.c, tables.rankings
        query = (
            select(tables.personal_rankings, general.c.topic)
            .join_from(tables.personal_rankings, general)
            .order_by(own.subscriber_id, own.edition_id, own.slug)
        )
        found: dict[tuple[int, int], dict[str, Ranking]] = {}
        among = list(blocks(edition_ids))
        async with self._database.read() as connection:
            for readers in blocks(subscriber_ids):
                for editions in among:
                    rows = query.where(own.subscriber_id.in_(readers), own.edition_id.in_(editions))
                    for row in await connection.execute(rows):
                        found.setdefault((row.subscriber_id, row.edition_id), {})[row.slug] = _ranking(row)
        return found

    async def freeze_personal(self, rows: Mapping[tuple[int, int], Sequence[Ranking]]) -> None:
        """Freeze what readers are ranked of editions, by (subscriber id, edition id); what is frozen stays.

        The edition has to have a ranking of its own for each slug: that one's topic is the topic of these.
        """
        values = [
            {"subscriber_id": subscriber_id, "edition_id": edition_id, "slug": ranking.slug, **_columns(ranking)}
            for (subscriber_id, edition_id), rankings in rows.items()
            for ranking in rankings
        ]
        if values:
            async with self._database.write() as connection:
                await connection.execute(insert_new(connection, tables.personal_rankings), values)


async def _take(connection: AsyncConnection, edition_id: int, papers: Iterable[str]) -> set[str]:
    """Take those of `papers` that no edition took; returns their ids. UNIQUE(paper_id) decides between two editions."""
    rows = [
        {"edition_id": edition_id, "position": position, "paper_id": paper_id}
        for position, paper_id in enumerate(dict.fromkeys(papers), start=1)
    ]
    if not rows:
        return set()
    taken = insert_new(connection, tables.edition_papers).returning(tables.edition_papers.c.paper_id)
    return set(await connection.scalars(taken, rows))


async def _editions(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Edition]:
    """The editions of which `which` is true, oldest first, with their papers."""
    query = (
        select(tables.editions, tables.edition_papers.c.paper_id)
        .join_from(tables.editions, tables.edition_papers, isouter=True)
        .where(which)
        .order_by(tables.editions.c.day, tables.edition_papers.c.position)
    )
    editions: dict[int, Edition] = {}
    papers: dict[int, list[str]] = {}
    for row in await connection.execute(query):
        editions.setdefault(row.id, Edition(row.id, row.day, (), tuple(row.curators), _answered(row)))
        papers.setdefault(row.id, []).extend([row.paper_id] if row.paper_id else [])
    return [replace(edition, papers=tuple(papers[edition.id])) for edition in editions.values()]


def _answered(row: Row[Any]) -> tuple[Answered, ...]:
    return tuple(Answered(source, Verdict(verdict), papers) for source, verdict, papers in row.verdicts or ())


async def _add_rankings(connection: AsyncConnection, edition_id: int, rankings: Iterable[Ranking]) -> None:
    rows = [
        {
            "edition_id": edition_id,
            "slug": ranking.slug,
            "topic": asdict(ranking.topic) if ranking.topic else None,
            "groups": [asdict(group) for group in ranking.groups] or None,
            **_columns(ranking),
        }
        for ranking in rankings
    ]
    if rows:
        await connection.execute(insert_new(connection, tables.rankings), rows)


def _without_others(ranking: Ranking, ours: Collection[str]) -> Ranking:
    return replace(ranking, picks=tuple(pick for pick in ranking.picks if pick.paper in ours))


def _columns(ranking: Ranking) -> dict[str, object]:
    return {
        "picks": [asdict(pick) for pick in ranking.picks],
        "excluded": None if ranking.excluded is None else list(ranking.excluded),
    }


def _ranking(row: Row[Any]) -> Ranking:
    return Ranking(
        topic(row.topic) if row.topic else None,
        tuple(_pick(pick) for pick in row.picks),
        None if row.excluded is None else tuple(row.excluded),
        # Only rankings of everybody have them.
        tuple(Group(tuple(one["label"]), tuple(one["papers"])) for one in row._mapping.get("groups") or ()),
    )


def _pick(columns: dict[str, Any]) -> Pick:
    return Pick(
        paper=columns["paper"],
        topic=columns["topic"],
        score=columns["score"],
        parts=tuple((name, value) for name, value in columns["parts"]),
        reasons=tuple(_reason(one) for one in columns["reasons"]),
    )


def _reason(columns: dict[str, Any] | str) -> Reason:
    if isinstance(columns, str):
        return Reason(Why.TEXT, (columns,))
    return Reason(Why(columns["kind"]), tuple(columns["values"]))
