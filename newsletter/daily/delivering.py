"""From the ledger's open rows to the relay's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Protocol

from newsletter.daily.composing import Composing, Prepared, Preview
from newsletter.daily.publishing import Progress
from newsletter.errors import CompositionError
from newsletter.model import OPEN_STATES, Delivery, Message, Outcome, State, Subscriber
from newsletter.policy import retry
from newsletter.store import Store

LEASE = timedelta(minutes=30)
BLOCK = 50


class Mailer(Protocol):
    """Takes one message to the relay. `before_data` is awaited when nothing but DATA is left to do."""

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome: ...


class Delivering:
    """Claim, compose, send, settle. `owner` names this process in the ledger's leases."""

    def __init__(
        self,
        store: Store,
        composing: Composing,
        mailer: Callable[[], AbstractAsyncContextManager[Mailer]],
        now: Callable[[], datetime],
        owner: str,
        progress: Progress,
    ) -> None:
        self._store = store
        self._composing = composing
        self._mailer = mailer
        self._now = now
        self._owner = owner
        self._progress = progress

    async def deliver(self, day: date) -> int:
        """Send what the ledger holds open for `day`; how many deliveries were attempted.

        Raises RelayError or StoreError when sending has to stop; what was claimed and not begun is open again.
        """
        expected = [one for one in await self._store.ledger.of_date(day) if one.state in OPEN_STATES]
        if not expected:
            return 0
        readers = {reader.id: reader for reader in await self._store.subscribers.all()}
        prepared = await self._composing.prepare([readers[one.subscriber_id] for one in expected], day)
        attempted = 0
        try:
            async with self._opened_when_needed() as mailer:
                while block := await self._store.ledger.claim(day, self._owner, self._now(), LEASE, BLOCK):
                    for delivery in block:
                        self._progress("Delivering", attempted, max(len(expected), attempted))
                        await self._deliver(delivery, readers[delivery.subscriber_id], prepared, mailer)
                        attempted += 1
            self._progress("Delivering", attempted, attempted)
        finally:
            await self._store.ledger.release(self._owner, self._now())
        return attempted

    @asynccontextmanager
    async def _opened_when_needed(self) -> AsyncIterator[Callable[[], Awaitable[Mailer]]]:
        """A day of empty digests needs no relay: the connection is opened for the first message that is ready."""
        async with AsyncExitStack() as stack:
            opened: list[Mailer] = []

            async def get() -> Mailer:
                if not opened:
                    opened.append(await stack.enter_async_context(self._mailer()))
                return opened[0]

            yield get

    async def _deliver(
        self, delivery: Delivery, reader: Subscriber, prepared: Prepared, mailer: Callable[[], Awaitable[Mailer]]
    ) -> None:
        chosen = prepared.digests.get(reader.id)
        if chosen is None or chosen.empty:
            await self._settle(delivery, State.SKIPPED, "nothing new for these topics")
            return
        try:
            made = self._composing.compose(reader, chosen, prepared.compiled)
        except CompositionError as error:
            # One message that cannot be made must not stop the others.
            await self._settle(delivery, State.REFUSED, f"could not be composed: {error}")
            return
        outcome = await (await mailer()).send(made.message, lambda: self._begin_data(delivery, made))
        decision = retry.after(outcome, attempt=delivery.attempt, now=self._now())
        await self._settle(delivery, decision.state, decision.reason, outcome, decision.next_at)

    async def _begin_data(self, delivery: Delivery, made: Preview) -> None:
        """Make it durable that this message is about to be handed over: if the answer gets lost, nobody can know."""
        await self._store.ledger.begin_data(
            delivery.id,
            self._owner,
            self._now(),
            message_id=made.message.message_id,
            sections=len(made.digest.sections),
            papers=len(made.parts.papers),
            size=len(made.message.content),
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
            reason=reason,
            next_at=next_at,
        )
