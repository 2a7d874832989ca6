"""Runs over days whose papers come over real HTTP: lists shown again, lists that are late, and what was kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_string
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sources_of_a_world import use
from web_server import Reply, Request, WebServer
from world import World, reader

from newsletter.model import State, Verdict
from newsletter.store import tables

FRIDAY = date(2026, 8, 7)
SENT = {"ada@example.org": State.ACCEPTED}


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.readers(reader("ada"))
    return made


def hub(server: WebServer) -> dict[str, object]:
    return {"kind": "huggingface", "name": "hub", "base_url": server.url, "pace": 0, "timeout": 5}


def arxiv(server: WebServer) -> dict[str, object]:
    own = {"base_url": server.url, "api_url": server.url, "categories": ["cs.RO"], "pace": 0, "timeout": 5}
    return {"kind": "arxiv", "name": "arxiv", **own}


def page(world: World) -> dict[str, object]:
    return {"kind": "listing", "name": "page", "path": str(world.folder), "settle": 0}


def item(number: int, day: date, votes: int = 3) -> dict[str, object]:
    """One paper of the list of `day`, in the API's nesting."""
    paper = {
        "id": f"2608.{number:05}",
        "title": f"A Robot Called Number {number}",
        "summary": "In this paper we study a robot at length, and we find that it works quite well.",
        "authors": [{"_id": "1", "name": "Ada Example", "hidden": False}],
        "publishedAt": "2026-08-04T00:00:00.000Z",
        "submittedOnDailyAt": f"{day}T00:00:00.000Z",
        "upvotes": votes,
    }
    return {"paper": paper, "title": paper["title"], "summary": paper["summary"], "numComments": 1}


def asked_day(request: Request) -> date:
    return date.fromisoformat(parse_qs(urlsplit(request.target).query)["date"][0])


def lists(server: WebServer, days: dict[date, list[dict[str, object]]], *, snap_back: bool) -> None:
    """The Hub's lists. On a day without one it shows the last there was, or nothing at all: both have been seen."""

    def answer(request: Request) -> Reply:
        day = asked_day(request)
        if "p=0" not in request.target:
            return Reply(body=b"[]")
        while snap_back and day not in days and day > min(days):
            day -= timedelta(days=1)
        return Reply(body=json.dumps(days.get(day, [])).encode())

    server.answer("/api/daily_papers", answer)


@pytest.mark.parametrize("snap_back", [True, False])
async def test_fridays_list_is_sent_once(world: World, server: WebServer, snap_back: bool) -> None:
    use(world, hub(server))
    friday, tuesday = [item(1, FRIDAY), item(2, FRIDAY)], FRIDAY + timedelta(days=4)
    lists(server, {FRIDAY: friday}, snap_back=snap_back)
    states = [await world.run(FRIDAY + timedelta(days=days)) for days in range(4)]
    assert states == [SENT, {}, {}, {}]
    lists(server, {FRIDAY: friday, tuesday: [item(3, tuesday)]}, snap_back=snap_back)
    assert await world.run(tuesday) == SENT
    first, second = world.mail() if "Number 1" in world.mail()[0] else reversed(world.mail())
    assert [number for number in (1, 2, 3) if f"Number {number}" in first] == [1, 2]
    assert [number for number in (1, 2, 3) if f"Number {number}" in second] == [3]


async def test_a_failing_source_is_for_the_operator_and_not_for_the_reader(world: World, server: WebServer) -> None:
    server.answer("/api/daily_papers", Reply(404))
    use(world, hub(server), page(world))
    world.list_papers(FRIDAY, "A Robot That Walks")
    assert await world.run(FRIDAY) == SENT
    [mail] = world.mail()
    text = message_from_string(mail).get_payload(0).get_payload(decode=True).decode()  # type: ignore[union-attr] # multipart
    assert "Papers from page (1)." in text
    assert "hub" not in text
    async with world.daily() as daily:
        broken = [one for one in await daily.store.batches.newest() if one.verdict is Verdict.BROKEN]
    assert broken
    assert all("404" in one.why for one in broken)


def rss(day: date, *numbers: int) -> Reply:
    """arXiv's feed as of `day`, whatever day its papers are of."""
    made = datetime.combine(day, datetime.min.time()).strftime("%a, %d %b %Y 00:00:00 -0400")
    items = "".join(
        f"<item><title>A Robot Called Number {number}</title><link>https://arxiv.org/abs/2608.{number:05}</link>"
        f"<description>arXiv:2608.{number:05}v1 Announce Type: new \nAbstract: We study a robot.</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:2608.{number:05}v1</guid><category>cs.RO</category>'
        f"<pubDate>{made}</pubDate><arxiv:announce_type>new</arxiv:announce_type>"
        "<dc:creator>Ada Example</dc:creator></item>"
        for number in numbers
    )
    head = (
        '<rss version="2.0" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>cs.RO updates on arXiv.org</title><lastBuildDate>{made}</lastBuildDate>"
        f"<pubDate>{made}</pubDate>"
    )
    return Reply(body=f"{head}{items}</channel></rss>".encode(), headers={"Content-Type": "application/rss+xml"})


async def look(world: World, moment: datetime) -> tuple[tuple[str, ...], int]:
    """What `newsletter schedule` does at `moment`: what it waits for, and how many messages went out."""
    world.now, before = moment, len(world.mail())
    async with world.daily() as daily:
        looked = await daily.look()
        assert (await daily.send()).failure is None
    return looked.waiting, len(world.mail()) - before


async def test_a_schedule_waits_for_a_late_source_and_not_for_ever(world: World, server: WebServer) -> None:
    use(world, arxiv(server))
    monday = FRIDAY + timedelta(days=3)
    server.answer("/rss/cs.RO", rss(FRIDAY, 1))
    at = datetime.combine(FRIDAY, datetime.min.time(), UTC) + timedelta(hours=7)
    assert await look(world, at - timedelta(days=1)) == ((), 0)  # nobody was there when that day's mail was due
    assert await look(world, at) == ((), 1)

    # On Monday the feed has Monday's date and Friday's papers.
    server.answer("/rss/cs.RO", rss(monday, 1))
    at += timedelta(days=3)
    waiting, sent = await look(world, at)
    assert (len(waiting), sent) == (1, 0), waiting
    assert "arxiv" in waiting[0]
    server.answer("/rss/cs.RO", rss(monday, 2))
    assert (await look(world, at + timedelta(minutes=19)))[1] == 0  # it is not asked again so soon
    assert await look(world, at + timedelta(minutes=20)) == ((), 1)

    # On Tuesday it never comes; after two hours the day goes on without it, and what comes later is not lost.
    tuesday = monday + timedelta(days=1)
    world.list_papers(tuesday, "A Robot That Walks")
    use(world, arxiv(server), page(world))
    server.answer("/rss/cs.RO", rss(tuesday, 2))
    at += timedelta(days=1)
    assert (await look(world, at + timedelta(minutes=100)))[0]
    assert await look(world, at + timedelta(minutes=120)) == ((), 1)
    assert any("Still to come from arxiv" in mail for mail in world.mail())
    server.answer("/rss/cs.RO", rss(tuesday, 3))
    async with world.daily() as daily:
        await daily.collect()
    server.answer("/rss/cs.RO", rss(tuesday + timedelta(days=1), 4))
    assert await look(world, at + timedelta(days=1)) == ((), 1)
    counted = [sum(f"Number {number}" in mail for mail in world.mail()) for number in (1, 2, 3, 4)]
    assert counted == [1, 1, 1, 1]


async def test_what_was_kept_makes_the_same_papers_again(world: World, server: WebServer, tmp_path: Path) -> None:
    """Of a database that lost its papers: the answers of a day bring back what that day had."""
    use(world, hub(server), arxiv(server))
    for days, number in enumerate((1, 2)):
        day = FRIDAY + timedelta(days=3 + days)
        lists(server, {day: [item(10 + number, day)]}, snap_back=False)
        server.answer("/rss/cs.RO", rss(day, number))
        server.answer("/api/query", Reply(503))
        assert await world.run(day) == SENT
    async with world.daily() as daily:
        before = {one.id: one for one in await daily.store.papers.find()}
        async with daily.store.database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table.name not in {"answers", "topics", "subscribers"}:
                    await connection.execute(table.delete())
    requests = len(server.requests)
    assert set(before) == {f"arxiv:2608.{number:05}" for number in (1, 2, 11, 12)}

    world.now += timedelta(days=40)
    async with world.daily() as daily:
        monday = FRIDAY + timedelta(days=3)
        await daily.collect(day=monday, offline=True)
        assert {one.id for one in await daily.store.papers.find()} == {"arxiv:2608.00001", "arxiv:2608.00011"}
        async for _ in daily.back_fill(monday, monday + timedelta(days=1), offline=True):
            pass
        after = {one.id: one for one in await daily.store.papers.find()}
    assert after == before
    assert len(server.requests) == requests
