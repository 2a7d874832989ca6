"""The digest that somebody who is no reader yet would get of one edition. Nothing of it is saved."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from newsletter.daily.publishing import Publishing
from newsletter.model import TRENDING, Digest, Edition, Ranking, Topic
from newsletter.model.subscriber import OWN
from newsletter.ranking import Limits, digest
from newsletter.store import Store

_MOST_KEPT = 64
"""Rankings that were made: who changes the hour, or ticks a topic, asks for the same once more."""


class Sampling:
    """Makes digests of topics that nobody follows yet. What is frozen is taken as it is; what is not is ranked, which
    takes a second or many: so whoever lets strangers ask looks first at what is `missing`."""

    def __init__(self, store: Store, publishing: Publishing, limits: Limits) -> None:
        self._store = store
        self._publishing = publishing
        self._limits = limits
        self._made: OrderedDict[tuple[int, Topic], Ranking] = OrderedDict()

    async def known(self, edition: Edition, topics: Sequence[Topic]) -> dict[str, Ranking]:
        """The rankings of `edition`, by slug, that need not be made: of those of `topics` that have one, and
        *Trending*."""
        wanted = [*(topic.slug for topic in topics), TRENDING]
        made = {topic.slug: one for topic in topics if (one := self._made.get((edition.id, topic)))}
        return made | await self._store.editions.rankings(edition.id, wanted)

    async def rank(self, edition: Edition, topics: Sequence[Topic]) -> dict[str, Ranking]:
        """The rankings of `topics`, by slug, made now."""
        ranked = {one.slug: one for one in await self._publishing.appraising.rank(edition, topics)}
        for topic in topics:
            self._made[edition.id, topic] = ranked[topic.slug]
        while len(self._made) > _MOST_KEPT:
            self._made.popitem(last=False)
        return {topic.slug: ranked[topic.slug] for topic in topics}

    def digest(self, edition: Edition, topics: Sequence[Topic], rankings: Mapping[str, Ranking]) -> Digest:
        """What the rankings, by slug, make for who follows `topics`; *Trending* for who follows none."""
        slugs = [topic.slug for topic in topics]
        return digest(edition.day, slugs, [edition], rankings, self._limits)


def named_by_words(topic: Topic) -> Topic:
    """A topic in somebody's own words with a slug that is made of these: worded the same, it is the same topic."""
    worded = repr(replace(topic, slug=""))
    return replace(topic, slug=OWN + sha256(worded.encode(errors="replace")).hexdigest()[:32])
