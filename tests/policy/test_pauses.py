"""A pause ends on its day, by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from newsletter.model import Rhythm, Status, Subscriber
from newsletter.policy.due import due, pause_is_over

MONDAY = date(2025, 3, 10)
ADA = Subscriber("ada@example.org", status=Status.PAUSED, paused_until=MONDAY)


@pytest.mark.parametrize(("days", "over"), [(-1, False), (0, True), (1, True), (400, True)])
def test_a_pause_until_a_day(days: int, over: bool) -> None:
    day = MONDAY + timedelta(days=days)
    assert pause_is_over(ADA, day) is over
    assert due(ADA, day).due is over


def test_a_pause_without_an_end_has_none() -> None:
    endless = replace(ADA, paused_until=None)
    assert due(endless, date.max).why == "the subscriber is paused"


def test_the_rhythm_counts_after_a_pause_as_before() -> None:
    weekly = replace(ADA, rhythm=Rhythm.WEEKLY)
    assert [due(weekly, MONDAY + timedelta(days=number)).due for number in range(8)] == [True] + [False] * 6 + [True]


@pytest.mark.parametrize("status", [Status.LEFT, Status.PENDING])
def test_a_day_brings_nobody_back_who_did_not_pause(status: Status) -> None:
    assert not due(replace(ADA, status=status), MONDAY).due
