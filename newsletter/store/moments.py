"""When something was last done that is done again and again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from newsletter.store import tables
from newsletter.store.database import Database, insert_new

_column = tables.moments.c


class Moments:
    """The last moment of each thing, by its name, for all who share this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, name: str) -> datetime | None:
        """When it was last done; None for never."""
        async with self._database.read() as connection:
            found: datetime | None = await connection.scalar(select(_column.at).where(_column.name == name))
            return found

    async def note(self, name: str, at: datetime) -> None:
        """It was done `at` that moment, unless somebody has done it later."""
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, tables.moments).values(name=name, at=at))
            earlier = update(tables.moments).where(_column.name == name, _column.at < at)
            await connection.execute(earlier.values(at=at))
