"""Suppressions: addresses that must not be mailed, and why. They outlive the subscriber.

The address of somebody who was forgotten is not kept: a salted hash stands in its place, `forgotten:SALT:HASH`. It does
not say whose it is, and is found by whoever names the address. One salt for all of a database, which comes with the
first of them: a look-up is one more key, however many there are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Status
from newsletter.store import tables
from newsletter.store.database import Database, insert_new, within

HIDDEN = "forgotten:"
"""What a hash begins with; no address does."""

_SALT, _HASH = 8, 16  # bytes

_column = tables.suppressions.c


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that gets no mail (or the hash of one, where all are listed), the reason in words, and since when."""

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
        async with self._database.write() as connection:
            return await lift(connection, address)

    async def find(self, address: str) -> Suppression | None:
        """The suppression of `address`; None when it may be mailed."""
        async with self._database.read() as connection:
            return await suppression(connection, address)

    async def among(self, addresses: Iterable[str]) -> dict[str, Suppression]:
        """The suppressions of those of `addresses` that have one, by address. They are addresses of readers: those of
        the forgotten are not looked for, for they are no reader's."""
        async with self._database.read() as connection:
            return await _found(connection, {address: address for address in addresses})

    async def page(self, *, search: str = "", after: str = "", limit: int = 100) -> list[Suppression]:
        """The first `limit` suppressions of addresses that come behind `after` and hold `search`, by address."""
        column = tables.suppressions.c
        query = select(tables.suppressions).where(column.address > after).order_by(column.address).limit(limit)
        if search:
            query = query.where(column.address.icontains(search, autoescape=True))
        async with self._database.read() as connection:
            return [Suppression(row.address, row.reason, row.since) for row in await connection.execute(query)]

    async def all(self) -> list[Suppression]:
        """Every suppression, by address."""
        async with self._database.read() as connection:
            return await suppressions(connection)


async def suppress(connection: AsyncConnection, address: str, reason: str, at: datetime) -> tuple[bool, bool]:
    """Suppress `address`. Returns whether that is new, and whether the address is a subscriber's, who has left now."""
    new = await suppression(connection, address) is None  # by its hash, it may be there already
    if new:
        row = {"address": address, "reason": reason, "since": at}
        new = (await connection.execute(insert_new(connection, tables.suppressions).values(row))).rowcount > 0
    there = tables.subscribers.c.address == address
    left = await connection.execute(
        update(tables.subscribers).where(there).values(status=Status.LEFT, paused_until=None)
    )
    return new, left.rowcount > 0


async def hide(connection: AsyncConnection, address: str, reason: str, at: datetime) -> None:
    """Suppress `address` for `reason` by its hash alone."""
    await lift(connection, address)
    salts = await _salts(connection)
    row = {"address": _hidden(address, salts[0] if salts else secrets.token_hex(_SALT)), "reason": reason, "since": at}
    await connection.execute(insert(tables.suppressions).values(row))


async def lift(connection: AsyncConnection, address: str) -> bool:
    """Take out what suppresses `address`, under its name or its hash; whether there was something."""
    gone = delete(tables.suppressions).where(_column.address.in_(await _names(connection, [address])))
    return (await connection.execute(gone)).rowcount > 0


async def suppressions(connection: AsyncConnection) -> list[Suppression]:
    """Every suppression, by address."""
    query = select(tables.suppressions).order_by(_column.address)
    return [Suppression(row.address, row.reason, row.since) for row in await connection.execute(query)]


async def suppression(connection: AsyncConnection, address: str) -> Suppression | None:
    """The suppression of `address`; None when there is none."""
    return (await suppressions_among(connection, [address])).get(address)


async def suppressions_among(connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, Suppression]:
    """The suppressions of those of `addresses` that have one, by address."""
    return await _found(connection, await _names(connection, addresses))


async def forgotten_among(connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, Suppression]:
    """The suppressions of those of `addresses` that are known by their hash alone, by address."""
    return await _found(connection, await _hashes(connection, addresses))


async def take_over(connection: AsyncConnection, others: Iterable[Suppression]) -> int:
    """Suppress what another database has suppressed, under the names that stand there; how many are new."""
    known, new = {one.address for one in await suppressions(connection)}, 0
    for one in others:
        if one.address in known:
            continue
        if one.address.startswith(HIDDEN):
            row = {"address": one.address, "reason": one.reason, "since": one.since}
            new += (await connection.execute(insert_new(connection, tables.suppressions).values(row))).rowcount > 0
        else:
            new += (await suppress(connection, one.address, one.reason, one.since))[0]
    return new


async def _found(connection: AsyncConnection, names: Mapping[str, str]) -> dict[str, Suppression]:
    """The suppressions under `names`, by the address that each name stands for."""
    found: dict[str, Suppression] = {}
    for some in within(connection, _column.address, names):
        for row in await connection.execute(select(tables.suppressions).where(some)):
            address = names[row.address]
            found[address] = Suppression(address, row.reason, row.since)
    return found


async def _names(connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, str]:
    """What suppressions of `addresses` stand under, each with its address: themselves and, once somebody was forgotten,
    their hashes."""
    names = {address: address for address in addresses}
    return names | await _hashes(connection, names) if names else names


async def _hashes(connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, str]:
    salts = await _salts(connection)
    return {_hidden(address, salt): address for address in addresses for salt in salts}


async def _salts(connection: AsyncConnection) -> list[str]:
    """The salt of this database, none while nobody was forgotten; more where a database took over another one's."""
    salt = func.substr(_column.address, len(HIDDEN) + 1, 2 * _SALT)
    return list(await connection.scalars(select(salt).where(_column.address.startswith(HIDDEN)).distinct()))


def _hidden(address: str, salt: str) -> str:
    digest = blake2b(address.encode("utf-8", "surrogatepass"), key=bytes.fromhex(salt), digest_size=_HASH)
    return f"{HIDDEN}{salt}:{digest.hexdigest()}"
