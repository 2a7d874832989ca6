"""Which days have an issue, what it holds, and when its feeds are out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.sources.arxiv.calendar import (
    EASTERN,
    HOLIDAYS,
    announced_at,
    feed_day,
    is_issue_day,
    issue_day_expected,
    issue_days,
    no_issue_because,
    window,
)

YEAR = (date(2025, 12, 31), date(2026, 12, 31))


def utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("issue", "start", "end"),
    [
        ("2026-08-10", "2026-08-06 18:00", "2026-08-07 18:00"),  # Monday: Thursday 14:00 - Friday 14:00
        ("2026-08-11", "2026-08-07 18:00", "2026-08-10 18:00"),  # Tuesday: Friday - Monday
        ("2026-08-12", "2026-08-10 18:00", "2026-08-11 18:00"),
        ("2026-08-13", "2026-08-11 18:00", "2026-08-12 18:00"),
        ("2026-08-14", "2026-08-12 18:00", "2026-08-13 18:00"),
        ("2026-03-10", "2026-03-06 19:00", "2026-03-09 18:00"),  # clocks go forward on the 8th: EST, then EDT
        ("2026-11-03", "2026-10-30 18:00", "2026-11-02 19:00"),  # and back on 1 November
        ("2026-11-26", "2026-11-24 19:00", "2026-11-25 19:00"),  # what came in before Thanksgiving
        ("2026-11-30", "2026-11-25 19:00", "2026-11-27 19:00"),  # the Monday after it holds two days
        ("2026-12-25", "2026-12-23 19:00", "2026-12-24 19:00"),
        ("2026-12-29", "2026-12-24 19:00", "2026-12-28 19:00"),
        ("2026-12-31", "2026-12-28 19:00", "2026-12-30 19:00"),
        ("2026-09-09", "2026-09-04 18:00", "2026-09-08 18:00"),  # Labor Day is a Monday
    ],
)
def test_the_window_of_an_issue(issue: str, start: str, end: str) -> None:
    assert window(date.fromisoformat(issue), HOLIDAYS) == (utc(start), utc(end))


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-08-08", "arXiv has no issue on a Saturday"),
        ("2026-08-09", "arXiv has no issue on a Sunday"),
        ("2026-11-27", "arXiv announces nothing on 2026-11-26, a holiday"),
        ("2026-12-28", "arXiv announces nothing on 2026-12-25, a holiday"),
        ("2026-12-30", "arXiv announces nothing on 2026-12-29, a holiday"),
        ("2027-01-01", "arXiv announces nothing on 2026-12-31, a holiday"),
        ("2026-01-20", "arXiv announces nothing on 2026-01-19, a holiday"),
        ("2026-07-06", "arXiv announces nothing on 2026-07-03, a holiday"),
        ("2026-08-07", ""),
        ("2026-11-26", ""),
    ],
)
def test_days_without_an_issue(day: str, why: str) -> None:
    one = date.fromisoformat(day)
    assert no_issue_because(one, HOLIDAYS) == why
    assert is_issue_day(one, HOLIDAYS) is (not why)
    assert (window(one, HOLIDAYS) is None) is bool(why)


def test_the_year_has_all_its_weekdays_but_those_after_a_holiday() -> None:
    weekdays = [day for number in range(1, 366) if (day := YEAR[0] + timedelta(number)).weekday() < 5]
    after_holidays = {date(2026, m, d) for m, d in ((1, 2), (1, 20), (6, 22), (7, 6), (9, 8), (11, 27), (12, 28))}
    after_holidays |= {date(2026, 12, 30)}  # the one of 31 December falls into the next year
    assert [*issue_days(*YEAR, HOLIDAYS)] == [day for day in weekdays if day not in after_holidays]


@pytest.mark.parametrize("holidays", [HOLIDAYS, ()])
def test_the_windows_of_a_year_leave_no_gap_and_do_not_overlap(holidays: tuple[date, ...]) -> None:
    windows = [window(day, holidays) for day in issue_days(*YEAR, holidays)]
    assert len(windows) > 240
    for one, two in pairwise(windows):
        assert one is not None
        assert two is not None
        assert one[0] < one[1] == two[0]


@settings(deadline=None, max_examples=60)
@given(
    st.dates(date(1995, 1, 1), date(2090, 1, 1)),
    st.lists(st.integers(0, 60), max_size=40),
    st.integers(1, 60),
)
def test_windows_tile_whatever_the_holidays(first: date, offsets: list[int], length: int) -> None:
    holidays = {first + timedelta(days=number) for number in offsets}
    days = issue_days(first, first + timedelta(days=length), holidays)
    for one, two in pairwise(days):
        before, after = window(one, holidays), window(two, holidays)
        assert before is not None
        assert after is not None
        assert before[0] < before[1] == after[0] < after[1]
        assert after[1] < announced_at(two)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-08-07 04:59", "2026-08-06"),  # midnight is at 04:00 in summer, and an hour is given
        ("2026-08-07 05:00", "2026-08-07"),
        ("2026-08-08 12:00", "2026-08-07"),
        ("2026-08-10 04:59", "2026-08-07"),
        ("2026-08-10 05:00", "2026-08-10"),
        ("2026-01-07 05:59", "2026-01-06"),  # 05:00 in winter
        ("2026-01-07 06:00", "2026-01-07"),
        ("2026-03-09 04:59", "2026-03-06"),
        ("2026-03-09 05:00", "2026-03-09"),
        ("2026-11-02 05:59", "2026-10-30"),
        ("2026-11-02 06:00", "2026-11-02"),
        ("2026-11-27 23:00", "2026-11-26"),
        ("2026-12-28 23:00", "2026-12-25"),
        ("2026-12-30 23:00", "2026-12-29"),
    ],
)
def test_the_newest_issue_that_is_out(now: str, expected: str) -> None:
    assert issue_day_expected(utc(now), HOLIDAYS) == date.fromisoformat(expected)


@settings(deadline=None, max_examples=200)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_what_is_expected_is_out_and_the_next_is_not(naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    expected = issue_day_expected(now, HOLIDAYS)
    assert is_issue_day(expected, HOLIDAYS)
    assert announced_at(expected) < now
    assert expected <= feed_day(now) <= now.astimezone(EASTERN).date()
    assert not issue_days(expected, feed_day(now), HOLIDAYS)


def test_when_an_issue_becomes_public() -> None:
    assert announced_at(date(2026, 8, 10)) == utc("2026-08-10 00:00")  # Sunday evening, summer
    assert announced_at(date(2026, 1, 7)) == utc("2026-01-07 01:00")
    assert announced_at(date(2026, 3, 9)) == utc("2026-03-09 00:00")  # the evening of the day the clocks went forward
    assert announced_at(date(2026, 11, 2)) == utc("2026-11-02 01:00")
