"""How PostgreSQL goes about what is asked for every message: by an index, in one day's partition, whatever the age of
the ledger, and whether the server has statistics yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import postgres
import pytest
from sqlalchemy import event

from newsletter.model import State
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAYS = [date(2025, 3, day) for day in range(1, 11)]
READERS = 3_000
LEASE = timedelta(minutes=10)


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.database() as made:
        yield made


async def _fill(store: Store) -> None:
    """Ten days of three thousand readers, all but the last accepted."""
    async with store.database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO subscribers (address, name, topics, timezone, hour, rhythm, status, origin) "
            "SELECT 'r' || n || '@example.org', '', '[]', 'UTC', 7, 'daily', 'active', 'web' "
            f"FROM generate_series(1, {READERS}) n"
        )
    for day in DAYS:
        await store.ledger.plan(day, range(1, READERS + 1), NOW)
        if day != DAYS[-1]:
            async with store.database.write() as connection:
                settled = "state = 'accepted', message_id = '<' || id || '@x>'"
                await connection.exec_driver_sql(f"UPDATE deliveries SET {settled} WHERE local_date = '{day}'")


@pytest.mark.parametrize("analyzed", [False, True], ids=["a day just planned", "a day the server knows"])
async def test_nothing_that_is_asked_for_every_message_reads_a_whole_table(server: str, analyzed: bool) -> None:
    async with await Store.open(server) as store:
        await _fill(store)
        if analyzed:
            async with store.database.write() as connection:
                await connection.exec_driver_sql("ANALYZE")
        asked = await _heard(store)
        assert len(asked) > 12
        for direct, statement, parameters in asked:
            plan = await _plan(store, direct, statement, parameters)
            read = {name for kind, name in plan if kind == "Seq Scan"}
            if analyzed:  # of tables it knows nothing of, it believes that they are small
                assert not {one for one in read if one.startswith(("deliveries", "subscribers"))}, (statement, plan)
            if "FOR UPDATE" in statement:
                assert "Sort" not in {kind for kind, _ in plan}, (statement, plan)
                assert "deliveries_on_2025_03_10" not in read, (statement, plan)
            if statement.startswith("UPDATE deliveries") and "superseded" not in str(parameters):
                assert {name for _, name in plan if name.startswith("deliveries_on")} <= {"deliveries_on_2025_03_10"}


async def _heard(store: Store) -> list[tuple[bool, str, Any]]:
    """What the store asks for a slice: whether by the ledger's own connection, the statement, its parameters."""
    heard: list[tuple[bool, str, Any]] = []
    reading, direct = store.database.engines()

    def note(connection: Any, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "INSERT")):
            several = parameters[0] if isinstance(parameters, list) else parameters
            heard.append((connection.engine.pool is direct.pool, statement, several))

    for engine in (reading, direct):
        event.listen(engine, "before_cursor_execute", note)
    try:
        await _a_slice(store)
    finally:
        for engine in (reading, direct):
            event.remove(engine, "before_cursor_execute", note)
    return heard


async def _a_slice(store: Store) -> None:
    """What delivering asks the store between claim and settling."""
    day, ledger = DAYS[-1], store.ledger
    await ledger.open_counts(DAYS[0])
    claimed = await ledger.claim(day, "me", NOW, LEASE, 50)
    ids = [one.subscriber_id for one in claimed]
    await store.subscribers.of(ids)
    await store.suppressions.among([one.address for one in claimed])
    await ledger.last_settled(ids, before=day, after=DAYS[2])
    await ledger.first_planned(ids)
    await ledger.planned(day, ids)
    await store.feedback.speakers(ids)
    for one in claimed:
        await ledger.begin_data(one, "me", NOW, message_id=f"<{one.id}@y>", sections=1, papers=1, size=1)
    await ledger.settle(claimed[0], "me", NOW, State.ACCEPTED, code=250)
    await ledger.settle(claimed[1], "me", NOW, State.DEFERRED, code=451, next_at=NOW + LEASE)
    await store.bounces.find_subscriber(f"<{claimed[0].id}@y>")
    await ledger.next_at([day])
    await ledger.release("me", NOW)
    await ledger.plan(day, ids, NOW)


async def _plan(store: Store, direct: bool, statement: str, parameters: Any) -> list[tuple[str, str]]:
    """The kinds of nodes in the plan of a statement, each with the table or index it reads."""
    explain = f"EXPLAIN (FORMAT JSON) {statement}"
    if direct:
        row = await store.database.write_at_once(lambda one: one.exec_driver_sql(explain, parameters).scalar_one())
    else:
        async with store.database.write_beside() as connection:
            row = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
    found: list[tuple[str, str]] = []

    def visit(node: dict[str, Any]) -> None:
        found.append((str(node["Node Type"]), str(node.get("Relation Name", node.get("Index Name", "")))))
        for child in node.get("Plans", []):
            visit(child)

    for one in row if not isinstance(row, str) else json.loads(row):
        visit(one["Plan"])
    return found
