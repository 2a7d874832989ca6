"""How good an order of papers is, and how sure we are of the mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

SHOWN = 10
RESAMPLES = 10_000


def best_first(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows by falling score; equal scores keep their order, also where they differ by a rounding error."""
    return np.argsort(-np.round(scores, 9), kind="stable")


def ndcg(hits: Sequence[bool], relevant: int) -> float:
    """Normalised discounted cumulative gain of the first ten with gains of 0 and 1 (Järvelin & Kekäläinen 2002).

    `hits`: whether each of the first is relevant; `relevant`: how many there are in all, at least one.
    """
    discounts = 1 / np.log2(np.arange(2, SHOWN + 2))
    gained = float(discounts[: len(hits[:SHOWN])] @ np.asarray(hits[:SHOWN], float))
    return gained / float(discounts[: min(SHOWN, relevant)].sum())


def recall(hits: Sequence[bool], relevant: int) -> float:
    """The share of the day's relevant papers that is among the first ten."""
    return sum(hits[:SHOWN]) / relevant


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over topics with the bounds of its 95% confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass
class Figures:
    """nDCG@10 and recall@10 by method, topic and day."""

    of: dict[str, dict[str, dict[date, tuple[float, float]]]] = field(default_factory=dict)

    def add(self, method: str, topic: str, day: date, order: Iterable[str], relevant: frozenset[str]) -> None:
        """`order` are the ids of all papers of the day, best first; days without a relevant one do not count."""
        several = list(order)
        total = sum(one in relevant for one in several)
        if total:
            hits = [one in relevant for one in several[:SHOWN]]
            by_day = self.of.setdefault(method, {}).setdefault(topic, {})
            by_day[day] = ndcg(hits, total), recall(hits, total)

    def topics(self, method: str) -> NDArray[np.float64]:
        """Topics x (nDCG, recall): means over the days of each topic."""
        by_topic = self.of[method]
        return np.array([np.mean(list(by_topic[slug].values()), axis=0) for slug in sorted(by_topic)])

    def late(self, method: str) -> NDArray[np.float64]:
        """The same for the second half of each topic's days."""
        days = [sorted(by_day.items()) for _, by_day in sorted(self.of[method].items())]
        return np.array([np.mean([value for _, value in several[len(several) // 2 :]], axis=0) for several in days])


def mean(values: NDArray[np.float64]) -> Mean:
    """The mean of `values`, one a topic, and its interval: the bootstrap over topics (percentiles), always with the
    same draws, so that methods can be compared."""
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return Mean(float(values.mean()), float(low), float(high))
