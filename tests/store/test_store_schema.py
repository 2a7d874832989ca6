"""The tables that the migrations make are the tables the queries are written for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import StatementError

from newsletter.model import (
    Batch,
    Opinion,
    Paper,
    Phase,
    Pick,
    Ranking,
    Reason,
    State,
    Topic,
    Verdict,
    Why,
)
from newsletter.store import Store, migrating, tables
from newsletter.store.database import Database
from newsletter.store.migrating import HEAD, MIGRATIONS

DAY = date(2025, 3, 11)


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.sqlite
async def test_alembic_sees_no_difference(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)

    await _old_database(url, HEAD, ())
    async with await Store.open(url) as store, store.database.read() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.sqlite
async def test_a_new_database_is_what_the_migrations_make(store: Store, tmp_path: Path) -> None:
    """Alembic compares neither AUTOINCREMENT nor primary and foreign keys in full: the statements do."""
    migrated = f"sqlite:///{tmp_path}/migrated.db"
    await _old_database(migrated, HEAD, ())
    async with await Store.open(migrated) as other, other.database.read() as connection:
        by_steps = await connection.run_sync(_statements)
    async with store.database.read() as connection:
        at_once = await connection.run_sync(_statements)
    assert at_once == by_steps
    assert at_once.keys() >= tables.metadata.tables.keys()


@pytest.mark.sqlite
async def test_what_tests_make_once_is_what_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """See `made_once.tables`."""

    async def made(name: str) -> tuple[dict[str, frozenset[str]], str | None]:
        async with await Store.open(f"sqlite:///{tmp_path / name}.db") as store, store.database.read() as connection:
            return await connection.run_sync(_statements), await migrating.revision(store.database)

    await made("first")
    again = await made("again")
    monkeypatch.setattr(migrating, "_make", migrating._make.__wrapped__)  # type: ignore[attr-defined]  # of `wraps`
    assert again == await made("anew")


def _statements(connection: Connection) -> dict[str, frozenset[str]]:
    """By name of table or index: its clauses, order and spacing aside."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"
    )
    # A comma outside of parentheses ends a clause; a column that was added later stands on the line of the last one.
    return {
        name: frozenset(" ".join(clause.split()) for clause in re.split(r",\s+(?![^(]*\))|\n\)|\)$", sql))
        for name, sql in rows
    }


@pytest.mark.sqlite
async def test_a_database_of_the_first_version_is_brought_up_to_date(url: str) -> None:
    """With every row it has, and the ledger goes on where it stood."""
    before = await _old_database(url, "0001", OLD_ROWS)
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
            columns = await connection.run_sync(lambda one: _columns(one, "deliveries"))
        assert columns >= {"enhanced", "queue_id"}
        assert after["alembic_version"] == [(HEAD,)]
        assert after["bounces"] == []
        assert _with_the_new_columns(before, _added("0002")) == {name: after[name] for name in before}

        assert await store.ledger.balanced()
        sent, cut_off = await store.ledger.of_date(date(2025, 3, 11))
        assert (sent.state, sent.code, sent.reply, sent.enhanced, sent.queue_id) == (
            State.ACCEPTED,
            250,
            "2.0.0 Ok",
            "",
            "",
        )
        assert (cut_off.state, cut_off.phase, cut_off.resent) == (State.SENDING, Phase.DATA, False)
        assert await store.ledger.recover(datetime(2025, 3, 12, tzinfo=UTC), "hold") == 1
        assert await store.subscribers.suppressed() == {"ben@example.org": "one click"}


@pytest.mark.sqlite
async def test_a_database_of_the_second_version_is_brought_up_to_date(url: str) -> None:
    """Editions that were frozen when reasons were sentences are read; papers and readers lack nothing."""
    before = await _old_database(url, "0002", (*OLD_ROWS[:3], *ROWS_OF_0002))
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
        assert after["alembic_version"] == [(HEAD,)]
        assert _with_the_new_columns(before, _added("0003")) == {name: after[name] for name in before}

        known = await store.papers.get(["arxiv:1"])
        assert known == {"arxiv:1": Paper("arxiv:1", "Seeing", "We see.", ("Ada",), keys=("arxiv:1",), first_seen=DAY)}
        assert [reader.locale for reader in await store.subscribers.all()] == ["", ""]
        edition = await store.editions.find(DAY)
        assert edition is not None
        said = Reason(Why.TEXT, ("title says “Seeing”",))
        seeing = Pick("arxiv:1", "vision", 2.0, (("keywords", 1.5), ("trend", 0.5)), (said,))
        trending = Pick("arxiv:1", "trending", 0.5, (("trend", 0.5),), ())
        assert await store.editions.rankings(edition.id) == {
            "vision": Ranking(Topic("vision", "Vision"), (seeing,), None),
            "trending": Ranking(None, (trending,), None),
        }
        # What is written from now on has the new columns beside the old rows.
        robots = Ranking(Topic("robots", "Robots"), (), ("arxiv:1",))
        await store.editions.add_rankings(edition.id, [robots])
        assert (await store.editions.rankings(edition.id))["robots"] == robots


@pytest.mark.sqlite
async def test_a_database_of_the_third_version_is_brought_up_to_date(url: str) -> None:
    """Readers can say at once what they think of papers that are there already."""
    before = await _old_database(url, "0003", (*ROWS_OF_0003, *OLD_ROWS[2:3]))
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
        assert after["alembic_version"] == [(HEAD,)]
        assert (after["feedback"], after["personal_rankings"]) == ([], [])
        assert _with_the_new_columns(before, _added("0004")) == {name: after[name] for name in before}

        known = await store.papers.get(["arxiv:1"])
        assert known["arxiv:1"] == Paper(
            "arxiv:1", "Seeing", "We see.", ("Ada",), keys=("arxiv:1",), first_seen=DAY, venue="ICLR", votes=3
        )
        assert await store.feedback.record(7, "vision", "arxiv:1", Opinion.LIKE, datetime(2025, 3, 12, tzinfo=UTC))
        [said] = (await store.feedback.standing([7, 9]))[7]
        assert (said.paper, said.opinion) == ("arxiv:1", Opinion.LIKE)
        frozen = (await store.editions.rankings(5))["vision"]
        own = Ranking(frozen.topic, (), ("arxiv:1",))
        await store.editions.freeze_personal({(7, 5): [own]})
        assert await store.editions.personal([7, 9], [5]) == {(7, 5): {"vision": own}}


@pytest.mark.sqlite
async def test_a_database_of_the_fourth_version_is_brought_up_to_date(url: str) -> None:
    """Papers of which nobody knows where their words came from: any source that says so is believed."""
    before = await _old_database(url, "0004", ROWS_OF_0004)
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
        assert after["alembic_version"] == [(HEAD,)]
        assert (after["observations"], after["answers"], after["paces"]) == ([], [], [])
        assert _with_the_new_columns(before, _added("0005")) == {name: after[name] for name in before}
        known = (await store.papers.get(["arxiv:1"]))["arxiv:1"]
        assert (known.fields, known.origins) == ((), ())
        edition = await store.editions.find(DAY)
        assert edition is not None
        assert edition.answered == ()
        assert [one.verdict for one in await store.batches.newest()] == [Verdict.NEW]

        record = Paper("arxiv:2", "Hearing", "As arXiv has it.", keys=("arxiv:2",))
        batch = Batch("arxiv", "cs.CL", DAY, (record,), Verdict.NEW, "1 paper", kind="arxiv")
        await store.batches.remember(batch, datetime(2025, 3, 12, tzinfo=UTC))
        heard = (await store.papers.get(["arxiv:2"]))["arxiv:2"]
        assert (heard.abstract, dict(heard.origins)["abstract"]) == ("As arXiv has it.", "arxiv/arxiv")


@pytest.mark.sqlite
async def test_a_database_of_the_fifth_version_is_brought_up_to_date(url: str) -> None:
    """Readers of before have not paused and never signed up; they can do both."""
    row = "(7, 'ada@example.org', 'Ada', '[\"vision\"]', 'UTC', 7, 'daily', 'active', 'import', 'de')"
    before = await _old_database(url, "0005", (f"subscribers VALUES {row}",))
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
        assert _with_the_new_columns(before, _added("0006")) == {name: after[name] for name in before}
        [ada] = await store.subscribers.all()
        assert (ada.id, ada.paused_until, ada.asked_at) == (7, None, None)
        assert await store.subscribers.pause(7, DAY)
        assert await store.subscribers.wake(DAY) == 1


@pytest.mark.sqlite
async def test_a_database_of_the_sixth_version_is_brought_up_to_date(url: str) -> None:
    """Readers of before have no topics of their own and mute nothing; when they came, nobody noted."""
    row = "(7, 'ada@example.org', 'Ada', '[\"vision\"]', 'UTC', 7, 'daily', 'active', 'web', 'de', NULL, NULL, NULL)"
    before = await _old_database(url, "0006", (f"subscribers VALUES {row}",))
    async with await Store.open(url) as store:
        async with store.database.read() as connection:
            after = await connection.run_sync(_rows)
        assert _with_the_new_columns(before, _added("0007")) == {name: after[name] for name in before}
        [ada] = await store.subscribers.all()
        assert (ada.own, ada.muted_words, ada.muted_authors, ada.joined_at) == ((), (), (), None)
        assert await store.subscribers.mute(7, ["survey"], [])


async def _old_database(url: str, revision: str, rows: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
    """Make a database of that revision with these rows; what it holds then."""

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    database = Database(url, 1)
    async with database.write() as connection:
        await connection.run_sync(upgrade)
        for row in rows:
            await connection.exec_driver_sql(f"INSERT INTO {row}")
    async with database.read() as connection:
        held = await connection.run_sync(_rows)
    await database.close()
    assert held["alembic_version"] == [(revision,)]
    assert sum(map(len, held.values())) == len(rows) + 1
    return held


def _with_the_new_columns(
    rows: dict[str, list[tuple[object, ...]]], added: dict[str, tuple[object, ...]]
) -> dict[str, list[tuple[object, ...]]]:
    """`rows` as they have to be at HEAD: every row with the defaults of the columns that were added to its table."""
    return {name: [(*row, *added.get(name, ())) for row in found] for name, found in rows.items()} | {
        "alembic_version": [(HEAD,)]
    }


_ADDED: dict[str, dict[str, tuple[object, ...]]] = {
    "0002": {"deliveries": ("", "")},
    "0003": {"papers": ("", None, 0, None, "", ""), "subscribers": ("",), "rankings": (None,)},
    "0004": {"papers": ("[]", "[]"), "rankings": (None,), "deliveries": (None,)},
    "0005": {"papers": ("[]", "{}"), "batches": (None, None, ""), "editions": (None,)},
    "0006": {"subscribers": (None, None, None)},
    "0007": {"subscribers": (None, "[]", "[]", "[]")},
    "0010": {"audiences": (0,)},
    "0011": {"deliveries": (None,), "batches": (None,)},
    "0020": {"posts": (None,)},
}


def _added(since: str) -> dict[str, tuple[object, ...]]:
    """What each row of a table gained by the revision `since` and all that came after it."""
    added: dict[str, tuple[object, ...]] = {}
    for revision in sorted(_ADDED):
        if revision >= since:
            for name, values in _ADDED[revision].items():
                added[name] = added.get(name, ()) + values
    return added


_PICKS = (
    '[{"paper": "arxiv:1", "topic": "vision", "score": 2.0, "parts": [["keywords", 1.5], ["trend", 0.5]], '
    '"reasons": ["title says “Seeing”"]}]'
)
_TRENDING_PICKS = '[{"paper": "arxiv:1", "topic": "trending", "score": 0.5, "parts": [["trend", 0.5]], "reasons": []}]'
ROWS_OF_0002 = (
    "papers VALUES ('arxiv:1', 'Seeing', 'We see.', '[\"Ada\"]', '[]', '2025-03-11')",
    "paper_keys VALUES ('arxiv:1', 'arxiv:1', 0)",
    "editions VALUES (5, '2025-03-11', '[\"AK\"]')",
    "edition_papers VALUES (5, 1, 'arxiv:1')",
    f"""rankings VALUES (5, 'vision', '{{"slug": "vision", "name": "Vision"}}', '{_PICKS}')""",
    f"rankings VALUES (5, 'trending', NULL, '{_TRENDING_PICKS}')",
    "deliveries VALUES (3, 7, '2025-03-11', 'accepted', NULL, NULL, NULL, 1, NULL, 0, '', 250, '2.0.0 Ok', "
    "'<3@example.org>', 2, 7, 4321, '2025-03-11 07:00:00', '2.0.0', '4F2A')",
    "bounces VALUES (1, 7, 'ada@example.org', 'hard', '<3@example.org>', '5.1.1', 'gone', 'abc', "
    "'2025-03-11 09:00:00')",
)

ROWS_OF_0003 = (
    "subscribers VALUES (7, 'ada@example.org', 'Ada', '[\"vision\"]', 'UTC', 7, 'daily', 'active', 'file', 'de')",
    "papers VALUES ('arxiv:1', 'Seeing', 'We see.', '[\"Ada\"]', '[]', '2025-03-11', 'ICLR', NULL, 0, 3, '', '')",
    *ROWS_OF_0002[1:4],
    f"""rankings VALUES (5, 'vision', '{{"slug": "vision", "name": "Vision"}}', '{_PICKS}', '[]')""",
)

ROWS_OF_0004 = (
    "papers VALUES ('arxiv:1', 'Seeing', 'We see.', '[]', '[]', '2025-03-11', '', NULL, 0, 3, '', '', '[]', '[]')",
    "papers VALUES ('arxiv:2', 'Hearing', 'On a page.', '[]', '[]', '2025-03-11', '', NULL, 0, 3, '', '', '[]', '[]')",
    "paper_keys VALUES ('arxiv:1', 'arxiv:1', 0)",
    "paper_keys VALUES ('arxiv:2', 'arxiv:2', 0)",
    "batches VALUES (1, 'page', 'a.txt', '2025-03-11', 'new', '2 papers', 2, 2, '', '[]', '2025-03-11 07:00:00')",
    *ROWS_OF_0002[2:4],
)

OLD_ROWS = (
    "subscribers VALUES (7, 'ada@example.org', 'Ada', '[\"vision\"]', 'UTC', 7, 'daily', 'active', 'file')",
    "subscribers VALUES (9, 'ben@example.org', '', '[]', 'UTC', 7, 'daily', 'left', 'import')",
    "suppressions VALUES ('ben@example.org', 'one click', '2025-03-10 00:00:00')",
    "deliveries VALUES (3, 7, '2025-03-11', 'accepted', NULL, NULL, NULL, 1, NULL, 0, '', 250, '2.0.0 Ok', "
    "'<3@example.org>', 2, 7, 4321, '2025-03-11 07:00:00')",
    "deliveries VALUES (4, 9, '2025-03-11', 'sending', 'data', 'host:1:a', '2025-03-11 08:00:00', 2, NULL, 0, '', "
    "NULL, '', '<4@example.org>', 1, 2, 3, '2025-03-11 07:00:00')",
    "audiences VALUES ('2025-03-11', 2)",
)


def _rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as SQLite keeps it."""
    names = inspect(connection).get_table_names()
    return {
        name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1")] for name in names
    }


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


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
