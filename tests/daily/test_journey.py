"""The journey over several days, with real SQLite, real rendering and a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from world import FRIDAY, ROBOTS, SHELLS, World, reader

from newsletter.assembly import opened_daily
from newsletter.model import Rhythm, State, Subscriber


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def titles(count: int, word: str) -> list[str]:
    return [f"A Robot Called {word} Number {n}" for n in range(count)]


async def test_a_paper_is_sent_once_however_often_it_is_listed(world: World) -> None:
    world.readers(reader("ada"))
    for offset in range(4):  # Friday's page shows again on Saturday, Sunday and Monday
        world.list_papers(FRIDAY + timedelta(days=offset), "A Robot That Walks", "A Robot That Swims")
    states = [await world.run(FRIDAY + timedelta(days=offset)) for offset in range(4)]
    assert states == [{"ada@example.org": State.ACCEPTED}, {}, {}, {}]
    assert len(world.mail()) == 1


async def test_a_late_source_loses_nothing(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    await world.run(FRIDAY)
    world.list_papers(FRIDAY - timedelta(days=2), "A Robot That Was Late")
    world.list_papers(FRIDAY - timedelta(days=30), "A Robot of Last Month")
    await world.run(FRIDAY + timedelta(days=1))
    first, second = sorted(world.mail(), key=lambda content: "Was Late" in content)
    assert "Was Late" not in first
    assert "Walks" not in second
    assert "Last Month" not in first + second


async def test_a_reader_without_matching_papers_is_skipped_and_catches_up_on_nothing(world: World) -> None:
    world.readers(reader("ada", "shells"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    assert await world.run(FRIDAY) == {"ada@example.org": State.SKIPPED}
    world.list_papers(FRIDAY + timedelta(days=1), "The Mollusc That Thought")
    assert await world.run(FRIDAY + timedelta(days=1)) == {"ada@example.org": State.ACCEPTED}
    [mail] = world.mail()
    assert "Mollusc" in mail


async def test_weekly_and_weekday_readers_get_what_came_since_their_last_digest(world: World) -> None:
    monday = FRIDAY + timedelta(days=3)
    world.readers(reader("daily"), reader("weekdays", rhythm=Rhythm.WEEKDAYS), reader("weekly", rhythm=Rhythm.WEEKLY))
    accepted: dict[date, set[str]] = {}
    for offset in range(4):
        day = FRIDAY + timedelta(days=offset)
        world.list_papers(day, f"A Robot of Day {day:%d}")
        accepted[day] = set(await world.run(day))
    assert accepted[FRIDAY] == {"daily@example.org", "weekdays@example.org"}
    assert accepted[FRIDAY + timedelta(days=1)] == {"daily@example.org"}
    assert accepted[monday] == {"daily@example.org", "weekdays@example.org", "weekly@example.org"}
    by_reader: dict[str, list[str]] = {}
    for content in world.mail():
        to = content.split("\nTo: <")[1].split("@")[0]
        by_reader.setdefault(to, []).append(content)
    robots = [f"A Robot of Day {day}" for day in (14, 15, 16, 17)]

    def shown(who: str) -> list[set[str]]:
        return sorted(({robot for robot in robots if robot in content} for content in by_reader[who]), key=sorted)

    assert shown("daily") == [{robot} for robot in robots]
    assert shown("weekdays") == [{robots[0]}, set(robots[1:])]
    assert shown("weekly") == [set(robots)]


class Relay:
    """A real SMTP server that answers each message with the next of `replies`."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.taken: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = self.replies.pop(0) if self.replies else "250 ok"
        if reply.startswith("250"):
            self.taken.append(bytes(envelope.original_content or b""))
        return reply


@asynccontextmanager
async def relayed(world: World, relay: Relay) -> AsyncIterator[None]:
    import asyncio

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(relay, hostname="test", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    smtp = world.configuration.settings.smtp
    world.settings(smtp=smtp.model_copy(update={"host": "127.0.0.1", "port": port, "security": "none"}))
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def test_a_deferred_message_goes_out_later_and_is_the_same(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    relay = Relay("451 4.7.1 greylisted, try again", "250 ok")
    async with relayed(world, relay):
        assert await world.run(FRIDAY) == {"ada@example.org": State.DEFERRED}
        world.now += timedelta(hours=2)
        async with world.daily() as daily:
            [delivery] = (await daily.run(world.now)).deliveries
    assert (delivery.state, delivery.attempt) == (State.ACCEPTED, 2)
    assert len(relay.taken) == 1


async def test_a_deferred_friday_goes_out_on_saturday_to_who_reads_on_weekdays(world: World) -> None:
    world.readers(reader("ada", rhythm=Rhythm.WEEKDAYS))
    world.list_papers(FRIDAY, "A Robot That Walks")
    async with relayed(world, Relay("450 later")):
        assert await world.run(FRIDAY) == {"ada@example.org": State.DEFERRED}
        assert await world.run(FRIDAY + timedelta(days=1)) == {"ada@example.org": State.ACCEPTED}


async def test_a_refused_day_is_carried_by_the_next(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    relay = Relay("452 4.2.2 full")
    async with relayed(world, relay):
        assert await world.run(FRIDAY) == {"ada@example.org": State.DEFERRED}
        world.list_papers(FRIDAY + timedelta(days=1), "A Robot That Swims")
        assert await world.run(FRIDAY + timedelta(days=1)) == {"ada@example.org": State.ACCEPTED}
        async with world.daily() as daily:
            counts = await daily.store.ledger.counts()
            assert (counts[State.SUPERSEDED], counts[State.ACCEPTED]) == (1, 1)
            assert await daily.store.ledger.balanced()
    [mail] = relay.taken
    assert b"Walks" in mail
    assert b"Swims" in mail


async def test_one_refused_reader_does_not_stop_the_others(world: World) -> None:
    world.readers(reader("ada"), reader("bob"), reader("cyd"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    relay = Relay("250 ok", "554 5.7.1 no", "250 ok")
    async with relayed(world, relay):
        assert sorted((await world.run(FRIDAY)).values()) == [State.ACCEPTED, State.ACCEPTED, State.REFUSED]


async def test_a_topic_that_came_later_is_ranked_for_the_frozen_edition(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks", "The Mollusc That Thought")
    world.configuration = replace(world.configuration, topics=(ROBOTS,))
    await world.run(FRIDAY)
    world.configuration = replace(world.configuration, topics=(ROBOTS, SHELLS))
    world.readers(reader("ada"), reader("new", "shells"))
    assert await world.run(FRIDAY) == {"ada@example.org": State.ACCEPTED, "new@example.org": State.ACCEPTED}
    assert any("Mollusc" in content for content in world.mail())


async def test_what_is_frozen_stays_and_a_preview_shows_the_new_wording(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks", "The Mollusc That Thought")
    await world.run(FRIDAY)
    reworded = replace(ROBOTS, name="Shellfish", keywords=("mollusc",))
    world.configuration = replace(world.configuration, topics=(reworded, SHELLS))
    async with world.daily() as daily:
        [ada] = await daily.store.subscribers.all()
        preview = await daily.preview(ada, FRIDAY)
        edition = await daily.store.editions.find(FRIDAY)
        assert edition
        frozen = await daily.publishing.rankings(edition, [ada])
    [mollusc] = [pick for section in preview.digest.sections for pick in section.picks]
    assert "Mollusc" in preview.parts.text
    assert [pick.paper for pick in preview.digest.picks if pick != preview.digest.outside] == [mollusc.paper]
    assert {pick.paper for pick in frozen["robots"].picks} == set(edition.papers) - {mollusc.paper}
    assert frozen["robots"].topic == ROBOTS


@pytest.mark.parametrize("count", [1, 400])
async def test_an_edition_of_any_size_gives_a_whole_message(world: World, count: int) -> None:
    world.readers(reader("ada"), Subscriber("trend@example.org"))
    world.list_papers(FRIDAY, *titles(count, "Hal"))
    assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert all(len(content.encode()) < 130_000 for content in world.mail())


@pytest.mark.parametrize("wanted", [True, False])
async def test_one_paper_from_outside_comes_last_and_is_never_sent_again(world: World, wanted: bool) -> None:
    world.settings(digest=world.configuration.settings.digest.model_copy(update={"outside": wanted}))
    world.readers(reader("ada"), reader("bea", "shells"))
    world.list_papers(FRIDAY, "Soup", "A Robot That Walks")
    assert await world.run(FRIDAY) == {"ada@example.org": State.ACCEPTED, "bea@example.org": State.SKIPPED}
    [mail] = world.mail()
    assert ("Soup" in mail) is ("OUTSIDE YOUR USUAL" in mail.upper()) is wanted
    if wanted:
        assert mail.index("A Robot That Walks\n") < mail.index("Soup\n")
    world.list_papers(FRIDAY + timedelta(days=1), "Soup", "A Robot That Swims")
    await world.run(FRIDAY + timedelta(days=1))
    [later] = [each for each in world.mail() if "Swims" in each]
    assert "Soup" not in later


async def test_progress_is_told(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    told: list[tuple[str, int, int]] = []

    def note(step: str, done: int, total: int) -> None:
        told.append((step, done, total))

    async with opened_daily(world.configuration, note, now=lambda: world.now) as daily:
        await daily.run(world.now)
    assert {step for step, _, _ in told} == {"Collecting", "Ranking", "Delivering"}
    assert told[-1] == ("Delivering", 1, 1)


async def test_a_day_that_has_not_come_waits_and_hijacks_nothing(world: World) -> None:
    world.readers(reader("ada"))
    world.list_papers(FRIDAY, "A Robot That Walks")
    world.list_papers(date(2052, 3, 13), "A Robot From the Future")
    async with world.daily() as daily:
        report = await daily.run(world.now, latest=True)
    assert report.day == report.newest == FRIDAY
    assert [one.state for one in report.deliveries] == [State.ACCEPTED]
    future = next(one.batch for one in report.collected if one.batch.day == date(2052, 3, 13))
    assert any("has not come yet" in problem.why for problem in future.problems)
    assert "Future" not in world.mail()[0]
