"""SQLite's file, made as small as what is in it.

What is deleted leaves room that is filled again, so the file of a database in which as much goes as comes does not
grow. It does not shrink either: to keep account of free pages in every transaction (`auto_vacuum`) costs all that
write, to give back room that is needed again tomorrow. Who has deleted much at once has the file written anew.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from newsletter.errors import StoreError
from newsletter.store.database import Database

_WAIT = 30.0
"""Seconds to wait for others to end what they write."""


async def compact(database: Database) -> tuple[int, int] | None:
    """Write the file of `database` anew without the room that nothing is in; its size in bytes before and after, None
    for a server, which does so by itself. Who else writes waits meanwhile, some seconds for each gigabyte.

    Raises StoreError when others do not let it, or the disk has no room for a second file.
    """
    if database.is_server:
        return None
    return await asyncio.to_thread(_compacted, Path(database.place))


async def empty_log(database: Database) -> None:
    """Have everything in the file itself, and nothing of what it held before in the log beside it, if nobody reads
    there just now; else the next one who writes sees to that."""
    if not database.is_server:
        await asyncio.to_thread(_emptied, Path(database.place))


def _compacted(path: Path) -> tuple[int, int]:
    try:
        _emptied(path)
        before = path.stat().st_size
        with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as connection:
            connection.execute("VACUUM")
        _emptied(path)
        return before, path.stat().st_size
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"{path} cannot be written anew ({error}): stop what uses it, see that the disk has room for a second copy "
            "of it, then try again."
        ) from error


def _emptied(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
