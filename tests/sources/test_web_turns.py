"""One at a time, and a pause in between, whoever asks: tasks, processes, the dead and the cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from web_server import Reply, Request, WebServer, opened

from newsletter.errors import SourceError
from newsletter.sources.base import Habits
from newsletter.sources.web import asking as web_module

PACE = 0.3
HABITS = Habits(group="archive", pace=PACE, timeout=5)
SLOPPY = 0.02
"""Seconds by which two clocks of one machine, the wall's and the server's, may differ."""

PROCESS = """
    import asyncio, sys
    from newsletter.sources.web import turns as web_turns
    from newsletter.sources.base import Habits
    from newsletter.sources.web.asking import opened_web
    from newsletter.store import Store

    async def main(database, url, name, times, pace, timeout, margin):
        web_turns._MARGIN = float(margin)
        habits = Habits(group="archive", pace=float(pace), timeout=float(timeout))
        async with await Store.open(database) as store:
            async with opened_web(store.answers, store.paces, contact="me@example.org", owner=name) as web:
                for number in range(int(times)):
                    await web.ask(name, f"{url}/{name}?{number}", habits)

    asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as one:
        yield one


@contextlib.contextmanager
def process(
    folder: Path, server: WebServer, name: str, times: int, pace: float = PACE, timeout: float = 5, margin=10.0
):
    """A process of its own that asks so many times; killed at the end if it still lives."""
    options = (f"sqlite:///{folder}/newsletter.db", server.url, name, times, pace, timeout, margin)
    command = [sys.executable, "-c", textwrap.dedent(PROCESS), *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


async def ended(running: subprocess.Popen[str]) -> None:
    _, errors = await asyncio.to_thread(running.communicate)
    assert (running.returncode, errors) == (0, "")


async def asked(server: WebServer) -> None:
    """Returns when the first request has come."""
    for _ in range(1000):
        if server.requests:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody asks")


def hold_the_pace(requests: Sequence[Request], pace: float = PACE) -> None:
    """No two overlap, and from the end of one to the begin of the next it is at least `pace`."""
    assert len(requests) > 1
    for one, following in itertools.pairwise(sorted(requests, key=lambda request: request.began)):
        assert one.ended is not None
        assert following.began - one.ended >= pace - SLOPPY


async def test_tasks_of_one_process(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"x", delay=0.1))
    async with opened(tmp_path) as web:
        questions = (web.ask(f"s{number}", f"{server.url}/api?{number}", HABITS) for number in range(5))
        await asyncio.gather(*questions)
    hold_the_pace(server.requests)
    assert sorted(request.target for request in server.requests) == [f"/api?{number}" for number in range(5)]
    # Nobody idles: four pauses and five answers.
    assert server.requests[-1].began - server.requests[0].began < 4 * (PACE + 0.1) + 1


async def test_processes_that_share_a_database(server: WebServer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        server.answer(f"/{name}", Reply(body=b"x", delay=0.05))
    async with opened(tmp_path):
        pass  # the schema is there
    with process(tmp_path, server, "one", 4) as one, process(tmp_path, server, "two", 4) as two:
        await asyncio.gather(ended(one), ended(two))
    assert len(server.requests) == 8
    hold_the_pace(server.requests)


async def test_each_group_has_its_own_pace(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"x"))
    async with WebServer() as other, opened(tmp_path) as web:
        other.answer("/api", Reply(body=b"x"))
        began = time.monotonic()
        await web.ask("mine", f"{server.url}/api", Habits(pace=5))
        await web.ask("mine", f"{server.url}/api", Habits(group="another", pace=5))
        await web.ask("mine", f"{other.url.replace('127.0.0.1', 'localhost')}/api", Habits(pace=5))
        assert time.monotonic() - began < 3


async def test_retries_and_redirects_wait_for_their_turn_too(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)
    server.answer("/out", Reply(500), Reply(302, headers={"Location": "/in"}))
    server.answer("/in", Reply(body=b"x"))
    async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
        await web.ask("mine", f"{server.url}/out", HABITS)
    assert [request.target for request in server.requests] == ["/out", "/out", "/in"]
    hold_the_pace(server.requests)


async def test_a_failure_gives_the_turn_back(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(404), Reply(body=b"x"))
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError):
            await web.ask("mine", f"{server.url}/api", HABITS)
        began = time.monotonic()
        await web.ask("mine", f"{server.url}/api", HABITS)
        assert time.monotonic() - began < PACE + 3
    hold_the_pace(server.requests)


async def test_cancelling_gives_the_turn_back(server: WebServer, tmp_path: Path) -> None:
    server.answer("/slow", Reply(delay=30))
    server.answer("/api", Reply(body=b"x"))
    async with opened(tmp_path) as web, opened(tmp_path, owner="another") as another:
        asking = asyncio.create_task(web.ask("mine", f"{server.url}/slow", HABITS))
        await asked(server)  # and then the other: which of two that begin together goes first is nobody's promise
        waiting = asyncio.create_task(web.ask("mine", f"{server.url}/never", HABITS))
        await asyncio.sleep(0.05)
        for task in (waiting, asking):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        cancelled = time.monotonic()
        assert (await another.ask("mine", f"{server.url}/api", HABITS)).body == b"x"
    assert [request.target for request in server.requests] == ["/slow", "/api"]
    assert PACE - SLOPPY <= server.requests[1].began - cancelled < PACE + 3


async def test_a_deadline_of_the_caller(server: WebServer, tmp_path: Path) -> None:
    server.answer("/slow", Reply(delay=30))
    async with opened(tmp_path) as web:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await web.ask("mine", f"{server.url}/slow", HABITS)
        assert time.monotonic() - began < 5
    assert len(server.requests) == 1


async def test_the_turn_of_the_dead_ends_with_its_lease(server: WebServer, tmp_path: Path) -> None:
    server.answer("/dead", Reply(delay=60))
    server.answer("/api", Reply(body=b"x"))
    async with opened(tmp_path) as web:
        with process(tmp_path, server, "dead", 1, timeout=3.5, margin=0.5) as dead:
            await asked(server)
            dead.kill()
        await web.ask("mine", f"{server.url}/api", HABITS)
    first, second = server.requests
    assert 1 < second.began - first.began < 12  # a machine that is busy takes a while to ask


async def test_our_own_pace_needs_no_patience(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"x"))
    async with opened(tmp_path, patience=0) as web:
        for _ in range(2):
            await web.ask("mine", f"{server.url}/api", HABITS)
        with pytest.raises(SourceError, match="asked us to wait until"):
            await web.ask("mine", f"{server.url}/api", Habits(group=HABITS.group, pace=0.01))
    hold_the_pace(server.requests)
