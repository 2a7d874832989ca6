"""Past editions ranked again, under the topics as they are and as they might be. Nothing is saved."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.daily.appraising import Appraising
from newsletter.daily.collecting import Progress
from newsletter.model import Edition, Ranking, Subscriber, Topic
from newsletter.ranking import ranking
from newsletter.ranking.replaying import Replayed


async def replay(
    appraising: Appraising,
    editions: Sequence[Edition],
    before: Sequence[Topic],
    after: Sequence[Topic],
    progress: Progress,
    reader: Subscriber | None = None,
) -> list[Replayed]:
    """Each of `editions` ranked for the topics `before` and `after`, both anew, so that nothing but the topics differs.

    With a `reader`, only the topics that this one follows, by this reader's verdicts as they stand now.
    """
    changed = [topic for topic in after if topic not in before]
    kept = {topic.slug for topic in after}
    found = []
    for number, edition in enumerate(editions):
        progress("Replaying", number, len(editions))
        old = await _rankings(appraising, edition, before, reader)
        new = await _rankings(appraising, edition, changed, reader)
        as_before = {slug: one for slug, one in old.items() if not one.topic or slug in kept}
        found.append(Replayed(edition, old, {**as_before, **new}))
    progress("Replaying", len(editions), len(editions))
    return found


async def _rankings(
    appraising: Appraising, edition: Edition, topics: Sequence[Topic], reader: Subscriber | None
) -> dict[str, Ranking]:
    common = {one.slug: one for one in await appraising.rank(edition, [] if reader else topics)}
    if reader:
        theirs = [topic for topic in topics if topic.slug in reader.topics]
        common |= {one.topic.slug: ranking(one) for one in await appraising.scored(edition, theirs, reader)}
    return common
