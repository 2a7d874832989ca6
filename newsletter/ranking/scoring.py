"""The score of every paper for a topic, and the picks that come of it, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.model import TRENDING, Pick, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.encoding import Encoder
from newsletter.ranking.grouping import group
from newsletter.ranking.learning import Judged, Learner, Taste
from newsletter.ranking.matching import Term, term
from newsletter.ranking.parts import Measure, Parts
from newsletter.ranking.query import Query, query
from newsletter.ranking.reasons import MOST_REASONS, Fact, Sought, related, said
from newsletter.ranking.trend import Trends

FOLLOWED = 1000.0
"""Who is followed comes first: more than any other parts can make or take."""

CATEGORY = 0.5
"""What it is worth to be filed where the topic looks, and what it costs to be filed elsewhere."""

MOST_PICKS = 30
"""A ranking keeps at most this many picks beyond the topic's `max_papers`: more than any digest shows."""

MOST_TRENDING = 200

MEANING = ("static", "neural")
"""The parts that models of language add."""

BLOCK = 64
"""Topics that are measured at once: few enough for a processor's cache to hold what is known of them."""

LEAST_SCORE = 1e-4
"""Whatever a topic asks for, a paper that is no better than an ordinary one is no pick."""

LEAST_RARITY = 1.5
"""A word that about a fifth of all papers have is no reason; of a description, one that a twentieth have."""
LEAST_RARITY_DESCRIBED = 3.0


@dataclass(frozen=True)
class Scored:
    """All candidates as one topic sees them.

    `columns` are the parts by name, for each candidate a number of 4 digits; their sum is the score. `excluded` gives
    for rows that the topic does not want the word that excludes them; `followed` for rows that are always in the
    reason. `expansion` are the terms of the archive's vocabulary that go with the topic, the strongest first.
    """

    topic: Topic
    query: Query
    candidates: Candidates
    columns: Mapping[str, NDArray[np.float64]]
    excluded: Mapping[int, str]
    followed: Mapping[int, Reason]
    expansion: NDArray[np.int32]
    taste: Taste | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(self.columns)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Candidates x parts."""
        return np.stack(list(self.columns.values()), axis=1)

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """The score of each candidate."""
        return np.asarray(np.round(sum(self.columns.values()), 4))

    @cached_property
    def relevance(self) -> NDArray[np.float64]:
        """The score without the trend: what `min_score` is held against."""
        return np.asarray(np.round(self.score - self.columns["trend"], 4))

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Whether each candidate is free of excluded words."""
        found = np.ones(len(self.candidates.papers), np.bool_)
        found[list(self.excluded)] = False
        return found

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The rows of the candidates that are not excluded, best first; equal scores keep their order."""
        return self._best_first(self.wanted)

    @cached_property
    def picked(self) -> NDArray[np.int64]:
        """The rows that are picks, best first: relevant enough, or followed, and no near-duplicate of another pick."""
        enough = self.relevance >= max(self.topic.min_score, LEAST_SCORE)
        enough[list(self.followed)] = True
        rows = enough & self.wanted
        folded, heads = self.candidates.folds
        rows[folded] &= ~rows[heads]
        return self._best_first(rows)

    @cached_property
    def kept(self) -> tuple[list[int], tuple[str, ...]]:
        """The rows that are picks of the ranking, best first, and the ids of the papers that the topic would show if
        its wishes were others: those that are excluded, nearly the same as others, or too many."""
        most, (ids, places) = MOST_PICKS + self.topic.max_papers, self.candidates.places
        kept = self.picked[:most]
        out = np.zeros(len(ids), np.bool_)
        for rows in (list(self.excluded), self.picked[most:], self.candidates.folds[0]):
            out[places[rows]] = True
        out[places[kept]] = False
        return kept.tolist(), tuple([ids[place] for place in np.flatnonzero(out).tolist()])

    def _best_first(self, which: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.flatnonzero(which)
        return rows[np.argsort(-self.score[rows], kind="stable")]

    def pick(self, row: int) -> Pick:
        """The candidate of `row` as a pick, whether or not it is one."""
        return self.picks([row])[0]

    def picks(self, rows: Sequence[int]) -> tuple[Pick, ...]:
        """The candidates of `rows` as picks."""
        ids, slug, names = self.candidates.ids, self.topic.slug, self.parts
        return tuple(
            [
                Pick(
                    ids[row],
                    slug,
                    score,
                    tuple([pair for pair in zip(names, own, strict=True) if pair[1]]),
                    self.reasons(row),
                )
                for row, score, own in zip(
                    rows, self.score[list(rows)].tolist(), self.values[list(rows)].tolist(), strict=True
                )
            ]
        )

    def reasons(self, row: int) -> tuple[Reason, ...]:
        """Why the candidate of `row` was picked, or could be: the best reason first."""
        return tuple([Reason(kind, values) for kind, values in self.facts(row)])

    def facts(self, row: int) -> list[Fact]:
        """The same, kind and values of each."""
        followed = self.followed.get(row)
        found: list[Fact] = [(followed.kind, followed.values)] if followed else []
        words = self._words(row)
        found += words[:1]
        near = self.taste.near(row) if self.taste else None
        if near:
            found.append((Why.EXAMPLE if near.example else Why.LIKED, (near.paper.title,)))
        found += words[1:]
        if not found and self._is_near_in_meaning(row):
            found.append((Why.MEANING, ()))
        trend = self.candidates.trending[row].reason
        if not trend:
            return found[:MOST_REASONS]
        return [*found[: MOST_REASONS - 1], (trend.kind, trend.values)]

    def _is_near_in_meaning(self, row: int) -> bool:
        """Whether the models of language speak for the candidate."""
        return sum(float(column[row]) for part, column in self.columns.items() if part.split()[0] in MEANING) > 0

    # What to look for in a paper to say why: what the topic is named by before what describes it, phrases first, then
    # the rarest. Words that are everywhere tell nobody anything.
    @cached_property
    def _named(self) -> list[Sought]:
        return self.candidates.sought(self.query.named, LEAST_RARITY)

    @cached_property
    def _described(self) -> list[Sought]:
        return self.candidates.sought(self.query.described, LEAST_RARITY_DESCRIBED)

    @property
    def related(self) -> tuple[str, ...]:
        """The terms that go with the topic in the archive, the strongest first."""
        names = self.candidates.background.names
        return tuple([names[column] for column in self.expansion.tolist()])

    @cached_property
    def _related(self) -> list[Term]:
        """Of the words that go with the topic in the archive, those that tell something."""
        known = self.candidates.related
        return [one for column in self.expansion.tolist() if (one := known(column, LEAST_RARITY_DESCRIBED))]

    def _words(self, row: int) -> list[Fact]:
        document = self.candidates.document(row)
        found = said(self._named, row, document) or said(self._described, row, document)
        if found:
            return found
        also = related(document, self._related)
        return [also] if also else []


def score(
    candidates: Candidates,
    topics: Sequence[Topic],
    judged: Mapping[str, Sequence[Judged]] | None = None,
    encoders: Sequence[Encoder] = (),
) -> Iterator[Scored]:
    """Score all `candidates` for each of `topics`, in order.

    `judged` holds, by slug, the papers on which there is an opinion, oldest first; `encoders` are the models whose
    parts the score has too.
    """
    said = judged or {}
    return score_each(candidates, [(topic, said.get(topic.slug, ())) for topic in topics], encoders)


def score_each(
    candidates: Candidates, asked: Sequence[tuple[Topic, Sequence[Judged]]], encoders: Sequence[Encoder] = ()
) -> Iterator[Scored]:
    """The same for topics that come with what was judged for them, oldest first: those of many readers at once. Each is
    scored as if it were alone; what topics that are equal have in common is worked out once for those side by side."""
    measure = Measure(candidates, encoders)
    learner = Learner(candidates, encoders) if any(judged for _, judged in asked) else None
    for first in range(0, len(asked), BLOCK):
        block = asked[first : first + BLOCK]
        queries = {topic: query(topic) for topic in dict.fromkeys(topic for topic, _ in block)}
        parts = measure.parts([queries[topic] for topic, _ in block], [judged for _, judged in block])
        for place, (topic, judged) in enumerate(block):
            learned = learner.taste(judged) if learner and judged else None
            yield _scored(candidates, topic, queries[topic], parts, place, learned)


def _scored(
    candidates: Candidates, topic: Topic, asked: Query, parts: Parts, place: int, learned: Taste | None
) -> Scored:
    columns = {name: values[place] for name, values in parts.of.items()}
    if learned:
        columns = {name: np.round(values * learned.keep, 4) for name, values in columns.items()}
        columns["learned"] = np.round(learned.learned / parts.spread[place], 4)
    followed = candidates.followed(topic)
    if topic.authors or topic.institutions:
        columns["followed"] = np.zeros(len(candidates.papers))
        columns["followed"][list(followed)] = FOLLOWED
    if topic.categories:
        columns["categories"] = np.round(columns["categories"] + CATEGORY * candidates.filed(topic.categories), 4)
    columns["trend"] = candidates.trend
    return Scored(
        topic=topic,
        query=asked,
        candidates=candidates,
        columns=columns,
        excluded=_excluded(candidates, topic),
        followed=followed,
        expansion=parts.expansion(place),
        taste=learned,
    )


def rank(
    candidates: Candidates,
    topics: Sequence[Topic],
    judged: Mapping[str, Sequence[Judged]] | None = None,
    encoders: Sequence[Encoder] = (),
) -> list[Ranking]:
    """Rank `candidates` for each topic, and once without a topic (*Trending*), best first.

    A paper is a pick of a topic when none of the excluded words occurs in it and its relevance is at least the topic's
    `min_score`, or when the topic follows one of its authors. Equal scores keep the order of the candidates. Same
    input, same output, on any machine: parts are rounded to 4 digits. The other arguments are those of `score`.
    """
    return [*map(ranking, score(candidates, topics, judged, encoders)), trending(candidates)]


def ranking(scored: Scored) -> Ranking:
    """The picks of a topic."""
    kept, kept_out = scored.kept
    return Ranking(scored.topic, scored.picks(kept), kept_out)


def trending(candidates: Candidates) -> Ranking:
    """The papers by what others think of them, near-duplicates under the first one, and what they are about."""
    papers = [paper for row, paper in enumerate(candidates.papers) if row not in candidates.folded]
    # The sort is stable: equal scores keep the page's order.
    picks = sorted((_trending(paper, candidates.trends) for paper in papers), key=lambda pick: -pick.score)
    shown = picks[:MOST_TRENDING]
    by_id = {paper.id: paper for paper in papers}
    groups = group([by_id[pick.paper] for pick in shown])
    kept_out = tuple(sorted(candidates.papers[row].id for row in candidates.folded))
    return Ranking(None, tuple(shown), kept_out, groups)


def _trending(paper: ReadablePaper, trends: Trends) -> Pick:
    trend, again = trends.of(paper), trends.again(paper)
    found = [one for one in (trend.reason, trends.best(paper)) if one]
    if again:
        found.append(Reason(Why.AGAIN, (len({listing.day for listing in paper.paper.listings}),)))
    parts = (("trend", trend.part), ("again", again))
    return Pick(paper.id, TRENDING, round(trend.part + again, 4), parts, tuple(dict.fromkeys(found)))


def _excluded(candidates: Candidates, topic: Topic) -> dict[int, str]:
    found: dict[int, str] = {}
    for word in topic.exclude:
        if wanted := term(word):
            for row in candidates.having(wanted):
                found.setdefault(row, word)
    return found
