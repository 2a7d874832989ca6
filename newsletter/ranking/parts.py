"""The score of papers for topics, in parts that add up.

    score = (words + expansion + neighbours + authors + categories
             [+ static + static expansion] [+ neural + neural seeds]) / spread

Every part depends on the paper, the topic and the archive alone, never on the other papers of the day. The weights are
few and round: they were set by hand, and weights learnt on some topics did worse on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import Opinion
from newsletter.ranking.background import IMAGINED, IMAGINED_SHARE
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

_FAR = 100.0
"""What a verdict adds to a guess, in standard deviations: more than any guess."""


@dataclass(frozen=True)
class Parts:
    """Papers x topics for each part, in standard deviations: their sum says how far above an ordinary paper one is.

    `spread` is what a topic's parts were divided by; `expansions` is topics x terms, `names` are these terms.
    """

    of: dict[str, Matrix]
    spread: Matrix
    expansions: sparse.csr_matrix
    names: Sequence[str]

    def expansion_terms(self, topic: int) -> tuple[str, ...]:
        """The terms that go with the topic of that column in the archive, the strongest first."""
        first, end = self.expansions.indptr[topic : topic + 2]
        return tuple(self.names[column] for column in self.expansions.indices[first:end])


class Measure:
    """Scores candidates; what does not depend on the topics is worked out once."""

    def __init__(self, candidates: Candidates, encoders: Sequence[Encoder] = ()) -> None:
        self.candidates = candidates
        self.background = candidates.background
        self._archive = _widened(self.background.saturated, candidates.saturated.shape[1])
        self._embeddings = [Embedding(one, candidates, len(encoders) > 1) for one in encoders]

    def parts(self, queries: Sequence[Query], judged: Sequence[Sequence[Judged]] | None = None) -> Parts:
        """The parts of the candidates' scores for topics that ask `queries`, each with what was `judged` for it."""
        ground, there = self.background, self.background.sample
        verdicts = [self._verdicts(several) for several in judged or [()] * len(queries)]
        known_words, day_words = self._words(queries)
        seeds = [_seeds(column, verdict) for column, verdict in zip(known_words.T, verdicts, strict=True)]
        expansions = self._expansions(seeds)
        known_more = ground.trust * z(more := _product(ground.vectors, expansions), more[there])
        known = WEIGHTS["words"] * known_words + WEIGHTS["expansion"] * known_more
        for column, verdict in zip(known.T, verdicts, strict=True):
            verdict.correct(column)
        found, usual = (
            self._gathered(words, links, more, known)
            for words, links, more in zip(
                (day_words, known_words[there]), self._links, self._likeness(seeds), strict=True
            )
        )
        for embedding in self._embeddings:
            for name, (day, sample) in embedding.parts(queries, seeds).items():
                found[name], usual[name] = day, sample
        width = _spread(np.sum(list(usual.values()), axis=0), len(there) / (len(there) + IMAGINED))
        of = {name: np.round(part / width, 4) for name, part in found.items()}
        return Parts(of, width, expansions, ground.names)

    @property
    def _links(self) -> tuple[Links, Links]:
        return self.candidates.links, self.background.sample_links

    def _words(self, queries: Sequence[Query]) -> tuple[Matrix, Matrix]:
        """BM25 of the archive and of the candidates, as z-scores over the archive and the imagined papers."""
        ground, asked = self.background, self._asked(queries)
        known = np.asarray((self._archive @ asked).toarray(), np.float64)
        day = np.asarray((self.candidates.saturated @ asked).toarray(), np.float64)
        mean, spread = self._usual(queries, known[ground.own])
        return (known - mean) / spread, (day - mean) / spread

    def _asked(self, queries: Sequence[Query]) -> sparse.csr_matrix:
        """Terms x topics: the weights of the queries."""
        vocabulary = self.candidates.counts.vocabulary
        cells = [
            (vocabulary[term], topic, weight)
            for topic, one in enumerate(queries)
            for term, weight in one.weights.items()
            if term in vocabulary
        ]
        rows, columns, weights = np.array(cells, np.float64).reshape(-1, 3).T
        shape = (len(vocabulary), len(queries))
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
        total = len(known) + IMAGINED
        mean_all = (known.sum(axis=0) + IMAGINED * mean) / total
        square_all = ((known**2).sum(axis=0) + IMAGINED * square) / total
        spread = np.sqrt(np.maximum(square_all - mean_all**2, 0.0))
        return mean_all, np.where(spread > 1e-9, spread, 1.0)

    def _expansions(self, seeds: Sequence[NDArray[np.int64]]) -> sparse.csr_matrix:
        """Topics x terms: which words the topic's seeds have more of than the archive (Rocchio 1971), the strongest
        EXPANSION_TERMS of them."""
        near = (_planted(seeds, self.background.size) @ self.background.vectors).tocsr()
        near.sort_indices()
        near.data -= self.background.mean[near.indices]
        strongest = [
            first + best(near.data[first:end], EXPANSION_TERMS)
            for first, end in zip(near.indptr, near.indptr[1:], strict=False)
        ]
        ends = np.cumsum([0, *map(len, strongest)])
        places = np.concatenate([np.zeros(0, np.int64), *strongest])
        return sparse.csr_matrix((near.data[places], near.indices[places], ends), near.shape)

    def _likeness(self, seeds: Sequence[NDArray[np.int64]]) -> tuple[Matrix, Matrix]:
        """How much more the candidates, and the sample, are like the topics' seeds than like the archive, as z-scores:
        the expansion with all its terms."""
        planted = _planted(seeds, self.background.size)
        planted.data = planted.data.astype(np.float32)
        vectors = (self.candidates.vectors, self.background.vectors[self.background.sample])
        # A topic without seeds is like nothing.
        planned = np.diff(planted.indptr) > 0
        day, sample = (
            np.asarray((planted @ links.similar.T).T - np.outer(rows @ self.background.mean, planned), np.float64)
            for links, rows in zip(self._links, vectors, strict=True)
        )
        return self.background.trust * z(day, sample), self.background.trust * z(sample, sample)

    def _gathered(self, words: Matrix, links: Links, more: Matrix, known: Matrix) -> dict[str, Matrix]:
        trust = self.background.trust
        return {
            "words": WEIGHTS["words"] * words,
            "expansion": WEIGHTS["expansion"] * more,
            "neighbours": WEIGHTS["neighbours"] * trust * (links.neighbours @ known),
            "authors": WEIGHTS["authors"] * trust * (links.authors @ known),
            "categories": WEIGHTS["categories"] * trust * (links.categories @ (links.of_categories @ known)),
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
    if not len(usual):
        return np.ones(usual.shape[1])
    mean = share * usual.mean(axis=0)
    square = share * (usual**2).mean(axis=0) + (1 - share) * WEIGHTS["words"] ** 2
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 1e-9)))


def _product(vectors: sparse.csr_matrix, expansions: sparse.csr_matrix) -> Matrix:
    """Papers x topics. Most terms belong to no topic's expansion: only the others are multiplied, and densely."""
    used, places = np.unique(expansions.indices, return_inverse=True)
    narrow = sparse.csr_matrix((expansions.data, places, expansions.indptr), (expansions.shape[0], len(used)))
    return np.asarray(vectors[:, used] @ narrow.toarray().T.copy(), np.float64)


def _widened(matrix: sparse.csr_matrix, columns: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), (matrix.shape[0], columns))
