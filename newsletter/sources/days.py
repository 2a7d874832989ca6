"""Days as people write them: on a line of their own, and in the name of a file. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    r"|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,?\s+)?"
_NUMBER = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>[0-9]{4}))?"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_WEEKDAY}{_MONTH}\s+{_NUMBER}{_YEAR}",
        rf"{_WEEKDAY}{_NUMBER}\s+{_MONTH}{_YEAR}",
        r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})",
    )
)
_LONGEST_FORM = 40

# Digits count as a date only where no letter or digit touches them, so that a hash in a file's name is never a year.
_DAY_IN_NAME = re.compile(
    r"(?<![0-9A-Za-z])(?:(\d{4})([-_.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d\d)(\d\d))(?![0-9A-Za-z])", re.ASCII
)
_YEAR_IN_NAME = re.compile(r"(?<![0-9A-Za-z])((?:19|20)\d\d)(?![0-9A-Za-z])", re.ASCII)

_YEARS = range(1991, 2200)  # arXiv opened in August 1991; what lies outside is a slip of the pen


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day as a line writes it; `year` is None where it names none. It need not exist: "Feb 30" is one too."""

    year: int | None
    month: int
    day: int


def day_line(text: str) -> DayLine | None:
    """The day a whole line states, None when the line is anything else.

    Forms: "Mar 11", "11 March", "Mar. 11th, 2025", "Tuesday, March 11, 2025", "2025-03-11", "2025-3-11". The weekday
    is not checked. "3/11" is none of them: it means two days in two countries.
    """
    if len(text) > _LONGEST_FORM:
        return None
    match = next((found for form in _FORMS if (found := form.fullmatch(text.strip()))), None)
    if match is None:
        return None
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    return DayLine(int(match["year"]) if match["year"] else None, number, int(match["day"]))


def resolve(line: DayLine, *, year: int | None, name: str, today: date) -> date | None:
    """The date a line means; None when there is no such day (Feb 30, or Feb 29 of a common year).

    Where the line names no year it is `year` (the source's setting), else the one in the document's `name`, else that
    of the most recent such day not after `today`.
    """
    known = line.year or year or _year_in_name(name)
    if known is not None:
        return _date(known, line.month, line.day)
    # Eight years hold a Feb 29 in every stretch of the calendar (1896 to 1904).
    days = (_date(today.year - back, line.month, line.day) for back in range(9))
    return next((day for day in days if day and day <= today), None)


def day_in_name(name: str) -> date | None:
    """The full date in a document's name (2025-03-11.txt, papers_20250311.txt), None when it holds none."""
    for found in _DAY_IN_NAME.finditer(name):
        year, month, number = found.group(1, 3, 4) if found[1] else found.group(5, 6, 7)
        if day := _date(int(year), int(month), int(number)):
            return day
    return None


def _year_in_name(name: str) -> int | None:
    if day := day_in_name(name):
        return day.year
    found = _YEAR_IN_NAME.search(name)
    return int(found[1]) if found else None


def _date(year: int, month: int, day: int) -> date | None:
    if year in _YEARS:
        with suppress(ValueError):
            return date(year, month, day)
    return None
