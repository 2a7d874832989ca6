"""How a document says which day it is of."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.sources.days import DayLine, day_in_name, day_line, resolve

TODAY = date(2026, 8, 3)


@pytest.mark.parametrize(
    ("text", "year", "month", "day"),
    [
        ("Mar 11", None, 3, 11),
        ("mar. 11", None, 3, 11),
        ("MARCH 11", None, 3, 11),
        ("March 11th", None, 3, 11),
        ("11 Mar", None, 3, 11),
        ("1st September", None, 9, 1),
        ("Sept 1", None, 9, 1),
        ("May 4", None, 5, 4),
        ("Mar 11, 2025", 2025, 3, 11),
        ("Mar 11 2025", 2025, 3, 11),
        ("11 March 2025", 2025, 3, 11),
        ("Tuesday, March 11, 2025", 2025, 3, 11),
        ("Tue 11 Mar", None, 3, 11),
        ("2025-03-11", 2025, 3, 11),
        ("2025-3-11", 2025, 3, 11),
        ("  Mar  11 ", None, 3, 11),
        ("Feb 30", None, 2, 30),
        ("2025-13-01", 2025, 13, 1),
    ],
)
def test_the_forms_of_a_day(text: str, year: int | None, month: int, day: int) -> None:
    assert day_line(text) == DayLine(year, month, day)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "March",
        "Mar 11: A Survey",
        "3/11/2025",
        "Mars 11",
        "Mar 111",
        "2025",
        "20250311",
        "Mar ١١",
        "Yesterday, Mar 11",
        "Marching 11 Robots",
        "Mar 11, 2025 " * 9,
    ],
)
def test_what_is_no_day(text: str) -> None:
    assert day_line(text) is None


@pytest.mark.parametrize(
    ("text", "year", "name", "expected"),
    [
        ("Mar 11", 2025, "000_d0d376eaec1f9212.txt", date(2025, 3, 11)),
        ("Mar 11, 2024", 2025, "2023-01-01.txt", date(2024, 3, 11)),  # the document first,
        ("Mar 11", 2025, "2024-03-11.txt", date(2025, 3, 11)),  # then the setting,
        ("Mar 11", None, "2024-03-11.txt", date(2024, 3, 11)),  # then the name,
        ("Mar 11", None, "listing_2024.txt", date(2024, 3, 11)),
        ("Mar 11", None, "page.txt", date(2026, 3, 11)),  # then the latest such day
        ("Aug 3", None, "page.txt", date(2026, 8, 3)),
        ("Aug 4", None, "page.txt", date(2025, 8, 4)),
        ("Mar 11", None, "000_d0d376eaec1f9212.txt", date(2026, 3, 11)),
        ("Mar 11", None, "a2019f.txt", date(2026, 3, 11)),
        ("Mar 11", None, "120191.txt", date(2026, 3, 11)),
        ("Feb 29", None, "page.txt", date(2024, 2, 29)),
        ("Feb 29", 2024, "page.txt", date(2024, 2, 29)),
        ("Feb 29", 2025, "page.txt", None),
        ("Feb 30", None, "page.txt", None),
        ("2025-13-01", None, "page.txt", None),
        ("Apr 31, 2025", None, "page.txt", None),
        ("0001-01-01", None, "page.txt", None),
        ("9999-12-31", None, "page.txt", None),
    ],
)
def test_the_date_a_day_line_means(text: str, year: int | None, name: str, expected: date | None) -> None:
    line = day_line(text)
    assert line
    assert resolve(line, year=year, name=name, today=TODAY) == expected


def test_a_leap_day_is_found_across_a_century_without_one() -> None:
    assert resolve(DayLine(None, 2, 29), year=None, name="x", today=date(2104, 2, 28)) == date(2096, 2, 29)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2025-03-11.txt", date(2025, 3, 11)),
        ("papers 2025-3-11.txt", date(2025, 3, 11)),
        ("hf_2025_03_11.txt", date(2025, 3, 11)),
        ("20250311.txt", date(2025, 3, 11)),
        ("listing_2025.txt", None),
        ("2025-02-30.txt", None),
        ("000_d0d376eaec1f9212.txt", None),
        ("d2025-03-11a.txt", None),
        ("2025311.txt", None),
    ],
)
def test_the_date_in_a_name(name: str, expected: date | None) -> None:
    assert day_in_name(name) == expected


@settings(deadline=None, max_examples=300)
@given(st.dates(date(1992, 1, 1), date(2199, 12, 31)), st.integers(0, 364))
def test_a_day_without_a_year_is_never_in_the_future_and_never_older_than_need_be(today: date, back: int) -> None:
    day = date.fromordinal(today.toordinal() - back)
    line = day_line(f"{day:%B} {day.day}")
    assert line
    assert resolve(line, year=None, name="page.txt", today=today) == day
