"""The tables that the migrations make are the tables the queries are written for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.exc import StatementError

from newsletter.store import Store, tables
from newsletter.store.migrating import HEAD, MIGRATIONS


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_alembic_sees_no_difference(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)

    async with store.database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_sqlite_sees_no_difference_either(store: Store, tmp_path: Path) -> None:
    """Alembic compares neither AUTOINCREMENT nor primary and foreign keys in full: the statements do."""
    engine = create_engine(f"sqlite:///{tmp_path}/direct.db")
    tables.metadata.create_all(engine)
    with engine.connect() as connection:
        direct = _statements(connection)
    engine.dispose()
    async with store.database.read() as connection:
        migrated = await connection.run_sync(_statements)
    migrated.pop("alembic_version")
    assert migrated == direct
    assert direct.keys() >= tables.metadata.tables.keys()


def _statements(connection: Connection) -> dict[str, frozenset[str]]:
    """By name of table or index: its clauses, order and spacing aside."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"
    )
    return {
        name: frozenset(" ".join(clause.split()) for clause in re.split(r",\s*\n|\s*\n\)$", sql)) for name, sql in rows
    }


@pytest.mark.parametrize("hours", [-11, 0, 5.5])
async def test_a_moment_comes_back_as_utc(store: Store, hours: float) -> None:
    moment = datetime(2025, 3, 30, 1, 30, 15, 123456, tzinfo=timezone(timedelta(hours=hours)))
    row = {"address": "ada@example.org", "reason": "left", "since": moment}
    async with store.database.write() as connection:
        await connection.execute(insert(tables.suppressions), row)
        found = await connection.scalar(select(tables.suppressions.c.since))
    assert found == moment
    assert found.tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        await store.subscribers.leave("ada@example.org", "left", datetime(2025, 3, 11))  # noqa: DTZ001 - the point of it


async def test_moments_compare_in_time_whatever_their_zone(store: Store) -> None:
    async with store.database.write() as connection:
        early = datetime(2025, 3, 11, 23, tzinfo=timezone(timedelta(hours=9)))  # 14:00 UTC
        await connection.execute(insert(tables.suppressions), {"address": "a", "reason": "", "since": early})
        late = datetime(2025, 3, 11, 15, tzinfo=UTC)
        assert await connection.scalar(select(tables.suppressions.c.address).where(tables.suppressions.c.since < late))


async def test_a_number_is_never_given_twice(store: Store) -> None:
    async with store.database.write() as connection:
        for day in (10, 11):
            await connection.execute(insert(tables.editions), {"day": date(2025, 3, day), "curators": []})
        await connection.exec_driver_sql("DELETE FROM editions WHERE id = 2")
        await connection.execute(insert(tables.editions), {"day": date(2025, 3, 12), "curators": []})
        assert list(await connection.scalars(select(tables.editions.c.id))) == [1, 3]
