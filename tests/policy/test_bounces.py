"""What a report says about a reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.policy.bounces import IGNORED, BounceKind, Judgement, judge, judge_complaint, mildest

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = timedelta(days=1)


def judged(action: str, status: str, *ages: int, soft_limit: int = 5) -> Judgement:
    past = [NOW - age * DAY for age in ages]
    return judge(action, status, past=past, now=NOW, soft_limit=soft_limit)


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.7.17", "5.7.18"])
def test_a_mailbox_that_is_gone_is_suppressed_at_once(status: str) -> None:
    assert judged("failed", status) == Judgement(BounceKind.HARD, f"hard bounce ({status})")


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.7.509", "5.1.7", "5.1.8", "5.5.0", "5.6.1"])
def test_what_is_about_us_never_suppresses_the_reader(status: str) -> None:
    assert judged("failed", status, *[0] * 100) == Judgement(BounceKind.REPUTATION)


@pytest.mark.parametrize(
    "status", ["5.2.2", "5.0.0", "", "5.4.4", "5.3.4", "4.4.7", "4.2.1", "5.1.0", "5.1.11", "5.1.99"]
)
def test_what_may_pass_is_soft(status: str) -> None:
    assert judged("failed", status) == Judgement(BounceKind.SOFT)


@pytest.mark.parametrize("status", ["4.4.1", "", "5.1.1", "4.7.1"])
def test_a_delay_is_soft_whatever_the_status(status: str) -> None:
    assert judged("delayed", status) == Judgement(BounceKind.SOFT)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_what_arrived_is_ignored_whatever_the_status(action: str) -> None:
    assert judged(action, "5.1.1", 0, 0, 0, 0, 0, 0) == IGNORED


def test_without_an_action_the_status_decides() -> None:
    assert judged("", "5.1.1").kind is BounceKind.HARD
    assert judged("frobnicated", "4.2.2").kind is BounceKind.SOFT
    assert judged("", "2.1.5") == judged("", "") == IGNORED


def test_soft_bounces_pile_up_to_the_limit() -> None:
    assert judged("failed", "5.2.2", 0, 0, 0).suppress == ""
    assert judged("failed", "5.2.2", 0, 0, 0, 0).suppress == "soft bounces"
    assert judged("failed", "5.2.2", soft_limit=1).suppress == "soft bounces"


def test_a_soft_bounce_loses_half_of_its_weight_in_thirty_days() -> None:
    assert judged("failed", "5.2.2", 30, 30, soft_limit=2).suppress == "soft bounces"
    assert judged("failed", "5.2.2", 30, 31, soft_limit=2).suppress == ""
    assert judged("failed", "5.2.2", 60, 60, 60, 60, soft_limit=2).suppress == "soft bounces"


def test_a_mailbox_that_is_full_once_a_month_is_never_suppressed() -> None:
    assert judged("failed", "5.2.2", *range(30, 30 * 200, 30)).suppress == ""


def test_a_clock_set_back_makes_no_bounce_heavier() -> None:
    assert judged("failed", "5.2.2", -1000, soft_limit=3).suppress == ""


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other", "opt-out", "something-new"])
def test_a_complaint_takes_the_reader_out(kind: str) -> None:
    assert judge_complaint(kind) == Judgement(BounceKind.COMPLAINT, f"complaint ({kind})")


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus"])
def test_what_is_no_readers_complaint_does_nothing(kind: str) -> None:
    assert judge_complaint(kind) == IGNORED


def test_of_several_recipients_the_mildest_counts() -> None:
    hard, soft, ours = judged("failed", "5.1.1"), judged("failed", "5.2.2"), judged("failed", "5.7.1")
    assert mildest([hard, soft, ours]) == soft
    assert mildest([hard, ours]) == ours
    assert mildest([hard, IGNORED]) == mildest([]) == IGNORED


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["failed", "delayed", "delivered", "relayed", "expanded", "", "nonsense"]),
    st.one_of(st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True), st.just("")),
    st.lists(st.integers(-100, 5000), max_size=30),
    st.integers(1, 50),
)
def test_only_hard_and_piled_up_soft_bounces_suppress(action: str, status: str, ages: list[int], limit: int) -> None:
    judgement = judged(action, status, *ages, soft_limit=limit)
    weight = 1 + sum(min(1.0, 0.5 ** (age / 30)) for age in ages)
    if judgement.kind is BounceKind.SOFT:
        assert bool(judgement.suppress) == (weight >= limit)
    else:
        assert bool(judgement.suppress) == (judgement.kind is BounceKind.HARD)
    if judgement.kind is BounceKind.HARD:
        assert status.startswith("5.")
        assert action not in {"delivered", "relayed", "expanded", "delayed"}
