"""A small scripted HTTP/1.1 server on this machine, so that what is tested is real requests and not mocks.

    async with WebServer() as server, opened(tmp_path) as web:
        server.answer("/api?p=0", Reply(body=b"[]"))                    # exactly this target
        server.answer("/feed", Reply(429, headers={"Retry-After": "1"}), Reply(body=b"<rss/>"))   # any query
        server.answer("/echo", lambda request: Reply(body=request.body))
        await web.ask("name", f"{server.url}/api?p=0", AT_ONCE)
        assert [request.target for request in server.requests] == ["/api?p=0"]

* `server.url`: "http://127.0.0.1:PORT", no slash at its end. `WebServer(host="::1")` listens there instead;
  `WebServer(tls=SSLContext)` speaks https. `server.port` is the port.
* `server.answer(target, *replies)`: replies are given in turn, the last one again and again. A target with a query is
  matched as it stands on the wire and goes before its path alone, which takes any query. Unknown targets get a 404.
  Calling it again for the same target starts anew.
* `server.requests`: every Request, in the order in which they began. `began` and `ended` are `time.monotonic()` at the
  request line and after the answer's last byte, comparable between the processes of one machine; `ended` is None
  until then. `headers` have lower-case names, repeated ones joined with ", ".
* Reply(status, body, headers, delay, drip, cut, encoding, raw):
    - `delay` seconds pass before the status line;
    - `drip` sends so many bytes of the body every 0.05 s;
    - `cut` closes the connection after so many bytes of the body, while Content-Length says all of them;
    - `encoding="gzip"` compresses the body and says so;
    - `raw` is sent as it is instead of an HTTP answer (it may drip too), and the connection closed;
    - `headers` override the server's own, Content-Length too; {"Content-Length": None} leaves it out and the closing of
      the connection ends the body. The body may also be an iterable of bytes: they are sent one by one in chunks, for
      ever if there is no end to them.
* `opened(folder, **options)`: the real network over a real store in `folder`, with the options of `opened_web`; AT_ONCE
  are habits without a pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import databases

from newsletter.sources.base import Habits
from newsletter.sources.web.asking import HttpWeb, opened_web
from newsletter.store import Store

DRIP_EVERY = 0.05
AT_ONCE = Habits(pace=0, timeout=5)


@contextlib.asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[HttpWeb]:
    """The network as the product opens it."""
    async with await Store.open(databases.of(folder)) as store:
        options = {"contact": "mailto:me@example.org", "owner": "test"} | options
        async with opened_web(store.answers, store.paces, **options) as web:
            yield web


@dataclass(slots=True)
class Request:
    """What came over the wire, and when."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    began: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer, and how badly."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    delay: float = 0.0
    drip: int | None = None
    cut: int | None = None
    encoding: str | None = None
    raw: bytes | None = None


Answering = Reply | Callable[[Request], Reply]


class WebServer:
    """See the module's docstring."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.port = port
        self._host = host
        self._tls = tls
        self._replies: dict[str, list[Answering]] = {}
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def answer(self, target: str, *replies: Answering) -> None:
        assert replies, "a target needs an answer"
        self._replies[target] = list(replies)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        connections = tuple(self._connections)
        for one in connections:
            one.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(one)
        one.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Request after request, until either side closes. A client that goes away is no failure of the server."""
        try:
            while request := await _read(reader):
                self.requests.append(request)
                try:
                    again = await self._reply(request, writer)
                finally:
                    request.ended = time.monotonic()
                if not again:
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _next(self, request: Request) -> Reply:
        for target in (request.target, request.target.partition("?")[0]):
            if replies := self._replies.get(target):
                one = replies.pop(0) if len(replies) > 1 else replies[0]
                return one if isinstance(one, Reply) else one(request)
        return Reply(404, b"no such page")

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answers `request`; whether the connection can take another one."""
        reply = self._next(request)
        await asyncio.sleep(reply.delay)
        if reply.raw is not None:
            await _send(writer, reply, reply.raw)
            return False
        body = gzip.compress(reply.body) if reply.encoding and isinstance(reply.body, bytes) else reply.body
        headers: dict[str, str | None] = {"Content-Encoding": reply.encoding}
        if isinstance(body, bytes):
            headers["Content-Length"] = str(len(body))
        else:
            headers["Transfer-Encoding"] = "chunked"
        headers |= reply.headers
        phrase = http.HTTPStatus(reply.status).phrase if reply.status in list(http.HTTPStatus) else "Made Up"
        lines = [f"HTTP/1.1 {reply.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await writer.drain()
        whole = await _send(writer, reply, b"" if reply.status == 304 else body)
        return whole and headers.get("Content-Length", "") is not None


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line.strip():
        return None
    began = time.monotonic()
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        known = headers.get(name.lower())
        headers[name.lower()] = f"{known}, {value.strip()}" if known else value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body, began)


async def _send(writer: asyncio.StreamWriter, reply: Reply, body: bytes | Iterable[bytes]) -> bool:
    """Sends the body; False when it was cut off."""
    if not isinstance(body, bytes):
        for piece in body:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(DRIP_EVERY if reply.drip else 0)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
    rest = body if reply.cut is None else body[: reply.cut]
    step = reply.drip or len(rest) or 1
    for start in range(0, len(rest), step):
        writer.write(rest[start : start + step])
        await writer.drain()
        if reply.drip:
            await asyncio.sleep(DRIP_EVERY)
    return reply.cut is None
