"""What a digest brought is told by the editions it went through: its local date may lie before them, or behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from world import FRIDAY, ROBOTS, World, reader

from newsletter.assembly import limits
from newsletter.daily import Daily
from newsletter.daily.explaining import Explained, Explaining
from newsletter.daily.suggesting import evidence
from newsletter.errors import NotFoundError
from newsletter.model import Opinion, Subscriber
from newsletter.ranking.explaining import Place

DAY = timedelta(days=1)
NAMES = ("Ada", "Ben", "Cleo")


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """One whose editions of Friday and Saturday have gone out, and that of Sunday has just been made."""
    made = World(tmp_path)
    made.readers(
        replace(reader("east"), timezone="Pacific/Kiritimati", hour=7),
        replace(reader("west"), timezone="Pacific/Honolulu", hour=22),
    )
    for number, name in enumerate(NAMES):
        made.list_papers(FRIDAY + number * DAY, f"A Robot Called {name}")
        for hour in (7, 9, 18)[: None if name != NAMES[-1] else 1]:
            made.now = datetime.combine(FRIDAY + number * DAY, time(hour, 5), UTC)
            async with made.daily() as daily:
                await daily.look()
                assert (await daily.send()).failure is None
    return made


@asynccontextmanager
async def known(world: World, name: str) -> AsyncIterator[tuple[Daily, Subscriber]]:
    async with world.daily() as daily:
        found = await daily.store.subscribers.find(f"{name}@example.org")
        assert found
        yield daily, found


async def explained(world: World, title: str, name: str, asked: date | None = None) -> Explained:
    async with known(world, name) as (daily, who):
        [paper] = await daily.store.papers.resolve(title, exactly=True)
        explaining = Explaining(daily.store, daily.publishing, [ROBOTS], limits(world.configuration.settings))
        return await explaining.explain(paper, who, asked)


@pytest.mark.parametrize(("name", "ahead"), [("east", DAY), ("west", -DAY)])
async def test_a_paper_is_explained_by_the_digest_that_brought_it(world: World, name: str, ahead: timedelta) -> None:
    for number, title in enumerate(NAMES[:2]):
        found = await explained(world, f"A Robot Called {title}", name)
        assert found.delivery is not None
        assert found.delivery.local_date == FRIDAY + number * DAY + ahead
        assert (found.sent, found.spanned, found.explanation.place) == (True, True, Place.CARD)
        assert [one.day for one in found.case.occasion.span.editions] == [FRIDAY + number * DAY]
    with pytest.raises(NotFoundError, match="does not take in this paper"):
        await explained(world, f"A Robot Called {NAMES[2]}", name, FRIDAY + DAY + ahead)
    assert not (await explained(world, f"A Robot Called {NAMES[2]}", name)).sent


@pytest.mark.parametrize("name", ["east", "west"])
async def test_suggestions_know_what_a_reader_was_shown(world: World, name: str) -> None:
    async with known(world, name) as (daily, who):
        papers = [
            paper for one in NAMES for paper in await daily.store.papers.resolve(f"A Robot Called {one}", exactly=True)
        ]
        for paper in papers:
            await daily.store.feedback.record(who.id, "robots", paper.id, Opinion.LIKE, world.now)
        limited = limits(world.configuration.settings)
        [found] = await evidence(daily.store, daily.publishing, [ROBOTS], limited, who)
    assert len(found.liked) == 3
    assert [opinion for _, opinion in found.shown] == [Opinion.LIKE] * 2
