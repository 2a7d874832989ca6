"""What the sending benchmarks send to: Postfix's test server, the same behind a long wire, and Postfix's own sender.

    with sink() as port, delayed(port, 10) as far:
        seconds, cpu = smtp_source(far, messages=2000, sessions=50, size=44_000)

`python benchmarks/relays.py PORT MILLISECONDS` is the long wire by itself: it prints the port at which it listens, and
ends with its standard input.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
MOST_CONNECTIONS = 2000
_WAIT = 10.0  # seconds until a server that was started must answer
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def program(name: str) -> str:
    """The path of one of Postfix's test programs; ends the benchmark loudly where it is missing."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise SystemExit(f"{name} is missing, and without it there is nothing to compare with: apt-get install postfix")
    return found


@contextmanager
def sink(*options: str) -> Iterator[int]:
    """A running smtp-sink, with more of its `options` if need be: the port at which it takes mail and drops it."""
    with sink_process(*options) as (port, _):
        yield port


@contextmanager
def sink_process(*options: str, stdout: IO[bytes] | None = None) -> Iterator[tuple[int, int]]:
    """The same, for who looks at the server as well: its port and its process id; what it prints goes to `stdout`."""
    command = [program("smtp-sink"), "-m", str(MOST_CONNECTIONS), *options]
    if os.geteuid() == 0:
        command += ["-u", "nobody"]  # it refuses to work as root
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([*command, f"{HOST}:{port}", "1024"], stdout=stdout, stderr=subprocess.PIPE)
    try:
        _wait_for_greeting(process, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.communicate()


def _wait_for_greeting(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + _WAIT
    while True:
        with suppress(OSError), socket.create_connection((HOST, port), 1) as connection:
            if connection.recv(512).startswith(b"220"):
                connection.sendall(b"QUIT\r\n")
                return
        if process.poll() is not None or time.monotonic() > give_up:
            process.kill()
            said = process.communicate()[1].decode(errors="replace").strip()
            raise SystemExit(f"smtp-sink does not answer at port {port}: {said or 'it says nothing'}")
        time.sleep(0.02)


@contextmanager
def delayed(port: int, milliseconds: float) -> Iterator[int]:
    """A port that leads to `port` over a long wire: what comes back is passed on that much later, in order.

    The wire is a process of its own, so that its work is not counted as the sender's.
    """
    command = [sys.executable, str(Path(__file__).resolve()), str(port), str(milliseconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None  # it is a pipe
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the long wire did not begin; what it said stands above")
        yield int(line)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def smtp_source(port: int, messages: int, sessions: int, size: int) -> tuple[float, float]:
    """Send `messages` of about `size` bytes over `sessions` kept connections: seconds by the clock, and seconds of CPU.

    Raises SystemExit when it does not get them all accepted.
    """
    options = ["-d", "-s", str(sessions), "-m", str(messages), "-l", str(size)]
    command = [program("smtp-source"), *options, "-f", "papers@example.org", "-t", "reader@example.org"]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, f"{HOST}:{port}"])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)  # Popen would wait for it once more
    if process.returncode:
        raise SystemExit(f"smtp-source ended with {process.returncode}; what it said stands above")
    return seconds, usage.ru_utime + usage.ru_stime


class _End(asyncio.Protocol):
    """One end of a wire: what it hears goes to `other`, at once or by way of the `queue`."""

    def __init__(self, queue: _Queue | None) -> None:
        self.queue = queue
        self.other: asyncio.Transport | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport

    def lead_to(self, other: asyncio.Transport) -> None:
        self.other = other
        for chunk in self.early:
            other.write(chunk)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        elif self.queue is None:
            self.other.write(data)
        else:
            self.queue.put(self.other, data)

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is None:
            return
        if self.queue is None:
            self.other.close()
        else:
            self.queue.put(self.other, b"")


class _Queue:
    """What is on its way. All wires are equally long, so one queue in order of arrival and one alarm do for all."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.under_way: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self.loop = asyncio.get_running_loop()

    def put(self, to: asyncio.Transport, data: bytes) -> None:
        due = self.loop.time() + self.seconds
        if not self.under_way:
            self.loop.call_at(due, self.pass_on)
        self.under_way.append((due, to, data))

    def pass_on(self) -> None:
        now = self.loop.time()
        while self.under_way and self.under_way[0][0] <= now:
            _, to, data = self.under_way.popleft()
            if data:
                to.write(data)
            else:
                to.close()
        if self.under_way:
            self.loop.call_at(self.under_way[0][0], self.pass_on)


async def _wire(port: int, milliseconds: float) -> None:
    loop, queue = asyncio.get_running_loop(), _Queue(milliseconds / 1000)
    dialling: set[asyncio.Task[None]] = set()

    async def dial(near: _End) -> None:
        far = _End(queue)
        await loop.create_connection(lambda: far, HOST, port)
        assert near.transport, "who was not connected does not dial"
        assert far.transport, "it is connected now"
        if near.transport.is_closing():
            far.transport.close()
        far.lead_to(near.transport)
        near.lead_to(far.transport)

    class Near(_End):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = loop.create_task(dial(self))
            dialling.add(task)
            task.add_done_callback(dialling.discard)

    server = await loop.create_server(lambda: Near(None), HOST, 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)  # whoever is still connected is ended with us


if __name__ == "__main__":
    asyncio.run(_wire(int(sys.argv[1]), float(sys.argv[2])))
