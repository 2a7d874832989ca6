"""What readers of documents share: how much they read, what they refuse, how they tell it. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from urllib.parse import quote

from newsletter.model import Problem
from newsletter.sources.days import day_line
from newsletter.sources.links import links_in
from newsletter.text import clean

MAX_BYTES = 10_000_000
MAX_TITLE = 1_000
MAX_ABSTRACT = 50_000
MAX_NAME = 200
MAX_AUTHORS = 3_000
MAX_PROBLEMS = 100

_NO_TEXT = re.compile("[\x00\ud800-\udfff\ufffd]")
_NUMBERS = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", re.ASCII)
_YEARS = range(1900, 2200)  # what lies outside is a slip of the pen


@dataclass(slots=True)
class Report:
    """What could not be read of `document`: `count` places, the first MAX_PROBLEMS of them described."""

    document: str
    count: int = 0
    described: list[Problem] = field(default_factory=list)

    def add(self, why: str, line: int = 0) -> None:
        self.count += 1
        if len(self.described) < MAX_PROBLEMS:
            self.described.append(Problem(self.document, line, why))

    @property
    def problems(self) -> tuple[Problem, ...]:
        more = self.count - len(self.described)
        return (*self.described, *([Problem(self.document, 0, f"and {more:,} more")] if more else ()))


class Unreadable(Exception):
    """One record cannot be read; the message says why, in words that hold nothing of the record."""


def whole(what: str, text: str, most: int) -> str:
    """`text` with its white space collapsed. Raises Unreadable for one of more than `most` characters, and for one
    with a hole in it: NUL, half of a character, or the mark that stands for bytes that are none."""
    text = " ".join(text.split())
    if len(text) > most:
        raise Unreadable(f"a {what} of more than {most:,} characters")
    if _NO_TEXT.search(text):
        raise Unreadable(f"a {what} with bytes that are no text")
    return text


def line(text: str, most: int = MAX_NAME) -> str:
    """`text` as one printable line of at most `most` characters, for names, sentences and the like."""
    letters = (letter for letter in clean(text[: 4 * most]) if letter.isprintable() and letter != "\ufffd")
    short = " ".join("".join(letters).split())
    return short if len(short) <= most else f"{short[: most - 1].rstrip()}…"


def address(url: object) -> str:
    """`url` when it is a whole http(s) address of a public host (see `links_in`), else nothing."""
    if not isinstance(url, str) or not url[:8].lower().startswith(("http://", "https://")) or len(url) > 1_000:
        return ""
    if _NO_TEXT.search(url) or any(letter.isspace() for letter in url.strip()):
        return ""
    found = links_in(quote(url.strip(), safe="%/:?#@!$&()*+,;=~"))
    return found[0].url if len(found) == 1 else ""


def day_of(text: object) -> date | None:
    """The day of an ISO date or time, in UTC where it names its zone, or of a date as a person writes it: "2026-6-30",
    "Aug 7, 2026". None for anything else."""
    if not isinstance(text, str) or not (text := text[:60].strip()):
        return None
    day: date | None = None
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        day = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    with suppress(ValueError):
        if day is None and (found := _NUMBERS.match(text)):
            day = date(*(int(number) for number in found.groups()))
        if day is None and (written := day_line(text)) and written.year:
            day = date(written.year, written.month, written.day)
    return day if day and day.year in _YEARS else None


def counted(number: int, one: str, several: str = "") -> str:
    """ "1 paper", "2,000 papers"."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
