"""When readers are due: the hours there are, and who of them has no digest of a date yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, update

from newsletter.model import Rhythm, Status
from newsletter.store import tables
from newsletter.store.database import Database, within

_people = tables.subscribers.c

Slot = tuple[str, int, Rhythm, datetime]
"""Time zone, hour and rhythm of readers, and the moment from which their digest of a date is due."""

_TOGETHER = 50
"""Slots that one query asks for: each is looked up by the index."""


class ReadersHours:
    """Queries about who is due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[tuple[str, int, Rhythm]]:
        """Time zones, hours and rhythms of the readers who get mail, or have paused."""
        columns = (_people.timezone, _people.hour, _people.rhythm)
        reads = _people.status.in_((Status.ACTIVE, Status.PAUSED))
        async with self._database.read() as connection:
            found = await connection.execute(select(*columns).where(reads).distinct().order_by(*columns))
            return [(zone, hour, rhythm) for zone, hour, rhythm in found]

    async def due(
        self,
        local_date: date,
        slots: Sequence[Slot],
        limit: int,
        among: tuple[int, int | None] = (0, None),
    ) -> list[int]:
        """The ids of at most `limit` readers of `slots` who are to get a digest of `local_date`, ascending: who gets
        mail, or has paused until that date at the latest; was there when it began to be due; is not suppressed; and has
        no delivery of that date or a later one (after a move to another time zone). `among` narrows it to the ids
        behind the first number and up to the second."""
        after, until = among
        found: set[int] = set()
        async with self._database.read() as connection:
            for first in range(0, len(slots), _TOGETHER):
                mine = or_(*map(_of_slot, slots[first : first + _TOGETHER]))
                query = select(_people.id).where(mine, _may_read(local_date), ~_has(local_date), _people.id > after)
                if until is not None:
                    query = query.where(_people.id <= until)
                found |= set(await connection.scalars(query.order_by(_people.id).limit(limit)))
        return sorted(found)[:limit]

    async def wake(self, ids: Sequence[int], local_date: date) -> None:
        """End the pauses of the readers `ids` that were to last until `local_date` or an earlier one."""
        over = and_(_people.status == Status.PAUSED, _people.paused_until <= local_date)
        async with self._database.write() as connection:
            for some in within(connection, _people.id, ids):
                back = update(tables.subscribers).where(some, over)
                await connection.execute(back.values(status=Status.ACTIVE, paused_until=None))

    async def number(self, slot: tuple[str, int, Rhythm]) -> int:
        """How many readers have these hours and get mail: who has paused, or is suppressed, gets none."""
        zone, hour, rhythm = slot
        of_these = and_(_people.timezone == zone, _people.hour == hour, _people.rhythm == rhythm)
        query = select(func.count()).where(of_these, _people.status == Status.ACTIVE, ~_is_suppressed())
        async with self._database.read() as connection:
            return await connection.scalar(query) or 0


def _of_slot(slot: Slot) -> ColumnElement[bool]:
    zone, hour, rhythm, begins = slot
    there = or_(_people.joined_at.is_(None), _people.joined_at <= begins)
    return and_(_people.timezone == zone, _people.hour == hour, _people.rhythm == rhythm, there)


def _may_read(local_date: date) -> ColumnElement[bool]:
    back = and_(_people.status == Status.PAUSED, _people.paused_until <= local_date)
    audiences = tables.audiences.c
    # Of a date that is not kept any more nobody can tell who had it.
    dropped = exists().where(audiences.local_date == local_date, audiences.dropped == true())
    return and_(or_(_people.status == Status.ACTIVE, back), ~_is_suppressed(), ~dropped)


def _is_suppressed() -> ColumnElement[bool]:
    return exists().where(tables.suppressions.c.address == _people.address)


def _has(local_date: date) -> ColumnElement[bool]:
    column = tables.deliveries.c
    return exists().where(column.subscriber_id == _people.id, column.local_date >= local_date)
