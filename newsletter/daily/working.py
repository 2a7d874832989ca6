"""What a worker works with, on any of the steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from newsletter.daily.delivering import Delivering
from newsletter.daily.journey import Daily
from newsletter.daily.publishing import Rules
from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class Beside:
    """What a worker does beside the steps of a run: `confirm` answers the sign-ups that are due, and tells when the
    next one is; `bounces` takes in what came back, and None is for a machine that has no mailbox to look into."""

    confirm: Callable[[], Awaitable[datetime | None]]
    bounces: Callable[[], Awaitable[None]] | None


@dataclass(frozen=True, slots=True)
class Workplace:
    """`delivering_as` makes what sends for an owner of leases; `is_alive` tells of one that is a process of this
    machine whether it is at work (None: nobody here can know)."""

    store: Store
    daily: Daily
    rules: Rules
    delivering_as: Callable[[str], Delivering]
    is_alive: Callable[[str], bool | None]

    async def look(self) -> None:
        """Take over the topics that the last run has put into the database."""
        self.daily.publishing.follow(await self.store.topics.all())
