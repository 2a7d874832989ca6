"""From the ledger's open rows to the relay's answers, many at a time.

Rows are claimed in slices, and a slice is prepared while the one before is being sent: so memory does not grow with the
audience. Every worker takes a claimed delivery, addresses its message and hands it to the mailer, until there are no
more or somebody says stop: SIGTERM, a ledger that cannot be written, a relay that does not work, too many refusals.
Then nothing new is begun, what is being handed over is finished, and the rest goes back to *ready*.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import date, datetime

from newsletter.daily.addressing import Addressed, Addressing, same
from newsletter.daily.collecting import Progress
from newsletter.daily.composing import LINE, Composing
from newsletter.daily.publishing import Rules
from newsletter.daily.rounds import Mailer, Round, Slice
from newsletter.errors import CompositionError, HaltedError, NewsletterError, RefusalsError, RelayError
from newsletter.model import OPEN_STATES, Delivery, Digest, Message, Outcome, State, Status, Subscriber
from newsletter.policy import replies, retry
from newsletter.store import Store, WithdrawnError

LEAST_SLICE, LARGEST_SLICE = 50, 1000
"""Deliveries that are claimed at once: few where the relay is slow, so that no lease ends while they wait; many where
it is fast, because each slice asks the database a dozen things."""

SETTLING = 32
"""Answers that may be on their way to the disk: so many can be lost when a process dies, besides those that are on
their way from the relay."""

ENOUGH_TO_JUDGE = 20
"""Answers before the share of refusals says anything, and messages under way until then."""

NOTHING, FOLDED = "nothing new for these topics", "folded into the next digest"
"""Why a digest is skipped. After the first a reader has had all there was (see `Ledger.last_settled`), unlike after the
second."""


class Delivering:
    """Claim, compose, send, settle. `owner` names this process in the ledger's leases. `mailer` opens what sends, given
    what takes its alerts."""

    def __init__(
        self,
        store: Store,
        composing: Composing,
        mailer: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Mailer]],
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
        self.attempted = 0
        """Deliveries that were tried, of all days."""
        self.alerts: list[str] = []
        """What the relay said that is about this installation and not about a reader, each once."""

    def stop(self) -> None:
        """Begin nothing new; `deliver` returns when what is open is finished, or after the grace time."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    async def deliver(self, day: date, most: int | None = None) -> int:
        """Send what the ledger holds open for `day`, `most` of it at the most; how many deliveries were attempted.

        Raises RelayError, StoreError or CompositionError when sending has to stop; what was claimed and not begun is
        open again.
        """
        counts = await self._store.ledger.open_counts(day)
        expected = sum(counts[state] for state in OPEN_STATES)
        if not expected or self.stopped:
            return 0
        async with self._opened_when_needed() as mailer:
            work = Round(day, mailer, min(expected, most or expected), most)
            try:
                await self._work_off(work)
            finally:
                await self._end(work)
        if work.failure:
            # A relay that refuses everybody is the wrong relay: what it says of addresses counts for nothing.
            raise work.failure
        for address, reason in work.bounced:
            await self._store.suppressions.add(address, reason, self._now())
        self._progress("Delivering", work.attempted, work.attempted)
        return work.attempted

    async def _end(self, work: Round) -> None:
        """Give back what was claimed and not begun."""
        if work.coming:
            await asyncio.gather(work.coming, return_exceptions=True)
        await self._store.ledger.release(self._owner, self._now())

    async def _sliced(self, work: Round) -> Slice | None:
        """Claim the next deliveries and prepare for their readers; None when there are no more."""
        work.claimed = work.claimed or await self._claimed(work)
        if not work.claimed:
            return None
        occasion = work.claimed[0].occasion
        deliveries = [one for one in work.claimed if one.occasion == occasion]
        work.claimed = [one for one in work.claimed if one.occasion != occasion]
        if occasion not in work.addressings:
            work.addressings = {occasion: Addressing(self._composing, occasion)}  # those before come again seldom
        addressing = work.addressings[occasion]
        readers = await self._store.subscribers.of([one.subscriber_id for one in deliveries])
        made = Slice(deliveries, readers, await addressing.prepare(list(readers.values())), addressing)
        await self._pass_gate(work, made)
        return made

    async def _claimed(self, work: Round) -> list[Delivery]:
        # Of a short day something is left for other processes.
        limit = min(max(LEAST_SLICE, min(work.width**2, work.expected // 8)), LARGEST_SLICE)
        if work.left is not None:
            limit = min(limit, work.left)
        deliveries = await self._store.ledger.claim(work.day, self._owner, self._now(), self._rules.lease, limit)
        if work.left is not None:
            work.left -= len(deliveries)
        return deliveries

    async def _pass_gate(self, work: Round, made: Slice) -> None:
        """Look at the first message in each language as a receiver would, before any is sent.

        A reader whose message cannot be made is passed over and refused later; when nobody's can, the fault is ours.
        """
        by_language: dict[str, list[Subscriber]] = defaultdict(list)
        for reader in made.readers.values():
            digest = made.prepared.digests.get(reader.id)
            # Who was forgotten meanwhile is skipped later: their message proves nothing.
            if reader.status is Status.ACTIVE and digest is not None and not digest.empty:
                by_language[self._composing.language(reader).code].append(reader)
        new = {code: readers for code, readers in by_language.items() if code not in work.judged}
        first = not work.judged
        work.judged |= new.keys()
        errors = [await asyncio.to_thread(self._gate_error, readers, made) for readers in new.values()]
        if first and errors and errors[0] and all(errors):
            raise errors[0]

    def _gate_error(self, readers: Sequence[Subscriber], of: Slice) -> CompositionError | None:
        """Why not one message of `readers` can be made; None when one was, and passed. Raises when it did not pass."""
        error: CompositionError | None = None
        # First those whose messages show most of what the templates make.
        prepared, addressing = of.prepared, of.addressing
        for reader in sorted(readers, key=lambda reader: -prepared.digests[reader.id].variety)[:ENOUGH_TO_JUDGE]:
            try:
                made = self._composing.compose(reader, prepared)
            except CompositionError as fault:
                error = fault
                continue
            self._composing.pass_gate(made)
            if not same(addressing.address(reader, prepared).message, made.message):
                addressing.make_one_by_one()
                self._alert(
                    "A message laid out for many is not what it is on its own, so each is made by itself, which takes "
                    "longer: this should not happen, please report it"
                )
            return None
        return error

    async def _work_off(self, work: Round) -> None:
        if not await self._anything_to_send(work):
            return
        mailer = await work.mailer()
        work.width = mailer.most
        # More than the relay takes: who waits until the disk has an outcome leaves the relay to another one.
        number = min(work.width + SETTLING, work.expected)
        workers = [asyncio.create_task(self._work(work, early=one < ENOUGH_TO_JUDGE)) for one in range(number)]
        stopping = asyncio.create_task(self._stopped_early())
        try:
            pending: set[asyncio.Task[None]] = set(workers)
            while pending and not stopping.done():
                _, rest = await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                pending = rest - {stopping}
            # Told to stop: who waits for a connection or for the pace gives up, and what is being handed over has the
            # grace time to end.
            mailer.halt()
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

    async def _anything_to_send(self, work: Round) -> bool:
        """Begin the first slice in which somebody gets something, and settle those before it: they need no relay."""
        while await self._turn_over(work):
            if any(self._is_sent(digest) for _, made in work.waiting for digest in made.prepared.digests.values()):
                return True
            skipped, work.waiting = work.waiting, []
            work.attempted += len(skipped)
            self.attempted += len(skipped)
            await asyncio.gather(*(self._deliver(delivery, made, work) for delivery, made in skipped))
        return False

    async def _work(self, work: Round, *, early: bool) -> None:
        """Deliver one after the other; who is not `early` begins when the first answers say what relay this is."""
        try:
            if not early:
                await work.judgeable.wait()
            while found := await self._next(work):
                self._progress("Delivering", work.attempted, max(work.expected, work.attempted))
                await self._deliver(*found, work)
        except HaltedError:
            pass  # the message was given back
        except NewsletterError as error:
            # What is being handed over is finished, and nothing else begun; then `deliver` raises this.
            work.failure = work.failure or error
            (await work.mailer()).halt()
        finally:
            work.judgeable.set()

    async def _next(self, work: Round) -> tuple[Delivery, Slice] | None:
        if work.failure or self.stopped:
            return None
        if not work.waiting:
            async with work.turn:
                if not work.waiting and not await self._turn_over(work):
                    return None
            return await self._next(work)
        work.attempted += 1
        self.attempted += 1
        return work.waiting.pop()

    async def _turn_over(self, work: Round) -> bool:
        """Begin the next slice, and have the one after it prepared meanwhile. False when there are no more."""
        if work.over:
            return False
        made = await (work.coming or self._sliced(work))
        work.coming = None
        if made is None or work.failure or self.stopped:
            work.over = True
            return False
        work.waiting = [(one, made) for one in reversed(made.deliveries)]
        work.coming = asyncio.create_task(self._sliced(work))
        return True

    @asynccontextmanager
    async def _opened_when_needed(self) -> AsyncIterator[Callable[[], Awaitable[Mailer]]]:
        """A day of empty digests needs no relay: the mailer is opened for the first message that is ready."""
        async with AsyncExitStack() as stack:
            opened: list[Mailer] = []
            turn = asyncio.Lock()

            async def get() -> Mailer:
                async with turn:
                    if not opened:
                        opened.append(await stack.enter_async_context(self._mailer(self._alert)))
                return opened[0]

            yield get

    async def hand_over(self, message: Message) -> Outcome:
        """Send a message that no ledger knows of; what the relay said. Raises RelayError when there is none."""

        async def nothing_to_note() -> None: ...

        async with self._mailer(self._alert) as mailer:
            return await mailer.send(message, nothing_to_note)

    async def _deliver(self, delivery: Delivery, made: Slice, work: Round) -> None:
        chosen = made.prepared.digests.get(delivery.subscriber_id)
        if chosen is None or not self._is_sent(chosen):
            await self._settle_unsent(delivery, State.SKIPPED, FOLDED if self._rules.empty == "fold" else NOTHING)
            return
        try:
            addressed = made.addressing.address(made.readers[delivery.subscriber_id], made.prepared)
        except CompositionError as error:
            # One message that cannot be made must not stop the others.
            await self._settle_unsent(delivery, State.REFUSED, f"could not be composed: {error}")
            return
        mailer = await work.mailer()
        task = asyncio.current_task()
        try:
            outcome = await mailer.send(addressed.message, lambda: self._begin_data(delivery, addressed))
            decision = retry.after(outcome, attempt=delivery.attempt, now=self._now())
            await self._settle(delivery, decision.state, decision.reason, outcome, decision.next_at)
        except RelayError:
            if task in self._handing_over:
                await self._store.ledger.not_begun(delivery, self._owner, self._now())
            raise
        except WithdrawnError:
            return  # the reader left meanwhile, or another process holds the row: the ledger knows, nothing is to do
        finally:
            self._handing_over.discard(task)
        await self._draw_consequences(delivery, outcome, work)

    def _is_sent(self, digest: Digest) -> bool:
        return not digest.empty or self._rules.empty == LINE

    async def _settle_unsent(self, delivery: Delivery, state: State, reason: str) -> None:
        with suppress(WithdrawnError):  # another process holds the row by now, and settles it
            await self._settle(delivery, state, reason)

    async def _draw_consequences(self, delivery: Delivery, outcome: Outcome, work: Round) -> None:
        found = replies.consequences(outcome)
        if found.suppress:
            work.bounced.append((delivery.address, found.suppress))
        if found.alert:
            self._alert(found.alert)
        work.answered += 1
        work.refused += outcome.state is State.REFUSED
        if work.answered < ENOUGH_TO_JUDGE:
            return
        work.judgeable.set()
        if work.refused / work.answered >= self._rules.error_share:
            raise RefusalsError(
                f"stopped: the relay refused {work.refused} of {work.answered} messages, last with “{outcome.text}”; "
                "look into it, then run again: the others are still open (delivery.error_share sets the limit)"
            )

    def _alert(self, sentence: str) -> None:
        if sentence not in self.alerts:
            self.alerts.append(sentence)

    async def _begin_data(self, delivery: Delivery, addressed: Addressed) -> None:
        """Make it durable that this message is about to be handed over: if the answer gets lost, nobody can know."""
        self._handing_over.add(asyncio.current_task())
        await self._store.ledger.begin_data(
            delivery,
            self._owner,
            self._now(),
            message_id=addressed.message.message_id,
            sections=addressed.sections,
            papers=addressed.papers,
            size=addressed.message.size,
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
            delivery,
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
