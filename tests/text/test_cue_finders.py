"""A cue that can only begin a sentence is sought there alone; that changes no answer."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import cues

TABLES = (cues.NOVELTY, cues.RESULT, cues.BACKGROUND, cues.PLACE, cues.POINTING)
PATTERNS = [(found, re.compile(found.__self__.pattern)) for table in TABLES for found, _ in table]  # type: ignore[attr-defined]  # a bound method
WORDS = sorted({word for _, pattern in PATTERNS for word in re.findall(r"[a-z]{2,}", pattern.pattern)})

sentences = st.lists(st.sampled_from([*WORDS, "(a)", ",", ".", "12%", "3.5", "?"]), max_size=12).map(" ".join)


@given(sentences)
@settings(deadline=None, max_examples=150)
def test_a_finder_finds_what_a_search_finds(sentence: str) -> None:
    for found, pattern in PATTERNS:
        assert bool(found(sentence)) == bool(pattern.search(sentence))


def test_some_are_sought_at_the_beginning_alone() -> None:
    assert {found.__name__ for found, _ in PATTERNS} == {"match", "search"}
