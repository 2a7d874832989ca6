"""A database: explicit transactions on SQLite or PostgreSQL, one set of queries for both, and their faults in words."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Connection, Engine, Table, func, literal
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from newsletter.errors import AwayError, StoreError
from newsletter.policy import database_urls
from newsletter.store.sqlite import Sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Some = TypeVar("Some")
Answer = TypeVar("Answer")

BLOCK = 500
"""Ids per `IN (...)`: far below the number of variables of any build of SQLite (999 in the smallest)."""


class Kind(Protocol):
    """What SQLite and PostgreSQL do each in its way. `place` names the database to people, without a password; with
    `one_writer`, transactions for writing queue here instead of polling for the file's lock."""

    place: str
    one_writer: bool
    reading: AsyncEngine
    alone: AsyncEngine
    beside: AsyncEngine
    direct: Engine

    def fault(self, error: BaseException) -> str | None: ...

    def is_away(self, error: BaseException) -> bool: ...


class Database:
    """One database. Every query runs inside `read()`, `write()`, `write_beside()` or `write_at_once()`; a block that
    raises leaves no trace, and neither does a change that is given to the last of these."""

    def __init__(self, url: str, lock_wait: float) -> None:
        """Prepare what `url` names; `lock_wait` in seconds is how long to wait for a lock. Raises StoreError."""
        self._kind = _kind(url, lock_wait)
        self.place = self._kind.place
        self.is_server = not self._kind.one_writer
        """Whether several write at a time."""
        turn = asyncio.Lock()
        self._turn = turn if self._kind.one_writer else nullcontext()
        self._direct_turn = turn if self._kind.one_writer else asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "newsletter-writer")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for reading: all its queries see one and the same moment. Raises StoreError."""
        with self._in_words():
            async with self._kind.reading.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for writing, alone from its first statement on; committed at the end. Raises StoreError."""
        with self._in_words():
            async with self._turn, self._kind.alone.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write_beside(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for writing beside which others write, where the database can do that: what it goes by, it has
        to lock or to change itself. Raises StoreError."""
        with self._in_words():
            async with self._turn, self._kind.beside.begin() as connection:
                yield connection

    async def write_at_once(self, change: Callable[[Connection], Answer]) -> Answer:
        """`write_beside` for what asks nobody between its statements: `change` runs in a thread with a connection of
        its own.

        Each statement of the others is several trips to a thread and back, which take longer than the statement; this
        is one trip. Raises StoreError.
        """
        with self._in_words():
            async with self._direct_turn:
                changed = asyncio.get_running_loop().run_in_executor(self._thread, self._changed, change)
                try:
                    return await asyncio.shield(changed)
                except asyncio.CancelledError:
                    await asyncio.wait([changed])  # the thread goes on, and its turn is over when it has ended
                    raise

    def _changed(self, change: Callable[[Connection], Answer]) -> Answer:
        with self._kind.direct.begin() as connection:
            return change(connection)

    def engines(self) -> list[Engine]:
        """What all statements go through, for whoever wants to listen (`sqlalchemy.event`)."""
        return [self._kind.reading.sync_engine, self._kind.direct]

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._kind.direct.dispose)
        self._thread.shutdown()
        await self._kind.reading.dispose()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except NoConnectionError as error:
            raise StoreError(f"The database {self.place} is busy: all connections are in use, so try again.") from error
        except (DBAPIError, sqlite3.Error) as error:
            fault = self._kind.fault(error)
            if fault is None:
                raise
            kind = AwayError if self._kind.is_away(error) else StoreError
            raise kind(f"The database {self.place} {fault}.") from error


def insert_new(connection: AsyncConnection | Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT into `table` that leaves rows alone which are there already, and tells how many are new."""
    statement: sqlite.Insert | postgresql.Insert
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        statement = postgresql.insert(table).on_conflict_do_nothing()
    else:
        statement = sqlite.insert(table).on_conflict_do_nothing()
    return statement.execution_options(preserve_rowcount=True)


def blocks(values: Iterable[Some]) -> Iterator[Sequence[Some]]:
    """`values` in blocks of at most BLOCK, in order, each once."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), BLOCK):
        yield unique[start : start + BLOCK]


def within(
    connection: AsyncConnection | Connection, column: ColumnElement[Some], values: Iterable[Some]
) -> Iterator[ColumnElement[bool]]:
    """Whether `column` is one of `values`, in as few conditions as the database takes them; none for no values.

    A server gets all in one value: as parameters of their own, a thousand take longer to read than to look up.
    """
    if connection.dialect.name == "postgresql":
        if unique := list(dict.fromkeys(values)):
            yield column == func.any(literal(unique, ARRAY(column.type)))
    else:
        for block in blocks(values):
            yield column.in_(block)


def _kind(text: str, lock_wait: float) -> Kind:
    """What `text` names. Raises StoreError, never showing a password."""
    if text.startswith("postgresql") and (why := database_urls.fault(text)):
        raise StoreError(f"The database URL cannot be read: {why}.")
    try:
        url: URL = make_url(text)
        name = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreError(
            "database.url is not a database URL: write it as sqlite:////path/to/newsletter.db or "
            "postgresql://user@host/name."
        ) from None
    if name == "sqlite":
        return Sqlite(url, lock_wait)
    if name == "postgresql":
        from newsletter.store.postgresql import Postgresql  # few need it, and its dialect takes a while to load

        return Postgresql(url, lock_wait)
    raise StoreError(
        f"database.url names a {name} database, which is not supported: "
        "use sqlite:////path/to/file or postgresql://user@host/name."
    )
