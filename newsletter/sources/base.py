"""What every source has in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from newsletter.errors import SourceError
from newsletter.model import Answer, Batch, Paper
from newsletter.sources.options import SourceOptions


@dataclass(frozen=True, slots=True)
class Past:
    """What a source told of a document that it shows again and again: the day it was `first` asked about, and the days
    from the look-back on that were `read` whole. A document named "cs.CL 2026-10-01" tells of "cs.CL", one named
    "2026-10-01" of ""."""

    first: date
    read: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a source. It has no other clock.

    `now` is aware UTC, `today` the date in the schedule's time zone. `day` is the one day that is asked for, None for
    whatever is new. An edition takes what was listed in the last `look_back` days; `past` tells, by document, what was
    read before, so that days in between can be fetched as well.
    """

    now: datetime
    today: date
    day: date | None = None
    look_back: int = 7
    past: Mapping[str, Past] = field(default_factory=dict)

    def missed(self, document: str, days: Iterable[date]) -> list[date]:
        """Those of `days` that an edition could still take and that were not read, though they came after the document
        was first asked about."""
        known = self.past.get(document)
        if known is None:
            return []
        start = max(known.first, self.today - timedelta(days=self.look_back - 1))
        return [day for day in days if day >= start and day not in known.read]


class Source(Protocol):
    """A place papers come from.

    `name` is the one the operator gave it; it is written on every batch and listing. A source that can be asked for any
    day of the past says so with an attribute `by_day = True`; the others are left out when days are fetched again.
    """

    name: str

    async def collect(self, ask: Ask) -> list[Batch]:
        """What is wanted, one batch per document (a page, a file, a feed).

        A document that cannot be read, wholly or in part, never raises: its batch says *partial* or *broken* and lists
        the problems. Raises SourceError only when the source cannot answer at all. A source that cannot be asked for a
        day (`ask.day`) answers with what it shows of that day.
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """A source whose answer may be too long for memory: it is asked for `batches` instead of `collect`."""

    def batches(self, ask: Ask) -> AsyncGenerator[Batch, None]:
        """The same as `collect`, one after the other. What was yielded before an error stays."""
        ...


@runtime_checkable
class Enricher(Protocol):
    """A place that knows more of papers that came from elsewhere. What is nothing but that answers `collect` with no
    batch."""

    name: str

    async def enrich(self, papers: Sequence[Paper], ask: Ask) -> list[Batch]:
        """What it knows of `papers`: batches without papers, with `notes` and `observations`. Raises SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class Habits:
    """How a source is to be asked: at most one request at a time, and `pace` seconds between them, for all that ask the
    same `group` (empty: the host), on all machines that share a database; `timeout` in seconds for one request. The
    `headers`, a token for one, go to the source's own host and nowhere else."""

    group: str = ""
    pace: float = 1.0
    timeout: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)


class Web(Protocol):
    """Asks the network politely, and keeps what came."""

    async def ask(
        self,
        source: str,
        url: str,
        habits: Habits,
        *,
        json: Any = None,
        once_a_day: bool = False,
        take: Collection[int] = (),
    ) -> Answer:
        """The answer to a GET of `url`, or to a POST of `json`.

        Asked are only http and https. A kept answer is asked for again with its etag and date, and not at all when it
        came today (UTC) and `once_a_day` is set. Redirects are followed with care, a POST to no other place. Slow,
        large, refused and failed answers raise SourceError with one sentence, after a few attempts where another may
        help; so does every status but 200 and those to `take`. `source` is the name for sentences and for the kept
        answer.
        """
        ...

    async def reject(self, source: str, answer: Answer) -> None:
        """Say of an answer that it could not be read, wholly or in part: the next time it is asked for anew, without
        its etag and though it came today."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a source may need: the `web`, and the folder of the shipped `seeds`."""

    web: Web
    seeds: Path


class NoWeb:
    """The `Web` where no source is configured that is on the network."""

    async def ask(
        self,
        source: str,
        url: str,
        habits: Habits,
        *,
        json: Any = None,
        once_a_day: bool = False,
        take: Collection[int] = (),
    ) -> Answer:
        """Raises SourceError."""
        raise SourceError(f"source {source}: its Options must derive from NetworkOptions, or it has no access to {url}")

    async def reject(self, source: str, answer: Answer) -> None:
        """There is no answer to reject."""


class Kind(Protocol):
    """What the registry holds: a class of sources. One that is nothing but an enricher has `brings_papers = False`."""

    Options: ClassVar[type[SourceOptions]]

    @classmethod
    def build(cls, options: Any, tools: Tools) -> Source:
        """A source as its options, an instance of `Options`, describe it. Raises ValueError when it cannot be."""
        ...
