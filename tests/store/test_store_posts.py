"""The ledger of channels, on both kinds of database."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Phase, State
from newsletter.model.post import Post
from newsletter.store import Store, WithdrawnError

DAY = date(2025, 3, 12)
AT = datetime(2025, 3, 12, 7, tzinfo=UTC)
LEASE = timedelta(minutes=15)


async def claimed(store: Store, owner: str = "one", day: date = DAY, at: datetime = AT) -> Post:
    found = await store.posts.claim(["lab"], day, owner, at, LEASE)
    assert found
    return found


async def state(store: Store, day: date = DAY) -> tuple[State, str]:
    [one] = await store.posts.of_date(day)
    return one.state, one.reason


async def test_a_channel_has_one_post_a_day_however_often_it_is_planned(store: Store) -> None:
    planned = await asyncio.gather(*(store.posts.plan(DAY, {"lab": DAY, "club": DAY}, AT) for _ in range(4)))
    assert sorted(planned) == [0, 0, 0, 2]
    assert [(one.channel, one.state) for one in await store.posts.of_date(DAY)] == [
        ("lab", State.READY),
        ("club", State.READY),
    ]


async def test_a_post_is_claimed_by_one_and_settled_by_nobody_else(store: Store) -> None:
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    found = await asyncio.gather(*(store.posts.claim(["lab"], DAY, str(owner), AT, LEASE) for owner in range(5)))
    [(owner, one)] = [(str(owner), one) for owner, one in enumerate(found) if one]
    assert (one.state, one.phase, one.attempt) == (State.SENDING, Phase.CLAIMED, 1)
    with pytest.raises(WithdrawnError):
        await store.posts.begin(one, "another", AT, 3)
    await store.posts.begin(one, owner, AT, 3)
    await store.posts.settle(one, owner, AT, State.ACCEPTED)
    with pytest.raises(WithdrawnError):
        await store.posts.settle(one, owner, AT, State.REFUSED)
    [settled] = await store.posts.of_date(DAY)
    assert (settled.state, settled.papers, settled.phase) == (State.ACCEPTED, 3, None)
    assert await store.posts.claim(["lab"], DAY, owner, AT, LEASE) is None
    with pytest.raises(ValueError, match="cannot be settled as sending"):
        await store.posts.settle(one, owner, AT, State.SENDING)


async def test_a_deferred_post_waits_for_its_time(store: Store) -> None:
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    later = AT + timedelta(minutes=5)
    await store.posts.settle(await claimed(store), "one", AT, State.DEFERRED, "busy", later)
    assert await store.posts.next_at(["lab"]) == await store.posts.next_at(["club", "lab"]) == later
    assert await store.posts.next_at(["club"]) is None
    assert await store.posts.next_at([]) is None
    assert await store.posts.claim(["lab"], DAY, "one", AT, LEASE) is None
    assert (await claimed(store, at=later)).attempt == 2
    assert await store.posts.next_at(["lab"]) is None


async def test_what_a_dead_sender_held_is_free_or_unknown_and_posted_once_more_at_the_most(store: Store) -> None:
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    await claimed(store, "dead")
    assert await store.posts.recover(AT, "resend", lambda owner: True) == 0
    assert await store.posts.recover(AT + LEASE, "resend", lambda owner: True) == 0  # it only slept
    assert await store.posts.recover(AT, "resend", lambda owner: False) == 1
    assert (await state(store))[0] is State.READY
    for state_after in (State.READY, State.UNKNOWN):
        await store.posts.begin(await claimed(store, "dead"), "dead", AT, 3)
        assert await store.posts.recover(AT + LEASE, "resend") == 1
        assert (await state(store))[0] is state_after
    assert await state(store) == (State.UNKNOWN, "the service's answer was lost")
    assert await store.posts.recover(AT + LEASE, "resend") == 0
    assert await store.posts.claim(["lab"], DAY, "one", AT, LEASE) is None


async def test_on_hold_nothing_unknown_is_posted_again(store: Store) -> None:
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    await store.posts.begin(await claimed(store), "one", AT, 3)
    assert await store.posts.recover(AT + LEASE, "hold") == 1
    assert (await state(store))[0] is State.UNKNOWN
    assert await store.posts.recover(AT + LEASE, "hold") == 0
    assert await store.posts.last_settled("lab", DAY + timedelta(days=1)) == DAY


async def test_a_later_post_carries_what_still_waits_but_not_what_may_be_there(store: Store) -> None:
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    next_day = DAY + timedelta(days=1)
    await store.posts.plan(next_day, {"lab": next_day}, AT)
    assert await state(store) == (State.SUPERSEDED, f"the post of {next_day} carries it")
    assert await store.posts.last_settled("lab", next_day) is None
    assert await store.posts.first_planned("lab") == DAY
    await store.posts.begin(await claimed(store, day=next_day), "one", AT, 3)
    await store.posts.recover(AT + LEASE, "resend")
    await store.posts.plan(DAY + timedelta(days=2), {"lab": DAY + timedelta(days=2)}, AT)
    assert (await state(store, next_day))[0] is State.READY
    assert [one.local_date.day for one in await store.posts.newest(2)] == [14, 13]
    assert await store.posts.newest(5, ["other"]) == []


async def test_a_post_without_news_counts_as_had_and_a_refused_one_does_not(store: Store) -> None:
    tomorrow = DAY + timedelta(days=1)
    await store.posts.plan(DAY, {"lab": DAY}, AT)
    await store.posts.settle(await claimed(store), "one", AT, State.SKIPPED, "nothing new for these topics")
    assert await store.posts.last_settled("lab", tomorrow) == DAY
    await store.posts.plan(tomorrow, {"lab": tomorrow}, AT)
    await store.posts.settle(await claimed(store, day=tomorrow), "one", AT, State.REFUSED, "no")
    assert await store.posts.last_settled("lab", tomorrow + timedelta(days=1)) == DAY
