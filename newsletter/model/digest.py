"""What one subscriber gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from newsletter.model.batch import Answered


class Why(StrEnum):
    """What kind of reason a reason is, and which `values` it has."""

    TITLE = "title"  # the words that the title says
    ABSTRACT = "abstract"  # the words that the abstract says
    BOTH = "both"  # the words that both say
    RELATED = "related"  # words of the paper that go with the topic in the archive
    AUTHOR = "author"  # an author the topic follows
    INSTITUTION = "institution"  # an institution the topic follows
    LIKED = "liked"  # the title of a paper the reader liked, which this one is close to
    EXAMPLE = "example"  # the title of an example paper of the topic, likewise
    MEANING = "meaning"  # close to the topic in meaning, by a model of language; no words of it can be shown
    VOTES = "votes"  # votes, and the place by votes among the papers of the day
    PLACE = "place"  # rank, length of the page, its day (ISO)
    AGAIN = "again"  # on how many days it was listed
    STANDING = "standing"  # votes, and how many of a hundred papers had fewer when they were as old
    ROSE = "rose"  # votes then (-1: not known), votes now, days between, how many of a hundred papers had fewer
    TEXT = "text"  # a sentence, as editions hold it that were frozen before reasons were facts


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper was chosen, as facts; the rendering puts them into the reader's language."""

    kind: Why
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """A paper chosen for a topic.

    `parts` are the named summands of `score` (they add up to it exactly, in this order); `reasons` say what a reader
    can check, best reason first. `topic` is a slug.
    """

    paper: str
    topic: str
    score: float
    parts: tuple[tuple[str, float], ...]
    reasons: tuple[Reason, ...]

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

    `day` is the local date it is for; `days` the edition days it spans, ascending (usually just `day`); `top` is the
    day's best pick, shown before all sections and in none of them; `also` are picks beyond the full cards, best first,
    for the compact list; `rising` are papers of earlier days that the reader did not get and that many have voted for
    since; `outside` is one that none of the reader's topics asked for; `left_out` counts further picks
    that fit nowhere; `considered` counts the papers of the editions; `follows` are the names of the reader's topics,
    those without a pick too; `answered` is what each source had answered. No paper occurs twice.
    """

    day: date
    days: tuple[date, ...]
    sections: tuple[Section, ...]
    also: tuple[Pick, ...] = ()
    left_out: int = 0
    considered: int = 0
    curators: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    top: Pick | None = None
    outside: Pick | None = None
    answered: tuple[Answered, ...] = ()
    rising: tuple[Pick, ...] = ()

    @property
    def picks(self) -> tuple[Pick, ...]:
        """Every pick that is shown, in the order in which it is shown."""
        in_sections = (pick for section in self.sections for pick in section.picks)
        return (*filter(None, [self.top]), *in_sections, *self.also, *self.rising, *filter(None, [self.outside]))

    @property
    def topics(self) -> tuple[str, ...]:
        """The slugs of the topics that have a card."""
        cards = (*filter(None, [self.top]), *(pick for section in self.sections for pick in section.picks))
        return tuple(dict.fromkeys(pick.topic for pick in cards))

    @property
    def variety(self) -> int:
        """How many kinds of things it shows: a top pick, sections, a compact list, rising ones, one from outside, a
        rest."""
        return sum(map(bool, (self.top, self.sections, self.also, self.rising, self.outside, self.left_out)))

    @property
    def empty(self) -> bool:
        return not self.sections and not self.top
