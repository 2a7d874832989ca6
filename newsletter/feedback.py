"""What a reader's opinion on a paper is about."""

from __future__ import annotations

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
    if edition and reader.follows:
        own = (await store.editions.personal([reader.id], [edition.id])).get((reader.id, edition.id), {})
        rankings = {**await store.editions.rankings(edition.id, reader.follows), **own}
        picks = digest(edition.day, reader.follows, [edition], rankings, _EVERY_PICK).picks
        if found := next((pick.topic for pick in picks if pick.paper == paper.id), None):
            return found
    return reader.follows[0] if len(reader.follows) == 1 else None


async def _edition_of(store: Store, paper: Paper) -> Edition | None:
    """The edition that took `paper`."""
    day = await store.editions.taken_on(paper.id)
    return await store.editions.find(day) if day else None
