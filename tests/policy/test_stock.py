"""Turns that are reserved in blocks: never used early, never hoarded, and fair among those who share them."""

from __future__ import annotations

import heapq
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.policy.pacing import BLOCK, LATE, Stock


class Row:
    """What the database keeps of a limit."""

    def __init__(self) -> None:
        self.next_at = 0.0

    def take(self, number: int, interval: float, now: float) -> float:
        first = max(self.next_at, now)
        self.next_at = first + number * interval
        return first


def used(rates: list[float], rate: float, seconds: float, latency: float = 0.01) -> list[list[float]]:
    """When each of several senders used turns of a common `rate`; sender k could use `rates[k]` a second."""
    row, interval = Row(), 1 / rate
    stocks = [Stock(interval) for _ in rates]
    times: list[list[float]] = [[] for _ in rates]
    events = [(0.0, one) for one in range(len(rates))]
    while events:
        now, one = heapq.heappop(events)
        if now > seconds:
            continue
        stock = stocks[one]
        if stock.low(now):
            number = stock.ask(now)
            stock.add(row.take(number, interval, now), number)
            heapq.heappush(events, (now + latency, one))
        elif wait := stock.delay(now):
            heapq.heappush(events, (now + max(wait, 1e-6), one))
        else:
            stock.took(now)
            times[one].append(now)
            heapq.heappush(events, (now + 1 / rates[one], one))
    return times


def test_a_turn_is_used_at_its_time_or_a_little_later_and_then_it_is_lost() -> None:
    stock = Stock(0.01)
    assert (stock.held(0.0), stock.delay(0.0), stock.low(0.0)) == (0, 0.0, True)
    stock.add(10.0, 5)
    assert (stock.held(9.0), stock.delay(9.0), stock.low(9.0)) == (5, 1.0, False)
    stock.took(10.0)
    assert (stock.held(10.0), round(stock.delay(10.0), 6)) == (4, 0.01)
    assert stock.held(10.02 + LATE + 0.001) == 2  # that of 10.01 and that of 10.02 are lost
    assert stock.delay(10.02 + LATE + 0.001) == 0
    assert stock.held(11.0) == 0


def test_a_slow_limits_turn_waits_for_its_user() -> None:
    stock = Stock(360.0)
    stock.add(1000.0, 1)
    assert stock.held(1030.0) == 1
    assert stock.held(1040.0) == 0


def test_who_sends_much_reserves_for_a_quarter_of_a_second_and_who_does_not_keeps_nothing() -> None:
    stock, now = Stock(0.005), 100.0
    assert stock.ask(now) <= 4  # nobody knows yet what it will use
    for _ in range(8):
        number = stock.ask(now)
        stock.add(now, number)
        for _ in range(number):
            stock.took(now)
            now += 0.005
    assert number == int(BLOCK / 0.005)
    assert stock.ask(now + 60) <= 4


def test_a_slow_limit_is_reserved_turn_by_turn() -> None:
    stock = Stock(2.0)
    for second in range(10):
        assert stock.ask(second * 2.0) == 1


def test_three_who_want_all_share_it_evenly_and_use_all_of_it() -> None:
    times = used([1000, 1000, 1000], 200, 20)
    late = [sum(10 <= time < 20 for time in one) for one in times]
    assert sum(late) >= 0.97 * 2000
    assert min(late) >= 0.8 * max(late)


def test_who_can_use_little_leaves_the_rest_to_the_others() -> None:
    times = used([20, 1000, 1000], 200, 20)
    assert sum(10 <= time < 20 for one in times for time in one) >= 0.93 * 2000
    assert sum(10 <= time < 20 for time in times[0]) >= 0.5 * 200


def test_a_sender_that_comes_later_gets_its_share() -> None:
    row, interval = Row(), 0.005
    old, new = Stock(interval), Stock(interval)
    counts = {id(old): 0, id(new): 0}
    now = 0.0
    while now < 30:
        for stock in (old, new) if now > 10 else (old,):
            if stock.low(now):
                number = stock.ask(now)
                stock.add(row.take(number, interval, now), number)
            while stock.held(now) and not stock.delay(now):
                stock.took(now)
                counts[id(stock)] += now > 20
        now += 0.002
    assert counts[id(new)] >= 0.8 * counts[id(old)]


@given(
    st.lists(st.floats(1, 500), min_size=1, max_size=5),
    st.floats(0.5, 300),
    st.floats(0, 0.1),
)
@settings(deadline=None, max_examples=40)
def test_every_stretch_of_time_keeps_the_limit(rates: list[float], rate: float, latency: float) -> None:
    times = sorted(time for one in used(rates, rate, 4, latency + 1e-3) for time in one)
    late = max(LATE, 1 / rate / 10)
    for at, first in enumerate(times):
        for count, last in enumerate(times[at:], 1):
            assert count <= math.floor((last - first + late) * rate + 1e-6) + 1
    # And no more of it is left unused than those who are there cannot use, or wait for.
    wanted = min(rate, 0.8 * sum(rates))
    assert len(times) >= 0.5 * wanted * 4 - len(rates) * (1 + rate * BLOCK) - 1
