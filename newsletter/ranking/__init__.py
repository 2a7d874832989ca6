"""Which papers are worth a reader's time, and why. Pure functions of papers, topics, archive and verdicts.

The archive makes a `background`; `rank` scores every paper for every topic against it, once per topic and never per
reader; `select` makes one reader's sections from the rankings of the topics that the reader follows.

What needs numpy and scipy is imported when it is first asked for: they take a third of a second, and most commands rank
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from newsletter.ranking.digests import digest
from newsletter.ranking.muting import muted, without
from newsletter.ranking.selection import Limits, select

if TYPE_CHECKING:
    from newsletter.ranking.archive import IMAGINED, Background, Known, background, extended
    from newsletter.ranking.candidates import Candidates
    from newsletter.ranking.encoding import Encoder
    from newsletter.ranking.learning import Judged
    from newsletter.ranking.scoring import Scored, rank, ranking, score, score_each, trending

__all__ = [
    "IMAGINED",
    "Background",
    "Candidates",
    "Encoder",
    "Judged",
    "Known",
    "Limits",
    "Scored",
    "background",
    "digest",
    "extended",
    "muted",
    "rank",
    "ranking",
    "score",
    "score_each",
    "select",
    "trending",
    "without",
]

_LATER = {
    "archive": ("IMAGINED", "Background", "Known", "background", "extended"),
    "candidates": ("Candidates",),
    "encoding": ("Encoder",),
    "learning": ("Judged",),
    "scoring": ("Scored", "rank", "ranking", "score", "score_each", "trending"),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    """A name of a module that was not imported yet (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
