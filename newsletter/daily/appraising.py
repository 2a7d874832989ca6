"""What papers are worth to topics and readers: the archive, the examples and the verdicts brought to the ranking."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from newsletter import ranking
from newsletter.model import TRENDING, Edition, Feedback, Opinion, Paper, Ranking, ReadablePaper, Subscriber, Topic
from newsletter.store import Store
from newsletter.store.backgrounds import Backgrounds
from newsletter.text import readable

if TYPE_CHECKING:
    from newsletter.ranking import Background, Candidates, Encoder, Judged, Known, Scored
    from newsletter.ranking.records import Record

SHOWN_DAYS = 90
"""What was shown and passed over longer ago teaches nothing any more."""


class Appraising:
    """Scores the papers of editions.

    `kept` holds archives that were counted before; `archive_days` is how far back the archive goes that scores are
    measured against; `encoders` are the models whose parts the score has too.
    """

    def __init__(self, store: Store, kept: Backgrounds, archive_days: int, encoders: Sequence[Encoder] = ()) -> None:
        self._store = store
        self._kept = kept
        self._week: tuple[str, Known] | None = None
        self._ground: tuple[tuple[str, tuple[str, ...]], Background] | None = None
        self.archive_days = archive_days
        self._encoders = tuple(encoders)
        self._candidates: dict[tuple[date, tuple[str, ...]], Candidates] = {}
        self._examples: dict[str, Judged | None] = {}

    async def rank(self, edition: Edition, topics: Sequence[Topic]) -> list[Ranking]:
        """The rankings of `topics`, and *Trending*, for the papers of `edition`."""
        candidates = await self.candidates(edition)
        examples = {topic.slug: await self._examples_of(topic) for topic in topics}

        def ranked() -> list[Ranking]:
            from newsletter.daily import many  # with all that ranking needs, which most commands do not

            return many.rank(candidates, topics, examples, self._encoders)

        # In a thread: two thousand papers take seconds, and open connections must not starve meanwhile.
        return await asyncio.to_thread(ranked)

    async def records(self, edition: Edition, topics: Sequence[Topic]) -> Iterable[Record]:
        """The same rankings as records, for `store.editions.freeze`: thousands of them take no memory."""
        candidates = await self.candidates(edition)
        examples = {topic.slug: await self._examples_of(topic) for topic in topics}

        def ranked() -> Iterable[Record]:
            from newsletter.daily import many

            return many.Spool(many.records(candidates, topics, examples, self._encoders))

        return await asyncio.to_thread(ranked)

    async def scored(self, edition: Edition, topics: Sequence[Topic], reader: Subscriber | None = None) -> list[Scored]:
        """All papers of `edition` as each of `topics` sees them; with a `reader`, as that reader's verdicts do."""
        candidates = await self.candidates(edition)
        verdicts = await self._verdicts([reader], edition) if reader else {}
        own = {slug: judged for (_, slug), judged in verdicts.items()}
        judged = {topic.slug: [*await self._examples_of(topic), *own.get(topic.slug, [])] for topic in topics}
        return await asyncio.to_thread(lambda: list(ranking.score(candidates, topics, judged, self._encoders)))

    async def personal(
        self,
        edition: Edition,
        rankings: Mapping[str, Ranking],
        readers: Sequence[Subscriber],
        at: Mapping[int, datetime] | None = None,
    ) -> dict[int, list[Ranking]]:
        """By reader's id, the rankings of `edition` that the reader's own verdicts change; `rankings` are the common
        ones, whose wording of the topics counts. Readers without verdicts on a topic they follow are left out. For
        readers in `at`, the verdicts count that stood at that moment."""
        verdicts = await self._verdicts(readers, edition, at)
        follows = {reader.id: frozenset(reader.follows) for reader in readers}
        changed = []
        for (reader, slug), judged in verdicts.items():
            common = rankings.get(slug)
            if slug in follows[reader] and common and common.topic:
                changed.append((reader, common.topic, [*await self._examples_of(common.topic), *judged]))
        if not changed:
            return {}
        candidates = await self.candidates(edition)
        asked = [(topic, judged) for _, topic, judged in changed]
        # In a thread, once for all readers: what they have in common is worked out once.
        made = await asyncio.to_thread(
            lambda: list(map(ranking.ranking, ranking.score_each(candidates, asked, self._encoders)))
        )
        found: dict[int, list[Ranking]] = defaultdict(list)
        for (reader, *_), own in zip(changed, made, strict=True):
            found[reader].append(own)
        return dict(found)

    async def candidates(self, edition: Edition) -> Candidates:
        """The papers of `edition` against those of the days before.

        The archive is counted once a week, on Monday; every other day the papers that came since are added.
        """
        key = (edition.day, edition.papers)
        if key not in self._candidates:
            papers = await self.papers(edition.papers, edition.day)
            ordered = [readable(papers[one]) for one in edition.papers]
            known = await self._background(edition.day, ordered)
            made = await asyncio.to_thread(lambda: ranking.Candidates(ordered, known))  # its import takes a while too
            # One is enough: editions are asked for day by day, and each holds an archive.
            self._candidates = {key: made}
        return self._candidates[key]

    async def papers(self, ids: Iterable[str], day: date) -> dict[str, Paper]:
        """The papers as they stood on `day`: later listings left out, so that an old edition can be made again."""
        return {
            number: replace(paper, listings=tuple(one for one in paper.listings if one.day <= day))
            for number, paper in (await self._store.papers.get(ids)).items()
        }

    async def _background(self, day: date, papers: Sequence[ReadablePaper]) -> Background:
        after, monday = day - timedelta(days=self.archive_days), day - timedelta(days=day.weekday())
        key = await self._store.papers.archive_key(after, monday)
        known = self._week[1] if self._week and self._week[0] == key else None
        known = known or await asyncio.to_thread(self._kept.load, key)
        if known is None:
            archive = await self._readable(after, monday)
            if len(archive) < ranking.IMAGINED:
                # So little is counted anew every day.
                return await asyncio.to_thread(ranking.background, await self._readable(after, day), papers)
            known = (await asyncio.to_thread(ranking.background, archive)).known
            await asyncio.to_thread(self._kept.save, key, known)
        self._week = (key, known)
        since = await self._readable(monday, day) if monday < day else []
        day_key = (key, tuple(paper.id for paper in since))
        if self._ground is None or self._ground[0] != day_key:
            self._ground = (
                day_key,
                await asyncio.to_thread(lambda: ranking.Background(ranking.extended(known, since))),
            )
        return self._ground[1]

    async def _readable(self, after: date, before: date) -> list[ReadablePaper]:
        found = await self._store.papers.archive(after, before)
        return await asyncio.to_thread(lambda: [readable(paper) for paper in found])

    async def _examples_of(self, topic: Topic) -> list[Judged]:
        return [judged for text in topic.examples if (judged := await self._example(text))]

    async def _example(self, text: str) -> Judged | None:
        """An example paper, by its id or its exact title, as one that is liked; one that nobody has seen yet counts
        with the words of its title."""
        if text not in self._examples:
            found = await self._store.papers.resolve(text, exactly=True)
            paper = found[0] if found else Paper(f"example:{text}", text, "")
            useful = bool(found) or " " in text.strip()
            self._examples[text] = ranking.Judged(readable(paper), Opinion.LIKE, example=True) if useful else None
        return self._examples[text]

    async def _verdicts(
        self, readers: Sequence[Subscriber], edition: Edition, at: Mapping[int, datetime] | None = None
    ) -> dict[tuple[int, str], list[Judged]]:
        """By reader and topic, the papers judged, oldest first: what was said, and what was shown and passed over."""
        said = await self._store.feedback.standing([reader.id for reader in readers], at)
        if not said:
            return {}
        judged = {reader: {one.paper: one for one in several} for reader, several in said.items()}
        shown = await self._shown(said.keys(), readers, edition)
        wanted = {one.paper for several in said.values() for one in several} | {one.paper for one in shown}
        papers = {number: readable(one) for number, one in (await self._store.papers.get(wanted)).items()}
        verdicts: dict[tuple[int, str], list[Judged]] = defaultdict(list)
        spoken = [one for several in said.values() for one in several]
        silent = [one for one in shown if one.paper not in judged[one.subscriber]]
        for one in sorted([*silent, *spoken], key=lambda one: (one.given, one.paper)):
            if one.paper in papers:
                age = max((edition.day - one.given.date()).days, 0)
                verdicts[one.subscriber, one.topic].append(ranking.Judged(papers[one.paper], one.opinion, age))
        topics = {(reader, one.topic) for reader, several in said.items() for one in several}
        return {key: several for key, several in verdicts.items() if key in topics}

    async def _shown(self, ids: Iterable[int], readers: Sequence[Subscriber], edition: Edition) -> list[Feedback]:
        """What the readers of these `ids` were shown before `edition`: the first picks of their topics, as many as a
        digest shows, in the editions since their first e-mail."""
        wanted = [reader for reader in readers if reader.id in set(ids)]
        first = await self._store.ledger.first_planned([one.id for one in wanted])
        after = edition.day - timedelta(days=SHOWN_DAYS)
        editions = [one for one in await self._store.editions.between(after, edition.day) if one.day < edition.day]
        personal = await self._store.editions.personal([one.id for one in wanted], [one.id for one in editions])
        found = []
        for one in editions:
            common = await self._store.editions.rankings(one.id, {slug for reader in wanted for slug in reader.follows})
            for reader in wanted:
                if reader.id not in first or one.day < first[reader.id]:
                    continue
                own = {**common, **personal.get((reader.id, one.id), {})}
                found.extend(_first_picks(reader, one, [own[slug] for slug in reader.follows if slug in own]))
        return found


def _first_picks(reader: Subscriber, edition: Edition, rankings: Iterable[Ranking]) -> list[Feedback]:
    given = datetime.combine(edition.day, time.min, UTC)
    return [
        Feedback(reader.id, one.slug, pick.paper, Opinion.SHOWN, given)
        for one in rankings
        if one.topic and one.slug != TRENDING
        for pick in one.picks[: one.topic.max_papers]
    ]
