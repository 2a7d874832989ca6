"""Deliveries that wait, counted on both kinds of database; and up to where channels were told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from newsletter.model import State, Subscriber
from newsletter.store import Store
from newsletter.store.waiting import Waiting, waiting

DAY = date(2025, 3, 12)
AT = datetime(2025, 3, 12, 7, tzinfo=UTC)
HOUR, NEXT = timedelta(hours=1), DAY + timedelta(days=1)


async def test_what_waits_is_counted_by_date_and_state(store: Store) -> None:
    await store.subscribers.add([Subscriber(f"{name}@example.org") for name in "abcdefgh"], AT)
    await store.ledger.plan(DAY, range(1, 8), AT)
    await store.ledger.plan(NEXT, [8], AT)
    states = (State.DEFERRED, State.DEFERRED, State.UNKNOWN, State.ACCEPTED, State.REFUSED)
    for one, state in zip(await store.ledger.claim(DAY, "one", AT, HOUR, 5), states, strict=True):
        again = AT + one.id * HOUR if state is State.DEFERRED else None
        await store.ledger.settle(one, "one", AT, state, next_at=again)
    await store.suppressions.add("g@example.org", "left", AT)  # who may not be mailed waits for nothing
    counted = [
        Waiting(DAY, State.DEFERRED, 2, AT + HOUR, AT + 2 * HOUR),
        Waiting(DAY, State.READY, 1, None, None),
        Waiting(DAY, State.UNKNOWN, 1, None, None),
        Waiting(NEXT, State.READY, 1, None, None),
    ]
    assert await waiting(store.database, holds=False) == counted
    await store.ledger.recover(AT, "resend")
    [again] = await store.ledger.claim(DAY, "one", AT, HOUR, 1)
    await store.ledger.settle(again, "one", AT, State.UNKNOWN)
    [other] = await store.ledger.claim(DAY, "one", AT, HOUR, 1)
    await store.ledger.settle(other, "one", AT, State.ACCEPTED)
    # Lost twice, it stays as it is: of that only who holds everything hears.
    assert await waiting(store.database, holds=False) == [counted[0], counted[3]]
    assert await waiting(store.database, holds=True) == [counted[0], counted[2], counted[3]]


async def test_a_channel_was_told_as_far_as_its_posts_went(store: Store) -> None:
    before = DAY - timedelta(days=3)
    await store.posts.plan(DAY, {"lab": before}, AT)
    [one] = await store.posts.of_date(DAY)
    assert one.through == before
    assert await store.posts.brought_later("lab", before) is None
    claimed = await store.posts.claim(["lab"], DAY, "one", AT, HOUR)
    assert claimed
    await store.posts.settle(claimed, "one", AT, State.ACCEPTED)
    assert await store.posts.last_settled("lab", NEXT) == before
    assert await store.posts.brought_later("lab", before) == DAY
    assert await store.posts.brought_later("lab", DAY) is None
    assert await store.posts.brought_later("club", before) is None
