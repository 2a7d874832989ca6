"""What others think of a paper: votes, and places on pages."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from builders import DAY
from hypothesis import given, settings
from hypothesis import strategies as st
from salad import readable

from newsletter.model import Listing, ReadablePaper, Reason, Why
from newsletter.ranking.trend import TREND_WEIGHT, Trends

BEFORE = DAY - timedelta(days=1)


def voted(number: int, votes: int | None, day: date | None = DAY) -> ReadablePaper:
    return readable(f"p:{number}", f"Paper {number}", votes=votes, first_seen=day)


def listed(number: int, *places: tuple[date, int], source: str = "page", votes: int | None = None) -> ReadablePaper:
    listings = tuple(Listing(day, source, rank) for day, rank in places)
    return readable(f"p:{number}", f"Paper {number}", listings=listings, votes=votes)


def parts(*papers: ReadablePaper) -> list[float]:
    trends = Trends(papers)
    return [trends.of(paper).part for paper in papers]


def test_a_paper_that_nobody_spoke_of_has_no_trend() -> None:
    papers = [voted(1, None), voted(2, 0), voted(3, 7)]
    assert parts(*papers)[:2] == [0.0, 0.0]
    assert Trends(papers).of(papers[0]).reason is None


def test_more_votes_trend_more_and_equal_votes_alike() -> None:
    first, second, third, fourth = parts(voted(1, 40), voted(2, 12), voted(3, 12), voted(4, 1))
    assert first > second == third > fourth > 0


def test_votes_count_among_the_papers_of_their_day() -> None:
    """A hundred votes on a day when everybody votes say as much as three on a quiet one; old news says less."""
    loud, quiet = parts(voted(1, 100), voted(2, 50)), parts(voted(1, 3), voted(2, 1))
    assert loud == quiet
    today, yesterday, before = parts(voted(1, 5), voted(2, 500, BEFORE), voted(3, 900, BEFORE - timedelta(days=1)))
    assert today > yesterday > before > 0


def test_papers_without_votes_do_not_change_what_votes_say() -> None:
    assert parts(voted(1, 9), voted(2, 3), voted(3, None), voted(4, 0))[:2] == parts(voted(1, 9), voted(2, 3))


def test_the_day_of_a_paper_is_that_of_its_last_listing_or_else_of_its_first_sight() -> None:
    old = listed(1, (BEFORE, 1), votes=4)
    again = listed(2, (BEFORE, 1), (DAY, 9), votes=4)
    assert parts(old, again, voted(3, 4))[0] < parts(old, again, voted(3, 4))[1] == parts(old, again, voted(3, 4))[2]
    assert parts(voted(1, 4, None), voted(2, 5, None))[1] > 0


def test_places_fall_evenly_from_the_top_and_no_place_is_nothing() -> None:
    papers = [listed(place, (DAY, place)) for place in (1, 2, 3, 4)]
    found = parts(*papers)
    assert found == sorted(found, reverse=True)
    steps = {round(one - other, 4) for one, other in pairwise(found)}
    assert len(steps) == 1
    assert found[-1] > 0


def test_the_best_of_several_places_counts() -> None:
    several = listed(1, (BEFORE, 5), (DAY, 2))
    others = [listed(number, (day, 10)) for number, day in ((2, BEFORE), (3, DAY))]
    once = listed(1, (DAY, 2))
    assert parts(several, *others)[0] == parts(once, *others)[0]
    assert Trends([several, *others]).of(several).reason == Reason(Why.PLACE, (2, 10, DAY.isoformat()))


def test_votes_count_before_places() -> None:
    top, bottom = listed(1, (DAY, 1), votes=1), listed(2, (DAY, 50), votes=80)
    assert parts(top, bottom)[1] > parts(top, bottom)[0]


def test_only_the_first_three_places_are_reasons() -> None:
    pages = [listed(place, (DAY, place)) for place in range(1, 7)]
    trends = Trends(pages)
    assert [trends.of(one).reason for one in pages] == [
        *(Reason(Why.PLACE, (place, 6, DAY.isoformat())) for place in (1, 2, 3)),
        *[None] * 3,
    ]
    polled = [voted(number, votes) for number, votes in enumerate((9, 9, 8, 7, 7))]
    trends = Trends(polled)
    assert [trends.of(one).reason for one in polled] == [
        Reason(Why.VOTES, (9, 1)),
        Reason(Why.VOTES, (9, 1)),
        Reason(Why.VOTES, (8, 3)),
        None,
        None,
    ]


def test_being_listed_again_counts_by_days() -> None:
    once, same_day, twice = listed(1, (DAY, 1)), listed(2, (DAY, 1), (DAY, 3)), listed(3, (BEFORE, 1), (DAY, 3))
    trends = Trends([once, same_day, twice])
    assert trends.again(once) == trends.again(same_day) == 0 < trends.again(twice)


many = st.lists(
    st.builds(
        voted,
        st.integers(0, 10**6),
        st.none() | st.integers(0, 30) | st.just(10**15),
        st.none() | st.dates(BEFORE - timedelta(days=3), DAY),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=100)
@given(many, st.lists(st.tuples(st.integers(1, 9), st.sampled_from([BEFORE, DAY])), max_size=8))
def test_trends_are_bounded_and_follow_the_votes(papers: list[ReadablePaper], places: list[tuple[int, date]]) -> None:
    papers = [*papers, *(listed(10**7 + n, (day, rank)) for n, (rank, day) in enumerate(places))]
    trends = Trends(papers)
    for one in papers:
        mine = trends.of(one)
        assert 0 <= mine.part <= TREND_WEIGHT
        assert mine.part == round(mine.part, 4)
        for other in papers:
            same_day = one.paper.first_seen == other.paper.first_seen
            if one.paper.votes and other.paper.votes and same_day and one.paper.votes >= other.paper.votes:
                assert mine.part >= trends.of(other).part
    turned = Trends(papers[::-1])
    assert [turned.of(one) for one in papers] == [trends.of(one) for one in papers]
