"""Papers: what is known of them, and where they were listed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Text, and_, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import FIELDS, Link, LinkKind, Listing, Observation, Paper
from newsletter.store import tables
from newsletter.store.database import Database, blocks
from newsletter.text import clean, fingerprint, identity_keys, to_text

MOST_NAMED = 20
"""A few words may stand in the titles of half the archive."""

MOST_WORDS = 20
"""Each word is looked for in every paper."""

Place = tuple[date | int | None, str]
"""Where a paper stands in a list of pages: the day it was first seen, or its rank on the day asked for, and its id."""


class Papers:
    """Reads papers; `Batches.remember` writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, ids: Iterable[str]) -> dict[str, Paper]:
        """The papers of `ids`, by id and in that order; an id that is not known is left out."""
        async with self._database.read() as connection:
            return await load(connection, ids)

    async def find(self, *, day: date | None = None, search: str | None = None) -> list[Paper]:
        """The papers listed on `day` that hold every word of `search`; all of them when neither is given.

        In page order: newest listing day first (only `day` counts when it is given), then the best rank on that day,
        then the id. A word may stand anywhere in title, abstract or authors, in upper or lower case.
        """
        async with self._database.read() as connection:
            if day is None:
                known = await load(connection, None)
            else:
                listed = select(tables.listings.c.paper_id).where(tables.listings.c.day == day)
                known = await load(connection, await connection.scalars(listed))
        words = _plain(search or "").split()
        found = [paper for paper in known.values() if _holds(paper, words)]
        return _in_page_order(found, day or date.min, day or date.max)

    async def search(self, words: str, limit: int) -> list[Paper]:
        """At most `limit` papers that hold every one of `words` (the first MOST_WORDS of them) in title, abstract or
        authors, in upper or lower case; those that were first seen last come first. None without a word.

        Unlike `find`, the database looks: the archive is not read into memory.
        """
        wanted = list(dict.fromkeys(_plain(words).split()))[:MOST_WORDS]
        if not wanted:
            return []
        column = tables.papers.c
        query = select(column.id).where(*(_somewhere(word) for word in wanted)).limit(limit)
        async with self._database.read() as connection:
            found = await connection.scalars(query.order_by(column.first_seen.desc().nulls_last(), column.id))
            return [one for one in (await load(connection, found)).values() if _holds(one, wanted)]

    async def page(
        self, *, words: str = "", day: date | None = None, after: Place | None = None, limit: int = 100
    ) -> tuple[list[Paper], Place | None]:
        """Papers behind the place `after`, and the place to go on from; None when there are no more.

        They hold every one of `words`, as for `search`, and were listed on `day`, where these are given: those first
        seen last come first, on a day those with the best rank. A page may hold less than `limit` papers, or none,
        and not be the last: the database finds too much, and is asked once.
        """
        wanted = list(dict.fromkeys(_plain(words).split()))[:MOST_WORDS]
        column, listed = tables.papers.c, tables.listings.c
        query = select(column.id, column.first_seen.label("place")).order_by(column.first_seen.desc().nulls_last())
        behind = _seen_behind
        if day is not None:
            best = func.min(listed.rank)
            on_day = select(listed.paper_id, best.label("rank")).where(listed.day == day).group_by(listed.paper_id)
            ranked = on_day.subquery()
            query = select(column.id, ranked.c.rank.label("place")).join(ranked, ranked.c.paper_id == column.id)
            query, behind = query.order_by(ranked.c.rank), partial(_ranked_behind, ranked.c.rank)
        if after is not None:
            query = query.where(behind(after))
        query = query.where(*(_somewhere(word) for word in wanted)).order_by(column.id).limit(limit + 1)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
            known = await load(connection, (row.id for row in found[:limit]))
        last = found[limit - 1] if len(found) > limit else None
        return [one for one in known.values() if _holds(one, wanted)], (last.place, last.id) if last else None

    async def untaken(self, after: date, until: date) -> list[Paper]:
        """The papers listed on a day in (`after`, `until`] that no edition took.

        In page order: their newest listing day of these first, then the best rank on that day, then the id.
        """
        listed, taken = tables.listings.c, select(tables.edition_papers.c.paper_id)
        window = select(listed.paper_id).where(listed.day > after, listed.day <= until, listed.paper_id.not_in(taken))
        async with self._database.read() as connection:
            known = await load(connection, await connection.scalars(window))
        return _in_page_order(known.values(), after + timedelta(days=1), until)

    async def archive(self, after: date, before: date) -> list[Paper]:
        """What a ranking of the day `before` compares with, by id: the papers that editions of the days in
        [`after`, `before`) took, and those first seen on one of these days.

        That a later edition takes one of them leaves it in, so that a day ranked again finds the archive it had.
        """
        ids = await self._archive_ids(after, before)
        async with self._database.read() as connection:
            return list((await load(connection, ids)).values())

    async def _archive_ids(self, after: date, before: date) -> list[str]:
        edition, seen = tables.editions.c, tables.papers.c.first_seen
        taken = (
            select(tables.edition_papers.c.paper_id)
            .join_from(tables.edition_papers, tables.editions)
            .where(edition.day >= after, edition.day < before)
        )
        first_seen = select(tables.papers.c.id).where(seen >= after, seen < before)
        async with self._database.read() as connection:
            return sorted({*await connection.scalars(taken), *await connection.scalars(first_seen)})

    async def archive_key(self, after: date, before: date) -> str:
        """What `archive` would answer, in short: the ids of its papers and how long they are. Papers are only ever
        completed, so one that has changed is longer."""
        ids = await self._archive_ids(after, before)
        columns = (tables.papers.c.title, tables.papers.c.abstract, tables.papers.c.authors, tables.papers.c.categories)
        size = sum((func.length(cast(one, Text)) for one in columns), literal(0))
        digest = hashlib.sha256()
        async with self._database.read() as connection:
            for block in blocks(ids):
                query = select(tables.papers.c.id, size).where(tables.papers.c.id.in_(block))
                for row in sorted((await connection.execute(query)).all()):
                    digest.update(f"{row[0]}\n{row[1]}\n".encode())
        return digest.hexdigest()[:32]

    async def identified(self, words: str) -> Paper | None:
        """The paper that has `words` as its id, arXiv id or DOI (as people write them: with or without version, prefix
        and address); None when there is none. Titles are not looked at."""
        plain = clean(words)
        *identifiers, _ = identity_keys(plain, arxiv_id=plain, doi=plain)
        # A feed's own identity may hold anything, but NUL is nothing that every database takes.
        keys = [words.replace("\x00", ""), plain.casefold(), *identifiers]
        async with self._database.read() as connection:
            found = await _owners(connection, keys)
            return next(iter((await load(connection, found[:1])).values()), None)

    async def resolve(self, words: str, *, exactly: bool = False) -> list[Paper]:
        """The papers that `words` may mean: an identifier, or something of a title.

        The paper that has `words` as its id, arXiv id or DOI (as people write them: with or without version, prefix
        and address); else those with exactly this title, whatever its case and punctuation; else those whose title
        holds every word, the newest first and at most MOST_NAMED; none of these `exactly`.
        """
        words = clean(words)
        *identifiers, title = identity_keys(words, arxiv_id=words, doi=words)
        async with self._database.read() as connection:
            found = await _owners(connection, [words.casefold(), *identifiers])
            if not found and words:
                holding = await _with_title_words(connection, _plain(to_text(words)).split())
                exact = [paper_id for paper_id, its_title in holding if f"title:{fingerprint(its_title)}" == title]
                near = [] if exactly else [paper_id for paper_id, _ in holding[:MOST_NAMED]]
                found = await _owners(connection, [title]) + exact or near
            return list((await load(connection, found)).values())

    async def observed(self, ids: Iterable[str]) -> dict[str, dict[str, int]]:
        """The numbers that sources told of the papers last (votes, comments, stars, citations, version), by paper."""
        column = tables.observations.c
        found: dict[str, dict[str, int]] = defaultdict(dict)
        async with self._database.read() as connection:
            for block in blocks(ids):
                query = select(column.paper_id, column.what, column.value).where(column.paper_id.in_(block))
                for row in await connection.execute(query.order_by(column.observed_at)):
                    found[row.paper_id][row.what] = row.value
        return dict(found)

    async def numbers(self, paper_id: str) -> list[tuple[Observation, str, datetime]]:
        """The numbers that each source told of the paper last, by name: the number, the source, when it was seen."""
        column = tables.observations.c
        query = select(tables.observations).where(column.paper_id == paper_id).order_by(column.observed_at)
        async with self._database.read() as connection:
            last = {(row.what, row.source): row for row in await connection.execute(query)}
        return [
            (Observation(paper_id, what, row.value), source, row.observed_at)
            for (what, source), row in sorted(last.items(), key=lambda one: one[0])
        ]

    async def history(self, paper_id: str, what: str) -> list[tuple[datetime, int]]:
        """How a number of the paper has changed, oldest first, whichever sources told it."""
        column = tables.observations.c
        query = select(column.observed_at, column.value).where(column.paper_id == paper_id, column.what == what)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(column.observed_at, column.source))
            return [(row.observed_at, row.value) for row in rows]

    async def newest_day(self, until: date | None = None) -> date | None:
        """The newest day any paper was listed on, no later than `until`; None when there is none."""
        query = select(func.max(tables.listings.c.day))
        if until is not None:
            query = query.where(tables.listings.c.day <= until)
        async with self._database.read() as connection:
            newest: date | None = await connection.scalar(query)
            return newest

    async def count(self) -> int:
        """How many papers are known."""
        async with self._database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(tables.papers)) or 0


def _seen_behind(place: Place) -> ColumnElement[bool]:
    column, (seen, paper_id) = tables.papers.c, place
    same = and_(column.first_seen.is_not_distinct_from(seen), column.id > paper_id)
    return same if seen is None else or_(column.first_seen < seen, column.first_seen.is_(None), same)


def _ranked_behind(rank: ColumnElement[int], place: Place) -> ColumnElement[bool]:
    return or_(rank > place[0], and_(rank == place[0], tables.papers.c.id > place[1]))


async def _owners(connection: AsyncConnection, keys: list[str]) -> list[str]:
    """The ids of the papers that `keys` belong to, in the order of the keys."""
    column = tables.paper_keys.c
    query = select(column.key, column.paper_id).where(column.key.in_(keys))
    owners = {row.key: row.paper_id for row in await connection.execute(query)}
    return list(dict.fromkeys(owners[key] for key in keys if key in owners))


async def _with_title_words(connection: AsyncConnection, words: list[str]) -> list[tuple[str, str]]:
    """(id, title) of the papers whose title holds all of `words`, the newest first."""
    column = tables.papers.c
    query = select(column.id, column.title).order_by(column.first_seen.desc().nulls_last(), column.id)
    rows = await connection.execute(query)
    return [(row.id, row.title) for row in rows if _has(_plain(to_text(row.title)), words)]


async def load(connection: AsyncConnection, ids: Iterable[str] | None) -> dict[str, Paper]:
    """The papers of `ids` in that order, unknown ones left out; every paper, by id, for None."""
    wanted = None if ids is None else list(dict.fromkeys(ids))
    rows = {row.id: row for row in await _rows(connection, tables.papers.c.id, wanted)}
    keys, listings = defaultdict(list), defaultdict(list)
    for row in await _rows(connection, tables.paper_keys.c.paper_id, wanted):
        keys[row.paper_id].append((row.position, row.key))
    for row in await _rows(connection, tables.listings.c.paper_id, wanted):
        listings[row.paper_id].append(Listing(row.day, row.source, row.rank))
    written = {row.paper_id: row.text for row in await _rows(connection, tables.edition_summaries.c.paper_id, wanted)}
    return {
        paper_id: Paper(
            id=paper_id,
            title=rows[paper_id].title,
            abstract=rows[paper_id].abstract,
            authors=tuple(rows[paper_id].authors),
            links=tuple(Link(LinkKind(link["kind"]), link["url"]) for link in rows[paper_id].links),
            listings=tuple(sorted(listings[paper_id])),
            keys=tuple(key for _, key in sorted(keys[paper_id])),
            first_seen=rows[paper_id].first_seen,
            venue=rows[paper_id].venue,
            published=rows[paper_id].published,
            version=rows[paper_id].version,
            votes=rows[paper_id].votes,
            ai_summary=rows[paper_id].ai_summary,
            thumbnail=rows[paper_id].thumbnail,
            categories=tuple(rows[paper_id].categories),
            institutions=tuple(rows[paper_id].institutions),
            fields=tuple(rows[paper_id].fields),
            origins=tuple((name, rows[paper_id].origins[name]) for name in FIELDS if name in rows[paper_id].origins),
            llm_summary=written.get(paper_id, ""),
        )
        for paper_id in (sorted(rows) if wanted is None else wanted)
        if paper_id in rows
    }


async def _rows(connection: AsyncConnection, column: Column[Any], wanted: list[str] | None) -> list[Row[Any]]:
    """The rows of the table of `column` where it is one of `wanted`; every row for None."""
    query = select(column.table)
    if wanted is None:
        return list(await connection.execute(query))
    return [row for block in blocks(wanted) for row in await connection.execute(query.where(column.in_(block)))]


def _in_page_order(papers: Iterable[Paper], first: date, last: date) -> list[Paper]:
    """`papers` by their newest listing from `first` to `last`, newest day first; those without one at the end."""

    def place(paper: Paper) -> tuple[int, int, str]:
        newest = min(
            ((-listing.day.toordinal(), listing.rank) for listing in paper.listings if first <= listing.day <= last),
            default=(0, 0),
        )
        return (*newest, paper.id)

    return sorted(papers, key=place)


def _holds(paper: Paper, words: list[str]) -> bool:
    return _has(_plain("\n".join((paper.title, paper.abstract, *paper.authors))), words)


def _somewhere(word: str) -> ColumnElement[bool]:
    """Whether `word` may stand in title, abstract or authors, as a database can tell: SQLite folds the case of ASCII
    letters only, and JSON escapes the others. It may find too much, which `_holds` mends."""
    column = tables.papers.c
    spelt = dict.fromkeys((word, word.title(), word.upper()))
    return or_(
        *(text.icontains(one, autoescape=True) for text in (column.title, column.abstract) for one in spelt),
        *(cast(column.authors, Text).icontains(json.dumps(one)[1:-1], autoescape=True) for one in spelt),
    )


def _has(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _plain(text: str) -> str:
    """`text` as it is compared: SQLite folds the case of ASCII letters only, so this is ours to do."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
