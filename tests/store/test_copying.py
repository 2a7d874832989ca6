"""A database moved to another kind is the same database: rows, numbers to come, and what goes on from there."""

from __future__ import annotations

import asyncio
import gc
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import postgres
import pytest
from hypothesis import Phase as Step
from hypothesis import given, settings
from hypothesis import strategies as st
from places import PROJECT
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Enum,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    insert,
    make_url,
    select,
    text,
)

from newsletter.errors import StoreError
from newsletter.model import Phase, State, Subscriber
from newsletter.store import Store, copying, tables
from newsletter.store.copying import Copied, copy
from newsletter.store.filling import last_numbers
from newsletter.store.opening import opened, without_password
from newsletter.store.whole_tables import TABLES, read_key, written_key

DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our tables and nothing in them."""
    path = tmp_path_factory.mktemp("empty") / "newsletter.db"
    asyncio.run(_made(url_of(path)))
    return path


@pytest.fixture
def file(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty, tmp_path / "newsletter.db"))


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.database() as url:
        yield url


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


async def _made(url: str) -> None:
    await (await Store.open(url)).close()


async def copied(source: str, target: str, **options: Any) -> Copied:
    async with opened(source) as one, opened(target, new=True) as other:
        return await copy(one, other, **{"progress": lambda step, done, every: None, **options})


async def refused(source: str, target: str, *words: str) -> str:
    """What the copy says that will not be: one sentence with the words."""
    with pytest.raises(StoreError) as error:
        await copied(source, target)
    said = str(error.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert [word for word in words if word not in said] == [], said
    return said


def change(path: Path, *statements: str) -> None:
    """As another program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


# What any database may hold that our tables allow.

_letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_days = st.dates(date(2024, 12, 28), date(2025, 1, 3))
_moments = st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it wants


def _values(column: Column[Any]) -> st.SearchStrategy[Any]:
    kind = column.type
    if isinstance(kind, Enum):
        return st.sampled_from(list(kind.enum_class or ()))
    if isinstance(kind, String):
        return st.text(_letters, max_size=min(kind.length or 12, 12))
    if isinstance(kind, Integer):
        largest = 2**40 if column is tables.deliveries.c.id else 2**31 - 100
        return st.integers(1 if column.primary_key else -(2**31) + 1, largest)
    if isinstance(kind, JSON):  # a lone number is none of ours: SQLite keeps it as a number
        return (
            st.none() | st.lists(_documents, max_size=2) | st.dictionaries(st.text(max_size=3), _documents, max_size=2)
        )
    plain = (Boolean, st.booleans()), (LargeBinary, st.binary(max_size=9)), (Date, _days), (Float, st.floats(0, 1e10))
    for python, values in plain:
        if isinstance(kind, python):
            return values
    return _moments


@st.composite
def databases(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table by name; those that are named are there, and none breaks a UNIQUE."""
    made: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        rows = [_row(draw, table, made) for _ in range(draw(st.integers(1, 3)))]
        made[table.name] = _unique(table, [row for row in rows if row is not None])
    return made


def _row(draw: st.DrawFn, table: Table, made: dict[str, list[dict[str, Any]]]) -> dict[str, Any] | None:
    named: dict[str, Any] = {}
    for key in table.foreign_key_constraints:
        if not made[key.referred_table.name]:
            return None
        parent = draw(st.sampled_from(made[key.referred_table.name]))
        named |= {one.parent.name: parent[one.column.name] for one in key.elements}
    row = {}
    for column in table.columns:
        absent = column.nullable and draw(st.booleans())
        row[column.name] = named[column.name] if column.name in named else None if absent else draw(_values(column))
    return row


def _unique(table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = [[column.name for column in table.primary_key]]
    keys += [[column.name for column in one.columns] for one in table.constraints if isinstance(one, UniqueConstraint)]
    keys += [[column.name for column in one.columns] for one in table.indexes if one.unique]
    for names in keys:
        rows = list({tuple(row[name] for name in names): row for row in rows}.values())
    return rows


async def _written(url: str, rows: dict[str, list[dict[str, Any]]], further: int) -> None:
    async with opened(url) as database, database.write() as connection:
        for table in TABLES:
            if rows[table.name]:
                await connection.execute(insert(table), rows[table.name])
        # Rows that are gone: their numbers are not given again.
        await connection.execute(text("UPDATE sqlite_sequence SET seq = seq + :more"), {"more": further})


async def reading(url: str) -> dict[str, Any]:
    """All that the queries would see, and the numbers of rows to come."""
    async with opened(url) as database, database.read() as connection:
        found: dict[str, Any] = {"": await last_numbers(connection)}
        for table in TABLES:
            rows = (await connection.execute(select(table))).all()
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found


def raw(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in the file, byte for byte."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    found = {
        table.name: sorted(connection.execute(f'SELECT * FROM "{table.name}"').fetchall(), key=repr) for table in TABLES
    }
    connection.close()
    return found


@settings(deadline=None, max_examples=6, phases=[Step.explicit, Step.reuse, Step.generate])
@given(databases(), st.integers(0, 5))
def test_any_database_survives_the_way_there_and_back(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[dict[str, Any]]], further: int
) -> None:
    folder = tmp_path_factory.mktemp("moved")
    first, last = Path(shutil.copy(empty, folder / "first.db")), Path(shutil.copy(empty, folder / "last.db"))

    async def there_and_back(server: str) -> None:
        await _written(url_of(first), rows, further)
        went = await copied(url_of(first), server, anyway=True)
        came = await copied(server, url_of(last), anyway=True)
        assert went == came
        assert {name: total.rows for name, total in went.totals.items()} == {
            name: len(its) for name, its in rows.items()
        }
        assert await reading(url_of(first)) == await reading(server) == await reading(url_of(last))

    with postgres.database() as server:
        asyncio.run(there_and_back(server))
    assert raw(first) == raw(last)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_a_key_is_written_and_read(empty: Path, table: Table) -> None:
    """Whatever the columns of a key are: text, days, numbers, moments."""
    given = {Date: DAY, Integer: 2**30, BigInteger: 2**40, String: "é'\"\n"}
    values = [
        given.get(type(one.type), given[String] if isinstance(one.type, String) else NOW) for one in table.primary_key
    ]
    assert read_key(table, written_key(tuple(values))) == tuple(values)


# Killed, and begun again.

_KILLED = """
import asyncio, os, signal, sys
from newsletter.store import copying, whole_tables
from newsletter.store.opening import opened

source, target, blocks, verified = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
whole_tables._ROWS = 20
fill, seen = copying.fill, [0]

async def fill_and_die(connection, table, rows):
    await fill(connection, table, rows)
    seen[0] += 1
    if seen[0] == blocks:
        os.kill(os.getpid(), signal.SIGKILL)

def progress(step, done, every):
    if step == "verifying" and done >= verified:
        os.kill(os.getpid(), signal.SIGKILL)

async def go():
    async with opened(source) as one, opened(target, new=True) as other:
        await copying.copy(one, other, progress=progress)

copying.fill = fill_and_die
asyncio.run(go())
"""


@pytest.mark.parametrize("to_server", [True, False])
async def test_what_is_killed_goes_on_where_it_was(file: Path, tmp_path: Path, server: str, to_server: bool) -> None:
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(170)])
        readers = [reader.id for reader in await store.subscribers.all()]
        for days in range(3):
            await store.ledger.plan(DAY + timedelta(days), readers, NOW)
    target = server if to_server else url_of(tmp_path / "new.db")
    # In the middle of a block of the readers, of one of the ledger, and while all is read once more.
    for blocks, verified, there in ((4, 10**6, 3 + 40), (12, 10**6, 3 + 170 + 80), (10**6, 300, 3 + 170 + 510)):
        words = [sys.executable, "-c", _KILLED, url_of(file), target, str(blocks), str(verified)]
        done = await asyncio.to_thread(subprocess.run, words, cwd=PROJECT, capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        async with opened(target) as database, database.read() as connection:
            assert await connection.scalar(text("SELECT sum(rows) FROM unfinished_copy")) == there
        with pytest.raises(StoreError, match="has not ended"):
            await Store.open(target)
    steps: list[tuple[str, int, int]] = []
    done_copy = await copied(url_of(file), target, progress=lambda *step: steps.append(step))
    assert (done_copy.found, done_copy.rows) == (683, 683)
    assert {step for step, _, _ in steps} == {"verifying"}
    assert steps[-1] == ("verifying", 2 * 683, 2 * 683)
    assert await reading(url_of(file)) == await reading(target)
    async with await Store.open(target) as store:
        assert await store.ledger.balanced()
        assert len(await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=5), 100)) == 0  # superseded by later days
        assert len(await store.ledger.claim(DAY + timedelta(2), "me", NOW, timedelta(minutes=5), 100)) == 100
        async with store.database.read() as connection:
            there = set(await connection.run_sync(lambda one: one.dialect.get_table_names(one)))
        assert "unfinished_copy" not in there


async def test_two_at_once_do_not_mix(file: Path, server: str) -> None:
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(50)])
    both = await asyncio.gather(*(copied(url_of(file), server) for _ in range(2)), return_exceptions=True)
    done = [one for one in both if isinstance(one, Copied)]
    assert len(done) == 1
    assert [one for one in both if isinstance(one, StoreError)]
    assert await reading(url_of(file)) == await reading(server)


@pytest.mark.parametrize("to_server", [True, False])
@pytest.mark.parametrize("step", ["_copy_table", "_verified"])
async def test_of_two_that_go_on_with_a_copy_one_ends_it(
    file: Path, tmp_path: Path, server: str, step: str, to_server: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(50)])
    target = server if to_server else url_of(tmp_path / "new.db")

    async def interrupted(*arguments: object) -> None:
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(copying, step, interrupted)
        with pytest.raises(LookupError):
            await copied(url_of(file), target)
    both = await asyncio.gather(*(copied(url_of(file), target) for _ in range(2)), return_exceptions=True)
    assert len([one for one in both if isinstance(one, Copied)]) == 1
    [said] = [str(one) for one in both if isinstance(one, StoreError)]
    assert "nother `newsletter db copy`" in said
    assert await reading(url_of(file)) == await reading(target)


# The ledger goes on.


async def test_a_ledger_with_every_state_goes_on_after_the_move(file: Path, server: str) -> None:
    states = [*State]
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber(f"{state}@example.org") for state in states])
        await store.ledger.plan(DAY, [reader.id for reader in await store.subscribers.all()], NOW)
    for number, state in enumerate(states, 1):
        change(file, f"UPDATE deliveries SET state = '{state}' WHERE subscriber_id = {number}")
    hour, ago = "2025-03-12 08:00:00.000000", "2025-03-12 06:00:00.000000"
    change(
        file,
        f"UPDATE deliveries SET next_at = '{ago}' WHERE state = 'deferred'",
        f"UPDATE deliveries SET phase = '{Phase.CLAIMED}', lease_owner = 'gone', lease_until = '{hour}'"
        " WHERE state = 'sending'",
    )
    await refused(url_of(file), server, "are being sent (1)", "--anyway")
    await copied(url_of(file), server, anyway=True)
    claimed = []
    for url in (url_of(file), server):
        async with await Store.open(url) as store:
            assert await store.ledger.counts() == dict.fromkeys(State, 1)
            assert await store.ledger.balanced()
            assert await store.ledger.recover(NOW, "hold", lambda owner: False) == 1
            claimed.append(await store.ledger.claim(DAY, "me", NOW, timedelta(minutes=5), 100))
    assert claimed[0] == claimed[1]
    assert {one.address.partition("@")[0] for one in claimed[1]} == {"ready", "deferred", "sending"}
    async with await Store.open(server) as store:
        # Numbers go on behind those of the file, on the same day and on one that has no partition yet.
        await store.subscribers.add([Subscriber("new@example.org")])
        [new] = [reader.id for reader in await store.subscribers.all() if reader.address == "new@example.org"]
        assert new == len(states) + 1
        assert await store.ledger.plan(DAY, [new], NOW) == await store.ledger.plan(DAY + timedelta(1), [new], NOW) == 1


async def test_what_is_written_meanwhile_is_seen(file: Path, server: str) -> None:
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber("ada@example.org")])

    def write(step: str, done: int, every: int) -> None:
        if step == "copying":
            change(file, "UPDATE subscribers SET name = 'Ada L.'")

    with pytest.raises(StoreError, match=r"differs from .* in subscribers: .*copy once more to an empty database\.$"):
        await copied(url_of(file), server, progress=write)
    with pytest.raises(StoreError, match="has not ended"):
        await Store.open(server)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a cursor whose server is gone
async def test_a_server_that_goes_away_while_both_are_read(file: Path, server: str) -> None:
    """Is a sentence too; nothing has to be copied again."""
    async with await Store.open(url_of(file)) as store:
        await store.subscribers.add([Subscriber(f"reader{number}@example.org") for number in range(20)])
    away: list[str] = []

    def cut(step: str, done: int, every: int) -> None:
        if step == "verifying" and not away:
            engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"))
            with engine.connect() as connection:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
            engine.dispose()
            away.append(step)

    with pytest.raises(StoreError, match=r"was shut down|cannot be reached"):
        await copied(url_of(file), server, progress=cut)
    assert (await copied(url_of(file), server)).found == 20
    gc.collect()  # that cursor, here and not in the next test


# What PostgreSQL does not take.


def _paper(title: str = "'A title'", authors: str = "'[]'", votes: str = "1", identity: str = "'it''s'") -> str:
    return (
        "INSERT INTO papers (id, title, abstract, authors, links, votes) "
        f"VALUES ({identity}, {title}, '', {authors}, '[]', {votes})"
    )


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (_paper(title="'a' || char(0) || 'b'"), "title of the row with id it's holds a NUL character"),
        (_paper(title="CAST(x'61eda080' AS TEXT)"), "title of the row with id it's holds bytes that are no text"),
        (_paper(authors="'[NaN]'"), "authors of the row with id it's cannot be read (JSON has no NaN)"),
        (_paper(authors="'['"), "authors of the row with id it's cannot be read (Expecting value"),
        (_paper(votes="3000000000"), "votes of the row with id it's is larger than 2147483647"),
        (_paper(votes="'many'"), "votes of the row with id it's is no whole number"),
        (
            "INSERT INTO observations VALUES ('p', 'hf', 'more than sixteen letters', '2025-03-12 00:00:00.000000', 1)",
            "what of the row with paper_id p and source hf and what more than sixteen letters and observed_at "
            "2025-03-12 00:00:00.000000 has 25 characters, and at most 16 have room",
        ),
    ],
)
async def test_what_cannot_be_kept_is_named(file: Path, server: str, statement: str, why: str) -> None:
    change(file, _paper(identity="'p'"), statement)
    said = await refused(url_of(file), server, why, str(file), "give it another value there (UPDATE", "copy again")
    if "it's" in why:
        assert "WHERE \"id\" = 'it''s'" in said
        change(file, "DELETE FROM papers WHERE id = 'it''s'")
    else:
        change(file, "DELETE FROM observations")
    assert (await copied(url_of(file), server)).totals["papers"].rows == 1


async def test_the_named_row_can_be_changed_as_it_says(file: Path, server: str) -> None:
    """Even where its key cannot be typed."""
    change(file, _paper(title="'a' || char(0) || 'b'", identity="char(27) || char(0) || 'x'"))
    said = await refused(url_of(file), server, "id of the row with id \x1b\\x00x holds a NUL character")
    statement = said.partition("there (")[2].rpartition("), then")[0]
    assert statement.startswith('UPDATE "papers" SET "id" = … WHERE')
    change(file, statement.replace("…", "'y'"), "UPDATE papers SET title = 'ab'")
    assert (await copied(url_of(file), server)).rows == 1


async def test_a_row_that_names_none(file: Path, server: str) -> None:
    change(file, "INSERT INTO paper_keys VALUES ('key', 'nowhere', 0)")
    await refused(url_of(file), server, "paper_keys", str(file), "foreign key", "`newsletter db check`")


# What is no source, and what is no target.


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nothing", ["is not a database URL"]),
        ("mysql://me:secret@example.org/news", ["mysql", "not supported"]),
        ("postgresql://me:secret@127.0.0.1:1/news", ["postgresql://me@127.0.0.1:1/news", "cannot be reached"]),
    ],
)
async def test_urls_that_will_not_do(file: Path, url: str, words: list[str]) -> None:
    for said in (await refused(url_of(file), url, *words), await refused(url, url_of(file), *words)):
        assert "secret" not in said


async def test_a_source_that_is_not_there_is_not_made(tmp_path: Path, server: str) -> None:
    await refused(url_of(tmp_path / "no.db"), server, "There is no database", "no.db")
    assert not (tmp_path / "no.db").exists()
    nowhere = make_url(server).set(database="nowhere").render_as_string(hide_password=False)
    await refused(nowhere, server, "does not exist", "createdb")


async def test_a_target_that_holds_something(file: Path, server: str) -> None:
    async with await Store.open(server) as store:
        await store.subscribers.leave("ada@example.org", "left", NOW)
    await refused(url_of(file), server, "is not empty", "suppressions", "name an empty one")
    await refused(url_of(file), url_of(file), "to itself")


async def test_a_target_of_another_program(file: Path) -> None:
    with postgres.database(empty=True) as server:
        async with opened(server) as database, database.write() as connection:
            await connection.execute(text("CREATE TABLE topics (name text)"))
        await refused(url_of(file), server, "belongs to another program")


async def test_tables_of_others_may_stand_beside_ours(file: Path) -> None:
    with postgres.database(empty=True) as server:
        async with opened(server) as database, database.write() as connection:
            await connection.execute(text("CREATE TABLE jobs (name text)"))
        await copied(url_of(file), server)
        async with await Store.open(server) as store:
            assert await store.ledger.plan(DAY, [], NOW) == 0


async def test_revisions_have_to_be_the_same(file: Path, tmp_path: Path, server: str) -> None:
    other = Path(shutil.copy(file, tmp_path / "other.db"))
    change(other, "UPDATE alembic_version SET version_num = '0003'")
    await refused(url_of(other), server, "is not at revision", "`newsletter db migrate`")
    await refused(url_of(file), url_of(other), "is at revision 0003", "name an empty one")


async def test_half_of_one_copy_is_not_ended_with_another(file: Path, tmp_path: Path, server: str) -> None:
    change(file, _paper(title="char(0)"))
    await refused(url_of(file), server, "NUL")
    other = Path(shutil.copy(file, tmp_path / "other.db"))
    await refused(url_of(other), server, f"part of a copy of {file}", "name an empty database")
    await refused(server, url_of(tmp_path / "new.db"), "is not at revision")


@pytest.fixture
def guarded(server: str) -> Iterator[str]:
    """The URL of a user whose password the server asks for, with a wrong one."""
    url = make_url(server)
    if url.password:
        yield url.set(password="wrong-word").render_as_string(hide_password=False)
        return
    import psycopg

    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        [(rules,)] = connection.execute("SHOW hba_file").fetchall()
        before = Path(rules).read_text()
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right-word'")
        Path(rules).write_text(f"local all guarded scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        try:
            while not connection.execute("SELECT 1 FROM pg_hba_file_rules WHERE 'guarded' = ANY(user_name)").fetchone():
                pass
            yield url.set(username="guarded", password="wrong-word").render_as_string(hide_password=False)
        finally:
            Path(rules).write_text(before)
            connection.execute("DROP ROLE guarded")
            connection.execute("SELECT pg_reload_conf()")


async def test_a_wrong_password(file: Path, guarded: str) -> None:
    said = await refused(url_of(file), guarded, "does not take the password")
    assert "wrong-word" not in said


def test_no_password_is_shown() -> None:
    shown = without_password("postgresql+psycopg://me:a%40b@db.example.org:5433/news?sslmode=require&password=secret")
    assert shown == "postgresql://me@db.example.org:5433/news?sslmode=require"
    assert without_password("sqlite:////var/lib/news.db") == "sqlite:////var/lib/news.db"
