"""SQLite, set up to lose nothing: where the file is, how its transactions begin, and its faults in words.

It runs in WAL mode with `synchronous=FULL`: a commit that returned survives a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous), and readers never wait for the writer.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from newsletter.errors import StoreError

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


class _Connection(sqlite3.Connection):
    """One that lets go of the lock for writing when it is closed, whatever statement is half done.

    SQLite puts the end of a closed connection, and that of its transaction, off until its last statement is gone
    (https://www.sqlite.org/c3ref/close.html). One that was cancelled before all its rows were read is held by the
    traceback of its error, which goes when Python next collects garbage: until then, nobody could write.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):  # it is closed already, or the disk is gone
            self.rollback()
        super().close()


class Sqlite:
    """The engines of a file. Of its transactions for writing only one is under way at a time, as SQLite has it."""

    def __init__(self, url: URL, lock_wait: float) -> None:
        """Prepare the engines and the private file; `lock_wait` in seconds is how long to wait for its lock. Raises
        StoreError."""
        if url.query or url.database in {None, "", ":memory:"}:
            raise StoreError(
                "database.url must name a file and nothing else: write it as sqlite:////path/to/newsletter.db."
            )
        path = Path(url.database or "").absolute()
        self.place = str(path)
        self.one_writer = True
        _make_private(path)
        # isolation_level=None: the driver opens no transaction of its own, the begin event below does.
        options = {"timeout": lock_wait, "isolation_level": None, "factory": _Connection}
        # hide_parameters: an error's message is logged, and addresses stand in statements.
        engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), connect_args=options, hide_parameters=True)
        direct = create_engine(url.set(drivername="sqlite"), connect_args=options, hide_parameters=True)
        for one in (engine.sync_engine, direct):
            event.listen(one, "connect", _set_up)
            event.listen(one, "begin", _begin)
        self.reading = engine
        self.alone = self.beside = engine.execution_options(begin="BEGIN IMMEDIATE")
        self.direct: Engine = direct.execution_options(begin="BEGIN IMMEDIATE")

    def fault(self, error: BaseException) -> str | None:
        """What is wrong, to stand behind the name of the database; None for what no person can mend."""
        return _FAULTS.get(_code(error) & 0xFF)

    def is_away(self, error: BaseException) -> bool:
        """A file is there or it is not: waiting brings none."""
        return False


def _make_private(path: Path) -> None:
    """Create folder and file for their owner alone, unless they exist; SQLite gives -wal and -shm that mode too.

    A file that exists is never opened here: to close it again would drop the locks that this process holds on it by
    SQLite's own connections, and another process would take the log away under them
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.exists():
            with suppress(FileExistsError):  # another process was first
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be written ({error.strerror}): "
            "check its folder, or name another place with state_dir or database.url."
        ) from error


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _write_ahead(cursor)
    # secure_delete: what is deleted, a reader's words say, is not left in the file for whoever copies it.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
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
        # SQLAlchemy wraps the driver's error, the adapter once more: the code is somewhere along the chain.
        error = (error.orig if isinstance(error, DBAPIError) else None) or error.__cause__
    return 0
