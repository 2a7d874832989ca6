"""Allowances: the turns of limits that all who share the database keep together, whatever process or machine they are.

The rule is the generic cell rate algorithm (ITU-T I.371, annex A) without a burst: a row holds when the next turn of
its key begins, and reserving n turns moves that on by n intervals, from now on if it has passed. A row whose moment has
passed means what no row means, so that old ones can be taken out.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store import tables
from newsletter.store.database import Database

FAR, FAR_TURNS = 60.0, 100
"""Nobody waits for longer than so many seconds, or turns where that is longer: then a clock was wrong, or the limit was
lower, when the row was written, and the turns begin anew."""

SWEEP = 600.0
"""Seconds between two looks for rows that mean nothing any more."""

_row, _column = tables.allowances, tables.allowances.c


@dataclass(slots=True, eq=False)
class _Ask:
    """Turns that somebody wants, and in how many seconds the first begins, once that is known."""

    key: str
    interval: float
    number: int
    wait: float | None = None


class Allowances:
    """Reserves turns. The clock is the database's, so that machines need not agree on the time; SQLite's is the
    machine's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asks: list[_Ask] = []
        self._turn = asyncio.Lock()
        self._sweep_at = 0.0

    async def take(self, key: str, number: int, interval: float) -> float:
        """Reserve `number` turns of `key`, one each `interval` seconds, behind all that are reserved.

        Answers in how many seconds from now the first of them begins. What is asked while the database is busy with
        this goes there together. Raises StoreError; whether the turns are reserved is then unknown.
        """
        ask = _Ask(key, interval, number)
        self._asks.append(ask)
        try:
            async with self._turn:
                if ask.wait is None:
                    asks, self._asks = self._asks, []
                    try:
                        await self._take(asks)
                    finally:  # who got nothing, because this one failed or was cancelled, asks again
                        self._asks += [one for one in asks if one.wait is None]
        finally:
            if ask in self._asks:
                self._asks.remove(ask)
        return ask.wait or 0.0

    async def _take(self, asks: Sequence[_Ask]) -> None:
        by_interval: dict[float, dict[str, list[_Ask]]] = defaultdict(lambda: defaultdict(list))
        for ask in asks:
            by_interval[ask.interval][ask.key].append(ask)
        async with self._database.write_beside() as connection:
            # Always in the same order, so that two who want the same rows never wait for each other in a circle.
            begun = [await _reserve(connection, *one) for one in sorted(by_interval.items(), key=lambda one: one[0])]
            if (now := time.monotonic()) > self._sweep_at:
                self._sweep_at = now + SWEEP
                await _sweep(connection)
        for waits in begun:
            for one, wait in waits:
                one.wait = wait


async def _reserve(
    connection: AsyncConnection, interval: float, wanted: dict[str, list[_Ask]]
) -> list[tuple[_Ask, float]]:
    """Reserve what is wanted of each key, in one statement; each ask with its wait."""
    now = _now(connection)
    spans = {key: interval * sum(ask.number for ask in asks) for key, asks in sorted(wanted.items())}
    insert = postgresql.insert(_row) if connection.dialect.name == "postgresql" else sqlite.insert(_row)
    insert = insert.values([{"key": key, "next_at": now + span} for key, span in spans.items()])
    believed = _column.next_at.between(now, now + max(FAR, FAR_TURNS * interval))
    span = insert.excluded.next_at - now
    insert = insert.on_conflict_do_update(
        index_elements=[_column.key], set_={"next_at": case((believed, _column.next_at), else_=now) + span}
    )
    found = await connection.execute(insert.returning(_column.key, (_column.next_at - now).label("until")))
    waits = []
    for row in found:
        wait = row.until - spans[row.key]
        for ask in wanted[row.key]:
            waits.append((ask, max(0.0, wait)))
            wait += ask.number * interval
    return waits


async def _sweep(connection: AsyncConnection) -> None:
    """Take out what means nothing any more. A row that another transaction holds is not waited for."""
    past = select(_column.key).where(_column.next_at < _now(connection) - FAR).with_for_update(skip_locked=True)
    await connection.execute(delete(_row).where(_column.key.in_(past)))


def _now(connection: AsyncConnection) -> ColumnElement[float]:
    """Seconds since the epoch: one and the same moment all over a statement, by the database's clock."""
    if connection.dialect.name == "postgresql":
        return func.extract("epoch", func.statement_timestamp()).cast(_column.next_at.type)
    return literal(time.time())
