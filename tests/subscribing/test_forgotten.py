"""Forgotten, left, paused: what stays of a reader, and that nobody else's mail depends on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import databases
import pytest

from newsletter.assembly import opened_daily
from newsletter.daily import Daily
from newsletter.model import Rhythm, State, Status, Subscriber
from newsletter.settings import configuration_folder, load
from newsletter.store import Store
from newsletter.store.subscribers import Confirmed

DAY = date(2025, 3, 12)
AT = datetime(2025, 3, 12, 9, tzinfo=UTC)
ADA, BEA = (Subscriber(f"{name}@example.org", origin="import") for name in ("ada", "bea"))
REVIVABLE = ("left",)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as store:
        yield store


@pytest.fixture
async def daily(tmp_path: Path) -> AsyncIterator[Daily]:
    flags = {"state_dir": tmp_path / "var", "secret_keys": ["a-key-for-the-tests"], "ranking": {"models": "none"}}
    configuration = replace(load(configuration_folder(), flags), subscribers=())
    async with opened_daily(configuration, now=lambda: AT) as daily:
        await daily.store.subscribers.add([ADA, BEA])
        yield daily


async def states(daily: Daily, day: date) -> dict[str, State]:
    return {one.address: one.state for one in await daily.store.ledger.of_date(day)}


async def only(store: Store, address: str) -> Subscriber:
    found = await store.subscribers.find(address)
    assert found is not None
    return found


@pytest.mark.parametrize("open_as", [State.READY, State.DEFERRED, State.UNKNOWN])
async def test_a_forgotten_readers_open_message_stops_nobody(daily: Daily, open_as: State) -> None:
    await daily.run(AT, DAY - timedelta(days=1))
    bea = await only(daily.store, BEA.address)
    async with daily.store.database.write() as connection:
        await connection.exec_driver_sql(f"UPDATE deliveries SET state = '{open_as}' WHERE subscriber_id = {bea.id}")
    assert await daily.store.subscribers.forget(bea.id, "forgotten", AT)
    for _ in range(2):
        report = await daily.run(AT, DAY)
        assert report.failure is None
    assert (await states(daily, DAY))[ADA.address] is State.ACCEPTED
    assert (await states(daily, DAY - timedelta(days=1)))[f"forgotten reader {bea.id}"] is State.SKIPPED
    assert await daily.store.ledger.balanced()


async def test_no_file_writes_a_forgotten_reader_down_again(store: Store) -> None:
    of_file = replace(ADA, origin="file", name="Ada", topics=("robots",))
    await store.subscribers.sync_file([of_file])
    await store.subscribers.forget((await only(store, ADA.address)).id, "forgotten", AT)
    await store.subscribers.sync_file([of_file])
    [one] = await store.subscribers.all()
    assert (one.address, one.name, one.topics) == ("forgotten reader 1", "", ())
    assert list(await store.suppressions.among([ADA.address])) == []  # not by name
    assert (await store.suppressions.find(ADA.address)) is not None


async def test_what_a_relay_says_afterwards_is_not_kept(daily: Daily) -> None:
    await daily.run(AT, DAY)
    bea = await only(daily.store, BEA.address)
    await daily.store.subscribers.forget(bea.id, "forgotten", AT)
    async with daily.store.database.write() as connection:
        await connection.exec_driver_sql("UPDATE deliveries SET reply = '250 <bea@example.org> ok'")
    await daily.store.subscribers.stay_forgotten()
    replies = {one.address: one.reply for one in await daily.store.ledger.of_date(DAY)}
    assert replies[f"forgotten reader {bea.id}"] == ""
    assert replies[ADA.address] == "250 <bea@example.org> ok"


async def test_whoever_types_an_address_changes_nothing_of_its_reader(store: Store) -> None:
    past = replace(ADA, name="Ada", topics=("robots",), timezone="America/New_York", rhythm=Rhythm.WEEKLY)
    await store.subscribers.add([past])
    await store.subscribers.leave(ADA.address, "left", AT)
    asked = Subscriber(ADA.address, topics=("shells",), rhythm=Rhythm.WEEKDAYS, origin="web")
    waiting = await store.subscribers.sign_up(asked, AT, REVIVABLE)
    assert waiting is not None
    assert (waiting.status, waiting.name, waiting.topics, waiting.origin) == (
        Status.PENDING,
        "Ada",
        ("robots",),
        "import",
    )
    # Nobody confirms it: they have left, as before.
    assert await store.subscribers.give_up(AT + timedelta(days=8)) == 1
    left = await only(store, ADA.address)
    assert replace(left, id=0) == replace(past, status=Status.LEFT)
    # And if they do, their wishes count.
    await store.subscribers.sign_up(asked, AT, REVIVABLE)
    assert await store.subscribers.confirm(left.id, ADA.address, REVIVABLE) is Confirmed.NOW
    back = await only(store, ADA.address)
    assert (back.status, back.topics, back.rhythm, back.origin) == (Status.ACTIVE, ("shells",), Rhythm.WEEKDAYS, "web")
    assert await store.subscribers.suppressed() == {}


async def test_a_stranger_who_never_confirms_is_gone(store: Store) -> None:
    await store.subscribers.sign_up(Subscriber(ADA.address, origin="web"), AT, REVIVABLE)
    assert await store.subscribers.give_up(AT + timedelta(days=8)) == 1
    assert await store.subscribers.all() == []


async def test_a_pause_ends_by_the_calendar_and_by_leaving(daily: Daily) -> None:
    bea = await only(daily.store, BEA.address)
    await daily.store.subscribers.pause(bea.id, date(2025, 6, 1))
    await daily.run(AT, date(2025, 7, 1))  # a rehearsal of the operator's for a day to come
    assert (await only(daily.store, BEA.address)).status is Status.PAUSED
    await daily.store.subscribers.leave(BEA.address, "left", AT)
    assert (await only(daily.store, BEA.address)).paused_until is None


async def test_a_message_that_never_went_out_counts_as_nothing(daily: Daily) -> None:
    """Asked for once more while its reader pauses, it is skipped again; its papers come after the pause."""
    bea = await only(daily.store, BEA.address)
    first, second = DAY - timedelta(days=1), DAY
    await daily.collect()
    await daily.publishing.freeze(first)
    await daily.publishing.plan(first)
    await daily.store.subscribers.pause(bea.id, date(2025, 6, 1))
    await daily.run(AT, first)
    await daily.store.ledger.reopen({State.SKIPPED}, address=BEA.address, at=AT)
    await daily.run(AT, first)
    assert (await states(daily, first))[BEA.address] is State.SKIPPED
    await daily.store.subscribers.resume(bea.id)
    edition = await daily.publishing.freeze(second)
    assert edition is not None
    spans = await daily.publishing.spans([await only(daily.store, BEA.address)], second)
    assert [one.day for one in spans[bea.id]] == [first, second]
