"""Votes in a world: told by a source of their own, at the moment that a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from world import World

from newsletter.daily import Daily
from newsletter.model import Batch, Observation, Verdict


async def vote(world: World, moment: datetime, votes: Mapping[str, int]) -> None:
    """Papers, by their titles, have so many votes from that moment on."""
    async with world.daily() as daily:
        await told_to(daily, moment, votes)


async def told_to(daily: Daily, moment: datetime, votes: Mapping[str, int]) -> None:
    """The same in an installation that is open."""
    found = {paper.title: paper.id for paper in await daily.store.papers.find()}
    told = tuple(Observation(found[title], "votes", number) for title, number in votes.items())
    batch = Batch("votes", f"votes {moment}", None, (), Verdict.NEW, "", observations=told)
    await daily.store.batches.remember(batch, moment)


def at(day: date, hour: int) -> datetime:
    """A full hour of `day`; the runs of a world are at eight."""
    return datetime.combine(day, time(hour), UTC)
