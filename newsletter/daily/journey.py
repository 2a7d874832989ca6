"""A run, a rehearsal of it, and a preview: the three ways through the journey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from newsletter.daily.collecting import Collected, Collecting, by_day
from newsletter.daily.composing import Composing, Preview
from newsletter.daily.delivering import Delivering
from newsletter.daily.publishing import Publishing
from newsletter.errors import CompositionError, NewsletterError, NotFoundError, RelayError
from newsletter.model import OPEN_STATES, Delivery, Digest, Edition, Outcome, Paper, Subscriber
from newsletter.policy import verdicts
from newsletter.sources.base import Source
from newsletter.store import Store

OpenedSources = Callable[[bool, datetime | None], AbstractAsyncContextManager[Sequence[Source]]]
"""The configured sources: offline or not, and then as the network was at a moment (None: now)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to: `deliveries` are all of the day, and of earlier days those that still waited; `attempted`
    counts those that this run tried; `newest` is the newest day of the archive. `alerts` is what the relay
    said about this installation; `stopped` tells that the run was asked to end before it was through;
    `waiting` says why the edition was not made yet, a sentence for each source that is late;
    `failure` is what ended the sending early."""

    day: date
    collected: tuple[Collected, ...]
    edition: Edition | None
    deliveries: tuple[Delivery, ...]
    attempted: int
    newest: date | None
    alerts: tuple[str, ...] = ()
    stopped: bool = False
    waiting: tuple[str, ...] = ()
    failure: NewsletterError | None = None


class Daily:
    """The journey with concrete parts, which only the assembly chooses."""

    def __init__(
        self,
        store: Store,
        opened_sources: OpenedSources,
        collecting: Collecting,
        publishing: Publishing,
        composing: Composing,
        delivering: Delivering,
        on_unknown: str,
        is_alive: Callable[[str], bool | None],
    ) -> None:
        self.store = store
        self.publishing = publishing
        self._opened_sources = opened_sources
        self._asking: asyncio.Task[list[Collected]] | None = None
        self._collecting = collecting
        self._composing = composing
        self._delivering = delivering
        self._on_unknown = on_unknown
        self._is_alive = is_alive

    def stop(self) -> None:
        """End a run soon: begin nothing new, finish what is open. A source that is being asked is not waited for."""
        self._delivering.stop()
        if self._asking:
            self._asking.cancel()

    async def collect(
        self,
        more: Sequence[Source] = (),
        *,
        only: Collection[str] = (),
        day: date | None = None,
        offline: bool = False,
    ) -> list[Collected]:
        """Ask the configured sources, or those of them that are named in `only`, and `more`, for what is new, or for
        one `day`. `offline` they read once more what they answered before, on that day or about it.

        Raises NotFoundError for a name that is no source's.
        """
        if offline and day:
            return await self._read_again(day, only)
        async with self._opened_sources(offline, None) as sources:
            return await self._collecting.collect([*_chosen(sources, only), *more], day)

    async def _read_again(self, day: date, only: Collection[str]) -> list[Collected]:
        """What sources had answered when `day` ended, and what those with an archive were told of it later."""
        end = self.publishing.end_of(day)
        async with self._opened_sources(True, end) as sources:
            collected = await self._collecting.read_again(_chosen(sources, only), day, as_of=end)
        async with self._opened_sources(True, None) as sources:
            able = [source for source in _chosen(sources, only) if by_day(source)]
            return collected + await self._collecting.read_again(able, day)

    async def collect_from(self, sources: Sequence[Source], day: date | None = None) -> list[Collected]:
        """Ask `sources`, and none of the configured ones."""
        return await self._collecting.collect(sources, day)

    async def back_fill(
        self, since: date, until: date, *, only: Collection[str] = (), again: bool = False, offline: bool = False
    ) -> AsyncGenerator[Collected, None]:
        """Ask for each day from `since` to `until`; see `Collecting.back_fill`, and for `offline` see `collect`.

        Raises NotFoundError when no source can be asked so.
        """
        if offline:
            for number in range((until - since).days + 1):
                for one in await self.collect(only=only, day=since + timedelta(days=number), offline=True):
                    yield one
            return
        async with self._opened_sources(False, None) as sources:
            chosen = [source for source in _chosen(sources, only) if by_day(source)]
            if without := set(only) - {source.name for source in chosen}:
                raise NotFoundError(f"source {min(without)} has no archive by day; leave it out")
            if not chosen:
                raise NotFoundError(
                    "no source that is configured has an archive by day; those of the kinds huggingface and arxiv have"
                )
            async with aclosing(self._collecting.back_fill(chosen, since, until, again=again)) as batches:
                async for one in batches:
                    yield one

    async def day_of(self, asked: date | None, *, latest: bool) -> date:
        """The day a command is about: the one asked for, the newest of the archive, or today."""
        newest = await self.store.papers.newest_day(self.publishing.today()) if latest else None
        return asked or newest or self.publishing.today()

    async def run(
        self, now: datetime, asked: date | None = None, *, latest: bool = False, patient: bool = False
    ) -> Report:
        """Collect, freeze, plan, deliver. Run twice, it sends once; after a crash, it goes on.

        `patient` it makes no edition while a source is late (see `policy.verdicts.late`), and says so.
        """
        await self.store.ledger.recover(now, self._on_unknown, self._is_alive)
        collected = await self._collected_unless_stopped()
        day = await self.day_of(asked, latest=latest)
        if self._delivering.stopped:
            return Report(day, tuple(collected), await self.store.editions.find(day), (), 0, None, stopped=True)
        waiting = verdicts.late(one.batch for one in collected) if patient else ()
        edition = await (self.store.editions.find(day) if waiting else self.publishing.freeze(day))
        if edition or not waiting:
            waiting = ()
            await self.publishing.plan(day)
        # An earlier day's deliveries still wait where the reader is not due today: else today's would have superseded
        # them.
        dates = sorted({day, *await self.store.ledger.open_dates(day)})
        held = {one.id for date in dates for one in await self.store.ledger.of_date(date) if one.state in OPEN_STATES}
        attempted, failure = 0, None
        try:
            for date in dates:
                attempted += await self._delivering.deliver(date)
        except (RelayError, CompositionError) as error:
            failure = error
        known = [one for date in dates for one in await self.store.ledger.of_date(date)]
        deliveries = [one for one in known if one.local_date == day or one.id in held]
        newest = await self.store.papers.newest_day(self.publishing.today())
        alerts, stopped = tuple(self._delivering.alerts), self._delivering.stopped
        return Report(
            day, tuple(collected), edition, tuple(deliveries), attempted, newest, alerts, stopped, waiting, failure
        )

    async def _collected_unless_stopped(self) -> list[Collected]:
        self._asking = asyncio.ensure_future(self.collect())
        try:
            return await self._asking
        except asyncio.CancelledError:
            if not self._delivering.stopped:
                raise
            return []
        finally:
            self._asking = None

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


def _chosen(sources: Sequence[Source], only: Collection[str]) -> list[Source]:
    names = [source.name for source in sources]
    if unknown := [name for name in only if name not in names]:
        raise NotFoundError(f"there is no source “{unknown[0]}”; there are {', '.join(names)}")
    return [source for source in sources if not only or source.name in only]
