"""A database as it is: nothing is made, migrated or filled in by looking at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from newsletter.errors import StoreError
from newsletter.store.database import Database

LOCK_WAIT = 30.0
"""Seconds to wait for a lock."""


@asynccontextmanager
async def opened(url: str, *, new: bool = False) -> AsyncIterator[Database]:
    """The database at `url`, closed at the end; with `new` a file may be made for it, else it must be there already.

    Raises StoreError, one sentence that shows no password.
    """
    path = file_of(url)
    if path is not None and not new and not path.exists():
        raise StoreError(f"There is no database {path}: name one that is there.")
    database = Database(url, LOCK_WAIT)
    try:
        yield database
    finally:
        await database.close()


def file_of(url: str) -> Path | None:
    """The file that `url` names; None for a server, and for what is no URL."""
    with suppress(ArgumentError, ValueError):
        parts = make_url(url)
        if parts.get_backend_name() == "sqlite" and parts.database:
            return Path(parts.database).absolute()
    return None


def without_password(url: str) -> str:
    """`url`, a good one, as it can be shown, and as PostgreSQL's own programs take it."""
    parts = make_url(url).difference_update_query(["password", "sslpassword"])
    shown = URL.create(
        parts.get_backend_name(), parts.username, None, parts.host, parts.port, parts.database, parts.query
    )
    return shown.render_as_string()
