"""A reader's digest from frozen rankings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from newsletter.model import Answered, Digest, Edition, Pick, Ranking, Verdict
from newsletter.model.edition import TRENDING
from newsletter.ranking.selection import Limits, outside, select


def digest(
    day: date,
    topics: Sequence[str],
    editions: Sequence[Edition],
    rankings: Mapping[str, Ranking],
    limits: Limits,
    rising: Sequence[Pick] = (),
) -> Digest:
    """The digest for the local date `day` of a reader who follows `topics` (slugs; none means *Trending*).

    `editions` are those the digest spans, ascending; `rankings` are those of a single one, by slug, or those of all of
    them as `spanning` makes one of several. A topic without a ranking contributes nothing. `rising` are papers of
    earlier days that come on top; a digest without anything else stays empty.
    """
    slugs = tuple(topics) or (TRENDING,)
    found = [rankings[slug] for slug in slugs if slug in rankings]
    names = {one.slug: one.topic.name for one in found if one.topic}
    selection = select(found, limits)
    trending = rankings.get(TRENDING) if topics and limits.outside and selection.sections else None
    return Digest(
        day=day,
        days=tuple(edition.day for edition in editions),
        top=selection.top,
        sections=selection.sections,
        also=selection.also,
        left_out=selection.left_out,
        considered=sum(len(edition.papers) for edition in editions),
        curators=tuple(dict.fromkeys(name for edition in editions for name in edition.curators)),
        follows=tuple(names.get(slug, slug) for slug in topics),
        outside=outside(found, trending) if trending else None,
        answered=_answered(editions),
        rising=tuple(rising) if selection.sections else (),
    )


def _answered(editions: Sequence[Edition]) -> tuple[Answered, ...]:
    """What each source answered: its papers in all of the editions, its verdict in the newest that knows it."""
    papers: Counter[str] = Counter()
    verdicts: dict[str, Verdict] = {}
    for one in (one for edition in editions for one in edition.answered):
        papers[one.source] += one.papers
        verdicts[one.source] = one.verdict
    return tuple(Answered(source, verdict, papers[source]) for source, verdict in verdicts.items())
