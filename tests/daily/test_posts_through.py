"""What posts go through: no edition that comes late is skipped, none that a later post brought is posted again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from web_server import Reply, WebServer
from world import FRIDAY, World, reader

from newsletter.assembly import calendar, database_url
from newsletter.model import Rhythm
from newsletter.settings.channels import ChannelTable
from newsletter.store.backing_up import back_up
from newsletter.store.restoring import restore

TOKEN, WEB_SITE = "s3cr3ttoken123", "https://papers.example.org"
DAY = timedelta(days=1)
THURSDAY, SATURDAY, MONDAY = FRIDAY - DAY, FRIDAY + DAY, FRIDAY + 3 * DAY


@pytest.fixture
async def service() -> AsyncIterator[WebServer]:
    async with WebServer() as web:
        web.answer(f"/{TOKEN}", Reply(200))
        yield web


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def channel(service: WebServer, rhythm: Rhythm) -> ChannelTable:
    url = f"json://127.0.0.1:{service.port}/{TOKEN}"
    return ChannelTable(name="lab", url=url, topics=("robots",), papers=20, rhythm=rhythm)


def posted(service: WebServer) -> list[str]:
    return [json.loads(one.body)["message"].replace("\u2060", "") for one in service.requests]


async def look(world: World, day: date, hour: int, *, sends: bool = True) -> list[date]:
    """A look at that hour; the local dates of what was posted then, or had been."""
    world.now = datetime.combine(day, time(hour), UTC)
    async with world.daily() as daily:
        await daily.look()
        return [one.local_date for one in (await daily.send()).posts] if sends else []


async def test_an_edition_that_is_made_after_the_post_of_its_day_is_in_the_next(
    world: World, service: WebServer
) -> None:
    """Monday is quiet, and the week goes out without it; in the afternoon papers of Monday come after all."""
    world.settings(channels=[channel(service, Rhythm.WEEKLY)])
    world.list_papers(FRIDAY, "The Robot of Friday")
    await look(world, FRIDAY, 8)
    assert await look(world, MONDAY, 10) == [MONDAY]
    world.list_papers(MONDAY, "The Robot of Monday")
    world.now = datetime.combine(MONDAY, time(14), UTC)
    async with world.daily() as daily:
        await daily.collect()
    await look(world, MONDAY, 14)
    async with world.daily() as daily:
        assert await daily.store.editions.find(MONDAY)
        [post] = await daily.store.posts.of_date(MONDAY)
    assert post.through == FRIDAY
    world.list_papers(MONDAY + 7 * DAY, "The Robot of the Week After")
    await look(world, MONDAY + 7 * DAY, 8)
    first, second = posted(service)
    assert "Robot of Friday" in first
    assert "Robot of Friday" not in second
    assert "Robot of Monday" in second
    assert "Robot of the Week After" in second


async def test_what_a_later_post_brought_is_not_posted_for_a_day_that_is_made_up_for(
    world: World, service: WebServer
) -> None:
    world.settings(channels=[channel(service, Rhythm.DAILY)])
    world.list_papers(THURSDAY, "The Robot of Thursday")
    await look(world, THURSDAY, 8)
    world.list_papers(FRIDAY, "The Robot of Friday")
    await look(world, FRIDAY, 8, sends=False)  # killed before it posts
    world.list_papers(MONDAY, "The Robot of Monday")
    await look(world, MONDAY, 8)
    async with world.daily() as daily:
        report = await daily.run(world.now, FRIDAY)
    assert report.posts == ()
    assert [sum(f"Robot of {day}" in body for body in posted(service)) for day in ("Thursday", "Friday", "Monday")] == [
        1,
        1,
        1,
    ]


async def test_a_monthly_channel_gets_no_paper_twice_however_short_deliveries_are_kept(
    world: World, service: WebServer
) -> None:
    delivery = world.configuration.settings.delivery
    monthly = channel(service, Rhythm.MONTHLY)
    world.settings(channels=[monthly], delivery=delivery.model_copy(update={"keep": 1}))
    april, may = date(2025, 4, 1), date(2025, 5, 1)
    for day, title in ((april, "April"), (april + 20 * DAY, "Easter"), (may, "May")):
        world.list_papers(day, f"The Robot of {title}")
        await world.run(day)
    first, second = posted(service)
    assert "Robot of April" in first
    assert ["Robot of April" in second, "Robot of Easter" in second, "Robot of May" in second] == [False, True, True]


async def test_a_rhythm_may_name_a_day_without_an_edition(world: World, service: WebServer) -> None:
    """As readers' rhythms may: Saturdays bring the week where editions are made from Monday to Friday."""
    schedule = world.configuration.settings.schedule
    days = ("mon", "tue", "wed", "thu", "fri")
    world.settings(channels=[channel(service, Rhythm.SATURDAYS)], schedule=schedule.model_copy(update={"days": days}))
    world.list_papers(FRIDAY, "The Robot of Friday")
    await look(world, FRIDAY, 8)
    assert await look(world, SATURDAY, 6) == []
    assert await look(world, SATURDAY, 8) == [SATURDAY]
    assert await look(world, MONDAY, 8) == []
    assert await look(world, SATURDAY + 7 * DAY, 8) == []
    assert ["Robot of Friday" in body for body in posted(service)] == [True]


async def test_a_link_leads_to_the_page_of_an_edition_that_there_is(world: World, service: WebServer) -> None:
    site = world.configuration.settings.site.model_copy(update={"url": WEB_SITE})
    world.settings(channels=[channel(service, Rhythm.WEEKLY)], site=site)
    world.list_papers(FRIDAY, "The Robot of Friday")
    await look(world, FRIDAY, 8)
    await look(world, MONDAY, 10)  # a day without papers
    [body] = posted(service)
    assert f"{WEB_SITE}/editions/{FRIDAY}" in body


@pytest.mark.parametrize(("look_back", "is_there"), [(7, False), (14, True)])
async def test_where_editions_are_a_week_apart_a_late_one_needs_a_longer_look_back(
    world: World, service: WebServer, look_back: int, is_there: bool
) -> None:
    """An edition of Monday that was given up, and made on Wednesday after all: the next digest and the next post are a
    week younger than it."""
    settings = world.configuration.settings
    world.settings(
        channels=[channel(service, Rhythm.DAILY)],
        schedule=settings.schedule.model_copy(update={"days": ("mon",)}),
        edition=settings.edition.model_copy(update={"look_back": look_back}),
    )
    world.readers(reader("ada"))
    world.list_papers(MONDAY, "The Robot of Monday")
    await look(world, MONDAY, 1)
    await look(world, MONDAY, 8)
    late, after = MONDAY + 7 * DAY, MONDAY + 14 * DAY
    assert await look(world, late, 23) == []
    world.list_papers(late, "The Robot That Was Late")
    world.now = datetime.combine(late + 2 * DAY, time(8), UTC)
    async with world.daily() as daily:
        await daily.collect()
        assert (await daily.look()).made
        assert await daily.store.editions.find(late)
        assert (await daily.send()).posts == ()
    world.list_papers(after, "The Robot of the Week After")
    assert await look(world, after, 8) == [after]
    for last in (posted(service)[-1], world.mail()[-1]):
        assert "The Robot of the Week After" in last
        assert ("The Robot That Was Late" in last) is is_there


async def test_a_restore_that_holds_posts_no_paper_twice(world: World, service: WebServer, tmp_path: Path) -> None:
    world.settings(channels=[channel(service, Rhythm.DAILY)])
    settings = world.configuration.settings
    url, kept = database_url(settings), tmp_path / "kept.db"

    async def run(day: date, title: str) -> None:
        world.list_papers(day, f"The Robot of {title}")
        await world.run(day)

    def silent(step: str, done: int, every: int) -> None:
        """Hears nothing."""

    await run(FRIDAY, "Friday")
    await back_up(url, kept, silent)
    await run(SATURDAY, "Saturday")
    await run(MONDAY, "Monday")
    tuesday = MONDAY + DAY
    await restore(url, kept, (), calendar(settings), world.now + DAY, silent, hold=True)
    await run(tuesday, "Tuesday")
    await run(tuesday + DAY, "Wednesday")
    bodies = posted(service)
    counts = {day: sum(f"Robot of {day}" in one for one in bodies) for day in ("Friday", "Saturday", "Monday")}
    assert counts == {"Friday": 1, "Saturday": 1, "Monday": 1}
    assert "Robot of Wednesday" in bodies[-1]
    assert len(bodies) == 4  # Tuesday's, with the papers of the days before, is held
