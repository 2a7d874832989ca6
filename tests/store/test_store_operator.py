"""What an operator sees and does: lists of deliveries, opening them again, settling unknown ones by the relay's log."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Delivery, State, Subscriber
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LEASE = timedelta(minutes=10)
OLD, DAY = date(2025, 3, 11), date(2025, 3, 12)
ENDS = [State.ACCEPTED, State.REFUSED, State.UNKNOWN, State.SKIPPED, State.SUPERSEDED, State.DEFERRED]


@pytest.fixture
async def ledger(store: Store):
    """Two dates of six readers, the deliveries of each ended as in ENDS."""
    await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(1, 7)])
    for day in (DAY, OLD):  # the later first: else it would supersede the deferred one
        await store.ledger.plan(day, range(1, 7), NOW)
        for one, state in zip(await store.ledger.claim(day, "me", NOW, LEASE, 9), ENDS, strict=True):
            name = f"<{one.subscriber_id}.{day}@example.org>"
            await store.ledger.begin_data(one, "me", NOW, message_id=name, sections=1, papers=2, size=3)
            when = LATER if state is State.DEFERRED else None
            await store.ledger.settle(one, "me", NOW, state, code=250, reply="as said", reason="why", next_at=when)
    return store.ledger


def seen(found: list[Delivery]) -> list[tuple[int, int]]:
    return [(one.local_date.day, one.subscriber_id) for one in found]


# Listing


async def test_deliveries_are_listed_newest_first(ledger) -> None:
    assert seen(await ledger.deliveries()) == [(day, n) for day in (12, 11) for n in (6, 5, 4, 3, 2, 1)]
    assert seen(await ledger.deliveries(limit=7)) == [(12, 6), (12, 5), (12, 4), (12, 3), (12, 2), (12, 1), (11, 6)]
    assert seen(await ledger.deliveries(local_date=OLD, limit=2)) == [(11, 6), (11, 5)]
    assert seen(await ledger.deliveries(state=State.UNKNOWN)) == [(12, 3), (11, 3)]
    assert seen(await ledger.deliveries(address="reader2@example.org")) == [(12, 2), (11, 2)]
    narrow = {"local_date": OLD, "state": State.REFUSED, "address": "reader2@example.org"}
    [one] = await ledger.deliveries(**narrow)
    assert one == (await ledger.of_date(OLD))[1]
    assert await ledger.deliveries(**narrow | {"state": State.ACCEPTED}) == []
    assert await ledger.deliveries(address="nobody@example.org") == []
    assert await ledger.deliveries(limit=0) == []


# Opening again


async def states(ledger, day: date = DAY) -> list[State]:
    return [one.state for one in await ledger.of_date(day)]


async def test_opening_again(ledger) -> None:
    assert await ledger.reopen({State.UNKNOWN, State.REFUSED}, local_date=DAY, at=LATER) == 2
    assert await states(ledger) == [ENDS[0], State.READY, State.READY, *ENDS[3:]]
    assert await states(ledger, OLD) == ENDS
    assert await ledger.balanced()
    one = (await ledger.of_date(DAY))[1]
    assert (one.attempt, one.next_at, one.reason, one.updated_at) == (0, None, "asked again", LATER)
    claimed = await ledger.claim(DAY, "me", NOW, LEASE, 9)
    assert [(one.subscriber_id, one.attempt) for one in claimed] == [(2, 1), (3, 1)]
    assert await ledger.reopen({State.UNKNOWN, State.REFUSED}, local_date=DAY, at=LATER) == 0


async def test_opening_one_readers_deliveries(ledger) -> None:
    everything = {State.UNKNOWN, State.REFUSED, State.SKIPPED, State.ACCEPTED}
    assert await ledger.reopen(everything, address="reader1@example.org", at=LATER) == 2
    assert await ledger.reopen({State.REFUSED}, address="reader3@example.org", at=LATER) == 0
    assert await states(ledger) == await states(ledger, OLD) == [State.READY, *ENDS[1:]]
    assert await ledger.reopen(set(), at=LATER) == 0
    assert await ledger.balanced()


@pytest.mark.parametrize(
    ("wrong", "address"),
    [(state, None) for state in set(State) - {State.UNKNOWN, State.REFUSED, State.SKIPPED}]
    + [(state, "reader1@example.org") for state in (State.SENDING, State.READY, State.SUPERSEDED, State.DEFERRED)],
)
async def test_what_cannot_be_opened_again(ledger, wrong: State, address: str | None) -> None:
    with pytest.raises(ValueError, match=f"^{wrong} deliveries cannot be opened again$"):
        await ledger.reopen({State.UNKNOWN, wrong}, address=address, at=LATER)
    assert await states(ledger) == ENDS


async def test_who_left_is_not_mailed_when_opened_again(store: Store, ledger) -> None:
    await store.suppressions.add("reader2@example.org", "hard bounce", NOW)
    await ledger.reopen({State.REFUSED}, local_date=DAY, at=LATER)
    assert await ledger.claim(DAY, "me", NOW, LEASE, 9) == []
    assert (await ledger.of_date(DAY))[1].reason == "suppressed: hard bounce"


async def test_that_it_was_resent_is_remembered(ledger) -> None:
    assert await ledger.recover(NOW, "resend") == 2
    [one] = await ledger.claim(DAY, "me", NOW, LEASE, 1)
    await ledger.settle(one, "me", NOW, State.UNKNOWN)
    assert await ledger.reopen({State.UNKNOWN}, local_date=DAY, at=LATER) == 1
    assert (await ledger.of_date(DAY))[2].resent
    [one] = await ledger.claim(DAY, "me", NOW, LEASE, 1)
    await ledger.settle(one, "me", NOW, State.UNKNOWN)
    assert await ledger.recover(NOW, "resend") == 0


# Settling by the relay's log


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REFUSED])
async def test_the_relays_log_settles_an_unknown_delivery_once(ledger, state: State) -> None:
    said = {"code": 250, "reply": "2.0.0 Ok: queued as 4X", "queue_id": "4X"}
    assert await ledger.settle_unknown(f"<3.{DAY}@example.org>", state, **said, at=LATER) is True
    one = (await ledger.of_date(DAY))[2]
    assert (one.state, one.code, one.reply, one.queue_id, one.updated_at) == (state, *said.values(), LATER)
    assert (await ledger.of_date(OLD))[2].state is State.UNKNOWN
    assert await ledger.settle_unknown(f"<3.{DAY}@example.org>", State.REFUSED, **said, at=LATER) is False
    assert (await ledger.of_date(DAY))[2] == one
    assert await ledger.balanced()


@pytest.mark.parametrize("name", [f"<{n}.{DAY}@example.org>" for n in (1, 2, 4, 5, 6, 7)] + ["", "<%>", "3"])
async def test_what_is_known_is_not_changed_by_a_log(store: Store, ledger, name: str) -> None:
    await store.subscribers.add([Subscriber("new@example.org")])
    await ledger.plan(DAY, [7], NOW)  # has no Message-ID yet
    before = await ledger.deliveries()
    assert not await ledger.settle_unknown(name, State.ACCEPTED, code=250, reply="", queue_id="", at=LATER)
    assert await ledger.deliveries() == before


async def test_a_delivery_cut_off_in_data_is_settled_when_its_lease_is_over(ledger) -> None:
    await ledger.reopen({State.REFUSED}, local_date=DAY, at=NOW)
    [one] = await ledger.claim(DAY, "me", NOW, LEASE, 9)
    assert one.message_id == ""  # what was refused is not there
    name = "<again@example.org>"

    async def settled(at: datetime) -> bool:
        return await ledger.settle_unknown(name, State.ACCEPTED, code=250, reply="", queue_id="4X", at=at)

    assert not await settled(NOW + LEASE)  # claimed, nothing sent
    await ledger.begin_data(one, "me", NOW, message_id=name, sections=1, papers=2, size=3)
    assert not await settled(NOW + LEASE - timedelta(seconds=1))  # its owner may be waiting for the answer
    assert await settled(NOW + LEASE)
    assert await ledger.recover(NOW + LEASE, "resend") == 2  # the other two unknown ones
    assert (await ledger.of_date(DAY))[1].state is State.ACCEPTED


@pytest.mark.parametrize("state", sorted(set(State) - {State.ACCEPTED, State.REFUSED}))
async def test_a_log_tells_accepted_or_refused_and_nothing_else(ledger, state: State) -> None:
    with pytest.raises(ValueError, match=state):
        await ledger.settle_unknown("<1@example.org>", state, code=None, reply="", queue_id="", at=NOW)
