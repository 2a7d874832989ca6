"""One reader's sections from the rankings of the topics that the reader follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.model import ALSO_TRENDING, TRENDING, Group, Pick, Ranking, Section


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one digest shows: full cards in all, cards of *Trending*, titles in the compact list, whether a paper
    from outside the reader's topics comes last, and papers of earlier days that rose."""

    max_papers: int = 12
    trending_papers: int = 10
    also_new: int = 8
    outside: bool = True
    rising: int = 3


LEAST_FOR_TOP = 4
"""Cards a digest needs for one of them to be set apart as its top pick."""

LEAST_FOR_GROUPS = 6
"""Cards of *Trending* that are many enough to be grouped."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The top pick, sections of full cards, then the picks of the compact list, then how many more there were."""

    top: Pick | None
    sections: tuple[Section, ...]
    also: tuple[Pick, ...]
    left_out: int


def select(rankings: Sequence[Ranking], limits: Limits) -> Selection:
    """Choose from `rankings` (one per topic of the reader, in the reader's order; or only the one of *Trending*).

    - Every paper has one home: the topic for which it is most relevant (ties go to the earlier topic).
    - Topics take turns, each giving its best pick, until `limits.max_papers` cards are full; so a broad topic does not
      crowd out a narrow one. No topic shows more than its `max_papers`.
    - Between topics a score counts as often as the topic's `weight` says.
    - The best pick of the best section is set apart as the day's top pick where there are enough.
    - What did not fit goes to the compact list, best first, and beyond `limits.also_new` is only counted.
    """
    if [ranking.slug for ranking in rankings] == [TRENDING]:
        return _select_trending(rankings[0], limits)
    weights = {ranking.slug: ranking.topic.weight if ranking.topic else 1.0 for ranking in rankings}
    homes = _at_home(rankings, weights)
    chosen = _take_turns(rankings, homes, limits.max_papers)
    rest = sorted(
        (pick for ranking in rankings for pick in _left(homes[ranking.slug], chosen[ranking.slug])),
        key=lambda pick: -pick.score * weights[pick.topic],
    )
    sections = [
        Section(ranking.slug, ranking.topic.name if ranking.topic else "Trending", tuple(chosen[ranking.slug]))
        for ranking in rankings
        if chosen[ranking.slug]
    ]
    sections.sort(key=lambda section: -section.picks[0].score * weights[section.slug])
    also, left_out = tuple(rest[: limits.also_new]), max(len(rest) - limits.also_new, 0)
    return Selection(*_top_apart(sections), also, left_out)


def outside(rankings: Sequence[Ranking], trending: Ranking) -> Pick | None:
    """The best of `trending` that none of `rankings`, a reader's topics, picked or excluded.

    None if there is none, or if nobody knows what was excluded.
    """
    usual = {pick.paper for ranking in rankings for pick in ranking.picks}
    for ranking in rankings:
        if ranking.excluded is None:
            return None
        usual.update(ranking.excluded)
    return next((pick for pick in trending.picks if pick.paper not in usual), None)


def _top_apart(sections: Sequence[Section]) -> tuple[Pick | None, tuple[Section, ...]]:
    """The first pick of all, and the sections without it; no pick where there are too few."""
    if sum(len(section.picks) for section in sections) < LEAST_FOR_TOP:
        return None, tuple(sections)
    top, *others = sections[0].picks
    first = [replace(sections[0], picks=tuple(others))] if others else []
    return top, (*first, *sections[1:])


def _select_trending(ranking: Ranking, limits: Limits) -> Selection:
    shown = ranking.picks[: limits.trending_papers]
    also = ranking.picks[limits.trending_papers :][: limits.also_new]
    top, cards = (shown[0], shown[1:]) if len(shown) >= LEAST_FOR_TOP else (None, shown)
    return Selection(top, tuple(_grouped(cards, ranking.groups)), also, len(ranking.picks) - len(shown) - len(also))


def _grouped(picks: Sequence[Pick], groups: Sequence[Group]) -> Iterator[Section]:
    """The cards of *Trending*: where there are many, those that belong together under what they are about, then the
    others. A group begins where its best card would stand."""
    of = {paper: group for group in groups if group.label for paper in group.papers}
    together: dict[Group, list[Pick]] = {}
    for pick in picks if len(picks) >= LEAST_FOR_GROUPS else ():
        if pick.paper in of:
            together.setdefault(of[pick.paper], []).append(pick)
    kept = {group: members for group, members in together.items() if len(members) > 1}
    for group, members in kept.items():
        name = _heading(", ".join(group.label))
        yield Section(f"{TRENDING}:{name}", name, tuple(members))
    grouped = {pick.paper for members in kept.values() for pick in members}
    if rest := tuple(pick for pick in picks if pick.paper not in grouped):
        yield Section(ALSO_TRENDING, "Also trending", rest) if kept else Section(TRENDING, "Trending", rest)


def _heading(label: str) -> str:
    """A label with a capital, unless its first word has a spelling of its own ("fMRI")."""
    return label[:1].upper() + label[1:] if label.partition(" ")[0].islower() else label


def _at_home(rankings: Sequence[Ranking], weights: Mapping[str, float]) -> dict[str, list[Pick]]:
    best: dict[str, Pick] = {}
    for ranking in rankings:
        for pick in ranking.picks:
            known = best.get(pick.paper)
            if known is None or pick.relevance * weights[pick.topic] > known.relevance * weights[known.topic]:
                best[pick.paper] = pick
    return {
        ranking.slug: [pick for pick in ranking.picks if best[pick.paper].topic == ranking.slug] for ranking in rankings
    }


def _take_turns(rankings: Sequence[Ranking], homes: dict[str, list[Pick]], most: int) -> dict[str, list[Pick]]:
    chosen: dict[str, list[Pick]] = {ranking.slug: [] for ranking in rankings}
    left = most
    for turn in range(max((len(picks) for picks in homes.values()), default=0)):
        for ranking in rankings:
            limit = ranking.topic.max_papers if ranking.topic else most
            if left and turn < len(homes[ranking.slug]) and turn < limit:
                chosen[ranking.slug].append(homes[ranking.slug][turn])
                left -= 1
    return chosen


def _left(picks: Sequence[Pick], chosen: Sequence[Pick]) -> Iterator[Pick]:
    """Those that were not chosen. The first ones were; of several editions a paper may come more than once."""
    papers = {pick.paper for pick in chosen}
    return (pick for pick in picks[len(chosen) :] if pick.paper not in papers or pick not in chosen)
