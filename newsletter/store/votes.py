"""Votes: how they were told day by day, and where papers stood by them when a day's digests were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime

from sqlalchemy import select

from newsletter.ranking.standings import Standing, Standings
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new

_VOTES = "votes"


@dataclass(frozen=True, slots=True)
class Voted:
    """A paper with votes: the day of the edition that took it, its votes, and when which number of them was told,
    oldest first; nothing of a source that tells votes with the paper only."""

    paper: str
    day: date
    votes: int
    told: tuple[tuple[datetime, int], ...] = ()


class Votes:
    """Reads what sources told, and freezes standings by day. What is frozen is never written again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, after: date, since: date, until: date, also: Mapping[str, date] | None = None) -> list[Voted]:
        """The papers that editions of the days in (`after`, `until`] took and of which somebody told votes since; of
        those in (`since`, `until`], and of `also`, with the days of editions that would take them, those too that came
        with votes of which nobody told again. By id."""
        edition, taken = tables.editions.c, tables.edition_papers.c
        paper, seen = tables.papers.c, tables.observations.c
        told = select(seen.paper_id, edition.day, seen.observed_at, seen.value).select_from(tables.observations)
        told = told.join(tables.edition_papers, taken.paper_id == seen.paper_id).join(tables.editions)
        told = told.where(seen.what == _VOTES, edition.day > after, edition.day <= until)
        came = select(taken.paper_id, edition.day, paper.votes).join_from(tables.edition_papers, tables.editions)
        came = came.join(tables.papers).where(edition.day > since, edition.day <= until, paper.votes > 0)
        history: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
        days, votes = dict(also or {}), dict[str, int]()
        async with self._database.read() as connection:
            for number, day, value in await connection.execute(came):
                days[number], votes[number] = day, value
            for number, day, at, value in await connection.execute(told.order_by(seen.observed_at, seen.value)):
                days[number] = day
                history[number].append((at, value))
            for block in blocks(also or {}):
                own = select(paper.id, paper.votes).where(paper.id.in_(block), paper.votes > 0)
                votes |= dict((await connection.execute(own)).all())
                numbers = select(seen.paper_id, seen.observed_at, seen.value)
                numbers = numbers.where(seen.paper_id.in_(block), seen.what == _VOTES)
                for number, at, value in await connection.execute(numbers.order_by(seen.observed_at, seen.value)):
                    history[number].append((at, value))
        return [
            Voted(one, days[one], votes.get(one, 0), tuple(history.get(one, ())))
            for one in sorted(votes.keys() | history.keys())
        ]

    async def frozen(self, day: date) -> Standings | None:
        """The standings of `day`; None when they are not frozen."""
        column = tables.standings.c
        async with self._database.read() as connection:
            found = await connection.scalar(select(column.papers).where(column.day == day))
        return None if found is None else Standings(day, {paper: Standing(*one) for paper, one in found.items()})

    async def freeze(self, made: Standings) -> Standings:
        """The standings of the day of those `made`, frozen now unless they are already."""
        papers = {paper: astuple(one) for paper, one in made.of.items()}
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, tables.standings).values(day=made.day, papers=papers))
        return await self.frozen(made.day) or made
