"""The editions of a digest brought together: where their papers stand by votes on its day, and one ranking a topic.

What readers of a day have in common is worked out once for all of them; what is their own, for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from newsletter.model import TRENDING, Edition, Ranking, Subscriber
from newsletter.model.subscriber import OWN
from newsletter.policy.due import MONTH
from newsletter.ranking.standings import Standings, Told, standings
from newsletter.store import Store, Voted
from newsletter.text import readable

if TYPE_CHECKING:
    from newsletter.daily.publishing import Publishing, Rules
    from newsletter.ranking.rising import Risen
    from newsletter.ranking.spanning import Span

Ids = tuple[int, ...]
Rankings = Mapping[int, Mapping[str, Ranking]]
"""Rankings by edition's id and slug."""


@dataclass(slots=True)
class Common:
    """What readers of one day have in common: where papers stand, spans by the ids of their editions, and the rankings
    of each by slug; the editions that have papers that rose, what topics picked of these then, by edition's id and
    slug, and what readers may get of them, by what they follow and the editions before their span."""

    standings: Standings | None = None
    spans: dict[Ids, Span] = field(default_factory=dict)
    rankings: dict[Ids, dict[str, Ranking]] = field(default_factory=dict)
    earlier: list[Edition] | None = None
    picked: dict[int, dict[str, Ranking]] = field(default_factory=dict)
    risen: dict[tuple[tuple[str, ...], Ids], tuple[Risen, ...]] = field(default_factory=dict)


class Spanning:
    """Makes one ranking of several editions'."""

    def __init__(self, store: Store, publishing: Publishing, rules: Rules) -> None:
        self._store = store
        self._publishing = publishing
        self._rules = rules

    @property
    def reach(self) -> timedelta:
        """How long ago the edition of a paper can have been that a digest has anything to do with: a span is as long
        as the look-back, and *Rising* looks back once more behind it."""
        return timedelta(days=2 * self._rules.look_back)

    async def standings(self, day: date, *, draft: Edition | None = None, freeze: bool = False) -> Standings:
        """Where papers stand on `day`: as it was frozen when its first digest was made, else by the votes they have
        now, which it is to `freeze` or not. Those of a `draft` edition are among them."""
        if draft is None and (frozen := await self._store.votes.frozen(day)):
            return frozen
        since = day - max(self.reach, timedelta(days=2 * MONTH))  # of monthly readers too
        after = min(since, day - timedelta(days=self._publishing.appraising.archive_days))
        also = dict.fromkeys(draft.papers, draft.day) if draft else {}
        voted = await self._store.votes.of(after, since, day, also)
        made = await asyncio.to_thread(lambda: standings(day, [self._told(one, day) for one in voted], since))
        return await self._store.votes.freeze(made) if freeze else made

    def _told(self, one: Voted, day: date) -> Told:
        """What was told up to `day`, which may be long ago."""
        dated = [(at.astimezone(self._rules.timezone).date(), votes) for at, votes in one.told]
        told = [(when, votes) for when, votes in dated if when <= day]
        return Told(one.paper, one.day, told or [(one.day, one.votes)])

    async def span(self, editions: Sequence[Edition], day: date) -> Span:
        """The span of a digest of `day`; nothing is frozen for it."""
        draft = next((edition for edition in editions if not edition.id), None)
        several = len(editions) > 1
        return _span(editions, await self.standings(day, draft=draft) if several else Standings(day))

    async def rankings(
        self, span: Span, rankings: Rankings, follows: Sequence[str], *, kept: bool = False
    ) -> dict[str, Ranking]:
        """One ranking for each topic that a reader `follows`, and *Trending*, grouped for who follows none, as far as
        there are any. `kept` as for `Publishing.papers`."""
        return await self._merged(span, rankings, [*follows, TRENDING], grouped=not follows, kept=kept)

    async def _merged(
        self, span: Span, rankings: Rankings, slugs: Iterable[str], *, grouped: bool, kept: bool
    ) -> dict[str, Ranking]:
        wanted = tuple(dict.fromkeys(slugs))
        missing = {one for slug in wanted for one in span.wanted(rankings, slug, grouped=grouped)} - span.papers.keys()
        papers = await self._publishing.papers(missing, span.standings.day, kept=kept) if missing else {}

        def merged() -> dict[str, Ranking]:
            span.papers.update({number: readable(paper) for number, paper in papers.items()})
            return {slug: one for slug in wanted if (one := span.merge(rankings, slug, grouped=grouped))}

        return merged() if len(span.editions) == 1 else await asyncio.to_thread(merged)

    async def of_reader(
        self,
        reader: Subscriber,
        editions: Sequence[Edition],
        rankings: Rankings,
        own: Rankings,
        common: Common,
        *,
        kept: bool = False,
    ) -> dict[str, Ranking]:
        """The rankings of a digest of `editions` for `reader`, by slug. `own` are those that the reader's verdicts
        change; all others are in `common`, or put there."""
        ids, slugs = tuple(edition.id for edition in editions), [*reader.follows, TRENDING]
        if len(ids) == 1:
            by_slug = {**rankings[ids[0]], **own.get(ids[0], {})}
            return {slug: by_slug[slug] for slug in slugs if slug in by_slug}
        if ids not in common.spans:
            assert common.standings is not None
            common.spans[ids] = _span(editions, common.standings)
        span = common.spans[ids]
        theirs = {slug for by in own.values() for slug in by} | {slug for slug in slugs if slug.startswith(OWN)}
        shared = common.rankings.setdefault(ids, {})
        # Nobody but who follows nothing sees the groups, which take longer than all the rest.
        kinds = [one for one in slugs if one not in theirs] if reader.follows else [TRENDING]
        missing = [slug for slug in kinds if _key(slug, reader) not in shared]
        made = await self._merged(span, rankings, missing, grouped=not reader.follows, kept=kept) if missing else {}
        shared.update({_key(slug, reader): one for slug, one in made.items()})
        found = {slug: one for slug in kinds if (one := shared.get(_key(slug, reader)))}
        if theirs:
            changed = {number: {**by, **own.get(number, {})} for number, by in rankings.items() if number in ids}
            found |= await self._merged(span, changed, sorted(theirs), grouped=False, kept=kept)
        return found


def _key(slug: str, reader: Subscriber) -> str:
    return slug if reader.follows or slug != TRENDING else f"{TRENDING}:"


def _span(editions: Sequence[Edition], where: Standings) -> Span:
    from newsletter.ranking.spanning import Span  # with numpy and scipy, which most digests do without

    return Span(tuple(editions), where)
