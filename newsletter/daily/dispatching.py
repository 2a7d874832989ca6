"""Who carries the steps of a run out: this process, or workers on any number of machines. The steps are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol

from newsletter.daily.collecting import Collected, Collecting
from newsletter.daily.delivering import Delivering
from newsletter.daily.processes import Processes
from newsletter.daily.publishing import Publishing
from newsletter.daily.timing import DELIVER, FREEZE, PLAN, timed
from newsletter.model import Edition, Occasion
from newsletter.sources.base import Source
from newsletter.store import Slot, Steps

OpenedSources = Callable[[bool, datetime | None], AbstractAsyncContextManager[Sequence[Source]]]
"""The configured sources: offline or not, and then as the network was at a moment (None: now)."""


class Dispatch(Protocol):
    """Carries the steps of a run out, one after the other, and returns when each is done; once it is told to stop, each
    returns soon, with what there is.

    `alerts` is what the relay said about this installation, `attempted` counts the deliveries that were tried.
    """

    @property
    def stopped(self) -> bool: ...

    @property
    def alerts(self) -> Sequence[str]: ...

    @property
    def attempted(self) -> int: ...

    def stop(self) -> None:
        """Begin nothing new, and end soon."""

    async def recover(self, now: datetime) -> None:
        """Take back what dead senders held (see `Ledger.recover`)."""

    async def call_back(self) -> None:
        """Have workers that rest because sending failed on them try again at once."""

    async def collect(self) -> list[Collected]:
        """Ask the configured sources for what is new."""

    async def freeze(self, day: date) -> Edition | None:
        """See `Publishing.freeze`."""

    async def plan(self, day: date) -> None:
        """See `Publishing.plan`."""

    async def plan_due(self, occasion: Occasion, slots: Sequence[Slot], missed: str = "") -> int:
        """See `Publishing.plan_due`."""

    async def deliver(self, dates: Sequence[date]) -> None:
        """Send what the ledger holds open for `dates`. Raises as `Delivering.deliver` does."""


class Here:
    """This process carries them out, and for the sending the processes that it starts. `recovered` takes back what dead
    senders held."""

    def __init__(
        self,
        opened_sources: OpenedSources,
        collecting: Collecting,
        publishing: Publishing,
        delivering: Delivering,
        processes: Processes,
        recovered: Callable[[datetime], Awaitable[object]],
    ) -> None:
        self._opened_sources = opened_sources
        self._collecting = collecting
        self._publishing = publishing
        self._delivering = delivering
        self._processes = processes
        self._recovered = recovered
        self._asking: asyncio.Task[list[Collected]] | None = None

    @property
    def stopped(self) -> bool:
        return self._delivering.stopped

    @property
    def alerts(self) -> Sequence[str]:
        return self._delivering.alerts

    @property
    def attempted(self) -> int:
        return self._delivering.attempted + self._processes.attempted

    def stop(self) -> None:
        """A source that is being asked is not waited for; what is being handed over is finished."""
        self._delivering.stop()
        self._processes.stop()
        if self._asking:
            self._asking.cancel()

    async def recover(self, now: datetime) -> None:
        await self._recovered(now)

    async def call_back(self) -> None:
        """This process rests from nothing."""

    async def collect(self) -> list[Collected]:
        self._asking = asyncio.ensure_future(self._collected())
        try:
            return await self._asking
        except asyncio.CancelledError:
            if not self.stopped:
                raise
            return []
        finally:
            self._asking = None

    async def _collected(self) -> list[Collected]:
        async with self._opened_sources(False, None) as sources:
            return await self._collecting.collect(sources)

    async def freeze(self, day: date) -> Edition | None:
        return await self._publishing.freeze(day)

    async def plan(self, day: date) -> None:
        await self._publishing.plan(day)

    async def plan_due(self, occasion: Occasion, slots: Sequence[Slot], missed: str = "") -> int:
        return await self._publishing.plan_due(occasion, slots, missed)

    async def deliver(self, dates: Sequence[date]) -> None:
        for day in dates:
            await self._processes.deliver(day, self._delivering)


class Timed:
    """Has `dispatch` carry the steps out, and notes how each went; `now` gives aware UTC. Collecting notes itself,
    because it is asked for in other ways too."""

    def __init__(self, dispatch: Dispatch, steps: Steps, now: Callable[[], datetime]) -> None:
        self._dispatch = dispatch
        self._steps = steps
        self._now = now

    @property
    def stopped(self) -> bool:
        return self._dispatch.stopped

    @property
    def alerts(self) -> Sequence[str]:
        return self._dispatch.alerts

    @property
    def attempted(self) -> int:
        return self._dispatch.attempted

    def stop(self) -> None:
        self._dispatch.stop()

    async def recover(self, now: datetime) -> None:
        await self._dispatch.recover(now)

    async def call_back(self) -> None:
        await self._dispatch.call_back()

    async def collect(self) -> list[Collected]:
        return await self._dispatch.collect()

    async def freeze(self, day: date) -> Edition | None:
        async with self._timed(FREEZE, day):
            return await self._dispatch.freeze(day)

    async def plan(self, day: date) -> None:
        async with self._timed(PLAN, day):
            await self._dispatch.plan(day)

    async def plan_due(self, occasion: Occasion, slots: Sequence[Slot], missed: str = "") -> int:
        async with self._timed(PLAN, occasion.day):
            return await self._dispatch.plan_due(occasion, slots, missed)

    async def deliver(self, dates: Sequence[date]) -> None:
        if not dates:
            return
        async with self._timed(DELIVER, max(dates, default=None)):
            await self._dispatch.deliver(dates)

    def _timed(self, step: str, day: date | None) -> AbstractAsyncContextManager[None]:
        return timed(step, self._steps, self._now, day, lambda: self.stopped)
