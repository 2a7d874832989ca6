"""What was read last is kept, and never too much of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.daily.recent import Recent


def test_what_was_asked_for_longest_ago_goes() -> None:
    recent = Recent[str, int](2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=4))), st.integers(1, 8))
def test_it_never_weighs_more_than_allowed_and_never_says_anything_else(puts: list[tuple[str, str]], most: int) -> None:
    recent = Recent[str, str](most, len)
    put: dict[str, str] = {}
    for key, value in puts:
        recent.put(key, value)
        put[key] = value
        assert recent.get(key) == value
        held = {name: found for name in put if (found := recent.get(name)) is not None}
        assert held.items() <= put.items()
        assert len(held) == len(recent)
        assert sum(map(len, held.values())) <= max(most, len(value))
