"""Looks at the clock, one by one: what an operator would see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from world import FRIDAY, World, reader

from newsletter.assembly import rules_of
from newsletter.daily import Collected, Looked
from newsletter.daily.foretelling import foretell
from newsletter.errors import NotFoundError
from newsletter.model import Rhythm, State, Subscriber
from newsletter.store import tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def moment(day: int, hour: float = 8) -> datetime:
    return datetime.combine(FRIDAY + day * DAY, datetime.min.time(), UTC) + hour * HOUR


async def look(world: World, at: datetime) -> Looked:
    world.now = at
    async with world.daily() as daily:
        looked = await daily.look()
        assert (await daily.send()).failure is None
    return looked


async def rows(world: World) -> list[tuple[str, int, State, str]]:
    async with world.daily() as daily:
        found = await daily.store.ledger.deliveries()
    return sorted(
        (one.address.partition("@")[0], (one.local_date - FRIDAY).days, one.state, one.reason) for one in found
    )


async def test_a_machine_that_slept_too_long_leaves_it_to_the_next_digest(world: World) -> None:
    world.readers(reader("ada"))
    await look(world, moment(-1))
    world.list_papers(FRIDAY, "A Robot That Walks")
    world.list_papers(FRIDAY + DAY, "A Robot That Swims")
    looked = await look(world, moment(1))  # Friday's was due at seven, for twelve hours
    assert (looked.missed, looked.planned) == (((FRIDAY, 1),), ((FRIDAY + DAY, 1),))
    missed = "nobody looked in time; the next digest carries it"
    assert await rows(world) == [("ada", 0, State.SUPERSEDED, missed), ("ada", 1, State.ACCEPTED, "")]
    [mail] = world.mail()
    assert "Robot That Walks" in mail
    assert "Robot That Swims" in mail
    assert (await look(world, moment(1, 9))).planned == ()


async def test_a_weekly_digest_that_was_missed_is_made_up_for(world: World) -> None:
    world.readers(reader("ada", rhythm=Rhythm.SATURDAYS))
    await look(world, moment(-6))
    for day in (-5, 2, 7):
        world.list_papers(FRIDAY + day * DAY, f"A Robot of Day {day}")
        await look(world, moment(day, 8))  # nobody looks on Saturdays, at first
    await look(world, moment(8))
    [mail] = world.mail()
    assert all(f"A Robot of Day {day}" in mail for day in (-5, 2, 7))


async def test_a_day_on_which_nothing_could_be_read_has_failed(world: World) -> None:
    world.readers(reader("ada"))
    world.folder.rename(world.folder.with_name("away"))
    early = await look(world, moment(0, 7.5))
    assert (len(early.waiting), early.failed) == (1, "")
    late = await look(world, moment(0, 9.5))
    assert late.waiting == ()
    assert late.failed.startswith("No source could be read. page: ")
    world.folder.with_name("away").rename(world.folder)
    world.list_papers(FRIDAY + DAY, "A Robot That Walks")
    assert (await look(world, moment(1))).failed == ""


async def test_readers_of_a_time_zone_that_is_not_known_here_wait_for_themselves(world: World) -> None:
    world.readers(reader("ada"), reader("bea"))
    await look(world, moment(-1))
    world.list_papers(FRIDAY, "A Robot That Walks")
    async with world.daily() as daily, daily.store.database.write() as connection:
        bea = update(tables.subscribers).where(tables.subscribers.c.address.startswith("bea"))
        await connection.execute(bea.values(timezone="Mars/Olympus_Mons", origin="web"))
    world.configuration = replace(world.configuration, subscribers=world.configuration.subscribers[:1])
    assert [number for _, number in (await look(world, moment(0))).planned] == [1]


async def test_an_edition_whose_time_comes_during_a_look_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look begins before seven, asks its sources for a while, and ends after it."""
    world.readers(reader("ada"))
    await look(world, moment(-2))
    world.list_papers(FRIDAY, "A Robot That Walks")
    world.now = moment(0, 6.99)
    async with world.daily() as daily:
        collect = daily._dispatch.collect

        async def long_collect() -> list[Collected]:
            found = await collect()
            world.now = moment(0, 7.01)
            return found

        monkeypatch.setattr(daily._dispatch, "collect", long_collect)
        assert [day for day, _ in (await daily.look()).planned] == []
        assert world.now == moment(0, 7.01)
    assert (await look(world, moment(0, 7.1))).planned == ((FRIDAY, 1),)
    assert "A Robot That Walks" in world.mail()[-1]


async def test_dates_that_are_not_kept_any_more_are_no_obstacle(world: World) -> None:
    world.settings(delivery=world.configuration.settings.delivery.model_copy(update={"keep": 8}))
    world.readers(reader("ada"))
    for day in range(-3, 1):
        world.list_papers(FRIDAY + day * DAY, f"A Robot of Day {day}")
        await look(world, moment(day))
    world.now = moment(20)
    async with world.daily() as daily:
        await daily.pruning.prune(world.now)
    world.list_papers(FRIDAY + 20 * DAY, "A Robot That Came Back")
    looked = await look(world, world.now)
    assert dict(looked.planned) == {FRIDAY + 20 * DAY: 1}
    assert "A Robot That Came Back" in world.mail()[-1]


async def test_what_will_happen_to_whom(world: World) -> None:
    away = Subscriber("bea@example.org", timezone="Asia/Tokyo", hour=9, rhythm=Rhythm.MONDAYS)
    world.readers(reader("ada"), away)
    world.now = moment(0, 0)
    async with world.daily() as daily:
        rules, channels = rules_of(world.configuration.settings), ()
        bea = await daily.store.subscribers.find(away.address)
        assert bea is not None
        await daily.store.subscribers.pause(bea.id, FRIDAY + 5 * DAY)
        found = await foretell(daily.store, rules, channels, world.now, 14 * DAY, away.address)
        assert [(one.what, one.why.split(",")[0]) for one in found] == [
            ("no digest of 2025-03-17", "has paused until 2025-03-19"),
            ("the digest of 2025-03-24", "reads mondays"),
        ]
        await daily.store.ledger.plan(
            FRIDAY + DAY, [(await daily.store.subscribers.named(["ada@example.org"])).popitem()[1].id], world.now
        )
        told = await foretell(daily.store, rules, channels, world.now, 2 * DAY, "ADA@example.org")
        assert [(one.what, one.why) for one in told] == [
            ("the digest of 2025-03-15", "in the ledger, ready: the next look sends it"),
            ("no digest of 2025-03-14", "the ledger has that of 2025-03-15 already: ready"),
            ("no digest of 2025-03-15", "the ledger has that of 2025-03-15 already: ready"),
        ]
        everybody = await foretell(daily.store, rules, channels, world.now, 7 * DAY)
        assert sum(one.what.startswith("the edition") for one in everybody) == 7
        assert [one.at for one in everybody] == sorted(one.at for one in everybody)
        with pytest.raises(NotFoundError, match="nobody reads at"):
            await foretell(daily.store, rules, channels, world.now, DAY, "eve@example.org")
        await daily.store.suppressions.add("ada@example.org", "bounced", world.now)
        with pytest.raises(NotFoundError, match="is not mailed: bounced"):
            await foretell(daily.store, rules, channels, world.now, DAY, "ada@example.org")
