"""Several editions ranked as one: votes held against papers as old, near-duplicates over days, what rose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from builders import readable_paper, topic
from hypothesis import given
from hypothesis import strategies as st
from seed_days import DAYS, edition, papers, trends

from newsletter.model import TRENDING, Edition, Pick, Ranking, Reason, Why
from newsletter.ranking import Limits, digest
from newsletter.ranking.grouping import group
from newsletter.ranking.rising import UNKNOWN, missed, risen
from newsletter.ranking.scoring import MOST_TRENDING
from newsletter.ranking.spanning import Span
from newsletter.ranking.standings import GROWN, LEAST_COMPARED, Standing, Standings, Told, standings
from newsletter.ranking.trend import TREND_WEIGHT

MONDAY = date(2025, 3, 10)
DAY = timedelta(days=1)
SINCE = MONDAY - 30 * DAY


def told(paper: str, day: date, *votes: int) -> Told:
    """A paper of the edition of `day` with these votes on that day and the days after it."""
    return Told(paper, day, [(day + place * DAY, number) for place, number in enumerate(votes)])


def pick(paper: str, slug: str, relevance: float, trend: float = 0.0, *reasons: Reason) -> Pick:
    return Pick(paper, slug, round(relevance + trend, 4), (("words", relevance), ("trend", trend)), reasons)


def ranking(slug: str, *picks: Pick) -> Ranking:
    return Ranking(None if slug == TRENDING else topic(slug), tuple(picks))


# -- standings


def test_a_paper_is_held_against_those_as_old_as_it() -> None:
    """30 votes are many for a day and few for five: who came later has had less time, and loses nothing by it."""
    archive = [told(f"old{n}", MONDAY - 7 * DAY, n, *[20 * n] * 6) for n in range(1, 11)]
    young, grown = told("young", MONDAY, 9), told("grown", MONDAY - 4 * DAY, 1, 30, 30, 30, 30)
    found = standings(MONDAY, [*archive, young, grown], SINCE).of
    assert (found["young"].age, found["grown"].age) == (0, 4)
    assert found["young"].reached == round((9 + 1 + 1) / 12, 4)  # old1 to old9, grown on its day, and itself
    assert found["grown"].reached == round(2 / 11, 4)
    assert found["grown"].passed == round(1 / 11, 4)


def test_of_equal_votes_none_has_passed_the_other() -> None:
    found = standings(MONDAY, [told(f"p{n}", MONDAY, 5) for n in range(4)], SINCE).of
    assert {(one.reached, one.passed) for one in found.values()} == {(1.0, 0.0)}


def test_a_paper_has_risen_when_it_is_high_now_and_was_low_when_it_was_new() -> None:
    others = [told(f"p{n}", MONDAY - 2 * DAY, 10 + n, 10 + n, 10 + n) for n in range(30)]
    late = [
        told("rose", MONDAY - 2 * DAY, 12, 12, 140),
        told("high before", MONDAY - 2 * DAY, 100, 100, 150),
        told("as it was", MONDAY - 2 * DAY, 200, 200, 200),
        Told("told late", MONDAY - 2 * DAY, [(MONDAY, 160)]),
        Told("low", MONDAY - 2 * DAY, [(MONDAY, 3)]),
        told("today", MONDAY, 999),
    ]
    found = standings(MONDAY, [*others, *late], SINCE)
    assert found.risen.keys() == {"told late"} | ({"rose"} if found.of["rose"].passed >= 0.9 else set())
    assert (found.of["told late"].before, found.of["rose"].before) == (None, 12)
    assert (found.of["rose"].votes, found.of["rose"].age, found.of["rose"].percent) == (140, 2, 88)
    more = [told(f"q{n}", MONDAY - 2 * DAY, 1, 1, 1) for n in range(30)]
    assert standings(MONDAY, [*others, *more, *late], SINCE).risen.keys() == {"rose", "told late"}


def test_among_few_papers_nothing_rises() -> None:
    few = [told(f"p{n}", MONDAY - DAY, 1, 1) for n in range(LEAST_COMPARED - 2)]
    rising = told("rising", MONDAY - DAY, 1, 500)
    assert not standings(MONDAY, [*few, rising], SINCE).risen
    assert standings(MONDAY, [*few, told("one more", MONDAY - DAY, 1, 1), rising], SINCE).risen.keys() == {"rising"}


def test_votes_that_were_told_when_a_paper_was_grown_count_for_its_age_and_no_earlier_one() -> None:
    back_filled = [Told(f"p{n}", MONDAY - 20 * DAY, [(MONDAY, 10)]) for n in range(5)]
    new, old = told("new", MONDAY, 1), told("old", MONDAY - GROWN * DAY, *range(1, 9))
    found = standings(MONDAY, [*back_filled, new, old], SINCE).of
    assert found["new"].reached == 1.0  # those of whose first day nobody knows are not there
    assert found["old"].reached == round(1 / 6, 4)


days = st.integers(0, 12)


@given(st.lists(st.tuples(days, st.lists(st.integers(0, 30), min_size=1, max_size=6)), max_size=25), days)
def test_standings_are_shares_and_keep_the_order_of_votes_among_papers_as_old(
    known: list[tuple[int, list[int]]], reach: int
) -> None:
    several = [told(f"p{n}", MONDAY - age * DAY, *sorted(votes)) for n, (age, votes) in enumerate(known)]
    found = standings(MONDAY, several, MONDAY - reach * DAY)
    assert found == standings(MONDAY, reversed(several), MONDAY - reach * DAY)
    assert all(0 <= one.passed <= one.reached <= 1 and one.votes > 0 and one.age < reach for one in found.of.values())
    for one in found.of.values():
        for other in found.of.values():
            if one.age == other.age and one.votes <= other.votes:
                assert one.reached <= other.reached
                assert one.passed <= other.passed


# -- spans


def editions(*several: Sequence[str]) -> tuple[Edition, ...]:
    return tuple(Edition(n, MONDAY + n * DAY, tuple(those)) for n, those in enumerate(several, start=1))


def test_a_span_of_one_edition_is_that_edition() -> None:
    own = ranking("a", pick("p", "a", 2.0, 0.5, Reason(Why.VOTES, (9, 1))))
    high = Standings(MONDAY, {"p": Standing(900, 3, 0.1, 0.0)})
    assert Span(editions("p"), high).merge({1: {"a": own}}, "a") is own


def test_only_the_trend_is_measured_anew_and_the_order_follows() -> None:
    old = pick("old", "a", 2.0, 0.5, Reason(Why.TITLE, ("field",)), Reason(Why.VOTES, (40, 1)))
    new, page = pick("new", "a", 2.1, 0.05), pick("page", "a", 1.9, 0.4)
    votes = {"old": Standing(41, 4, 0.2, 0.1), "new": Standing(9, 0, 1.0, 0.95)}
    whole = Span(editions(("old",), ("new", "page")), Standings(MONDAY, votes))
    made = whole.merge({1: {"a": ranking("a", old)}, 2: {"a": ranking("a", new, page)}}, "a")
    assert made
    assert [(one.paper, one.score, dict(one.parts)["trend"]) for one in made.picks] == [
        ("new", 2.1 + TREND_WEIGHT, 0.5),
        ("page", 2.3, 0.4),
        ("old", 2.1, 0.1),
    ]
    assert [one.relevance for one in made.picks] == [2.1, 1.9, 2.0]
    # What was said of votes when it was new is said no more.
    assert made.picks[2].reasons == (Reason(Why.TITLE, ("field",)),)
    assert made.picks[0].reasons == (Reason(Why.STANDING, (9, 95)),)


def test_near_duplicates_of_two_days_are_folded_under_the_first_in_every_topic() -> None:
    text = " ".join(f"word{n} shell" for n in range(40))
    first = readable_paper(1, "Shells on the beach", f"A study of shells. {text}", 1)
    again = readable_paper(2, "Shells on the beach, revisited", f"A study of shells. {text} Revised.", 2)
    both = {one.id: one for one in (first, again)}
    whole = Span(editions((first.id,), (again.id, "other")), Standings(MONDAY), both)
    for better in (first, again):
        by_score = {one.id: 3.0 if one is better else 2.0 for one in (first, again)}
        rankings = {
            1: {"a": ranking("a", pick(first.id, "a", by_score[first.id]))},
            2: {"a": ranking("a", pick(again.id, "a", by_score[again.id]), pick("other", "a", 1.0))},
        }
        made = whole.merge(rankings, "a")
        assert made
        assert [one.paper for one in made.picks] == [first.id, "other"]
        assert made.excluded == (again.id,)
        assert whole.head(rankings, "a", again.id) == first.id
        assert whole.head(rankings, "a", first.id) is None


def test_trending_is_grouped_over_all_days_for_who_reads_nothing_else() -> None:
    of_days = [edition(day) for day in DAYS]
    whole = Span(
        tuple(Edition(n, one.day, one.papers) for n, one in enumerate(of_days)),
        Standings(DAYS[-1]),
        {one.id: one for day in DAYS for one in papers()[day]},
    )
    rankings = {n: {TRENDING: trends(day)} for n, day in enumerate(DAYS)}
    grouped, alone = (whole.merge(rankings, TRENDING, grouped=one) for one in (True, False))
    assert grouped
    assert alone
    assert grouped.groups == group([whole.papers[one.paper] for one in grouped.picks[:MOST_TRENDING]])
    of_both = [one for one in grouped.groups if one.label and len({_day(paper) for paper in one.papers}) == 2]
    assert of_both
    assert alone.groups == ()
    assert alone.picks == grouped.picks


def _day(paper: str) -> date:
    return min(
        listing.day for day in DAYS for one in papers()[day] if one.id == paper for listing in one.paper.listings
    )


# -- rising


def test_what_rose_is_a_pick_of_the_topic_it_fits_best_with_its_numbers_first() -> None:
    votes = {
        "p": Standing(140, 4, 1.0, 0.95, 12, rose=True),
        "q": Standing(90, 4, 0.95, 0.93, None, rose=True),
        "r": Standing(10, 4, 0.5, 0.4, 1),
    }
    several = editions(("p", "q", "r"))
    said = Reason(Why.TITLE, ("field",))
    rankings = {
        1: {
            "a": ranking("a", pick("p", "a", 2.0, 0.1, said, Reason(Why.PLACE, (9, 9, "x"))), pick("r", "a", 9.0)),
            "b": ranking("b", pick("q", "b", 1.0), pick("p", "b", 3.0)),
        }
    }
    first, second = risen(("a", "b"), several, rankings, Standings(MONDAY, votes))
    assert (first.pick.paper, first.pick.topic, second.pick.paper) == ("p", "b", "q")
    assert first.pick.parts == (("words", 3.0), ("trend", TREND_WEIGHT))
    assert second.pick.reasons == (Reason(Why.ROSE, (UNKNOWN, 90, 4, 93)),)
    [alone] = risen(("a",), several, rankings, Standings(MONDAY, votes))
    assert alone.pick.reasons == (Reason(Why.ROSE, (12, 140, 4, 95)), said)
    light = replace(topic("b"), weight=0.5)
    rankings[1]["b"] = replace(rankings[1]["b"], topic=light)
    assert risen(("a", "b"), several, rankings, Standings(MONDAY, votes))[0].pick.topic == "a"
    assert risen((), several, rankings, Standings(MONDAY, votes)) == ()


@pytest.mark.parametrize(
    ("had", "shown", "most", "left"),
    [
        ({1}, set(), 3, ["p", "q"]),
        ({1}, {"p"}, 3, ["q"]),
        ({1}, set(), 1, ["p"]),
        ({2}, set(), 3, []),
        ({1}, {"q"}, 0, []),
    ],
)
def test_only_what_could_be_had_and_was_not_shown_rises(
    had: set[int], shown: set[str], most: int, left: list[str]
) -> None:
    votes = {name: Standing(99, 1, 1.0, 0.95, 1, rose=True) for name in "pq"}
    rankings = {1: {"a": ranking("a", pick("p", "a", 2.0), pick("q", "a", 1.0))}}
    found = risen(("a",), editions("pq"), rankings, Standings(MONDAY, votes))
    assert [one.paper for one in missed(found, had, shown, most)] == left


def test_a_digest_without_anything_of_its_own_days_brings_nothing_that_rose() -> None:
    rose = (pick("old", "a", 2.0),)
    some = digest(MONDAY, ("a",), editions("p"), {"a": ranking("a", pick("p", "a", 1.0))}, Limits(), rose)
    assert [one.paper for one in some.picks] == ["p", "old"]
    nothing = digest(MONDAY, ("a",), editions("p"), {"a": ranking("a")}, Limits(), rose)
    assert (nothing.empty, nothing.picks) == (True, ())
