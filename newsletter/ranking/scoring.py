"""The score of every paper for a topic, and the picks that come of it, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.model import TRENDING, Pick, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.ranking import following, reasons
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.encoding import Encoder
from newsletter.ranking.grouping import group
from newsletter.ranking.learning import Judged, Learner, Taste
from newsletter.ranking.matching import Term, term
from newsletter.ranking.parts import Measure, Parts
from newsletter.ranking.query import Query, query
from newsletter.ranking.trend import Trends
from newsletter.ranking.words import is_telling

FOLLOWED = 1000.0
"""Who is followed comes first: more than any other parts can make or take."""

CATEGORY = 0.5
"""What it is worth to be filed where the topic looks, and what it costs to be filed elsewhere."""

MOST_PICKS = 30
"""A ranking keeps at most this many picks beyond the topic's `max_papers`: more than any digest shows."""

MOST_TRENDING = 200

BLOCK = 256

LEAST_SCORE = 1e-4
"""Whatever a topic asks for, a paper that is no better than an ordinary one is no pick."""

LEAST_RARITY = 1.5
"""A word that about a fifth of all papers have is no reason; of a description, one that a twentieth have."""
LEAST_RARITY_DESCRIBED = 3.0


@dataclass(frozen=True)
class Scored:
    """All candidates as one topic sees them.

    `parts` name the columns of `values` (candidates x parts, rounded to 4 digits), whose sum is the score. `excluded`
    gives for rows that the topic does not want the word that excludes them; `followed` for rows that are always in
    the reason.
    """

    topic: Topic
    query: Query
    candidates: Candidates
    parts: tuple[str, ...]
    values: NDArray[np.float64]
    excluded: Mapping[int, str]
    followed: Mapping[int, Reason]
    related: tuple[str, ...] = ()
    taste: Taste | None = None

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """The score of each candidate."""
        return np.asarray(np.round(self.values.sum(axis=1), 4))

    @cached_property
    def relevance(self) -> NDArray[np.float64]:
        """The score without the trend: what `min_score` is held against."""
        return np.asarray(np.round(self.score - self.values[:, self.parts.index("trend")], 4))

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
        for row, head in self.candidates.folded.items():
            rows[row] &= not rows[head]
        return self._best_first(rows)

    def _best_first(self, which: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.flatnonzero(which)
        return rows[np.argsort(-self.score[rows], kind="stable")]

    def pick(self, row: int) -> Pick:
        """The candidate of `row` as a pick, whether or not it is one."""
        values = self.values[row]
        parts = tuple((name, float(value)) for name, value in zip(self.parts, values, strict=True) if value)
        return Pick(self.candidates.papers[row].id, self.topic.slug, float(self.score[row]), parts, self.reasons(row))

    def reasons(self, row: int) -> tuple[Reason, ...]:
        """Why the candidate of `row` was picked, or could be: the best reason first."""
        found = [self.followed[row]] if row in self.followed else []
        words = self._words(row)
        found += words[:1]
        near = self.taste.near(row) if self.taste else None
        if near:
            found.append(Reason(Why.EXAMPLE if near.example else Why.LIKED, (near.paper.title,)))
        found += words[1:]
        trend = self.candidates.trending[row].reason
        return (*found[: reasons.MOST_REASONS - bool(trend)], *([trend] if trend else []))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What to look for in a paper to say why: what the topic is named by before what describes it, phrases first,
        then the rarest. Words that are everywhere tell nobody anything."""
        return (*self._named, *self._described)

    @cached_property
    def _named(self) -> Mapping[Term, Set[int]]:
        return self._telling(self.query.named, LEAST_RARITY)

    @cached_property
    def _described(self) -> Mapping[Term, Set[int]]:
        return self._telling(self.query.described, LEAST_RARITY_DESCRIBED)

    def _telling(self, terms: Sequence[Term], least: float) -> Mapping[Term, Set[int]]:
        """The terms that may stand somewhere, and the rows of the papers with their words."""
        worth = {wanted: self.candidates.worth(wanted) for wanted in terms}
        kept = sorted((wanted for wanted in terms if worth[wanted] >= least), key=lambda wanted: -worth[wanted])
        return {wanted: rows for wanted in kept if (rows := self.candidates.with_words(wanted))}

    @cached_property
    def _related(self) -> list[str]:
        """Of the words that go with the topic in the archive, those that tell something."""
        telling = [term for term in self.related if all(map(is_telling, term.split(" ")))]
        return [term for term in telling if self.candidates.rarity_of(term) >= LEAST_RARITY_DESCRIBED]

    def _words(self, row: int) -> list[Reason]:
        document = self.candidates.document(row)
        for terms in (self._named, self._described):
            if found := reasons.said(document, [wanted for wanted, rows in terms.items() if row in rows]):
                return found
        related = reasons.related(document, self._related)
        return [related] if related else []


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
    measure, judged = Measure(candidates, encoders), judged or {}
    learner = Learner(candidates, encoders) if any(judged.values()) else None
    for first in range(0, len(topics), BLOCK):
        block = topics[first : first + BLOCK]
        queries = [query(topic) for topic in block]
        verdicts = [judged.get(topic.slug, ()) for topic in block]
        parts = measure.parts(queries, verdicts)
        for place, (topic, asked, said) in enumerate(zip(block, queries, verdicts, strict=True)):
            learned = learner.taste(said) if learner and said else None
            yield _scored(candidates, topic, asked, parts, place, learned)


def _scored(
    candidates: Candidates, topic: Topic, asked: Query, parts: Parts, place: int, learned: Taste | None
) -> Scored:
    columns = {name: values[:, place] for name, values in parts.of.items()}
    if learned:
        columns = {name: np.round(values * learned.keep, 4) for name, values in columns.items()}
        columns["learned"] = np.round(learned.learned / parts.spread[place], 4)
    followed = _followed(candidates, topic)
    if topic.authors or topic.institutions:
        columns["followed"] = np.array([FOLLOWED if row in followed else 0.0 for row in range(len(candidates.papers))])
    if topic.categories:
        columns["categories"] = np.round(columns["categories"] + _filed(candidates.papers, topic), 4)
    columns["trend"] = candidates.trend
    return Scored(
        topic=topic,
        query=asked,
        candidates=candidates,
        parts=tuple(columns),
        values=np.stack(list(columns.values()), axis=1),
        excluded=_excluded(candidates, topic),
        followed=followed,
        related=parts.expansion_terms(place),
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
    candidates, most = scored.candidates, MOST_PICKS + scored.topic.max_papers
    kept, too_many = scored.picked[:most], scored.picked[most:]
    kept_out = {candidates.papers[row].id for row in (*scored.excluded, *too_many, *candidates.folded)}
    kept_out -= {candidates.papers[row].id for row in kept}
    return Ranking(scored.topic, tuple(scored.pick(int(row)) for row in kept), tuple(sorted(kept_out)))


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


def _followed(candidates: Candidates, topic: Topic) -> dict[int, Reason]:
    found = {}
    if topic.authors or topic.institutions:
        for row, paper in enumerate(candidates.papers):
            if author := following.followed_author(topic, paper.paper):
                found[row] = Reason(Why.AUTHOR, (author,))
            elif institution := following.followed_institution(topic, paper.paper):
                found[row] = Reason(Why.INSTITUTION, (institution,))
    return found


def _filed(papers: Sequence[ReadablePaper], topic: Topic) -> NDArray[np.float64]:
    """A soft preference; a paper of which nobody says where it is filed neither gains nor loses."""
    wanted = set(topic.categories)

    def worth(categories: Sequence[str]) -> float:
        if not categories:
            return 0.0
        # "math" means all of "math.AG", "math.CO"...
        return CATEGORY if any(one in wanted or one.split(".")[0] in wanted for one in categories) else -CATEGORY

    return np.array([worth(paper.paper.categories) for paper in papers])
