"""When to look: APScheduler runs the daily function at the configured time, until it is told to stop.

The schedule decides nothing else. What is due, and what has gone out already, the store knows; so a second scheduler, a
restart at the wrong moment or a run by hand does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from newsletter.settings import Settings

LOOK_AGAIN = timedelta(minutes=20)
"""How soon to ask again when a source is late."""

# A laptop that slept over the minute still runs when it wakes within this time; later, the day is the next run's.
GRACE_SECONDS = 6 * 3600


def trigger(settings: Settings) -> CronTrigger:
    """The configured time of day, weekdays and time zone as a trigger."""
    at = time.fromisoformat(settings.schedule.at)
    return CronTrigger(
        day_of_week=",".join(settings.schedule.days),
        hour=at.hour,
        minute=at.minute,
        second=at.second,
        timezone=ZoneInfo(settings.schedule.timezone),
    )


def next_run(settings: Settings, now: datetime) -> datetime | None:
    """The first run after `now`, in the schedule's time zone."""
    found = trigger(settings).get_next_fire_time(None, now)
    return found if isinstance(found, datetime) else None


def last_time(settings: Settings, now: datetime) -> datetime:
    """The last configured time of day that is not after `now`, in the schedule's time zone. Its date is the day that
    a run is for, also when it looks again after midnight."""
    zone = ZoneInfo(settings.schedule.timezone)
    local = (now + timedelta(seconds=1)).astimezone(zone)  # no clock is exact
    last = datetime.combine(local.date(), time.fromisoformat(settings.schedule.at), zone)
    return last if last <= local else datetime.combine(local.date() - timedelta(days=1), last.timetz())


def patience_ends(settings: Settings, now: datetime) -> datetime:
    """Until when a run at `now` waits for sources that are late: `collecting.wait` hours after `last_time`."""
    return last_time(settings, now).astimezone(UTC) + timedelta(hours=settings.collecting.wait)


async def serve(
    settings: Settings,
    run: Callable[[], Awaitable[datetime | None]],
    stop: Callable[[], None],
    say: Callable[[str], None],
) -> None:
    """Call `run` at every configured time until SIGTERM or SIGINT; a run under way is told to `stop` and waited for.

    `run` answers when to look again before the next configured time, if at all. `say` is told the next run, at the
    start and after each one. A run that fails does not end the schedule.
    """
    # Its own log says nothing that `say` does not, and would go to standard error unformatted.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    busy = asyncio.Lock()

    async def once() -> None:
        async with busy:
            again = await run()
        if again:
            # A relay asked for patience: look again when it is over, and not only tomorrow.
            scheduler.add_job(once, "date", run_date=again, id="again", replace_existing=True, misfire_grace_time=None)
        say_next()

    def say_next() -> None:
        coming = min((job.next_run_time for job in scheduler.get_jobs()), default=None)
        say(f"next run: {coming:%A %Y-%m-%d %H:%M:%S %Z}" if coming else "there is no next run")

    scheduler = AsyncIOScheduler(timezone=ZoneInfo(settings.schedule.timezone))
    scheduler.add_job(
        once, trigger(settings), id="daily", coalesce=True, max_instances=1, misfire_grace_time=GRACE_SECONDS
    )
    scheduler.start()
    try:
        say_next()
        await stopping.wait()
        say("stopping")
        stop()
    finally:
        scheduler.pause()
        async with busy:
            scheduler.shutdown(wait=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
