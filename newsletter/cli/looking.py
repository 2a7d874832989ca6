"""What a scheduler does, in words: for `newsletter schedule`, and inside `newsletter serve --schedule`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from newsletter.cli.bounces import take_from
from newsletter.cli.console import configuration, counted, remark
from newsletter.cli.dispatching import dispatch
from newsletter.logs import Log, without_addresses

if TYPE_CHECKING:
    from datetime import date, datetime

    import typer

    from newsletter.daily import Daily, Looked, Sent
    from newsletter.daily.watching import Watch
    from newsletter.scheduling import Chore
    from newsletter.settings import Configuration, Settings

Answer = TypeVar("Answer")

_log = Log(__name__)


@asynccontextmanager
async def scheduling(context: typer.Context, say: Callable[[str], None]) -> AsyncIterator[None]:
    """The scheduler, at work for as long as the context lasts. The configuration is read again for every look; when to
    look, and which chores there are, stays as it is now."""
    from newsletter.assembly import calendar, present
    from newsletter.scheduling import Work, scheduled, times_of_looking

    loaded = configuration(context)
    rounds = _Rounds(context, say)
    when = calendar(loaded.settings)
    rounds.say_next()
    rounds.warn(loaded.settings)
    work = Work(rounds.look, rounds.send, rounds.stop, _chores(context, loaded, rounds))
    looking = times_of_looking(when, loaded.settings.schedule.every)
    # Between two looks, too, nobody is to put another database in its place.
    with present(loaded.settings):
        async with scheduled(work, looking, when.timezone):
            yield


def _chores(context: typer.Context, loaded: Configuration, rounds: _Rounds) -> list[Chore]:
    from functools import partial
    from zoneinfo import ZoneInfo

    from newsletter.scheduling import BOUNCES_EVERY, PRUNE_AT, Chore, at_times, every_minutes

    schedule = loaded.settings.schedule
    zone = ZoneInfo(schedule.timezone)
    chores = [
        Chore(f"collect {one.name}", at_times(one.cron, zone, schedule.jitter), partial(rounds.collect, one.name))
        for one in loaded.settings.sources
        if one.cron
    ]
    chores.append(Chore("prune", at_times(PRUNE_AT, zone, schedule.jitter), rounds.prune))
    if loaded.settings.bounces.mailbox:
        chores.append(Chore("bounces", every_minutes(BOUNCES_EVERY, zone), rounds.bounces))
    return chores


class _Rounds:
    """Looks, sends and does chores; what goes wrong is said, and does not end the schedule."""

    def __init__(self, context: typer.Context, say: Callable[[str], None]) -> None:
        self._context = context
        self._say = say
        self._under_way: set[Daily | Watch] = set()
        self._stopped = False
        self._waited_for: tuple[str, ...] = ()
        self._told: str | None = None
        self._settled: date | None = None
        self._is_new = False
        self._alerts: frozenset[str] = frozenset()

    def stop(self) -> None:
        self._stopped = True
        for one in self._under_way:
            one.stop()

    async def look(self) -> bool:
        """Whether there may be something to send."""

        async def looked(daily: Daily, watch: Watch) -> Looked:
            found = await daily.look()
            # A day without papers is a good one, too, but not one on which nobody could say so.
            is_new = not found.waiting and found.day != (self._settled or await judged(daily))
            if is_new and found.failed:
                await watch.after(SourceError(found.failed), utc_now(), found.day)
            else:
                self._is_new |= is_new
                await watch.look(utc_now())
            return found

        async def judged(daily: Daily) -> date | None:
            """The day of the last good run: a scheduler that is started again has nothing new to tell of it."""
            run = (await daily.store.steps.all()).get(RUN)
            return run.good_day if run else None

        from newsletter.assembly import utc_now
        from newsletter.errors import SourceError
        from newsletter.store import RUN

        found = await self._with_daily("looked", looked)
        if found is None:
            return True  # what is open goes out, whatever else is wrong
        if not found.waiting:
            self._settled = found.day
        self._tell(found)
        return True

    async def send(self) -> datetime | None:
        """When to send again."""

        async def and_watched(daily: Daily, watch: Watch) -> Sent:
            sent = await daily.send()
            if sent.attempted or sent.failure or self._is_new:
                self._is_new = False
                await watch.after(sent.report, utc_now())
            elif sent.troubles:
                await watch.look(utc_now(), sent.troubles)
            return sent

        from newsletter.assembly import utc_now

        sent = await self._with_daily("sent", and_watched)
        if sent is None:
            return None
        for alert in sent.alerts:
            if alert not in self._alerts:  # else the sending before has said it
                remark(without_addresses(f"alert: {alert}"))
        self._alerts = frozenset(sent.alerts)
        if sent.attempted:
            self._say(_in_words(sent))
        if sent.failure:
            remark(without_addresses(f"the sending stopped: {sent.failure}"))
        return sent.next_at

    async def collect(self, source: str) -> None:
        await self._with_daily("collected", lambda daily, _: daily.collect(only=[source]))

    async def prune(self) -> None:
        async def pruned(daily: Daily, _: Watch) -> None:
            for fault in await daily.pruning.faults(utc_now()):
                remark(without_addresses(fault))

        from newsletter.assembly import utc_now

        await self._with_daily("pruned", pruned)

    async def bounces(self) -> None:
        async def taken(daily: Daily, _: Watch) -> None:
            await take_from(configuration(self._context), daily.store, None)

        await self._with_daily("read what came back", taken)

    def warn(self, settings: Settings) -> None:
        """Say which channels cannot be used, before there is anything to post."""
        from newsletter.assembly import unusable_channels

        unusable = unusable_channels(settings)
        for why in unusable:
            _log.warning("channel cannot be used", why=why)
        self._alerts = frozenset(unusable)

    def say_next(self) -> None:
        """The next edition, once."""
        from newsletter.assembly import calendar, utc_now

        coming = calendar(configuration(self._context).settings).next_made(utc_now())
        told = f"next run: {coming:%A %Y-%m-%d %H:%M:%S %Z}"
        if told != self._told:
            self._told = told
            self._say(told)

    def _tell(self, looked: Looked) -> None:
        if looked.made:
            self._say(f"edition of {looked.day}: {counted(len(looked.made.papers), 'paper', 'papers')}")
        for day, number in looked.planned:
            self._say(f"{counted(number, 'digest', 'digests')} of {day} due now")
        for day, number in looked.missed:
            self._say(f"{counted(number, 'digest', 'digests')} of {day} missed: the next ones carry them")
        if looked.waiting and looked.waiting != self._waited_for:
            self._say(f"the edition of {looked.day} waits for {'; '.join(looked.waiting)}")
        self._waited_for = looked.waiting
        self.say_next()

    async def _with_daily(self, what: str, do: Callable[[Daily, Watch], Awaitable[Answer]]) -> Answer | None:
        """What `do` answers; None, and a remark, when something was wrong."""
        from newsletter.assembly import opened_daily, utc_now, watch
        from newsletter.errors import ConfigurationError, NewsletterError

        try:
            loaded = configuration(self._context)
            async with opened_daily(loaded, dispatch=dispatch(loaded)) as daily:
                watching = watch(loaded, daily.store)
                self._under_way |= {daily, watching}
                try:
                    if self._stopped:
                        self.stop()
                    return await do(daily, watching)
                except Exception as error:
                    await watching.after(error, utc_now())
                    raise
                finally:
                    self._under_way -= {daily, watching}
        except ConfigurationError as error:
            remark(f"not {what}, the configuration is wrong:\n{error}")
        except NewsletterError as error:
            remark(without_addresses(f"not {what}: {error}"))
        except Exception as error:  # a fault of ours: what goes on for years goes on
            logging.getLogger(__name__).error("not %s: this should not happen, please report it", what, exc_info=error)
        return None


def _in_words(sent: Sent) -> str:
    dates = " and ".join(map(str, sent.dates))
    again = f"; what waits is tried again at {sent.next_at:%H:%M:%S %Z}" if sent.next_at else ""
    return f"{counted(sent.attempted, 'delivery', 'deliveries')} of {dates} tried{again}"
