"""The papers of the shipped documents, day by day, ready to be ranked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from functools import cache

from builders import asking
from places import SEEDS

from newsletter.model import Edition, Paper, Ranking, ReadablePaper, merge
from newsletter.ranking import Candidates, background, trending
from newsletter.sources.listing.source import ListingSource
from newsletter.text import readable

DAYS = (date(2025, 3, 11), date(2025, 3, 12))

AUTHORS = ("Ada Lovelace", "Grace Hopper", "Émilie du Châtelet", "Y. LeCun", "Wei Li")
"""The documents name no authors: every paper gets one or two of these, by its place."""


@cache
def papers() -> dict[date, tuple[ReadablePaper, ...]]:
    """The papers of each day in page order, those of both days with both listings."""
    known: dict[str, Paper] = {}
    days: dict[date, list[str]] = {}
    for batch in asyncio.run(ListingSource("seeds", [SEEDS], year=2025).collect(asking(date(2025, 3, 13)))):
        assert batch.day
        for one in batch.papers:
            known[one.id] = merge(known[one.id], one) if one.id in known else one
            days.setdefault(batch.day, []).append(one.id)
    signed = {
        number: readable(replace(one, authors=(AUTHORS[place % 5], AUTHORS[place % 3])))
        for place, (number, one) in enumerate(known.items())
    }
    return {day: tuple(signed[number] for number in days[day]) for day in DAYS}


@cache
def candidates(day: date) -> Candidates:
    """The papers of `day` against those of both."""
    everything = [one for several in papers().values() for one in several]
    return Candidates(papers()[day], background(everything, papers()[day]))


@cache
def trends(day: date) -> Ranking:
    """*Trending* of `day`."""
    return trending(candidates(day))


def edition(day: date) -> Edition:
    return Edition(DAYS.index(day) + 1, day, tuple(one.id for one in papers()[day]))
