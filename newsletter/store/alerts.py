"""Alerts: what the operator is told by mail. An event is noted once, and told once, whoever notices it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Row, Table, Text, and_, or_, select, update

from newsletter.store.columns import UtcDateTime, metadata
from newsletter.store.database import Database, insert_new

table = Table(
    "alerts",
    metadata,
    # What happened, as nothing else is called: a day that failed, a silence by its beginning.
    Column("event", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False, index=True),
    # Who tells it has so long; nobody else does meanwhile.
    Column("held_until", UtcDateTime),
    Column("told_at", UtcDateTime),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something the operator is to hear: `words` are the text of the mail. `told_at` is None until the relay has it."""

    event: str
    subject: str
    words: str
    noted_at: datetime
    told_at: datetime | None = None


class Alerts:
    """Notes events, and hands out those that nobody has told yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, alert: Alert) -> bool:
        """Remember an event; False when it is known."""
        row = {
            "event": alert.event,
            "subject": alert.subject,
            "words": alert.words,
            "noted_at": alert.noted_at,
            "told_at": alert.told_at,
        }
        async with self._database.write_beside() as connection:
            return (await connection.execute(insert_new(connection, table).values(**row))).rowcount > 0

    async def take(self, at: datetime, lease: timedelta, since: datetime) -> Alert | None:
        """The oldest event since a moment that nobody has told, nor is telling: ours to tell for so long."""
        column = table.c
        free = and_(column.told_at.is_(None), or_(column.held_until.is_(None), column.held_until <= at))
        oldest = select(table).where(free, column.noted_at >= since).order_by(column.noted_at, column.event).limit(1)
        async with self._database.write() as connection:
            row = (await connection.execute(oldest)).first()
            if row is None:
                return None
            mine = update(table).where(column.event == row.event).values(held_until=at + lease)
            await connection.execute(mine)
        return _alert(row)

    async def told(self, event: str, at: datetime) -> None:
        """The relay has it."""
        await self._change(event, told_at=at)

    async def give_back(self, event: str, until: datetime | None = None) -> None:
        """It could not be told; it may be tried again, not before `until`."""
        await self._change(event, held_until=until)

    async def _change(self, event: str, **values: datetime | None) -> None:
        async with self._database.write_beside() as connection:
            await connection.execute(update(table).where(table.c.event == event).values(**values))

    async def newest(self, limit: int) -> list[Alert]:
        """The newest `limit`, newest first."""
        query = select(table).order_by(table.c.noted_at.desc(), table.c.event).limit(limit)
        async with self._database.read() as connection:
            return [_alert(row) for row in await connection.execute(query)]


def _alert(row: Row[Any]) -> Alert:
    return Alert(row.event, row.subject, row.words, row.noted_at, row.told_at)
