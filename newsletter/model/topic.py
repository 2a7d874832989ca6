"""What a reader follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as a reader words it.

    `keywords` and `exclude` hold single words (matched by stem) or phrases of several words (matched as a phrase).
    `min_score` is the least relevance a pick needs (see `ranking`); `max_papers` the most that one digest shows.
    """

    slug: str
    name: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_score: float = 1.0
    max_papers: int = 5
