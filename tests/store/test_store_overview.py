"""The overview counts what is there, in the database, and its lists end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from newsletter.model import Batch, State, Status, Subscriber, Verdict
from newsletter.store import Store, tables
from newsletter.store.overview import Answers, _utc_day

DAY = date(2025, 3, 12)
NOON = datetime.combine(DAY, time(12), UTC)
READERS = [Subscriber(f"reader{number}@example.org", origin="import") for number in range(6)]


def before(days: int) -> date:
    return DAY - timedelta(days)


async def answer(store: Store, source: str, document: str, verdict: Verdict, at: datetime, **more: object) -> None:
    batch = Batch(source, document, at.date(), (), verdict, "why", **more)  # type: ignore[arg-type]  # by name
    await store.batches.remember(batch, at)


async def test_an_empty_store_has_an_overview(store: Store) -> None:
    overview = store.overview
    assert await overview.deliveries_by_day(before(3), DAY) == {}
    assert (await overview.newest_date(), await overview.editions()) == (None, (0, None))
    assert await overview.newest_tried() is None
    assert await overview.readers_by_day(before(2), DAY) == [(before(1), 0), (DAY, 0)]
    assert (await overview.answers(before(3), DAY), await overview.sources()) == ([], [])
    assert [(await one).total for one in (overview.deliveries(), overview.batches(), overview.suppressions())] == [
        0
    ] * 3


async def test_deliveries_are_counted_by_day_and_state(store: Store) -> None:
    await store.subscribers.add(READERS)
    for days, number in ((2, 3), (1, 6), (0, 2)):
        await store.ledger.plan(before(days), range(1, number + 1), NOON)
    await store.subscribers.leave("reader0@example.org", "left", NOON)
    await store.ledger.claim(before(1), "me", NOON, timedelta(hours=1), 3)
    counted = await store.overview.deliveries_by_day(before(2), DAY)
    assert counted == {
        before(1): {State.SUPERSEDED: 2, State.SENDING: 3, State.READY: 1},
        DAY: {State.READY: 2},
    }
    assert await store.overview.newest_date() == DAY
    totals = {state: sum(day.get(state, 0) for day in counted.values()) for state in State}
    for state in State:
        assert (await store.overview.deliveries(state=state, since=before(1))).total == totals[state]


async def test_the_newest_date_of_which_any_was_tried(store: Store) -> None:
    await store.subscribers.add(READERS)
    for days in (2, 1, 0):
        await store.ledger.plan(before(days), [1, 2], NOON)
    for state, day in ((State.SKIPPED, DAY), (State.REFUSED, before(1))):
        assert await store.overview.newest_tried() is None
        await store.ledger.plan(day, [3], NOON)
        [*_, one] = await store.ledger.claim(day, "me", NOON, timedelta(hours=1), 3)
        await store.ledger.settle(one, "me", NOON, state)
    assert await store.overview.newest_tried() == before(1)


async def test_deliveries_come_in_pages_newest_first(store: Store) -> None:
    await store.subscribers.add(READERS)
    for days in (1, 0, 2):  # a past day was planned last
        await store.ledger.plan(before(days), range(1, 7), NOON)
    seen, place = [], None
    while True:
        page = await store.overview.deliveries(before=place, limit=4)
        assert page.total == 18
        seen += [(one.local_date, one.id) for one in page.rows]
        if not page.more:
            break
        place = seen[-1]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 18
    found = await store.overview.deliveries(search="READER3@", subscriber_id=4)
    assert {one.address for one in found.rows} == {"reader3@example.org"}
    assert (await store.overview.deliveries(search="reader_@")).total == 0
    one = await store.overview.delivery(seen[0][1])
    assert one
    assert (one.id, one.local_date) == (seen[0][1], DAY)
    assert await store.overview.delivery(4711) is None


async def test_a_source_has_one_verdict_a_day(store: Store) -> None:
    midnight = datetime.combine(DAY, time(), UTC)
    await answer(store, "page", "page", Verdict.QUIET, midnight - timedelta(seconds=1))
    await answer(store, "page", "page", Verdict.NEW, midnight)
    await answer(store, "page", "page", Verdict.NEW, midnight + timedelta(hours=1))  # the store says: same
    await answer(store, "two", "a", Verdict.BROKEN, NOON)
    await answer(store, "two", "a", Verdict.QUIET, NOON + timedelta(hours=1))
    await answer(store, "two", "b", Verdict.PARTIAL, NOON)
    await answer(store, "past", "c", Verdict.BROKEN, NOON, asked=before(300))  # a back-fill is no news
    assert await store.overview.answers(before(2), DAY) == [
        Answers("page", before(1), Verdict.QUIET),
        Answers("page", DAY, (await store.batches.newest())[0].verdict),
        Answers("two", DAY, Verdict.PARTIAL),
    ]
    assert await store.overview.answers(DAY, DAY + timedelta(5)) == []
    assert await store.overview.sources() == ["page", "past", "two"]


async def test_batches_are_found_and_come_in_pages(store: Store) -> None:
    for number in range(5):
        await answer(store, "page", f"d{number}", Verdict.QUIET, NOON + timedelta(days=number))
    await answer(store, "other", "x", Verdict.BROKEN, NOON)
    first = await store.overview.batches(source="page", limit=2)
    assert (first.total, first.more, [one.document for _, one in first.rows]) == (5, True, ["d4", "d3"])
    rest = await store.overview.batches(source="page", before=first.rows[-1][0], limit=10)
    assert (rest.more, [one.document for _, one in rest.rows]) == (False, ["d2", "d1", "d0"])
    assert [one.source for _, one in (await store.overview.batches(verdict=Verdict.BROKEN)).rows] == ["other"]
    assert (await store.overview.batches(day=DAY)).total == 2
    assert (await store.overview.batches(day=before(1))).total == 0


async def test_readers_come_and_go(store: Store) -> None:
    def at(days: int) -> datetime:
        return datetime.combine(before(days), time(8), UTC)

    await store.subscribers.add(READERS[:1])  # nobody noted when
    await store.subscribers.add(READERS[1:2], at(30))
    await store.subscribers.add(READERS[2:3], at(3))
    await store.subscribers.add(READERS[3:5], at(2))
    await store.subscribers.sync_file([Subscriber("file@example.org")], at(1))
    await store.subscribers.leave("reader1@example.org", "left", at(3))  # came before, left within
    await store.subscribers.leave("reader3@example.org", "left", at(1))  # came and left within
    await store.suppressions.add("stranger@example.org", "operator", at(1))  # never was one
    await store.subscribers.sign_up(replace(READERS[5], origin="web"), at(2), ())  # waits
    await store.subscribers.pause(5, DAY + timedelta(9))
    grown = await store.overview.readers_by_day(before(5), DAY)
    assert grown == [(before(4), 2), (before(3), 2), (before(2), 4), (before(1), 4), (DAY, 4)]
    counts = await store.subscribers.counts()
    assert grown[-1][1] == counts[Status.ACTIVE] + counts[Status.PAUSED]
    await store.subscribers.sync_file([], at(0))  # left without a suppression: nobody knows when
    assert (await store.overview.readers_by_day(before(1), DAY))[-1][1] == 3


async def test_suppressions_are_found_with_their_readers(store: Store) -> None:
    await store.subscribers.add(READERS[:1])
    for address, reason in (("reader0@example.org", "left"), ("a@example.org", "100% sure"), ("b@example.org", "x")):
        await store.suppressions.add(address, reason, NOON)
    page = await store.overview.suppressions(limit=2)
    assert (page.total, page.more) == (3, True)
    rest = await store.overview.suppressions(after=page.rows[-1][0].address)
    assert [(one.address, number) for one, number in page.rows + rest.rows] == [
        ("a@example.org", None),
        ("b@example.org", None),
        ("reader0@example.org", 1),
    ]
    assert [one.address for one, _ in (await store.overview.suppressions(search="0%")).rows] == ["a@example.org"]
    assert await store.overview.suppressed() == 3
    found = await store.suppressions.find("b@example.org")
    assert found
    assert found.reason == "x"
    assert await store.suppressions.find("c@example.org") is None


@pytest.mark.parametrize("search", ["", "reader", "5@", "%", "Nobody"])
async def test_readers_are_counted_as_they_are_listed(store: Store, search: str) -> None:
    await store.subscribers.add(READERS)
    await store.subscribers.leave("reader2@example.org", "left", NOON)
    for status in (None, *Status):
        listed = await store.subscribers.page(status=status, search=search)
        assert await store.overview.readers(status, search) == len(listed)


def test_days_are_those_of_utc_on_both_databases() -> None:
    query = select(_utc_day(tables.batches.c.collected_at))
    other = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types it not
    assert "date(timezone('UTC', batches.collected_at))" in str(query.compile(dialect=other))
    assert "date(batches.collected_at)" in str(query)
