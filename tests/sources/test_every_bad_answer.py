"""Every source on the network given every bad answer, over real HTTP: a verdict with a sentence, nothing lost, nothing
doubled, and the next good answer makes it good."""

from __future__ import annotations

import gzip
import json
import re
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import databases
import pytest
import stamina
from arxiv_forms import Made, rss
from crossing import crossed
from web_server import Answering, Reply, WebServer

from newsletter.daily import Collecting
from newsletter.model import Verdict
from newsletter.settings import source_options
from newsletter.sources import registry
from newsletter.sources.base import Source, Tools
from newsletter.sources.web.asking import opened_web
from newsletter.store import Store

NOW = datetime(2026, 8, 7, 9, tzinfo=UTC)
DAY = date(2026, 8, 7)
TITLES = [f"The Paper Number {number}" for number in range(4)]
ABSTRACT = "We study what papers say, and we find that they say a lot: naïve readers agree."
UNWELL = {Verdict.BROKEN, Verdict.PARTIAL, Verdict.STALE, Verdict.QUIET}


def hub() -> bytes:
    papers = [
        {
            "id": f"2608.0000{number}",
            "title": title,
            "summary": ABSTRACT,
            "authors": [{"name": "Ada Example", "hidden": False}],
            "publishedAt": "2026-8-4",
            "submittedOnDailyAt": "2026-08-07T00:00:00.000Z",
            "upvotes": 3,
        }
        for number, title in enumerate(TITLES)
    ]
    return json.dumps([{"paper": one, "numComments": 0} for one in papers], ensure_ascii=False).encode()


def arxiv() -> bytes:
    return rss([Made(f"2608.0000{number}", 1, title, ABSTRACT) for number, title in enumerate(TITLES)])


def journal() -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://journal.example/{number}</link>"
        f"<description>{ABSTRACT}</description><dc:date>2026-8-7</dc:date></item>"
        for number, title in enumerate(TITLES)
    )
    head = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    return f"{head}<channel><title>Journal</title>{items}</channel></rss>".encode()


TARGET = {
    "huggingface": f"/api/daily_papers?date={DAY}&limit=100&p=0",
    "arxiv": "/rss/cs.CL",
    "feed": "/feed.xml",
}
GOOD: dict[str, Callable[[], bytes]] = {"huggingface": hub, "arxiv": arxiv, "feed": journal}


@cache
def _bomb() -> bytes:
    """200 MB of spaces in 200 kB, which take a second to make."""
    packing = zlib.compressobj(9, wbits=31)
    return b"".join([packing.compress(b" " * 1_000_000) for _ in range(200)]) + packing.flush()


BOMB = '<!DOCTYPE r [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
BAD: dict[str, Callable[[bytes], Answering]] = {
    "nothing": lambda good: Reply(body=b""),
    "not found": lambda good: Reply(404),
    "forbidden": lambda good: Reply(403, body=b"<html>Just a moment...</html>"),
    "server error": lambda good: Reply(500),
    "overloaded": lambda good: Reply(503),
    "too many requests": lambda good: Reply(429, headers={"Retry-After": "0"}),
    "connection cut": lambda good: Reply(body=good, cut=len(good) // 2),
    "half of it": lambda good: Reply(body=good[: len(good) // 2]),
    "all but the end": lambda good: Reply(body=good[:-20]),
    "slower than patience": lambda good: Reply(body=good, drip=1),
    "silence": lambda good: Reply(delay=30),
    "web page": lambda good: Reply(body=b"<!doctype html><html><title>Hi</title><body><p>Sign in</body></html>"),
    "latin-1 called utf-8": lambda good: Reply(body=good.decode().encode("latin-1")),
    "utf-16": lambda good: Reply(body=good.decode().replace('encoding="utf-8"', "").encode("utf-16")),
    "random bytes": lambda good: Reply(body=bytes(range(256)) * 50),
    "null": lambda good: Reply(body=b"null"),
    "deep": lambda good: Reply(body=b"[" * 100_000),
    "deep tags": lambda good: Reply(body=b"<rss><channel>" + b"<a>" * 100_000),
    "entity bomb": lambda good: Reply(
        body=BOMB.encode() + b"<rss><channel><item><title>&b;</title></item></channel></rss>"
    ),
    "entity of a file": lambda good: Reply(
        body=b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&f;</title></item></channel></rss>'
    ),
    "gzip bomb": lambda good: Reply(body=_bomb(), headers={"Content-Encoding": "gzip"}),
    "broken gzip": lambda good: Reply(body=gzip.compress(good)[:-30], headers={"Content-Encoding": "gzip"}),
    "strange encoding": lambda good: Reply(body=good, headers={"Content-Encoding": "br"}),
    "redirect to this machine": lambda good: Reply(302, headers={"Location": "http://127.0.0.1:1/secret"}),
    "redirect by name": lambda good: Reply(302, headers={"Location": "http://localhost/secret"}),
    "redirect to a file": lambda good: Reply(302, headers={"Location": "file:///etc/passwd"}),
    "redirect to itself": lambda good: Reply(302, headers={"Location": "?"}),
    "redirect to nowhere": lambda good: Reply(302),
}
READ_ALL_THE_SAME = {("utf-16", "arxiv"), ("utf-16", "feed"), ("latin-1 called utf-8", "feed")}
"""What is odd, but leaves no doubt about what is meant."""


@pytest.fixture(autouse=True)
def at_once() -> AsyncIterator[None]:
    """Three attempts, and no pauses between them."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as server:
        server.answer("/api/daily_papers", Reply(body=b"[]"))
        server.answer("/api/query", Reply(404))
        yield server


def source(kind: str, server: WebServer, tools: Tools) -> Source:
    table: dict[str, object] = {"kind": kind, "name": "place", "pace": 0, "timeout": 0.6}
    own: dict[str, dict[str, object]] = {
        "huggingface": {"base_url": server.url},
        "arxiv": {"base_url": server.url, "api_url": server.url, "categories": ["cs.CL"]},
        "feed": {"url": f"{server.url}/feed.xml"},
    }
    table |= own[kind]
    return registry.kind(kind).build(source_options(table), tools)


@pytest.mark.parametrize(("kind", "bad"), crossed(GOOD, BAD))
async def test_a_bad_answer_is_a_verdict_and_loses_nothing(
    kind: str, bad: str, server: WebServer, tmp_path: Path
) -> None:
    good = GOOD[kind]()

    server.answer(TARGET[kind], BAD[bad](good))
    async with (
        await Store.open(databases.of(tmp_path)) as store,
        opened_web(store.answers, store.paces, contact="mailto:me@example.org", owner="test") as web,
    ):
        asked = source(kind, server, Tools(web, tmp_path))
        collecting = Collecting(store, 7, lambda: NOW, NOW.date, lambda step, done, total: None)
        tracemalloc.start()
        begun = time.monotonic()
        *_, told = [one for one in await collecting.collect([asked]) if " " not in one.batch.document]
        taken, (_, peak) = time.monotonic() - begun, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        server.answer(TARGET[kind], Reply(body=good))
        await collecting.collect([asked])
        papers = await store.papers.find()

    assert taken < 20
    assert peak < 80_000_000
    if (bad, kind) in READ_ALL_THE_SAME:
        assert (told.batch.verdict, told.papers) == (Verdict.NEW, len(TITLES))
    else:
        assert told.batch.verdict in UNWELL
        assert told.batch.why.isprintable()
        assert 5 < len(told.batch.why) < 600
        assert not re.search("Traceback|root:", told.batch.why)
    assert sorted(paper.title for paper in papers) == TITLES
    assert {paper.abstract for paper in papers} == {ABSTRACT}
    assert all(len(paper.listings) == 1 for paper in papers)
