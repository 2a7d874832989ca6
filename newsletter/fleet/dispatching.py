"""A run whose steps are jobs: it defers them, waits for them, and tells what came of them.

The rows in the database say what came of a step, as they do after a crash; workers tell only what is in no row. When
the run ends early, the jobs stay: workers go on with them, and the next run finds what they have done.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from newsletter.daily.collecting import Collected, Progress
from newsletter.daily.publishing import Rules
from newsletter.errors import AwayError, NewsletterError, RelayError
from newsletter.fleet import jobs as numbers
from newsletter.fleet import staff
from newsletter.fleet.arguments import as_json
from newsletter.fleet.jobs import Jobs
from newsletter.fleet.staff import Likeness, Member
from newsletter.model import SETTLED_STATES, Batch, Edition, Occasion, State
from newsletter.store import BatchRecord, Slot, Store

LONELY = 5.0
"""Seconds after which a run looks who is there to do what it waits for."""

NOBODY_FIT = 15.0
"""Seconds for which no worker may be fit to send before a run ends: one may just be on its way."""

MOST_LOOKS = 3
"""Times that jobs are made anew for deliveries that wait without one, before a run leaves them to the next."""

_SHORTEST_REST, _LONGEST_REST = 0.1, 1.0
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_TRIED = SETTLED_STATES | {State.DEFERRED}
_ENDED_BADLY = frozenset({"failed", "cancelled", "aborted"})

Answer = TypeVar("Answer")


class Fleet:
    """Workers carry the steps of a run out (see `Dispatch`). `alike` is what they must have in common with this
    machine; `sources` are the names of all that are configured; `is_alive` tells of owners of leases that are processes
    of this machine; `say` tells the operator something."""

    def __init__(
        self,
        jobs: Jobs,
        store: Store,
        rules: Rules,
        alike: Likeness,
        sources: Sequence[str],
        is_alive: Callable[[str], bool | None],
        now: Callable[[], datetime],
        progress: Progress,
        say: Callable[[str], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._rules = rules
        self._alike = alike
        self._sources = sources
        self._is_alive = is_alive
        self._now = now
        self._progress = progress
        self._say = say
        self._stopping = asyncio.Event()
        self._said: set[str] = set()
        self._unfit_since: float | None = None
        self._since: int | None = None
        self._before: dict[date, int] = {}
        self.alerts: list[str] = []
        self.attempted = 0

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Wait no longer."""
        if not self.stopped:
            self._say("waiting no longer: workers go on with what they were given, the next run with the rest")
        self._stopping.set()

    async def recover(self, now: datetime) -> None:
        await self._jobs.prepare()
        self._since, self._before, self.attempted = await self._jobs.newest(), {}, 0
        self._said.clear()
        await self._compare()
        await self._jobs.recover(now, self._rules.on_unknown, self._is_alive)

    async def call_back(self) -> None:
        await staff.call_back(self._store)

    async def collect(self) -> list[Collected]:
        """What each source answered, as it was noted. Those that know more of papers come after those that bring
        them."""
        first = [name for name in self._sources if name in self._rules.sources]
        for names in (first, [name for name in self._sources if name not in first]):
            since = await self._jobs.newest()
            ids = []
            for name in names:
                ids += await self._jobs.defer("collect", {"source": name}, lock=f"collect {name}")
            await self._finished(ids, names, since)
        newest = await self._store.batches.newest()
        return [_collected(one) for name in self._sources for one in newest if one.source == name]

    async def freeze(self, day: date) -> Edition | None:
        if not self.stopped and await self._store.editions.find(day) is None:
            since = await self._jobs.newest()
            ids = await self._jobs.defer("freeze", {"day": day.isoformat()}, lock=f"freeze {day}")
            await self._finished(ids, [day.isoformat()], since)
        return await self._store.editions.find(day)

    async def plan(self, day: date) -> None:
        if self.stopped:
            return
        # Workers deliver the first readers while others are being planned.
        self._before[day] = await self._number([day], _TRIED)
        since = await self._jobs.newest()
        ranges = await self._store.subscribers.ranges(numbers.READERS)
        several = [{"day": day.isoformat(), "after": after, "until": until} for after, until in ranges]
        await self._finished(await self._jobs.defer("plan", *several), [day.isoformat()], since)

    async def plan_due(self, occasion: Occasion, slots: Sequence[Slot], missed: str = "") -> int:
        """How many deliveries of the date are new, whoever planned them."""
        if self.stopped:
            return 0
        day = occasion.day
        before = await self._number([day], State)
        due = as_json(occasion, slots, missed)
        since = await self._jobs.newest()
        ranges = await self._store.subscribers.ranges(numbers.READERS)
        several = [{"day": day.isoformat(), "after": after, "until": until, "due": due} for after, until in ranges]
        await self._finished(await self._jobs.defer("plan", *several), [day.isoformat()], since)
        return await self._number([day], State) - before

    async def deliver(self, dates: Sequence[date]) -> None:
        """Wait until there is no job and no delivery that waits. Raises RelayError with what a worker says of why it
        gave up, or when there are workers, but none that can send."""
        if self._since is None:  # `recover` was not asked for: what was told before now is of earlier work
            await self._jobs.prepare()
            self._since = await self._jobs.newest()
        since = self._since
        await self._compare()
        for day in dates:
            if day not in self._before:
                self._before[day] = await self._number([day], _TRIED)
        # To count the settled rows of a great day takes long, so it is done once.
        left, looks = await self._number(dates, State) - sum(self._before[day] for day in dates), 0

        async def over() -> bool:
            nonlocal looks
            pending = await self._jobs.pending(dates)
            await self._hear(dates, since)  # after that: what has ended has told all that it had to
            counts = [await self._store.ledger.open_counts(day) for day in dates]
            waiting = sum(number for one in counts for state, number in one.items() if state not in _TRIED)
            self.attempted = max(left - waiting, 0)
            self._progress("Delivering", self.attempted, self.attempted + waiting)
            if pending:
                return False
            looks += 1
            if looks > MOST_LOOKS:
                return True
            # Whoever held something without a job is dead, or another process: that one sends it.
            await self._jobs.recover(self._now(), self._rules.on_unknown, self._is_alive)
            return sum([await self._jobs.enough(day, self._now()) for day in dates]) == 0

        for day in dates:
            await self._jobs.enough(day, self._now())
        await self._until(over, _sending)

    async def _compare(self) -> None:
        """Alert the operator of workers whose messages would have other links than this machine's."""
        for one in await self._jobs.workers():
            for what, theirs, ours in (
                ("signs links with other secret_keys", one.likeness.keys, self._alike.keys),
                ("has another site.url", one.likeness.site, self._alike.site),
            ):
                alert = f"The worker {one.name} {what} than this run: give every machine the same settings"
                if theirs != ours and alert not in self.alerts:
                    self.alerts.append(alert)
                    self._say(alert)

    async def _hear(self, dates: Sequence[date], since: int) -> None:
        """Take in what was told after the job `since`, each once. Always from there on: of two that tell at the same
        time the one with the later number may be heard first. Raises RelayError with why a worker gave up."""
        for told in await self._jobs.told([day.isoformat() for day in dates], since):
            if told.failed:
                raise RelayError(told.sentence)
            if told.sentence not in self.alerts:
                self.alerts.append(told.sentence)

    async def _number(self, dates: Sequence[date], states: Iterable[State]) -> int:
        counts = [await self._store.ledger.counts(day) for day in dates]
        return sum(one[state] for one in counts for state in states)

    async def _finished(self, ids: Sequence[int], about: Sequence[str], since: int) -> None:
        """Wait for jobs. Raises NewsletterError when one of them was given up."""

        async def over() -> bool:
            states = await self._jobs.states(ids)
            if _ENDED_BADLY & set(states.values()):
                why = [told.sentence for told in await self._jobs.told(about, since) if told.failed]
                raise NewsletterError(why[0] if why else "a worker gave up on this; its log says why")
            return not {"todo", "doing"} & set(states.values())

        await self._until(over, partial(self._jobs.queued, ids))

    async def _until(
        self, over: Callable[[], Awaitable[bool]], queued: Callable[[], Awaitable[Collection[str]]]
    ) -> None:
        """Look again and again, until it is `over` or nobody wants to wait. `queued` tells the queues of jobs that
        nobody has begun. Raises RelayError when nobody can send."""
        begun, rest = time.monotonic(), _SHORTEST_REST
        while not self.stopped and not await self._asked(over):
            if time.monotonic() - begun > LONELY:
                self._judge(await self._asked(self._jobs.workers), await self._asked(queued))
            await self._wait(rest)
            rest = min(rest * 1.5, _LONGEST_REST)

    def _judge(self, workers: Sequence[Member], queues: Collection[str]) -> None:
        """Say for which of `queues` nobody is there. Raises RelayError when nobody who sends can."""
        if not workers:
            self._say_once("no worker is there: start `newsletter worker` on any machine, and this goes on")
            return
        for queue in queues:
            if not any(queue in one.queues for one in workers):
                self._say_once(
                    f"no worker that is there takes “{queue}”: start one without --queues, or with “{queue}” among "
                    "them, and this goes on"
                )
        senders = [one for one in workers if "deliver" in one.queues]
        if "deliver" not in queues or not senders or not all(one.lost for one in senders):
            self._unfit_since = None
            return
        self._unfit_since = self._unfit_since or time.monotonic()
        if time.monotonic() - self._unfit_since > NOBODY_FIT:
            raise RelayError(f"no worker can send, and the rest waits until one can: {_whys(senders)}")

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)

    async def _asked(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the database, which is waited for when it is away, however long, unless we are told to stop."""
        away = 0
        while True:
            try:
                answer = await question()
            except AwayError as error:
                if self.stopped:
                    raise
                if not away:
                    self._say(f"{error} This run waits for it.")
                await self._wait(_PAUSES[min(away, len(_PAUSES) - 1)])
                away += 1
            else:
                if away:
                    self._say("the database is back")
                return answer

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def _sending() -> Collection[str]:
    """The queue whose jobs a run waits for when all is planned; others than those it knows may be in it."""
    return ("deliver",)


def _whys(workers: Sequence[Member]) -> str:
    """Why sending fails on `workers`, each reason once."""
    names: dict[str, list[str]] = defaultdict(list)
    for one in workers:
        names[one.why].append(one.name)
    return "; ".join(
        f"{first}{f' and {len(more)} more' if more else ''}: {why}" for why, (first, *more) in names.items()
    )


def _collected(record: BatchRecord) -> Collected:
    batch = Batch(
        record.source,
        record.document,
        record.day,
        (),
        record.verdict,
        record.why,
        curators=record.curators,
        problems=record.problems,
        declared=record.declared,
        asked=record.asked,
        expected=record.expected,
    )
    return Collected(batch, record.papers, record.new)
