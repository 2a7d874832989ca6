"""A partition of the ledger for each local date, on a server: what is old is dropped, not deleted."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, false, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import OPEN_STATES, State
from newsletter.store import tables
from newsletter.store.database import Database

_PREFIX = "deliveries_on_"

_TOGETHER = 20
"""Days that are dropped in one transaction on a server: each takes several of its locks, of which there are so many. In
a file it is one, whose rows are deleted one by one."""


class Partitions:
    """Makes and drops them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._there: set[date] = set()

    async def make(self, local_date: date) -> None:
        """Have a place for the rows of `local_date`."""
        if not self._database.is_server or local_date in self._there:
            return
        # Alone, so that of two who plan the same new date only one makes it.
        async with self._database.write() as connection:
            if not await is_dropped(connection, local_date):
                await make(connection, local_date)
        self._there.add(local_date)

    async def drop(self, before: date) -> int:
        """Drop the ledger's rows of local dates before that one, but for dates of which something still waits, or whose
        answer was lost; how many dates. They are never planned again.

        On a server a day goes at once, however many rows it has. Raises StoreError when others are at work on a date
        for longer than a moment: then nothing was dropped, and the next time will do.
        """
        audiences, dropped = tables.audiences.c, 0
        old, together = await self._old(before), _TOGETHER if self._database.is_server else 1
        # Whoever plans such a date holds its row, and is waited for.
        oldest = select(audiences.local_date).where(old).order_by(audiences.local_date).limit(together)
        while number := await self._drop(oldest.with_for_update()):
            dropped += number
        return dropped

    async def droppable(self, before: date) -> int:
        """How many rows `drop` would let go."""
        audiences = tables.audiences.c
        old = select(audiences.local_date).where(await self._old(before))
        query = select(func.count()).select_from(tables.deliveries)
        async with self._database.read() as connection:
            return await connection.scalar(query.where(tables.deliveries.c.local_date.in_(old))) or 0

    async def _old(self, before: date) -> ColumnElement[bool]:
        audiences = tables.audiences.c
        async with self._database.read() as connection:
            wait = await _waiting(connection, tables.deliveries.c.local_date < before)
        return and_(audiences.local_date < before, audiences.dropped == false(), audiences.local_date.not_in(wait))

    async def _drop(self, which: Select[date]) -> int:
        audiences = tables.audiences.c
        async with self._database.write() as connection:
            if self._database.is_server:
                # Who waits for this lock has everybody else wait behind it.
                await connection.execute(text("SET LOCAL lock_timeout = '1s'"))
            asked = list(await connection.scalars(which))
            wait = await _waiting(connection, tables.deliveries.c.local_date.in_(asked))
            days = [day for day in asked if day not in wait]
            if self._database.is_server:
                for day in days:
                    await connection.execute(text(f"DROP TABLE IF EXISTS {_name(day)}"))
                    self._there.discard(day)
            elif days:
                ledger = tables.deliveries
                await connection.execute(delete(ledger).where(ledger.c.local_date.in_(days)))
            now_gone = update(tables.audiences).where(audiences.local_date.in_(days))
            await connection.execute(now_gone.values(dropped=True))
        return len(days)


async def _waiting(connection: AsyncConnection, which: ColumnElement[bool]) -> set[date]:
    """The dates of rows that have not come to their end, or whose end nobody knows."""
    column = tables.deliveries.c
    unsettled = column.state.in_(OPEN_STATES | {State.UNKNOWN})
    return set(await connection.scalars(select(column.local_date).where(unsettled, which).distinct()))


async def is_dropped(connection: AsyncConnection, local_date: date) -> bool:
    """Whether the rows of `local_date` are not kept any more; they stay until the transaction ends.

    Planners of one date do not wait for each other here: FOR KEY SHARE goes with their own UPDATE of the row.
    """
    audiences = tables.audiences.c
    asked = select(audiences.dropped).where(audiences.local_date == local_date)
    return bool(await connection.scalar(asked.with_for_update(read=True, key_share=True)))


async def make(connection: AsyncConnection, local_date: date) -> None:
    """The partition of `local_date`, in a transaction that is alone, unless it is there.

    A table that is made first and attached then takes no lock that others, who plan or send other days, would have to
    wait for (https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE).
    """
    name = _name(local_date)
    # Not `to_regclass`: what it knows may be from before another one's commit that this one has waited for.
    there = text("SELECT 1 FROM pg_tables WHERE tablename = :name AND schemaname = current_schema()")
    if await connection.scalar(there, {"name": name}) is not None:
        return
    until = local_date + timedelta(days=1)
    await connection.execute(text(f"CREATE TABLE {name} (LIKE deliveries INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    # Room for what becomes of each row: it is changed three times, and its versions stay on its page.
    await connection.execute(text(f"ALTER TABLE {name} SET (fillfactor = 50)"))
    await connection.execute(
        text(f"ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES FROM ('{local_date}') TO ('{until}')")
    )


def _name(local_date: date) -> str:
    return f"{_PREFIX}{local_date:%Y_%m_%d}"


async def missing(connection: AsyncConnection) -> list[date]:
    """The dates that were planned and have no partition, on a server."""
    query = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    there = set(await connection.scalars(text(f"{query} WHERE i.inhparent = to_regclass('deliveries')")))
    audiences = tables.audiences.c
    kept = await connection.scalars(select(audiences.local_date).where(audiences.dropped == false()))
    return sorted(day for day in kept if _name(day) not in there)
