"""Sign-ups that were heard on the page, and have not been answered yet. They outlive the process that heard them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Subscriber
from newsletter.store import tables
from newsletter.store.database import Database
from newsletter.store.readers import columns, granted

_WISHES = ("name", "topics", "timezone", "hour", "rhythm", "locale", "own")
_column = tables.sign_ups.c


@dataclass(frozen=True, slots=True)
class SignUp:
    """That `reader`, an address with wishes, asked for mail; `site` is what links in the message begin with. `attempts`
    counts those to answer, the present one included."""

    id: int
    reader: Subscriber
    site: str
    attempts: int


class SignUps:
    """A queue of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self,
        reader: Subscriber,
        site: str,
        at: datetime,
        most: int,
        and_then: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> bool:
        """Note that `reader` asks for mail, to be answered from `at` on; one of the same address that waits gives way.

        False, and nothing is noted, when `most` wait already. It takes the same time whoever the address is. What
        `and_then` writes is there with the note, or neither is.
        """
        wishes = columns(reader) | {"own": [asdict(topic) for topic in reader.own]}
        row = {"address": reader.address, "site": site, "next_at": at, "attempts": 0}
        async with self._database.write() as connection:
            await connection.execute(delete(tables.sign_ups).where(_column.address == reader.address))
            if (await connection.scalar(select(func.count()).select_from(tables.sign_ups)) or 0) >= most:
                return False
            await connection.execute(
                insert(tables.sign_ups).values(**row, wishes={name: wishes[name] for name in _WISHES})
            )
            if and_then:
                await and_then(connection)
        return True

    async def claim(self, at: datetime, until: datetime, limit: int) -> list[SignUp]:
        """The first `limit` that are due `at` a moment. Nobody else is given them before `until`."""
        due = select(_column.id).where(_column.next_at <= at).order_by(_column.id).limit(limit)
        # Said twice: of two who claim at once on PostgreSQL, the second looks at the row again, not at the selection.
        mine = update(tables.sign_ups).where(_column.id.in_(due), _column.next_at <= at)
        claimed = mine.values(next_at=until, attempts=_column.attempts + 1).returning(tables.sign_ups)
        async with self._database.write() as connection:
            found = []
            for row in sorted((await connection.execute(claimed)).all(), key=lambda row: row.id):
                try:
                    reader = granted(Subscriber(row.address, origin="web"), row.wishes)
                except (KeyError, ValueError, TypeError):  # of another version, or damaged: it would never be read
                    await connection.execute(delete(tables.sign_ups).where(_column.id == row.id))
                else:
                    found.append(SignUp(row.id, reader, row.site, row.attempts))
            return found

    async def postpone(self, sign_up_id: int, at: datetime) -> None:
        """Make it due again `at` a moment, unless a newer one took its place."""
        mine = update(tables.sign_ups).where(_column.id == sign_up_id).values(next_at=at)
        async with self._database.write() as connection:
            await connection.execute(mine)

    async def done(self, sign_up_id: int) -> None:
        """It needs no answer any more."""
        async with self._database.write() as connection:
            await connection.execute(delete(tables.sign_ups).where(_column.id == sign_up_id))

    async def next_at(self) -> datetime | None:
        """When the next one is due; None when none waits."""
        async with self._database.read() as connection:
            found: datetime | None = await connection.scalar(select(func.min(_column.next_at)))
            return found
