"""The ledger: planned, claimed, settled, and nothing lost or doubled on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from newsletter.errors import StoreError
from newsletter.model import Delivery, Phase, State, Status, Subscriber
from newsletter.store import Store, WithdrawnError

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY, NEXT = date(2025, 3, 11), date(2025, 3, 12)
LEASE = timedelta(minutes=10)
MESSAGE = {"message_id": "<1@example.org>", "sections": 2, "papers": 7, "size": 4321}


@pytest.fixture
async def ledger(store: Store):
    """The ledger of a store with readers 1 to 5."""
    await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(1, 6)])
    return store.ledger


async def claim(ledger, owner="me", at=NOW, limit=100, day=DAY) -> list[Delivery]:
    return await ledger.claim(day, owner, at, LEASE, limit)


async def states(ledger, day=DAY) -> list[str]:
    return [delivery.state for delivery in await ledger.of_date(day)]


async def run(store: Store, statement: str) -> None:
    async with store.database.write() as connection:
        await connection.execute(text(statement))


# Planning


async def test_planning(ledger) -> None:
    assert await ledger.plan(DAY, [2, 1, 2], NOW) == 2
    assert await ledger.of_date(DAY) == [
        Delivery(1, 1, "reader1@example.org", DAY, State.READY, updated_at=NOW, planned_at=NOW),
        Delivery(2, 2, "reader2@example.org", DAY, State.READY, updated_at=NOW, planned_at=NOW),
    ]
    assert await ledger.of_date(NEXT) == []
    assert await ledger.balanced()


async def test_planning_again_adds_only_who_is_new(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    [first, _] = await claim(ledger)
    await ledger.settle(first, "me", NOW, State.ACCEPTED)
    assert await ledger.plan(DAY, [1, 2, 3], NOW) == 1
    assert await states(ledger) == [State.ACCEPTED, State.SENDING, State.READY]
    assert await ledger.plan(DAY, [1, 2, 3], NOW) == 0
    assert await ledger.plan(DAY, [], NOW) == 0
    assert await ledger.balanced()


async def test_a_later_date_that_was_missed_does_so_too_and_each_says_its_own_why(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    assert await ledger.plan(NEXT, [1, 2], NOW, missed="nobody looked in time") == 2
    assert await states(ledger) == [State.SUPERSEDED]
    assert await states(ledger, NEXT) == [State.SUPERSEDED] * 2
    [waited] = await ledger.of_date(DAY)
    assert waited.reason == "the next digest carries it"
    assert {one.reason for one in await ledger.of_date(NEXT)} == {"nobody looked in time"}


async def test_a_later_date_supersedes_what_still_waits(ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3, 4, 5], NOW)
    accepted, deferred, sending, _ready, _other = (*await claim(ledger, limit=3), None, None)
    await ledger.settle(accepted, "me", NOW, State.ACCEPTED)
    await ledger.settle(deferred, "me", NOW, State.DEFERRED, code=451, reply="later", next_at=NOW + LEASE)
    assert await ledger.plan(NEXT, [1, 2, 3, 4], NOW) == 4
    assert await states(ledger) == [State.ACCEPTED, State.SUPERSEDED, State.SENDING, State.SUPERSEDED, State.READY]
    assert await states(ledger, NEXT) == [State.READY] * 4
    [_, superseded, *_] = await ledger.of_date(DAY)
    assert superseded.reason == "the digest of 2025-03-12 carries it"
    assert (superseded.code, superseded.reply, superseded.next_at) == (451, "later", None)
    # The row that was being sent is superseded by the next planning, should it come back.
    await ledger.settle(sending, "me", NOW, State.DEFERRED, next_at=NOW)
    assert await ledger.plan(NEXT, [1, 2, 3, 4], NOW) == 0
    assert (await states(ledger))[2] is State.SUPERSEDED
    assert await ledger.balanced()


async def test_an_earlier_date_does_not_supersede_a_later_one(ledger) -> None:
    await ledger.plan(NEXT, [1], NOW)
    await ledger.plan(DAY, [1], NOW)
    assert (await states(ledger), await states(ledger, NEXT)) == ([State.READY], [State.READY])


@pytest.mark.sqlite
async def test_a_plan_is_made_whole_or_not_at_all(store: Store) -> None:
    ledger = store.ledger
    await store.subscribers.add([Subscriber(f"r{n}@example.org") for n in range(700)])
    refuse = "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    await run(store, f"CREATE TRIGGER full BEFORE INSERT ON deliveries WHEN NEW.subscriber_id = 650 {refuse}")
    with pytest.raises(Exception, match="no room"):
        await ledger.plan(DAY, range(1, 701), NOW)
    assert await ledger.of_date(DAY) == []
    assert await ledger.balanced()


async def test_a_date_that_is_not_kept_is_never_planned_again(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    one, other = await claim(ledger)
    await ledger.settle(one, "me", NOW, State.ACCEPTED)
    for state in (None, State.DEFERRED, State.UNKNOWN):  # of what has not come to its end, nobody is forgotten
        if state:
            await ledger.settle(other, "me", NOW, state)
            other = next(iter(await claim(ledger)), other)
        assert (await ledger.drop(NEXT), len(await ledger.of_date(DAY))) == (0, 2)
    await ledger.reopen({State.UNKNOWN}, at=NOW)
    [other] = await claim(ledger)
    await ledger.settle(other, "me", NOW, State.REFUSED)
    await ledger.plan(NEXT, [1, 2], NOW)
    assert await ledger.drop(NEXT) == 1
    assert (await ledger.of_date(DAY), len(await ledger.of_date(NEXT))) == ([], 2)
    assert await ledger.drop(NEXT) == 0
    with pytest.raises(StoreError, match=r"of 2025-03-11 are not kept any more .* not sent again"):
        await ledger.plan(DAY, [1, 2, 3], NOW)
    assert await ledger.of_date(DAY) == []
    assert await ledger.balanced()
    assert await ledger.plan(NEXT, [3], NOW) == 1


async def test_who_is_gone_is_not_planned(ledger) -> None:
    assert await ledger.plan(DAY, [99, 2, 1], NOW) == 2
    assert [one.subscriber_id for one in await ledger.of_date(DAY)] == [1, 2]
    assert await ledger.balanced()


async def test_planning_for_many(store: Store) -> None:
    await store.subscribers.add([Subscriber(f"r{n}@example.org") for n in range(2500)])
    assert await store.ledger.plan(DAY, range(1, 2501), NOW) == 2500
    assert await store.ledger.plan(NEXT, range(1, 2501), NOW) == 2500
    assert (await store.ledger.counts())[State.SUPERSEDED] == 2500
    assert await store.ledger.balanced()


# Claiming


async def test_claiming(ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3], NOW)
    claimed = await claim(ledger, limit=2)
    assert [(one.id, one.state, one.attempt) for one in claimed] == [(1, State.SENDING, 1), (2, State.SENDING, 1)]
    assert claimed == (await ledger.of_date(DAY))[:2]
    assert [one.id for one in await claim(ledger, owner="you")] == [3]
    assert await claim(ledger) == []
    assert await claim(ledger, day=NEXT) == []


async def test_a_deferred_delivery_waits_for_its_time(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    later = NOW + timedelta(minutes=30)
    await ledger.settle(
        one, "me", NOW, State.DEFERRED, code=451, reply="4.7.1 try later", reason="greylisted", next_at=later
    )
    [waiting] = await ledger.of_date(DAY)
    assert (waiting.state, waiting.next_at, waiting.code, waiting.reply) == (
        State.DEFERRED,
        later,
        451,
        "4.7.1 try later",
    )
    assert waiting.reason == "greylisted"
    assert await claim(ledger, at=later - timedelta(microseconds=1)) == []
    [again] = await claim(ledger, at=later)
    assert (again.attempt, again.next_at) == (2, None)


async def test_deferred_without_a_time_is_not_lost(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.settle(one, "me", NOW, State.DEFERRED)
    assert len(await claim(ledger)) == 1


async def test_who_left_is_skipped_at_claim(store: Store, ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3, 4, 5], NOW)
    await store.subscribers.leave("reader1@example.org", "one click", NOW)
    await run(store, "UPDATE subscribers SET status = 'paused' WHERE id = 2")
    await run(store, "UPDATE subscribers SET status = 'pending' WHERE id = 3")
    await run(store, "UPDATE subscribers SET status = 'left' WHERE id = 4")
    # One is asked for: the four that are skipped on the way do not count, and no one who may have mail is forgotten.
    assert [one.id for one in await claim(ledger, limit=1)] == [5]
    assert [(one.state, one.reason, one.attempt) for one in (await ledger.of_date(DAY))[:4]] == [
        (State.SKIPPED, "suppressed: one click", 0),
        (State.SKIPPED, "the subscriber has paused", 0),
        (State.SKIPPED, "the subscriber has not confirmed yet", 0),
        (State.SKIPPED, "the subscriber has left", 0),
    ]
    assert await ledger.balanced()


async def test_a_suppression_without_a_reason_still_holds(store: Store, ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    await run(store, "INSERT INTO suppressions VALUES ('reader1@example.org', '', '2025-03-11 00:00:00')")
    assert await claim(ledger) == []
    assert await states(ledger) == [State.SKIPPED]


# Sending and settling


async def test_the_way_of_a_message(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.begin_data(one, "me", NOW, **MESSAGE)
    [sending] = await ledger.of_date(DAY)
    assert (sending.state, sending.phase, sending.updated_at) == (State.SENDING, Phase.DATA, NOW)
    later = NOW + timedelta(seconds=3)
    said = {"code": 250, "reply": "2.0.0 Ok: queued as 4X", "enhanced": "2.0.0", "queue_id": "4X"}
    await ledger.settle(one, "me", later, State.ACCEPTED, **said)
    assert await ledger.of_date(DAY) == [
        Delivery(
            1, 1, "reader1@example.org", DAY, State.ACCEPTED, 1, updated_at=later, planned_at=NOW, **MESSAGE, **said
        )
    ]
    assert await ledger.counts() == {state: int(state is State.ACCEPTED) for state in State}


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REFUSED, State.SKIPPED, State.UNKNOWN, State.SUPERSEDED])
async def test_what_is_settled_is_not_claimed_again(ledger, state: State) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.settle(one, "me", NOW, state, reason="why")
    assert await claim(ledger, at=NOW + timedelta(days=9)) == []
    assert [(found.state, found.reason) for found in await ledger.of_date(DAY)] == [(state, "why")]


@pytest.mark.parametrize("state", [State.PLANNED, State.READY, State.SENDING])
async def test_an_open_state_is_not_an_outcome(ledger, state: State) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    with pytest.raises(ValueError, match=state):
        await ledger.settle(one, "me", NOW, state)


async def test_only_the_owner_sends_and_settles(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    for attempt in (
        ledger.begin_data(one, "you", NOW, **MESSAGE),
        ledger.settle(one, "you", NOW, State.ACCEPTED),
        ledger.settle(replace(one, id=99), "me", NOW, State.ACCEPTED),
    ):
        with pytest.raises(WithdrawnError, match=r"no longer held by .*\.$"):
            await attempt
    await ledger.settle(one, "me", NOW, State.ACCEPTED)
    with pytest.raises(WithdrawnError):
        await ledger.settle(one, "me", NOW, State.REFUSED)
    assert await states(ledger) == [State.ACCEPTED]


async def test_an_owner_that_lost_its_lease_cannot_go_on(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.recover(NOW + LEASE, "resend")
    await claim(ledger, owner="you", at=NOW + LEASE)
    with pytest.raises(WithdrawnError):
        await ledger.begin_data(one, "me", NOW + LEASE, **MESSAGE)


async def test_who_leaves_after_the_claim_is_skipped_before_data(store: Store, ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3, 4], NOW)
    claimed = await claim(ledger)
    await store.suppressions.add("reader1@example.org", "complaint", NOW)
    await run(store, "UPDATE subscribers SET status = 'paused' WHERE id = 2")
    # One group: those who may still have mail are not harmed by the others.
    begun = await asyncio.gather(
        *(ledger.begin_data(one, "me", NOW, **MESSAGE) for one in claimed), return_exceptions=True
    )
    assert [str(error) if error else None for error in begun] == [
        "Delivery 1 must not go out: suppressed: complaint.",
        "Delivery 2 must not go out: the subscriber has paused.",
        None,
        None,
    ]
    assert all(isinstance(error, WithdrawnError) for error in begun[:2])
    assert [(one.state, one.reason, one.phase) for one in await ledger.of_date(DAY)] == [
        (State.SKIPPED, "suppressed: complaint", None),
        (State.SKIPPED, "the subscriber has paused", None),
        (State.SENDING, "", Phase.DATA),
        (State.SENDING, "", Phase.DATA),
    ]
    with pytest.raises(WithdrawnError):
        await ledger.settle(claimed[0], "me", NOW, State.ACCEPTED)
    assert await ledger.balanced()


async def test_what_is_in_data_is_settled_whoever_leaves(store: Store, ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.begin_data(one, "me", NOW, **MESSAGE)
    await store.suppressions.add("reader1@example.org", "one click", NOW)
    await ledger.settle(one, "me", NOW, State.ACCEPTED, code=250)
    assert await states(ledger) == [State.ACCEPTED]


# Recovering


async def test_a_lease_that_runs_is_left_alone(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    [one, _] = await claim(ledger)
    await ledger.begin_data(one, "me", NOW, **MESSAGE)
    assert await ledger.recover(NOW + LEASE - timedelta(seconds=1), "resend") == 0
    assert await states(ledger) == [State.SENDING] * 2


async def test_a_crash_before_data_is_ready_again(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    await claim(ledger)
    assert await ledger.recover(NOW + LEASE, "hold") == 1
    assert await states(ledger) == [State.READY]
    [again] = await claim(ledger, owner="you")
    assert again.attempt == 2
    await ledger.settle(again, "you", NOW, State.ACCEPTED)


async def test_a_crash_in_data_is_unknown_and_held(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    [one] = await claim(ledger)
    await ledger.begin_data(one, "me", NOW, **MESSAGE)
    assert await ledger.recover(NOW + LEASE, "hold") == 1
    [held] = await ledger.of_date(DAY)
    assert (held.state, held.reason, held.message_id) == (
        State.UNKNOWN,
        "the relay's answer was lost",
        "<1@example.org>",
    )
    assert await ledger.recover(NOW + LEASE, "hold") == 0
    assert await claim(ledger) == []


async def test_the_leases_of_the_dead_end_at_once(ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3, 4], NOW)
    [_, one] = await claim(ledger, owner="dead", limit=2)
    [_, two] = await claim(ledger, owner="alive")
    await ledger.begin_data(one, "dead", NOW, **MESSAGE)
    await ledger.begin_data(two, "alive", NOW, **MESSAGE)
    asked: list[str] = []

    def alive(owner: str) -> bool | None:
        asked.append(owner)
        return False if owner == "dead" else None

    assert await ledger.recover(NOW, "hold", alive) == 2
    assert sorted(asked) == ["alive", "dead"]
    assert await states(ledger) == [State.READY, State.UNKNOWN, State.SENDING, State.SENDING]
    assert await ledger.recover(NOW, "resend", alive) == 1
    assert await states(ledger) == [State.READY, State.READY, State.SENDING, State.SENDING]
    assert [one.resent for one in await ledger.of_date(DAY)] == [False, True, False, False]


async def test_an_unknown_delivery_is_resent_once(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    at = NOW
    for changed, left in ((1, State.READY), (1, State.UNKNOWN), (0, State.UNKNOWN)):
        for one in await claim(ledger, at=at):
            await ledger.begin_data(one, "me", at, **MESSAGE)
        at += LEASE
        assert await ledger.recover(at, "resend") == changed
        assert await states(ledger) == [left]
    assert await ledger.balanced()


async def test_an_answer_lost_while_alive_is_resent_once_too(ledger) -> None:
    await ledger.plan(DAY, [1], NOW)
    for left in (State.READY, State.UNKNOWN):
        [one] = await claim(ledger)
        await ledger.begin_data(one, "me", NOW, **MESSAGE)
        await ledger.settle(one, "me", NOW, State.UNKNOWN, reason="connection lost")
        await ledger.recover(NOW, "resend")
        assert await states(ledger) == [left]


async def test_held_deliveries_go_out_when_the_policy_changes(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    for one in await claim(ledger):
        await ledger.begin_data(one, "me", NOW, **MESSAGE)
    assert await ledger.recover(NOW + LEASE, "hold") == 2
    assert await ledger.recover(NOW + LEASE, "resend") == 2
    assert len(await claim(ledger)) == 2


async def test_releasing(ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3], NOW)
    [one, _] = await claim(ledger, limit=2)
    await claim(ledger, owner="you")
    await ledger.begin_data(one, "me", NOW, **MESSAGE)
    assert await ledger.release("me", NOW) == 2
    assert await states(ledger) == [State.UNKNOWN, State.READY, State.SENDING]
    [again] = await claim(ledger)
    assert (again.id, again.attempt) == (2, 1)
    assert (await ledger.of_date(DAY))[0].reason == "the relay's answer was not waited for"


async def test_an_outcome_on_its_way_comes_before_the_release(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    claimed = await claim(ledger)
    for one in claimed:
        await ledger.begin_data(one, "me", NOW, **MESSAGE)
    answers = [asyncio.create_task(ledger.settle(one, "me", NOW, State.ACCEPTED, code=250)) for one in claimed]
    await asyncio.sleep(0)
    for task in answers:  # as when the grace time is over
        task.cancel()
    assert await ledger.release("me", NOW) == 0
    assert await states(ledger) == [State.ACCEPTED] * 2
    assert all(
        isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*answers, return_exceptions=True)
    )


# Reading


async def test_an_empty_ledger(ledger) -> None:
    assert await ledger.counts() == dict.fromkeys(State, 0)
    assert await ledger.balanced()
    assert await ledger.last_settled() == {}
    assert await ledger.recover(NOW, "resend") == 0
    assert await ledger.release("me", NOW) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM deliveries WHERE id = 1",
        "DELETE FROM deliveries",
        "UPDATE deliveries SET state = 'vanished' WHERE id = 1",
        "UPDATE deliveries SET local_date = '2025-03-12' WHERE id = 1",
        "DELETE FROM audiences",
        "INSERT INTO audiences (local_date, planned) VALUES ('2025-03-13', 1)",
    ],
)
async def test_a_lost_row_is_seen(store: Store, ledger, damage: str) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    await ledger.plan(NEXT, [3], NOW)
    assert await ledger.balanced()
    await run(store, damage)
    assert not await ledger.balanced()


async def test_what_readers_have(ledger) -> None:
    outcomes = {
        10: [State.ACCEPTED, State.UNKNOWN, State.SKIPPED, State.ACCEPTED, State.ACCEPTED],
        11: [State.ACCEPTED, State.REFUSED, State.SKIPPED, State.SKIPPED, State.SUPERSEDED],
        12: [State.ACCEPTED] * 5,
    }
    for day, ends in outcomes.items():
        local_date = date(2025, 3, day)
        await ledger.plan(local_date, [1, 2, 3, 4, 5], NOW)
        for one, state in zip(await claim(ledger, day=local_date), ends, strict=True):
            reason = {3: "nothing new for your topics", 4: "suppressed: left"}.get(one.subscriber_id, "")
            await ledger.settle(one, "me", NOW, state, reason=reason)
    assert await ledger.last_settled() == dict.fromkeys(range(1, 6), date(2025, 3, 12))
    before = {reader: day.day for reader, day in (await ledger.last_settled(before=date(2025, 3, 12))).items()}
    assert before == {1: 11, 2: 10, 3: 11, 4: 10, 5: 10}
    some = await ledger.last_settled([1, 3, 77], before=date(2025, 3, 11))
    assert {reader: day.day for reader, day in some.items()} == {1: 10, 3: 10}
    assert await ledger.last_settled([]) == {}
    assert await ledger.last_settled(before=date(2025, 3, 10)) == {}


# Many at once


async def test_eight_claimers_never_claim_a_row_twice(store: Store, url: str) -> None:
    await store.subscribers.add([Subscriber(f"r{n}@example.org") for n in range(240)])
    await store.ledger.plan(DAY, range(1, 241), NOW)

    async def work(each: Store, owner: str) -> list[int]:
        mine: list[int] = []
        while block := await claim(each.ledger, owner=owner, limit=7):
            mine += [one.id for one in block]
        return mine

    async with await Store.open(url) as other:
        found = await asyncio.gather(*(work(each, f"{n}") for n, each in enumerate([store, other] * 4)))
    claimed = [delivery for mine in found for delivery in mine]
    assert sorted(claimed) == list(range(1, 241))
    assert sum(1 for mine in found if mine) > 1


async def test_two_planners_plan_once(store: Store, ledger, url: str) -> None:
    async with await Store.open(url) as other:
        new = await asyncio.gather(*(each.ledger.plan(DAY, range(1, 6), NOW) for each in [store, other] * 4))
    assert sorted(new) == [0] * 7 + [5]
    assert len(await ledger.of_date(DAY)) == 5
    assert await ledger.balanced()


async def test_leaving_while_claims_run(store: Store, ledger, url: str) -> None:
    """Whoever comes first, the row ends either claimed before the leaving or skipped after it."""
    await ledger.plan(DAY, range(1, 6), NOW)
    async with await Store.open(url) as other:
        claimed, _ = await asyncio.gather(
            claim(ledger, limit=1), other.subscribers.leave("reader1@example.org", "one click", NOW)
        )
        claimed += await claim(other.ledger)
    skipped = [one.id for one in await ledger.of_date(DAY) if one.state is State.SKIPPED]
    assert sorted([one.id for one in claimed] + skipped) == [1, 2, 3, 4, 5]
    assert skipped in ([], [1])
    assert (await store.subscribers.find("reader1@example.org")).status is Status.LEFT


async def test_the_living_keep_what_they_hold_whatever_the_clock_says(ledger) -> None:
    await ledger.plan(DAY, [1, 2], NOW)
    [one] = await claim(ledger, owner="alive", limit=1)
    await ledger.begin_data(one, "alive", NOW, **MESSAGE)
    assert await ledger.recover(NOW + 9 * LEASE, "resend", lambda owner: owner == "alive") == 0
    assert await ledger.recover(NOW + 9 * LEASE, "hold") == 1


@pytest.mark.parametrize(("code", "had"), [(None, True), (250, True), (550, False)])
async def test_a_copy_that_may_be_there_is_remembered_when_no_second_goes_out(
    store: Store, code: int | None, had: bool
) -> None:
    """Lost in DATA, or taken, and asked for again; then its reader pauses. What the relay refused, it does not have."""
    ledger = store.ledger
    await store.subscribers.add([Subscriber("ada@example.org")])
    await ledger.plan(DAY, [1], NOW)
    [claimed] = await ledger.claim(DAY, "me", NOW, timedelta(minutes=5), 1)
    await ledger.begin_data(claimed, "me", NOW, message_id="<1@x>", sections=1, papers=1, size=1)
    if code is None:
        assert await ledger.recover(NOW + timedelta(hours=1), "resend") == 1
    else:
        state = State.ACCEPTED if code < 400 else State.REFUSED
        await ledger.settle(claimed, "me", NOW, state, code=code)
        assert await ledger.reopen({state}, address="ada@example.org", at=NOW) == 1
    await store.subscribers.pause(1, DAY + timedelta(days=9))
    assert await ledger.claim(DAY, "me", NOW + timedelta(hours=1), timedelta(minutes=5), 1) == []
    assert (await ledger.of_date(DAY))[0].state is State.SKIPPED
    assert await ledger.last_settled() == ({1: DAY} if had else {})


async def test_a_row_that_was_held_while_a_later_day_was_planned_is_not_sent_beside_it(ledger) -> None:
    """Whatever brings it back: the later digest has its papers."""
    await ledger.plan(DAY, [1, 2, 3, 4], NOW)
    put_off, _, again, sent = await claim(ledger)
    await ledger.begin_data(again, "me", NOW, **MESSAGE)
    await ledger.plan(NEXT, [1, 2, 3, 4], NOW)
    await ledger.settle(put_off, "me", NOW, State.DEFERRED, next_at=NOW)
    await ledger.settle(sent, "me", NOW, State.ACCEPTED, code=250)
    assert await ledger.recover(NOW + LEASE, "resend") == 2
    assert [one.id for one in await claim(ledger, at=NOW + LEASE)] == [again.id]  # the relay may have it: as it was
    assert await states(ledger) == [State.SUPERSEDED, State.SUPERSEDED, State.SENDING, State.ACCEPTED]
    assert len(await claim(ledger, at=NOW + LEASE, day=NEXT)) == 4
    assert await ledger.balanced()


async def test_an_earlier_day_that_is_planned_later_is_sent(ledger) -> None:
    """Its edition was not there yet when the later digest was made."""
    await ledger.plan(NEXT, [1], NOW)
    await ledger.plan(DAY, [1], NOW)
    assert len(await claim(ledger)) == 1


async def test_open_counts(ledger) -> None:
    await ledger.plan(DAY, [1, 2, 3], NOW)
    one, _ = await claim(ledger, limit=2)
    await ledger.settle(one, "me", NOW, State.ACCEPTED)
    found = await ledger.open_counts(DAY)
    assert {state: number for state, number in found.items() if number} == {State.SENDING: 1, State.READY: 1}
    assert set(found) == {State.PLANNED, State.READY, State.SENDING, State.DEFERRED}
