"""The engine: explicit transactions, SQLite set up to lose nothing, and database faults in words.

SQLite runs in WAL mode with `synchronous=FULL`: a commit that returned survives a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous), and readers never wait for the writer.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from newsletter.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Some = TypeVar("Some")

BLOCK = 500
"""Ids per `IN (...)`: far below the number of variables of any build of SQLite (999 in the smallest)."""

_FAULTS = {
    sqlite3.SQLITE_BUSY: "is locked by another program: let that one finish, then try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program: let that one finish, then try again",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full, so free some space and try again",
    sqlite3.SQLITE_READONLY: "cannot be written: check the permissions of the file and of its folder",
    sqlite3.SQLITE_PERM: "cannot be written: check the permissions of the file and of its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the permissions of the file and of its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk and the space left on it",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup, or move it away to start anew",
    sqlite3.SQLITE_NOTADB: "is not a database: name another file, or move this one away",
}
"""What a person can do something about, by SQLite's primary result code (https://www.sqlite.org/rescode.html)."""


_SWITCHES = 50
"""Attempts to switch a new file to write-ahead logging, 20 ms apart."""


class Database:
    """One engine. Every query runs inside `read()` or `write()`; a block that raises leaves no trace."""

    def __init__(self, url: str, lock_wait: float) -> None:
        """Prepare the engine and the private file of `url`; `lock_wait` in seconds is how long to wait for a lock."""
        where = _sqlite_url(url)
        path = Path(where.database or "").absolute()
        self.place = str(path)
        _make_private(path)
        # isolation_level=None: the driver opens no transaction of its own, the begin event below does.
        options = {"timeout": lock_wait, "isolation_level": None}
        self._engine = create_async_engine(where, connect_args=options)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        event.listen(self._engine.sync_engine, "connect", _set_up)
        event.listen(self._engine.sync_engine, "begin", _begin)
        # SQLite has one writer at a time; ours queue here, in order, instead of polling for the file's lock.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for reading: all its queries see one and the same moment. Raises StoreError."""
        with self._in_words():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for writing, alone from its first statement on; committed at the end. Raises StoreError."""
        with self._in_words():
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            # SQLAlchemy wraps the driver's error, the adapter once more: the code is somewhere along the chain.
            fault = _FAULTS.get(_code(error) & 0xFF)
            if fault is None:
                raise
            raise StoreError(f"The database {self.place} {fault}.") from error


def insert_new(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT into `table` that leaves rows alone which are there already."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def blocks(values: Iterable[Some]) -> Iterator[Sequence[Some]]:
    """`values` in blocks of at most BLOCK, in order, each once."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), BLOCK):
        yield unique[start : start + BLOCK]


def _sqlite_url(text: str) -> URL:
    """`text` as a URL for the asynchronous SQLite driver. Raises StoreError, never showing a password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError("database.url is not a database URL: write it as sqlite:////path/to/newsletter.db.") from None
    if url.get_backend_name() != "sqlite":
        raise StoreError(
            f"database.url names a {url.get_backend_name()} database, which is not supported: use sqlite:////path/to/file."
        )
    if url.query or url.database in {None, "", ":memory:"}:
        raise StoreError(
            "database.url must name a file and nothing else: write it as sqlite:////path/to/newsletter.db."
        )
    return url.set(drivername="sqlite+aiosqlite")


def _make_private(path: Path) -> None:
    """Create folder and file for their owner alone, unless they exist; SQLite gives -wal and -shm that mode too."""
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be written ({error.strerror}): "
            "check its folder, or name another place with state_dir or database.url."
        ) from error


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Switch to write-ahead logging, which a file remembers. SQLite does not wait here when several open a new file at
    once, so we do."""
    for attempt in range(_SWITCHES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except (DBAPIError, sqlite3.Error) as error:
            if _code(error) & 0xFF != sqlite3.SQLITE_BUSY or attempt == _SWITCHES - 1:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _code(error: BaseException | None) -> int:
    while error is not None:
        if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
            return error.sqlite_errorcode
        error = (error.orig if isinstance(error, DBAPIError) else None) or error.__cause__
    return 0
