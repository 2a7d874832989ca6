"""The clock moves back and forth: it decides when to try again, never whether something is sent twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.assembly import opened_daily
from newsletter.daily import Report
from newsletter.doctor.fault_server import FaultServer
from newsletter.model import State, Subscriber
from newsletter.settings import Configuration, configuration_folder, load

DAY = date(2025, 3, 12)
NOON = datetime(2025, 3, 12, 12, tzinfo=UTC)


def installation(folder: Path, server: FaultServer, readers: int, name: str = "ok") -> Configuration:
    smtp = {"host": server.host, "port": server.port, "security": "none"}
    flags: dict[str, object] = {"state_dir": folder / "var", "smtp": smtp, "secret_keys": ["a-key-for-the-tests"]}
    flags["ranking"] = {"models": "none"}  # those of the extras take their time, and nothing here is about them
    loaded = load(configuration_folder(), flags)
    people = [Subscriber(f"{name}+{number:03}@example.org") for number in range(readers)]
    return replace(loaded, subscribers=tuple(people))


async def run(configuration: Configuration, now: Callable[[], datetime]) -> Report:
    async with opened_daily(configuration, now=now) as daily:
        return await daily.run(now(), DAY)


def copies(server: FaultServer) -> set[int]:
    return set(Counter(one.recipient for one in server.taken).values())


@pytest.mark.parametrize("seed", range(3))
async def test_a_clock_that_jumps_at_every_look(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)

    def jumping() -> datetime:
        return NOON + timedelta(seconds=chance.choice([-400, -1, 0, 1, 400]) * 86400 * chance.random())

    async with FaultServer() as server:
        configuration = installation(tmp_path, server, 40)
        for _ in range(3):
            report = await run(configuration, jumping)
            assert {one.state for one in report.deliveries} == {State.ACCEPTED}
        assert len(server.taken) == 40
        assert copies(server) == {1}


async def test_a_clock_that_went_back_after_the_day_sends_nothing_again(tmp_path: Path) -> None:
    async with FaultServer() as server:
        configuration = installation(tmp_path, server, 10)
        for hours in (0, -30, 48, -1, 0):
            moment = NOON + timedelta(hours=hours)
            await run(configuration, lambda moment=moment: moment)
        assert len(server.taken) == 10


async def test_what_is_deferred_waits_for_its_time_however_the_clock_went(tmp_path: Path) -> None:
    async with FaultServer() as server:
        configuration = installation(tmp_path, server, 5, "defer-rcpt-once")
        states = []
        for moment in (NOON, NOON - timedelta(days=2), NOON + timedelta(hours=2)):
            report = await run(configuration, lambda moment=moment: moment)
            states.append({one.state for one in report.deliveries})
        assert states == [{State.DEFERRED}, {State.DEFERRED}, {State.ACCEPTED}]
        assert copies(server) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("jump", [timedelta(hours=3), timedelta(days=-3)])
async def test_a_second_sender_with_another_clock_leaves_alone_what_the_first_one_holds(
    jump: timedelta, tmp_path: Path
) -> None:
    """The lease of the first one is over by the second one's clock, but it lives, and everybody can see that."""
    async with FaultServer(pause=0.5) as server:
        configuration = installation(tmp_path, server, 60)
        first = asyncio.create_task(run(configuration, lambda: NOON))
        while server.connections < 5:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        server.pause = 0.01
        second = await run(configuration, lambda: NOON + jump)
        await first
        assert second.failure is None
        assert len(server.taken) == 60, "messages of a sender that lives were sent by another one"
        assert copies(server) == {1}
        last = await run(configuration, lambda: NOON + jump)
        assert {one.state for one in last.deliveries} == {State.ACCEPTED}
        assert len(server.taken) == 60
