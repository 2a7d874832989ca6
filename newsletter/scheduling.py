"""When to look: APScheduler says when, and decides nothing else.

What is due, and what has gone out already, the database knows; so a second scheduler, a restart at the wrong moment or
a run by hand does no harm.

    look       every few minutes, and when an edition may be made: what is due is planned
    send       when a look found something, or a relay wants to hear of something again; one at a time, beside the looks
    chores     each at its own times: sources that are asked besides, the mailbox of what comes back
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from newsletter.policy.hours import Calendar

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

BOUNCES_EVERY = 5
"""Minutes between two looks into the mailbox of what comes back."""

PRUNE_AT = "41 3 * * *"
"""When what is too old goes, in five fields of cron: where most readers sleep."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done at times of its own."""

    name: str
    when: BaseTrigger
    do: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do. `look` answers whether anything may be open now, `send` when to send again (None: when a
    look finds something). `stop` ends what is under way soon."""

    look: Callable[[], Awaitable[bool]]
    send: Callable[[], Awaitable[datetime | None]]
    stop: Callable[[], None]
    chores: Sequence[Chore] = ()


def times_of_looking(calendar: Calendar, every: int) -> BaseTrigger:
    """Every so many minutes, by the clock, and at the time of day from which an edition may be made."""
    at, zone = calendar.at, calendar.timezone
    return OrTrigger(
        [
            CronTrigger(minute=f"*/{every}", timezone=UTC),  # an hour that comes twice, or never, is one like any other
            CronTrigger(hour=at.hour, minute=at.minute, second=at.second, timezone=zone),
        ]
    )


def at_times(cron: str, zone: ZoneInfo, jitter: int) -> BaseTrigger:
    """The times of five fields of cron in a time zone, each up to `jitter` seconds late or early."""
    trigger = CronTrigger.from_crontab(cron, timezone=zone)
    trigger.jitter = jitter or None
    return trigger


def between(times: BaseTrigger, after: datetime, until: datetime) -> Iterator[datetime]:
    """The `times` from one moment on and up to another."""
    moment = times.get_next_fire_time(None, after)
    while moment is not None and moment <= until:
        yield moment
        moment = times.get_next_fire_time(moment, moment + timedelta(microseconds=1))


def every_minutes(number: int, zone: ZoneInfo) -> BaseTrigger:
    return CronTrigger(minute=f"*/{number}", timezone=zone)


async def _whatever_happens(do: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """The answer; None after a fault of ours, which is logged and must not end what goes on for years."""
    try:
        return await do()
    except Exception as error:
        _log.error("this should not happen, please report it", exc_info=error)
        return None


@asynccontextmanager
async def scheduled(work: Work, looking: BaseTrigger, zone: ZoneInfo) -> AsyncIterator[None]:
    """Look now and at the times of `looking`, send, and do the chores, for as long as the context lasts. At its end
    what is under way is told to stop, and waited for."""
    # Its own log says nothing that `work` does not, and would go to standard error unformatted.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = AsyncIOScheduler(timezone=zone)
    open_now, busy = asyncio.Event(), asyncio.Lock()

    async def look() -> None:
        async with busy:
            if await _whatever_happens(work.look) is not False:
                open_now.set()

    async def wake() -> None:
        open_now.set()

    async def sending() -> None:
        while True:
            await open_now.wait()
            open_now.clear()
            async with sent:
                again = await _whatever_happens(work.send)
            if again:
                # A relay asked for patience: when it is over, and not only at the next look that finds something.
                scheduler.add_job(wake, "date", run_date=again, id="again", replace_existing=True)

    sent = asyncio.Lock()
    # A look that comes late, after the machine slept, is as good as one in time; of several one is enough.
    jobs = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    # Two looks, of which one waits: a time that comes during a look, as that of the edition may, is not passed over.
    scheduler.add_job(look, looking, id="look", next_run_time=datetime.now(zone), **jobs | {"max_instances": 2})
    for chore in work.chores:
        scheduler.add_job(partial(_whatever_happens, chore.do), chore.when, id=chore.name, **jobs)
    scheduler.start()
    sender = asyncio.create_task(sending())
    try:
        yield
    finally:
        scheduler.pause()
        work.stop()
        async with busy, sent:
            sender.cancel()
            scheduler.shutdown(wait=False)
        await asyncio.gather(sender, return_exceptions=True)
