"""What a run asks of a store with very many readers: some of them at a time, and counts instead of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Opinion, Rhythm, State, Status, Subscriber, Topic
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAYS = [date(2025, 3, 10), date(2025, 3, 11), date(2025, 3, 12)]


@pytest.fixture
async def crowd(store: Store) -> Store:
    """A store with readers 1 to 1200."""
    await store.subscribers.add([Subscriber(f"r{n}@example.org", topics=("robots",) * (n % 2)) for n in range(1, 1201)])
    return store


async def settled(store: Store, day: date, state: State, number: int, **said: datetime) -> None:
    """Settle the next `number` deliveries of `day`."""
    for one in await store.ledger.claim(day, "me", NOW, timedelta(minutes=5), number):
        await store.ledger.settle(one, "me", NOW, state, **said)


async def test_slices_are_everybody_once(crowd: Store) -> None:
    slices = [found async for found in crowd.subscribers.slices(500)]
    assert [len(found) for found in slices] == [500, 500, 200]
    assert [one for found in slices for one in found] == await crowd.subscribers.all()


async def test_ranges_have_everybody_once_and_the_last_those_who_come(crowd: Store) -> None:
    ranges = await crowd.subscribers.ranges(500)
    assert ranges == [(0, 500), (500, 1000), (1000, None)]
    await crowd.subscribers.add([Subscriber("late@example.org")])
    found = [
        one.id for after, until in ranges async for some in crowd.subscribers.slices(300, after, until) for one in some
    ]
    assert found == list(range(1, 1202))
    assert await crowd.subscribers.ranges(1201) == [(0, None)]


async def test_nobody_is_one_range(store: Store) -> None:
    assert await store.subscribers.ranges(500) == [(0, None)]


async def test_nothing_stays_open_between_two_slices(crowd: Store) -> None:
    seen: dict[int, Status] = {}
    async for found in crowd.subscribers.slices(400):
        seen |= {one.id: one.status for one in found}
        if len(seen) == 400:
            await crowd.subscribers.add([Subscriber("late@example.org")])
            await crowd.subscribers.leave("r1200@example.org", "left", NOW)
    assert seen == dict.fromkeys(range(1, 1202), Status.ACTIVE) | {1200: Status.LEFT}


async def test_readers_of_some_ids(crowd: Store) -> None:
    found = await crowd.subscribers.of([7, 1200, 9999, 7, *range(20, 700)])
    assert found.keys() == {7, 1200, *range(20, 700)}
    assert all(one.id == number for number, one in found.items())
    assert await crowd.subscribers.of([]) == {}


async def test_a_reader_is_read_as_written(store: Store) -> None:
    own = Topic("~brains", "Brains", keywords=("cortex", "spike"), min_score=0.5)
    ada = Subscriber(
        "ada@example.org", "Ada", ("robots", "vision"), "Europe/Berlin", 6, Rhythm.WEEKLY, Status.ACTIVE, "web", "de"
    )
    await store.subscribers.add([ada], NOW)
    wishes = {"topics": ada.topics, "timezone": ada.timezone, "hour": 6, "rhythm": Rhythm.WEEKLY, "locale": "de"}
    assert await store.subscribers.change(1, **wishes, own=[own])  # type: ignore[arg-type]  # a mapping of many types
    assert await store.subscribers.mute(1, ["soup", "“x”"], ["Bo"])
    assert await store.subscribers.pause(1, date(2025, 4, 1))
    muted = {"muted_words": ("soup", "“x”"), "muted_authors": ("Bo",)}
    changed = {"status": Status.PAUSED, "paused_until": date(2025, 4, 1), "own": (own,), "id": 1, "joined_at": NOW}
    assert await store.subscribers.all() == [replace(ada, **muted, **changed)]  # type: ignore[arg-type]  # the same


async def test_the_file_is_held_against_its_own_readers(crowd: Store) -> None:
    one, two = Subscriber("r7@example.org", "Seven"), Subscriber("new@example.org")
    await crowd.subscribers.sync_file([one, two])
    assert [reader.id for reader in await crowd.subscribers.all() if reader.origin == "file" and reader.name] == [7]
    await crowd.subscribers.sync_file([two])
    found = await crowd.subscribers.of([7, 8])
    assert [(reader.status, reader.origin) for reader in found.values()] == [
        (Status.LEFT, "web"),
        (Status.LEFT, "web"),  # they were added as the file's own
    ]


async def test_the_ledger_tells_of_some_readers(crowd: Store) -> None:
    ledger = crowd.ledger
    for day in DAYS:
        await ledger.plan(day, range(1, 701), NOW)
        await settled(crowd, day, State.ACCEPTED, 3)
    everybody = await ledger.last_settled()
    assert everybody == dict.fromkeys((1, 2, 3), DAYS[2])
    assert await ledger.last_settled(range(2, 900)) == dict.fromkeys((2, 3), DAYS[2])
    assert await ledger.last_settled([2], before=DAYS[2]) == {2: DAYS[1]}
    assert await ledger.last_settled([2], before=DAYS[1], after=DAYS[0]) == {}
    assert await ledger.first_planned([1, 700, 701]) == {1: DAYS[0], 700: DAYS[0]}
    assert await ledger.first_planned() == dict.fromkeys(range(1, 701), DAYS[0])
    assert await ledger.planned(DAYS[1], [700, 701]) == {700: NOW}
    assert await ledger.readers(DAYS[1]) == set(range(1, 701))
    assert await ledger.readers(date(2025, 1, 1)) == set()


async def test_the_ledger_counts_a_date(crowd: Store) -> None:
    ledger = crowd.ledger
    await ledger.plan(DAYS[0], range(1, 601), NOW)
    await settled(crowd, DAYS[0], State.ACCEPTED, 2)
    later = NOW + timedelta(hours=1)
    await settled(crowd, DAYS[0], State.DEFERRED, 1, next_at=later)
    await settled(crowd, DAYS[0], State.DEFERRED, 1, next_at=later + timedelta(hours=1))
    await ledger.plan(DAYS[1], [601], NOW)
    counts = await ledger.counts(DAYS[0])
    assert {state: number for state, number in counts.items() if number} == {
        State.ACCEPTED: 2,
        State.DEFERRED: 2,
        State.READY: 596,
    }
    assert sum((await ledger.counts()).values()) == 601
    assert await ledger.next_at(DAYS) == later
    assert await ledger.next_at(DAYS[1:]) is None
    assert set(await ledger.waiting([DAYS[0]], 1000)) == set(range(3, 601))
    assert len(await ledger.waiting(DAYS, 10)) == 10
    assert [one.id for one in await ledger.first(DAYS[1], 3, [4, 3])] == [3, 4, 601]
    assert [one.id for one in await ledger.first(DAYS[0], 3)] == [1, 2, 3]
    assert [one.id for one in await ledger.first(DAYS[1], 1, [4, 3])] == [3]


async def test_only_rows_of_those_who_are_planned_are_superseded(crowd: Store) -> None:
    await crowd.ledger.plan(DAYS[0], range(1, 1201), NOW)
    await crowd.ledger.plan(DAYS[1], [700], NOW)
    await crowd.ledger.plan(DAYS[2], range(1, 601), NOW)
    superseded = {one.subscriber_id for one in await crowd.ledger.deliveries(state=State.SUPERSEDED)}
    assert superseded == {*range(1, 601), 700}
    assert await crowd.ledger.balanced()


async def test_who_ever_spoke_and_who_is_suppressed(crowd: Store) -> None:
    async with crowd.database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO papers (id, title, abstract, authors, links) VALUES ('p', 'P', '', '[]', '[]')"
        )
    for reader in (3, 900):
        await crowd.feedback.record(reader, "robots", "p", Opinion.LIKE, NOW)
    await crowd.feedback.reset(3, NOW)
    assert await crowd.feedback.speakers(range(1, 1201)) == {3, 900}
    assert await crowd.feedback.speakers([1, 900]) == {900}
    await crowd.suppressions.add("r5@example.org", "operator", NOW)
    found = await crowd.suppressions.among(f"r{n}@example.org" for n in range(1, 1201))
    assert {address: one.reason for address, one in found.items()} == {"r5@example.org": "operator"}
