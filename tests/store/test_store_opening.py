"""Opening a store: what it makes, what it refuses, and what it says when the database will not do."""

# ruff: noqa: ASYNC240, ASYNC221 - these tests prepare files and run a process while nothing else runs in their loop

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.model import Subscriber, Topic
from newsletter.store import Store
from newsletter.store.database import Database
from newsletter.store.migrating import HEAD

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sentence(error: pytest.ExceptionInfo[StoreError], *words: str) -> None:
    """One sentence, one line, that holds the words."""
    said = str(error.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert "Traceback" not in said
    for word in words:
        assert word in said


async def test_everything_is_private_whatever_the_umask(url: str, file: Path) -> None:
    before = os.umask(0o000)
    try:
        async with await Store.open(url) as store:
            await store.topics.sync([Topic("vision", "Vision")])
            there = {path.name: mode(path) for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    assert mode(file.parent) == 0o700
    assert there == {"newsletter.db": 0o600, "newsletter.db-wal": 0o600, "newsletter.db-shm": 0o600}


async def test_what_was_written_is_there_after_a_restart(url: str) -> None:
    async with await Store.open(url) as store:
        await store.subscribers.add([Subscriber("ada@example.org", topics=("vision",), origin="import")])
        await store.subscribers.leave("ben@example.org", "left", NOW)
        reader = await store.subscribers.find("ada@example.org")
    async with await Store.open(url) as store:
        assert await store.subscribers.find("ada@example.org") == reader
        assert await store.subscribers.suppressed() == {"ben@example.org": "left"}


async def test_the_second_opening_does_not_need_alembic(url: str) -> None:
    async with await Store.open(url):
        pass
    lines = (
        "import asyncio, sys",
        "from newsletter.store import Store",
        f"asyncio.run(asyncio.run(Store.open({url!r})).close())",
        "sys.exit('alembic' in sys.modules)",
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(lines)], cwd=root, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 7500)]
)
async def test_sqlite_is_set_up_to_lose_nothing(url: str, pragma: str, value: object) -> None:
    async with await Store.open(url, lock_wait=7.5) as store, store.database.read() as connection:
        assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value


async def test_a_block_that_raises_leaves_no_trace(store: Store) -> None:
    async def write() -> None:
        async with store.database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO suppressions VALUES ('a@example.org', 'left', '2025-01-01')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()
    assert await store.subscribers.suppressed() == {}


async def test_a_cancelled_write_leaves_no_trace_and_no_lock(store: Store) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with store.database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO suppressions VALUES ('a@example.org', 'left', '2025-01-01')")
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.subscribers.leave("b@example.org", "left", NOW)
    assert await store.subscribers.suppressed() == {"b@example.org": "left"}


@pytest.mark.sqlite
async def test_a_write_that_is_cancelled_in_the_middle_of_a_statement_leaves_no_lock(url: str) -> None:
    async def write() -> None:
        row = "INSERT INTO suppressions VALUES ('a@example.org', 'left', '2025-01-01')"
        async with store.database.write() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            # Called by the statement, in its thread: the cancellation comes before its rows do.
            await driver.create_function("cancelled", 0, lambda: loop.call_soon_threadsafe(task.cancel) and None)
            await connection.exec_driver_sql(f"{row} RETURNING cancelled()")

    loop = asyncio.get_running_loop()
    async with await Store.open(url, lock_wait=5) as store:
        task = asyncio.create_task(write())
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        await store.subscribers.leave("b@example.org", "left", NOW)
        assert await store.subscribers.suppressed() == {"b@example.org": "left"}
    assert cancelled.tb is not None  # whoever keeps the error keeps the statement


async def test_a_reader_sees_one_moment(store: Store) -> None:
    async with store.database.read() as connection:
        before = await connection.exec_driver_sql("SELECT count(*) FROM suppressions")
        await store.subscribers.leave("a@example.org", "left", NOW)  # a reader never stops the writer
        after = await connection.exec_driver_sql("SELECT count(*) FROM suppressions")
        assert (before.scalar(), after.scalar()) == (0, 0)
    assert len(await store.subscribers.suppressed()) == 1


async def test_programming_errors_pass_through(store: Store) -> None:
    with pytest.raises(DBAPIError, match="nowhere"):
        async with store.database.read() as connection:
            await connection.exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.parametrize("content", [b"Mar 11\n\nA title\n" * 100, b"SQLite format 4\0" + b"x" * 4096])
async def test_a_file_that_is_no_database(file: Path, url: str, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, str(file), "is not a database", "name another file")
    assert file.read_bytes() == content


async def test_a_damaged_database(url: str, file: Path) -> None:
    async with await Store.open(url) as store:
        await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(500)])
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, str(file), "is damaged", "backup")


async def test_an_empty_file_becomes_a_database(url: str, file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    async with await Store.open(url) as store:
        assert await store.papers.count() == 0


async def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as error:
        await Store.open(f"sqlite:///{tmp_path}/file/newsletter.db")
    sentence(error, "cannot be written", "state_dir", "Not a directory")


async def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as error:
        await Store.open(f"sqlite:///{tmp_path}")
    sentence(error, "cannot be written", "Is a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError) as error:
            await Store.open(f"sqlite:///{tmp_path}/newsletter.db")
    finally:
        tmp_path.chmod(0o700)
    sentence(error, "cannot be written", "Permission denied")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("newsletter.db", "is not a database URL"),
        ("", "is not a database URL"),
        ("mysql://reader:secret@example.org/news", "mysql"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:news?mode=memory&uri=true", "must name a file"),
    ],
)
async def test_a_url_that_will_not_do(url: str, why: str) -> None:
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, "database.url", why, "sqlite:////")
    assert "secret" not in str(error.value)


async def test_a_database_from_the_future(url: str, file: Path) -> None:
    async with await Store.open(url):
        pass
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, "newer version", "0999", HEAD)


async def test_a_database_of_another_program(url: str, file: Path) -> None:
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE papers (name TEXT)")
    connection.close()
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, "another program", str(file))


@pytest.mark.parametrize("revision", ["abc123", "0003", HEAD])
async def test_another_program_has_revisions_too(url: str, file: Path, revision: str) -> None:
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.execute("CREATE TABLE users (name TEXT)")
    connection.close()
    with pytest.raises(StoreError) as error:
        await Store.open(url)
    sentence(error, "another program", str(file))


async def test_a_locked_database(url: str, file: Path) -> None:
    async with await Store.open(url, lock_wait=0.05) as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as error:
            await store.subscribers.leave("ada@example.org", "left", NOW)
        sentence(error, "locked by another program", "try again")
        assert await store.subscribers.all() == []  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        await store.subscribers.leave("ada@example.org", "left", NOW)
        assert await store.subscribers.suppressed() == {"ada@example.org": "left"}


async def test_a_new_database_that_is_locked(url: str, file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError) as error:
        await Store.open(url, lock_wait=0.05)
    sentence(error, "locked")
    other.close()


async def test_a_lock_is_waited_for(url: str, file: Path) -> None:
    async with await Store.open(url, lock_wait=10) as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "COMMIT")
        await store.subscribers.leave("ada@example.org", "left", NOW)
        assert await store.subscribers.suppressed() == {"ada@example.org": "left"}
        other.close()


@pytest.mark.sqlite
async def test_a_full_disk(store: Store) -> None:
    async with store.database.read() as connection:  # one connection is pooled: the writer below uses this one
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    readers = [Subscriber(f"reader{n}@example.org", name="n" * 100) for n in range(2000)]
    with pytest.raises(StoreError) as error:
        await store.subscribers.add(readers)
    sentence(error, "disk is full", "free some space")
    assert await store.subscribers.all() == []


async def test_many_open_a_new_database_at_once(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(8)))
    for number, store in enumerate(stores):
        await store.subscribers.add([Subscriber(f"reader{number}@example.org")])
    assert len(await stores[0].subscribers.all()) == 8
    for store in stores:
        await store.close()


async def test_several_databases_are_made_at_once(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(Store.open(f"sqlite:///{tmp_path}/{n}/news.db") for n in range(4)))
    for number, store in enumerate(stores):
        await store.subscribers.add([Subscriber(f"reader{number}@example.org")])
    found = [[reader.address for reader in await store.subscribers.all()] for store in stores]
    assert found == [[f"reader{number}@example.org"] for number in range(4)]
    for store in stores:
        await store.close()


async def test_a_migration_that_fails_leaves_the_file_empty(url: str, file: Path) -> None:
    database = Database(url, 1)
    async with database.write() as connection:  # stands in the way of the last table, not among the names of ours
        await connection.exec_driver_sql("CREATE TABLE somebody (x)")
        await connection.exec_driver_sql("CREATE INDEX ix_deliveries_local_date ON somebody (x)")
    await database.close()
    with pytest.raises(Exception, match="ix_deliveries_local_date"):
        await Store.open(url)
    with sqlite3.connect(file) as connection:
        assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")] == [
            "somebody"
        ]
    connection.close()


async def test_opening_it_once_more_drops_no_lock(url: str, file: Path) -> None:
    """A second connection of this process that is opened and closed, and another process that comes and goes, which
    takes the log away when it believes to be the last: the first connection's is still there."""
    log = Path(f"{file}-wal")
    async with await Store.open(url) as first:
        await first.topics.sync([Topic("a", "A")])
        async with await Store.open(url):
            pass
        connect = f"import sqlite3; one = sqlite3.connect({str(file)!r})"
        count = f"{connect}; print(one.execute('SELECT 1 FROM topics').fetchall())"
        said = await asyncio.create_subprocess_exec(sys.executable, "-c", count, stdout=subprocess.PIPE)
        out, _ = await said.communicate()
        assert out.strip() == b"[(1,)]"
        assert log.exists()
        await first.topics.sync([Topic("a", "A"), Topic("b", "B")])
    with sqlite3.connect(file) as reading:
        assert reading.execute("SELECT slug FROM topics ORDER BY slug").fetchall() == [("a",), ("b",)]
    reading.close()
