"""What the verdicts on a source's documents come to, and what to do about them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Protocol

from newsletter.model import Verdict

_READ = {Verdict.NEW, Verdict.SAME}
_UNWELL = {Verdict.PARTIAL, Verdict.STALE, Verdict.BROKEN}


def overall(verdicts: Collection[Verdict]) -> Verdict:
    """One verdict for several documents of one source: the one they share; *partial* where something is missing in some
    of them; else *new*, *same* or *quiet*, the first that occurs. Raises ValueError without any."""
    several = set(verdicts)
    if not several:
        raise ValueError("no verdicts")
    if len(several) == 1:
        return several.pop()
    if several & _UNWELL:
        return Verdict.PARTIAL
    return next(one for one in (Verdict.NEW, Verdict.SAME, Verdict.QUIET) if one in several)


class Answer(Protocol):
    """What a source answered: a `Batch`, or what was noted of one."""

    @property
    def source(self) -> str: ...

    @property
    def document(self) -> str: ...

    @property
    def verdict(self) -> Verdict: ...

    @property
    def why(self) -> str: ...

    @property
    def expected(self) -> date | None: ...


def late(batches: Iterable[Answer]) -> tuple[str, ...]:
    """Why the day's edition is worth waiting with: a sentence for each source that should have announced more by now.

    Only *stale* is a reason, where the source has a calendar by which more was `expected`; and not where it got that
    day another way, as "cs.CL 2026-10-01" for "cs.CL". A source that is broken has been asked several times already, a
    partial one may stay so, and what either brings later comes into the next edition.
    """
    told = list(batches)
    made_up = {(one.source, one.document) for one in told if one.verdict in _READ}
    due = [one for one in told if one.verdict is Verdict.STALE and one.expected]
    stale = [one for one in due if (one.source, f"{one.document} {one.expected}") not in made_up]
    return tuple(dict.fromkeys(f"{one.source}: {one.why}" for one in stale))
