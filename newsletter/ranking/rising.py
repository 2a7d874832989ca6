"""*Rising*: papers of earlier days that a reader could have had, did not get, and that many have voted for since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from newsletter.model import TRENDING, Edition, Pick, Ranking, Reason, Why
from newsletter.ranking.reasons import MOST_REASONS
from newsletter.ranking.spanning import measured
from newsletter.ranking.standings import Standing, Standings

UNKNOWN = -1
"""Stands in a reason for votes that nobody told."""

_OF_THEIR_DAY = frozenset({Why.VOTES, Why.STANDING, Why.PLACE, Why.AGAIN})
"""Reasons that say what others thought of a paper when it was new."""


@dataclass(frozen=True, slots=True)
class Risen:
    """A paper that rose, as a pick of the topic it fits best, and the id of the edition that took it."""

    pick: Pick
    edition: int


def risen(
    follows: Sequence[str],
    editions: Iterable[Edition],
    rankings: Mapping[int, Mapping[str, Ranking]],
    standings: Standings,
) -> tuple[Risen, ...]:
    """The papers of `editions` that rose and that one of the topics `follows` picked then, or *Trending* for who
    follows none: those with votes that more papers of their age lack come first.

    `rankings` are by edition's id and slug, as they were frozen.
    """
    slugs, rose = tuple(follows) or (TRENDING,), standings.risen
    found = []
    for edition in editions:
        theirs = [one for slug in slugs if (one := rankings.get(edition.id, {}).get(slug))]
        best: dict[str, tuple[float, Pick]] = {}
        for one in theirs:
            weight = one.topic.weight if one.topic else 1.0
            for pick in one.picks:
                worth = pick.relevance * weight
                if pick.paper in rose and (pick.paper not in best or worth > best[pick.paper][0]):
                    best[pick.paper] = worth, pick
        found += [Risen(_pick(pick, rose[paper]), edition.id) for paper, (_, pick) in best.items()]
    return tuple(sorted(found, key=lambda one: _place(rose[one.pick.paper], one.pick.paper)))


def missed(found: Iterable[Risen], had: AbstractSet[int], shown: AbstractSet[str], most: int) -> tuple[Pick, ...]:
    """The first `most` of `found` that are of editions that a reader `had` digests of, and that none has `shown`."""
    kept = [one.pick for one in found if one.edition in had and one.pick.paper not in shown]
    return tuple(kept[:most])


def _pick(pick: Pick, standing: Standing) -> Pick:
    before = UNKNOWN if standing.before is None else standing.before
    rose = Reason(Why.ROSE, (before, standing.votes, standing.age, standing.percent))
    others = [one for one in pick.reasons if one.kind not in _OF_THEIR_DAY]
    return replace(measured(pick, standing), reasons=(rose, *others)[:MOST_REASONS])


def _place(standing: Standing, paper: str) -> tuple[float, int, str]:
    return -standing.passed, -standing.votes, paper
