"""Posts in channels: a real run, Apprise itself, and a real service on this machine with its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import paper
from web_server import Reply, WebServer
from world import FRIDAY, World, reader

from newsletter.chat import outlet
from newsletter.cli.looking import _in_words
from newsletter.daily import Report
from newsletter.errors import ChannelError, NotFoundError
from newsletter.model import Batch, Rhythm, State, Verdict
from newsletter.settings.channels import ChannelTable

TOKEN = "s3cr3ttoken123"
MONDAY = FRIDAY + timedelta(days=3)
ROBOTS = [f"A Robot Called {name}" for name in "Ada Ben Cleo Dora Egon Fred Gina Hal".split()]


@pytest.fixture
async def service() -> AsyncIterator[WebServer]:
    async with WebServer() as web:
        web.answer(f"/{TOKEN}", Reply(200))
        yield web


@pytest.fixture
def world(tmp_path: Path, service: WebServer) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "Soup", *ROBOTS)
    channels(made, channel(service))
    return made


def channel(service: WebServer, name: str = "lab", query: str = "", **fields: Any) -> ChannelTable:
    fields = {"topics": ("robots",)} | fields
    return ChannelTable(name=name, url=f"json://127.0.0.1:{service.port}/{TOKEN}{query}", **fields)


def channels(world: World, *tables: ChannelTable) -> None:
    world.settings(channels=tables)


async def run(world: World, day: date = FRIDAY, after: timedelta = timedelta(hours=8)) -> Report:
    world.now = world.now.replace(year=day.year, month=day.month, day=day.day, hour=0) + after
    async with world.daily() as daily:
        report = await daily.run(world.now, day)
    assert TOKEN not in repr(report)
    return report


def posted(service: WebServer) -> list[str]:
    return [json.loads(one.body)["message"].replace("\u2060", "") for one in service.requests]


def states(report: Report) -> list[tuple[str, State]]:
    return [(one.channel, one.state) for one in report.posts]


async def test_a_channel_gets_the_picks_of_its_topic_once(world: World, service: WebServer) -> None:
    report = await run(world)
    assert states(report) == [("lab", State.ACCEPTED)]
    assert (report.posts[0].papers, report.alerts) == (5, ())
    [body] = posted(service)
    assert body.startswith("Trending Papers, 14 March 2025\n\n1. A Robot Called ")
    assert "https://arxiv.org/search/" in body
    assert "In this paper we study a robot called" in body or "We study a robot called" in body
    assert "title says “Robot”" in body
    assert "Soup" not in body
    assert states(await run(world)) == [("lab", State.ACCEPTED)]
    assert len(posted(service)) == 1


async def test_channels_and_readers_get_theirs_side_by_side(world: World, service: WebServer) -> None:
    world.readers(reader("ada"))
    channels(world, channel(service), channel(service, "club", topics=(), papers=2))
    report = await run(world)
    assert [one.state for one in report.deliveries] == [State.ACCEPTED]
    assert states(report) == [("lab", State.ACCEPTED), ("club", State.ACCEPTED)]
    assert "Soup" in posted(service)[1]
    assert len(world.mail()) == 1


@pytest.mark.parametrize("query", ["", "?format=markdown", "?format=html"])
async def test_a_hostile_title_stays_words(world: World, service: WebServer, query: str) -> None:
    channels(world, channel(service, query=query))
    world.list_papers(FRIDAY)
    hostile = paper(1, "Robot @everyone <!here> [pay](https://evil.example) <b>now</b> *x*", day=FRIDAY)
    async with world.daily() as daily:
        await daily.store.batches.remember(Batch("page", "page", FRIDAY, (hostile,), Verdict.NEW, ""), world.now)
    await run(world)
    [body] = [json.loads(one.body)["message"] for one in service.requests]
    assert "everyone" in body
    assert "@everyone" not in body
    for made in ("<!here>", "](https://evil", "://evil", "<b>now"):
        assert made not in body


@pytest.mark.parametrize(("status", "state"), [(429, State.DEFERRED), (500, State.DEFERRED), (403, State.REFUSED)])
async def test_a_service_that_refuses_is_asked_again_when_it_is_time_or_not_at_all(
    world: World, service: WebServer, status: int, state: State
) -> None:
    service.answer(f"/{TOKEN}", Reply(status), Reply(200))
    report = await run(world)
    assert states(report) == [("lab", state)]
    [alert] = report.alerts
    assert alert.startswith(f"channel lab: JSON answered {status}")
    later = await run(world, after=timedelta(hours=8, minutes=1))
    assert len(posted(service)) == 1
    if state is State.DEFERRED:
        assert later.next_at == report.next_at
        assert report.next_at
        assert states(await run(world, after=timedelta(hours=9))) == [("lab", State.ACCEPTED)]
        assert posted(service)[0] == posted(service)[1]
    else:  # the next day's post carries what nobody has seen
        world.list_papers(MONDAY, "The Robot of Monday")
        assert states(await run(world, MONDAY)) == [("lab", State.ACCEPTED)]
        assert "A Robot Called" in posted(service)[1]


async def test_a_channel_that_is_configured_no_more_announces_no_moment(world: World, service: WebServer) -> None:
    service.answer(f"/{TOKEN}", Reply(503))
    assert (await run(world)).next_at
    channels(world, channel(service, "another", topics=("soup",)))
    assert (await run(world)).next_at is None
    async with world.daily() as daily:
        [waiting, *_] = await daily.store.posts.of_date(FRIDAY)
        assert (waiting.channel, waiting.state) == ("lab", State.DEFERRED)
        assert (await daily.send()).next_at is None


async def test_what_still_waits_is_superseded_by_the_next_post(world: World, service: WebServer) -> None:
    service.answer(f"/{TOKEN}", Reply(503), Reply(200))
    await run(world)
    world.list_papers(MONDAY, "The Robot of Monday")
    assert states(await run(world, MONDAY)) == [("lab", State.ACCEPTED)]
    async with world.daily() as daily:
        [friday] = await daily.store.posts.of_date(FRIDAY)
    assert (friday.state, friday.reason) == (State.SUPERSEDED, f"the post of {MONDAY} carries it")
    assert "A Robot Called" in posted(service)[1]


@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_a_lost_answer_is_posted_once_more_or_never(world: World, service: WebServer, policy: str) -> None:
    world.settings(delivery=world.configuration.settings.delivery.model_copy(update={"on_unknown": policy}))
    service.answer(f"/{TOKEN}", Reply(raw=b""))
    assert states(await run(world)) == [("lab", State.UNKNOWN)]
    for _ in range(3):
        assert states(await run(world)) == [("lab", State.UNKNOWN)]
    assert len(posted(service)) == (2 if policy == "resend" else 1)
    assert len(set(posted(service))) == 1


@pytest.mark.parametrize("dies", ["before", "while", "after"])
async def test_a_sender_that_dies_doubles_nothing_that_could_be_helped(
    world: World, service: WebServer, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """Before it posts, the next run does; while or after, the service may have it: it is posted once more, ever."""
    async with world.daily() as daily:
        store = daily.store.posts

        async def killed(*arguments: object, **named: object) -> None:
            if dies == "after":
                await service_took.wait()
            raise asyncio.CancelledError

        service_took = asyncio.Event()
        with monkeypatch.context() as patched:
            if dies == "before":
                patched.setattr(type(store), "begin", killed)
            elif dies == "while":
                patched.setattr(outlet.Outlet, "send", killed)
            else:
                service_took.set()
                patched.setattr(type(store), "settle", killed)
            with pytest.raises(asyncio.CancelledError):
                await daily.run(world.now, FRIDAY)
    before = len(posted(service))
    assert before == (1 if dies == "after" else 0)
    # The process of the tests lives on; its lease does not.
    hour = timedelta(hours=9)
    assert states(await run(world, after=hour)) == [("lab", State.ACCEPTED)]
    assert len(posted(service)) == before + 1
    await run(world, after=2 * hour)
    assert len(posted(service)) == before + 1


async def test_two_runs_at_once_post_once(world: World, service: WebServer) -> None:
    await run(world, FRIDAY - timedelta(days=1))  # so that both find the papers
    async with world.daily() as one, world.daily() as other:
        await asyncio.gather(*(each.run(world.now, FRIDAY) for each in (one, other)))
        found = await one.store.posts.of_date(FRIDAY)
    assert [post.state for post in found] == [State.ACCEPTED]
    assert len(posted(service)) == 1


async def test_a_channel_has_its_rhythm(world: World, service: WebServer) -> None:
    saturday = FRIDAY + timedelta(days=1)
    world.list_papers(FRIDAY, "Soup", *ROBOTS[:2])
    channels(
        world,
        channel(service, "daily"),
        channel(service, "workdays", rhythm=Rhythm.WEEKDAYS),
        channel(service, "weekly", rhythm=Rhythm.WEEKLY, papers=20),
    )
    assert [name for name, _ in states(await run(world))] == ["daily", "workdays"]
    world.list_papers(saturday, "The Robot of Saturday")
    assert [name for name, _ in states(await run(world, saturday))] == ["daily"]
    report = await run(world, MONDAY)
    # What was posted on Saturday is not posted again; the others have not seen it yet.
    assert states(report) == [("workdays", State.ACCEPTED), ("weekly", State.ACCEPTED)]
    workdays, weekly = posted(service)[-2:]
    assert "Saturday" in workdays
    assert "A Robot Called" not in workdays
    assert "Saturday" in weekly
    assert "A Robot Called" in weekly


async def test_a_scheduler_tells_of_a_day_when_its_edition_is_there_or_given_up(
    world: World, service: WebServer
) -> None:
    """Else a post would go without the day's edition, and the channel's next one begins behind it."""
    world.list_papers(FRIDAY, *ROBOTS[:2])
    channels(world, channel(service, rhythm=Rhythm.WEEKLY, papers=20))

    async def sent(day: date, hour: int) -> list[date]:
        world.now = datetime.combine(day, time(hour), UTC)
        async with world.daily() as daily:
            return [one.local_date for one in (await daily.send()).posts]

    async def made(day: date) -> None:
        world.now = datetime.combine(day, time(8), UTC)
        async with world.daily() as daily:
            assert (await daily.look()).made

    await made(FRIDAY)
    assert await sent(MONDAY, 8) == []
    world.list_papers(MONDAY, "The Robot of Monday")
    await made(MONDAY)
    assert await sent(MONDAY, 8) == [MONDAY]
    [body] = posted(service)
    assert "A Robot Called" in body
    assert "The Robot of Monday" in body
    tuesday, next_monday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=7)
    world.list_papers(tuesday, "The Robot of Tuesday")
    await made(tuesday)
    # A Monday without papers: it is waited for, then the post brings what there is.
    assert await sent(next_monday, 8) == []
    assert await sent(next_monday, 23) == [next_monday]
    assert "The Robot of Tuesday" in posted(service)[-1]


async def test_nothing_new_is_not_posted(world: World, service: WebServer) -> None:
    await run(world)
    world.list_papers(MONDAY, "Soup Again")
    report = await run(world, MONDAY)
    assert [(one.state, one.reason) for one in report.posts] == [(State.SKIPPED, "nothing new for these topics")]
    assert len(posted(service)) == 1


async def test_a_channel_that_cannot_be_used_waits_and_holds_up_nobody(world: World, service: WebServer) -> None:
    broken = ChannelTable(name="broken", url=f"nothing://{TOKEN}", topics=("robots",))
    channels(world, broken, channel(service))
    report = await run(world)
    assert states(report) == [("broken", State.READY), ("lab", State.ACCEPTED)]
    [alert] = report.alerts
    assert alert.startswith("channel broken: its url is none that Apprise can use")
    channels(world, channel(service, "broken"), channel(service))
    assert states(await run(world)) == [("broken", State.ACCEPTED), ("lab", State.ACCEPTED)]


async def test_a_preview_is_what_is_posted(world: World, service: WebServer) -> None:
    async with world.daily() as daily:
        await daily.collect()
        made = await daily.preview_post("lab", FRIDAY)
        with pytest.raises(NotFoundError, match=r"there is no channel “club”; newsletter.toml has lab"):
            await daily.preview_post("club")
        with pytest.raises(NotFoundError, match="nothing new for the channel “lab”"):
            await daily.preview_post("lab", MONDAY + timedelta(days=30))
    assert service.requests == []
    await run(world)
    assert [json.loads(one.body)["message"] for one in service.requests] == [made.body]
    channels(world, ChannelTable(name="lab", url="nothing://x"))
    async with world.daily() as daily:
        with pytest.raises(ChannelError, match="channel lab: its url"):
            await daily.preview_post("lab", FRIDAY)


async def test_a_run_without_channels_asks_no_service(world: World, service: WebServer) -> None:
    channels(world)
    assert (await run(world)).posts == ()
    assert service.requests == []


async def test_a_post_that_waits_is_not_told_as_a_delivery(world: World, service: WebServer) -> None:
    """What a scheduler says after it has sent: the digest was accepted, and the post is what is tried again."""
    service.answer(f"/{TOKEN}", Reply(503))
    world.readers(reader("ada"))
    world.now = datetime.combine(FRIDAY, time(1), UTC)
    async with world.daily() as daily:
        await daily.look()  # who comes after their hour reads from the next date on
    world.now = datetime.combine(FRIDAY, time(8), UTC)
    async with world.daily() as daily:
        assert (await daily.look()).made
        sent = await daily.send()
        [delivery] = await daily.store.ledger.deliveries(local_date=FRIDAY)
        [post] = await daily.store.posts.of_date(FRIDAY)
    assert (delivery.state, post.state) == (State.ACCEPTED, State.DEFERRED)
    assert post.next_at
    again = f"{post.next_at:%H:%M:%S %Z}"
    assert _in_words(sent) == f"1 delivery of {FRIDAY} tried; what waits is tried again at {again}"
