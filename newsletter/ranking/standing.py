"""Where values stand among usual ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_DIGIT = 1e-6

_RUNS = 4


def z(values: Matrix, usual: Matrix, out: Matrix | None = None) -> Matrix:
    """`values` (topics x papers) in standard deviations above the mean of `usual`, line by line; 0 where nothing
    varies. They go into `out`, which may be `values`."""
    found = np.empty(values.shape) if out is None else out
    if not usual.shape[1]:
        found[:] = 0.0
        return found
    spread = usual.std(axis=1, keepdims=True)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    np.subtract(values, usual.mean(axis=1, keepdims=True), out=found)
    found *= scale
    return found


def unit(rows: Matrix) -> Matrix:
    """Rows of length 1; rows of zeros stay what they are."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def best(scores: Matrix, most: int, order: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The places of the `most` highest scores above 0, best first; equal scores keep their order, or that of `order`
    (a number for each)."""
    found = np.flatnonzero(scores > _bound(scores, most))
    if len(found) > most:
        # Rounding keeps the order: what is less than this by more than a digit is not among them.
        least = np.partition(scores[found], len(found) - most)[len(found) - most]
        found = found[scores[found] >= least - _DIGIT]
    rounded = np.round(scores[found], 6)
    found, rounded = found[rounded > 0], rounded[rounded > 0]
    return found[np.lexsort((found if order is None else order[found], -rounded))][:most]


def _bound(scores: Matrix, most: int) -> float:
    """What is surely less than the `most` highest scores by more than a digit, 0 at least: of runs of neighbours, so
    many have a highest one above it. They are soon sought, and leave little to sort."""
    runs = _RUNS * most
    size = len(scores) // runs
    if size < 2:
        return 0.0
    highest = scores[: runs * size].reshape(runs, size).max(axis=1)
    return max(0.0, float(np.partition(highest, runs - most)[runs - most]) - 2 * _DIGIT)
