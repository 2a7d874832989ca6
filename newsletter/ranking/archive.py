"""What papers are usually like: the archive that a topic's scores are measured against.

Every statistic here is of the archive alone, never of the papers that are ranked. So a score means the same on every
day, a day without anything for a topic is seen as one, and a paper more changes nothing for the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import ReadablePaper
from newsletter.ranking.counting import Counts, common, count
from newsletter.ranking.linking import Linking, Links

# BM25 as in Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3.4.
K1 = 1.2
B = 0.75

# A young archive holds too little to know what is usual. So that scores mean the same from the first day on, it is
# helped by imagined papers, of this length, in which each word of a topic stands this often; ten thousand real ones
# drown them.
IMAGINED = 200
IMAGINED_LENGTH = 160.0
IMAGINED_SHARE = 0.03

LEAST_PAPERS = 2
"""A term counts for the likeness of papers when so many papers of the archive have it."""

SAMPLE = 400
"""So many papers of the archive show how far a topic's scores usually spread."""

SPREAD = 300
"""So many stand for anything that a reader has said nothing about."""


@dataclass(frozen=True)
class Known:
    """What is kept of the archive: its papers in the order of their ids, and what they say.

    Where there was too little of it, papers that are to be ranked were counted with it: their rows are `borrowed`.
    """

    papers: tuple[ReadablePaper, ...]
    counts: Counts
    borrowed: tuple[int, ...] = ()


class Background:
    """An archive, ready to rank other papers against. Made of papers by `background`."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.size = len(known.papers)
        self.vocabulary = known.counts.vocabulary
        self.rows = {paper.id: row for row, paper in enumerate(known.papers)}
        columns = len(self.vocabulary)
        self.frequency = np.bincount(known.counts.frequencies.indices, minlength=columns)

    @cached_property
    def names(self) -> list[str]:
        """The terms of the vocabulary in the order of their columns."""
        return list(self.vocabulary)

    @cached_property
    def own(self) -> NDArray[np.int64]:
        """The rows that are not borrowed: what is usual is seen from them."""
        return np.setdiff1d(np.arange(self.size), self.known.borrowed)

    @cached_property
    def rarest(self) -> float:
        """The rarity of a term that no paper has."""
        having = IMAGINED * IMAGINED_SHARE
        return math.log(1 + (self.size + IMAGINED - having + 0.5) / (having + 0.5))

    @cached_property
    def usual_length(self) -> float:
        """In stems, the imagined papers included."""
        total = float(self.known.counts.lengths.sum()) + IMAGINED * IMAGINED_LENGTH
        return total / (self.size + IMAGINED)

    @property
    def trust(self) -> float:
        """How far the archive is to be trusted to know what goes with a topic: near 1 from thousands of papers on. 0
        when it is borrowed, for then papers would vouch for each other."""
        return 0.0 if self.known.borrowed else float((self.size / (self.size + IMAGINED)) ** 2)

    def rarity(self, frequency: NDArray[np.int64]) -> NDArray[np.float64]:
        """BM25's inverse document frequency of terms that so many papers of the archive have.

        Where papers were borrowed, at least half of what it can be: who asks for a word means it, also on a first day
        that is full of it.
        """
        total, having = self.size + IMAGINED, frequency + IMAGINED * IMAGINED_SHARE
        rarity = np.asarray(np.log(1 + (total - having + 0.5) / (having + 0.5)), np.float64)
        return np.maximum(rarity, self.rarest / 2) if self.known.borrowed else rarity

    @cached_property
    def saturated(self) -> sparse.csr_matrix:
        """Terms x the archive's papers as BM25 weighs them."""
        return self.saturate(self.known.counts)

    def saturate(self, counts: Counts) -> sparse.csr_matrix:
        """Terms x papers: BM25's term frequency factor (0 to K1 + 1) times the rarity, in the order of `counts`."""
        matrix = counts.frequencies
        having = np.zeros(matrix.shape[1], np.int64)
        having[: len(self.frequency)] = self.frequency
        norm = np.repeat(K1 * (1 - B + B * counts.lengths / self.usual_length), np.diff(matrix.indptr))
        values = matrix.data * (K1 + 1) / (matrix.data + norm) * self.rarity(having)[matrix.indices]
        weighed = sparse.csr_matrix((values.astype(np.float32), matrix.indices, matrix.indptr), matrix.shape)
        return weighed.T.tocsr()

    @cached_property
    def vectors(self) -> sparse.csr_matrix:
        """The archive's papers x terms: TF-IDF of length 1."""
        return self.vectorise(self.known.counts)

    @cached_property
    def turned(self) -> sparse.csr_matrix:
        """The same, terms x papers."""
        return self.vectors.T.tocsr()

    def vectorise(self, counts: Counts) -> sparse.csr_matrix:
        """Papers x the archive's terms: TF-IDF with logarithmic counts, of length 1 (all zeros where no term is
        known)."""
        matrix = counts.frequencies[:, : len(self.vocabulary)].tocsr()
        inverse = np.log((1 + self.size) / (1 + self.frequency)) + 1
        inverse *= self.frequency >= min(LEAST_PAPERS, self.size)
        values = (1 + np.log(matrix.data)) * inverse[matrix.indices]
        weighted = sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)
        weighted.eliminate_zeros()
        norms = np.sqrt(
            np.bincount(
                np.repeat(np.arange(matrix.shape[0]), np.diff(weighted.indptr)),
                weighted.data**2,
                minlength=matrix.shape[0],
            )
        )
        weighted.data = weighted.data / np.repeat(np.maximum(norms, 1e-9), np.diff(weighted.indptr))
        return weighted.astype(np.float32)

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """The archive's mean vector."""
        return (
            np.asarray(self.vectors.mean(axis=0), np.float64).ravel() if self.size else np.zeros(len(self.vocabulary))
        )

    @cached_property
    def sample(self) -> NDArray[np.int64]:
        """The rows that show what is usual."""
        return _spread(self.own, SAMPLE)

    def spread(self, most: int) -> NDArray[np.int64]:
        """At most so many rows, evenly spread, of the borrowed ones too: nothing is drawn."""
        return _spread(np.arange(self.size), most)

    @cached_property
    def anything(self) -> tuple[NDArray[np.int64], tuple[ReadablePaper, ...]]:
        """Rows that stand for anything at all, and their papers."""
        rows = self.spread(SPREAD)
        return rows, tuple([self.known.papers[row] for row in rows])

    def without_texts(self) -> Background:
        """The same without the archive's papers, good for all that is ranked without a model of language: what they
        say is counted. What is needed of them has to be worked out before (`Candidates.prepare`)."""
        made = copy(self)
        made.known = replace(self.known, papers=())
        return made

    @cached_property
    def linking(self) -> Linking:
        """What hangs together with the archive's papers."""
        return Linking(self.turned, self.mean, [paper.paper for paper in self.known.papers])

    @cached_property
    def sample_links(self) -> Links:
        """How the sample hangs together with the rest of the archive."""
        papers = [self.known.papers[row].paper for row in self.sample]
        return self.linking.links(self.vectors[self.sample], papers, self.sample)


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64))]


def background(archive: Sequence[ReadablePaper], papers: Sequence[ReadablePaper] = ()) -> Background:
    """The background that `archive` makes, in whatever order; papers of the same id count once.

    An archive of fewer than IMAGINED papers knows too few words: then `papers`, those to be ranked, are borrowed.
    """
    several = [*archive, *papers] if len(archive) < IMAGINED else list(archive)
    known = sorted({one.id: one for one in reversed(several)}.values(), key=lambda one: one.id)
    ours = {one.id for one in archive}
    borrowed = tuple(row for row, one in enumerate(known) if one.id not in ours)
    return Background(Known(tuple(known), common(count(known)), borrowed))


def extended(known: Known, papers: Sequence[ReadablePaper]) -> Known:
    """`known`, a counted archive, and the papers that came since, which take the time to count them alone."""
    ids = {paper.id for paper in known.papers}
    new = sorted({one.id: one for one in reversed(papers) if one.id not in ids}.values(), key=lambda one: one.id)
    if not new:
        return known
    counts = count(new, known.counts.vocabulary)
    before = known.counts.frequencies
    widened = sparse.csr_matrix((before.data, before.indices, before.indptr), (before.shape[0], len(counts.vocabulary)))
    frequencies = sparse.vstack([widened, counts.frequencies], format="csr")
    lengths = np.concatenate([known.counts.lengths, counts.lengths])
    return Known((*known.papers, *new), Counts(frequencies, counts.vocabulary, lengths), known.borrowed)
