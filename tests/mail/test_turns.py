"""Pools that share a pace through one place for turns."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from scripted_relay import nothing

from newsletter.doctor.fault_server import FaultServer
from newsletter.errors import HaltedError, StoreError
from newsletter.mail.pool import Pool
from newsletter.mail.turns import SharedPace
from newsletter.model import Message, State
from newsletter.policy.pacing import MOST_DOMAINS, Pace


class Counting:
    """Hands out turns by the rule, on this machine's steady clock, and counts how often it is asked."""

    def __init__(self, broken: bool = False) -> None:
        self.next_at: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        self.broken = broken

    async def take(self, key: str, number: int, interval: float) -> float:
        await asyncio.sleep(0.002)
        if self.broken:
            raise StoreError("The database cannot be written.")
        self.asked[key] += 1
        now = time.monotonic()
        first = max(self.next_at.get(key, now), now)
        self.next_at[key] = first + number * interval
        return first - now


def to(recipient: str) -> Message:
    return Message(f"<{recipient}>", "papers@example.org", recipient, b"Subject: x\r\n\r\nhello\r\n", 0)


async def send_all(pools: list[Pool], recipients: list[str]) -> None:
    sends = [pools[n % len(pools)].send(to(recipient), nothing) for n, recipient in enumerate(recipients)]
    assert {outcome.state for outcome in await asyncio.gather(*sends)} == {State.ACCEPTED}


@pytest.mark.parametrize("limits", [{"per_second": 100}, {"per_hour": 360_000}, {"per_domain": 100}])
async def test_pools_that_share_keep_the_limit_and_ask_seldom(limits: dict[str, int]) -> None:
    turns = Counting()
    async with FaultServer(pipelining=False) as server, AsyncExitStack() as opened:
        pools = [
            await opened.enter_async_context(
                Pool(server.relay, connections=2, pace=SharedPace("relay", Pace(**limits), turns))
            )
            for _ in range(3)
        ]
        started = time.monotonic()
        await send_all(pools, [f"reader{number}@example.org" for number in range(120)])
        # The first is at once, the last a turn before the end.
        assert time.monotonic() - started >= 1.19 - 0.001
    assert len({one.recipient for one in server.taken}) == len(server.taken) == 120
    assert turns.asked.total() < 60
    assert turns.asked.keys() == {"relay example.org" if "per_domain" in limits else "relay"}


async def test_relay_and_domain_are_kept_apart_and_together() -> None:
    turns = Counting()
    pace = SharedPace("relay", Pace(per_second=100, per_domain=10), turns)
    async with FaultServer(pipelining=False) as server, Pool(server.relay, connections=4, pace=pace) as pool:
        recipients = [f"reader{number}@{'slow' if number % 10 == 0 else number}.example" for number in range(60)]
        await send_all([pool], recipients)
    slow = [one.at for one in server.taken if one.recipient.endswith("slow.example")]
    assert len(slow) == 6
    assert (slow[-1] - slow[0]).total_seconds() >= 0.35
    assert turns.asked["relay slow.example"] <= 6
    assert turns.asked["relay"] <= 40


async def test_who_dies_takes_little_along() -> None:
    turns = Counting()
    dead = SharedPace("relay", Pace(per_second=200), turns)
    await dead.ask("example.org")
    pace = SharedPace("relay", Pace(per_second=200), turns)
    for _ in range(50):
        while pace.short("example.org", time.monotonic()):
            await pace.ask("example.org")
        await asyncio.sleep(pace.delay("example.org", time.monotonic()))
        pace.took("example.org", time.monotonic())
    await pace.ask("example.org")  # and whatever it has reserved goes with it
    last = SharedPace("relay", Pace(per_second=200), turns)
    await last.ask("example.org")
    assert last.delay("example.org", time.monotonic()) <= 2 * 0.25


async def test_a_store_that_fails_stops_the_sender_before_anything_is_sent() -> None:
    pace = SharedPace("relay", Pace(per_second=10), Counting(broken=True))
    async with FaultServer() as server, Pool(server.relay, pace=pace) as pool:
        with pytest.raises(StoreError):
            await pool.send(to("ann@example.org"), nothing)
        assert server.taken == []
        assert server.connections == 0


async def test_who_waits_for_a_turn_hears_at_once_that_it_is_over() -> None:
    pace = SharedPace("relay", Pace(per_domain=0.01), Counting())
    async with FaultServer() as server, Pool(server.relay, connections=3, pace=pace) as pool:
        await pool.send(to("ann@example.org"), nothing)
        waiting = [asyncio.create_task(pool.send(to(f"r{n}@example.org"), nothing)) for n in range(5)]
        await asyncio.sleep(0.05)
        pool.halt()
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        assert all(isinstance(one, HaltedError) for one in ended)


async def test_domains_whose_turns_are_over_are_forgotten() -> None:
    class AtOnce:
        async def take(self, key: str, number: int, interval: float) -> float:
            return 0.0

    now = 0.0
    pace = SharedPace("relay", Pace(per_domain=10), AtOnce(), lambda: now)
    for number in range(MOST_DOMAINS + 50):
        now += 0.01
        await pace.ask(f"{number}.example")
        pace.took(f"{number}.example", now)
    assert len(pace._domains) < MOST_DOMAINS
