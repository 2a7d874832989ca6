"""A run, a rehearsal of it, and a preview: the three ways through the journey."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from newsletter.daily.collecting import Collected, Collecting, by_day
from newsletter.daily.composing import Composing, Preview
from newsletter.daily.delivering import Delivering
from newsletter.daily.dispatching import Dispatch, OpenedSources
from newsletter.daily.looking import Looked, Looking
from newsletter.daily.posting import Posting, Trouble
from newsletter.daily.pruning import Pruning
from newsletter.daily.publishing import Publishing, Rules
from newsletter.errors import CompositionError, NewsletterError, NotFoundError, RelayError
from newsletter.model import SETTLED_STATES, Delivery, Digest, Edition, Outcome, Paper, State, Subscriber
from newsletter.model.post import Post
from newsletter.rendering.posts import Composed
from newsletter.sources.base import Source
from newsletter.store import Store

MOST_TOLD = 1_000
"""Deliveries that a report has row by row; the others are only counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to: `counts` says how many deliveries of the day, and of those of earlier days that still
    waited, are in each state, `next_at` when the first deferred one of these dates is tried again, and `deliveries`
    are the first MOST_TOLD of them; `attempted` counts those that this run tried; `newest` is the newest day of the
    archive. `alerts` is what the relay said about this installation, and why summaries are missing; `stopped` tells
    that the run was asked to end before it was through; `failure` is what ended the sending early. `posts` are those
    of the day in channels, and those of earlier days that were tried; `troubles` are channels that get none. `goes_on`
    tells that whoever sent looks again: what was deferred is not over. `unread` says that no source could be read,
    where that was told when it was seen."""

    day: date
    collected: tuple[Collected, ...]
    edition: Edition | None
    deliveries: tuple[Delivery, ...] = ()
    counts: Mapping[State, int] = field(default_factory=dict)
    next_at: datetime | None = None
    attempted: int = 0
    newest: date | None = None
    alerts: tuple[str, ...] = ()
    stopped: bool = False
    failure: NewsletterError | None = None
    posts: tuple[Post, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    goes_on: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What `Daily.send` came to on the `day` of the newest edition there may be: the local `dates` that were open, how
    many deliveries were `attempted`, when the first deferred one is tried again, what the relay said about this
    installation, what ended it early, and the posts in channels of that day, and those that were tried; `stopped` and
    `troubles` as in a Report. `counts` says how many deliveries of `day`, and of the newest local date on which
    any was tried, are in each state: that date is a day later where it has begun already, and earlier where nobody was
    due on `day` yet. `unsent` is one that was refused or deferred, if any was tried; `unread` says why `day` has no
    edition, where no source could be read."""

    day: date
    dates: tuple[date, ...]
    attempted: int
    next_at: datetime | None
    alerts: tuple[str, ...]
    failure: NewsletterError | None
    posts: tuple[Post, ...] = ()
    counts: Mapping[State, int] = field(default_factory=dict)
    unsent: tuple[Delivery, ...] = ()
    stopped: bool = False
    troubles: tuple[Trouble, ...] = ()
    unread: str = ""

    @property
    def report(self) -> Report:
        """The same as of a run for the day of the newest edition."""
        return Report(
            self.day,
            (),
            None,
            self.unsent,
            self.counts,
            self.next_at,
            self.attempted,
            alerts=self.alerts,
            stopped=self.stopped,
            failure=self.failure,
            posts=self.posts,
            troubles=self.troubles,
            goes_on=True,
            unread=self.unread,
        )


@dataclass(frozen=True, slots=True)
class _Standing:
    settled: Mapping[State, int]
    waiting: Sequence[int]


class Daily:
    """The journey with concrete parts, which only the assembly chooses. `dispatch` carries out the steps of a run;
    `delivering` is for the single messages that no ledger knows of."""

    def __init__(
        self,
        store: Store,
        opened_sources: OpenedSources,
        collecting: Collecting,
        publishing: Publishing,
        composing: Composing,
        delivering: Delivering,
        posting: Posting,
        pruning: Pruning,
        rules: Rules,
        now: Callable[[], datetime],
        dispatch: Dispatch,
    ) -> None:
        self.store = store
        self.publishing = publishing
        self.posting = posting
        self.pruning = pruning
        self._opened_sources = opened_sources
        self._collecting = collecting
        self._composing = composing
        self._delivering = delivering
        self._dispatch = dispatch
        self._looking = Looking(store, publishing, rules.calendar, rules.sources, dispatch, now)

    def stop(self) -> None:
        """End a run soon: begin nothing new, finish what is open. A source that is being asked is not waited for."""
        self._dispatch.stop()

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

    async def run(self, now: datetime, asked: date | None = None, *, latest: bool = False) -> Report:
        """Collect, freeze, plan for everybody who is due on the day, whatever their hour, deliver. Run twice, it sends
        once; after a crash, it goes on."""
        dispatch = self._dispatch
        await dispatch.recover(now)
        await dispatch.call_back()
        collected = await dispatch.collect()
        day = await self.day_of(asked, latest=latest)
        if dispatch.stopped:
            return Report(day, tuple(collected), await self.store.editions.find(day), stopped=True)
        await self.store.subscribers.wake(min(day, self.publishing.today()))
        await self.store.subscribers.stay_forgotten()
        edition = await dispatch.freeze(day)
        await dispatch.plan(day)
        # An earlier day's deliveries still wait where the reader is not due today: else today's would have superseded
        # them.
        dates = sorted({day, *await self.store.ledger.open_dates(day)})
        before = await self._standing(day, dates)
        attempted, failure = dispatch.attempted, None
        try:
            await dispatch.deliver(dates)
        except (RelayError, CompositionError) as error:
            failure = error
        posts = [] if dispatch.stopped else await self.posting.post(day, lambda: dispatch.stopped)
        report = Report(
            day,
            tuple(collected),
            edition,
            tuple(await self.store.ledger.first(day, MOST_TOLD, before.waiting)),
            await self._counted(dates, before),
            await self._next_at(dates),
            dispatch.attempted - attempted,
            await self.store.papers.newest_day(self.publishing.today()),
            (*dispatch.alerts, *self.publishing.alerts, *self.posting.alerts),
            dispatch.stopped,
            failure,
            tuple(posts),
            tuple(self.posting.troubles),
        )
        if report.stopped or failure:
            return report
        return replace(report, alerts=(*report.alerts, *await self.pruning.faults(now)))

    async def look(self) -> Looked:
        """See what is due, make the edition that is complete, and plan whose moment has come: what a scheduler does
        every few minutes. `send` sends it."""
        return await self._looking.look()

    async def send(self) -> Sent:
        """Send what is open, of all dates, and post in the channels what the newest edition brings."""
        dispatch = self._dispatch
        dates = await self.store.ledger.open_dates(date.max)
        attempted, failure = dispatch.attempted, None
        try:
            await dispatch.deliver(dates)
        except (RelayError, CompositionError) as error:
            failure = error
        day = self._looking.newest
        posts = []
        if not dispatch.stopped:
            posts = await self.posting.post_due(lambda: dispatch.stopped)
        tried = dispatch.attempted - attempted
        newest = await self.store.overview.newest_tried() or day
        return Sent(
            day,
            tuple(dates),
            tried,
            await self._next_at(dates),
            (*dispatch.alerts, *self.publishing.alerts, *self.posting.alerts),
            failure,
            tuple(posts),
            await self._counted({day, newest}),
            await self._unsent(newest) if tried else (),
            dispatch.stopped,
            tuple(self.posting.troubles),
            await self._looking.unread(day),
        )

    async def _unsent(self, day: date) -> tuple[Delivery, ...]:
        """A delivery of `day` that was refused, else one that was deferred; none where there is neither."""
        for state in (State.REFUSED, State.DEFERRED):
            if found := await self.store.ledger.deliveries(local_date=day, state=state, limit=1):
                return tuple(found)
        return ()

    async def _next_at(self, dates: Sequence[date]) -> datetime | None:
        """When the first deferred delivery of `dates`, or post, is tried again."""
        moments = (await self.store.ledger.next_at(dates), await self.posting.next_at())
        return min(filter(None, moments), default=None)

    async def _standing(self, day: date, dates: Sequence[date]) -> _Standing:
        """How things stand before a run delivers: what of the `dates` before `day` is settled, and the first ids of
        what waits from them."""
        earlier = [one for one in dates if one != day]
        settled: Counter[State] = Counter()
        for one in earlier:
            counts = await self.store.ledger.counts(one)
            settled.update({state: counts[state] for state in SETTLED_STATES})
        return _Standing(settled, await self.store.ledger.waiting(earlier, MOST_TOLD) if earlier else [])

    async def _counted(self, dates: Collection[date], before: _Standing | None = None) -> dict[State, int]:
        """How many deliveries of `dates` are in each state, those left out that were settled `before` the run."""
        counts: Counter[State] = Counter()
        for one in dates:
            counts.update(await self.store.ledger.counts(one))
        if before:
            counts.subtract(before.settled)
        return {state: number for state in State if (number := counts[state]) > 0}

    async def rehearse(self, asked: date | None = None, *, latest: bool = False) -> tuple[Report, list[Preview]]:
        """`run` without ledger and mail: what would go out now, composed in full. Papers are collected, no more.

        Raises CompositionError where the wire gate would stop the run.
        """
        collected = await self.collect()
        day = await self.day_of(asked, latest=latest)
        edition = await self._edition_or_draft(day)
        ledger = self.store.ledger
        counts = {state: number for state, number in (await ledger.counts(day)).items() if number}
        planned = await ledger.readers(day)
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
        deliveries = tuple(await ledger.first(day, MOST_TOLD))
        report = Report(day, tuple(collected), there, deliveries, counts, await ledger.next_at([day]), newest=newest)
        return report, previews

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

    async def preview_post(self, channel: str, asked: date | None = None) -> Composed:
        """What would be posted in the channel of that name on the day asked for, else on the newest day; as for
        `preview`. Raises NotFoundError and ChannelError (see `Posting.preview`)."""
        day = await self.day_of(asked, latest=True)
        return await self.posting.preview(channel, day, await self._edition_or_draft(day))

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
        if found := await self.store.suppressions.find(address):
            why = f"{address} is suppressed ({found.reason})"
            raise NewsletterError(f"{why}: name another, or see `newsletter suppressions`")
        self._composing.pass_gate(made)
        return await self._delivering.hand_over(made.message)

    async def answer_sign_up(self, reader: Subscriber, site: str, at: datetime) -> Outcome:
        """Send `reader` what belongs to their signing up (see `Composing.confirmation`); what the relay said.

        Raises RelayError when there is none, CompositionError or TemplateError when the message cannot be made.
        """
        message = await asyncio.to_thread(self._composing.confirmation, reader, site, at)
        return await self._delivering.hand_over(message)

    async def _edition_or_draft(self, day: date) -> Edition:
        return await self.store.editions.find(day) or await self.publishing.draft(day)


def _chosen(sources: Sequence[Source], only: Collection[str]) -> list[Source]:
    names = [source.name for source in sources]
    if unknown := [name for name in only if name not in names]:
        raise NotFoundError(f"there is no source “{unknown[0]}”; there are {', '.join(names)}")
    return [source for source in sources if not only or source.name in only]
