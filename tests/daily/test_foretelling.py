"""What a scheduler will do, as it is told: of whom, what waits, what comes; and that it then does just that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from web_server import Reply, WebServer
from world import FRIDAY, World, reader

from newsletter.assembly import channels_of, rules_of
from newsletter.daily import Daily
from newsletter.daily.foretelling import Coming, foretell
from newsletter.errors import NotFoundError
from newsletter.model import Rhythm, State, Subscriber
from newsletter.settings.channels import ChannelTable
from newsletter.store import tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TOKEN = "s3cr3ttoken123"
SATURDAY, MONDAY = FRIDAY + DAY, FRIDAY + 3 * DAY


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def service() -> AsyncIterator[WebServer]:
    async with WebServer() as web:
        web.answer(f"/{TOKEN}", Reply(200))
        yield web


def channel(service: WebServer, name: str = "lab", rhythm: Rhythm = Rhythm.DAILY) -> ChannelTable:
    url = f"json://127.0.0.1:{service.port}/{TOKEN}"
    return ChannelTable(name=name, url=url, topics=("robots",), rhythm=rhythm)


def at(world: World, day: date, hour: float) -> None:
    world.now = datetime.combine(day, datetime.min.time(), UTC) + hour * HOUR


async def told(world: World, daily: Daily, span: timedelta, address: str | None = None) -> list[Coming]:
    settings = world.configuration.settings
    return await foretell(daily.store, rules_of(settings), channels_of(settings), world.now, span, address)


async def foretold(world: World, span: timedelta = 0 * DAY, address: str | None = None) -> list[tuple[str, str]]:
    """What is told, and why, of what waits just now; of more with a `span`."""
    async with world.daily() as daily:
        return [(one.what, one.why) for one in await told(world, daily, span, address)]


async def look(world: World) -> None:
    async with world.daily() as daily:
        await daily.look()
        await daily.send()


def words(found: list[tuple[str, str]], which: str) -> list[str]:
    return [f"{what}: {why}" for what, why in found if which in what]


async def test_who_has_paused_or_is_suppressed_counts_for_nobody(world: World) -> None:
    world.now = datetime(2025, 3, 14, 9, tzinfo=UTC)
    at_ten = replace(reader("dot"), hour=10)
    async with world.daily() as daily:
        everybody = [replace(one, origin="import") for one in (*map(reader, ("ada", "ben", "cyd")), at_ten)]
        await daily.store.subscribers.add(everybody, world.now - DAY)
        await daily.store.subscribers.pause(2, None)
        await daily.store.subscribers.pause(4, None)
        await daily.store.suppressions.add("cyd@example.org", "a hard bounce", world.now)
        found = [one.what for one in await told(world, daily, DAY)]
    assert found == [
        "digests of 2025-03-14 for 1 reader",
        "the edition of 2025-03-15",
        "digests of 2025-03-15 for 1 reader",
    ]


async def test_who_is_due_and_waits_for_the_edition_is_told_until_when(world: World) -> None:
    in_tokyo = Subscriber("bea@example.org", timezone="Asia/Tokyo", hour=16)
    world.readers(reader("ada"), in_tokyo)
    at(world, FRIDAY - DAY, 7.1)
    await look(world)
    world.folder.rename(world.folder.with_name("away"))  # the source cannot be read
    at(world, FRIDAY, 7.5)
    await look(world)
    found = await foretold(world)
    assert words(found, "edition") == [
        "the edition of 2025-03-14: schedule.at; made when its sources have told, at Fri 09:00 UTC at the latest"
    ]
    assert words(found, "digests") == [
        "digests of 2025-03-14 for 1 reader: due since Fri 16:00 JST; the edition of 2025-03-14 is waited for, "
        "at Fri 18:00 JST at the latest",
        "digests of 2025-03-14 for 1 reader: due since Fri 07:00 UTC; the edition of 2025-03-14 is waited for, "
        "at Fri 09:00 UTC at the latest",
    ]
    ada = [("the digest of 2025-03-14", found[-1][1])]
    assert await foretold(world, address="ada@example.org") == ada
    at(world, FRIDAY, 9)  # it is waited for no longer
    assert await foretold(world, address="ada@example.org") == [
        ("the digest of 2025-03-14", "due since Fri 07:00 UTC: the next look plans it")
    ]
    await look(world)
    assert await foretold(world) == []
    async with world.daily() as daily:
        assert len(await daily.store.ledger.of_date(FRIDAY)) == 2


async def test_readers_whose_time_zone_is_not_known_here_are_told_of(world: World) -> None:
    world.readers(reader("ada"), reader("bea"))
    at(world, FRIDAY, 6)
    async with world.daily() as daily, daily.store.database.write() as connection:
        bea = update(tables.subscribers).where(tables.subscribers.c.address.startswith("bea"))
        await connection.execute(bea.values(timezone="Mars/Olympus_Mons", origin="web"))
    world.configuration = replace(world.configuration, subscribers=world.configuration.subscribers[:1])
    found = words(await foretold(world, 2 * HOUR), "digests")
    assert found == [
        "no digests for readers of daily, from 07:00: they wait: this machine does not know their time zone, "
        "Mars/Olympus_Mons",
        "digests of 2025-03-14 for 1 reader: daily, from 07:00 in UTC; up to the edition of 2025-03-14",
    ]
    with pytest.raises(NotFoundError, match="does not know the time zone Mars/Olympus_Mons"):
        await foretold(world, DAY, "bea@example.org")


async def test_what_nobody_looked_at_in_time_is_told(world: World) -> None:
    world.readers(reader("ada"))
    at(world, FRIDAY - DAY, 8)
    await look(world)
    at(world, SATURDAY, 6)
    assert await foretold(world, address="ada@example.org") == [
        ("no digest of 2025-03-14", "nobody looked in time; the next one carries it")
    ]
    assert words(await foretold(world), "digests") == [
        "no digests of 2025-03-14 for 1 reader: nobody looked in time; the next one carries it"
    ]


async def test_what_the_ledger_has_that_has_not_gone_out(world: World) -> None:
    world.readers(*map(reader, ("ada", "ben", "cyd", "dot", "eve", "fay")))
    at(world, FRIDAY, 8)
    soon, later = world.now + HOUR / 3, world.now + HOUR
    async with world.daily() as daily:
        ledger = daily.store.ledger
        ids = await daily.store.subscribers.named([f"{one}@example.org" for one in "ada ben cyd dot eve fay".split()])
        await ledger.plan(FRIDAY, [one.id for one in ids.values()], world.now)
        rows = {
            one.address.partition("@")[0]: one for one in await ledger.claim(FRIDAY, "one", world.now, HOUR, limit=5)
        }
        assert len(rows) == 5
        [waits] = {"ada", "ben", "cyd", "dot", "eve", "fay"} - rows.keys()
        assert waits == "fay"
        await ledger.settle(rows["ada"], "one", world.now, State.DEFERRED, next_at=soon)
        await ledger.settle(rows["ben"], "one", world.now, State.DEFERRED, next_at=later)
        await ledger.settle(rows["cyd"], "one", world.now, State.UNKNOWN)
        await ledger.settle(rows["dot"], "one", world.now, State.ACCEPTED)
    found = await foretold(world, HOUR)
    assert words(found, "digests of 2025-03-14") == [
        "digests of 2025-03-14 for 1 reader: in the ledger, ready: the next look sends it",
        "digests of 2025-03-14 for 1 reader: in the ledger, sending: somebody is handing it over",
        "digests of 2025-03-14 for 1 reader: in the ledger, unknown: the next look sends it once more",
        "digests of 2025-03-14 for 2 readers: in the ledger, deferred: the relay is asked again then, "
        "the last at Fri 09:00 UTC",
    ]
    async with world.daily() as daily:
        [ben] = await told(world, daily, 2 * HOUR, "ben@example.org")
        assert (ben.at, ben.what) == (later, "the digest of 2025-03-14")
        assert [one.what for one in await told(world, daily, 2 * HOUR, "dot@example.org")] == []
        assert await told(world, daily, HOUR / 2, "ben@example.org") == []
    hold = world.configuration.settings.delivery.model_copy(update={"on_unknown": "hold"})
    world.settings(delivery=hold)
    [held] = words(await foretold(world), "no digests")
    assert held.endswith("unknown: delivery.on_unknown is hold; `newsletter resend --unknown` sends it")
    assert [what for what, _ in await foretold(world, address="cyd@example.org")] == ["no digest of 2025-03-14"]
    async with world.daily() as daily:
        await daily.store.subscribers.pause(rows["eve"].subscriber_id, None)
    assert "sending" not in str(await foretold(world))
    assert await foretold(world, address="eve@example.org") == [
        ("no digest of 2025-03-14", "has paused: it will be skipped")
    ]


async def test_what_comes_to_channels_is_what_is_posted(world: World, service: WebServer) -> None:
    """The moments of a week are told in advance; a look at each of them posts what was told, and nothing else does."""
    tables = (
        channel(service),
        channel(service, "workdays", Rhythm.WEEKDAYS),
        channel(service, "weekly", Rhythm.WEEKLY),
    )
    days = ("mon", "tue", "wed", "thu", "fri")
    schedule = world.configuration.settings.schedule.model_copy(update={"at": "07:20", "days": days})
    world.settings(channels=(*tables, channel(service, "rest", Rhythm.SATURDAYS)), schedule=schedule)
    # A post that was refused is made up for when the next edition was expected, not on a day without one.
    service.answer(f"/{TOKEN}", Reply(403), Reply(200))
    at(world, FRIDAY, 0)
    async with world.daily() as daily:
        found = [one for one in await told(world, daily, 7 * DAY) if one.what.startswith("the post of")]
    promised = {(one.at, one.what) for one in found}
    assert {one.at.time().isoformat() for one in found} == {"07:20:00"}
    assert found[0].why == "when the edition of 2025-03-14 is made, at Fri 09:20 UTC at the latest; none without news"
    posted = set()
    for number in range(7):
        day = FRIDAY + number * DAY
        if day.weekday() < 5:
            world.list_papers(day, f"The Robot of {day}")
        for hour in (7, 7 + 1 / 3, 12):
            at(world, day, hour)
            before = len(service.requests)
            async with world.daily() as daily:
                await daily.look()
                posts = [one for one in (await daily.send()).posts if one.updated_at == world.now]
            assert len(service.requests) - before == len(posts)
            posted |= {(world.now, f"the post of {one.local_date} in {one.channel}") for one in posts}
    assert posted == promised


async def test_posts_that_wait_are_told(world: World, service: WebServer) -> None:
    world.readers(reader("ada"))
    world.settings(channels=[channel(service)])
    service.answer(f"/{TOKEN}", Reply(503), Reply(200))
    at(world, FRIDAY, 7.5)
    assert words(await foretold(world), "post") == [
        "the post of 2025-03-14 in lab: due since Fri 07:00 UTC; the edition of 2025-03-14 is waited for, "
        "at Fri 09:00 UTC at the latest"
    ]
    world.list_papers(FRIDAY, "A Robot That Walks")
    async with world.daily() as daily:
        await daily.look()
    assert words(await foretold(world), "post") == [
        "the post of 2025-03-14 in lab: due, with the editions up to that of 2025-03-14: the next look posts it"
    ]
    await look(world)
    async with world.daily() as daily:
        [again] = [one for one in await told(world, daily, HOUR) if "post" in one.what]
        assert again.at == world.now + HOUR / 12
        assert again.why == "in the ledger, deferred: the service is asked again then"
        assert "post" not in str(await told(world, daily, 7 * DAY, "ada@example.org"))
    world.now = again.at
    await look(world)
    assert words(await foretold(world), "post") == []
    assert [json.loads(one.body)["message"].count("Robot") > 0 for one in service.requests] == [True, True]


async def test_a_post_that_a_run_by_hand_has_made_is_told_as_made(world: World, service: WebServer) -> None:
    world.settings(channels=[channel(service)])
    world.list_papers(FRIDAY, "A Robot That Walks")
    at(world, FRIDAY, 5)
    async with world.daily() as daily:
        await daily.run(world.now)
    assert words(await foretold(world, DAY), "post of 2025-03-14") == [
        "no post of 2025-03-14 in lab: the ledger has it already: accepted"
    ]
