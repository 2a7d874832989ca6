"""Two records of one paper become one, and no field is ever lost."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Link, LinkKind, Listing, Paper, merge

days = st.none() | st.dates(date(2025, 1, 1), date(2025, 1, 9))
texts = st.sampled_from(["", "one", "another"])
links = st.lists(st.builds(Link, st.sampled_from(LinkKind), st.sampled_from(["https://a.org", "https://b.org"])))
listings = st.lists(st.builds(Listing, st.dates(date(2025, 1, 1), date(2025, 1, 3)), texts, st.integers(1, 3)))
papers = st.builds(
    Paper,
    id=st.sampled_from(["arxiv:1", "doi:2"]),
    title=texts,
    abstract=texts,
    authors=st.lists(texts).map(tuple),
    links=links.map(tuple),
    listings=listings.map(tuple),
    keys=st.lists(st.sampled_from("abc")).map(tuple),
    first_seen=days,
    venue=texts,
    published=days,
    version=st.integers(0, 3),
    votes=st.none() | st.integers(0, 3),
    ai_summary=texts,
    thumbnail=texts,
    categories=st.lists(st.sampled_from(["cs.CV", "math"])).map(tuple),
    institutions=st.lists(texts).map(tuple),
)
UNITED = {"links", "listings", "keys"}
NOTHING = ("", (), None)


def known(one: Paper, name: str) -> bool:
    """Whether the field says something; no votes at all are a number, but there is no version 0."""
    value = getattr(one, name)
    return value not in NOTHING and not (name == "version" and value == 0)


@settings(deadline=None, max_examples=200)
@given(papers, papers)
def test_gaps_are_filled_and_nothing_is_lost(first: Paper, second: Paper) -> None:
    one = merge(first, second)
    for name in {field.name for field in fields(Paper)} - UNITED - {"id", "first_seen"}:
        assert getattr(one, name) == getattr(first if known(first, name) else second, name)
    for name in UNITED:
        assert set(getattr(one, name)) == {*getattr(first, name), *getattr(second, name)}
    assert one.id == first.id
    assert one.first_seen == min((day for day in (first.first_seen, second.first_seen) if day), default=None)
    assert merge(one, second) == merge(one, first) == one


def test_no_votes_are_a_count_and_are_kept() -> None:
    bare = Paper("arxiv:1", "A title", "")
    assert merge(bare, replace(bare, votes=0)).votes == 0
    assert merge(replace(bare, votes=0), replace(bare, votes=9)).votes == 0
