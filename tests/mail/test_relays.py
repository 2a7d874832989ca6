"""Several relays: shares as the weights, the same one again, and another one when it pauses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_relay import (
    DOT,
    DROP,
    HOST,
    IMPATIENT,
    Answer,
    Script,
    ScriptedRelay,
    listening,
    nothing,
)

from newsletter.errors import HaltedError, RelayError
from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.mail.relays import FIRST_PAUSE, LONGEST_PAUSE, LONGEST_REST, Relays, Weighted
from newsletter.model import Message, Outcome, State

ACCEPTED = State.ACCEPTED
NAMES = ("ant", "bee", "cat")
CLOSED = Relay(HOST, 1, Security.NONE)
"""Where nobody listens."""


class Clock:
    """Time that passes when somebody sleeps, or when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0.001)
        self.now = max(self.now, until)


def to(number: int) -> Message:
    recipient = f"reader{number}@example.org"
    return Message(
        f"<{number}@papers.example.org>", "news@papers.example.org", recipient, b"Subject: x\r\n\r\nx\r\n", 0
    )


class Several:
    """Relays with a script each, and what they told the operator."""

    def __init__(self, clock: Clock, relays: Relays, told: list[str], ports: dict[str, int]) -> None:
        self.clock, self.relays, self.told, self.ports = clock, relays, told, ports

    async def send(self, numbers: range) -> list[Outcome | BaseException]:
        sends = (self.relays.send(to(number), nothing) for number in numbers)
        return await asyncio.gather(*sends, return_exceptions=True)


@asynccontextmanager
async def several(scripts: dict[str, Script | None], weights: dict[str, float] | None = None) -> AsyncIterator[Several]:
    """Relays by name; nobody listens where there is no script."""
    clock, told, ports = Clock(), list[str](), {}
    options: dict[str, Any] = {"connections": 3, "patience": 5.0, "longest_rest": LONGEST_REST, "timeouts": IMPATIENT}
    async with AsyncExitStack() as stack:
        made = []
        for name, script in scripts.items():
            where = CLOSED
            if script:
                port = await stack.enter_async_context(listening(partial(ScriptedRelay, script)))
                ports[name], where = port, Relay(HOST, port, Security.NONE)
            pool = Pool(where, "localhost", clock=clock, sleep=clock.sleep, **options)
            made.append(Weighted(name, (weights or {}).get(name, 1.0), pool))
        relays = await stack.enter_async_context(Relays(made, told.append, clock))
        yield Several(clock, relays, told, ports)


def got(script: Script) -> list[str]:
    return [recipients[0] for _, recipients, _ in script.envelopes]


def choice(names: dict[str, float], number: int) -> str:
    made = [Weighted(name, weight, Pool(CLOSED)) for name, weight in names.items()]
    return max(made, key=lambda one: one.preference(to(number).message_id)).name


# ------------------------------------------------------------------------------------------------------------- shares


def test_shares_are_as_the_weights() -> None:
    counts = Counter(choice({"ant": 1.0, "bee": 2.0, "cat": 5.0}, number) for number in range(4000))
    assert [counts[name] / 4000 for name in NAMES] == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.03)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 1000), min_size=2), st.integers(0, 10**9))
@settings(deadline=None, max_examples=100)
def test_without_one_relay_only_its_own_messages_move(names: dict[str, float], number: int) -> None:
    first = choice(names, number)
    for gone in names:
        left = {name: weight for name, weight in names.items() if name != gone}
        assert choice(left, number) == first or gone == first


async def test_a_message_comes_to_the_same_relay_again() -> None:
    scripts = {name: Script() for name in NAMES}
    async with several(dict(scripts)) as relays:
        for _ in range(3):
            assert {one.state for one in await relays.send(range(30)) if isinstance(one, Outcome)} == {ACCEPTED}
        assert relays.relays.most == 3 * 3 * 4
        assert relays.told == []
    lists = [got(script) for script in scripts.values()]
    assert all(lists)
    assert all(set(Counter(one).values()) == {3} for one in lists)
    assert len({recipient for one in lists for recipient in one}) == sum(len(set(one)) for one in lists) == 30


# ------------------------------------------------------------------------------------------------------------- pauses


async def test_one_that_cannot_be_reached_hands_its_share_to_the_others() -> None:
    scripts: dict[str, Script | None] = {"ant": Script(), "bee": None, "cat": Script()}
    async with several(scripts) as relays:
        outcomes = await relays.send(range(40))
        assert all(isinstance(one, Outcome) and one.state is ACCEPTED for one in outcomes)
        [alert] = relays.told
        assert alert.startswith("The relay bee pauses, and the others take its share: ")
        assert f"{HOST}:1" in alert
        assert relays.clock.now <= 1000 + 2 * 5  # its patience once, for all of them together
        await relays.send(range(40, 80))
        assert len(relays.told) == 1
    took = [got(script) for script in scripts.values() if script]
    assert sum(map(len, took)) == len({one for part in took for one in part}) == 80
    by_hash = {
        name: {to(n).recipient for n in range(80) if choice(dict.fromkeys(NAMES, 1.0), n) == name} for name in NAMES
    }
    assert set(took[0]) > by_hash["ant"]
    assert set(took[1]) > by_hash["cat"]  # both have some of what was the third one's


@pytest.mark.parametrize("step", ["EHLO", "MAIL"])
async def test_one_that_refuses_us_is_left_alone_for_long(step: str) -> None:
    bad, good = Script(always={step: "550 5.7.1 not you"}), Script()
    async with several({"ant": bad, "bee": good}) as relays:
        assert all(isinstance(one, Outcome) and one.state is ACCEPTED for one in await relays.send(range(30)))
        assert len(relays.told) == 1
        tries = bad.seen.count(step)
        relays.clock.now += LONGEST_PAUSE - 10
        await relays.send(range(30))
        assert bad.seen.count(step) == tries
        relays.clock.now += 20
        await relays.send(range(30))
        assert bad.seen.count(step) == tries + 1
    assert bad.envelopes == []


async def test_one_that_comes_back_is_tried_by_one_message_and_then_has_its_share_again() -> None:
    ill, good = Script(always={"EHLO": "421 4.3.2 not now"}), Script()
    async with several({"ant": ill, "bee": good}) as relays:
        await relays.send(range(20))
        pauses = []
        for _ in range(3):
            before, seen = relays.clock.now, ill.seen.count("EHLO")
            relays.clock.now += FIRST_PAUSE / 3
            while ill.seen.count("EHLO") == seen:
                relays.clock.now += FIRST_PAUSE / 3
                assert all(isinstance(one, Outcome) for one in await relays.send(range(20)))
            pauses.append(relays.clock.now - before)
        assert pauses[0] < pauses[1] < pauses[2]
        del ill.always["EHLO"]
        ill.connections = 0
        relays.clock.now += LONGEST_PAUSE
        mine = [n for n in range(60) if choice({"ant": 1, "bee": 1}, n) == "ant"]
        assert (await relays.relays.send(to(mine[0]), nothing)).state is ACCEPTED
        assert (ill.connections, len(ill.envelopes)) == (1, 1)
        await relays.send(range(60))
        assert {to(n).recipient for n in mine} == set(got(ill))
    assert len(relays.told) >= 1


async def test_one_that_turns_everybody_away_pauses_soon() -> None:
    busy, good = Script(always={"RCPT": "421 4.7.0 too much"}), Script()
    async with several({"ant": busy, "bee": good}) as relays:
        outcomes = await relays.send(range(100))
        states = Counter(one.state for one in outcomes if isinstance(one, Outcome))
        assert states.total() == 100
        assert states[State.DEFERRED] <= 12
        assert any("turns everybody away" in one for one in relays.told)
        assert relays.clock.now < 1000 + 10
    assert len(good.envelopes) == states[ACCEPTED]


async def test_while_it_cannot_be_reached_new_messages_need_not_wait() -> None:
    good = Script()
    async with several({"ant": None, "bee": good}) as relays:
        mine = [n for n in range(60) if choice({"ant": 1, "bee": 1}, n) == "ant"]
        waits, held = asyncio.Event(), asyncio.Event()

        async def stand_still(seconds: float) -> None:
            waits.set()
            await held.wait()

        pool = relays.relays._relays[0].pool
        pool._sleep = stand_still
        first = asyncio.create_task(relays.relays.send(to(mine[0]), nothing))
        await asyncio.wait_for(waits.wait(), 5)
        assert pool.silent
        assert (await asyncio.wait_for(relays.relays.send(to(mine[1]), nothing), 5)).state is ACCEPTED
        assert not first.done()
        pool._sleep = relays.clock.sleep
        held.set()
        assert (await first).state is ACCEPTED
        assert len(relays.told) == 1


async def test_only_when_none_works_it_is_an_error() -> None:
    refusing = Script(always={"EHLO": "550 5.7.1 not you"})
    async with several({"ant": None, "bee": refusing, "cat": None}) as relays:
        outcomes = await relays.send(range(10))
        assert all(isinstance(one, RelayError) and not isinstance(one, HaltedError) for one in outcomes)
        assert len(set(relays.told)) == 3
        refusing.always.clear()
        assert (await relays.relays.send(to(1), nothing)).state is ACCEPTED  # when there is no other, each is tried


# ---------------------------------------------------------------------------------------------------- what was noted


async def test_each_relay_that_is_tried_asks_once_more_whether_the_message_is_ours() -> None:
    bad, good = Script(always={"MAIL": "550 5.7.1 not yours"}), Script()
    number = next(n for n in range(60) if choice({"ant": 1, "bee": 1}, n) == "ant")
    asked = 0

    async def ours() -> None:
        nonlocal asked
        asked += 1

    async def not_ours() -> None:
        raise PermissionError

    async with several({"ant": bad, "bee": good}) as relays:
        assert (await relays.relays.send(to(number), ours)).state is ACCEPTED
        assert asked <= 2
        with pytest.raises(PermissionError):
            await relays.relays.send(to(number), not_ours)
    assert len(good.envelopes) == 1


async def test_halted_it_hands_nothing_to_another() -> None:
    good = Script(pause=0.2)
    async with several({"ant": None, "bee": good}) as relays:
        sends = [asyncio.create_task(relays.relays.send(to(n), nothing)) for n in range(20)]
        await asyncio.sleep(0.1)
        relays.relays.halt()
        ended = await asyncio.gather(*sends, return_exceptions=True)
        states = Counter(type(one) if isinstance(one, HaltedError) else one.state for one in ended)  # type: ignore[union-attr]  # an Outcome
        assert states[HaltedError] + states[ACCEPTED] == 20
        assert states[ACCEPTED] == len(good.envelopes) <= 3
        with pytest.raises(HaltedError):
            await relays.relays.send(to(50), nothing)


FAULTS: list[tuple[str, Answer]] = [
    (step, answer)
    for step in ("EHLO", "MAIL", "RCPT", "DATA", DOT)
    for answer in (DROP, "421 4.7.0 slow down", "450 4.2.0 later", "550 5.7.1 not you", "garbage")
]


class Moody(Script):
    """Answers with `faults`, last one first, each when its step comes."""

    def __init__(self, faults: list[tuple[str, Answer]]) -> None:
        super().__init__()
        self.faults = faults

    async def play(self, step: str, server: Any) -> str | None:
        if self.faults and self.faults[-1][0] == step:
            self.answers[step] = self.faults.pop()[1]
        return await super().play(step, server)


@given(
    st.lists(st.lists(st.sampled_from(FAULTS), max_size=6), min_size=2, max_size=3),
    st.lists(st.integers(0, 60), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=30)
async def test_whatever_happens_each_message_has_one_end(
    faults: list[list[tuple[str, Answer]]], later: list[int]
) -> None:
    scripts = dict(zip(NAMES, map(Moody, faults), strict=False))
    results: dict[int, Outcome | RelayError] = {}

    async def attempt(relays: Relays, number: int, note: Callable[[], Awaitable[None]] = nothing) -> None:
        try:
            results[number] = await relays.send(to(number), note)
        except RelayError as error:
            results[number] = error

    async with several(dict(scripts)) as relays:
        number = 0
        for seconds in later:
            relays.clock.now += seconds
            await asyncio.gather(*(attempt(relays.relays, number + n) for n in range(12)))
            number += 12
    arrived = sorted(recipient for script in scripts.values() for recipient in got(script))
    accepted = [to(n).recipient for n, one in results.items() if isinstance(one, Outcome) and one.state is ACCEPTED]
    assert len(results) == number
    assert arrived == sorted(accepted)
