"""The short ways to the highest values and to sums of many terms, beside the long ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from newsletter.ranking.parts import _product
from newsletter.ranking.standing import best, z

seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=150)
@given(seeds, st.integers(0, 900), st.integers(1, 30), st.integers(0, 7), st.booleans())
def test_the_best_are_those_of_all_in_order(seed: int, size: int, most: int, digits: int, turned: bool) -> None:
    """Few digits make many that are equal."""
    draw = np.random.default_rng(seed)
    scores = np.round(draw.normal(draw.choice([-1, 0, 1]), 1, size), digits)
    order = draw.permutation(size) if turned else np.arange(size)
    rounded = np.round(scores, 6)
    positive = [place for place in range(size) if scores[place] > 0 and rounded[place] > 0]
    expected = sorted(positive, key=lambda place: (-rounded[place], order[place]))[:most]
    assert best(scores, most, order if turned else None).tolist() == expected


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(0, 40), st.integers(1, 30), st.integers(0, 50))
def test_products_are_sums_in_the_order_of_the_terms(seed: int, topics: int, terms: int, papers: int) -> None:
    draw = np.random.default_rng(seed)
    asked = sparse.random_array((topics, terms), density=0.3, rng=draw, format="csr")
    held = sparse.random_array((terms, papers), density=0.4, rng=draw, format="csr", dtype=np.float32)
    expected = np.zeros((topics, papers))
    for topic, term in zip(*asked.nonzero(), strict=True):
        expected[topic] += asked[topic, term] * held[[term]].toarray()[0].astype(np.float64)
    assert np.array_equal(_product(sparse.csr_matrix(asked), sparse.csr_matrix(held)), expected)


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(0, 5), st.integers(0, 9), st.integers(0, 9))
def test_standings_may_take_the_place_of_the_values(seed: int, topics: int, papers: int, others: int) -> None:
    draw = np.random.default_rng(seed)
    values, usual = draw.normal(size=(topics, papers)), np.round(draw.normal(size=(topics, others)))
    expected = z(values, usual)
    assert z(values, usual, out=values) is values
    assert np.array_equal(values, expected)
