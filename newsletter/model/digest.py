"""What one subscriber gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Pick:
    """A paper chosen for a topic.

    `parts` are the named summands of `score` (they add up to it exactly, in this order); `reasons` say in words a
    reader can check why the paper was chosen, best reason first. `topic` is a slug.
    """

    paper: str
    topic: str
    score: float
    parts: tuple[tuple[str, float], ...]
    reasons: tuple[str, ...]

    @property
    def relevance(self) -> float:
        """The score without what the page's order added: what `min_score` of a topic is held against."""
        return sum(value for name, value in self.parts if name != "trend")


@dataclass(frozen=True, slots=True)
class Section:
    """A topic's picks in order. `slug` and `name` of the topic; *Trending* is the section without one."""

    slug: str
    name: str
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """One subscriber's sections.

    `day` is the local date it is for; `days` the edition days it spans, ascending (usually just `day`); `also` are
    picks beyond the full cards, best first, for the compact list; `left_out` counts further picks that fit nowhere;
    `considered` counts the papers of the editions; `follows` are the names of the reader's topics, those without a pick
    too. No paper occurs twice.
    """

    day: date
    days: tuple[date, ...]
    sections: tuple[Section, ...]
    also: tuple[Pick, ...] = ()
    left_out: int = 0
    considered: int = 0
    curators: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    @property
    def picks(self) -> tuple[Pick, ...]:
        """Every pick that is shown, in the order in which it is shown."""
        return tuple(pick for section in self.sections for pick in section.picks) + self.also

    @property
    def empty(self) -> bool:
        return not self.sections
