"""When arXiv announces what: which days have an issue, and which submissions it holds. Pure.

Submissions are closed at 14:00 US Eastern time on weekdays that are no holidays, and announced at 20:00 that evening,
Friday's on Sunday. Their issue carries the date of the next morning, when the feeds are made at midnight, so issues
are dated Monday to Friday. On a holiday nothing is closed nor announced: the issue of the weekday after it does not
exist, and its submissions wait for the next one. Rules: https://info.arxiv.org/help/availability.html, and for holidays
the calendar code of https://github.com/arXiv/arxiv-base, where such a day is a `freeze_skip_date`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
HOLIDAYS = tuple(
    date(2026, month, day)
    for month, day in ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31))
)
"""The days of 2026, US Eastern, on which arXiv announces nothing."""
OPENED = date(1991, 8, 14)

_CLOSED = time(14)
_ANNOUNCED = time(20)
_GRACE = timedelta(hours=1)  # the feeds are made at midnight, and that takes a while
_ONE = timedelta(days=1)
_SATURDAY = 5


def is_issue_day(day: date, holidays: Collection[date]) -> bool:
    """Whether there is an issue of `day`."""
    return day.weekday() < _SATURDAY and _weekday_before(day) not in holidays


def no_issue_because(day: date, holidays: Collection[date]) -> str:
    """Why there is no issue of `day`, as a clause; empty when there is one."""
    if day.weekday() >= _SATURDAY:
        return f"arXiv has no issue on a {day:%A}"
    closed = _weekday_before(day)
    return f"arXiv announces nothing on {closed}, a holiday" if closed in holidays else ""


def window(issue_day: date, holidays: Collection[date]) -> tuple[datetime, datetime] | None:
    """From when until just before when the submissions of an issue came in, in UTC; None when there is no such issue.

    The windows of successive issues leave no gap and do not overlap.
    """
    if not is_issue_day(issue_day, holidays):
        return None
    last = _weekday_before(issue_day)
    first = _weekday_before(last)
    while first in holidays:
        first = _weekday_before(first)
    return _eastern(first, _CLOSED), _eastern(last, _CLOSED)


def announced_at(issue_day: date) -> datetime:
    """When the papers of an issue become public, in UTC."""
    return _eastern(issue_day - _ONE, _ANNOUNCED)


def feed_day(now: datetime) -> date:
    """The day that the feeds are of at `now` (aware): arXiv's today, with an hour of grace after midnight."""
    return (now - _GRACE).astimezone(EASTERN).date()


def issue_day_expected(now: datetime, holidays: Collection[date]) -> date:
    """The newest issue day whose feeds are out at `now` (aware)."""
    day = feed_day(now)
    while not is_issue_day(day, holidays):
        day -= _ONE
    return day


def issue_days(after: date, until: date, holidays: Collection[date]) -> tuple[date, ...]:
    """The issue days that lie after `after` and not after `until`, in order."""
    days = (after + timedelta(days=number) for number in range(1, (until - after).days + 1))
    return tuple(day for day in days if is_issue_day(day, holidays))


def _weekday_before(day: date) -> date:
    day -= _ONE
    while day.weekday() >= _SATURDAY:
        day -= _ONE
    return day


def _eastern(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, EASTERN).astimezone(UTC)
