"""Editions: days, frozen, and what some readers were ranked of them. What is frozen is never written again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Dialect,
    MetaData,
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    cast,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Answered, Edition, Ranking, Verdict
from newsletter.model.subscriber import OWN
from newsletter.ranking.records import Record, among, of_record, record
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new

_NEWEST = 10
"""Editions whose rankings pages show first."""

_WRITTEN = 100
"""Rankings that are written with one statement."""


class _Ready(TypeDecorator[str]):
    """JSON as the database holds it: records are made, and read, by `ranking.records`."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """None: the text goes in as it is."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """None: it comes out as it is."""

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """As text, or PostgreSQL's driver would read it."""
        return type_coerce(cast(column, Text), String)


def _ready(whole: Table) -> Table:
    """`whole` with its JSON left as text."""
    columns = [Column(one.name, _Ready if isinstance(one.type, JSON) else one.type) for one in whole.columns]
    return Table(whole.name, MetaData(), *columns)


_RANKINGS, _PERSONAL = _ready(tables.rankings), _ready(tables.personal_rankings)


class Editions:
    """Freezes days and reads them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def freeze(
        self,
        day: date,
        papers: Sequence[str],
        curators: Sequence[str],
        rankings: Iterable[Ranking | Record],
        answered: Sequence[Answered] = (),
        summaries: Mapping[str, str] | None = None,
    ) -> Edition:
        """The edition of `day`; frozen now from the ids `papers` in page order unless it is there already.

        A paper that another edition took meanwhile is left out, of the rankings too. These are gone through once, in
        blocks: there may be more of them than memory holds. `summaries` are what a language model wrote, by paper.
        """
        async with self._database.write() as connection:
            verdicts = [[one.source, one.verdict.value, one.papers] for one in answered]
            values = {"day": day, "curators": list(curators), "verdicts": verdicts or None}
            added = insert_new(connection, tables.editions).values(values).returning(tables.editions.c.id)
            edition_id = await connection.scalar(added)
            if edition_id is not None:
                ours = await _take(connection, edition_id, papers)
                several: Iterable[Record] = map(_as_record, rankings)
                if len(ours) < len(set(papers)):
                    several = (among(_as_record(one), ours) for one in rankings)
                await _add_rankings(connection, edition_id, several)
                written = {paper: text for paper, text in (summaries or {}).items() if paper in ours and text}
                rows = [{"edition_id": edition_id, "paper_id": paper, "text": text} for paper, text in written.items()]
                if rows:
                    await connection.execute(insert(tables.edition_summaries), rows)
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

    async def newest(self, until: date) -> Edition | None:
        """The edition of the newest day that is not after `until`; None when there is none."""
        day = tables.editions.c.day
        last = select(func.max(day)).where(day <= until).scalar_subquery()
        async with self._database.read() as connection:
            return next(iter(await _editions(connection, day == last)), None)

    async def taken_on(self, paper_id: str) -> date | None:
        """The day of the edition that took the paper; None when none has."""
        query = select(tables.editions.c.day).join_from(tables.editions, tables.edition_papers)
        async with self._database.read() as connection:
            day: date | None = await connection.scalar(query.where(tables.edition_papers.c.paper_id == paper_id))
            return day

    async def ranked(self, slug: str, until: date, limit: int) -> list[tuple[date, Ranking]]:
        """The rankings of the topic `slug` in the last `limit` editions that have one and whose day is not after
        `until`, the newest first."""
        day = tables.editions.c.day
        query = (
            select(day, _RANKINGS)
            .join_from(_RANKINGS, tables.editions, _RANKINGS.c.edition_id == tables.editions.c.id)
            .where(_RANKINGS.c.slug == slug, day <= until)
            .order_by(day.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(row.day, _ranking(row)) for row in await connection.execute(query)]

    async def state(self) -> tuple[int, int, int]:
        """Three numbers that stay the same as long as no papers came, no day was frozen and nothing was ranked of the
        newest editions: what was made of editions and papers before is still good then.

        Rankings of older editions are not counted: with topics of readers' own there are thousands for each day, and
        this is asked with every page.
        """
        batches = select(func.max(tables.batches.c.id)).scalar_subquery()
        newest = select(func.max(tables.editions.c.id)).scalar_subquery()
        column = tables.rankings.c.edition_id
        rankings = select(func.count()).where(column > newest - _NEWEST).scalar_subquery()
        async with self._database.read() as connection:
            row = (await connection.execute(select(batches, newest, rankings))).one()
            return row[0] or 0, row[1] or 0, row[2]

    async def all_days(self) -> list[date]:
        """The days that are frozen, oldest first."""
        async with self._database.read() as connection:
            return list(await connection.scalars(select(tables.editions.c.day).order_by(tables.editions.c.day)))

    async def page(self, until: date, limit: int) -> list[tuple[date, int]]:
        """The newest `limit` days up to `until`, each with how many papers it has, the newest first."""
        edition, paper = tables.editions.c, tables.edition_papers.c
        query = (
            select(edition.day, func.count(paper.paper_id))
            .join_from(tables.editions, tables.edition_papers, isouter=True)
            .where(edition.day <= until)
            .group_by(edition.day)
            .order_by(edition.day.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(day, number) for day, number in await connection.execute(query)]

    async def rankings(self, edition_id: int, slugs: Iterable[str] | None = None) -> dict[str, Ranking]:
        """The rankings of an edition by slug, each with its topic as it was worded then: all of them, or those of
        `slugs`, a few. There may be thousands, of topics in readers' own words."""
        of = _RANKINGS.c
        query = select(_RANKINGS).where(of.edition_id == edition_id)
        queries = [query] if slugs is None else [query.where(of.slug.in_(block)) for block in blocks(slugs)]
        async with self._database.read() as connection:
            rows = [row for query in queries for row in await connection.execute(query)]
        return {row.slug: _ranking(row) for row in sorted(rows, key=lambda row: row.slug)}

    async def add_rankings(self, edition_id: int, rankings: Iterable[Ranking | Record]) -> None:
        """Add rankings to an edition, of topics that came later say; those that are frozen stay as they are."""
        async with self._database.write() as connection:
            await _add_rankings(connection, edition_id, map(_as_record, rankings))

    async def personal(
        self, subscriber_ids: Iterable[int], edition_ids: Iterable[int]
    ) -> dict[tuple[int, int], dict[str, Ranking]]:
        """What each reader was ranked of each edition, by (subscriber id, edition id) and then by slug.

        Readers and editions without a ranking of their own are left out. The topic is worded as in the edition's own
        ranking.
        """
        own, general = _PERSONAL.c, _RANKINGS
        same = and_(own.edition_id == general.c.edition_id, own.slug == general.c.slug)
        query = (
            select(_PERSONAL, general.c.topic)
            .join_from(_PERSONAL, general, same)
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
            {
                "subscriber_id": subscriber_id,
                "edition_id": edition_id,
                "slug": one.slug,
                "picks": one.picks,
                "excluded": one.excluded,
            }
            for (subscriber_id, edition_id), rankings in rows.items()
            for one in map(record, rankings)
        ]
        if not values:
            return
        general = tables.rankings.c
        async with self._database.write() as connection:
            # A reader who took a topic of their own out meanwhile has taken its rankings with it.
            there: set[tuple[int, str]] = set()
            for block in blocks({edition_id for _, edition_id in rows}):
                query = select(general.edition_id, general.slug).where(general.edition_id.in_(block))
                there.update((row.edition_id, row.slug) for row in await connection.execute(query))
            if kept := [one for one in values if (one["edition_id"], one["slug"]) in there]:
                await connection.execute(insert_new(connection, _PERSONAL), kept)


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


async def _add_rankings(connection: AsyncConnection, edition_id: int, several: Iterable[Record]) -> None:
    own: frozenset[str] | None = None
    statement = insert_new(connection, _RANKINGS)
    waiting = iter(several)
    while block := list(islice(waiting, _WRITTEN)):
        if own is None and any(one.slug.startswith(OWN) for one in block):
            own = await _own(connection)
        kept = [one for one in block if not one.slug.startswith(OWN) or one.slug in (own or ())]
        if kept:
            await connection.execute(statement, [{"edition_id": edition_id, **asdict(one)} for one in kept])


async def _own(connection: AsyncConnection) -> frozenset[str]:
    """The slugs of all topics in readers' own words. What was ranked for one that is gone by now is not kept: its
    reader took it out, or wanted to be forgotten, while papers were ranked."""
    column = tables.subscribers.c.own
    several = await connection.scalars(select(column).where(cast(column, String) != "[]"))
    return frozenset(one["slug"] for those in several for one in those)


def _as_record(ranking: Ranking | Record) -> Record:
    return ranking if isinstance(ranking, Record) else record(ranking)


def _ranking(row: Row[Any]) -> Ranking:
    return of_record(
        # Only rankings of everybody have groups.
        Record(row.slug, row.topic, row.picks, row.excluded, row._mapping.get("groups"))
    )
