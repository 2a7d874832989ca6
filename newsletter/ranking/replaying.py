"""What other topics would have made of editions that are past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from newsletter.model import Edition, Ranking
from newsletter.ranking.digests import digest
from newsletter.ranking.selection import Limits


@dataclass(frozen=True, slots=True)
class Replayed:
    """An edition ranked twice: by slug, for the topics as they are (`before`) and as they might be (`after`)."""

    edition: Edition
    before: Mapping[str, Ranking]
    after: Mapping[str, Ranking]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one of the two shows of an edition: `papers` by id with their scores, in the order in which they are shown,
    out of `found` that matched."""

    papers: Mapping[str, float]
    found: int

    @property
    def over(self) -> bool:
        """Whether more matched than are shown."""
        return self.found > len(self.papers)


@dataclass(frozen=True, slots=True)
class Title:
    """A paper that only one of the two shows: its id, the day of its edition, and its score."""

    paper: str
    day: date
    score: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The digests of `days`, one each, before and after."""

    days: tuple[date, ...]
    before: tuple[Shown, ...]
    after: tuple[Shown, ...]

    @property
    def added(self) -> tuple[Title, ...]:
        """What is shown only after, highest score first."""
        return self._only(self.after, self.before)

    @property
    def dropped(self) -> tuple[Title, ...]:
        """What is shown only before, likewise."""
        return self._only(self.before, self.after)

    @property
    def overlap(self) -> float | None:
        """What both show, as a share of what either shows (the Jaccard index); None where neither shows anything."""
        both = sum(len(one.papers.keys() & other.papers.keys()) for one, other in self._pairs)
        either = sum(len(one.papers.keys() | other.papers.keys()) for one, other in self._pairs)
        return both / either if either else None

    @property
    def _pairs(self) -> list[tuple[Shown, Shown]]:
        return list(zip(self.before, self.after, strict=True))

    def _only(self, ones: Sequence[Shown], others: Sequence[Shown]) -> tuple[Title, ...]:
        found = [
            Title(paper, day, score)
            for day, one, other in zip(self.days, ones, others, strict=True)
            for paper, score in one.papers.items()
            if paper not in other.papers
        ]
        return tuple(sorted(found, key=lambda title: (-title.score, title.day, title.paper)))


def compare_topic(replayed: Sequence[Replayed], slug: str) -> Comparison:
    """What a digest of this topic alone shows of each edition: its best picks, as many as its `max_papers` allow. A
    topic that is not there shows nothing."""
    return Comparison(
        tuple(one.edition.day for one in replayed),
        tuple(_of_topic(one.before.get(slug)) for one in replayed),
        tuple(_of_topic(one.after.get(slug)) for one in replayed),
    )


def compare_reader(replayed: Sequence[Replayed], follows: Sequence[str], limits: Limits) -> Comparison:
    """What the digests of a reader who follows these topics (slugs) show, one digest for each edition: the cards and
    the titles of the compact list."""

    def of_reader(edition: Edition, rankings: Mapping[str, Ranking]) -> Shown:
        made = digest(edition.day, follows, [edition], rankings, limits)
        shown = {pick.paper: pick.score for pick in made.picks}
        return Shown(shown, len(shown) + made.left_out)

    return Comparison(
        tuple(one.edition.day for one in replayed),
        tuple(of_reader(one.edition, one.before) for one in replayed),
        tuple(of_reader(one.edition, one.after) for one in replayed),
    )


def _of_topic(ranking: Ranking | None) -> Shown:
    if ranking is None:
        return Shown({}, 0)
    most = ranking.topic.max_papers if ranking.topic else len(ranking.picks)
    return Shown({pick.paper: pick.score for pick in ranking.picks[:most]}, len(ranking.picks))
