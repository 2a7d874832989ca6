"""Combinations of values, of which a few are enough by default."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from typing import Any

import pytest


def crossed(*axes: Collection[Any]) -> list[Any]:
    """Every combination of one value of each of `axes`, as parameters of a test. By default only so many of them run
    that each value is met at least once; all others are slow."""
    values = [list(axis) for axis in axes]
    longest = max(map(len, values))
    few = {tuple(place % len(axis) for axis in values) for place in range(longest)}
    return [
        pytest.param(
            *(axis[place] for axis, place in zip(values, places, strict=True)),
            marks=() if places in few else pytest.mark.slow,
        )
        for places in product(*(range(len(axis)) for axis in values))
    ]
