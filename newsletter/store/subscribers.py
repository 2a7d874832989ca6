"""Subscribers. Who is suppressed stays away, whatever a file says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Status, Subscriber
from newsletter.store import tables
from newsletter.store.database import Database
from newsletter.store.suppressions import suppress, suppressions

FILE = "file"


class Subscribers:
    """Queries for subscribers. Nothing here revives an address that is suppressed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sync_file(self, subscribers: Sequence[Subscriber]) -> None:
        """Take over the readers of `subscribers.toml`, which has the last word on everything but leaving and pausing.

        An imported reader who is in the file from now on belongs to it. A reader who is no longer in the file has left,
        without a suppression: it comes back with its line.
        """
        async with self._database.write() as connection:
            known, suppressed = await _all(connection), await _suppressed(connection)
            rows = {reader.address: _columns(reader) | {"origin": FILE} for reader in subscribers}
            for address, row in rows.items():
                before = known.get(address)
                if address in suppressed:
                    row["status"] = Status.LEFT
                elif before and before.status is Status.PAUSED:
                    row["status"] = Status.PAUSED
            for address, reader in known.items():
                if reader.origin == FILE and address not in rows:
                    rows[address] = _columns(reader) | {"status": Status.LEFT}
            await _write(connection, known, rows)

    async def add(self, subscribers: Sequence[Subscriber]) -> tuple[int, int, list[str]]:
        """Import `subscribers`: new ones as they are, known ones with their status and origin kept.

        Returns how many were added, how many were known, and the addresses that were refused because they have left
        or are suppressed.
        """
        async with self._database.write() as connection:
            known, suppressed = await _all(connection), await _suppressed(connection)
            rows: dict[str, dict[str, object]] = {}
            refused: list[str] = []
            for reader in subscribers:
                before = known.get(reader.address)
                if reader.address in suppressed or (before and before.status is Status.LEFT):
                    refused.append(reader.address)
                elif before:
                    rows[reader.address] = _columns(reader) | {"status": before.status, "origin": before.origin}
                else:
                    rows[reader.address] = _columns(reader)
            await _write(connection, known, rows)
        updated = len(rows.keys() & known.keys())
        return len(rows) - updated, updated, refused

    async def leave(self, address: str, reason: str, at: datetime) -> bool:
        """Suppress `address` for `reason` from `at` on, whether it is known or not; a second time changes nothing.

        Returns whether there is such a subscriber.
        """
        async with self._database.write() as connection:
            _, known = await suppress(connection, address, reason, at)
            return known

    async def all(self) -> list[Subscriber]:
        """Every subscriber there ever was, by id."""
        async with self._database.read() as connection:
            return list((await _all(connection)).values())

    async def find(self, address: str) -> Subscriber | None:
        """The subscriber of `address`."""
        async with self._database.read() as connection:
            return (await _all(connection, address)).get(address)

    async def suppressed(self) -> dict[str, str]:
        """The reason of every suppressed address, by address."""
        async with self._database.read() as connection:
            return await _suppressed(connection)


async def _all(connection: AsyncConnection, address: str | None = None) -> dict[str, Subscriber]:
    """Subscribers by address, in order of their ids; only that of `address` when it is given."""
    query = select(tables.subscribers).order_by(tables.subscribers.c.id)
    if address is not None:
        query = query.where(tables.subscribers.c.address == address)
    return {
        row.address: Subscriber(
            address=row.address,
            name=row.name,
            topics=tuple(row.topics),
            timezone=row.timezone,
            hour=row.hour,
            rhythm=row.rhythm,
            status=row.status,
            origin=row.origin,
            locale=row.locale,
            id=row.id,
        )
        for row in await connection.execute(query)
    }


async def _suppressed(connection: AsyncConnection) -> dict[str, str]:
    return {one.address: one.reason for one in await suppressions(connection)}


async def _write(connection: AsyncConnection, known: dict[str, Subscriber], rows: dict[str, dict[str, object]]) -> None:
    """Insert the rows of new addresses, update those of known ones that change."""
    new = [row for address, row in rows.items() if address not in known]
    changed = [
        row | {"known_address": address}
        for address, row in rows.items()
        if address in known and row != _columns(known[address])
    ]
    change = update(tables.subscribers).where(tables.subscribers.c.address == bindparam("known_address"))
    for statement, values in ((insert(tables.subscribers), new), (change, changed)):
        if values:
            await connection.execute(statement, values)


def _columns(reader: Subscriber) -> dict[str, object]:
    return {
        "address": reader.address,
        "name": reader.name,
        "topics": list(reader.topics),
        "timezone": reader.timezone,
        "hour": reader.hour,
        "rhythm": reader.rhythm,
        "status": reader.status,
        "origin": reader.origin,
        "locale": reader.locale,
    }
