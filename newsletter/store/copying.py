"""One database copied to another: from a file to a server above all, and back.

begin     the target is empty, or holds a copy of the same source that was interrupted; its revision says so
copy      table by table, those that are named by others first; each block of rows in one transaction with the key
          up to which the table is there, so that a copy that is killed goes on where it was
verify    both sides are read from end to end and summed up; the source at a new moment, so that what was written
          to it meanwhile, or between two attempts, shows
finish    the numbers of rows to come, and the revision: only now the copy can be worked on
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, func, insert, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import State
from newsletter.store import partitions, tables
from newsletter.store.database import Database
from newsletter.store.filling import fill, last_numbers, set_last_numbers
from newsletter.store.migrating import COPYING, HEAD, migrate, revision
from newsletter.store.unfit import unfit
from newsletter.store.whole_tables import TABLES, Key, Total, blocks_of, count, key_of, read_key, total, written_key

Progress = Callable[[str, int, int], None]
"""Hears the step, how many rows are done, and how many there are."""

_SERVER = ("host", "hostaddr", "port", "dbname", "service")
"""Parameters that say which database it is (libpq, "Parameter Key Words"); all others say how to talk to it."""

_PARTITIONS = 50
"""Partitions made in one transaction: each takes several of the server's locks."""

# Made by a copy in its target, and gone when it ends: up to where each table is there.
_copies = Table(
    "unfinished_copy",
    MetaData(),
    Column("table", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("after", Text),
)


@dataclass(slots=True)
class _Steps:
    """Adds up what the progress is told."""

    step: str
    every: int
    progress: Progress
    done: int = 0

    def more(self, rows: int) -> None:
        self.done += rows
        self.progress(self.step, self.done, self.every)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds, by table; `found` are the rows that an attempt before had brought."""

    totals: dict[str, Total]
    found: int

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(one.rows for one in self.totals.values())


async def copy(
    source: Database,
    target: Database,
    *,
    anyway: bool = False,
    migrating: str = "newsletter db migrate",
    progress: Progress,
) -> Copied:
    """Copy every row of `source`, as it is at one moment, to `target`, and verify that both hold the same. `migrating`
    is the command that brings the tables of `source` to this version.

    Raises StoreError, one sentence with the remedy: for a source that has no tables of this version, or whose ledger
    has messages under way unless `anyway`; for a target that holds anything else; for what the target cannot keep; and
    when the two differ in the end. What was copied until then stays, and the same call goes on behind it.
    """
    here = _name(source)
    if here == _name(target):
        raise StoreError(f"The database {source.place} cannot be copied to itself: name another one to copy to.")
    if await revision(source) != HEAD:
        raise StoreError(f"The database {source.place} is not at revision {HEAD}: bring it there by `{migrating}`.")
    async with source.read() as reading:
        if not anyway:
            await _refuse_sending(reading, source.place)
        found = await _begin(target, here)
        try:
            await _make_partitions(reading, target)
            counts = await count(reading)
            steps = _Steps("copying", sum(counts.values()), progress, found)
            for table in TABLES:
                await _copy_table(reading, table, source, target, steps.more)
            totals = await _verified(source, target, progress)
            await _finish(source, target)
        except (StoreError, SQLAlchemyError, sqlite3.Error) as error:
            if await revision(target) != HEAD:
                raise
            raise StoreError(
                f"Another `newsletter db copy` has finished the copy in {target.place} meanwhile: nothing is left to "
                "do."
            ) from error
    return Copied(totals, found)


def _name(database: Database) -> str:
    """What tells `database` from every other: its place, and the server where its URL names it behind the `?`."""
    query = database.engines()[0].url.normalized_query
    named = [(key, ",".join(query[key])) for key in _SERVER if key in query]
    return f"{database.place}?{urlencode(named, safe='/,')}" if named else database.place


async def _refuse_sending(reading: AsyncConnection, place: str) -> None:
    ledger = tables.deliveries
    under_way = await reading.scalar(select(func.count()).select_from(ledger).where(ledger.c.state == State.SENDING))
    if under_way:
        raise StoreError(
            f"Deliveries of {place} are being sent ({under_way}): let the senders finish, or end them and give "
            "`newsletter run` once more; with --anyway they are copied as they are."
        )


async def _begin(target: Database, source: str) -> int:
    """Have `target` ready for rows of `source`; how many it holds of an attempt before."""
    there = await revision(target)
    if there is None:
        await migrate(target)
    elif there.startswith(COPYING):
        return await _found(target, there, source)
    elif there != HEAD:
        raise StoreError(f"The database {target.place} is at revision {there}, not at {HEAD}: name an empty one.")
    async with target.write() as writing:
        full = [name for name, rows in (await count(writing)).items() if rows]
        if full:
            raise StoreError(
                f"The database {target.place} is not empty (there are rows in {full[0]}): name an empty one."
            )
        ours = text("UPDATE alembic_version SET version_num = :it WHERE version_num = :head")
        if not (await writing.execute(ours, {"it": COPYING + HEAD, "head": HEAD})).rowcount:
            raise StoreError(f"Another `newsletter db copy` writes to {target.place}: let that one finish.")
        await writing.run_sync(_copies.create)
        begun = [{"table": table.name, "source": source, "rows": 0, "after": None} for table in TABLES]
        await writing.execute(insert(_copies), begun)
    return 0


async def _found(target: Database, there: str, source: str) -> int:
    async with target.read() as reading:
        began = (
            await reading.execute(select(_copies.c.source, func.sum(_copies.c.rows)).group_by(_copies.c.source))
        ).one()
    if there != COPYING + HEAD or began.source != source:
        raise StoreError(
            f"The database {target.place} holds part of a copy of {began.source} at revision "
            f"{there.removeprefix(COPYING)}: copy that one, or name an empty database."
        )
    return int(began[1])


async def _make_partitions(reading: AsyncConnection, target: Database) -> None:
    """A place for every day of the ledger, also for one without rows: dropping old days counts on it."""
    if not target.is_server:
        return
    planned = await reading.scalars(select(tables.audiences.c.local_date))
    had = await reading.scalars(select(tables.deliveries.c.local_date).distinct())
    days = sorted({*planned, *had})
    for start in range(0, len(days), _PARTITIONS):
        async with target.write() as writing:
            for day in days[start : start + _PARTITIONS]:
                await partitions.make(writing, day)


async def _copy_table(
    reading: AsyncConnection, table: Table, source: Database, target: Database, copied: Callable[[int], None]
) -> None:
    """Bring what `target` lacks of `table`; `copied` hears of each block how many rows it had."""
    there, after = await _position(target, table)
    try:
        async with aclosing(blocks_of(reading, table, after)) as blocks:
            async for rows in blocks:
                key = key_of(table, rows[-1])
                async with target.write_beside() as writing:
                    await _note(writing, target.place, table, (there, there + len(rows)), written_key(key))
                    await fill(writing, table, rows)
                there, after = there + len(rows), key
                copied(len(rows))
    except (DBAPIError, sqlite3.Error, LookupError, ValueError) as error:
        if why := await unfit(reading, table, after, source.place):
            raise StoreError(why) from error
        if isinstance(error, DataError | IntegrityError | OperationalError):
            said = str(error.orig).partition("\n")[0]
            raise StoreError(
                f"The table {table.name} of {source.place} has a row that {target.place} does not take ({said}): "
                "`newsletter db check` looks for rows that name others which are not there."
            ) from error
        raise


async def _position(target: Database, table: Table) -> tuple[int, Key | None]:
    async with target.read() as reading:
        query = select(_copies.c.rows, _copies.c.after).where(_copies.c.table == table.name)
        rows, after = (await reading.execute(query)).one()
    return rows, None if after is None else read_key(table, after)


async def _note(writing: AsyncConnection, place: str, table: Table, rows: tuple[int, int], after: str) -> None:
    """Note that `table` has not the first number of `rows` any more but the second, up to the key `after`."""
    mine = _copies.c.table == table.name
    before, now = rows
    if await writing.scalar(select(_copies.c.rows).where(mine).with_for_update()) != before:
        raise StoreError(f"Another `newsletter db copy` writes to {place}: let that one finish.")
    await writing.execute(update(_copies).where(mine).values(rows=now, after=after))


async def _verified(source: Database, target: Database, progress: Progress) -> dict[str, Total]:
    async with source.read() as one, target.read() as other:
        every = sum((await count(one)).values()) + sum((await count(other)).values())
        steps = _Steps("verifying", every, progress)
        totals, differing = {}, []
        for table in TABLES:
            try:
                async with asyncio.TaskGroup() as both:
                    here = both.create_task(total(one, table, steps.more))
                    there = both.create_task(total(other, table, steps.more))
            except ExceptionGroup as group:
                raise group.exceptions[0] from None
            totals[table.name] = here.result()
            differing += [table.name] if here.result() != there.result() else []
    if differing:
        raise StoreError(
            f"The copy in {target.place} differs from {source.place} in {', '.join(differing)}: something wrote to one "
            "of them meanwhile, so stop what does, and copy once more to an empty database."
        )
    return totals


async def _finish(source: Database, target: Database) -> None:
    async with source.read() as reading:
        numbers = await last_numbers(reading)
    async with target.write() as writing:
        await set_last_numbers(writing, numbers)
        await writing.run_sync(_copies.drop)  # which fails for whoever comes second
        await writing.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})
        if target.is_server:  # else it knows nothing yet of how many rows there are, and plans its queries accordingly
            await writing.execute(text("ANALYZE"))
