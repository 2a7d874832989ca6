"""A paper and a reader brought to the explanation: which edition took it, which digest that went into, what was sent.

Nothing is saved: what is frozen is read, what is missing is worked out and forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from newsletter.daily.publishing import Publishing
from newsletter.errors import NotFoundError
from newsletter.model import TRENDING, Delivery, Edition, Paper, Ranking, State, Subscriber, Topic
from newsletter.ranking import Limits, muted
from newsletter.ranking.explaining import Case, Explanation, Occasion, explain
from newsletter.ranking.remedies import Remedy, remedies, variants
from newsletter.ranking.standings import Standing
from newsletter.store import Store
from newsletter.text import readable

_GONE_OUT = (State.ACCEPTED, State.UNKNOWN, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything about a paper and a reader's digest. `delivery` is the one that carries it, None where there is none
    (yet): then it is as it would be made now. `spanned` tells whether that digest takes in the paper's edition.
    `since` are the days of later digests that looked at how the paper's votes had grown, with where it stood then and
    whether they had it in *Rising*."""

    case: Case
    explanation: Explanation
    remedies: tuple[Remedy, ...]
    delivery: Delivery | None
    spanned: bool
    since: tuple[tuple[date, Standing, bool], ...] = ()

    @property
    def frozen(self) -> bool:
        """Whether the paper's edition is."""
        return self.case.occasion.edition.id > 0

    @property
    def sent(self) -> bool:
        """Whether the digest is out of the house, as far as anybody knows."""
        return self.delivery is not None and self.delivery.state in _GONE_OUT


class Explaining:
    """Explains. `topics` are the configured ones, as they are worded today."""

    def __init__(self, store: Store, publishing: Publishing, topics: Sequence[Topic], limits: Limits) -> None:
        self._store = store
        self._publishing = publishing
        self._topics = {topic.slug: topic for topic in topics}
        self._limits = limits

    async def explain(self, paper: Paper, reader: Subscriber, asked: date | None = None) -> Explained:
        """What became of `paper` in the digest of `reader` that it belonged in, or in that of the day `asked` for.

        Raises NotFoundError when no edition has the paper, or the day's digest does not take in the one that has.
        """
        edition = await self._edition(paper, asked)
        day, span, delivery = await self._digest(edition, reader, asked)
        newest = delivery.occasion.newest if delivery else day
        spanned = any(one.day == edition.day for one in span)
        if asked and not spanned:
            raise NotFoundError(
                f"the digest of {asked} for {reader.address} does not take in this paper: it is of the edition of "
                f"{edition.day}; leave --date out to see where that went"
            )
        editions = tuple(span) if spanned else (edition,)
        rankings = {one.id: await self._rankings(one, reader, day, delivery) for one in editions}
        topics = self._wordings(reader, rankings[edition.id])
        rankings = {number: await self._publishing.unmuted(reader, by, newest) for number, by in rankings.items()}
        whole = await self._publishing.spanning.span(editions, newest)
        await self._publishing.spanning.rankings(whole, rankings, reader.follows)  # which reads what it needs
        appraising = self._publishing.appraising
        candidates = await appraising.candidates(edition)
        scored = await appraising.scored(edition, topics, reader)
        occasion = Occasion(
            day=day,
            edition=edition,
            span=whole,
            follows=reader.follows,
            rankings=rankings,
            scored={one.topic.slug: one for one in scored},
            trending=next(one for one in await appraising.rank(edition, []) if one.slug == TRENDING),
            limits=self._limits,
            candidates=candidates,
            muted=muted(candidates.papers, reader.muted_words, reader.muted_authors),
        )
        case = occasion.case(paper.id)
        tried = variants(case)
        rescored = await appraising.scored(edition, [one.topic for one in tried], reader) if tried else []
        found = tuple(remedies(case, list(zip(tried, rescored, strict=True))))
        since = await self._since(paper, reader, day)
        return Explained(case, explain(case), found, delivery, spanned, since)

    async def _since(self, paper: Paper, reader: Subscriber, day: date) -> tuple[tuple[date, Standing, bool], ...]:
        """Where the paper stood on the days of the digests after that of `day`, for as long as they look back."""
        spanning = self._publishing.spanning
        shown = (await self._store.shown.to([reader.id], day, day + spanning.reach)).get(reader.id, [])
        deliveries = await self._store.ledger.deliveries(address=reader.address) if shown else []
        newest = {one.local_date: one.occasion.newest for one in deliveries}
        stood = [
            (when, (await spanning.standings(newest.get(when, when))).of.get(paper.id), one) for when, one in shown
        ]
        return tuple((when, standing, paper.id in one.rising) for when, standing, one in stood if standing)

    async def _edition(self, paper: Paper, asked: date | None) -> Edition:
        """The edition that took the paper; where none did, the draft of the day that would."""
        listed = [listing.day for listing in paper.listings] or [one for one in [paper.first_seen] if one]
        first = min(listed, default=date.min)
        for edition in await self._store.editions.between(max(first, date.min + timedelta(1)) - timedelta(1), date.max):
            if paper.id in edition.papers:
                return edition
        day = asked or max(listed, default=self._publishing.today())
        draft = await self._publishing.draft(day)
        if paper.id not in draft.papers:
            where = f"it was listed on {', '.join(map(str, listed))}" if listed else "it was never listed"
            raise NotFoundError(f"no edition has “{readable(paper).title}”, nor would that of {day}: {where}")
        return draft

    async def _digest(
        self, edition: Edition, reader: Subscriber, asked: date | None
    ) -> tuple[date, list[Edition], Delivery | None]:
        """The local date of the digest that carries `edition`, the editions it spans, and its delivery. Where several
        deliveries would do, the first that has gone out; where none does, the digest of the edition's own day."""
        draft = edition if not edition.id else None
        known = [
            one
            for one in await self._store.ledger.deliveries(address=reader.address)
            if one.state is not State.SUPERSEDED and (asked or one.occasion.newest >= edition.day)
        ]
        by_fate = sorted(known, key=lambda one: (one.state not in _GONE_OUT, one.local_date))
        for delivery in by_fate:
            if asked in (None, delivery.local_date):
                newest = delivery.occasion.newest
                drafted = draft if edition.day <= newest else None
                span = (await self._publishing.spans([reader], delivery.local_date, drafted, newest))[reader.id]
                if asked or any(one.day == edition.day for one in span):
                    return delivery.local_date, span, delivery
        day = asked or edition.day
        return day, (await self._publishing.spans([reader], day, draft))[reader.id], None

    async def _rankings(
        self, edition: Edition, reader: Subscriber, day: date, delivery: Delivery | None
    ) -> Mapping[str, Ranking]:
        """What the reader is ranked of `edition`: what is frozen, and where it is not, what a run would freeze now."""
        appraising = self._publishing.appraising
        common = await self._store.editions.rankings(edition.id, [*reader.follows, TRENDING]) if edition.id else {}
        worded = self._topics | {topic.slug: topic for topic in reader.own}
        missing = [worded[slug] for slug in reader.follows if slug in worded and slug not in common]
        if missing or TRENDING not in common:
            common = {one.slug: one for one in await appraising.rank(edition, missing)} | common
        key = (reader.id, edition.id)
        own = (await self._store.editions.personal([reader.id], [edition.id])).get(key) if edition.id else None
        if own is None and (delivery is None or delivery.state not in _GONE_OUT):
            planned = await self._store.ledger.planned(day, [reader.id])
            made = await appraising.personal(edition, common, [reader], planned)
            own = {one.slug: one for one in made.get(reader.id, [])}
        return {**common, **(own or {})}

    def _wordings(self, reader: Subscriber, rankings: Mapping[str, Ranking]) -> list[Topic]:
        """The reader's topics as they are worded today; one that is configured no more as it was worded last."""
        known = {slug: one.topic for slug, one in rankings.items() if one.topic} | self._topics
        known |= {topic.slug: topic for topic in reader.own}
        return [known[slug] for slug in reader.follows if slug in known]
