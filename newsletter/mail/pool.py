"""Several connections to one relay, kept open, used as fast as the relay and the operator's limits allow.

The life of one `send`::

    wait for a place (at most `width` connections are in use) and for the pace; nothing is held while waiting
      -> an idle connection, the one used last first, else a new one, else room on one that pipelines and is in use;
         renewed after so many messages
      -> MAIL finds a used connection dead, or gets 421 on it     -> once more on a fresh one: nothing was sent
      -> the relay cannot be reached for now (temporary)          -> again after 1, 2, 4, 8, 8 ... seconds
      -> it cannot be for longer than `patience`, or not at all   -> RelayError for this and for every other sender
      -> a reply: `width` grows with what is accepted, halves when the relay says slow down
      -> it turns even single messages away, again and again      -> a rest; RelayError for those who wait, where there
                                                                     is another relay (`longest_rest`)

Idle connections are not asked with NOOP whether they still live: that costs a round trip for every message, and proves
nothing about the command after it.
"""

from __future__ import annotations

import asyncio
import copy
import math
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from newsletter.errors import HaltedError, RelayError
from newsletter.mail.pipeline import DEPTH
from newsletter.mail.relay import Relay, Timeouts
from newsletter.mail.smtp import SmtpMailer
from newsletter.mail.turns import Turns
from newsletter.model import Message, Outcome, State, Step
from newsletter.policy.pacing import Pace, Width
from newsletter.policy.replies import consequences

PATIENCE = 30.0
"""Seconds without a single answer after which a relay that cannot be reached is given up for this run."""

LONGEST_BACK_OFF = 8.0
_CLOSING = 421


class _Line:
    """One connection of the pool, and how many sends are on it."""

    __slots__ = ("load", "mailer")

    def __init__(self, mailer: SmtpMailer) -> None:
        self.mailer = mailer
        self.load = 0


class _Once:
    """Awaits `note` the first time only: a message that is tried again is noted already."""

    __slots__ = ("_note",)

    def __init__(self, note: Callable[[], Awaitable[None]]) -> None:
        self._note: Callable[[], Awaitable[None]] | None = note

    async def __call__(self) -> None:
        note, self._note = self._note, None
        if note is not None:
            await note()


class Pool:
    """Sends over up to `connections` connections at a time, each for up to `messages_per_connection` messages.

    Any number of `send` may be called at once; those for which there is no room only wait. `pace` holds the operator's
    limits; with one, each connection takes one message at a time, so that they leave evenly. A relay that would have to
    rest for more than `longest_rest` seconds is given up like one that cannot be reached. `clock` gives steady seconds
    and `sleep` waits for some. `local_hostname`, `tls` and `timeouts` are those of `SmtpMailer`. Raises RelayError when
    the relay's settings contradict each other.
    """

    def __init__(
        self,
        relay: Relay,
        local_hostname: str | None = None,
        *,
        connections: int = 1,
        messages_per_connection: int = 100,
        pace: Turns | None = None,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        patience: float = PATIENCE,
        longest_rest: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        mailers = (SmtpMailer(relay, local_hostname, tls=tls, timeouts=timeouts) for _ in range(max(1, connections)))
        self._all = tuple(map(_Line, mailers))
        self._idle = list(self._all)
        self._roomy: dict[_Line, None] = {}  # in use, with room for more; the one that waits longest first
        self._most_messages = messages_per_connection
        self._pace: Turns = pace or Pace()
        self._deepest = DEPTH if self._pace.unlimited else 1
        self._width = Width(len(self._all))
        self._useful = int(min(self._pace.useful_width, len(self._all) * self._deepest))
        self._relay = relay
        self._patience = patience
        self._longest_rest = longest_rest
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._stopped = asyncio.Event()
        self._failure: RelayError | None = None
        self._halted = False
        self._silent_since: float | None = None
        self._rest_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(line.mailer.close() for line in self._all))

    def halt(self) -> None:
        """Hand over nothing more: messages that are on their way are finished, every other send raises HaltedError."""
        self._halted = True
        self._give_up(HaltedError("sending was stopped before this message"))
        for line in self._all:
            line.mailer.halt()

    def resume(self) -> None:
        """Try a relay once more that was given up. Who was told to halt stays halted."""
        if not self._halted:
            self._failure = self._silent_since = None
            self._stopped.clear()

    @property
    def silent(self) -> bool:
        """Whether the relay could not be reached at the last attempt, and no connection to it is open."""
        return self._silent_since is not None and not self._connected()

    @property
    def most(self) -> int:
        """The most sends that will ever make sense at a time: more of them only wait."""
        return min(len(self._all) * self._deepest, self._useful)

    @property
    def width(self) -> int:
        """The most connections that make sense at a time, just now: what relay, settings and pace allow."""
        return min(self._width.now, self._useful)

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """Hand `message` to the relay as `SmtpMailer.send` does, once there is a connection and its turn has come.

        `before_data` is awaited at most once. Raises RelayError, to every sender that waits as well, when the relay
        does not work and waiting does not help; nothing was sent then.
        """
        domain = message.recipient.rpartition("@")[2]
        note = _Once(before_data)
        paced = False  # a message that is tried again was counted already
        while True:
            line = await self._place(domain, paced)
            cuts = self._width.cuts
            try:
                return await self._sent(line, message, note, cuts)
            except HaltedError:
                raise
            except RelayError as error:
                wait = self._back_off(error, cuts)
            finally:
                self._leave(line)
            paced = True
            await self._rest(wait)

    async def _place(self, domain: str, paced: bool) -> _Line:
        """Room on a connection. Waits until there is some and until the pace lets a message to `domain` go."""
        if paced or self._pace.unlimited:
            return await self._placed(domain, paced=True)
        # One at a time looks whether its turn has come: the others of this domain go after it at best.
        async with self._queues.setdefault(domain, asyncio.Lock()):
            return await self._placed(domain, paced=False)

    async def _placed(self, domain: str, *, paced: bool) -> _Line:
        while True:
            self._stop_if_failed()
            if not self._room():
                await self._wait_for_room()
                continue
            now = self._clock()
            if not paced and self._pace.short(domain, now):
                self._wake()
                await self._pace.ask(domain)
                continue
            wait = max(self._rest_until - now, 0.0 if paced else self._pace.delay(domain, now))
            if wait <= 0:
                if not paced:
                    self._pace.took(domain, now)
                line = self._take()
                self._wake()
                return line
            self._wake()  # another may go at once, to another domain
            await self._rest(wait)

    def _room(self) -> bool:
        """Whether a message could have a place now."""
        spare = self.width - (len(self._all) - len(self._idle))
        return spare > 0 or (spare == 0 and bool(self._roomy))

    def _take(self) -> _Line:
        """A place; connections of their own for all come before sharing one."""
        if len(self._all) - len(self._idle) < self.width:
            line = self._idle.pop()
        else:
            line = next(iter(self._roomy))
            del self._roomy[line]
        line.load += 1
        self._note_room(line)
        return line

    def _leave(self, line: _Line) -> None:
        """One message less on `line`."""
        line.load -= 1
        if line.load:
            self._note_room(line)
        else:
            self._roomy.pop(line, None)
            self._idle.insert(len(self._idle) if line.mailer.connected else 0, line)
        self._wake()

    def _note_room(self, line: _Line) -> None:
        mailer = line.mailer
        if 0 < line.load < self._deepest and line.load < mailer.depth and mailer.served < self._most_messages:
            self._roomy[line] = None
        else:
            self._roomy.pop(line, None)

    async def _wait_for_room(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was our turn, and we cannot use it
            raise

    def _wake(self) -> None:
        """Let the next of those who wait look, if there is something to see: it wakes the one after it."""
        while self._waiting and self._room():
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _wake_all(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()

    async def _sent(self, line: _Line, message: Message, note: Callable[[], Awaitable[None]], cuts: int) -> Outcome:
        """One message over `line`. Nothing is awaited once the outcome is there: it must reach the ledger."""
        mailer = line.mailer
        if not mailer.connected or (mailer.served >= self._most_messages and line.load == 1):
            await mailer.close()
            await mailer.open()
            self._note_room(line)
            self._wake()
        used = mailer.served > 0
        outcome = await mailer.send(message, note)
        if used and outcome.state is State.DEFERRED and outcome.step is Step.MAIL and outcome.code in (None, _CLOSING):
            outcome = await mailer.send(message, note)  # it had hung up on us; this connection is a new one
        self._silent_since = None
        if outcome.state is State.ACCEPTED:
            self._width.went_well()
        elif consequences(outcome).slow_down:
            rest = self._width.slow_down(cuts)
            self._rest_until = max(self._rest_until, self._clock() + rest)
            if rest > self._longest_rest:
                said = f"The relay {self._relay} turns everybody away ({outcome.code} {outcome.text})"
                remedy = "ask its operator what it can bear"
                self._give_up(RelayError(f"{said}: {remedy}", step=outcome.step, code=outcome.code, temporary=True))
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
            self._give_up(error)
            raise error
        if self._width.now > 1:
            self._width.slow_down(cuts)
        wait = min(1 + silence, LONGEST_BACK_OFF, self._patience - silence)
        if not self._connected():
            self._rest_until = max(self._rest_until, now + wait)
        return wait

    def _connected(self) -> bool:
        return any(line.mailer.connected for line in self._all)

    def _give_up(self, error: RelayError) -> None:
        """Tell everybody who waits; what is under way goes on."""
        self._failure = self._failure or error
        self._stopped.set()
        self._wake_all()

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
