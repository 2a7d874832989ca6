"""Answers that are too large, too slow, damaged, or no answers at all."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from web_server import AT_ONCE, Reply, WebServer, opened

from newsletter.errors import SourceError
from newsletter.sources.base import Habits
from newsletter.sources.web import asking as web_module
from newsletter.sources.web.bodies import LIMIT

GZIP = {"Content-Encoding": "gzip"}
MOST_MEMORY = 3 * LIMIT


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as one:
        yield one


async def refused(folder: Path, url: str, words: str, habits: Habits = AT_ONCE) -> None:
    async with opened(folder) as web:
        with pytest.raises(SourceError, match=words) as caught:
            await web.ask("mine", url, habits)
    assert str(caught.value).isprintable()


def zeros(megabytes: int) -> bytes:
    """That many megabytes of zeros, compressed: deflate starts anew after a full flush, so one block is repeated."""
    packing = zlib.compressobj(9, wbits=-15)
    block = packing.compress(bytes(10_000_000)) + packing.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * (megabytes // 10)


async def test_gzip_is_unpacked(server: WebServer, tmp_path: Path) -> None:
    body = bytes(range(256)) * 5000
    halves = gzip.compress(body[:999]) + gzip.compress(body[999:])
    server.answer("/one", Reply(body=body, encoding="gzip"))
    server.answer("/two", Reply(body=halves, headers=GZIP))
    server.answer("/chunks", Reply(body=[bytes([byte]) for byte in halves], headers={"Content-Encoding": "X-GZip"}))
    server.answer("/none", Reply(body=body, headers={"Content-Encoding": "identity"}))
    server.answer("/empty", Reply(body=b"", headers=GZIP))
    async with opened(tmp_path) as web:
        for path in ("/one", "/two", "/chunks", "/none"):
            assert (await web.ask("mine", server.url + path, AT_ONCE)).body == body
        assert (await web.ask("mine", f"{server.url}/empty", AT_ONCE)).body == b""


async def test_a_gzip_bomb_never_takes_more_than_the_limit(server: WebServer, tmp_path: Path) -> None:
    bomb = zeros(1000)
    assert len(bomb) < 2_000_000
    server.answer("/bomb", Reply(body=bomb, headers=GZIP))
    tracemalloc.start()
    try:
        await refused(tmp_path, f"{server.url}/bomb", "is larger than 20 MB, which is the most that is read")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "piece",
    [
        b"x" * 65536,
        zlib.compressobj(0, wbits=31).compress(b"") + b"\0\0\0\xff\xff" * 10_000,  # blocks that unpack to nothing
    ],
)
async def test_an_endless_body_is_left(server: WebServer, tmp_path: Path, piece: bytes) -> None:
    first = itertools.chain([piece], itertools.repeat(piece[-50_000:]))
    headers = GZIP if piece[:2] == b"\x1f\x8b" else {}
    server.answer("/endless", Reply(body=first, headers=headers))
    tracemalloc.start()
    try:
        await refused(tmp_path, f"{server.url}/endless", "is larger than 20 MB", Habits(pace=0, timeout=30))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY


async def test_the_limit_itself(server: WebServer, tmp_path: Path) -> None:
    server.answer("/most", Reply(body=bytes(LIMIT), encoding="gzip"))
    server.answer("/more", Reply(body=bytes(LIMIT + 1), encoding="gzip"))
    server.answer("/plain", Reply(body=bytes(LIMIT + 1)))
    async with opened(tmp_path) as web:
        assert len((await web.ask("mine", f"{server.url}/most", AT_ONCE)).body) == LIMIT
    for path in ("/more", "/plain"):
        await refused(tmp_path, server.url + path, "is larger than 20 MB")


async def test_a_row_of_empty_members_is_left(server: WebServer, tmp_path: Path) -> None:
    server.answer("/parts", Reply(body=gzip.compress(b"") * 900_000, headers=GZIP))
    began = time.monotonic()
    await refused(tmp_path, f"{server.url}/parts", "gzip body of too many parts")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip,br", "\x7f"])
async def test_other_compressions_are_refused(server: WebServer, tmp_path: Path, encoding: str) -> None:
    server.answer("/odd", Reply(body=b"x", headers={"Content-Encoding": encoding}))
    words = "compression that was not asked for" if encoding != "\x7f" else "."
    await refused(tmp_path, f"{server.url}/odd", words)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(body=b"x" * 1000, cut=10), "broke off its answer"),
        (Reply(body=b"x" * 1000, encoding="gzip", cut=10), "broke off its answer"),
        (Reply(body=gzip.compress(b"x" * 1000)[:-4], headers=GZIP), "broke off its compressed answer"),
        (Reply(body=gzip.compress(b"x" * 1000)[:-8] + b"12345678", headers=GZIP), "damaged gzip body"),
        (Reply(body=gzip.compress(b"x") + b"trailing", headers=GZIP), "damaged gzip body"),
        (Reply(body=b"<html>", headers=GZIP), "damaged gzip body"),
    ],
)
async def test_damaged_answers_are_asked_for_again(server: WebServer, tmp_path: Path, reply: Reply, words: str) -> None:
    server.answer("/api", reply)
    await refused(tmp_path, f"{server.url}/api", words)
    assert len(server.requests) == 3
    server.answer("/api", reply, Reply(body=b"whole"))
    async with opened(tmp_path) as web:
        assert (await web.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"whole"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 1000, drip=10),
        Reply(body=itertools.repeat(b"x"), drip=1),
        Reply(delay=30),
        Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000, drip=10),
    ],
)
async def test_the_limit_of_time_is_for_the_whole_answer(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    monkeypatch.setattr(web_module, "ATTEMPTS", 1)
    server.answer("/slow", reply)
    began = time.monotonic()
    words = r"gave no whole answer within 0\.3 seconds"
    await refused(tmp_path, f"{server.url}/slow", words, Habits(pace=0, timeout=0.3))
    assert 0.25 < time.monotonic() - began < 3


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"<html>HTTP/0.9</html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"\x00" * 500_000,
        b"HTTP/1.1 200 " + b"\x1b[31m" * 50_000 + b"\r\n\r\n",
        HEAD + b"Broken header\r\n\r\n",
        HEAD + b"A: \x00\r\n\r\n",
        HEAD + b"X: y\r\n" * 500_000,
        HEAD + b"X: " + b"y" * 5_000_000,
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nxx",
        HEAD + b"Content-Length: 99999999999999\r\n\r\nxx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1" + b";x" * 500_000 + b"\r\nx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 500_000,
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nx",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: smtp\r\n\r\n220 hello\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    ],
)
async def test_what_is_no_answer(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    monkeypatch.setattr(web_module, "ATTEMPTS", 1)
    server.answer("/odd", Reply(raw=raw))
    began = time.monotonic()
    tracemalloc.start()
    try:
        await refused(tmp_path, f"{server.url}/odd", "^source mine: http://127.0.0.1:[0-9]+/odd [a-z]")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello and more", b"hello"),
        (HEAD + b"\r\nto the end", b"to the end"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (HEAD + b"ETag: \xff\xfe\r\nContent-Type: \xe9\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_odd_answers_that_are_answers(server: WebServer, tmp_path: Path, raw: bytes, body: bytes) -> None:
    server.answer("/odd", Reply(raw=raw))
    async with opened(tmp_path) as web:
        for _ in range(2):
            answer = await web.ask("mine", f"{server.url}/odd", AT_ONCE)
            assert answer.body == body
            assert all(value.isascii() and value.isprintable() for value in answer.headers.values())


async def test_a_flood_of_informational_answers_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "ATTEMPTS", 1)

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
                await writer.drain()
        except OSError:
            writer.close()

    began = time.monotonic()
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await refused(tmp_path, url, "gave no whole answer within 0.5 seconds", Habits(pace=0, timeout=0.5))
    assert time.monotonic() - began < 5


async def test_nobody_listens(tmp_path: Path) -> None:
    async with WebServer() as gone:
        url = gone.url
    await refused(tmp_path, url, "cannot be asked: the connection is refused; check the address and its port")
