"""*Rising*, reader by reader: which papers rose is frozen with the day, and what each reader was shown is on record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from newsletter.daily.spanning import Common
from newsletter.model import TRENDING, Digest, Edition, Pick, Ranking, Subscriber
from newsletter.store import Shown, Store

if TYPE_CHECKING:
    from newsletter.daily.publishing import Publishing

Spans = Mapping[int, Sequence[Edition]]
"""The editions of each reader's digest, by the reader's id."""


class Rising:
    """Finds what rose, and keeps the record. `most` papers for a digest, 0 for none."""

    def __init__(self, store: Store, publishing: Publishing, most: int) -> None:
        self._store = store
        self._publishing = publishing
        self._most = most

    async def of(
        self, readers: Sequence[Subscriber], spans: Spans, day: date, common: Common, *, kept: bool = False
    ) -> dict[int, tuple[Pick, ...]]:
        """By reader's id, the papers that rose and that the reader could have had before the span and did not get.

        What a digest of `day` was noted with stays. Else a paper counts where a digest of its edition was made for the
        reader, and none of theirs, of whichever day, is on record with it: that one of these may never have arrived
        keeps it out too. `kept` as for `Publishing.papers`.
        """
        editions = await self._editions(day, common)
        if not editions or not self._most:
            return {}
        reach = self._publishing.spanning.reach
        shown = await self._store.shown.to([reader.id for reader in readers], day - reach, date.max)
        with_record = [reader for reader in readers if reader.id in shown]
        rankings = await self._rankings(editions, with_record, common)
        personal = await self._store.editions.personal([one.id for one in with_record], list(rankings))
        found = {}
        for reader in with_record:
            earlier = [one for one in editions if one.day < spans[reader.id][0].day]
            own = {one.id: theirs for one in earlier if (theirs := personal.get((reader.id, one.id)))}
            picks = self._chosen(reader, earlier, rankings, own, shown[reader.id], day, common)
            if picks and (reader.muted_words or reader.muted_authors):
                whole = {TRENDING: Ranking(None, picks)}
                picks = (await self._publishing.unmuted(reader, whole, day, kept=kept))[TRENDING].picks
            if picks:
                found[reader.id] = picks
        return found

    async def _editions(self, day: date, common: Common) -> list[Edition]:
        """The editions that have papers that rose."""
        if common.earlier is None:
            rose = common.standings.risen.keys() if common.standings else frozenset()
            reach = self._publishing.spanning.reach
            several = await self._store.editions.between(day - reach, day - timedelta(days=1)) if rose else []
            common.earlier = [one for one in several if not rose.isdisjoint(one.papers)]
        return common.earlier

    async def _rankings(
        self, editions: Sequence[Edition], readers: Sequence[Subscriber], common: Common
    ) -> dict[int, dict[str, Ranking]]:
        """What the readers' topics picked of `editions` then, as far as it rose: a few papers of thousands of topics.
        Nothing is ranked for it, and nothing saved."""
        slugs = {slug for reader in readers for slug in reader.follows or (TRENDING,)}
        rose = common.standings.risen.keys() if common.standings else frozenset()
        for one in editions:
            held = common.picked.setdefault(one.id, {})
            if missing := slugs - held.keys():
                read = await self._store.editions.rankings(one.id, missing)
                for slug in missing:
                    picks = read[slug].picks if slug in read else ()
                    topic = read[slug].topic if slug in read else None
                    held[slug] = Ranking(topic, tuple(pick for pick in picks if pick.paper in rose))
        return {one.id: common.picked[one.id] for one in editions}

    def _chosen(
        self,
        reader: Subscriber,
        earlier: Sequence[Edition],
        rankings: Mapping[int, Mapping[str, Ranking]],
        own: Mapping[int, Mapping[str, Ranking]],
        shown: Sequence[tuple[date, Shown]],
        day: date,
        common: Common,
    ) -> tuple[Pick, ...]:
        from newsletter.ranking.rising import missed, risen  # with numpy, where there is something to look for

        assert common.standings is not None
        key = (reader.follows, tuple(one.id for one in earlier))
        if own:
            theirs = {number: {**by, **own.get(number, {})} for number, by in rankings.items()}
            found = risen(reader.follows, earlier, theirs, common.standings)
        elif key in common.risen:
            found = common.risen[key]
        else:
            found = risen(reader.follows, earlier, rankings, common.standings)
            if not reader.own:
                common.risen[key] = found
        noted = [one for when, one in shown if when == day]
        if noted:
            known = {one.pick.paper: one.pick for one in found}
            return tuple(known[paper] for one in noted[:1] for paper in one.rising if paper in known)
        had = {number for _, one in shown for number in one.editions}
        return missed(found, had, {paper for _, one in shown for paper in one.papers}, self._most)

    async def note(self, day: date, digests: Mapping[int, Digest], spans: Spans, common: Common) -> None:
        """Put on record what `digests`, by reader's id, show; nothing where no paper has votes, for nothing rises
        there."""
        if not self._most or common.standings is None or not common.standings.of:
            return
        made: dict[int, Shown] = {}
        for reader, digest in digests.items():
            if id(digest) not in made:
                made[id(digest)] = Shown.of(digest, (edition.id for edition in spans[reader]))
        several = {reader: made[id(digest)] for reader, digest in digests.items() if not digest.empty}
        await self._store.shown.note(day, several)


def risen_to(shown: Iterable[tuple[date, Shown]], paper: str) -> list[date]:
    """The days whose digests had `paper` in *Rising*."""
    return [day for day, one in shown if paper in one.rising]
