"""The scheduler itself: when it looks, what it survives, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from newsletter.policy.hours import Calendar
from newsletter.scheduling import Chore, Work, at_times, between, every_minutes, scheduled, times_of_looking

ZONE = ZoneInfo("UTC")


def often() -> BaseTrigger:
    return IntervalTrigger(seconds=0.02)


def fires(trigger: BaseTrigger, begin: datetime, until: datetime) -> list[datetime]:
    return [moment.astimezone(UTC) for moment in between(trigger, begin, until)]


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", (2025, 3, 12)), ("Europe/Berlin", (2025, 3, 30)), ("Europe/Berlin", (2025, 10, 26))]
)
@pytest.mark.parametrize("at", [time(7), time(2, 30), time(6, 12, 7)])
def test_it_looks_every_few_minutes_and_at_the_time_of_the_edition(
    zone: str, day: tuple[int, int, int], at: time
) -> None:
    calendar = Calendar(at, ZoneInfo(zone), frozenset(range(7)), timedelta(hours=2), timedelta(hours=12))
    begin = datetime(*day, tzinfo=UTC)
    looks = fires(times_of_looking(calendar, 5), begin, begin + timedelta(days=1))
    assert max(later - one for one, later in pairwise(looks)) <= timedelta(minutes=5)
    made = calendar.made_from(begin.date())
    assert any(made <= one < made + timedelta(minutes=5) for one in looks)
    if zone == "UTC":
        assert made in looks


def test_the_times_of_a_source_have_their_jitter() -> None:
    begin = datetime(2025, 3, 12, tzinfo=UTC)
    exact = fires(at_times("15 6,18 * * mon-fri", ZONE, 0), begin, begin + timedelta(days=3))
    assert exact == [begin.replace(day=day, hour=hour, minute=15) for day in (12, 13, 14) for hour in (6, 18)]
    one = at_times("15 6,18 * * mon-fri", ZONE, 60).get_next_fire_time(None, begin)
    assert one is not None
    assert abs(one - exact[0]) <= timedelta(seconds=60)
    assert len(fires(every_minutes(5, ZONE), begin, begin + timedelta(hours=1))) == 13


class Worn:
    """Work whose looks, sends and chores fail every second time."""

    def __init__(self) -> None:
        self.looks = self.sends = self.chores = 0
        self.stopped = False

    async def look(self) -> bool:
        self.looks += 1
        if self.looks % 2:
            raise BrokenPipeError("nobody reads what it says")
        return True

    async def send(self) -> datetime | None:
        self.sends += 1
        if self.sends % 2:
            raise RuntimeError("a fault of ours")
        return datetime.now(UTC) + timedelta(seconds=0.01)

    async def chore(self) -> None:
        self.chores += 1
        raise KeyError("a fault of ours")

    def stop(self) -> None:
        self.stopped = True


async def test_what_fails_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    worn = Worn()
    work = Work(worn.look, worn.send, worn.stop, [Chore("chore", often(), worn.chore)])
    with caplog.at_level(logging.ERROR):
        async with scheduled(work, often(), ZONE), asyncio.timeout(30):
            while min(worn.looks, worn.sends, worn.chores) < 4:  # noqa: ASYNC110 - another task counts
                await asyncio.sleep(0.01)
    assert worn.stopped
    said = {record.getMessage() for record in caplog.records if record.name == "newsletter.scheduling"}
    assert said == {"this should not happen, please report it"}
    before = worn.looks, worn.sends
    await asyncio.sleep(0.1)
    assert (worn.looks, worn.sends) == before


class Once(BaseTrigger):
    """One moment, and no other."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def get_next_fire_time(self, _: datetime | None, now: datetime) -> datetime | None:
        return self.at if now < self.at else None


async def test_a_time_that_comes_during_a_look_is_not_passed_over() -> None:
    looks: list[str] = []
    two = asyncio.Event()

    async def look() -> bool:
        looks.append("begun")
        await asyncio.sleep(0.3)
        looks.append("ended")
        if len(looks) == 4:
            two.set()
        return False

    async def send() -> None: ...

    async with scheduled(Work(look, send, lambda: None), Once(datetime.now(UTC) + timedelta(seconds=0.1)), ZONE):
        await asyncio.wait_for(two.wait(), 20)
    assert looks == ["begun", "ended"] * 2


async def test_sending_does_not_keep_it_from_looking() -> None:
    looks, sending, ended = 0, asyncio.Event(), asyncio.Event()

    async def look() -> bool:
        nonlocal looks
        looks += 1
        return True

    async def send() -> None:
        sending.set()
        await ended.wait()

    async with scheduled(Work(look, send, ended.set), often(), ZONE), asyncio.timeout(30):
        await sending.wait()
        seen = looks
        while looks < seen + 3:  # noqa: ASYNC110 - another task counts
            await asyncio.sleep(0.01)
    assert ended.is_set()  # it was told to stop, and waited for
