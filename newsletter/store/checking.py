"""Whether a database is whole: its revision, its pages and indexes, and what its tables say of each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import exists, func, select, text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store import partitions, tables
from newsletter.store.database import Database
from newsletter.store.filling import NUMBERED, last_numbers
from newsletter.store.ledger import Ledger
from newsletter.store.migrating import COPYING, HEAD, revision

_FEW = 3
"""Faults that are named; the others are counted."""

_RESTORE = "restore a backup"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what about it; `fine` is None where nobody could look."""

    what: str
    fine: bool | None
    says: str


async def check(database: Database) -> list[Checked]:
    """Look at everything in `database`, and change nothing. Raises StoreError when it cannot be reached.

    What the tables say of each other is looked at only where they are those of this version.
    """
    found = [await _revision(database)]
    looks: list[tuple[str, Look]] = [("integrity", _pages_of_server if database.is_server else _file)]
    if database.is_server:
        looks.append(("indexes", _indexes))
    if found[0].fine:
        looks += [("references", _references), ("ledger", _ledger), ("numbers", _numbers)]
        looks += [("partitions", _partitions)] if database.is_server else []
    for what, look in looks:
        try:
            fine, says = await look(database)
        except StoreError as error:
            fine, says = False, str(error)
        found.append(Checked(what, fine, says))
    return found


Look = Callable[[Database], Awaitable[tuple[bool | None, str]]]


async def _revision(database: Database) -> Checked:
    there = await revision(database)
    if there == HEAD:
        return Checked("revision", True, f"{HEAD}, that of this version.")
    if there is None:
        says = "There are no tables of ours: `newsletter db migrate` makes them."
    elif there.startswith(COPYING):
        says = "A copy to it has not ended: give the same `newsletter db copy` again."
    else:
        says = f"{there}, and this version has {HEAD}: `newsletter db migrate`, or install the newer version."
    return Checked("revision", False, says)


async def _file(database: Database) -> tuple[bool, str]:
    """https://www.sqlite.org/pragma.html#pragma_integrity_check"""
    async with database.read() as connection:
        said = list((await connection.exec_driver_sql("PRAGMA integrity_check")).scalars())
    if said == ["ok"]:
        return True, "Every page and every index of the file is whole."
    return False, f"The file is damaged ({_listed(said)}): {_RESTORE}."


async def _pages_of_server(database: Database) -> tuple[bool | None, str]:
    """What the server's checksums of pages told since its counters began."""
    async with database.read() as connection:
        query = text("SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()")
        failures = await connection.scalar(query)
    if failures is None:
        return None, "The server keeps no checksums of its pages: `pg_checksums --enable` while it is down."
    if failures:
        return (
            False,
            f"{failures} pages did not match their checksums: look at the server's disk and log, and {_RESTORE}.",
        )
    return True, "No page that was read differed from its checksum."


_INDEXES = text(
    "SELECT c.oid, c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " JOIN pg_am a ON a.oid = c.relam WHERE c.relkind = 'i' AND a.amname = 'btree'"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
)


async def _indexes(database: Database) -> tuple[bool | None, str]:
    """By the extension amcheck, where it is installed (https://www.postgresql.org/docs/current/amcheck.html)."""
    async with database.read() as connection:
        indexes = (await connection.execute(_INDEXES)).all()
        invalid = [name for _, name, valid in indexes if not valid]
        if invalid:
            return False, f"Not valid: {_listed(invalid)}; `REINDEX INDEX …` makes each anew."
        if await connection.scalar(text("SELECT to_regprocedure('bt_index_check(regclass, boolean)')")) is None:
            return None, "All are valid; to have each held against its table, `CREATE EXTENSION amcheck`."
        for number, name, _ in indexes:
            try:
                await connection.execute(
                    text("SELECT bt_index_check(CAST(:it AS oid)::regclass, true)"), {"it": number}
                )
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") == _NOT_PERMITTED:
                    return None, "All are valid; its user may not call amcheck's functions."
                said = str(error.orig).partition("\n")[0]
                return False, f"{name} is damaged ({said}): `REINDEX INDEX {name}`, and look at the server's disk."
    return True, f"All {len(indexes)} agree with their tables."


_NOT_PERMITTED = "42501"


async def _references(database: Database) -> tuple[bool, str]:
    """A server keeps them by its constraints, but for the ledger's: partitions have none."""
    async with database.read() as connection:
        if database.is_server:
            ledger, people = tables.deliveries.c, tables.subscribers.c
            lost = select(ledger.id).where(~exists().where(people.id == ledger.subscriber_id)).order_by(ledger.id)
            lone = [f"deliveries {number} names no subscriber" for number in await connection.scalars(lost)]
        else:
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
            lone = [f"{one.table} {one.rowid} names no row of {one.parent}" for one in broken]
    if lone:
        return False, f"Rows name others that are not there ({_listed(lone)}): {_RESTORE}, or take them out."
    return True, "Every row that another one names is there."


async def _ledger(database: Database) -> tuple[bool, str]:
    if await Ledger(database).balanced():
        return True, "Balanced: every date has as many deliveries as were planned."
    return False, f"Not balanced: deliveries that were planned are missing, or there are others; {_RESTORE}."


async def _numbers(database: Database) -> tuple[bool, str]:
    async with database.read() as connection:
        last = await last_numbers(connection)
        behind = [
            table.name
            for table in NUMBERED
            if (await connection.scalar(select(func.max(table.autoincrement_column))) or 0) > last[table.name]
        ]
    if behind:
        return False, f"The next rows of {_listed(behind)} would get numbers that are taken: copy the database anew."
    return True, "New rows get numbers that no row ever had."


async def _partitions(database: Database) -> tuple[bool, str]:
    async with database.read() as connection:
        missing = await partitions.missing(connection)
    if missing:
        return False, f"The ledger has no partition for {_listed(list(map(str, missing)))}: {_RESTORE}."
    return True, "The ledger has a partition for every day that was planned."


def _listed(faults: list[str]) -> str:
    more = f" and {len(faults) - _FEW} more" if len(faults) > _FEW else ""
    return "; ".join(" ".join(fault.split()) for fault in faults[:_FEW]) + more
