"""Several processes for one date: each claims from the ledger what nobody else holds, and sends it.

    this process                          each of the others
      start them                            open the same installation, with an owner's lock of its own
      deliver                               deliver
      told to stop, or failed: say so       told so, or this process is gone: finish what is open, give back the rest
      add up what they report   <---------  what was attempted, what the relay said, why it ended early
      one that said nothing is dead: take back what it held (its lock tells), and send that

Publishing stays here: the others collect, freeze and plan nothing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.model import State
from newsletter.store.ledger import Ledger

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

WORTH = 100
"""Open deliveries for each process: to start one for fewer takes longer than to send them."""

MARGIN = 10.0
"""Seconds beyond the grace time that a process gets which was told to stop; then it is killed."""


class Deliverer(Protocol):
    """What sends the deliveries of a date, as `Delivering` does."""

    alerts: list[str]

    @property
    def stopped(self) -> bool: ...

    def stop(self) -> None: ...

    async def deliver(self, day: date) -> int: ...


OpenedDeliverer = Callable[[], AbstractAsyncContextManager[Deliverer]]


@dataclass(frozen=True, slots=True)
class Share:
    """What one process came to; `early` tells that it ended before all was sent, `failure` why, in a sentence."""

    attempted: int = 0
    alerts: tuple[str, ...] = ()
    early: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Other:
    process: SpawnProcess
    pipe: Connection


class Processes:
    """Delivers with up to `number` processes. `opened` opens what sends in another one: it is pickled, so it has to be
    a function of a module, with arguments bound by `partial` if need be.

    `recover` takes back what dead owners held. `grace` is how long one that is told to stop may take, in seconds.
    """

    def __init__(
        self,
        number: int,
        opened: OpenedDeliverer,
        ledger: Ledger,
        recover: Callable[[], Awaitable[object]],
        grace: float,
    ) -> None:
        self._number = number
        self._opened = opened
        self._ledger = ledger
        self._recover = recover
        self._grace = grace
        self._others: list[_Other] = []
        self.attempted = 0
        """Deliveries that the other processes tried, of all days."""

    def stop(self) -> None:
        """Tell the other processes to begin nothing new; `deliver` waits for them."""
        for other in self._others:
            with suppress(OSError):  # it has ended already
                other.pipe.send(None)
            asyncio.get_running_loop().call_later(self._grace + MARGIN, other.process.kill)

    async def deliver(self, day: date, here: Deliverer) -> int:
        """Send what the ledger holds open for `day`, with `here` and the other processes; how many were attempted.

        What the others have to say joins the alerts of `here`. Raises what `here` raises.
        """
        try:
            await self._start(day, here)
            if here.stopped:
                self.stop()
            attempted = await here.deliver(day)
        except BaseException:
            self.stop()
            raise
        finally:
            shares = await asyncio.gather(*(_ended(other) for other in self._others))
            self._others.clear()
            self.attempted += sum(share.attempted for share in shares)
            for share in shares:
                _alert(here, *share.alerts, share.failure and f"one of the sending processes stopped: {share.failure}")
        attempted += sum(share.attempted for share in shares)
        if any(share.early for share in shares):
            await self._recover()
            attempted += await here.deliver(day)
        return attempted

    async def _start(self, day: date, here: Deliverer) -> None:
        if self._number == 1:
            return
        counts = await self._ledger.open_counts(day)
        worth = (counts[State.READY] + counts[State.DEFERRED]) // WORTH
        try:
            for _ in range(min(self._number, worth) - 1):
                self._others.append(await asyncio.to_thread(_started, self._opened, day))
        except OSError as error:
            _alert(
                here, f"no further sending process could be started ({error.strerror}); {len(self._others) + 1} send"
            )


def _alert(here: Deliverer, *sentences: str) -> None:
    here.alerts += [one for one in dict.fromkeys(sentences) if one and one not in here.alerts]


def _started(opened: OpenedDeliverer, day: date) -> _Other:
    """A process that delivers `day`, and the pipe to it, which ends when either of the two does."""
    from multiprocessing import get_context  # few runs need it

    context = get_context("spawn")  # nothing of this process's connections and threads goes along
    ours, theirs = context.Pipe()
    with theirs:
        process = context.Process(target=_deliver_there, args=(opened, day, theirs), daemon=True)
        process.start()
    return _Other(process, ours)


async def _ended(other: _Other) -> Share:
    """What another process reports at its end. One that is killed reports nothing."""
    with other.pipe:
        await _something(other.pipe)
        share = None
        with suppress(EOFError, OSError):
            share = other.pipe.recv()
        await asyncio.to_thread(other.process.join)
    code = other.process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return share or Share(early=True, failure=f"it ended {how}; what it held went to the others")


async def _something(pipe: Connection) -> None:
    """Wait until there is something to read, or the other end is closed."""
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    loop.add_reader(pipe.fileno(), there.set)
    try:
        await there.wait()
    finally:
        loop.remove_reader(pipe.fileno())


def _deliver_there(opened: OpenedDeliverer, day: date, pipe: Connection) -> None:
    """The other process, from its beginning to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    with suppress(OSError):  # nobody is there to be told
        pipe.send(_run(_share(opened, day, pipe)))


def _run(work: Coroutine[Any, Any, Share]) -> Share:
    try:
        from uvloop import run  # the extra `fast`
    except ImportError:
        from asyncio import run
    share: Share = run(work)
    return share


async def _share(opened: OpenedDeliverer, day: date, pipe: Connection) -> Share:
    try:
        async with opened() as here:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, here.stop)
            listening = asyncio.create_task(_stop_when_told(pipe, here))
            attempted, failure = 0, ""
            try:
                attempted = await here.deliver(day)
            except NewsletterError as error:
                failure = str(error)
            finally:
                listening.cancel()
            return Share(attempted, tuple(here.alerts), here.stopped or bool(failure), failure)
    except (NewsletterError, ConfigurationError) as error:
        return Share(early=True, failure=str(error))


async def _stop_when_told(pipe: Connection, here: Deliverer) -> None:
    await _something(pipe)
    here.stop()
