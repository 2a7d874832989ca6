"""How fast, and how many at a time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.policy.pacing import MOST_DOMAINS, Pace, Width


def sent(pace: Pace, domains: list[str], start: float = 1000.0) -> list[float]:
    """When each message goes if all of them are there at `start` and each waits as long as it is told."""
    now, times = start, []
    for domain in domains:
        now += pace.delay(domain, now)
        pace.took(domain, now)
        times.append(now)
    return times


def test_without_limits_nobody_waits() -> None:
    assert sent(Pace(), ["a.org"] * 50) == [1000.0] * 50
    assert Pace().useful_width == math.inf


def test_a_second() -> None:
    assert sent(Pace(per_second=4), ["a.org", "b.org", "c.org"]) == [1000, 1000.25, 1000.5]


def test_an_hour() -> None:
    assert sent(Pace(per_hour=100), ["a.org", "b.org"]) == [1000, 1036]


def test_the_stricter_limit_holds() -> None:
    assert sent(Pace(per_second=10, per_hour=3600), ["a.org", "b.org"]) == [1000, 1001]
    assert sent(Pace(per_second=0.5, per_hour=36_000), ["a.org", "b.org"]) == [1000, 1002]


def test_a_domain() -> None:
    pace = Pace(per_domain=0.5)
    assert sent(pace, ["a.org", "b.org", "A.ORG", "b.org"]) == [1000, 1000, 1002, 1002]
    assert pace.delay("c.org", 1002) == 0


def test_waiting_is_over_when_it_is_said_to_be() -> None:
    pace = Pace(per_second=3, per_domain=0.7)
    pace.took("a.org", 5.0)
    assert pace.delay("a.org", 5.0) == pytest.approx(1 / 0.7)
    assert pace.delay("b.org", 5.0) == pytest.approx(1 / 3)
    assert pace.delay("a.org", 5.0 + pace.delay("a.org", 5.0)) == pytest.approx(0, abs=1e-9)


def test_time_that_was_not_used_is_not_made_up_for() -> None:
    pace = Pace(per_second=1)
    pace.took("a.org", 0.0)
    pace.took("a.org", 100.0)
    assert pace.delay("a.org", 100.0) == 1


def test_domains_are_forgotten_once_their_turn_has_come() -> None:
    pace = Pace(per_domain=1)
    for number in range(2 * MOST_DOMAINS):
        pace.took(f"{number}.org", number * 0.01)
    assert len(pace._next_to) <= MOST_DOMAINS
    assert pace.delay(f"{2 * MOST_DOMAINS - 1}.org", 2 * MOST_DOMAINS * 0.01) > 0


@pytest.mark.parametrize(
    ("pace", "width"), [(Pace(per_second=2), 20), (Pace(per_hour=60), 1), (Pace(per_hour=3600), 10)]
)
def test_a_slow_pace_needs_few_at_a_time(pace: Pace, width: int) -> None:
    assert pace.useful_width == width


@given(
    st.floats(0.1, 50),
    st.integers(1, 10_000),
    st.floats(0.1, 20),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=60),
)
@settings(deadline=None, max_examples=150)
def test_every_stretch_of_time_keeps_the_limits(second: float, hour: int, domain: float, domains: list[str]) -> None:
    times = sent(Pace(second, hour, domain), domains)
    for limit, stretch, only in [(second, 1, None), (hour, 3600, None), *((domain, 1, name) for name in "abc")]:
        mine = [time for time, name in zip(times, domains, strict=True) if only in (None, name)]
        for first in mine:
            assert sum(first <= time < first + stretch - 1e-6 for time in mine) <= math.ceil(limit * stretch)


def test_the_width_begins_modestly_and_grows_by_one() -> None:
    width = Width(8, grow_after=3)
    seen = []
    for _ in range(15):
        width.went_well()
        seen.append(width.now)
    assert seen == [5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8]


def test_the_width_halves_and_never_goes_below_one() -> None:
    width = Width(20)
    seen = []
    for _ in range(4):
        width.slow_down()
        seen.append(width.now)
    assert seen == [2, 1, 1, 1]


def test_messages_turned_away_together_halve_the_width_once() -> None:
    width = Width(8)
    begun = width.cuts
    for _ in range(5):
        width.slow_down(begun)
    assert width.now == 2
    width.slow_down(width.cuts)
    assert width.now == 1


def test_a_relay_that_turns_single_messages_away_is_given_a_rest() -> None:
    width = Width(1)
    assert [width.slow_down() for _ in range(10)] == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    width.went_well()
    assert [width.slow_down() for _ in range(3)] == [0, 1, 2]


@given(st.integers(-3, 300), st.integers(1, 30), st.lists(st.sampled_from(["well", "slow", "late"]), max_size=300))
@settings(deadline=None, max_examples=150)
def test_the_width_stays_in_its_bounds(most: int, grow_after: int, events: list[str]) -> None:
    width = Width(most, grow_after)
    for event in events:
        before, cuts = width.now, width.cuts
        if event == "well":
            width.went_well()
            assert before <= width.now <= before + 1
        else:
            rest = width.slow_down(cuts if event == "slow" else cuts - 1)
            assert 0 <= rest <= Width.LONGEST_REST
            assert width.now == (max(1, before // 2) if event == "slow" else before)
        assert 1 <= width.now <= max(1, most)
