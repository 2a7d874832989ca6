"""Charts: where every bar and line goes, worked out on the server, for the SVG of `admin_parts.html.j2`.

A chart stretches to the width there is (`preserveAspectRatio="none"`), so words stand beside it, not in it. Each comes
with a title, a sentence, and a table of its numbers: nobody has to see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsletter.web.showing import ENGLISH

WIDTH, HEIGHT = 900, 200
"""Units of the drawing."""

_STEPS = (1, 2, 4, 6, 8, 10)
_GAP = 0.25
"""The share of a day's width that stays free beside its bar."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind, one for each day. `look` is the class that gives it a colour."""

    name: str
    look: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the drawing, from its upper left corner."""

    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`name` is for ids on the page. `scale` are the numbers beside the drawing from its top to its foot, `grid` the
    heights of their lines. Of `bars` and the pair of `line` and `area` (SVG paths) one is there."""

    name: str
    title: str
    sentence: str
    days: Sequence[date]
    series: Sequence[Series]
    scale: Sequence[int]
    grid: Sequence[float]
    bars: Sequence[Bar] = ()
    line: str = ""
    area: str = ""

    @property
    def rows(self) -> list[tuple[date, tuple[int, ...]]]:
        """The numbers of each day, the newest day first."""
        return list(zip(self.days, zip(*(one.values for one in self.series), strict=True), strict=True))[::-1]


def bars(name: str, title: str, days: Sequence[date], series: Sequence[Series]) -> Chart:
    """A bar for each of `days` (one or more), put together from all series, the first one at the foot."""
    totals = [sum(numbers) for numbers in zip(*(one.values for one in series), strict=True)]
    scale = _scale(max(totals))
    step, drawn = WIDTH / len(days), list[Bar]()
    for place in range(len(days)):
        foot = float(HEIGHT)
        for one in series:
            if tall := one.values[place] / scale[0] * HEIGHT:
                foot -= tall
                x, width = place * step + step * _GAP / 2, step * (1 - _GAP)
                drawn.append(Bar(one.look, round(x, 2), round(foot, 2), round(width, 2), round(tall, 2)))
    highest = max(range(len(days)), key=totals.__getitem__)
    sums = ", ".join(f"{ENGLISH.number(sum(one.values))} {one.name}" for one in series)
    said = f"{_day(days[0])} to {_day(days[-1])}: {sums}"
    if totals[highest]:
        said += f"; the most on {_day(days[highest])}, {ENGLISH.number(totals[highest])}"
    return Chart(name, title, f"{said}.", days, series, scale, _grid(scale), bars=drawn)


def line(name: str, title: str, days: Sequence[date], series: Series) -> Chart:
    """A line through the values of `days`, two or more, above an area that begins at 0."""
    scale = _scale(max(series.values))
    step = WIDTH / (len(days) - 1)
    points = [
        f"{round(place * step, 2):g} {round(HEIGHT - value / scale[0] * HEIGHT, 2):g}"
        for place, value in enumerate(series.values)
    ]
    first, last = series.values[0], series.values[-1]
    said = f"{ENGLISH.number(first)} on {_day(days[0])}, {ENGLISH.number(last)} on {_day(days[-1])}."
    drawn = f"M{'L'.join(points)}"
    area = f"{drawn}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z"
    return Chart(name, title, said, days, [series], scale, _grid(scale), line=drawn, area=area)


def _scale(most: int) -> list[int]:
    """Numbers beside a drawing that shows up to `most`, from a round one at the top to 0."""
    power = 10 ** (len(str(max(most, 1))) - 1)
    top = next(step * power for step in _STEPS if step * power >= most)
    return [top, top // 2, 0] if top % 2 == 0 else [top, 0]


def _grid(scale: Sequence[int]) -> list[float]:
    return [HEIGHT - number / scale[0] * HEIGHT for number in scale]


def _day(day: date) -> str:
    return ENGLISH.date(day, "d MMMM y")
