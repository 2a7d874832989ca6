"""The rankings of several editions as those of one: what a digest that spans them is made of.

What a score says of a paper and a topic stands as it was frozen: it is measured against the archive, and means the same
on every day. What others think of a paper is measured anew, over all days at once (`standings`); then the papers are
put in order, those that are nearly the same folded under the first one, and *Trending* grouped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from newsletter.model import TRENDING, Edition, Pick, Ranking, ReadablePaper, Reason, Why
from newsletter.ranking.duplicates import fold
from newsletter.ranking.grouping import group
from newsletter.ranking.reasons import MOST_REASONS
from newsletter.ranking.scoring import MOST_TRENDING
from newsletter.ranking.standings import HIGH, Standing, Standings
from newsletter.ranking.trend import TREND_WEIGHT

COMPARED = 40
"""The best picks of a ranking, more than a digest shows: among them near-duplicates are looked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """The editions of a digest, ascending, where their papers stand on its day, and the papers that can be read, by id:
    those that `wanted` names."""

    editions: tuple[Edition, ...]
    standings: Standings
    papers: dict[str, ReadablePaper] = field(default_factory=dict)

    def wanted(self, rankings: Mapping[int, Mapping[str, Ranking]], slug: str, *, grouped: bool = False) -> list[str]:
        """The papers that have to be read to `merge` the rankings of a topic; `grouped` is *Trending* for a reader of
        nothing else."""
        if len(self.editions) == 1:
            return []
        most = MOST_TRENDING if grouped else COMPARED
        return [pick.paper for pick in self._in_order(self._of(rankings, slug))[:most]]

    def merge(
        self, rankings: Mapping[int, Mapping[str, Ranking]], slug: str, *, grouped: bool = False
    ) -> Ranking | None:
        """The rankings of one topic, by edition's id and slug, as one, best first; the wording of the topic is the last
        one's. None where no edition has one. That of a single edition is what it was."""
        found = self._of(rankings, slug)
        if not found or len(self.editions) == 1:
            return next(iter(found), None)
        picks = self._in_order(found)
        folded = self._folded(picks)
        noted = [ranking.excluded for ranking in found]
        out = [*(paper for one in noted for paper in one or ()), *folded]
        kept = tuple(pick for pick in picks if pick.paper not in folded)
        readable = [self.papers[pick.paper] for pick in kept[:MOST_TRENDING] if pick.paper in self.papers]
        return Ranking(
            found[-1].topic,
            kept,
            None if None in noted else tuple(dict.fromkeys(out)),
            group(readable) if grouped else (),
        )

    def measured(self, pick: Pick) -> Pick:
        """`pick` with the votes that its paper has by now. One without votes keeps the place that a page gave it."""
        standing = self.standings.of.get(pick.paper)
        return measured(pick, standing) if standing and len(self.editions) > 1 else pick

    def head(self, rankings: Mapping[int, Mapping[str, Ranking]], slug: str, paper: str) -> str | None:
        """The paper of another edition that `paper` is folded under for a topic."""
        if len(self.editions) == 1:
            return None
        return self._folded(self._in_order(self._of(rankings, slug))).get(paper)

    def _of(self, rankings: Mapping[int, Mapping[str, Ranking]], slug: str) -> list[Ranking]:
        return [own[slug] for edition in self.editions if slug in (own := rankings.get(edition.id, {}))]

    def _in_order(self, rankings: Sequence[Ranking]) -> list[Pick]:
        """Equal scores keep the order of the editions, and that which they had there."""
        return sorted((self.measured(pick) for one in rankings for pick in one.picks), key=lambda pick: -pick.score)

    def _folded(self, picks: Sequence[Pick]) -> dict[str, str]:
        """Those of the best `picks` that are nearly the same as one that was there before them, and that one."""
        best = {pick.paper for pick in picks[:COMPARED]}
        # In the order of their days: whichever topic asks, the same paper stands for the others.
        ordered = (paper for edition in self.editions for paper in edition.papers if paper in best)
        return fold([self.papers[paper] for paper in ordered if paper in self.papers])


def measured(pick: Pick, standing: Standing) -> Pick:
    """`pick` with another trend: the share of the papers as old as it that have no more votes, TREND_WEIGHT at the
    most, and a reason that goes with it where there are few with more."""
    trend = round(TREND_WEIGHT * standing.reached, 4)
    before = dict(pick.parts)
    parts = tuple((name, value) for name, value in ({**before, "trend": trend}).items() if value)
    reasons = [one for one in pick.reasons if one.kind is not Why.VOTES]
    if standing.passed >= HIGH:
        reason = Reason(Why.STANDING, (standing.votes, standing.percent))
        reasons = [reason, *reasons] if pick.topic == TRENDING else [*reasons[: MOST_REASONS - 1], reason]
    return replace(pick, score=round(sum(value for _, value in parts), 4), parts=parts, reasons=tuple(reasons))
