"""What would have brought a paper into a reader's digest, in full.

No estimate: the ranking and the selection are done again with the setting changed, by the very functions that make
digests.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from newsletter.model import TRENDING, Ranking, Topic
from newsletter.ranking.explaining import CARDS, Case, Place, excluded_words, place_today
from newsletter.ranking.scoring import LEAST_SCORE, Scored, ranking
from newsletter.ranking.words import telling_stems, words

ROOM = 100
"""The most cards that a topic or a digest can be set to show."""

WORTHWHILE = 1.0
"""A threshold below this lets almost anything in: it is proposed where nothing else is of use."""

KEYWORDS_TRIED = 24


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that is other than it is: a number (`before` is the one it has), a word more among the `keywords` or
    the followed `authors`, a word less among those that `exclude`. The settings of a topic go by their names in
    topics.toml, those of all digests by theirs in newsletter.toml (`digest.max_papers`)."""

    setting: str
    value: float | int | str
    before: float | int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """A topic with `changes` that its scores depend on: it has to be scored anew."""

    changes: tuple[Change, ...]
    topic: Topic


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would bring the paper to `place`: all `changes` together, tried out. `topic` is a slug; `gain` is what they
    add to the paper's relevance."""

    topic: str
    changes: tuple[Change, ...]
    place: Place
    gain: float = 0.0

    @property
    def worthwhile(self) -> bool:
        """Whether it keeps a threshold that means something."""
        return all(float(one.value) >= WORTHWHILE for one in self.changes if one.setting == "min_score")


def variants(case: Case) -> list[Variant]:
    """The topics that have to be scored anew to know what would have brought the paper in: those that exclude it
    without these words; the one that comes closest with a word of the title as keyword, or with the first author."""
    whole = case.occasion
    if not whole.follows or case.paper.id in whole.muted or place_today(case) not in (Place.ABSENT, Place.OUTSIDE):
        return []
    found = []
    closest: Scored | None = None
    for scored in case.occasion.scored.values():
        if case.row in scored.excluded:
            taken = excluded_words(scored, case.row, scored.topic)
            left = tuple(word for word in scored.topic.exclude if word not in taken)
            found.append(Variant(tuple(Change("exclude", one) for one in taken), replace(scored.topic, exclude=left)))
        elif closest is None or _lack(scored, case.row) < _lack(closest, case.row):
            closest = scored
    if closest and _lack(closest, case.row) > 0:
        topic = closest.topic
        for keyword in _title_keywords(case):
            changed = replace(topic, keywords=(*topic.keywords, keyword))
            found.append(Variant((Change("keywords", keyword),), changed))
        if authors := case.paper.paper.authors[:1]:
            changed = replace(topic, authors=(*topic.authors, *authors))
            found.append(Variant((Change("authors", authors[0]),), changed))
    return found


def _lack(scored: Scored, row: int) -> float:
    return float(max(scored.topic.min_score, LEAST_SCORE) - scored.relevance[row])


def _title_keywords(case: Case) -> list[str]:
    """Words of the title, and pairs of them in quotes, that no topic of the reader's looks for."""
    title = case.paper.title
    queries = [scored.query for scored in case.occasion.scored.values()]
    asked = {stem for one in queries for wanted in (*one.named, *one.described) for stem in wanted.stems}
    found = [
        one
        for one in words(title)
        if telling_stems(title[one.start : one.end]) and not title[one.start : one.end].isdigit()
    ]
    singles = [title[one.start : one.end] for one in found if one.stem not in asked and one.end - one.start > 1]
    phrases = [
        f'"{title[one.start : other.end]}"'
        for one, other in pairwise(found)
        if title[one.end : other.start] in {" ", "-"} and not {one.stem, other.stem} <= asked
    ]
    return list(dict.fromkeys([*phrases, *singles]))[:KEYWORDS_TRIED]


def remedies(case: Case, rescored: Sequence[tuple[Variant, Scored]] = ()) -> Iterator[Remedy]:
    """What would show the paper, or show it in full; nothing where it is, or where the reader has muted it. `rescored`
    are the `variants` of the case, each with its topic's scores."""
    start = place_today(case)
    if start in CARDS or case.paper.id in case.occasion.muted:
        return
    if not case.occasion.follows:
        yield from _room_in_trending(case)
        return
    ways: list[tuple[tuple[Change, ...], Scored]] = [((), scored) for scored in case.occasion.scored.values()]
    ways += [(variant.changes, scored) for variant, scored in rescored if _sets(variant, "exclude")]
    by_keyword = [(variant.changes, scored) for variant, scored in rescored if _sets(variant, "keywords")]
    by_author = [(variant.changes, scored) for variant, scored in rescored if _sets(variant, "authors")]
    if by_keyword:
        ways.append(max(by_keyword, key=lambda way: way[1].relevance[case.row]))
    found = [remedy for changes, scored in ways for remedy in _path(case, scored, changes, start)]
    yield from [one for one in found if one.worthwhile] or [
        *(remedy for changes, scored in by_author for remedy in _path(case, scored, changes, start)),
        *found,
    ]


def _sets(variant: Variant, setting: str) -> bool:
    return variant.changes[0].setting == setting


def _path(case: Case, scored: Scored, changes: tuple[Change, ...], start: Place) -> Iterator[Remedy]:
    """What brings the paper in by way of one topic, as it is scored: a lower threshold if need be, then more room. The
    first step that shows it at all, and the one that shows it in full."""
    row, topic = case.row, scored.topic
    if row in scored.excluded:
        return
    gain = round(float(scored.relevance[row] - case.occasion.scored[topic.slug].relevance[row]), 4)
    if scored.relevance[row] < max(topic.min_score, LEAST_SCORE) and row not in scored.followed:
        if scored.relevance[row] < LEAST_SCORE:
            return
        least = math.floor(float(scored.relevance[row]) * 10) / 10
        changes = (*changes, Change("min_score", least, topic.min_score))
        topic = replace(topic, min_score=least)
    scored = replace(scored, topic=topic)
    place = place_today(case, ranking(scored))
    if _better(place, start):
        yield Remedy(topic.slug, changes, place, gain)
    if place in CARDS or place is Place.ABSENT:
        return
    if room := _room(case, scored):
        yield Remedy(topic.slug, (*changes, *room[0]), room[1], gain)


def _room(case: Case, scored: Scored) -> tuple[tuple[Change, ...], Place] | None:
    """The least room that shows the paper in full in the section of the topic, and where it is then."""
    topic = scored.topic
    plenty = replace(case.occasion.limits, max_papers=ROOM * max(len(case.occasion.follows), 1))

    def with_cap(most: int) -> Ranking:
        return ranking(replace(scored, topic=replace(topic, max_papers=most)))

    # More room never hides a card that less room shows: so the least that does can be searched by halves.
    cap = _least(topic.max_papers, lambda most: place_today(case, with_cap(most), plenty))
    if cap is None:
        return None
    before = case.occasion.limits.max_papers
    cards = _least(before, lambda most: place_today(case, with_cap(cap), replace(plenty, max_papers=most)))
    if cards is None:
        return None
    changes = (Change("max_papers", cap, topic.max_papers), Change("digest.max_papers", cards, before))
    needed = tuple(change for change in changes if change.value != change.before)
    return needed, place_today(case, with_cap(cap), replace(plenty, max_papers=cards))


def _least(before: int, place: Callable[[int], Place]) -> int | None:
    """The least room, from `before` to ROOM, in which the place is a card; None when there is none."""
    rooms = range(before, max(before, ROOM) + 1)
    found = bisect_left(rooms, True, key=lambda room: place(room) in CARDS)
    return rooms[found] if found < len(rooms) else None


def _room_in_trending(case: Case) -> Iterator[Remedy]:
    limits = case.occasion.limits
    before = limits.trending_papers
    if cards := _least(before, lambda most: place_today(case, limits=replace(limits, trending_papers=most))):
        place = place_today(case, limits=replace(limits, trending_papers=cards))
        yield Remedy(TRENDING, (Change("digest.trending_papers", cards, before),), place)


def _better(place: Place, start: Place) -> bool:
    order = list(Place)
    return place in (*CARDS, Place.ALSO) and order.index(place) < order.index(start)
