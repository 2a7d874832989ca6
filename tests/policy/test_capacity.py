"""The arithmetic of capacity: proportions, Little's law against a queue that is run, limits that are where it says."""

from __future__ import annotations

import heapq
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newsletter.policy.capacity import HEADROOM, PEOPLE, Load, Plan, in_flight, plan
from newsletter.policy.measured import MEASURED, Signing
from newsletter.store.group import GATHERING

LOADS = st.builds(
    Load,
    subscribers=st.integers(1, 200_000_000),
    window=st.integers(60, 86_400).map(float),
    due=st.sampled_from([1.0, 0.5, 0.2]),
    relay_latency=st.floats(0, 0.5),
    pipelining=st.booleans(),
    message=st.integers(5_000, 500_000),
    signing=st.sampled_from(Signing),
    domain_pace=st.sampled_from([0.0, 20.0, 200.0]),
    keep=st.integers(1, 365),
    cores=st.integers(1, 64),
)
OF_ONE_MACHINE = {"one machine's cores", "SQLite's one writer", "SQLite's one file"}

quickly = settings(deadline=None, max_examples=100)


def amounts(found: Plan) -> dict[str, float]:
    return {name: need.amount for name, need in found.needs.items()}


@quickly
@given(LOADS, st.integers(0, 200_000_000))
def test_more_readers_never_need_less(load: Load, more: int) -> None:
    few, many = plan(load), plan(replace(load, subscribers=load.subscribers + more))
    assume(few.engine == many.engine)
    assert [name for name, amount in amounts(few).items() if amount > amounts(many)[name]] == []


@quickly
@given(LOADS)
def test_half_the_window_is_twice_the_rate(load: Load) -> None:
    whole, half = plan(load), plan(replace(load, window=load.window / 2))
    assume(whole.engine == half.engine)
    before, after = amounts(whole), amounts(half)
    for name in ("rate", "bandwidth", "writes"):
        assert after[name] == pytest.approx(2 * before[name]), name
    for name in ("messages", "rows", "day", "kept", "planning", "partitions"):
        assert after[name] == before[name], name
    for name in ("connections", "processes", "cores", "transactions", "log"):
        assert before[name] <= after[name] <= 2 * before[name] * (1 + 1e-9), name


@quickly
@given(LOADS)
def test_what_is_planned_bears_the_load(load: Load) -> None:
    """Rounded up, not down, and by less than one."""
    found, sender = amounts(plan(load)), MEASURED.senders[load.signing]
    for name, one in (("processes", sender.rate), ("cores", 1 / sender.cpu), ("connections", 1 / in_flight(load))):
        assert found[name] * one * HEADROOM >= load.rate * (1 - 1e-9), name
        assert (found[name] - 1) * one * HEADROOM < load.rate * (1 + 1e-9), name
    assert (found["machines"] - 1) * load.cores < found["cores"] <= found["machines"] * load.cores


@quickly
@given(LOADS)
def test_a_limit_is_where_it_is_said_to_be(load: Load) -> None:
    """Just below no limit is reached that was not, one reader more reaches it."""
    found = plan(load).limits
    assert [one.subscribers for one in found] == sorted(one.subscribers for one in found)
    assert all(one.reached == (load.subscribers > one.subscribers) for one in found)
    for one in found:
        if 1 <= one.subscribers < 10**10:
            at = next(
                again for again in plan(replace(load, subscribers=one.subscribers)).limits if again.what == one.what
            )
            over = plan(replace(load, subscribers=one.subscribers + 1)).limits
            assert not at.reached
            assert next(again for again in over if again.what == one.what).reached


@quickly
@given(LOADS)
def test_the_engine_is_the_smallest_that_suffices(load: Load) -> None:
    found = plan(load)
    against = [one for one in found.limits if one.what in OF_ONE_MACHINE]
    assert len(against) == 3
    assert (found.engine == "PostgreSQL") == any(one.reached for one in against)
    assert ("does not suffice" in found.because) == (found.engine == "PostgreSQL")
    assert found.engine == "PostgreSQL" or found.needs["machines"].amount == 1


@quickly
@given(LOADS)
def test_nothing_is_answered_without_a_reason(load: Load) -> None:
    found = plan(load)
    assert all(need.because and math.isfinite(need.amount) and need.amount >= 0 for need in found.needs.values())
    assert all(limit.because and limit.then for limit in found.limits)


@quickly
@given(LOADS)
def test_pipelining_and_a_nearer_relay_need_fewer_connections(load: Load) -> None:
    with_it, without = replace(load, pipelining=True), replace(load, pipelining=False)
    assert plan(with_it).needs["connections"].amount <= plan(without).needs["connections"].amount
    nearer = replace(load, relay_latency=load.relay_latency / 2)
    assert plan(nearer).needs["connections"].amount <= plan(load).needs["connections"].amount


def test_so_many_connections_keep_up_with_the_rate() -> None:
    """Little's law, tried: messages come evenly, each takes the connection that is free first, nobody waits long."""
    load = Load(1_000_000, 7_200, relay_latency=0.05)
    flight, connections = in_flight(load), round(plan(load).needs["connections"].amount)

    def longest_wait(width: int) -> float:
        free, longest = [0.0] * width, 0.0
        for number in range(10_000):
            comes = number / load.rate
            begins = max(comes, heapq.heappop(free))
            heapq.heappush(free, begins + flight)
            longest = max(longest, begins - comes)
        return longest

    assert longest_wait(connections) == 0
    assert longest_wait(math.floor(load.rate * flight)) > 1


def test_the_arithmetic_of_a_million_in_two_hours() -> None:
    """By hand, on round figures that are nobody's measurements."""
    engine = replace(MEASURED.sqlite, rows=4, row=400, reader=200, log=5_000, flushed=100, planned=10_000)
    senders = {Signing.RSA: replace(MEASURED.senders[Signing.RSA], cpu=0.007, rate=100)}
    figures = replace(MEASURED, senders=senders, between=0.0, memory=1e8, sqlite=engine)
    load = Load(1_440_000, 7_200, due=0.5, relay_latency=0.07, message=1_448, keep=10, cores=2)
    found = plan(load, figures)
    assert found.engine == "SQLite"
    assert amounts(found) == pytest.approx(
        {
            "messages": 720_000,
            "rate": 100,
            "processes": 2,  # 100/70
            "cores": 1,  # 100 x 0.007 / 0.7, exactly
            "machines": 1,
            "memory": 2e8,
            "connections": 10,  # 100 x 0.07 / 0.7
            "relays": 1,
            "bandwidth": 100 * 1_538 * 8,
            "rows": 720_000,
            "planning": 72,
            "writes": 300,
            "transactions": 200,  # 2 x 100, less than 2 / 0.003
            "log": 520_000,
            "day": 288e6,
            "kept": 2_880e6 + 288e6,
            "partitions": 0,
            "sessions": 2 * engine.connections,
            "server": 0,
        },
        abs=1e-6,
    )


def test_transactions_are_shared_when_there_are_many() -> None:
    """And the time of gathering is that of the store."""
    found = amounts(plan(Load(100_000_000, 7_200)))
    assert MEASURED.gathering == GATHERING
    assert found["transactions"] == pytest.approx(found["processes"] / GATHERING)
    assert found["transactions"] < found["rate"]


def test_a_domain_that_takes_little_is_the_first_limit() -> None:
    load = Load(1_000_000, 7_200, domain_pace=20, domain_share=0.5)
    first = plan(load).limits[0]
    assert (first.what, first.subscribers, first.reached) == ("the pace to one domain", 288_000, True)
    assert plan(load).engine == "SQLite"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"subscribers": 0}, "one subscriber"),
        ({"subscribers": 10**400}, "one subscriber"),
        ({"window": 0.0}, "the window"),
        ({"window": 5e-324}, "the window"),
        ({"window": 86_401.0}, "the window"),
        ({"window": math.nan}, "the window"),
        ({"due": 1.5}, "the share of readers"),
        ({"due": math.nan}, "the share of readers"),
        ({"due": 1e-300}, "the share of readers"),
        ({"relay_latency": -1.0}, "latency"),
        ({"relay_latency": math.inf}, "latency"),
        ({"message": 0}, "a message"),
        ({"domain_pace": math.inf}, "the pace"),
        ({"domain_pace": 1e308}, "the pace"),
        ({"domain_share": 0.0}, "the largest domain"),
        ({"domain_share": 1e-300}, "the largest domain"),
        ({"keep": 0}, "the ledger"),
        ({"cores": 0}, "a machine"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(Load(1_000, 3_600), **wrong)


@pytest.mark.parametrize("due", [1e-9, 1.0])
@pytest.mark.parametrize("share", [1e-9, 1.0])
@pytest.mark.parametrize("window", [1.0, 86_400.0])
@pytest.mark.parametrize("pace", [5e-324, 1e9])
def test_the_ends_of_what_may_be_asked_are_reckoned_with(due: float, share: float, window: float, pace: float) -> None:
    load = Load(PEOPLE, window, due=due, domain_share=share, domain_pace=pace, relay_latency=600, keep=36_500)
    assert all(math.isfinite(need.amount) for need in plan(load).needs.values())
