"""What one source answered: the papers, and a verdict on the answer itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from newsletter.model.paper import Paper


class Verdict(StrEnum):
    """What to think of a batch. The source says how well it could read; the store knows what is new."""

    NEW = "new"  # read whole, and something in it was not known
    SAME = "same"  # read whole, and all of it was known already
    PARTIAL = "partial"  # some of it could not be read; the rest is kept
    STALE = "stale"  # the source still shows an earlier day
    QUIET = "quiet"  # the source works and has nothing
    BROKEN = "broken"  # nothing could be read


@dataclass(frozen=True, slots=True)
class Problem:
    """One place in a document that could not be read. `line` counts from 1; 0 means the document as a whole."""

    document: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.why}" if self.line else f"{self.document}: {self.why}"


@dataclass(frozen=True, slots=True)
class Batch:
    """One document (a page, a file, a feed) of one source.

    `day` is the day the document itself announces, None when it names none. `why` explains the verdict in one sentence.
    """

    source: str
    document: str
    day: date | None
    papers: tuple[Paper, ...]
    verdict: Verdict
    why: str
    curators: str = ""
    problems: tuple[Problem, ...] = ()
