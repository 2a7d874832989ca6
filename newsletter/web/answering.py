"""What a sign-up sets off once the page has answered: its message goes out.

Nothing that hangs on the address is done before the answer but one note, the same for all. So the time that the answer
takes says of no address whether we know it, or must not write to it. The note is in the database: what was heard is
answered even if the process dies, by the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.assembly import utc_now
from newsletter.errors import StoreError
from newsletter.mail.tokens import CONFIRM_WITHIN
from newsletter.store import Store
from newsletter.store.sign_ups import SignUp
from newsletter.web.together import Together

PAUSES = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)
"""Seconds before another attempt, after each that failed: seven hours in all, for relays that greylist or are away."""

MOST = 10_000
"""Sign-ups that may wait for their message; a thousand may come in an hour (`web.limiting`)."""

AT_ONCE = 4
LEASE = timedelta(seconds=90)
"""An attempt takes less; if its process dies, another one has the sign-up after that."""

TIDY_EVERY = timedelta(minutes=1)
_LONGEST_REST = 60.0
_AFTER_FAULT = 5.0

_log = logging.getLogger(__name__)


Noted = Callable[[AsyncConnection], Awaitable[None]]
"""Told of a sign-up in the transaction that notes it."""


class Answering:
    """Works through the sign-ups that were noted. `answer` returns whether nothing is left to do. With `noted`, others
    do, who are told by it. Sign-ups that nobody confirms are `kept` for so long."""

    def __init__(
        self,
        store: Store,
        answer: Callable[[SignUp], Awaitable[bool]],
        noted: Noted | None = None,
        kept: timedelta = CONFIRM_WITHIN,
    ) -> None:
        self._store = store
        self._kept = kept
        self._try = answer
        self.noted = noted
        self._woken = asyncio.Event()
        self._ending = False
        self.is_idle = False
        """Whether nothing is to be done before somebody signs up, or a pause is over."""
        self._tidied: datetime | None = None
        self._tidying = Together(self._give_up)

    def wake(self) -> None:
        """Something was noted."""
        self.is_idle = False
        self._woken.set()

    async def tidy(self, now: datetime) -> None:
        """Take out who never confirmed, if it is a while since that was done; raises StoreError."""
        if self._tidied is None or not timedelta() <= now - self._tidied < TIDY_EVERY:
            await self._tidying.bring(now)

    async def work(self) -> None:
        """Answer what is due, until the end is asked for and nothing is."""
        while True:
            self._woken.clear()
            try:
                rest = self._rest(await self.answer_due())
            except StoreError as error:
                _log.error("sign-ups cannot be answered just now: %s", error)
                rest = _AFTER_FAULT
            except Exception as error:  # a fault of ours: whoever signs up next has to be answered all the same
                _log.error("sign-ups cannot be answered just now", exc_info=error)
                rest = _AFTER_FAULT
            if self._ending:
                return
            self.is_idle = not self._woken.is_set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), rest)
            self.is_idle = False

    def end(self) -> None:
        """Begin no pause any more."""
        self._ending = True
        self.wake()

    async def answer_due(self) -> datetime | None:
        """Answer those that are due; when the next one is, None when none waits. Raises StoreError."""
        while claimed := await self._store.sign_ups.claim(utc_now(), utc_now() + LEASE, AT_ONCE):
            # All are waited for, whatever one of them comes to.
            ends = await asyncio.gather(*map(self._answer, claimed), return_exceptions=True)
            if faults := [one for one in ends if isinstance(one, BaseException)]:
                raise faults[0]
        return await self._store.sign_ups.next_at()

    def _rest(self, following: datetime | None) -> float:
        """Seconds until something is due, as far as anybody knows now."""
        return min(max((following - utc_now()).total_seconds(), 0.0), _LONGEST_REST) if following else _LONGEST_REST

    async def _answer(self, one: SignUp) -> None:
        try:
            done = await self._try(one)
        except Exception as error:  # a fault of ours: it must not end unheard, nor keep the others waiting
            _log.error("a sign-up could not be answered", exc_info=error)
            done = False
        if done:
            await self._store.sign_ups.done(one.id)
        elif one.attempts > len(PAUSES):
            _log.error("a message to somebody who signed up did not go out: they have to sign up anew")
            await self._store.sign_ups.done(one.id)
        else:
            pause = PAUSES[one.attempts - 1]
            _log.warning("a message to somebody who signed up did not go out; the next attempt is in %g s", pause)
            await self._store.sign_ups.postpone(one.id, utc_now() + timedelta(seconds=pause))

    async def _give_up(self, moments: Sequence[datetime]) -> None:
        now = max(moments)
        await self._store.subscribers.give_up(now - self._kept)
        self._tidied = now


@asynccontextmanager
async def answering(
    store: Store,
    grace: float,
    answer: Callable[[SignUp], Awaitable[bool]],
    noted: Noted | None = None,
    kept: timedelta = CONFIRM_WITHIN,
) -> AsyncIterator[Answering]:
    """What answers sign-ups, at work inside of the block, and ended within `grace` seconds after it; with `noted`, what
    only tells others of them. `kept` as for Answering."""
    answers = Answering(store, answer, noted, kept)
    if noted:
        yield answers
        return
    working = asyncio.create_task(answers.work())
    try:
        yield answers
    finally:
        answers.end()
        _, late = await asyncio.wait([working], timeout=grace)
        for task in late:
            _log.warning("some who signed up wait for their message until the page is served again")
            task.cancel()
        await asyncio.gather(working, return_exceptions=True)
