"""A look at the clock: make the edition that is complete, plan the digests that are due, send what is open.

    the newest edition that may be made    ask the sources, unless they were asked since; make it when none is late, or
                                           with what there is when nobody waits any longer
    readers of each zone, hour, rhythm     whose moment has come, and whose edition is made or given up: plan
    dates that nobody looked at            superseded: the next digest carries them
    noted                                  when it was looked; the next look begins there

What is due is a function of the database and the moment (`policy.hours`), so it does no harm to look twice, late, or
from two places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from newsletter.daily.dispatching import Dispatch
from newsletter.daily.publishing import Publishing
from newsletter.logs import Log
from newsletter.mail.tokens import CONFIRM_WITHIN
from newsletter.model import Edition, Occasion, Verdict
from newsletter.policy import verdicts
from newsletter.policy.hours import ONE_DAY, Calendar, Hours, Turn, turns
from newsletter.store import BatchRecord, Slot, Store

_log = Log(__name__)

ASK_AGAIN = timedelta(minutes=20)
"""How soon a source is asked again that is late, or could not be read."""

LOOK, COLLECT = "look", "collect"
"""The moments that are noted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: the edition of `day` when it was made just now, how many digests were `planned` of each
    date, and how many were `missed`, and why the edition is waited for; `failed` says why there is none, where no
    source could be read."""

    day: date
    made: Edition | None = None
    planned: tuple[tuple[date, int], ...] = ()
    missed: tuple[tuple[date, int], ...] = ()
    waiting: tuple[str, ...] = ()
    failed: str = ""


class Looking:
    """Looks, with `dispatch` to carry the steps out; `sources` are the names of those that bring papers, and `now`
    gives aware UTC."""

    def __init__(
        self,
        store: Store,
        publishing: Publishing,
        calendar: Calendar,
        sources: Collection[str],
        dispatch: Dispatch,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publishing = publishing
        self._calendar = calendar
        self._sources = frozenset(sources)
        self._dispatch = dispatch
        self._now = now

    async def look(self) -> Looked:
        """See what is due, and plan it; see the module."""
        begun = self._now()
        await self._dispatch.recover(begun)
        await self._store.subscribers.stay_forgotten()
        await self._store.subscribers.give_up(begun - CONFIRM_WITHIN)
        since = await self._store.moments.last(LOOK)
        day = self._calendar.newest(begun)
        made, waiting = await self._make(day)
        if self._dispatch.stopped:
            return Looked(day, made, waiting=waiting)
        # Collecting may have taken a while: who is due is a question of now.
        now = self._now()
        through = await self._newest(day)
        # An edition whose time came meanwhile is the next look's.
        planned, missed = await self._plan(now, since, through, lambda one: one < day or (one == day and not waiting))
        if not self._dispatch.stopped:
            await self._store.moments.note(LOOK, now)
        failed = "" if made or waiting else await self.unread(day)
        return Looked(day, made, tuple(planned.items()), tuple(missed.items()), waiting, failed)

    @property
    def newest(self) -> date:
        """The day of the newest edition that there may be now."""
        return self._calendar.newest(self._now())

    async def collect(self) -> None:
        """Ask the configured sources."""
        await self._dispatch.collect()
        if not self._dispatch.stopped:
            await self._store.moments.note(COLLECT, self._now())

    async def _make(self, day: date) -> tuple[Edition | None, tuple[str, ...]]:
        """Make the edition of `day`, unless it is there. Returns it if it is new, and why it is waited for."""
        if await self._store.editions.find(day):
            return None, ()
        asked = await self._store.moments.last(COLLECT)
        if asked is None or asked < self._calendar.made_from(day) or await self._asks_again(day, asked):
            await self.collect()
        if self._dispatch.stopped:
            return None, ("it was told to stop",)
        is_given_up = self._now() >= self._calendar.given_up(day)
        late = () if is_given_up else verdicts.late(await self._answers())
        made = None if late else await self._dispatch.freeze(day)
        # Without a paper there is no edition. Where that is because a source could not be read, it is tried again.
        return made, late or (() if made or is_given_up else await self._troubles())

    async def _asks_again(self, day: date, asked: datetime) -> bool:
        now = self._now()
        return asked + ASK_AGAIN <= now < self._calendar.given_up(day) and bool(await self._troubles())

    async def _troubles(self) -> tuple[str, ...]:
        """A sentence for each source that is late, or could not be read."""
        answers = await self._answers()
        broken = [f"{one.source}: {one.why}" for one in answers if one.verdict is Verdict.BROKEN]
        return (*verdicts.late(answers), *dict.fromkeys(broken))

    async def unread(self, day: date) -> str:
        """Why the edition of `day` is not there, where no source could be read; else empty."""
        answers = await self._answers()
        broken = [one for one in answers if one.verdict is Verdict.BROKEN]
        if not broken or len(broken) < len(answers) or await self._store.editions.find(day):
            return ""
        return f"No source could be read. {broken[0].source}: {broken[0].why}"

    async def _answers(self) -> list[BatchRecord]:
        """What the sources answered last; those that are configured no more are waited for no more."""
        return [one for one in await self._store.batches.newest() if one.source in self._sources]

    async def _newest(self, day: date) -> date:
        """The day of the newest edition that digests go through, `day` being that of the newest there can be: the day
        before it, as if there were one, when there is none within the look-back."""
        newest = await self._store.editions.newest(day)
        if newest and newest.day > day - timedelta(days=self._publishing.look_back):
            return newest.day
        return day - ONE_DAY

    async def _plan(
        self, now: datetime, since: datetime | None, through: date, settled: Callable[[date], bool]
    ) -> tuple[dict[date, int], dict[date, int]]:
        slots: dict[tuple[date, bool, date], list[Slot]] = defaultdict(list)
        for zone, hour, rhythm in await self._store.hours.all():
            try:
                found = turns(Hours(zone, hour, rhythm), now, self._calendar, settled, since)
            except ZoneInfoNotFoundError:  # it was known where it was chosen
                _log.warning("readers wait: this machine does not know their time zone", timezone=zone)
                continue
            for due in found:
                # What was missed would have gone no farther than what there was to be then.
                newest = min(due.awaits, through) if due.turn is Turn.MISSED else through
                if due.turn is not Turn.WAIT:
                    slots[due.day, due.turn is Turn.SEND, newest].append((zone, hour, rhythm, due.begins))
        planned: dict[date, int] = defaultdict(int)
        missed: dict[date, int] = defaultdict(int)
        for (day, is_sent, newest), several in sorted(slots.items()):
            if new := await self._planned(Occasion(day, newest, now), several, not is_sent):
                (planned if is_sent else missed)[day] += new
        return planned, missed

    async def _planned(self, occasion: Occasion, slots: Sequence[Slot], is_missed: bool) -> int:
        if self._dispatch.stopped or not await self._store.hours.due(occasion.day, slots, 1):
            return 0
        missed = "nobody looked in time; the next digest carries it" if is_missed else ""
        return await self._dispatch.plan_due(occasion, slots, missed)
