"""What one source answered: the papers, and a verdict on the answer itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256

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
class Observation:
    """A number that a source tells of a paper and that changes with time: `what` is one word like `votes`, `comments`,
    `stars`, `citations` or `version`. `paper` is any key of the paper (`arxiv:2503.01234`)."""

    paper: str
    what: str
    value: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One document (a page, a file, a feed) of one source.

    `day` is the day the document itself announces, None when it names none. `why` explains the verdict in one sentence.
    `kind` is the kind of the source, which says how far it is believed where sources differ; empty: not at all.
    `declared` is how many papers the source says there are, None when it does not say. `expected` is the newest day
    that it should have announced by its own calendar, None when it has none. `notes` are records that only complete
    papers that are known already, by their keys: a new version, a citation count. They bring no paper into an edition.
    `asked` is the day that was asked for, None for what is new. `standing` tells that the document shows a paper for as
    long as it likes, like a feed: only the first time is a listing.
    """

    source: str
    document: str
    day: date | None
    papers: tuple[Paper, ...]
    verdict: Verdict
    why: str
    curators: str = ""
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    declared: int | None = None
    expected: date | None = None
    notes: tuple[Paper, ...] = ()
    observations: tuple[Observation, ...] = ()
    asked: date | None = None
    standing: bool = False

    @property
    def identities(self) -> str:
        """The hash of the identities of its papers, whatever their order; empty without papers. Two answers with the
        same hash show the same papers: freshness is decided by it, because dates in feeds lie."""
        ids = sorted({paper.id for paper in self.papers})
        return sha256("\n".join(ids).encode()).hexdigest()[:32] if ids else ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a source had answered when an edition was made: how many of the edition's papers it listed, and its verdict
    (see `policy.verdicts.overall`)."""

    source: str
    verdict: Verdict
    papers: int
