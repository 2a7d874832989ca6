"""Suppressions: addresses that must not be mailed, and why. They outlive the subscriber."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Status
from newsletter.store import tables
from newsletter.store.database import Database, insert_new


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that gets no mail, the reason in words, and since when."""

    address: str
    reason: str
    since: datetime


class Suppressions:
    """Queries for suppressions. Addresses are expected as `policy.address.normal_address` writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, address: str, reason: str, at: datetime) -> bool:
        """Suppress `address` for `reason` from `at` on; its subscriber, if there is one, has left from now on.

        Returns whether it was not suppressed before; if it was, the first reason and moment stay.
        """
        async with self._database.write() as connection:
            added, _ = await suppress(connection, address, reason, at)
            return added

    async def remove(self, address: str) -> bool:
        """Lift the suppression of `address`; returns whether there was one.

        Its subscriber is not touched: one who had left has left still. A reader of `subscribers.toml` is back when the
        file is read next, for the file then has the last word again; anybody else has to ask for it anew.
        """
        gone = delete(tables.suppressions).where(tables.suppressions.c.address == address)
        async with self._database.write() as connection:
            return (await connection.execute(gone)).rowcount > 0

    async def all(self) -> list[Suppression]:
        """Every suppression, by address."""
        async with self._database.read() as connection:
            return await suppressions(connection)


async def suppress(connection: AsyncConnection, address: str, reason: str, at: datetime) -> tuple[bool, bool]:
    """Suppress `address`. Returns whether that is new, and whether the address is a subscriber's, who has left now."""
    row = {"address": address, "reason": reason, "since": at}
    added = await connection.execute(insert_new(connection, tables.suppressions).values(row))
    there = tables.subscribers.c.address == address
    left = await connection.execute(update(tables.subscribers).where(there).values(status=Status.LEFT))
    return added.rowcount > 0, left.rowcount > 0


async def suppressions(connection: AsyncConnection) -> list[Suppression]:
    """Every suppression, by address."""
    query = select(tables.suppressions).order_by(tables.suppressions.c.address)
    return [Suppression(row.address, row.reason, row.since) for row in await connection.execute(query)]
