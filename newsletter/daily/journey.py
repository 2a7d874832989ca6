"""A run, a rehearsal of it, and a preview: the three ways through the journey."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from newsletter.daily.composing import Composing, Preview
from newsletter.daily.delivering import Delivering
from newsletter.daily.publishing import Collected, Publishing
from newsletter.errors import CompositionError, NewsletterError, NotFoundError, RelayError
from newsletter.model import OPEN_STATES, Delivery, Digest, Edition, Outcome, Paper, Subscriber
from newsletter.sources.base import Source
from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to: `deliveries` are all of the day, and of earlier days those that still waited; `attempted`
    counts those that this run tried; `newest` is the newest day of the archive. `alerts` is what the relay
    said about this installation; `stopped` tells that the run was asked to end before it was through;
    `failure` is what ended the sending early."""

    day: date
    collected: tuple[Collected, ...]
    edition: Edition | None
    deliveries: tuple[Delivery, ...]
    attempted: int
    newest: date | None
    alerts: tuple[str, ...] = ()
    stopped: bool = False
    failure: NewsletterError | None = None


class Daily:
    """The journey with concrete parts, which only the assembly chooses."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[Source],
        publishing: Publishing,
        composing: Composing,
        delivering: Delivering,
        on_unknown: str,
        is_alive: Callable[[str], bool | None],
    ) -> None:
        self.store = store
        self.publishing = publishing
        self._sources = tuple(sources)
        self._composing = composing
        self._delivering = delivering
        self._on_unknown = on_unknown
        self._is_alive = is_alive

    def stop(self) -> None:
        """End a run soon: begin nothing new, finish what is open."""
        self._delivering.stop()

    async def collect(self, more: Sequence[Source] = ()) -> list[Collected]:
        """Ask the configured sources, and `more`."""
        return await self.publishing.collect([*self._sources, *more])

    async def day_of(self, asked: date | None, *, latest: bool) -> date:
        """The day a command is about: the one asked for, the newest of the archive, or today."""
        newest = await self.store.papers.newest_day(self.publishing.today()) if latest else None
        return asked or newest or self.publishing.today()

    async def run(self, now: datetime, asked: date | None = None, *, latest: bool = False) -> Report:
        """Collect, freeze, plan, deliver. Run twice, it sends once; after a crash, it goes on."""
        await self.store.ledger.recover(now, self._on_unknown, self._is_alive)
        collected = await self.collect()
        day = await self.day_of(asked, latest=latest)
        edition = await self.publishing.freeze(day)
        await self.publishing.plan(day)
        # An earlier day's deliveries still wait where the reader is not due today: else today's would have superseded
        # them.
        dates = sorted({day, *await self.store.ledger.open_dates(day)})
        waiting = {
            one.id for date in dates for one in await self.store.ledger.of_date(date) if one.state in OPEN_STATES
        }
        attempted, failure = 0, None
        try:
            for date in dates:
                attempted += await self._delivering.deliver(date)
        except (RelayError, CompositionError) as error:
            failure = error
        known = [one for date in dates for one in await self.store.ledger.of_date(date)]
        deliveries = [one for one in known if one.local_date == day or one.id in waiting]
        newest = await self.store.papers.newest_day(self.publishing.today())
        alerts, stopped = tuple(self._delivering.alerts), self._delivering.stopped
        return Report(day, tuple(collected), edition, tuple(deliveries), attempted, newest, alerts, stopped, failure)

    async def rehearse(self, asked: date | None = None, *, latest: bool = False) -> tuple[Report, list[Preview]]:
        """`run` without ledger and mail: what would go out now, composed in full. Papers are collected, no more.

        Raises CompositionError where the wire gate would stop the run.
        """
        collected = await self.collect()
        day = await self.day_of(asked, latest=latest)
        edition = await self._edition_or_draft(day)
        deliveries = await self.store.ledger.of_date(day)
        planned = {delivery.subscriber_id for delivery in deliveries}
        readers = [reader for reader in await self.publishing.due(day, edition) if reader.id not in planned]
        previews = await self._composing.previews(readers, day, edition)
        for made in {
            self._composing.language(made.subscriber).code: made
            for made in sorted(previews, key=lambda made: made.digest.variety)
        }.values():
            if not made.digest.empty:
                self._composing.pass_gate(made)
        newest = await self.store.papers.newest_day(self.publishing.today())
        there = edition if edition.papers else None
        return Report(day, tuple(collected), there, tuple(deliveries), 0, newest), previews

    async def preview(self, reader: Subscriber, asked: date | None = None, trial: datetime | None = None) -> Preview:
        """What `reader` would get on the day asked for, else on the newest day, by today's wording of the topics; a
        message to try things out with when a `trial` is named (see `Composing.compose`).

        Raises NotFoundError when there are no papers for it.
        """
        day = await self.day_of(asked, latest=True)
        previews = await self._composing.previews([reader], day, await self._edition_or_draft(day), trial)
        if not previews:
            newest = await self.store.papers.newest_day(self.publishing.today())
            remedy = f"the newest day is {newest}" if newest else "`newsletter collect` fetches some"
            raise NotFoundError(f"there are no papers for {day}; {remedy}")
        return previews[0]

    def specimen(
        self, reader: Subscriber, digest: Digest, papers: Mapping[str, Paper], trial: datetime | None = None
    ) -> Preview:
        """What `reader` would get if the papers were `papers`, by id, and this were the digest."""
        return self._composing.specimen(reader, digest, papers, trial)

    async def try_out(self, made: Preview) -> Outcome:
        """Hand a message that was made as a trial to the relay; what it said. The ledger knows nothing of it.

        Raises CompositionError where the wire gate would stop it, NewsletterError for an address that is suppressed.
        """
        address = made.subscriber.address
        if reason := (await self.store.subscribers.suppressed()).get(address):
            raise NewsletterError(f"{address} is suppressed ({reason}): name another, or see `newsletter suppressions`")
        self._composing.pass_gate(made)
        return await self._delivering.hand_over(made.message)

    async def _edition_or_draft(self, day: date) -> Edition:
        return await self.store.editions.find(day) or await self.publishing.draft(day)
