"""The rules of identity, whatever comes in whatever order."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Listing, Paper
from newsletter.store.identity import join


def record(keys: list[str], days: list[int]) -> Paper:
    listings = tuple(Listing(date(2025, 3, day), "seeds", rank) for rank, day in enumerate(days, start=1))
    return Paper(keys[0], f"{keys}", "", listings=listings, keys=tuple(keys))


some_keys = st.lists(
    st.sampled_from([f"{kind}:{n}" for kind in ("arxiv", "doi", "title") for n in range(4)]),
    min_size=1,
    max_size=3,
    unique=True,
)
records = st.lists(st.builds(record, some_keys, st.lists(st.integers(1, 4), max_size=3)), max_size=12)


@given(records)
@settings(deadline=None, max_examples=300)
def test_every_key_belongs_to_one_paper_and_nothing_is_lost(papers: list[Paper]) -> None:
    joined = join(papers, {})
    owned = [key for paper in joined.values() for key in paper.keys]
    assert len(owned) == len(set(owned))
    assert set(owned) == {key for paper in papers for key in paper.keys}
    assert all(paper.id == name and paper.id in paper.keys for name, paper in joined.items())
    assert {listing.day for paper in joined.values() for listing in paper.listings} == {
        listing.day for paper in papers for listing in paper.listings
    }
    for paper in joined.values():
        assert len({(listing.source, listing.day) for listing in paper.listings}) == len(paper.listings)
        assert paper.first_seen == min((listing.day for listing in paper.listings), default=None)


@given(records)
@settings(deadline=None, max_examples=200)
def test_what_is_known_is_not_new_again(papers: list[Paper]) -> None:
    once = join(papers, {})
    assert join(once.values(), once) == once


@given(records, records)
@settings(deadline=None, max_examples=200)
def test_an_id_stays_and_keys_never_move(first: list[Paper], second: list[Paper]) -> None:
    before = join(first, {})
    after = join(second, before)
    for name, paper in before.items():
        assert after[name].keys[: len(paper.keys)] == paper.keys
        assert set(paper.listings) <= set(after[name].listings)
        assert after[name].title == paper.title
    assert join(first + second, {}) == after
