"""What a reader's opinion on a paper is about."""

from __future__ import annotations

from datetime import date, timedelta

from newsletter.model import Edition, Paper, Subscriber
from newsletter.ranking import Limits, digest
from newsletter.store import Store

_EVERY_PICK = Limits(max_papers=1_000_000, also_new=1_000_000, outside=False)


async def topic_of(store: Store, reader: Subscriber, paper: Paper) -> str | None:
    """The topic, by its slug, under which `paper` was picked for `reader` in the edition that took it.

    By the reader's own rankings where there are some, and today's topics of the reader. Where none of them picked it,
    the reader's only topic; None for a reader of several, or of none.
    """
    edition = await _edition_of(store, paper)
    if edition and reader.topics:
        own = (await store.editions.personal([reader.id], [edition.id])).get((reader.id, edition.id), {})
        rankings = {edition.id: {**await store.editions.rankings(edition.id), **own}}
        picks = digest(edition.day, reader.topics, [edition], rankings, _EVERY_PICK).picks
        if found := next((pick.topic for pick in picks if pick.paper == paper.id), None):
            return found
    return reader.topics[0] if len(reader.topics) == 1 else None


async def _edition_of(store: Store, paper: Paper) -> Edition | None:
    """The edition that took `paper`: no older than its first listing."""
    if not paper.listings:
        return None
    before = min(listing.day for listing in paper.listings) - timedelta(days=1)
    later = await store.editions.between(before, date.max)
    return next((edition for edition in later if paper.id in edition.papers), None)
