"""Where values stand among usual ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def z(values: Matrix, usual: Matrix) -> Matrix:
    """`values` (rows x topics) in standard deviations above the mean of `usual`, per column; 0 where nothing varies."""
    if not len(usual):
        return np.zeros_like(values)
    spread = usual.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return np.asarray((values - usual.mean(axis=0)) * scale)


def unit(rows: Matrix) -> Matrix:
    """Rows of length 1; rows of zeros stay what they are."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def best(scores: Matrix, most: int) -> NDArray[np.int64]:
    """The places of the `most` highest scores above 0, best first; equal scores keep their order."""
    rounded = np.round(scores, 6)
    found = np.flatnonzero(rounded > 0)
    if len(found) > most:
        least = np.partition(rounded[found], len(found) - most)[len(found) - most]
        found = found[rounded[found] >= least]
    return found[np.argsort(-rounded[found], kind="stable")][:most]
