"""A day over several relays: every reader once, whichever of them works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from world import FRIDAY, World, reader

from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.errors import RelayError
from newsletter.model import State, Step
from newsletter.settings.relays import SmtpTable
from newsletter.store import tables

READERS = 40


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks")
    made.readers(*(reader(f"reader{n}") for n in range(READERS)))
    return made


@asynccontextmanager
async def relays(world: World, *servers: FaultServer, **smtp: float) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        tables = []
        for number, server in enumerate(servers, 1):
            await stack.enter_async_context(server)
            tables.append({"name": f"relay{number}", "host": server.host, "port": server.port})
        world.settings(smtp=SmtpTable.model_validate({"security": "none", "patience": 1, "relays": tables} | smtp))
        yield


async def test_each_reader_gets_one_message_by_one_of_them(world: World) -> None:
    one, two = FaultServer(), FaultServer()
    async with relays(world, one, two):
        assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert one.taken
    assert two.taken
    recipients = [taken.recipient for taken in (*one.taken, *two.taken)]
    assert len(set(recipients)) == len(recipients) == READERS


@pytest.mark.parametrize(
    "fault", [Fault(Step.EHLO, "550 5.7.1 not you"), Fault(Step.MAIL, "550 5.7.1 not yours"), Fault(Step.CONNECT)]
)
async def test_one_that_does_not_work_is_an_alert_and_its_readers_are_served_by_the_other(
    world: World, fault: Fault
) -> None:
    bad, good = FaultServer(always=[fault]), FaultServer()
    async with relays(world, bad, good), world.daily() as daily:
        report = await daily.run(world.now)
        assert report.failure is None
        assert report.counts == {State.ACCEPTED: READERS}
        [alert] = report.alerts
        assert alert.startswith("The relay relay1 pauses, and the others take its share: ")
        assert await daily.store.ledger.balanced()
    assert bad.taken == []
    assert len({taken.recipient for taken in good.taken}) == len(good.taken) == READERS


async def test_when_none_works_the_run_stops_and_everything_stays_open(world: World) -> None:
    bad = [FaultServer(always=[Fault(Step.MAIL, "550 5.7.1 not yours")]) for _ in range(2)]
    async with relays(world, *bad), world.daily() as daily:
        report = await daily.run(world.now)
        assert isinstance(report.failure, RelayError)
        assert (await daily.store.ledger.counts())[State.READY] == READERS
        assert await daily.store.ledger.balanced()


async def test_the_limits_are_kept_in_the_database_for_each_relay(world: World) -> None:
    one, two = FaultServer(), FaultServer()
    async with relays(world, one, two, per_second=200, per_domain=150):
        assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
        async with world.daily() as daily, daily.store.database.read() as connection:
            keys = set(await connection.scalars(select(tables.allowances.c.key)))
    assert keys == {"relay1", "relay2", "relay1 example.org", "relay2 example.org"}
    assert len(one.taken) + len(two.taken) == READERS
