"""The score of papers for topics, in parts that add up.

    score = (words + expansion + neighbours + authors + categories
             [+ static + static expansion] [+ neural + neural seeds]) / spread

Every part depends on the paper, the topic and the archive alone, never on the other papers of the day. The weights are
few and round: they were set by hand, and weights learnt on some topics did worse on others.

Many topics are measured at once. Every matrix has a line for each topic, and no line depends on another: it is the same
to the last bit whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import Opinion
from newsletter.ranking.archive import IMAGINED, IMAGINED_SHARE
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.embedding import Embedding
from newsletter.ranking.encoding import Encoder
from newsletter.ranking.learning import Judged
from newsletter.ranking.linking import NOWHERE, Links
from newsletter.ranking.query import Query
from newsletter.ranking.standing import best, z

Matrix = NDArray[np.float64]

WEIGHTS = {"words": 1.0, "expansion": 1.0, "neighbours": 1.0, "authors": 0.5, "categories": 2.0}

SEEDS = 20
MORE_SEEDS = 10
MOST_SEEDS = 60
"""The best papers of the archive for a topic's own words tell which other words go with them: SEEDS of them; all that
the reader liked and MORE_SEEDS others, up to MOST_SEEDS, when these are more."""

EXPANSION_TERMS = 50
"""Of the words that go with a topic, so many score the archive; the candidates are compared with the seeds' whole."""

WORDS_IMAGINED = 30

_ABREAST = 16
"""Topics whose papers are added up at once: so few that a processor's cache holds them."""

_FAR = 100.0
"""What a verdict adds to a guess, in standard deviations: more than any guess."""


@dataclass(frozen=True)
class Parts:
    """Topics x papers for each part, in standard deviations: their sum says how far above an ordinary paper one is.

    `spread` is what a topic's parts were divided by; `expansions` is topics x terms of the archive.
    """

    of: dict[str, Matrix]
    spread: Matrix
    expansions: sparse.csr_matrix

    def expansion(self, topic: int) -> NDArray[np.int32]:
        """The terms that go with the topic of that line in the archive, the strongest first."""
        first, end = self.expansions.indptr[topic : topic + 2]
        return np.asarray(self.expansions.indices[first:end])


class Measure:
    """Scores candidates; what does not depend on the topics is worked out once."""

    def __init__(self, candidates: Candidates, encoders: Sequence[Encoder] = ()) -> None:
        self.candidates = candidates
        self.background = candidates.background
        self._embeddings = [Embedding(one, candidates, len(encoders) > 1) for one in encoders]

    def parts(self, queries: Sequence[Query], judged: Sequence[Sequence[Judged]] | None = None) -> Parts:
        """The parts of the candidates' scores for topics that ask `queries`, each with what was `judged` for it."""
        ground, there = self.background, self.background.sample
        verdicts = [self._verdicts(several) for several in judged or [()] * len(queries)]
        known, day_words = self._words(queries)
        usual_words = known.take(there, axis=1)
        seeds = [_seeds(line, verdict) for line, verdict in zip(known, verdicts, strict=True)]
        expansions = self._expansions(seeds)
        more = _product(expansions.sorted_indices(), ground.turned)
        # In place: what is large takes longer to be given room than to be worked out.
        z(more, more.take(there, axis=1), out=more)
        more *= ground.trust
        more *= WEIGHTS["expansion"]
        known *= WEIGHTS["words"]
        known += more
        for line, verdict in zip(known, verdicts, strict=True):
            verdict.correct(line)
        turned = _turned(known)
        filed = ground.linking.of_categories @ turned
        found, usual = (
            self._gathered(words, links, likeness, turned, filed)
            for words, links, likeness in zip((day_words, usual_words), self._links, self._likeness(seeds), strict=True)
        )
        for embedding in self._embeddings:
            for name, (day, sample) in embedding.parts(queries, seeds).items():
                found[name], usual[name] = day, sample
        width = _spread(sum(usual.values(), np.zeros(1)), len(there) / (len(there) + IMAGINED))
        for part in found.values():
            part /= width[:, None]
            np.round(part, 4, out=part)
        return Parts(found, width, expansions)

    @property
    def _links(self) -> tuple[Links, Links]:
        return self.candidates.links, self.background.sample_links

    def _words(self, queries: Sequence[Query]) -> tuple[Matrix, Matrix]:
        """BM25 of the archive and of the candidates, as z-scores over the archive and the imagined papers."""
        # Topics of many readers are often the same ones.
        distinct = {id(one): one for one in queries}
        places = {one: place for place, one in enumerate(distinct)}
        known, day = self._words_of(list(distinct.values()))
        if len(distinct) == len(queries):
            return known, day
        lines = [places[id(one)] for one in queries]
        return known[lines], day[lines]

    def _words_of(self, queries: Sequence[Query]) -> tuple[Matrix, Matrix]:
        asked = self._asked(queries)
        known = _product(asked[:, : len(self.background.vocabulary)], self.background.saturated)
        day = _product(asked, self.candidates.saturated)
        ours = known.take(self.background.own, axis=1) if self.background.known.borrowed else known
        mean, spread = self._usual(queries, ours)
        for found in (known, day):
            found -= mean[:, None]
            found /= spread[:, None]
        return known, day

    def _asked(self, queries: Sequence[Query]) -> sparse.csr_matrix:
        """Topics x terms: the weights of the queries."""
        vocabulary = self.candidates.counts.vocabulary
        cells = [
            (topic, vocabulary[term], weight)
            for topic, one in enumerate(queries)
            for term, weight in one.weights.items()
            if term in vocabulary
        ]
        rows, columns, weights = np.array(cells, np.float64).reshape(-1, 3).T
        shape = (len(queries), len(vocabulary))
        return sparse.csr_matrix((weights, (rows.astype(np.int64), columns.astype(np.int64))), shape)

    def _usual(self, queries: Sequence[Query], known: Matrix) -> tuple[Matrix, Matrix]:
        """Mean and standard deviation of BM25 over the archive and the imagined papers, per topic. A word counts among
        the imagined ones whether or not anybody said it today: else one paper would move the others."""
        rarity = self.candidates.rarity_of
        worth = [[weight * rarity(term) for term, weight in one.weights.items()] for one in queries]
        # However much a topic asks for, an imagined paper says no more of it than of WORDS_IMAGINED words.
        share = np.array([IMAGINED_SHARE * min(1.0, WORDS_IMAGINED / max(len(values), 1)) for values in worth])
        mean = share * np.array([sum(values) for values in worth])
        square = share * (1 - share) * np.array([sum(value**2 for value in values) for values in worth]) + mean**2
        total = known.shape[1] + IMAGINED
        mean_all = (known.sum(axis=1) + IMAGINED * mean) / total
        square_all = ((known**2).sum(axis=1) + IMAGINED * square) / total
        spread = np.sqrt(np.maximum(square_all - mean_all**2, 0.0))
        return mean_all, np.where(spread > 1e-9, spread, 1.0)

    def _expansions(self, seeds: Sequence[NDArray[np.int64]]) -> sparse.csr_matrix:
        """Topics x terms: which words the topic's seeds have more of than the archive (Rocchio 1971), the strongest
        EXPANSION_TERMS of them."""
        # Only the seeds' own rows: the others would be turned to double precision with them.
        rows = np.concatenate([np.zeros(0, np.int64), *seeds])
        planted = _planted(seeds, self.background.size)
        planted = sparse.csr_matrix((planted.data, np.arange(len(rows)), planted.indptr), (len(seeds), len(rows)))
        near = planted @ self.background.vectors[rows]
        near.data -= self.background.mean[near.indices]
        strongest = [
            first + best(near.data[first:end], EXPANSION_TERMS, near.indices[first:end])
            for first, end in pairwise(near.indptr.tolist())
        ]
        ends = np.cumsum([0, *map(len, strongest)])
        places = np.concatenate([np.zeros(0, np.int64), *strongest])
        return sparse.csr_matrix((near.data[places], near.indices[places], ends), near.shape)

    def _likeness(self, seeds: Sequence[NDArray[np.int64]]) -> tuple[Matrix, Matrix]:
        """How much more the candidates, and the sample, are like the topics' seeds than like the archive, as z-scores:
        the expansion with all its terms."""
        planted = _planted(seeds, self.background.size)
        planted.data = planted.data.astype(np.float32)
        # A topic without seeds is like nothing.
        planned = np.diff(planted.indptr) > 0
        day, sample = (planted @ links.similar - np.outer(planned, links.usual) for links in self._links)
        return self.background.trust * z(day, sample), self.background.trust * z(sample, sample)

    def _gathered(self, words: Matrix, links: Links, more: Matrix, known: Matrix, filed: Matrix) -> dict[str, Matrix]:
        """The parts, topics x papers, of what the archive's papers scored (archive x topics), and its categories
        (categories x topics)."""
        trust = self.background.trust
        return {
            "words": WEIGHTS["words"] * words,
            "expansion": WEIGHTS["expansion"] * more,
            "neighbours": WEIGHTS["neighbours"] * trust * _turned(links.neighbours @ known),
            "authors": WEIGHTS["authors"] * trust * _turned(links.authors @ known),
            "categories": WEIGHTS["categories"] * trust * _turned(links.categories @ filed),
        }

    def _verdicts(self, judged: Sequence[Judged]) -> _Verdicts:
        rows = [(self.background.rows.get(one.paper.id, NOWHERE), one.opinion) for one in judged]
        liked = {row for row, opinion in rows if row != NOWHERE and opinion is Opinion.LIKE}
        others = {row for row, _ in rows if row != NOWHERE} - liked
        return _Verdicts(np.array(sorted(liked), np.int64), np.array(sorted(others), np.int64))


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """Rows of the archive that were liked, and others that were judged or passed over."""

    liked: NDArray[np.int64]
    others: NDArray[np.int64]

    def correct(self, known: Matrix) -> None:
        """Let what was said replace what was guessed about the archive's papers, in place."""
        if len(self.liked):
            known[self.liked] = np.maximum(known[self.liked], np.sort(known)[-min(SEEDS, len(known))])
        known[self.others] = np.minimum(known[self.others], 0.0)


def _seeds(words: Matrix, verdicts: _Verdicts) -> NDArray[np.int64]:
    if not len(verdicts.liked) and not len(verdicts.others):
        return best(words, SEEDS)
    ranked = words.copy()
    ranked[verdicts.liked] += _FAR
    ranked[verdicts.others] -= _FAR
    return best(ranked, max(SEEDS, min(len(verdicts.liked) + MORE_SEEDS, MOST_SEEDS)))


def _planted(seeds: Sequence[NDArray[np.int64]], size: int) -> sparse.csr_matrix:
    """Topics x archive: 1 / number of the topic's seeds, where they are."""
    ends = np.cumsum([0, *map(len, seeds)])
    rows = np.concatenate([np.zeros(0, np.int64), *seeds])
    shares = np.repeat([1 / max(len(one), 1) for one in seeds], np.diff(ends))
    return sparse.csr_matrix((shares, rows, ends), (len(seeds), size))


def _spread(usual: Matrix, share: float) -> Matrix:
    """How far scores spread among ordinary papers: those of the sample, which have this share, and the imagined ones
    with their words."""
    if not usual.shape[1]:
        return np.ones(len(usual))
    mean = share * usual.mean(axis=1)
    square = share * (usual**2).mean(axis=1) + (1 - share) * WEIGHTS["words"] ** 2
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 1e-9)))


def _product(topics: sparse.csr_matrix, terms: sparse.csr_matrix) -> Matrix:
    """Topics x terms times terms x papers. What comes of it is nearly dense: a sparse product would take four times as
    long. So the papers of a few topics are laid side by side, and the terms' columns are added up in their places, one
    after the other; each sum is made in the order of the terms."""
    found = np.zeros((topics.shape[0], terms.shape[1]))
    for first in range(0, len(found), _ABREAST):
        lines = found[first : first + _ABREAST]
        ends = topics.indptr[first : first + len(lines) + 1]
        asked, weights = topics.indices[ends[0] : ends[-1]], topics.data[ends[0] : ends[-1]]
        columns = terms[asked]
        begins = np.repeat(np.arange(len(lines), dtype=columns.indices.dtype) * terms.shape[1], np.diff(ends))
        columns.indices += np.repeat(begins, np.diff(columns.indptr))
        spread = sparse.csc_matrix((columns.data, columns.indices, columns.indptr), (lines.size, len(asked)))
        lines[:] = (spread @ weights).reshape(lines.shape)
    return found


def _turned(matrix: Matrix) -> Matrix:
    return np.ascontiguousarray(matrix.T)
