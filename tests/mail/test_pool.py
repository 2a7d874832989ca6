"""Many connections: used, renewed, narrowed, given up, and never a message twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_relay import (
    CONTENT,
    DOT,
    DROP,
    HOST,
    IMPATIENT,
    MESSAGE,
    Answer,
    Script,
    ScriptedRelay,
    listening,
    nothing,
)

from newsletter.doctor.fault_server import FaultServer
from newsletter.errors import HaltedError, RelayError
from newsletter.mail.pool import Pool
from newsletter.mail.smtp import Relay, Security
from newsletter.model import Message, Outcome, State
from newsletter.policy.pacing import Pace

ACCEPTED = State.ACCEPTED


@dataclass
class Clock:
    """Time that passes only when somebody sleeps; for what is on the wire, each sleep lets the loop turn `turns` times:
    were it seconds, a busy machine would get less done in them."""

    now: float = 1000.0
    turns: int = 50
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.slept.append(seconds)
        self.now = max(self.now, until)


@asynccontextmanager
async def pooling(script: Script, connections: int = 4, **options: Any) -> AsyncIterator[Pool]:
    """A pool that talks in clear to a scripted relay, on a clock of its own."""
    clock = options.pop("clock", None) or Clock()
    async with (
        listening(lambda: ScriptedRelay(script)) as port,
        Pool(
            Relay(HOST, port, Security.NONE), connections=connections, clock=clock, sleep=clock.sleep, **options
        ) as pool,
    ):
        yield pool


def to(recipient: str) -> Message:
    return Message(f"<{recipient}>", MESSAGE.sender, recipient, CONTENT, 0)


async def send_all(pool: Pool, count: int) -> list[Outcome]:
    return await asyncio.gather(*(pool.send(to(f"reader{number}@example.org"), nothing) for number in range(count)))


async def test_every_connection_is_used_and_every_message_goes_out_once() -> None:
    script = Script(pause=0.02)
    async with pooling(script) as pool:
        outcomes = await send_all(pool, 40)
    assert {outcome.state for outcome in outcomes} == {ACCEPTED}
    assert (script.connections, script.most_open) == (4, 4)
    assert all(len(recipients) == 1 for _, recipients, _ in script.envelopes)
    assert sorted(recipients[0] for _, recipients, _ in script.envelopes) == sorted(
        f"reader{number}@example.org" for number in range(40)
    )


async def test_a_connection_is_opened_only_when_there_is_something_for_it() -> None:
    script = Script()
    async with pooling(script) as pool:
        for _ in range(10):
            await pool.send(MESSAGE, nothing)
        assert script.connections == 1
    async with pooling(script):
        pass
    assert script.connections == 1


async def test_a_connection_is_renewed_after_so_many_messages() -> None:
    script = Script()
    async with pooling(script, connections=1, messages_per_connection=3) as pool:
        outcomes = await send_all(pool, 10)
    assert {outcome.state for outcome in outcomes} == {ACCEPTED}
    assert (script.connections, script.most_open, script.goodbyes) == (4, 1, 4)


@pytest.mark.parametrize(
    ("step", "answer"), [("RCPT", "550 5.1.1 no"), ("RCPT", "450 4.2.0 no"), ("DATA", "451 4.3.0 no"), (DOT, "554 no")]
)
async def test_a_refusal_does_not_cost_the_connection(step: str, answer: str) -> None:
    script = Script({step: answer})
    async with pooling(script, connections=1) as pool:
        outcomes = [await pool.send(MESSAGE, nothing) for _ in range(3)]
    assert [outcome.state is ACCEPTED for outcome in outcomes] == [False, True, True]
    assert (script.connections, len(script.contents)) == (1, 2)


@pytest.mark.parametrize("answer", [DROP, "421 4.4.2 idle too long", "garbage", b"\xff\r\n"])
async def test_a_used_connection_found_dead_is_replaced_at_once(answer: Answer) -> None:
    script = Script()
    told = 0

    async def before_data() -> None:
        nonlocal told
        told += 1

    async with pooling(script, connections=1, timeouts=IMPATIENT) as pool:
        await pool.send(MESSAGE, nothing)
        script.answers["MAIL"] = answer
        outcome = await pool.send(MESSAGE, before_data)
        assert pool.width == 1
    assert outcome.state is ACCEPTED
    assert told == 1
    assert (script.connections, len(script.contents)) == (2, 2)


async def test_it_is_replaced_once_only() -> None:
    script = Script()
    async with pooling(script, connections=1) as pool:
        await pool.send(MESSAGE, nothing)
        script.always["MAIL"] = "421 4.3.2 shutting down"
        assert (await pool.send(MESSAGE, nothing)).state is State.DEFERRED
    assert (script.connections, script.seen.count("MAIL"), len(script.contents)) == (2, 3, 1)


@pytest.mark.parametrize(("step", "state"), [("MAIL", State.DEFERRED), ("RCPT", State.DEFERRED), (DOT, State.UNKNOWN)])
async def test_a_loss_on_a_new_connection_or_after_mail_is_not_tried_again(step: str, state: State) -> None:
    script = Script({step: DROP})
    async with pooling(script, connections=1) as pool:
        assert (await pool.send(MESSAGE, nothing)).state is state
    assert (script.connections, script.seen.count("MAIL"), script.contents) == (1, 1, [])


async def test_what_before_data_raises_goes_through_and_the_place_is_free_again() -> None:
    async def disk_full() -> None:
        raise OSError("disk full")

    script = Script()
    async with pooling(script, connections=1) as pool:
        for _ in range(3):
            with pytest.raises(OSError, match="disk full"):
                await pool.send(MESSAGE, disk_full)
        assert (await pool.send(MESSAGE, nothing)).state is ACCEPTED
    assert (script.connections, len(script.contents)) == (1, 1)


async def test_a_cancelled_send_frees_its_place() -> None:
    script = Script({DOT: "hang"})
    async with pooling(script, connections=1) as pool:
        sending, waiting = (asyncio.create_task(pool.send(MESSAGE, nothing)) for _ in range(2))
        await asyncio.wait_for(script.hanging.wait(), 5)
        sending.cancel()
        assert (await asyncio.wait_for(waiting, 5)).state is ACCEPTED
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert len(script.contents) == 1


# --------------------------------------------------------------------------------------------------------------- pace


class Stamped(Script):
    """A script that notes when each message was offered, on the pool's clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.times: list[tuple[str, float]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.times.append((envelope.rcpt_tos[0].rpartition("@")[2], self.clock.now))
        return await super().handle_DATA(server, session, envelope)


def never_early(times: list[float], interval: float) -> bool:
    """Whether no message came before its turn. Two may come closer together: while the first is on the wire, for as
    long as that takes, the clock may go on."""
    return all(time >= 1000 + place * interval - 1e-6 for place, time in enumerate(times))


class Waiting(Clock):
    """A clock that stands still until `free` is set; for ten real seconds at most, so that a test fails and ends."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.wait([asyncio.ensure_future(self.free.wait())], timeout=10)
        self.now = max(self.now, until)


async def test_the_pace_is_held_over_all_connections() -> None:
    clock = Clock()
    script = Stamped(clock)
    async with pooling(script, clock=clock, pace=Pace(per_second=2)) as pool:
        await send_all(pool, 12)
    times = [time for _, time in script.times]
    assert len(times) == 12
    assert never_early(times, 0.5)


async def test_the_pace_is_held_on_a_real_clock() -> None:
    script = Script()
    started = time.monotonic()
    async with (
        listening(lambda: ScriptedRelay(script)) as port,
        Pool(Relay(HOST, port, Security.NONE), connections=3, pace=Pace(per_second=50)) as pool,
    ):
        await send_all(pool, 21)
    assert 0.4 <= time.monotonic() - started < 5
    assert len(script.contents) == 21


async def test_one_domains_pace_does_not_hold_up_the_others() -> None:
    clock = Waiting()

    class Counted(Stamped):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            answer = await super().handle_DATA(server, session, envelope)
            if len({domain for domain, _ in self.times} - {"slow.example"}) == 20:
                clock.free.set()
            return answer

    script = Counted(clock)
    addresses = [*(f"r{number}@slow.example" for number in range(4)), *(f"r@{number}.example" for number in range(20))]
    async with pooling(script, clock=clock, connections=2, pace=Pace(per_domain=0.1)) as pool:
        await asyncio.gather(*(pool.send(to(address), nothing) for address in addresses))
    slow = [time for domain, time in script.times if domain == "slow.example"]
    others = [time for domain, time in script.times if domain != "slow.example"]
    assert len(slow) == 4
    assert never_early(slow, 10)
    assert others == [1000.0] * 20


async def test_a_slow_pace_asks_for_few_at_a_time() -> None:
    async with pooling(Script(), connections=10, pace=Pace(per_hour=60)) as pool:
        assert pool.width == 1


# -------------------------------------------------------------------------------------------------------------- width


async def test_the_width_halves_when_the_relay_says_so_and_grows_again() -> None:
    script = Script()
    async with pooling(script) as pool:
        assert pool.width == 4
        script.answers["RCPT"] = "421 4.7.0 too many connections"
        await pool.send(MESSAGE, nothing)
        assert pool.width == 2
        script.answers["RCPT"] = "450 4.7.1 slow down"
        await pool.send(MESSAGE, nothing)
        assert pool.width == 1
        script.answers["RCPT"] = "550 5.1.1 not about us"
        await pool.send(MESSAGE, nothing)
        assert pool.width == 1
        await send_all(pool, 40)
        assert pool.width == 3


async def test_no_more_than_the_width_are_under_way() -> None:
    script = Script(pause=0.01)
    async with pooling(script) as pool:
        script.answers["MAIL"] = "421 4.7.0 slow down"
        await pool.send(MESSAGE, nothing)
        assert pool.width == 2
        script.most_open = 0
        await send_all(pool, 19)
    assert script.most_open == 2


async def test_messages_turned_away_together_count_once() -> None:
    script = Script(always={"RCPT": "450 4.7.1 slow down"})
    async with pooling(script) as pool:
        await send_all(pool, 4)
        assert pool.width == 2


async def test_a_relay_that_turns_everybody_away_is_given_a_rest() -> None:
    clock = Clock()
    script = Script(always={"RCPT": "450 4.7.1 slow down"})
    async with pooling(script, connections=1, clock=clock) as pool:
        outcomes = await send_all(pool, 6)
        assert clock.now >= 1000 + 1 + 2 + 4 + 8
        script.always.clear()
        await send_all(pool, 3)
        before = clock.now
        await send_all(pool, 3)
        assert clock.now == before
    assert {outcome.state for outcome in outcomes} == {State.DEFERRED}


async def test_where_there_is_another_relay_one_that_turns_everybody_away_is_given_up() -> None:
    clock = Clock()
    script = Script(always={"RCPT": "450 4.7.1 slow down"})
    async with pooling(script, connections=1, clock=clock, longest_rest=2.0) as pool:
        results = await asyncio.gather(
            *(pool.send(to(f"reader{number}@example.org"), nothing) for number in range(9)), return_exceptions=True
        )
        given_up = [one for one in results if isinstance(one, RelayError)]
        assert len(given_up) == 9 - 4  # rests of 0, 1, 2 and 4 seconds
        assert all("turns everybody away" in str(one) and one.temporary for one in given_up)
        assert clock.now <= 1000 + 4
        with pytest.raises(RelayError):
            await pool.send(MESSAGE, nothing)
        script.always.clear()
        pool.resume()
        assert (await pool.send(MESSAGE, nothing)).state is ACCEPTED
        pool.halt()
        pool.resume()
        with pytest.raises(HaltedError):
            await pool.send(MESSAGE, nothing)


# ------------------------------------------------------------------------------------------- relays that do not work


async def test_a_relay_that_comes_back_is_waited_for() -> None:
    clock = Clock()

    class Restarting(Script):
        async def play(self, step: str, server: Any) -> str | None:
            return "421 4.3.2 not yet" if step == "EHLO" and clock.now < 1010 else await super().play(step, server)

    script = Restarting()
    async with pooling(script, clock=clock) as pool:
        outcomes = await send_all(pool, 10)
    assert {outcome.state for outcome in outcomes} == {ACCEPTED}
    assert len(script.contents) == 10
    # One conversation at a time finds out: at 0, 1, 3, 7 and 15 seconds, after the first few that began together.
    assert script.connections <= 4 + 4 + 4
    assert 1010 <= clock.now <= 1020


async def test_the_waits_grow_and_the_patience_ends() -> None:
    clock = Clock()
    script = Script(always={"EHLO": "421 4.3.2 no"})
    async with pooling(script, connections=1, clock=clock) as pool:
        with pytest.raises(RelayError, match="does not let us in") as caught:
            await pool.send(MESSAGE, nothing)
        assert caught.value.temporary
        assert clock.slept == [1, 2, 4, 8, 8, 7]
        with pytest.raises(RelayError):  # and nobody tries again in this run
            await pool.send(MESSAGE, nothing)
    assert script.connections == 7


async def test_a_patience_of_our_own() -> None:
    clock = Clock()
    async with pooling(Script(always={"EHLO": DROP}), connections=1, clock=clock, patience=2.5) as pool:
        with pytest.raises(RelayError):
            await pool.send(MESSAGE, nothing)
    assert clock.slept == [1, 1.5]


async def test_one_connection_too_many_narrows_the_pool_and_costs_nobody_the_message() -> None:
    class Strict(Script):
        async def play(self, step: str, server: Any) -> str | None:
            return "421 4.7.0 too many" if step == "EHLO" and len(self.open) > 2 else await super().play(step, server)

    script = Strict(pause=0.01)
    async with pooling(script) as pool:
        outcomes = await send_all(pool, 19)
        assert pool.width == 2
    assert {outcome.state for outcome in outcomes} == {ACCEPTED}
    assert len(script.contents) == 19


@pytest.mark.parametrize(
    ("step", "answer", "said"),
    [("EHLO", "550 5.7.1 not you", "does not let us in"), ("MAIL", "553 5.7.1 not yours", "refuses the sender")],
)
async def test_what_waiting_does_not_help_stops_everybody(step: str, answer: str, said: str) -> None:
    clock = Clock()
    script = Script(always={step: answer})
    async with pooling(script, connections=2, clock=clock, pace=Pace(per_domain=0.001)) as pool:
        results = await asyncio.gather(
            *(pool.send(to(f"reader{number}@example.org"), nothing) for number in range(20)), return_exceptions=True
        )
        with pytest.raises(RelayError, match=said) as caught:
            await pool.send(MESSAGE, nothing)
    assert (caught.value.step, caught.value.code, caught.value.temporary) == (step, int(answer[:3]), False)
    assert all(isinstance(result, RelayError) and said in str(result) for result in results)
    assert len({id(result) for result in results}) == 20
    assert script.seen.count(step) <= 2
    assert script.contents == []


async def test_who_waits_for_an_hour_hears_of_the_end_at_once() -> None:
    async def forever(seconds: float) -> None:
        await asyncio.sleep(3600)

    script = Script()
    async with (
        listening(lambda: ScriptedRelay(script)) as port,
        Pool(Relay(HOST, port, Security.NONE), connections=2, pace=Pace(per_domain=0.001), sleep=forever) as pool,
    ):
        await pool.send(to("a@slow.example"), nothing)
        waiting = asyncio.create_task(pool.send(to("b@slow.example"), nothing))
        await asyncio.sleep(0.01)
        script.always["MAIL"] = "550 5.7.1 no more"
        with pytest.raises(RelayError):
            await pool.send(MESSAGE, nothing)
        with pytest.raises(RelayError):
            await asyncio.wait_for(waiting, 5)


async def test_settings_that_contradict_each_other_are_found_at_once() -> None:
    with pytest.raises(RelayError, match=r"smtp\.security"):
        Pool(Relay(HOST, 25, Security.NONE, "ann", "secret"))


# --------------------------------------------------------------------------------------------------------- everything

FAULTS: list[Answer] = [
    DROP,
    "421 4.7.0 slow down",
    "450 4.2.0 greylisted, try again in 5 minutes",
    "451 4.7.1 too fast",
    "550 5.1.1 no such user",
    "garbage",
]


class Moody(Script):
    """Has `faults` in store, last one first: each waits for its step; one for EHLO, or None, lets one message pass."""

    def __init__(self, faults: list[tuple[str, Answer] | None]) -> None:
        super().__init__()
        self.faults = faults

    async def play(self, step: str, server: Any) -> str | None:
        if self.faults:
            fault = self.faults[-1]
            if fault is not None and fault[0] == step:
                self.answers[step] = fault[1]
                self.faults.pop()
            elif step == "MAIL" and (fault is None or fault[0] == "EHLO"):
                self.faults.pop()
        return await super().play(step, server)


@given(
    connections=st.integers(1, 6),
    per_connection=st.integers(1, 4),
    count=st.integers(1, 25),
    faults=st.lists(
        st.none() | st.tuples(st.sampled_from(["EHLO", "MAIL", "RCPT", "DATA", DOT]), st.sampled_from(FAULTS)),
        max_size=12,
    ),
)
@settings(deadline=None, max_examples=40)
async def test_whatever_happens_each_message_has_one_end_and_no_connection_is_one_too_many(
    connections: int, per_connection: int, count: int, faults: list[tuple[str, Answer] | None]
) -> None:
    begun: dict[int, int] = {}

    async def attempt(pool: Pool, number: int) -> Outcome | RelayError:
        async def before_data() -> None:
            begun[number] = begun.get(number, 0) + 1

        try:
            return await pool.send(to(f"reader{number}@example.org"), before_data)
        except RelayError as error:
            return error

    # 5xx at EHLO or MAIL stops everybody, which has its own tests.
    script = Moody(
        [fault for fault in faults if not (fault and fault[0] in ("EHLO", "MAIL") and "550" in str(fault[1]))]
    )
    async with pooling(script, connections, messages_per_connection=per_connection, timeouts=IMPATIENT) as pool:
        results = await asyncio.gather(*(attempt(pool, number) for number in range(count)))
    assert script.most_open <= connections
    assert max(begun.values(), default=0) <= 1
    arrived = [recipients[0] for _, recipients, _ in script.envelopes]
    accepted = [f"reader{number}@example.org" for number, one in enumerate(results) if one_is_accepted(one)]
    assert sorted(arrived) == sorted(accepted)


def one_is_accepted(result: Outcome | RelayError) -> bool:
    return isinstance(result, Outcome) and result.state is ACCEPTED


@pytest.mark.parametrize("pipelining", [True, False])
async def test_who_is_halted_was_not_handed_over(pipelining: bool) -> None:
    async with FaultServer(pause=1.0, pipelining=pipelining) as server, Pool(server.relay, connections=2) as pool:
        noted: list[str] = []

        async def one(number: int) -> State | None:
            async def note() -> None:
                noted.append(f"r{number}")

            try:
                return (await pool.send(to(f"r{number}@example.org"), note)).state
            except HaltedError:
                return None

        sends = [asyncio.create_task(one(number)) for number in range(12)]
        await asyncio.sleep(0.4)  # a message a connection waits for its answer
        pool.halt()
        states = await asyncio.gather(*sends)
        assert states.count(State.ACCEPTED) == len(server.taken) == 2
        assert states.count(None) == 10
        assert (len(noted) > 2) is pipelining
        with pytest.raises(HaltedError):
            await pool.send(to("late@example.org"), nothing)
