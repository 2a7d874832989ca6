"""A database is looked through, and kept."""

# ruff: noqa: ASYNC240 - these tests look at files while nothing else runs in their loop

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import postgres
import pytest
from sqlalchemy import URL, make_url, text

from newsletter.errors import StoreError
from newsletter.fleet.jobs import Jobs, new_app
from newsletter.model import State, Subscriber
from newsletter.policy.hours import Calendar
from newsletter.store import Store, backing_up
from newsletter.store.backing_up import back_up
from newsletter.store.checking import Checked, check
from newsletter.store.opening import opened
from newsletter.store.restoring import HELD, restore

DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
CALENDAR = Calendar(time(6), ZoneInfo("UTC"), frozenset(range(7)), timedelta(hours=4), timedelta(hours=12))


async def _fill(url: str) -> None:
    async with await Store.open(url) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(5)])
        await store.ledger.plan(DAY, [reader.id for reader in await store.subscribers.all()], NOW)


async def found(url: str) -> dict[str, Checked]:
    async with opened(url) as database:
        return {one.what: one for one in await check(database)}


async def execute(url: str, *statements: str) -> None:
    async with opened(url) as database, database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


def wrong(checked: dict[str, Checked]) -> dict[str, str]:
    assert all(one.says.endswith(".") and "\n" not in one.says for one in checked.values())
    return {one.what: one.says for one in checked.values() if one.fine is False}


async def test_a_whole_database(url: str) -> None:
    await _fill(url)
    looks = await found(url)
    assert wrong(looks) == {}
    server = {"indexes", "partitions"} if url.startswith("postgresql") else set()
    assert set(looks) == {"revision", "integrity", "references", "ledger", "numbers"} | server


@pytest.mark.parametrize(
    ("statements", "what", "says"),
    [
        (["UPDATE alembic_version SET version_num = '0003'"], "revision", "0003"),
        (["UPDATE alembic_version SET version_num = 'copying 0008'"], "revision", "has not ended"),
        (["DROP TABLE alembic_version"], "revision", "no tables of ours"),
        (["DELETE FROM deliveries WHERE id = 2"], "ledger", "Not balanced"),
        (["UPDATE deliveries SET state = 'lost' WHERE id = 2"], "ledger", "Not balanced"),
    ],
)
async def test_what_is_wrong_is_said(url: str, statements: list[str], what: str, says: str) -> None:
    await _fill(url)
    await execute(url, *statements)
    faults = wrong(await found(url))
    assert set(faults) == {what}
    assert says in faults[what]


async def test_rows_that_name_none(url: str, tmp_path: Path) -> None:
    await _fill(url)
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM subscribers WHERE id < 5")
        connection.close()
    else:
        await execute(url, "DELETE FROM subscribers WHERE id < 5")
    faults = wrong(await found(url))
    assert set(faults) == {"references"}
    assert "deliveries 1 " in faults["references"]
    assert "and 1 more" in faults["references"]


async def test_numbers_that_would_be_given_twice(url: str) -> None:
    await _fill(url)
    sqlite = url.startswith("sqlite")
    lower = "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'subscribers'"
    await execute(url, lower if sqlite else "SELECT setval('subscribers_id_seq', 1)")
    assert "subscribers" in wrong(await found(url))["numbers"]


@pytest.mark.sqlite
async def test_a_file_that_lost_a_page(url: str) -> None:
    await _fill(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_subscribers_origin'")
    connection.commit()
    connection.close()
    assert "damaged" in wrong(await found(url))["integrity"]


async def test_a_day_without_a_partition_and_indexes_that_do_not_hold() -> None:
    with postgres.database() as url:
        await _fill(url)
        await execute(url, "INSERT INTO audiences VALUES ('2025-03-13', 0)")
        assert "2025-03-13" in wrong(await found(url))["partitions"]
        await execute(url, "DELETE FROM audiences WHERE planned = 0")
        # What stands in for amcheck's function, which this server may lack, has its name and its arguments.
        held = "to_regclass('ix_subscribers_origin')"
        await execute(
            url,
            "CREATE FUNCTION bt_index_check(index regclass, heapallindexed boolean) RETURNS void LANGUAGE plpgsql AS "
            f"$$ BEGIN IF index = {held} THEN RAISE EXCEPTION 'heap tuple (0,1) lacks its entry'; END IF; END $$",
        )
        said = wrong(await found(url))["indexes"]
        assert "ix_subscribers_origin is damaged (heap tuple (0,1) lacks its entry)" in said
        await execute(url, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {held}")
        assert "Not valid: ix_subscribers_origin" in wrong(await found(url))["indexes"]
        await execute(url, "DROP INDEX ix_subscribers_origin")
        assert (await found(url))["indexes"].fine


async def test_looking_at_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no database .*\.$"):
        await found(f"sqlite:///{tmp_path}/no.db")
    assert list(tmp_path.iterdir()) == []


def silent(step: str, done: int, every: int) -> None:
    """Hears nothing."""


@pytest.mark.sqlite
async def test_a_backup_while_others_write(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _fill(url)
    monkeypatch.setattr(backing_up, "_PAGES", 1)
    written: list[int] = []
    steps: list[tuple[str, int, int]] = []
    to = tmp_path / "kept" / "newsletter.db"

    def progress(step: str, done: int, every: int) -> None:
        """Between two pages a sender writes, and does not wait."""
        steps.append((step, done, every))
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0.5)
        number = 10 + len(steps)
        with connection:
            connection.execute(
                "INSERT INTO suppressions VALUES (?, 'left', '2025-03-12 07:00:00')", (f"{number}@x.org",)
            )
        connection.close()
        written.append(number)

    await back_up(url, to, progress)
    assert len(written) > 10
    assert steps[-1][1] == steps[-1][2] == len(steps)  # begun once
    assert [path.name for path in to.parent.iterdir()] == ["newsletter.db"]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert stat.S_IMODE(to.parent.stat().st_mode) == 0o700
    kept = f"sqlite:///{to}"
    assert wrong(await found(kept)) == {}
    async with await Store.open(kept) as store:
        assert await store.subscribers.suppressed() == {}  # as it was when the backup began
        assert len(await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=1), 9)) == 5


@pytest.mark.sqlite
async def test_a_backup_replaces_nothing(url: str, tmp_path: Path) -> None:
    await _fill(url)
    file = Path(url.removeprefix("sqlite:///"))
    before = file.read_bytes()
    with pytest.raises(StoreError, match="is there already: name another file"):
        await back_up(url, file, silent)
    assert file.read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        await back_up(url, tmp_path / "file" / "kept.db", silent)
    with pytest.raises(StoreError, match="There is no database"):
        await back_up(f"{url}x", tmp_path / "kept.db", silent)
    await execute(url, "PRAGMA user_version = 1")
    content = bytearray(file.read_bytes())
    content[3 * 4096 :] = b"\xff" * (len(content) - 3 * 4096)
    file.write_bytes(content)
    file.with_name("newsletter.db-wal").unlink(missing_ok=True)
    with pytest.raises(StoreError, match="`newsletter db check`"):
        await back_up(url, tmp_path / "kept.db", silent)
    assert not [path for path in tmp_path.iterdir() if "kept" in path.name]


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version on the PATH; a test is skipped where they are not."""
    import psycopg

    url = postgres.server().render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        [(folder,)] = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchall()
    if not (Path(folder) / "pg_dump").exists():
        pytest.skip("the server's own programs are not on this machine")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@contextmanager
def made_by_hand(place: URL) -> Iterator[str]:
    """The URL of a database that somebody else makes; dropped at the end."""
    try:
        yield place.render_as_string(hide_password=False)
    finally:
        engine = postgres.engine(postgres.server())
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{place.database}" WITH (FORCE)')
        engine.dispose()


@pytest.mark.usefixtures("programs")
async def test_a_server_is_kept_and_restored(tmp_path: Path) -> None:
    to = tmp_path / "news.dump"
    with postgres.database() as url:
        await _fill(url)
        await back_up(url, to, silent)
        assert stat.S_IMODE(to.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["news.dump"]
        with pytest.raises(StoreError, match="into a new one: ") as said:
            await restore(url, to, (), CALENDAR, NOW, silent)
        command = str(said.value).partition("into a new one: ")[2].partition("; then")[0]
        address = make_url(url)
        password = {"PGPASSWORD": address.password} if address.password else {}
        with made_by_hand(address.set(database=f"{address.database}_restored")) as other:
            own = {**os.environ, **password}
            done = await asyncio.to_thread(subprocess.run, command, shell=True, env=own, capture_output=True)
            assert done.returncode == 0, done.stderr.decode()
            assert wrong(await found(other)) == {}
            async with await Store.open(other) as store:
                assert len(await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=1), 9)) == 5
        async with await Store.open(url) as store:
            assert len(await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=1), 9)) == 5  # as it was
    with pytest.raises(StoreError, match="pg_dump failed, so nothing was kept"):
        await back_up(url, tmp_path / "gone.dump", silent)  # the database was dropped
    assert not (tmp_path / "gone.dump").exists()


async def test_what_a_restored_server_is_told_holds_what_may_have_gone_out() -> None:
    """The statements of docs/keeping.md, on the ledger and the jobs of a fleet."""
    guide = (Path(__file__).parents[2] / "docs" / "keeping.md").read_text("utf-8")
    statements = guide.partition("```sql\n")[2].partition("```")[0].split(";")[:-1]
    with postgres.database() as url:
        await _fill(url)
        async with await Store.open(url) as store, (app := new_app(url)).open_async():
            jobs = Jobs(app, store)
            await jobs.prepare()
            await jobs.defer("deliver", {"day": DAY.isoformat()})
            await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=1), 1)
            await execute(
                url,
                "UPDATE deliveries SET state = 'unknown' WHERE id = 2",
                "UPDATE deliveries SET state = 'accepted' WHERE id = 3",
                "UPDATE deliveries SET state = 'deferred', next_at = now() WHERE id = 4",
            )
            await execute(url, *statements)
            assert await jobs.pending([DAY]) == 0
            assert await store.ledger.recover(NOW + timedelta(days=1), "resend") == 0
            assert await store.ledger.claim(DAY, "me", NOW + timedelta(days=1), timedelta(minutes=1), 9) == []
            counts = await store.ledger.counts(DAY)
            assert (counts[State.UNKNOWN], counts[State.ACCEPTED]) == (4, 1)
            held = [one for one in await store.ledger.of_date(DAY) if one.state is State.UNKNOWN]
            assert {one.reason for one in held} == {HELD}
        assert wrong(await found(url)) == {}


async def test_a_pg_dump_that_is_too_old_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\n"
        "echo 'pg_dump: detail: server version: 18.4; pg_dump version: 15.18' >&2\nexit 1\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(StoreError) as error:
        await back_up("postgresql://me:secret@db.example.org/news", tmp_path / "news.dump", silent)
    assert "server version: 18.4" in str(error.value)
    assert "install the client programs of the server's version" in str(error.value)
    assert "--dbname=postgresql://me@db.example.org/news" in str(error.value)
    assert "secret" not in str(error.value)


async def test_without_pg_dump_the_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError) as error:
        await back_up("postgresql://me:secret@db.example.org/news", tmp_path / "news.dump", silent)
    assert "pg_dump --format=custom" in str(error.value)
    assert "--dbname=postgresql://me@db.example.org/news" in str(error.value)
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
