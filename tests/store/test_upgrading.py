"""A database of an older version is copied before it is changed; one of a newer version is left alone."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from newsletter.errors import StoreError
from newsletter.store import Store, migrating
from newsletter.store.backing_up import KEPT
from newsletter.store.database import Database
from newsletter.store.migrating import HEAD, MIGRATIONS

SUPPRESSION = "INSERT INTO suppressions VALUES ('ada@example.org', 'left', '2025-03-12 07:00:00')"


async def older(file: Path, revision: str) -> None:
    """A database as an older version left it, with a row in it."""

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    database = Database(f"sqlite:///{file}", 1)
    async with database.write() as connection:
        await connection.run_sync(upgrade)
        await connection.exec_driver_sql(SUPPRESSION)
    await database.close()


def revision_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT address FROM suppressions").fetchall() == [("ada@example.org",)]
        ((found,),) = connection.execute("SELECT version_num FROM alembic_version")
        return str(found)


def put_away(file: Path) -> None:
    file.unlink(missing_ok=True)


def copies(file: Path) -> list[Path]:
    return sorted((file.parent / "backups").glob("*"))


@pytest.mark.parametrize("revision", ["0001", "0005", "0009"])
async def test_what_an_older_version_left_is_copied_first(file: Path, revision: str) -> None:
    await older(file, revision)
    for _ in range(2):  # the second finds it up to date
        async with await Store.open(f"sqlite:///{file}") as store:
            assert await store.subscribers.suppressed() == {"ada@example.org": "left"}
    [copy] = copies(file)
    assert copy.name.startswith("newsletter-before-upgrade-")
    assert copy.name.endswith(f"-from-{revision}.db")
    assert (revision_of(copy), revision_of(file)) == (revision, HEAD)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


async def test_a_new_one_is_not_copied(file: Path) -> None:
    async with await Store.open(f"sqlite:///{file}"):
        pass
    assert copies(file) == []


async def test_the_last_few_copies_are_kept_and_what_else_is_there(file: Path) -> None:
    (file.parent / "backups").mkdir(parents=True)
    own = file.parent / "backups" / "newsletter-20200101T000000Z.db"
    own.touch()
    for revision in ("0004", "0005", "0006", "0007", "0008"):
        put_away(file)
        await older(file, revision)
        async with await Store.open(f"sqlite:///{file}"):
            pass
    assert [path.name[-7:-3] for path in copies(file) if path != own] == ["0006", "0007", "0008"]
    assert len(copies(file)) == KEPT + 1
    assert own.exists()


async def test_of_two_that_start_at_once_one_copies_and_upgrades(file: Path) -> None:
    await older(file, "0006")
    stores = await asyncio.gather(*(Store.open(f"sqlite:///{file}") for _ in range(3)))
    for store in stores:
        assert await store.subscribers.suppressed() == {"ada@example.org": "left"}
        await store.close()
    assert len(copies(file)) == 1


async def test_what_cannot_be_copied_is_not_changed(file: Path) -> None:
    await older(file, "0006")
    (file.parent / "backups").touch()  # no folder can be there
    with pytest.raises(StoreError, match=r"backups/newsletter-before-upgrade-.* cannot be written .*: name another"):
        await Store.open(f"sqlite:///{file}")
    assert revision_of(file) == "0006"
    (file.parent / "backups").unlink()
    async with await Store.open(f"sqlite:///{file}"):
        assert len(copies(file)) == 1


async def test_an_upgrade_that_fails_leaves_what_there_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await older(file, "0006")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE subscribers ADD COLUMN own JSON")  # which the next revision wants to add
        connection.commit()
    with pytest.raises(Exception, match="own"):
        await Store.open(f"sqlite:///{file}")
    assert revision_of(file) == "0006"
    assert [revision_of(copy) for copy in copies(file)] == ["0006"]


async def test_a_newer_one_is_refused_with_a_sentence_and_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await older(file, HEAD)
    # What the version before this one would say.
    script = "0009"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    monkeypatch.setattr(migrating, "HEAD", script)
    with pytest.raises(StoreError, match=rf"newer version of newsletter \(its revision is 0999, ours {script}\): inst"):
        await Store.open(f"sqlite:///{file}")
    assert copies(file) == []
    assert revision_of(file) == "0999"
