"""Steps and alerts, on both kinds of database; what is said of the mail as it stands."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

import pytest
from builders import subscriber

from newsletter.model import State
from newsletter.store import Alert, Store
from newsletter.store.overview import Deferred

NOW = datetime.fromisoformat("2025-03-12T07:00:00+00:00")
DAY = date(2025, 3, 12)
LEASE = timedelta(minutes=15)


async def test_a_step_is_one_row_however_often_it_is_done(store: Store) -> None:
    await store.steps.note("plan", NOW, 1.5, day=DAY)
    await store.steps.note("plan", NOW + LEASE, 0.5, why="the disk is full")
    await store.steps.note("collect", NOW, 2.0)
    steps = await store.steps.all()
    assert list(steps) == ["collect", "plan"]
    plan = steps["plan"]
    assert (plan.times, plan.failures, plan.seconds, plan.last_seconds) == (2, 1, 2.0, 0.5)
    assert (plan.good_at, plan.good_day, plan.failed_at, plan.why) == (NOW, DAY, NOW + LEASE, "the disk is full")
    assert plan.ended_at == NOW + LEASE
    assert (steps["collect"].failures, steps["collect"].failed_at, steps["collect"].why) == (0, None, "")


async def test_many_at_once_are_all_counted(store: Store) -> None:
    await asyncio.gather(*(store.steps.note("deliver", NOW, 0.25) for _ in range(20)))
    found = (await store.steps.all())["deliver"]
    assert (found.times, found.seconds) == (20, 5.0)


def alert(name: str, at: datetime = NOW) -> Alert:
    return Alert(name, f"{name} happened", "words", at)


async def test_an_event_is_noted_once_and_taken_by_one(store: Store) -> None:
    noted = await asyncio.gather(*(store.alerts.note(alert("flood")) for _ in range(5)))
    assert sorted(noted) == [False, False, False, False, True]
    taken = await asyncio.gather(*(store.alerts.take(NOW, LEASE, NOW) for _ in range(5)))
    assert [one for one in taken if one] == [alert("flood")]


async def test_it_is_free_again_when_it_is_given_back_or_the_lease_is_over(store: Store) -> None:
    take = store.alerts.take
    await store.alerts.note(alert("flood"))
    assert await take(NOW, LEASE, NOW)
    await store.alerts.give_back("flood")
    assert await take(NOW, LEASE, NOW)
    assert await take(NOW + LEASE / 2, LEASE, NOW) is None
    assert await take(NOW + LEASE, LEASE, NOW)
    await store.alerts.told("flood", NOW)
    assert await take(NOW + 9 * LEASE, LEASE, NOW) is None
    assert [one.told_at for one in await store.alerts.newest(9)] == [NOW]


async def test_the_oldest_is_taken_first_and_what_is_too_old_never(store: Store) -> None:
    for hours, name in ((-9, "old"), (0, "late"), (-2, "early")):
        await store.alerts.note(alert(name, NOW + timedelta(hours=hours)))
    since = NOW - timedelta(hours=3)
    taken = [await store.alerts.take(NOW, LEASE, since) for _ in range(3)]
    assert [one and one.event for one in taken] == ["early", "late", None]
    assert [one.event for one in await store.alerts.newest(2)] == ["late", "early"]


async def test_an_empty_ledger_tells_nothing(store: Store) -> None:
    overview = store.overview
    assert await overview.last_accepted() is None
    assert not await overview.accepted_since(NOW)
    assert await overview.deferred() is None
    assert await overview.began() is None
    assert await overview.replies() == {"2xx": 0, "4xx": 0, "5xx": 0, "none": 0}


@pytest.fixture
async def sent(store: Store) -> Store:
    """Five deliveries: accepted, refused, lost, and two that wait."""
    await store.subscribers.sync_file([subscriber(f"r{n}@example.org") for n in range(5)], NOW)
    ids = [one.id for one in await store.subscribers.all()]
    await store.ledger.plan(DAY, ids, NOW)
    claimed = await store.ledger.claim(DAY, "me", NOW, LEASE, 9)
    ended = [
        (State.ACCEPTED, 250, "2.0.0 taken"),
        (State.REFUSED, 550, "5.1.1 nobody"),
        (State.UNKNOWN, None, ""),
        (State.DEFERRED, 451, "4.7.1 greylisted"),
        (State.DEFERRED, 451, "4.7.1 greylisted"),
    ]
    for number, (delivery, (state, code, reply)) in enumerate(zip(claimed, ended, strict=True)):
        at = NOW + number * LEASE
        again = at if state is State.DEFERRED else None
        await store.ledger.settle(delivery, "me", at, state, code=code, reply=reply, next_at=again)
    return store


async def test_what_the_relay_said_is_counted_by_class(sent: Store) -> None:
    assert await sent.overview.replies() == {"2xx": 1, "4xx": 2, "5xx": 1, "none": 1}


async def test_when_it_last_took_a_message(sent: Store) -> None:
    overview, second = sent.overview, timedelta(seconds=1)
    assert await overview.last_accepted() == NOW
    assert [await overview.accepted_since(NOW - one) for one in (second, timedelta(0), -second)] == [True, False, False]


async def test_what_waits_and_why(sent: Store) -> None:
    assert await sent.overview.deferred() == Deferred(2, NOW + 3 * LEASE, 451, "4.7.1 greylisted", 2)
