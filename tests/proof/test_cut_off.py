"""A worker whose network ends while it holds claims: it lives, and nobody hears of it. A network namespace of Linux is
its machine, two proxies at the other end of the cable are the database's and the relay's."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url
from test_fleet import READERS, Fleet, accounted, fleet, url

from newsletter.doctor.fault_server import FaultServer

__all__ = ["url"]  # the fixture

Opened = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass(frozen=True)
class Cable:
    """A cable to a machine of its own; `here` and `there` are the addresses of its ends."""

    name: str
    here: str
    there: str

    @property
    def end(self) -> str:
        return f"{self.name}-h"

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def enter(self) -> None:
        """Go to the other machine; called in a new process."""
        with open(f"/run/netns/{self.name}") as door:
            if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")

    def cut(self) -> None:
        self.ip("link", "set", self.end, "down")

    def mend(self) -> None:
        self.ip("link", "set", self.end, "up")


@pytest.fixture
def cable() -> Iterator[Cable]:
    name = f"nl{secrets.token_hex(3)}"
    one = Cable(name, "10.213.77.1", "10.213.77.2")
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2, for a network namespace")
    try:
        one.ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not permitted here: {error.stderr.decode().strip()}")
    try:
        one.ip("link", "add", one.end, "type", "veth", "peer", "name", "eth0", "netns", name)
        one.ip("addr", "add", f"{one.here}/30", "dev", one.end)
        one.ip("-n", name, "addr", "add", f"{one.there}/30", "dev", "eth0")
        one.ip("-n", name, "link", "set", "lo", "up")
        one.ip("-n", name, "link", "set", "eth0", "up")
        one.mend()
        yield one
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)  # the cable goes with it


@contextlib.asynccontextmanager
async def proxy(host: str, connect: Opened) -> AsyncIterator[int]:
    """Hands every connection to `host` on to what `connect` opens; the port."""
    calls: set[asyncio.Task[None] | None] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(asyncio.current_task())
        there, back = await connect()
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            for one in (writer, back):
                one.transport.abort()
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    server = await asyncio.start_server(hand_on, host)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for call in calls:
            if call:
                call.cancel()
        await asyncio.gather(*(call for call in calls if call), return_exceptions=True)


async def in_the_distance(made: Fleet, cable: Cable, database: int, relay: int, url: str) -> None:
    """A worker on the other machine."""
    near = made.environment
    far = make_url(url).set(host=cable.here, port=database, query={}).render_as_string(hide_password=False)
    made.environment = near | {
        "NEWSLETTER_DATABASE__URL": far,
        "NEWSLETTER_SMTP__HOST": cable.here,
        "NEWSLETTER_SMTP__PORT": str(relay),
    }
    start = made.start
    try:
        made.start = lambda *words, before=None: start(*words, before=cable.enter)  # type: ignore[method-assign]
        await made.worker()
    finally:
        made.start = start  # type: ignore[method-assign]
        made.environment = near


@pytest.mark.slow
async def test_who_is_cut_off_while_it_holds_claims_loses_and_doubles_nothing(
    tmp_path: Path, url: str, cable: Cable
) -> None:
    where = make_url(url)
    socket = Path(str(where.query.get("host", ""))) / ".s.PGSQL.5432"

    async def to_database() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if where.host:
            return await asyncio.open_connection(where.host, where.port or 5432)
        return await asyncio.open_unix_connection(str(socket))

    async with FaultServer(pause=0.2) as server, fleet(tmp_path, server, url) as made:

        async def to_relay() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection(server.host, server.port)

        async with proxy(cable.here, to_database) as database, proxy(cable.here, to_relay) as relay:
            run = await made.start("run", "--date", "latest", "--json")
            await in_the_distance(made, cable, database, relay, url)
            [far] = made.workers
            await made.until_taken(30)  # all by the one in the distance
            cable.cut()
            await made.worker()
            server.pause = 0.0
            told = await made.told(run)
            assert told["counts"] == {"accepted": len(READERS)}
            assert far.returncode is None  # it lives, but for the others it is dead
            cable.mend()
            await asyncio.sleep(5)
            await accounted(made, deaths=1)
            assert await made.counts() == {"accepted": len(READERS)}
            await made.end()
            await accounted(made, deaths=1)
