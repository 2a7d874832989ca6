"""Several connections to one relay, kept open, used as fast as the relay and the operator's limits allow.

The life of one `send`::

    wait for a place (at most `width` messages are under way) and for the pace; nothing is held while waiting
      -> an idle connection, the one used last first, else a new one; renewed after so many messages
      -> MAIL finds a used connection dead, or gets 421 on it     -> once more on a fresh one: nothing was sent
      -> the relay cannot be reached for now (temporary)          -> again after 1, 2, 4, 8, 8 ... seconds
      -> it cannot be for longer than `patience`, or not at all   -> RelayError for this and for every other sender
      -> a reply: `width` grows with what is accepted, halves when the relay says slow down

Idle connections are not asked with NOOP whether they still live: that costs a round trip for every message, and proves
nothing about the command after it.
"""

from __future__ import annotations

import asyncio
import copy
import ssl
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from newsletter.errors import RelayError
from newsletter.mail.relay import Relay, Timeouts
from newsletter.mail.smtp import SmtpMailer
from newsletter.model import Message, Outcome, State, Step
from newsletter.policy.pacing import Pace, Width
from newsletter.policy.replies import consequences

PATIENCE = 30.0
"""Seconds without a single answer after which a relay that cannot be reached is given up for this run."""

LONGEST_BACK_OFF = 8.0
_CLOSING = 421


class Pool:
    """Sends over up to `connections` connections at a time, each for up to `messages_per_connection` messages.

    Any number of `send` may be called at once; more than `width` of them only wait. `pace` holds the operator's limits.
    `clock` gives steady seconds and `sleep` waits for some. `local_hostname`, `tls` and `timeouts` are those of
    `SmtpMailer`. Raises RelayError when the relay's settings contradict each other.
    """

    def __init__(
        self,
        relay: Relay,
        local_hostname: str | None = None,
        *,
        connections: int = 1,
        messages_per_connection: int = 100,
        pace: Pace | None = None,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._idle = [SmtpMailer(relay, local_hostname, tls=tls, timeouts=timeouts) for _ in range(max(1, connections))]
        self._all = tuple(self._idle)
        self._most_messages = messages_per_connection
        self._pace = pace or Pace()
        self._width = Width(len(self._all))
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._freed = asyncio.Event()
        self._stopped = asyncio.Event()
        self._failure: RelayError | None = None
        self._silent_since: float | None = None
        self._rest_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(line.close() for line in self._all))

    @property
    def most(self) -> int:
        """The most sends that will ever make sense at a time: more of them only wait."""
        return int(min(len(self._all), self._pace.useful_width))

    @property
    def width(self) -> int:
        """The most sends that make sense at a time, just now: what relay, settings and pace allow."""
        return int(min(self._width.now, self._pace.useful_width))

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """Hand `message` to the relay as `SmtpMailer.send` does, once there is a connection and its turn has come.

        `before_data` is awaited at most once. Raises RelayError, to every sender that waits as well, when the relay
        does not work and waiting does not help; nothing was sent then.
        """
        domain = message.recipient.rpartition("@")[2]
        paced = False  # a message that is tried again was counted already
        while True:
            line = await self._place(domain, paced)
            cuts = self._width.cuts
            try:
                return await self._sent(line, message, before_data, cuts)
            except RelayError as error:
                wait = self._back_off(error, cuts)
            finally:
                self._idle.insert(len(self._idle) if line.connected else 0, line)
                self._freed.set()
            paced = True
            await self._rest(wait)

    async def _place(self, domain: str, paced: bool) -> SmtpMailer:
        """A connection of our own. Waits until there is one and until the pace lets a message to `domain` go."""
        while True:
            self._stop_if_failed()
            if len(self._all) - len(self._idle) >= self.width:
                self._freed.clear()
                await self._freed.wait()
                continue
            now = self._clock()
            wait = max(self._rest_until - now, 0.0 if paced else self._pace.delay(domain, now))
            if wait <= 0:
                if not paced:
                    self._pace.took(domain, now)
                return self._idle.pop()
            await self._rest(wait)

    async def _sent(
        self, line: SmtpMailer, message: Message, before_data: Callable[[], Awaitable[None]], cuts: int
    ) -> Outcome:
        """One message over `line`. Nothing is awaited once the outcome is there: it must reach the ledger."""
        if line.served >= self._most_messages:
            await line.close()
        used = line.served > 0
        outcome = await line.send(message, before_data)
        if used and outcome.state is State.DEFERRED and outcome.step is Step.MAIL and outcome.code in (None, _CLOSING):
            outcome = await line.send(message, before_data)  # it had hung up on us; this connection is a new one
        self._silent_since = None
        if outcome.state is State.ACCEPTED:
            self._width.went_well()
        elif consequences(outcome).slow_down:
            self._rest_until = max(self._rest_until, self._clock() + self._width.slow_down(cuts))
        return outcome

    def _back_off(self, error: RelayError, cuts: int) -> float:
        """Seconds to wait after `error`: one more than the silence has lasted. Raises it where waiting does not help.

        While other connections are open, it is one too many that was refused, and only this sender waits.
        """
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        silence = now - self._silent_since
        if not error.temporary or silence >= self._patience:
            self._failure = self._failure or error
            self._stopped.set()
            self._freed.set()
            raise error
        if self._width.now > 1:
            self._width.slow_down(cuts)
        wait = min(1 + silence, LONGEST_BACK_OFF, self._patience - silence)
        if not any(line.connected for line in self._all):
            self._rest_until = max(self._rest_until, now + wait)
        return wait

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the relay is given up meanwhile."""
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._stopped.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _stop_if_failed(self) -> None:
        if self._failure is not None:
            raise copy.copy(self._failure) from self._failure
