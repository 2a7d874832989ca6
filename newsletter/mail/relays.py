"""Several relays: each message has one of its own, and another one when that pauses.

A message's relays are in an order of their own, by weighted rendezvous hashing (Thaler and Ravishankar 1998, with the
logarithmic weights of Schindelhauer and Schomaker 2005) over its Message-ID, which is the same for a subscriber and a
date whoever sends, and however often. So a relay's share is as its weight, a message that is tried again comes to the
same relay, and one that pauses gives its share to all others without moving theirs::

    works ──RelayError of its pool─────────> pauses: its messages go to the next in their order
      ^                                         │ 30 s, then 60, 120 ... 900
      └──answers────── one message tries it <───┘

RelayError says that nothing of the message was sent, so another relay may have it. What `before_data` noted stands; it
is awaited again before the next relay has the message, so that its lease begins anew, and so that it does not go out if
it is not ours any more.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from newsletter.errors import HaltedError, RelayError
from newsletter.mail.pool import Pool
from newsletter.model import Message, Outcome, State

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds after which a relay that pauses is tried again: the first for one that may come back by itself, doubled each
time; the longest for one that refuses our login or our sender."""

LONGEST_REST = 2.0
"""Seconds for which others wait for a relay that turns everybody away; one that wants more pauses."""


@dataclass(slots=True, eq=False)
class Weighted:
    """A relay and how much of the mail it gets, beside the weights of the others. Two of one name get the same mail."""

    name: str
    weight: float
    pool: Pool
    paused_until: float | None = None
    pause: float = FIRST_PAUSE
    tried: bool = False  # somebody finds out whether it works again
    inside: int = 0

    def preference(self, key: str) -> float:
        """The relay with the highest one is the first for `key`."""
        drawn = int.from_bytes(hashlib.blake2b(f"{self.name}\0{key}".encode(), digest_size=8).digest()) >> 12
        return -self.weight / math.log((drawn + 0.5) / 2**52)  # 53 bits: never 0 and never 1

    def usable(self, now: float) -> bool:
        """Whether a message may go to it. Where others wait already to find out, one more would only wait, too."""
        if self.paused_until is None:
            return not (self.pool.silent and self.inside)
        return now >= self.paused_until and not self.tried


class Relays:
    """Sends over several relays. `tell` takes a sentence for the operator; `clock` gives steady seconds."""

    def __init__(
        self,
        relays: Sequence[Weighted],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._relays = tuple(relays)
        self._tell = tell
        self._clock = clock
        self._halted = False
        self._pools = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for one in self._relays:
            await self._pools.enter_async_context(one.pool)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pools.aclose()

    @property
    def most(self) -> int:
        """The most sends that make sense at a time, over all relays."""
        return sum(one.pool.most for one in self._relays)

    def halt(self) -> None:
        """Hand over nothing more: messages that are on their way are finished, every other send raises HaltedError."""
        self._halted = True
        for one in self._relays:
            one.pool.halt()

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """Hand `message` to its relay as `Pool.send` does, or to the next in its order.

        `before_data` is awaited at most once for each relay that is tried. Raises RelayError when none works; nothing
        was sent then.
        """
        left = sorted(self._relays, key=lambda one: one.preference(message.message_id), reverse=True)
        failure: RelayError | None = None
        while left and not self._halted:
            now = self._clock()
            # When there is no other, one that pauses may have come back.
            last_resort = min(left, key=lambda one: one.paused_until or 0.0)
            one = next((one for one in left if one.usable(now)), last_resort)
            left.remove(one)
            try:
                return await self._over(one, message, before_data)
            except HaltedError:
                raise
            except RelayError as error:
                failure = error
        raise failure if failure and not self._halted else HaltedError("sending was stopped before this message")

    async def _over(self, one: Weighted, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """`message` over one relay, which is tried again with it if it pauses."""
        paused = one.paused_until is not None
        if tries := paused and not one.tried:
            one.tried = True
            one.pool.resume()
        one.inside += 1
        try:
            outcome = await one.pool.send(message, before_data)
        except HaltedError:
            raise
        except RelayError as error:
            self._pause(one, error, again=tries)
            raise
        finally:
            one.inside -= 1
            one.tried = one.tried and not tries
        if paused:
            one.paused_until = None
        if outcome.state is State.ACCEPTED and one.paused_until is None:
            one.pause = FIRST_PAUSE
        return outcome

    def _pause(self, one: Weighted, error: RelayError, *, again: bool) -> None:
        if one.paused_until is not None and not again:
            return  # one of many that hear of it
        if not error.temporary:
            one.pause = LONGEST_PAUSE
        one.paused_until = self._clock() + one.pause
        one.pause = min(2 * one.pause, LONGEST_PAUSE)
        if len(self._relays) > 1:
            self._tell(f"The relay {one.name} pauses, and the others take its share: {error}")
