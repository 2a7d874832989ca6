"""Brings a database to the tables of this version.

Alembic is slow to import, and nearly every start finds the database up to date, or none at all: so its version table is
read first, and an empty database is given the newest tables at once. A test holds that both ways make the same.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, inspect, text

from newsletter.errors import StoreError
from newsletter.store.backing_up import back_up_before
from newsletter.store.database import Database
from newsletter.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0020"
"""The newest revision in `migrations/versions`."""

COPYING = "copying "
"""What stands before the revision of a database that a copy is being written to: nobody is to work on half of one."""

MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps the connection it works on in a global, so two databases of one process must take turns.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def migrate(database: Database, *, copied: bool = False) -> None:
    """Bring `database` to HEAD, in one transaction. A file that is of an older version is copied first, to `backups`
    beside it, unless it is `copied`. Raises StoreError when it is not ours, newer than we are, or cannot be copied."""
    if await revision(database) == HEAD:
        return
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with turn, database.write() as connection:
        await connection.run_sync(_upgrade, database.place, copied)


async def revision(database: Database) -> str | None:
    """The revision of `database`; None when it has no tables of ours."""
    async with database.read() as connection:
        return await connection.run_sync(_version)


def _version(connection: Connection) -> str | None:
    """The revision the database says it has; None for one without a version table, or without our tables: others have
    revisions too."""
    if not {"alembic_version", "subscribers"} <= set(inspect(connection).get_table_names()):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _make(connection: Connection) -> None:
    """The tables of HEAD in an empty database, as the migrations would make them one after another."""
    here = metadata
    if connection.dialect.name == "postgresql":
        from newsletter.store.postgresql import tables_of_a_server

        here = tables_of_a_server(metadata)
    here.create_all(connection, checkfirst=False)
    revision = "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    connection.execute(text(f"CREATE TABLE alembic_version ( {revision})"))  # as Alembic makes it
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _upgrade(connection: Connection, place: str, copied: bool = False) -> None:
    version = _version(connection)  # once more, now that nobody else can change it
    if version == HEAD:
        return
    if version is not None:
        refuse(version, place)
    if version is None and not inspect(connection).get_table_names():
        _make(connection)
        return
    from alembic import command

    if version is None and _is_others(connection):
        raise StoreError(f"The database {place} belongs to another program: name another one.")
    if version is None and connection.dialect.name == "postgresql":
        _make(connection)  # the oldest migrations made tables in files only
        return
    if version is not None and connection.dialect.name == "sqlite" and not copied:
        # Before anything is changed, and by nobody else at the same time: this transaction has the file to itself.
        back_up_before("upgrade", Path(place), f"from-{version}")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def refuse(version: str, place: str) -> None:
    """Raises StoreError for a database of that revision which is a copy that has not ended, or newer than we are."""
    from alembic.script import ScriptDirectory

    if version.startswith(COPYING):
        raise StoreError(
            f"The copy to {place} has not ended: let `newsletter db copy` do so, or give it the same command again."
        )
    if version not in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
        raise StoreError(
            f"The database {place} was made by a newer version of newsletter (its revision is {version}, "
            f"ours {HEAD}): install that version, or name another database."
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _is_others(connection: Connection) -> bool:
    """Whether another program has its tables where ours would be, or its revisions."""
    names = set(inspect(connection).get_table_names())
    revisions = "alembic_version" in names and connection.scalar(text("SELECT count(*) FROM alembic_version"))
    return bool(revisions) or not names.isdisjoint(metadata.tables)
