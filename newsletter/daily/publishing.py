"""From sources to a frozen edition, and who is to get it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.daily.appraising import Appraising
from newsletter.daily.collecting import Progress, answered
from newsletter.model import Edition, Paper, Ranking, Subscriber, Topic
from newsletter.policy import due
from newsletter.ranking import Limits
from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the journey obeys. `at` and `timezone` say when a day's mail is dated; `weekly_on` counts from
    Monday = 0; `site` is the web page's URL without a trailing slash, None when there is none. `bounce_address` is what
    envelope senders are made from, None for the sender itself; `grace` counts in seconds; `error_share` of refused
    messages stops a run. `locale` is the language of readers who have named none; `sources` names those that
    bring papers."""

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


class Publishing:
    """Rank, freeze, plan. `now` gives aware UTC."""

    def __init__(
        self,
        store: Store,
        topics: Sequence[Topic],
        appraising: Appraising,
        rules: Rules,
        now: Callable[[], datetime],
        progress: Progress,
    ) -> None:
        self._store = store
        self.appraising = appraising
        self._topics = tuple(topics)
        self._rules = rules
        self._now = now
        self._progress = progress

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
        rankings = await self._rank(draft, self._topics)
        self._progress("Ranking", 1, 1)
        return await self._store.editions.freeze(day, draft.papers, draft.curators, rankings, draft.answered)

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

    async def plan(self, day: date) -> int:
        """Enter everybody who is due on `day` and has an edition to read into the ledger; how many were new there."""
        readers = await self.due(day)
        return await self._store.ledger.plan(day, [reader.id for reader in readers], self._now())

    async def due(self, day: date, draft: Edition | None = None) -> list[Subscriber]:
        """The readers who are due on `day` and whose digest would span an edition, a `draft` counted as one."""
        suppressed = await self._store.subscribers.suppressed()
        readers = [
            reader
            for reader in await self._store.subscribers.all()
            if reader.address not in suppressed and due.due(reader, day, weekly_on=self._rules.weekly_on).due
        ]
        spans = await self.spans(readers, day, draft)
        return [reader for reader in readers if spans[reader.id]]

    async def spans(
        self, readers: Sequence[Subscriber], day: date, draft: Edition | None = None
    ) -> dict[int, list[Edition]]:
        """The editions that each reader's digest of `day` spans, ascending, by subscriber id."""
        look_back = self._rules.look_back
        editions = await self._store.editions.between(day - timedelta(days=look_back), day)
        if draft and draft.papers and not draft.id:
            editions = [*editions, draft]
        last = await self._store.ledger.last_settled(before=day)
        first = await self._store.ledger.first_planned()
        spans = {}
        for reader in readers:
            begun = last.get(reader.id)
            if begun is None and reader.id in first:
                # Nothing has reached this reader yet: the digest goes back to where the first one would have begun.
                begun = due.span_start(reader, first[reader.id], last=None, look_back=look_back)
            start = due.span_start(reader, day, last=begun, look_back=look_back)
            spans[reader.id] = [edition for edition in editions if edition.day > start]
        return spans

    async def rankings(self, edition: Edition) -> Mapping[str, Ranking]:
        """The rankings of a frozen edition by slug. What is frozen stays; topics that came later are ranked now and
        frozen as well."""
        frozen = await self._store.editions.rankings(edition.id)
        missing = [topic for topic in self._topics if topic.slug not in frozen]
        if not missing:
            return frozen
        made = [ranking for ranking in await self._rank(edition, missing) if ranking.slug not in frozen]
        await self._store.editions.add_rankings(edition.id, made)
        return await self._store.editions.rankings(edition.id)

    async def current_rankings(self, edition: Edition) -> Mapping[str, Ranking]:
        """The rankings as today's wording of the topics makes them, for previews: frozen ones where the wording is the
        same. Nothing is saved."""
        frozen = await self._store.editions.rankings(edition.id) if edition.id else {}
        changed = [one for one in self._topics if one.slug not in frozen or frozen[one.slug].topic != one]
        if frozen and not changed:
            return frozen
        made = {ranking.slug: ranking for ranking in await self._rank(edition, changed)}
        return {**made, **{slug: ranking for slug, ranking in frozen.items() if ranking.topic in self._topics}}

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
        frozen = await self._store.editions.personal([reader.id for reader in readers], list(editions))
        planned = await self._store.ledger.planned(day)
        for number, edition in editions.items():
            missing = [reader for reader in readers if (reader.id, number) not in frozen]
            made = await self.appraising.personal(edition, rankings[number], missing, planned)
            await self._store.editions.freeze_personal({(reader, number): own for reader, own in made.items()})
        return await self._store.editions.personal([reader.id for reader in readers], list(editions))

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

    async def papers(self, ids: Iterable[str], day: date) -> dict[str, Paper]:
        """The papers as they stood on `day`: later listings left out, so that an old edition can be made again."""
        return await self.appraising.papers(ids, day)

    async def _rank(self, edition: Edition, topics: Sequence[Topic]) -> list[Ranking]:
        return await self.appraising.rank(edition, topics)
