"""Charts are numbers in places: nothing stands outside of its drawing, and heights are what they count."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.web.admin.charts import HEIGHT, WIDTH, Series, bars, line

FIRST = date(2025, 2, 11)
NUMBERS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=2, max_size=90)


def days(number: int) -> list[date]:
    return [FIRST + timedelta(place) for place in range(number)]


@settings(deadline=None, max_examples=100)
@given(NUMBERS)
def test_bars_stand_on_each_other_within_the_drawing(numbers: list[tuple[int, int]]) -> None:
    first, second = zip(*numbers, strict=True)
    chart = bars("x", "X", days(len(numbers)), [Series("a", "sent", first), Series("b", "bad", second)])
    assert chart.scale[0] >= max(map(sum, numbers)) > chart.scale[0] / 2.6 or not any(map(sum, numbers))
    assert (chart.scale[-1], chart.grid[0], chart.grid[-1]) == (0, 0, HEIGHT)
    for bar in chart.bars:
        assert 0 <= bar.x < bar.x + bar.width <= WIDTH
        assert -0.02 <= bar.y <= bar.y + bar.height <= HEIGHT + 0.02
    tall = sum(bar.height for bar in chart.bars) / HEIGHT * chart.scale[0]
    assert tall == pytest.approx(sum(map(sum, numbers)), abs=chart.scale[0] / HEIGHT * len(chart.bars) * 0.01)
    assert [row[1] for row in chart.rows] == numbers[::-1]


@settings(deadline=None, max_examples=100)
@given(NUMBERS)
def test_a_line_goes_through_all_its_days(numbers: list[tuple[int, int]]) -> None:
    values = [one for one, _ in numbers]
    chart = line("x", "X", days(len(values)), Series("readers", "sent", values))
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", chart.line)[1:]]
    assert [x for x, _ in points] == pytest.approx([WIDTH / (len(values) - 1) * n for n in range(len(values))], abs=0.5)
    assert [y for _, y in points] == pytest.approx([HEIGHT - n / chart.scale[0] * HEIGHT for n in values], abs=0.5)
    assert chart.area.startswith(chart.line)


def test_a_chart_says_what_it_shows() -> None:
    chart = bars("x", "X", days(3), [Series("accepted", "sent", [1_000, 20, 0]), Series("refused", "bad", [0, 1, 0])])
    assert chart.sentence == (
        "11 February 2025 to 13 February 2025: 1,020 accepted, 1 refused; the most on 11 February 2025, 1,000."
    )
    assert list(chart.scale) == [1_000, 500, 0]
    nothing = bars("x", "X", days(3), [Series("accepted", "sent", [0, 0, 0])])
    assert (nothing.sentence, list(nothing.scale), list(nothing.bars)) == (
        "11 February 2025 to 13 February 2025: 0 accepted.",
        [1, 0],
        [],
    )
    grown = line("x", "X", days(2), Series("readers", "sent", [3, 12]))
    assert grown.sentence == "3 on 11 February 2025, 12 on 12 February 2025."
