"""Several processes send one date: each reader gets one message, whoever is told to stop or is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import pytest
from sending import Sending, numbered

from newsletter.daily.processes import WORTH, OpenedDeliverer, Processes
from newsletter.doctor.fault_server import FaultServer
from newsletter.errors import NewsletterError
from newsletter.model import State, Subscriber
from newsletter.store import Store

READERS = numbered(300)
CONNECTIONS = 6
PAUSE = 0.3
"""Seconds for each message: the first process cannot be through before the others have begun."""
GROUP = 50
"""More answers than are ever on their way to the disk here: 6 connections, 20 ms for each message."""


def others(process: Process) -> list[int]:
    """The further sending processes of a run, by id."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        if parent == process.pid and b"spawn_main" in command:
            found.append(int(entry.name))
    return found


def ended(process_id: int) -> bool:
    return not Path(f"/proc/{process_id}").exists()


async def sending_with(processes: int, folder: Path, server: FaultServer) -> Sending:
    sending = Sending(
        folder, server, DELIVERY__PROCESSES=processes, SMTP__CONNECTIONS=CONNECTIONS, RANKING__MODELS="none"
    )
    await sending.readers(READERS)
    return sending


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def all_connected(server: FaultServer, process: Process, number: int) -> list[int]:
    """Wait until `number` further processes run and all of them send; their ids."""
    await until(lambda: len(others(process)) == number or process.returncode is not None)
    await until(lambda: server.connections >= CONNECTIONS or process.returncode is not None)
    assert process.returncode is None, await process.communicate()
    await until(lambda: len(server.taken) >= 2 * CONNECTIONS)
    return others(process)


async def told_by(process: Process) -> dict[str, Any]:
    """What a run said as JSON, at its good end."""
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("processes", [pytest.param(2, marks=pytest.mark.slow), 3])
async def test_each_reader_gets_one_message_and_the_counts_add_up(processes: int, tmp_path: Path) -> None:
    async with FaultServer(pause=PAUSE) as server:
        sending = await sending_with(processes, tmp_path, server)
        process = await sending.start("run", "--date", "latest", "--json")
        await all_connected(server, process, processes - 1)
        server.pause = 0
        told = await told_by(process)
        assert (told["attempted"], told["counts"], told["alerts"]) == (len(READERS), {"accepted": len(READERS)}, [])
        assert sending.copies() == dict.fromkeys(READERS, 1)
        assert await sending.counts() == {"accepted": len(READERS)}


async def test_what_a_killed_process_held_is_sent_by_the_first(tmp_path: Path) -> None:
    async with FaultServer(pause=PAUSE) as server:
        sending = await sending_with(2, tmp_path, server)
        process = await sending.start("run", "--date", "latest", "--json")
        [other] = await all_connected(server, process, 1)
        os.kill(other, signal.SIGKILL)
        server.pause = 0
        told = await told_by(process)
        assert told["counts"] == {"accepted": len(READERS)}
        assert any("ended by signal 9" in alert for alert in told["alerts"])
        copies = sending.copies()
        assert set(copies) == set(READERS)
        assert sum(copies.values()) - len(READERS) <= CONNECTIONS // 2 + GROUP


async def test_sigterm_stops_them_all_and_nothing_is_left_under_way(tmp_path: Path) -> None:
    async with FaultServer(pause=PAUSE) as server:
        sending = await sending_with(2, tmp_path, server)
        process = await sending.start()
        [other] = await all_connected(server, process, 1)
        process.send_signal(signal.SIGTERM)
        await sending.ended(process, 0)
        assert ended(other)
        taken = len(server.taken)
        assert 0 < taken < len(READERS)
        assert await sending.counts() == {"accepted": taken, "ready": len(READERS) - taken}
        assert set(sending.copies().values()) == {1}


@pytest.mark.slow
async def test_when_the_first_process_is_killed_the_others_stop(tmp_path: Path) -> None:
    async with FaultServer(pause=PAUSE) as server:
        sending = await sending_with(2, tmp_path, server)
        process = await sending.start()
        [other] = await all_connected(server, process, 1)
        process.kill()
        await process.communicate()
        await until(lambda: ended(other))
        taken = len(server.taken)
        assert taken < len(READERS)
        assert (await sending.counts())["accepted"] >= taken - CONNECTIONS // 2 - GROUP
        server.pause = 0
        await sending.run(0)
        copies = sending.copies()
        assert set(copies) == set(READERS)
        assert sum(copies.values()) - len(READERS) <= CONNECTIONS // 2 + GROUP


DAY = date(2025, 3, 14)
NOW = datetime(2025, 3, 14, 8, tzinfo=UTC)


class Settling:
    """Claims and settles, and sends nothing."""

    def __init__(self, store: Store, owner: str) -> None:
        self.alerts: list[str] = []
        self.stopped = False
        self._store = store
        self._owner = owner

    def stop(self) -> None:
        self.stopped = True

    async def deliver(self, day: date) -> int:
        attempted = 0
        while claimed := await self._store.ledger.claim(day, self._owner, NOW, timedelta(minutes=5), 50):
            for one in claimed:
                await self._store.ledger.settle(one, self._owner, NOW, State.ACCEPTED)
            attempted += len(claimed)
        return attempted


def never_opened() -> AbstractAsyncContextManager[Settling]:
    raise NewsletterError("the key is gone; put it back")


def gone_at_once() -> AbstractAsyncContextManager[Settling]:
    os._exit(7)


@pytest.mark.parametrize(
    ("opened", "said"),
    [
        (never_opened, "one of the sending processes stopped: the key is gone; put it back"),
        (
            gone_at_once,
            "one of the sending processes stopped: it ended with exit code 7; what it held went to the others",
        ),
    ],
)
async def test_one_that_does_not_start_is_an_alert_and_the_others_go_on(
    opened: OpenedDeliverer, said: str, tmp_path: Path
) -> None:
    async with await Store.open(databases.of(tmp_path)) as store:
        await store.subscribers.add([Subscriber(address) for address in numbered(2 * WORTH)])
        readers = [one.id for one in await store.subscribers.all()]
        await store.ledger.plan(DAY, readers, NOW)
        here = Settling(store, "here")
        processes = Processes(4, opened, store.ledger, lambda: store.ledger.recover(NOW, "resend"), 1)
        assert await processes.deliver(DAY, here) == 2 * WORTH
        assert here.alerts == [said]
        assert (await store.ledger.counts())[State.ACCEPTED] == 2 * WORTH
        # For a few, nobody else is started: nobody can fail to start.
        here.alerts.clear()
        assert await processes.deliver(DAY, here) == 0
        assert here.alerts == []
