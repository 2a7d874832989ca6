"""Turns: one request at a time to one place, and a pause after it, for all processes that share the database."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from newsletter.sources.base import Habits
from newsletter.sources.web.faults import Fault, minute, wall_clock

_MARGIN = 10.0
"""Seconds that a turn is held beyond the request's own limit, before others may think its process dead."""


class Paces(Protocol):
    """Hands out turns; `newsletter.store` keeps them in the database."""

    async def begin(self, group: str, owner: str, now: datetime, lease: float) -> datetime | None:
        """None: the turn is `owner`'s for `lease` seconds. Else the moment at which to ask again."""
        ...

    async def end(self, group: str, owner: str, next_at: datetime) -> None:
        """Give the turn back; nobody begins before `next_at`."""
        ...


@dataclass(slots=True)
class Turn:
    """A turn that is held. `not_before` is when the server asks to come back; everybody waits for it."""

    not_before: datetime | None = None


class Turns:
    """Waits for turns in the order of asking, and gives them back whatever happens."""

    def __init__(self, paces: Paces, owner: str, patience: float) -> None:
        self._paces = paces
        self._owner = owner
        self._patience = patience
        # This process queues here instead of asking the database again and again.
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, host: str, habits: Habits) -> AsyncIterator[Turn]:
        """The turn to send one request to `host`, asked as `habits` say. Nobody waits for a host that is to be asked
        without any pace. Raises Fault when the next turn is further away than our patience."""
        if not habits.group and not habits.pace:
            yield Turn()
            return
        group = habits.group or host
        queue = self._queues.setdefault(group, asyncio.Lock())
        async with queue:
            # No two turns have the same owner, so that no two requests of one process can share a turn.
            owner = f"{self._owner}/{secrets.token_hex(4)}"
            turn, pause = Turn(), timedelta()
            try:
                await self._begin(group, owner, habits)
                pause = timedelta(seconds=habits.pace)
                yield turn
            finally:
                # Also when `begin` was interrupted: it may have got the turn without our knowing.
                at = wall_clock() + pause
                ending = self._paces.end(group, owner, max(at, turn.not_before or at))
                await asyncio.shield(asyncio.ensure_future(ending))

    async def _begin(self, group: str, owner: str, habits: Habits) -> None:
        lease = habits.timeout + _MARGIN
        while (at := await self._paces.begin(group, owner, wall_clock(), lease)) is not None:
            wait = (at - wall_clock()).total_seconds()
            if wait > max(self._patience, habits.pace):  # our own pace needs no patience
                raise Fault(f"asked us to wait until {minute(at)}; run again then")
            await asyncio.sleep(max(wait, 0.01))
