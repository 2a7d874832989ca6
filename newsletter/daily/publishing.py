"""From sources to a frozen edition, and who is to get it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.daily.appraising import Appraising
from newsletter.daily.collecting import Progress, answered
from newsletter.daily.recent import Recent
from newsletter.daily.rising import Rising
from newsletter.daily.spanning import Spanning
from newsletter.daily.summarising import Summarising
from newsletter.logs import Log
from newsletter.model import TRENDING, Edition, Occasion, Paper, Ranking, Subscriber, Topic
from newsletter.model.subscriber import OWN
from newsletter.policy import due
from newsletter.policy.hours import Calendar
from newsletter.ranking import Limits, muted, without
from newsletter.ranking.matching import Document
from newsletter.store import Slot, Store
from newsletter.store.later import brought_later
from newsletter.text import readable

_log = Log(__name__)

TOGETHER = 20_000
"""Readers who are entered into the ledger in one transaction."""

MOST_EDITIONS, MOST_PICKS, MOST_PAPERS = 100, 50_000, 5_000
"""What is kept at the most of what was read: some 100 MB, if each is full."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the journey obeys. `at` and `timezone` say when a day's mail is dated; `weekly_on` counts from
    Monday = 0; `site` is the web page's URL without a trailing slash, None when there is none. `bounce_address` is what
    envelope senders are made from, None for the sender itself; `grace` counts in seconds; `error_share` of refused
    messages stops a run. `locale` is the language of readers who have named none; `sources` names those that bring
    papers; `calendar` says when editions are made, and until when they are waited for;
    `empty` what becomes of a digest without papers."""

    look_back: int
    limits: Limits
    timezone: ZoneInfo
    at: time
    weekly_on: int
    on_unknown: str
    site: str | None
    unsubscribe_address: str
    bounce_address: str | None
    lease: timedelta
    grace: float
    error_share: float
    locale: str
    sources: tuple[str, ...]
    calendar: Calendar
    empty: str = "nothing"


class Publishing:
    """Rank, freeze, plan. `now` gives aware UTC; `summarising` has summaries written by a language model."""

    def __init__(
        self,
        store: Store,
        topics: Sequence[Topic],
        appraising: Appraising,
        rules: Rules,
        now: Callable[[], datetime],
        progress: Progress,
        summarising: Summarising | None = None,
    ) -> None:
        self._store = store
        self.appraising = appraising
        self._summarising = summarising
        self._topics = tuple(topics)
        self._rules = rules
        self.spanning = Spanning(store, self, rules)
        self.rising = Rising(store, self, rules.limits.rising)
        self._now = now
        self._progress = progress
        # Papers ready to be searched for muted words, by id, for the readers of one day: a millisecond or two each.
        self._searched: tuple[date | None, dict[str, Document]] = None, {}
        # What is frozen stays as it is, so it is good for ever; papers change, and are kept for runs alone.
        self._editions: Recent[date, Edition] = Recent(MOST_EDITIONS)
        self._rankings: Recent[tuple[int, str], Ranking] = Recent(MOST_PICKS, lambda ranking: 1 + len(ranking.picks))
        self._papers: Recent[tuple[str, date], Paper] = Recent(MOST_PAPERS)

    def names(self) -> dict[str, str]:
        """What the configured topics are called, by slug."""
        return {topic.slug: topic.name for topic in self._topics}

    def follow(self, topics: Sequence[Topic]) -> None:
        """From now on, `topics` are what can be followed: a process that lasts may live to see others."""
        self._topics = tuple(topics)

    @property
    def alerts(self) -> Sequence[str]:
        """What the operator should know of summaries that are missing."""
        return self._summarising.alerts if self._summarising else ()

    @property
    def calendar(self) -> Calendar:
        """When editions are made, and until when they are waited for."""
        return self._rules.calendar

    @property
    def look_back(self) -> int:
        """How many days back papers are taken from."""
        return self._rules.look_back

    def today(self) -> date:
        """The date in the schedule's time zone."""
        return self._now().astimezone(self._rules.timezone).date()

    def end_of(self, day: date) -> datetime:
        """The last moment of `day` in the schedule's time zone, as aware UTC."""
        return datetime.combine(day, time.max, self._rules.timezone).astimezone(UTC)

    async def freeze(self, day: date) -> Edition | None:
        """The edition of `day`: the one that is there, else a new one; None when there is no paper for it."""
        edition = await self._store.editions.find(day)
        if edition:
            return edition
        draft = await self.draft(day)
        if not draft.papers:
            return None
        self._progress("Ranking", 0, 1)
        topics = [*self._topics, *await self._store.subscribers.own_topics()]
        rankings = await self.appraising.records(draft, topics)
        self._progress("Ranking", 1, 1)
        summaries = await self._summarising.write(rankings) if self._summarising else {}
        edition = await self._store.editions.freeze(
            day, draft.papers, draft.curators, rankings, draft.answered, summaries
        )
        _log.info("edition", edition=edition.id, day=day, papers=len(edition.papers), topics=len(topics))
        return edition

    async def draft(self, day: date) -> Edition:
        """What the edition of `day` would hold: papers listed in (day - look-back, day] that no edition took. Its id is
        0; nothing is saved."""
        after = day - timedelta(days=self._rules.look_back)
        papers = await self._store.papers.untaken(after, day)
        batches = await self._store.batches.latest(1000)
        curators = {batch.curators for batch in batches if batch.day and after < batch.day <= day and batch.curators}
        listed = [source for paper in papers for source in {one.source for one in paper.listings}]
        last = answered(await self._store.batches.newest(), listed, self._rules.sources)
        return Edition(0, day, tuple(paper.id for paper in papers), tuple(sorted(curators)), last)

    async def plan(
        self,
        day: date,
        among: tuple[int, int | None] = (0, None),
        and_then: Callable[[AsyncConnection, int], Awaitable[None]] | None = None,
    ) -> int:
        """Enter everybody who is due on `day` and has an edition to read into the ledger; how many were new there.

        Readers are looked at in slices, and entered `TOGETHER` at a time: who is planned already stays as they are, so
        after a crash the next run goes on. `among` narrows it to the ids behind the first number and up to the second;
        `and_then` as for `Ledger.plan`.
        """
        after, until = among
        new, ids = 0, list[int]()
        async for readers in self._store.subscribers.slices(after=after, until=until):
            ids += [reader.id for reader in await self._due(readers, day)]
            if len(ids) >= TOGETHER:
                new += await self._store.ledger.plan(day, ids, self._now(), and_then)
                ids = []
        new += await self._store.ledger.plan(day, ids, self._now(), and_then)
        (_log.info if new else _log.debug)("planned", day=day, deliveries=new)
        return new

    async def plan_due(
        self,
        occasion: Occasion,
        slots: Sequence[Slot],
        missed: str = "",
        among: tuple[int, int | None] = (0, None),
        and_then: Callable[[AsyncConnection, int], Awaitable[None]] | None = None,
    ) -> int:
        """Enter the readers of `slots` who have no digest of the occasion's date, nor of a later one, into the ledger;
        how many were new there. Who had paused until that date reads again. `missed` is why it is not sent any more;
        `among` and `and_then` as for `plan`.

        Everybody who is due is entered, also who will turn out to have nothing new: a date was looked at, or was not.
        """
        (after, until), new = among, 0
        while ids := await self._store.hours.due(occasion.day, slots, TOGETHER, (after, until)):
            await self._store.hours.wake(ids, occasion.day)
            at, through = occasion.at or self._now(), occasion.through
            new += await self._store.ledger.plan(occasion.day, ids, at, and_then, through=through, missed=missed)
            after = ids[-1]
        return new

    async def due(self, day: date, draft: Edition | None = None) -> list[Subscriber]:
        """The readers who are due on `day` and whose digest would span an edition, a `draft` counted as one: all of
        them, for rehearsals."""
        slices = self._store.subscribers.slices()
        return [reader async for readers in slices for reader in await self._due(readers, day, draft)]

    async def _due(self, readers: Sequence[Subscriber], day: date, draft: Edition | None = None) -> list[Subscriber]:
        weekly_on = self._rules.weekly_on
        wanted = [reader for reader in readers if due.due(reader, day, weekly_on=weekly_on).due]
        suppressed = await self._store.suppressions.among(reader.address for reader in wanted)
        wanted = [reader for reader in wanted if reader.address not in suppressed]
        spans = await self.spans(wanted, day, draft)
        return [reader for reader in wanted if spans[reader.id]]

    async def spans(
        self,
        readers: Sequence[Subscriber],
        day: date,
        draft: Edition | None = None,
        through: date | None = None,
        *,
        once: bool = True,
    ) -> dict[int, list[Edition]]:
        """The editions that each reader's digest of the local date `day` spans, ascending, by subscriber id: what they
        have not had, up to the edition of the day `through` (None: of `day`). What the digest of a later date has
        brought already is left out, but for who only wants to see it, and not `once`."""
        newest, look_back = through or day, self._rules.look_back
        farthest = max((due.reach(reader.rhythm, look_back) for reader in readers), default=look_back)
        editions = await self._between(newest - timedelta(days=farthest), newest)
        if draft and draft.papers and not draft.id:
            editions = [*editions, draft]
        # No span begins before the look-back: who had something earlier is told apart by their first date well enough.
        ledger, ids = self._store.ledger, [reader.id for reader in readers]
        # A date and its edition may lie a day apart, on either side.
        last = await ledger.last_settled(ids, before=day, after=newest - timedelta(days=farthest + 2))
        first = await ledger.first_planned([number for number in ids if number not in last])
        later = await brought_later(self._store.database, ids, day) if once else {}
        by_start: dict[date, list[Edition]] = {}
        spans = {}
        for reader in readers:
            begun = last.get(reader.id)
            if begun is None and reader.id in first:
                # Nothing has reached this reader yet: the digest goes back to where the first one would have begun.
                begun = due.span_start(reader, min(first[reader.id], newest), last=None, look_back=look_back)
            start = due.span_start(reader, newest, last=begun, look_back=look_back)
            if start not in by_start:
                by_start[start] = [edition for edition in editions if edition.day > start]
            spans[reader.id] = by_start[start]
            if reader.id in later:
                old = later[reader.id] - timedelta(days=look_back)  # too old for that digest
                spans[reader.id] = [edition for edition in by_start[start] if edition.day <= old]
        return spans

    async def _between(self, after: date, until: date) -> list[Edition]:
        """The editions of the days in (`after`, `until`], oldest first."""
        days = [day for day, _ in await self._store.editions.page(until, (until - after).days) if day > after]
        return [edition for day in reversed(days) if (edition := await self._edition(day))]

    async def _edition(self, day: date) -> Edition | None:
        edition = self._editions.get(day) or await self._store.editions.find(day)
        if edition:
            self._editions.put(day, edition)
        return edition

    async def rankings(self, edition: Edition, readers: Sequence[Subscriber]) -> Mapping[str, Ranking]:
        """The rankings of a frozen edition by slug: *Trending*, and what `readers` follow. What is frozen stays; topics
        that came later are ranked now and frozen as well."""
        slugs = _slugs(readers)
        held = {slug: one for slug in slugs if (one := self._rankings.get((edition.id, slug)))}
        unread = slugs - held.keys()
        if not unread:
            return held
        read = await self._store.editions.rankings(edition.id, unread)
        if missing := [topic for topic in self._followed(readers) if topic.slug in unread and topic.slug not in read]:
            known = held.keys() | read.keys()
            made = [ranking for ranking in await self._rank(edition, missing) if ranking.slug not in known]
            await self._store.editions.add_rankings(edition.id, made)
            read |= await self._store.editions.rankings(edition.id, [ranking.slug for ranking in made])
        for slug, ranking in read.items():
            # Topics of a reader's own are nobody else's, and their rankings go when the reader takes them out.
            if not slug.startswith(OWN):
                self._rankings.put((edition.id, slug), ranking)
        return held | read

    async def current_rankings(self, edition: Edition, readers: Sequence[Subscriber]) -> Mapping[str, Ranking]:
        """The rankings as today's wording of the topics makes them, for previews for `readers`: frozen ones where the
        wording is the same. Nothing is saved."""
        slugs = _slugs(readers)
        topics = [topic for topic in self._followed(readers) if topic.slug in slugs]
        frozen = await self._store.editions.rankings(edition.id, slugs) if edition.id else {}
        changed = [one for one in topics if one.slug not in frozen or frozen[one.slug].topic != one]
        if frozen and not changed:
            return frozen
        made = {ranking.slug: ranking for ranking in await self._rank(edition, changed)}
        worded = {topic.slug: topic for topic in topics}
        same = {slug: one for slug, one in frozen.items() if one.topic and worded.get(slug) == one.topic}
        return {**made, **same}

    async def personal(
        self,
        editions: Mapping[int, Edition],
        rankings: Mapping[int, Mapping[str, Ranking]],
        readers: Sequence[Subscriber],
        day: date,
    ) -> dict[tuple[int, int], dict[str, Ranking]]:
        """By reader's and edition's id, the rankings that the readers' own verdicts change in the digests of `day`.

        What the reader had said when the delivery was planned counts. What is frozen stays; what is new is frozen, so
        that the digest can be made again.
        """
        ids = await self._store.feedback.speakers(reader.id for reader in readers)
        if not ids:
            return {}
        frozen = await self._store.editions.personal(ids, list(editions))
        planned = await self._store.ledger.planned(day, ids)
        for number, edition in editions.items():
            missing = [reader for reader in readers if reader.id in ids and (reader.id, number) not in frozen]
            made = await self.appraising.personal(edition, rankings[number], missing, planned)
            await self._store.editions.freeze_personal({(reader, number): own for reader, own in made.items()})
        return await self._store.editions.personal(ids, list(editions))

    async def current_personal(
        self,
        editions: Mapping[int, Edition],
        rankings: Mapping[int, Mapping[str, Ranking]],
        readers: Sequence[Subscriber],
    ) -> dict[tuple[int, int], dict[str, Ranking]]:
        """The same as today's verdicts make it, for previews. Nothing is saved."""
        found: dict[tuple[int, int], dict[str, Ranking]] = {}
        for number, edition in editions.items():
            made = await self.appraising.personal(edition, rankings[number], readers)
            found |= {(reader, number): {one.slug: one for one in own} for reader, own in made.items()}
        return found

    async def unmuted(
        self, reader: Subscriber, rankings: Mapping[str, Ranking], day: date, *, kept: bool = False
    ) -> Mapping[str, Ranking]:
        """`rankings`, by slug, without the papers that `reader` has muted. What is muted today counts, whatever was
        frozen: nobody is sent what they have asked never to see. `kept` as for `papers`."""
        if not reader.muted_words and not reader.muted_authors:
            return rankings
        shown = [rankings[slug] for slug in (*reader.follows, TRENDING) if slug in rankings]
        ids = {pick.paper for ranking in shown for pick in ranking.picks}
        papers = (await self.papers(ids, day, kept=kept)).values()
        if self._searched[0] != day:
            self._searched = day, {}
        known = self._searched[1]
        unwanted = await asyncio.to_thread(lambda: _muted(reader, papers, known))
        return without(rankings, unwanted)

    async def papers(self, ids: Iterable[str], day: date, *, kept: bool = False) -> dict[str, Paper]:
        """The papers as they stood on `day`: later listings left out, so that an old edition can be made again.

        `kept` papers may be as they were when they were asked for first, which is for runs: they say the same of a
        paper to all readers, and ask for it with every slice of them.
        """
        if not kept:
            return await self.appraising.papers(ids, day)
        wanted = list(dict.fromkeys(ids))
        found = {number: paper for number in wanted if (paper := self._papers.get((number, day)))}
        if unread := [number for number in wanted if number not in found]:
            read = await self.appraising.papers(unread, day)
            for number, paper in read.items():
                self._papers.put((number, day), paper)
            found |= read
        return {number: found[number] for number in wanted if number in found}

    def _followed(self, readers: Iterable[Subscriber]) -> list[Topic]:
        """The topics of the configuration, then those that `readers` worded themselves."""
        return [*self._topics, *(topic for reader in readers for topic in reader.own)]

    async def _rank(self, edition: Edition, topics: Sequence[Topic]) -> list[Ranking]:
        return await self.appraising.rank(edition, topics)


def _slugs(readers: Iterable[Subscriber]) -> set[str]:
    """What of an edition concerns `readers`: a topic that is configured no more too, if it was when it was frozen."""
    return {TRENDING, *(slug for reader in readers for slug in reader.follows)}


def _muted(reader: Subscriber, papers: Collection[Paper], known: dict[str, Document]) -> Mapping[str, tuple[str, ...]]:
    """As `ranking.muted`; `known` are papers that were searched before, and it grows."""
    for paper in papers:
        if paper.id not in known or known[paper.id].paper.paper != paper:
            known[paper.id] = Document(readable(paper))
    found = [known[paper.id].paper for paper in papers]
    return muted(found, reader.muted_words, reader.muted_authors, lambda paper: known[paper.id])
