"""Two topic files side by side, on the same editions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seed_days import DAYS, candidates, edition, trends

from newsletter.model import Pick, Ranking, Topic
from newsletter.ranking import Limits, digest, ranking, score
from newsletter.ranking.replaying import Comparison, Replayed, compare_reader, compare_topic
from newsletter.settings import configuration_folder, load

TOPICS = load(configuration_folder()).topics
SLUGS = [one.slug for one in TOPICS]


def rankings(place: int, topics: list[Topic]) -> dict[str, Ranking]:
    made = [ranking(one) for one in score(candidates(DAYS[place]), topics)]
    return {one.slug: one for one in [*made, trends(DAYS[place])]}


def replayed(before: list[Topic], after: list[Topic]) -> list[Replayed]:
    return [Replayed(edition(day), rankings(n, before), rankings(n, after)) for n, day in enumerate(DAYS)]


def test_the_same_topics_change_nothing() -> None:
    both = replayed(list(TOPICS), list(TOPICS))
    for slug in SLUGS:
        found = compare_topic(both, slug)
        assert (found.added, found.dropped, found.overlap) == ((), (), 1.0)
        assert found.before == found.after


def test_a_topic_that_is_dropped_or_new_shows_nothing_on_one_side() -> None:
    found = compare_topic(replayed([TOPICS[0]], []), TOPICS[0].slug)
    assert not found.added
    assert len(found.dropped) == sum(len(one.papers) for one in found.before) > 0
    assert found.overlap == 0.0
    assert [one.found for one in found.after] == [0, 0]
    assert compare_topic(replayed([], []), "nowhere").overlap is None


def test_less_room_drops_the_last_ones_and_means_days_over_the_limit() -> None:
    before, after = replace(TOPICS[0], max_papers=6), replace(TOPICS[0], max_papers=1)
    found = compare_topic(replayed([before], [after]), TOPICS[0].slug)
    assert [one.found for one in found.before] == [one.found for one in found.after]
    assert [len(one.papers) for one in found.after] == [1, 1]
    assert [one.over for one in found.after] == [one.found > 1 for one in found.before]
    assert any(one.over for one in found.after)
    assert not found.added
    assert len(found.dropped) == sum(len(one.papers) for one in found.before) - 2
    assert found.overlap == pytest.approx(2 / sum(len(one.papers) for one in found.before))


changes = st.lists(
    st.builds(
        lambda one, least, most: replace(one, min_score=least, max_papers=most),
        st.sampled_from(TOPICS),
        st.sampled_from([0.5, 2.0, 4.0, 100.0]),
        st.integers(1, 8),
    ),
    max_size=3,
    unique_by=lambda one: one.slug,
)


@settings(deadline=None, max_examples=12)
@given(changes, changes, st.booleans())
def test_what_is_added_and_dropped_accounts_for_all_that_differs(
    before: list[Topic], after: list[Topic], outside: bool
) -> None:
    both = replayed(before, after)
    for slug in {one.slug for one in (*before, *after)}:
        found = compare_topic(both, slug)
        balances(found)
        for one, shown in zip(both, found.after, strict=True):
            picks: tuple[Pick, ...] = one.after[slug].picks if slug in one.after else ()
            assert shown.found == len(picks)
            assert list(shown.papers) == [pick.paper for pick in picks][: len(shown.papers)]
    follows = list(dict.fromkeys(one.slug for one in (*before, *after)))
    limits = Limits(max_papers=4, also_new=2, outside=outside)
    theirs = compare_reader(both, follows, limits)
    balances(theirs)
    for one, shown in zip(both, theirs.before, strict=True):
        made = digest(one.edition.day, follows, [one.edition], one.before, limits)
        assert list(shown.papers) == [pick.paper for pick in made.picks]
        assert shown.over == (made.left_out > 0)


def balances(found: Comparison) -> None:
    old = {(day, paper) for day, one in zip(found.days, found.before, strict=True) for paper in one.papers}
    new = {(day, paper) for day, one in zip(found.days, found.after, strict=True) for paper in one.papers}
    assert {(one.day, one.paper) for one in found.added} == new - old
    assert {(one.day, one.paper) for one in found.dropped} == old - new
    assert found.overlap == (len(old & new) / len(old | new) if old | new else None)
    for several in (found.added, found.dropped):
        assert [one.score for one in several] == sorted((one.score for one in several), reverse=True)
