"""A sender that has to stop: the disk is full, somebody says stop, the database is locked, the clock moves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sending import Sending, numbered

from newsletter.daily.delivering import SETTLING
from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.model import State, Step

CONNECTIONS = 5


async def accounted(sending: Sending, readers: list[str], *, doubles: int) -> None:
    """After the last run: everybody has the message or is listed as unknown, and at most `doubles` have it twice."""
    copies, unknown = sending.copies(), await sending.unknown()
    numbers = f"{len(copies)} of {len(readers)} taken, {len(unknown)} unknown, {await sending.counts()}"
    assert set(readers) - set(copies) <= unknown, numbers
    assert sum(copies.values()) - len(copies) <= doubles, numbers
    assert {one.state for one in await sending.deliveries()} <= {State.ACCEPTED, State.UNKNOWN}, numbers


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 12 MB of room."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("this machine does not let us mount a small disk; the test with a file size limit stands in")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_a_full_disk_stops_and_loses_nothing(policy: str, small_disk: Path, tmp_path: Path) -> None:
    readers = numbered(150)
    async with FaultServer(pause=0.02) as server:
        sending = Sending(tmp_path, server, small_disk, DELIVERY__ON_UNKNOWN=policy)
        await sending.readers(readers)
        process = await sending.start()
        await sending.until_taken(20)
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        full_at = time.monotonic()
        assert "the disk is full" in await sending.ended(process, 1)
        assert time.monotonic() - full_at < 5
        assert len(server.taken) < len(readers)
        stopped_at = len(server.taken)
        # Nothing can be noted, so nothing may be sent.
        refused = await sending.run(1)
        assert "full" in refused or "No space left" in refused
        assert len(server.taken) == stopped_at
        ballast.unlink()
        await sending.run(0, 3)
        await accounted(sending, readers, doubles=0 if policy == "hold" else CONNECTIONS + SETTLING)


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_a_quota_stops_and_loses_nothing(policy: str, tmp_path: Path) -> None:
    """The same without root: the log of the database may not grow beyond a limit."""
    readers = numbered(150)
    async with FaultServer(pause=0.02) as server:
        sending = Sending(tmp_path, server, DELIVERY__ON_UNKNOWN=policy)
        await sending.readers(readers)
        # Planned before the relay lets us in, so that the limit strikes while messages are under way.
        async with FaultServer(always=[Fault(Step.CONNECT, "554 5.7.1 Not you")]) as closed:
            sending.environment["NEWSLETTER_SMTP__PORT"] = str(closed.port)
            await sending.run(1)
        sending.environment["NEWSLETTER_SMTP__PORT"] = str(server.port)
        limit = sending.database.stat().st_size + 100_000
        process = await sending.start(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        said = await sending.ended(process, 1)
        assert "check the disk and the space left on it" in said or "the disk is full" in said
        assert 0 < len(server.taken) < len(readers)
        await sending.run(0, 3)
        await accounted(sending, readers, doubles=0 if policy == "hold" else CONNECTIONS + SETTLING)


async def test_sigterm_finishes_what_is_open_and_gives_back_the_rest(tmp_path: Path) -> None:
    readers = numbered(150)
    async with FaultServer(pause=0.1) as server:
        sending = Sending(tmp_path, server, DELIVERY__GRACE=10)
        await sending.readers(readers)
        process = await sending.start()
        await sending.until_taken(12)
        told_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await sending.ended(process, 0)
        assert time.monotonic() - told_at < 5
        taken = len(server.taken)
        assert await sending.counts() == {"accepted": taken, "ready": len(readers) - taken}
        assert taken <= 12 + 2 * CONNECTIONS
        server.pause = 0
        await sending.run(0)
        assert sending.copies() == dict.fromkeys(readers, 1)


@pytest.mark.slow
async def test_sigterm_does_not_wait_longer_than_the_grace_time(tmp_path: Path) -> None:
    readers = numbered(20)
    async with FaultServer() as server:
        sending = Sending(tmp_path, server, DELIVERY__GRACE=1, DELIVERY__ON_UNKNOWN="hold")
        await sending.readers(readers)
        server.pause = 20
        process = await sending.start()
        while server.connections < CONNECTIONS and process.returncode is None:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)  # every connection waits for its answer now
        told_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await sending.ended(process, 0)
        assert 0.5 < time.monotonic() - told_at < 6
        counts = await sending.counts()
        assert counts == {"unknown": CONNECTIONS, "ready": len(readers) - CONNECTIONS}
        server.pause = 0
        await sending.run(0, 3)
        await accounted(sending, readers, doubles=0)


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Somebody else is writing into `database`."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.sqlite
@pytest.mark.slow
async def test_a_lock_for_a_while_is_waited_for(tmp_path: Path) -> None:
    readers = numbered(60)
    async with FaultServer(pause=0.02) as server:
        sending = Sending(tmp_path, server)
        await sending.readers(readers)
        process = await sending.start()
        await sending.until_taken(10)
        with locked(sending.database):
            taken = -1
            # Those whose write-ahead was durable come to their end.
            while taken < (taken := len(server.taken)):  # noqa: ASYNC110 - what is waited for is that nothing comes
                await asyncio.sleep(0.5)
            await asyncio.sleep(1)
            assert len(server.taken) == taken, "messages were sent that nobody could note"
        await sending.ended(process, 0)
        assert sending.copies() == dict.fromkeys(readers, 1)


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_a_lock_that_stays_stops_and_loses_nothing(policy: str, tmp_path: Path) -> None:
    readers = numbered(60)
    async with FaultServer(pause=0.02) as server:
        sending = Sending(tmp_path, server, DELIVERY__ON_UNKNOWN=policy)
        await sending.readers(readers)
        process = await sending.start()
        await sending.until_taken(10)
        with locked(sending.database):
            assert "lock" in await sending.ended(process, 1)
        await sending.run(0, 3)
        await accounted(sending, readers, doubles=0 if policy == "hold" else CONNECTIONS + SETTLING)


async def test_two_senders_at_the_same_second_send_each_message_once(tmp_path: Path) -> None:
    readers = numbered(100)
    async with FaultServer(pause=0.005) as server:
        sending = Sending(tmp_path, server)
        await sending.readers(readers)
        both = [await sending.start() for _ in range(2)]
        # Who comes to the end first may see the other's last messages under way.
        for process in both:
            await sending.ended(process, 0, 3)
        assert sending.copies() == dict.fromkeys(readers, 1)
        assert await sending.counts() == {"accepted": len(readers)}


@pytest.mark.slow
async def test_a_stopped_sender_is_not_taken_for_dead(tmp_path: Path) -> None:
    """SIGSTOP for a while: another run sends the rest, and leaves alone what the first one still holds."""
    readers = numbered(100)
    async with FaultServer(pause=0.02) as server:
        sending = Sending(tmp_path, server)
        await sending.readers(readers)
        process = await sending.start()
        await sending.until_taken(20)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            # 1: it was stopped in the middle of a commit, so that the database is locked for as long.
            await sending.run(0, 1, 3)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        await sending.ended(process, 0, 3)
        await sending.run(0)
        assert sending.copies() == dict.fromkeys(readers, 1)
        assert await sending.counts() == {"accepted": len(readers)}
