"""The development data: a stream of papers by day, topics that people wrote, and what they chose for them."""

from __future__ import annotations

import argparse
import gzip
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from newsletter.model import Paper, ReadablePaper, Topic
from newsletter.ranking import Encoder
from newsletter.text import readable
from newsletter.vectors import encoders

FIRST_DAY = date(2025, 5, 20)
ARCHIVE_DAYS = 150
"""The archive is the papers of so many days before the week's first; the stream begins 63 days before FIRST_DAY."""


@dataclass(frozen=True)
class Asked:
    """A topic, the first and last day on which it is scored, and the ids of the papers that its curators chose."""

    topic: Topic
    window: tuple[date, date]
    relevant: frozenset[str]

    def open_on(self, day: date) -> bool:
        return self.window[0] <= day <= self.window[1]


@dataclass(frozen=True)
class Week:
    """The days of a week on which papers came; rows are those of the stream: the archive's, then each day's."""

    archive: range
    days: dict[date, range]

    @property
    def rows(self) -> range:
        """All papers of the week."""
        several = list(self.days.values())
        return range(several[0].start, several[-1].stop)


class Stream:
    """All papers in the order of their days, and the topics."""

    def __init__(self, folder: Path, half: bool = False) -> None:
        records = sorted(rows(folder / "topic_stream" / "papers.jsonl.gz"), key=lambda one: (one["day"], one["id"]))
        self.papers = [_paper(one) for one in records]
        self.days = [date.fromisoformat(one["day"]) for one in records]
        lines = (folder / "topic_stream" / "topics.jsonl").read_text(encoding="utf-8").splitlines()
        asked = sorted(map(_asked, map(json.loads, lines)), key=lambda one: one.topic.slug)
        self.topics = asked[::2] if half else asked

    def weeks(self, every: int = 1) -> list[Week]:
        """Every so many weeks from FIRST_DAY on."""
        days = sorted({day for day in self.days if day >= FIRST_DAY})
        groups = [list(group) for _, group in groupby(days, key=lambda day: day.toordinal() // 7)]
        return [self._week(group) for group in groups[::every]]

    def _week(self, days: Sequence[date]) -> Week:
        start = bisect_left(self.days, days[0] - timedelta(ARCHIVE_DAYS))
        return Week(range(start, bisect_left(self.days, days[0])), {day: self._of(day) for day in days})

    def _of(self, day: date) -> range:
        return range(bisect_left(self.days, day), bisect_left(self.days, day + timedelta(1)))

    def __getitem__(self, several: range) -> list[ReadablePaper]:
        return self.papers[several.start : several.stop]


def rows(path: Path) -> Iterator[dict[str, object]]:
    """The records of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def models(given: argparse.Namespace) -> tuple[Encoder, ...]:
    """The encoders that the command line asks for."""
    return encoders(given.extras, given.cache)


def _paper(record: dict[str, object]) -> ReadablePaper:
    return readable(
        Paper(
            id=record["id"],
            title=record["title"],
            abstract=record["abstract"],
            authors=tuple(record["authors"]),
            categories=tuple(record["categories"]),
            first_seen=date.fromisoformat(record["day"]),
        )
    )


def _asked(record: dict[str, object]) -> Asked:
    first, last = map(date.fromisoformat, record["window"])
    topic = Topic(record["slug"], record["name"], record["description"])
    return Asked(topic, (first, last), frozenset(record["relevant"]))
