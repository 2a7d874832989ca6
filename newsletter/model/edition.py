"""One frozen day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from newsletter.model.batch import Answered
from newsletter.model.digest import Pick
from newsletter.model.topic import Topic

TRENDING = "trending"
"""Slug of the section without a topic; no topic may use it. Its groups have it before a colon."""

ALSO_TRENDING = f"{TRENDING}:"
"""Slug of what is left when *Trending* is grouped."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A frozen day: the ids of its papers in page order, who curated the pages they came from, and what each source had
    answered."""

    id: int
    day: date
    papers: tuple[str, ...]
    curators: tuple[str, ...] = ()
    answered: tuple[Answered, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Papers, by their ids in order, that belong together. `label` holds one to three terms as the papers word them,
    the best first; it is empty for the papers that belong to no other group."""

    label: tuple[str, ...]
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The picks of one topic for one edition, best first; `topic` as it was worded then (None for *Trending*).

    `excluded` are the ids of the papers that are no picks although they match: an excluded word kept them out, or there
    were too many; None where nobody noted it, as in editions of the first versions.
    """

    topic: Topic | None
    picks: tuple[Pick, ...]
    excluded: tuple[str, ...] | None = ()
    groups: tuple[Group, ...] = ()

    @property
    def slug(self) -> str:
        return self.topic.slug if self.topic else TRENDING
