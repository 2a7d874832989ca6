"""What a reader's verdicts on papers add to the score of a topic.

A verdict replaces what was guessed about a paper of the archive (`parts.py`: liked papers tell which words go with the
topic, rejected ones no longer do). Here the rest is learnt: weighted ridge regression on the words and authors of the
papers (and their vectors, where an extra gives them), to +1 for what was liked and -1 for what was not, a spread of the
archive among it that stands for anything else. What was learnt is added to the topic's own score, which stays (most of
it, where there is no archive).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import Opinion, ReadablePaper
from newsletter.ranking.archive import Background
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.counting import count
from newsletter.ranking.encoding import Encoder, text_of
from newsletter.ranking.standing import unit

PENALTY = 0.01
"""Of the ridge regression, when the weights of either side add up to 1 (Hoerl & Kennard, Technometrics 12, 1970)."""
STEPS = 20
ENOUGH = 1e-3

GAIN = 3.0
HALF_GAIN = 5.0
"""Likes at which half the gain is reached."""
CAP = 12.0

FADE = 0.6
HALF_FADE = 20.0
"""Without an archive a topic knows nothing but its own words: then up to FADE of its score gives way to what was
learnt, half of it from HALF_FADE likes on."""

SPREAD_WEIGHT = 0.5
"""What each paper counts for that stands for anything."""
WEIGHT = {Opinion.LIKE: 1.0, Opinion.DISLIKE: 2.0, Opinion.SHOWN: 1.0}
LATEST = 400
"""So many of the latest likes, and of the latest others, are learnt from."""
HALF_LIFE = 180.0
"""Days after which a verdict counts half."""
OLDEST = 20 * HALF_LIFE
"""What is older counts no less: by then it is a millionth."""

AUTHORS = 0.4
STATIC = 0.6
"""How long the authors' and the vectors' parts of a paper's features are, where its words have length 1."""

NEAR = 0.12
"""The least likeness (cosine) to a liked paper that is worth a mention."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A paper on which a reader gave an opinion for a topic, `age` days ago. An `example` is one that the topic's own
    definition names."""

    paper: ReadablePaper
    opinion: Opinion
    age: float = 0.0
    example: bool = False

    @property
    def importance(self) -> float:
        """What the verdict counts for, from its kind and its age."""
        age = min(max(self.age, 0.0), OLDEST)
        return float(WEIGHT[self.opinion] * 0.5 ** (age / HALF_LIFE))


@dataclass(frozen=True)
class Taste:
    """What was learnt: `learned` is what each candidate gains or loses, `keep` the share of the topic's own score that
    stays. `likeness` to each of the `liked` papers is
    candidates x liked (cosines of their words)."""

    learned: NDArray[np.float64]
    keep: float
    liked: tuple[Judged, ...]
    likeness: NDArray[np.float64] = field(repr=False)

    def near(self, row: int) -> Judged | None:
        """The liked paper that the candidate of `row` is close to, if there is one."""
        if not self.liked:
            return None
        nearest = int(self.likeness[row].argmax())
        return self.liked[nearest] if self.likeness[row, nearest] >= NEAR else None


class Learner:
    """Learns tastes in one set of candidates; what does not depend on the reader is worked out once."""

    def __init__(self, candidates: Candidates, encoders: Sequence[Encoder] = ()) -> None:
        self._candidates = candidates
        self._ground: Background = candidates.background
        self._encoder = next((one for one in encoders if one.part == "static"), None)
        ground = self._ground
        rows, papers = ground.anything
        self._ids = [paper.id for paper in papers]
        self._mean = self._encoded(papers).mean(axis=0) if self._encoder and papers else np.zeros(0)
        self._spread = self._features(papers, ground.vectors[rows])
        self._day = self._features(candidates.papers, candidates.vectors)

    def taste(self, judged: Sequence[Judged]) -> Taste | None:
        """What `judged` (oldest first) teaches; None when nothing was liked or disliked."""
        liked = [one for one in judged if one.opinion is Opinion.LIKE][-LATEST:]
        others = [one for one in judged if one.opinion is not Opinion.LIKE][-LATEST:]
        said = liked or [one for one in others if one.opinion is Opinion.DISLIKE]
        if not said:
            return None
        examples = [*liked, *others]
        papers = [one.paper for one in examples]
        words = self._ground.vectorise(count(papers, self._ground.vocabulary))
        known = {paper.id for paper in papers}
        anything = self._spread[[row for row, identity in enumerate(self._ids) if identity not in known]]
        features = sparse.vstack([self._features(papers, words), anything], format="csr")
        importance = np.array([*(one.importance for one in examples), *[SPREAD_WEIGHT] * anything.shape[0]])
        good = np.zeros(len(importance), np.bool_)
        # Who has only said what they do not want may like anything else.
        good[slice(len(liked)) if liked else slice(len(others), None)] = True
        effective = sum(one.importance for one in said)
        learned = self._learned(features, good, importance, effective)
        return Taste(
            learned=learned if liked else np.minimum(learned, 0.0),
            keep=1 - min(FADE, len(liked) / (len(liked) + HALF_FADE)) if self._ground.known.borrowed else 1.0,
            liked=tuple(liked),
            likeness=self._likeness(liked, words[: len(liked)]),
        )

    def _likeness(self, liked: Sequence[Judged], words: sparse.csr_matrix) -> NDArray[np.float64]:
        """Candidates x liked; a paper is not like itself."""
        found = np.asarray((self._candidates.vectors @ words.T).todense(), np.float64)
        places = {one.paper.id: place for place, one in enumerate(liked)}
        for row, paper in enumerate(self._candidates.papers):
            if paper.id in places:
                found[row, places[paper.id]] = 0.0
        return found

    def _learned(
        self, features: sparse.csr_matrix, good: NDArray[np.bool_], importance: NDArray[np.float64], effective: float
    ) -> NDArray[np.float64]:
        weights = _ridge(features, good, importance)
        usual = (self._spread if self._spread.shape[0] else features) @ weights
        z = (self._day @ weights - usual.mean()) / max(float(usual.std()), 1e-9)
        return np.asarray(np.clip(GAIN * effective / (effective + HALF_GAIN) * z, -CAP, CAP))

    def _features(self, papers: Sequence[ReadablePaper], words: sparse.csr_matrix) -> sparse.csr_matrix:
        """Papers x (terms, authors that the archive knows, dimensions of the model)."""
        blocks = [words, AUTHORS * self._ground.linking.of_authors([paper.paper for paper in papers])]
        if self._encoder:
            blocks.append(sparse.csr_matrix(STATIC * unit(self._encoded(papers) - self._mean)))
        return sparse.hstack(blocks, format="csr", dtype=np.float64)

    def _encoded(self, papers: Sequence[ReadablePaper]) -> NDArray[np.float64]:
        assert self._encoder
        return np.asarray(self._encoder.vectors([text_of(paper) for paper in papers]), np.float64)


def _ridge(
    features: sparse.csr_matrix, good: NDArray[np.bool_], importance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weight of each column: least weighted squares from +1 (`good`) or -1, either side weighing 1, plus PENALTY
    times the weights' squares; the constant is free. A fixed number of conjugate gradient steps is enough and never
    varies. A column that only one example has teaches nothing."""
    found = np.zeros(features.shape[1])
    if good.all() or not good.any():
        return found
    columns = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]) >= 2)
    x = features[:, columns]
    turned = x.T.tocsr()
    share = importance / np.where(good, importance[good].sum(), importance[~good].sum())
    target = np.where(good, 1.0, -1.0)
    mean = turned @ share / share.sum()

    def normal(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        pushed = turned @ (share * (x @ weights)) - share.sum() * mean * float(mean @ weights)
        return np.asarray(pushed + PENALTY * weights)

    # Late: it takes a while to import, and only what readers said needs it.
    from scipy.sparse.linalg import LinearOperator, cg

    size = len(columns)
    right = turned @ (share * (target - share @ target / share.sum()))
    found[columns], _ = cg(LinearOperator((size, size), normal, dtype=np.float64), right, rtol=ENOUGH, maxiter=STEPS)
    return found
