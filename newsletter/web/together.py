"""Many callers, one piece of work: while one group is worked on, the next gathers.

A write to the database may wait for long, when another program has locked it. Requests that stood in line for it one
by one would wait for each other too; like this, nobody waits for more than the group before and their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

One = TypeVar("One")


class Together(Generic[One]):
    """Hands what callers bring to `work`, all of a group at once. What it raises, every caller of the group gets."""

    def __init__(self, work: Callable[[Sequence[One]], Awaitable[None]]) -> None:
        self._work = work
        self._turn = asyncio.Lock()
        self._gathered: list[One] = []
        self._group: asyncio.Task[None] | None = None

    async def bring(self, one: One) -> None:
        """Returns when it is done. It is done as well when the caller hangs up before."""
        self._gathered.append(one)
        if self._group is None:
            self._group = asyncio.create_task(self._work_on_group())
        await asyncio.shield(self._group)

    async def _work_on_group(self) -> None:
        async with self._turn:
            group, self._gathered, self._group = self._gathered, [], None
            await self._work(group)
