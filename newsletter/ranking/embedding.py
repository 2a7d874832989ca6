"""The parts of the score that a model of language gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from newsletter.model import ReadablePaper
from newsletter.ranking.archive import SAMPLE
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.encoding import Encoder, text_of
from newsletter.ranking.query import Query
from newsletter.ranking.standing import unit, z

Matrix = NDArray[np.float64]

WEIGHTS = {"static": 0.5, "static expansion": 1.0, "neural": 2.0, "neural seeds": 2.0}

BESIDE_NEURAL = 0.5
"""What the parts of `static` count for when `neural` gives the same, and better."""

NEAREST = 5
"""Neural vectors are compared with so many of a topic's seeds, the nearest; static ones with the mean of all."""


class Embedding:
    """Candidates, and what of the archive they are compared with, as vectors of one model.

    Only the candidates, the sample of the archive and the topics' seeds are ever encoded: a model may take 50 ms a
    paper. `several` tells that it is not the only model.
    """

    def __init__(self, encoder: Encoder, candidates: Candidates, several: bool) -> None:
        self._encoder = encoder
        self._ground = candidates.background
        self._share = BESIDE_NEURAL if several and encoder.part == "static" else 1.0
        self._day = self._papers(candidates.papers)
        self._sample = self._rows(self._ground.sample)
        # What is usual can be seen from borrowed papers too: they are not asked to vouch for each other here.
        self._usual = self._rows(self._ground.spread(SAMPLE)) if self._ground.known.borrowed else self._sample
        self._mean = self._usual.mean(axis=0) if len(self._usual) else np.zeros(self._day.shape[1:])

    def parts(self, queries: Sequence[Query], seeds: Sequence[NDArray[np.int64]]) -> dict[str, tuple[Matrix, Matrix]]:
        """By its name each part for the candidates and for the sample, topics x papers, not yet divided by the spread:
        how near the topic's own text is, and how near its seeds (rows of the archive) are."""
        first, second = ("static", "static expansion") if self._encoder.part == "static" else ("neural", "neural seeds")
        texts = self._encoded([one.text for one in queries])
        vectors = self._seeds(seeds)
        nearest = 0 if self._encoder.part == "static" else NEAREST
        several = (self._day, self._sample, self._usual)
        found = {}
        for name, trust, measured in (
            (first, 1.0, [_against(rows, texts) for rows in several]),
            (second, self._ground.trust, [self._near(rows, vectors, nearest) for rows in several]),
        ):
            day, sample = (self._share * WEIGHTS[name] * trust * z(rows, measured[2]) for rows in measured[:2])
            found[name] = (day, sample)
        return found

    def _seeds(self, seeds: Sequence[NDArray[np.int64]]) -> list[Matrix]:
        """The vectors of each topic's seeds; a paper that several topics have is encoded once."""
        rows = np.unique(np.concatenate([np.zeros(0, np.int64), *seeds]))
        vectors = self._centred(self._rows(rows))
        return [vectors[np.searchsorted(rows, several)] for several in seeds]

    def _near(self, papers: Matrix, seeds: Sequence[Matrix], nearest: int) -> Matrix:
        """Topics x papers: the mean likeness to the topic's seeds, or to the `nearest` of them."""
        centred = self._centred(papers)
        found = np.zeros((len(seeds), len(papers)))
        for line, vectors in zip(found, seeds, strict=True):
            similar = centred @ vectors.T
            kept = np.sort(similar, axis=1)[:, -nearest:] if nearest else similar
            if kept.shape[1]:
                line[:] = kept.mean(axis=1)
        return found

    def _centred(self, vectors: Matrix) -> Matrix:
        return unit(vectors - self._mean) if len(vectors) else vectors

    def _rows(self, rows: NDArray[np.int64]) -> Matrix:
        return self._papers([self._ground.known.papers[row] for row in rows])

    def _papers(self, papers: Sequence[ReadablePaper]) -> Matrix:
        return self._encoded([text_of(paper) for paper in papers])

    def _encoded(self, texts: Sequence[str]) -> Matrix:
        return np.asarray(self._encoder.vectors(texts), np.float64)


def _against(papers: Matrix, texts: Matrix) -> Matrix:
    """Topics x papers: the likeness of each. One by one: a product of matrices rounds otherwise than its parts."""
    return np.array([papers @ text for text in texts]).reshape(len(texts), len(papers))
