"""Paces: whose turn it is to ask a place on the network. The lock is a row, so it holds between machines."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import not_, or_, select, update

from newsletter.store import tables
from newsletter.store.database import Database, insert_new

POLL = timedelta(seconds=0.2)
"""How soon to look again while somebody else has the turn."""

FAR = timedelta(days=2)
"""Further ahead than any pace, lease or request to wait."""


class Paces:
    """Hands out turns. The clock is the callers', so machines that share a database must agree on the time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, group: str, owner: str, now: datetime, lease: float) -> datetime | None:
        """Take the turn to ask `group` for at most `lease` seconds.

        None when it is `owner`'s now; else the moment at which to try again: the turn is somebody's until then at the
        latest, or it is too early. A turn whose lease has ended is free.
        """
        row, column = tables.paces, tables.paces.c
        until = now + timedelta(seconds=lease)
        # Nobody waits for longer than FAR: then a clock was wrong when it was noted.
        due = or_(column.next_at <= now, column.next_at > now + FAR)
        held = (column.owner != "") & (column.held_until > now) & (column.held_until <= now + FAR)
        free = (column.group == group) & due & not_(held)
        async with self._database.write() as connection:
            first = {"group": group, "owner": "", "held_until": now, "next_at": now}
            await connection.execute(insert_new(connection, row).values(**first))
            taken = await connection.execute(update(row).where(free).values(owner=owner, held_until=until))
            if taken.rowcount:
                return None
            found = (await connection.execute(select(row).where(column.group == group))).one()
        # Whoever holds it will most likely be done long before the lease ends.
        again: datetime = max(found.next_at, min(found.held_until, now + POLL) if found.owner else now)
        return again

    async def end(self, group: str, owner: str, next_at: datetime) -> None:
        """Give the turn back: nobody begins before `next_at`. Nothing is changed when it is not `owner`'s any more,
        but that the turn after is no earlier."""
        row, column = tables.paces, tables.paces.c
        async with self._database.write() as connection:
            mine = (column.group == group) & (column.owner == owner)
            await connection.execute(update(row).where(mine).values(owner="", held_until=next_at))
            later = (column.group == group) & (column.next_at < next_at)
            await connection.execute(update(row).where(later).values(next_at=next_at))
