"""Brings a database to the tables of this version.

Alembic is slow to import, and nearly every start finds the database up to date: so its version table is read first.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, inspect, text

from newsletter.errors import StoreError
from newsletter.store.database import Database
from newsletter.store.tables import metadata

HEAD = "0005"
"""The newest revision in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps the connection it works on in a global, so two databases of one process must take turns.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(database: Database) -> None:
    """Bring `database` to HEAD, in one transaction. Raises StoreError when it is not ours or newer than we are."""
    async with database.read() as connection:
        version = await connection.run_sync(_version)
    if version == HEAD:
        return
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with turn, database.write() as connection:
        await connection.run_sync(_upgrade, database.place)


def _version(connection: Connection) -> str | None:
    """The revision the database says it has; None for one without a version table."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: Connection, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    version = _version(connection)  # once more, now that nobody else can change it; at HEAD Alembic does nothing
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in revisions:
        raise StoreError(
            f"The database {place} was made by a newer version of newsletter (its revision is {version}, "
            f"ours {HEAD}): install that version, or name another database."
        )
    if version is None and not metadata.tables.keys().isdisjoint(inspect(connection).get_table_names()):
        raise StoreError(f"The database {place} belongs to another program: name another file.")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
