"""From the ledger's open rows to the relay's answers, many at a time.

Every worker takes a claimed delivery, composes its message and hands it to the mailer, until there are no more or
somebody says stop: SIGTERM, a ledger that cannot be written, a relay that does not work, too many refusals. Then
nothing new is begun, what is being handed over is finished, and the rest goes back to *ready*.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from newsletter.daily.collecting import Progress
from newsletter.daily.composing import Composing, Prepared, Preview
from newsletter.daily.publishing import Rules
from newsletter.errors import CompositionError, NewsletterError, RelayError
from newsletter.model import OPEN_STATES, Delivery, Message, Outcome, State, Subscriber
from newsletter.policy import replies, retry
from newsletter.store import Store, WithdrawnError

BLOCK = 50
ENOUGH_TO_JUDGE = 20
"""Attempts before the share of refusals says anything."""


class Mailer(Protocol):
    """Takes messages to the relay, `most` at a time at the most. `before_data` is awaited when nothing but DATA is
    left to do."""

    @property
    def most(self) -> int: ...

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome: ...


@dataclass(slots=True)
class _Round:
    """The deliveries of one date, while they are being worked on."""

    day: date
    readers: dict[int, Subscriber]
    prepared: Prepared
    expected: int
    mailer: Callable[[], Awaitable[Mailer]]
    waiting: list[Delivery] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    attempted: int = 0
    refused: int = 0
    bounced: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None


class Delivering:
    """Claim, compose, send, settle. `owner` names this process in the ledger's leases."""

    def __init__(
        self,
        store: Store,
        composing: Composing,
        mailer: Callable[[], AbstractAsyncContextManager[Mailer]],
        rules: Rules,
        now: Callable[[], datetime],
        owner: str,
        progress: Progress,
    ) -> None:
        self._store = store
        self._composing = composing
        self._mailer = mailer
        self._rules = rules
        self._now = now
        self._owner = owner
        self._progress = progress
        self._stopping = asyncio.Event()
        self._handing_over: set[asyncio.Task[None] | None] = set()
        self.alerts: list[str] = []
        """What the relay said that is about this installation and not about a reader, each once."""

    def stop(self) -> None:
        """Begin nothing new; `deliver` returns when what is open is finished, or after the grace time."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    async def deliver(self, day: date) -> int:
        """Send what the ledger holds open for `day`; how many deliveries were attempted.

        Raises RelayError, StoreError or CompositionError when sending has to stop; what was claimed and not begun is
        open again.
        """
        expected = [one for one in await self._store.ledger.of_date(day) if one.state in OPEN_STATES]
        if not expected or self.stopped:
            return 0
        readers = {reader.id: reader for reader in await self._store.subscribers.all()}
        prepared = await self._composing.prepare([readers[one.subscriber_id] for one in expected], day)
        async with self._opened_when_needed() as mailer:
            work = _Round(day, readers, prepared, len(expected), mailer)
            try:
                self._pass_gate(work, expected)
                await self._work_off(work)
            finally:
                await self._store.ledger.release(self._owner, self._now())
        if work.failure:
            # A relay that refuses everybody is the wrong relay: what it says of addresses counts for nothing.
            raise work.failure
        for address, reason in work.bounced:
            await self._store.suppressions.add(address, reason, self._now())
        self._progress("Delivering", work.attempted, work.attempted)
        return work.attempted

    def _pass_gate(self, work: _Round, expected: list[Delivery]) -> None:
        """Look at the first message in each language as a receiver would, before any is sent.

        A reader whose message cannot be made is passed over and refused later; when nobody's can, the fault is ours.
        """
        digests = work.prepared.digests
        by_language: dict[str, list[Subscriber]] = defaultdict(list)
        for one in expected:
            if one.subscriber_id in digests and not digests[one.subscriber_id].empty:
                reader = work.readers[one.subscriber_id]
                by_language[self._composing.language(reader).code].append(reader)
        for readers in by_language.values():
            # First those whose messages show most of what the templates make.
            readers.sort(key=lambda reader: -digests[reader.id].variety)
        errors = [self._gate_error(readers[:ENOUGH_TO_JUDGE], work.prepared) for readers in by_language.values()]
        if errors and (first := errors[0]) and all(errors):
            raise first

    def _gate_error(self, readers: Sequence[Subscriber], prepared: Prepared) -> CompositionError | None:
        """Why not one message of `readers` can be made; None when one was, and passed. Raises when it did not pass."""
        error: CompositionError | None = None
        for reader in readers:
            try:
                made = self._composing.compose(reader, prepared)
            except CompositionError as fault:
                error = fault
                continue
            self._composing.pass_gate(made)
            return None
        return error

    async def _work_off(self, work: _Round) -> None:
        width = min((await work.mailer()).most, work.expected) if self._anything_to_send(work) else 1
        workers = [asyncio.create_task(self._work(work)) for _ in range(width)]
        stopping = asyncio.create_task(self._stopped_early())
        try:
            pending: set[asyncio.Task[None]] = set(workers)
            while pending and not stopping.done():
                _, rest = await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                pending = rest - {stopping}
            # Told to stop: who waits for a connection or for the pace gives up, and what is being handed over has the
            # grace time to end.
            for task in pending - self._handing_over:
                task.cancel()
            if pending:
                await asyncio.wait(pending, timeout=self._rules.grace)
        finally:
            for task in [*workers, stopping]:
                task.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _stopped_early(self) -> None:
        await self._stopping.wait()

    def _anything_to_send(self, work: _Round) -> bool:
        return any(not digest.empty for digest in work.prepared.digests.values())

    async def _work(self, work: _Round) -> None:
        try:
            while delivery := await self._next(work):
                self._progress("Delivering", work.attempted, max(work.expected, work.attempted))
                await self._deliver(delivery, work)
        except NewsletterError as error:
            # The other workers finish what they have begun; then `deliver` raises this.
            work.failure = work.failure or error

    async def _next(self, work: _Round) -> Delivery | None:
        async with work.turn:
            if work.failure or self.stopped:
                return None
            if not work.waiting:
                work.waiting = await self._store.ledger.claim(
                    work.day, self._owner, self._now(), self._rules.lease, BLOCK
                )
            work.attempted += bool(work.waiting)
            return work.waiting.pop(0) if work.waiting else None

    @asynccontextmanager
    async def _opened_when_needed(self) -> AsyncIterator[Callable[[], Awaitable[Mailer]]]:
        """A day of empty digests needs no relay: the mailer is opened for the first message that is ready."""
        async with AsyncExitStack() as stack:
            opened: list[Mailer] = []
            turn = asyncio.Lock()

            async def get() -> Mailer:
                async with turn:
                    if not opened:
                        opened.append(await stack.enter_async_context(self._mailer()))
                return opened[0]

            yield get

    async def hand_over(self, message: Message) -> Outcome:
        """Send a message that no ledger knows of; what the relay said. Raises RelayError when there is none."""

        async def nothing_to_note() -> None: ...

        async with self._mailer() as mailer:
            return await mailer.send(message, nothing_to_note)

    async def _deliver(self, delivery: Delivery, work: _Round) -> None:
        chosen = work.prepared.digests.get(delivery.subscriber_id)
        if chosen is None or chosen.empty:
            await self._settle(delivery, State.SKIPPED, "nothing new for these topics")
            return
        try:
            made = self._composing.compose(work.readers[delivery.subscriber_id], work.prepared)
        except CompositionError as error:
            # One message that cannot be made must not stop the others.
            await self._settle(delivery, State.REFUSED, f"could not be composed: {error}")
            return
        mailer = await work.mailer()
        task = asyncio.current_task()
        try:
            outcome = await mailer.send(made.message, lambda: self._begin_data(delivery, made))
            decision = retry.after(outcome, attempt=delivery.attempt, now=self._now())
            await self._settle(delivery, decision.state, decision.reason, outcome, decision.next_at)
        except WithdrawnError:
            return  # the reader left meanwhile, or another process holds the row: the ledger knows, nothing is to do
        finally:
            self._handing_over.discard(task)
        await self._draw_consequences(delivery, outcome, work)

    async def _draw_consequences(self, delivery: Delivery, outcome: Outcome, work: _Round) -> None:
        found = replies.consequences(outcome)
        if found.suppress:
            work.bounced.append((delivery.address, found.suppress))
        if found.alert and found.alert not in self.alerts:
            self.alerts.append(found.alert)
        work.refused += outcome.state is State.REFUSED
        if work.attempted >= ENOUGH_TO_JUDGE and work.refused / work.attempted >= self._rules.error_share:
            raise RelayError(
                f"stopped: the relay refused {work.refused} of {work.attempted} messages, last with “{outcome.text}”; "
                "look into it, then run again: the others are still open (delivery.error_share sets the limit)"
            )

    async def _begin_data(self, delivery: Delivery, made: Preview) -> None:
        """Make it durable that this message is about to be handed over: if the answer gets lost, nobody can know."""
        self._handing_over.add(asyncio.current_task())
        await self._store.ledger.begin_data(
            delivery.id,
            self._owner,
            self._now(),
            message_id=made.message.message_id,
            sections=len(made.digest.topics),
            papers=len(made.parts.papers),
            size=len(made.message.content),
            lease=self._rules.lease,
        )

    async def _settle(
        self,
        delivery: Delivery,
        state: State,
        reason: str,
        outcome: Outcome | None = None,
        next_at: datetime | None = None,
    ) -> None:
        await self._store.ledger.settle(
            delivery.id,
            self._owner,
            self._now(),
            state,
            code=outcome.code if outcome else None,
            reply=outcome.text if outcome else "",
            enhanced=outcome.enhanced if outcome else "",
            queue_id=outcome.queue_id if outcome else "",
            reason=reason,
            next_at=next_at,
        )
