"""Feeds over HTTP, at a local server."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import databases
import feed_forms as forms
import pytest
from pydantic import ValidationError
from web_server import Answering, Reply, Request, WebServer

from newsletter.errors import SourceError
from newsletter.model import Batch, Verdict
from newsletter.sources.base import Ask, NoWeb, Tools
from newsletter.sources.feed.parser import parse_feed
from newsletter.sources.feed.source import FeedOptions, FeedSource
from newsletter.sources.registry import kind
from newsletter.sources.web import asking as webs
from newsletter.store import Store

NOW = datetime(2026, 8, 6, 7, 0, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webs, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(webs, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(webs, "JITTER", 0.01)


@dataclass(frozen=True, slots=True)
class Place:
    server: WebServer
    store: Store
    source: FeedSource

    async def collect(self, day: date | None = None, now: datetime = NOW) -> Batch:
        (batch,) = await self.source.collect(Ask(now, now.date(), day))
        return batch

    async def remember(self, now: datetime = NOW) -> tuple[Batch, int]:
        return await self.store.batches.remember(await self.collect(now=now), now)


@asynccontextmanager
async def place(tmp_path: Path, *replies: Answering, **options: Any) -> AsyncIterator[Place]:
    async with WebServer() as server, await Store.open(databases.of(tmp_path)) as store:
        server.answer("/feed.xml", *replies)
        async with webs.opened_web(store.answers, store.paces, contact="", owner="test", now=lambda: NOW) as web:
            table = {"kind": "feed", "name": "journal", "url": f"{server.url}/feed.xml", "pace": 0} | options
            yield Place(server, store, FeedSource.build(FeedOptions.model_validate(table), Tools(web, tmp_path)))


async def test_a_feed_is_read_and_remembered(tmp_path: Path) -> None:
    body = forms.rss(forms.item(1), forms.item(2))
    async with place(tmp_path, Reply(body=body), venue="J. Made-up") as here:
        batch, new = await here.remember()
        assert (batch.verdict, new, batch.kind) == (Verdict.NEW, 2, "feed")
        again, none = await here.remember()
        assert (again.verdict, none) == (Verdict.SAME, 0)
        papers = await here.store.papers.untaken(date(2026, 8, 1), TODAY)
        assert {(paper.venue, paper.listings[0].source) for paper in papers} == {("J. Made-up", "journal")}


async def test_an_entry_dated_long_ago_still_comes_into_an_edition(tmp_path: Path) -> None:
    async with place(tmp_path, Reply(body=forms.rss(forms.item(1, "2026-07-01")))) as here:
        await here.remember()
        papers = await here.store.papers.untaken(date(2026, 8, 4), TODAY)
        assert [paper.published for paper in papers] == [date(2026, 7, 1)]


async def test_an_etag_spares_the_body(tmp_path: Path) -> None:
    first = Reply(body=forms.rss(forms.item(1)), headers={"ETag": '"a"'})
    async with place(tmp_path, first, Reply(304)) as here:
        assert len((await here.collect()).papers) == len((await here.collect()).papers) == 1
        assert here.server.requests[1].headers["if-none-match"] == '"a"'


@pytest.mark.parametrize("said", ["iso-8859-1", "us-ascii", "no-such", ""])
async def test_a_wrong_charset_in_the_header(tmp_path: Path, said: str) -> None:
    header = {"Content-Type": f'application/rss+xml; charset="{said}"' if said else "text/plain"}
    body = forms.rss(forms.item(title="Über die Größe von Fröschen"))
    async with place(tmp_path, Reply(body=body, headers=header)) as here:
        assert (await here.collect()).papers[0].title == "Über die Größe von Fröschen"


async def test_a_charset_that_only_the_header_tells(tmp_path: Path) -> None:
    body = "<rss><channel><item><title>Размер лягушек в пруду</title></item></channel></rss>".encode("koi8-r")
    async with place(tmp_path, Reply(body=body, headers={"Content-Type": "text/xml;charset=KOI8-R"})) as here:
        assert (await here.collect()).papers[0].title == "Размер лягушек в пруду"


async def test_asked_for_a_day(tmp_path: Path) -> None:
    body = forms.rss(forms.item(1, "2026-6-30"), forms.item(2, "2026-07-01"))
    async with place(tmp_path, Reply(body=body)) as here:
        batch = await here.collect(date(2026, 6, 30))
        assert (len(batch.papers), batch.asked, batch.day) == (1, date(2026, 6, 30), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("body", "verdict", "why"),
    [
        (forms.rss(), "quiet", "the feed is empty"),
        (b"<!doctype html><title>x", "broken", "web page"),
        (forms.rss(forms.item(1), forms.item(2))[:-300], "partial", "the feed breaks off after 1 entry"),
        (b"<!DOCTYPE rss [<!ENTITY a 'a'>]><rss/>", "broken", "declares entities"),
        (b"", "broken", "the answer is empty"),
    ],
)
async def test_what_else_there_may_be_at_the_address(tmp_path: Path, body: bytes, verdict: str, why: str) -> None:
    async with place(tmp_path, Reply(body=body)) as here:
        batch = await here.collect()
        assert batch.verdict.value == verdict
        assert why in batch.why
        remembered, _ = await here.store.batches.remember(batch, NOW)
        assert remembered.verdict.value == verdict


async def test_two_thousand_entries(tmp_path: Path) -> None:
    body = forms.rss(*(forms.item(number) for number in range(2_000)))
    async with place(tmp_path, Reply(body=body, encoding="gzip")) as here:
        batch, new = await here.remember()
        assert (batch.verdict, new, batch.declared) == (Verdict.NEW, 2_000, 2_000)


@pytest.mark.parametrize(
    "bad", [b"<!doctype html><title>x", forms.rss(forms.item(1), forms.item(2))[:-300], b"<rss><channel><item>"]
)
async def test_a_damaged_feed_is_asked_for_without_its_etag(tmp_path: Path, bad: bytes) -> None:
    marked = {"ETag": '"a"'}
    replies = [Reply(body=body, headers=marked) for body in (forms.rss(forms.item(1)), bad)]

    def answer(request: Request) -> Reply:
        return Reply(304) if "if-none-match" in request.headers else replies.pop()

    async with place(tmp_path, answer) as here:
        assert [(await here.collect()).verdict is Verdict.NEW for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("look_back", [1, 2, 3, 7])
async def test_what_is_first_seen_today_is_inside_the_window_of_an_edition(tmp_path: Path, look_back: int) -> None:
    entries = (forms.item(number, f"2026-08-{6 - number:02}") for number in range(5))
    async with place(tmp_path, Reply(body=forms.rss(*entries))) as here:
        (batch,) = await here.source.collect(Ask(NOW, TODAY, look_back=look_back))
        days = {(TODAY - paper.listings[0].day).days for paper in batch.papers}
        assert days == set(range(min(4, look_back)))


async def test_429_is_waited_for(tmp_path: Path) -> None:
    async with place(tmp_path, Reply(429, headers={"Retry-After": "1"}), Reply(body=forms.rss(forms.item()))) as here:
        assert (await here.collect()).verdict is Verdict.NEW


async def test_no_answer_is_an_error_with_the_sources_name(tmp_path: Path) -> None:
    async with place(tmp_path, Reply(404)) as here:
        with pytest.raises(SourceError, match=r"source journal: .*404"):
            await here.collect()


async def test_the_token_goes_along(tmp_path: Path) -> None:
    async with place(tmp_path, Reply(body=forms.rss()), token="madeup") as here:
        await here.collect()
        assert here.server.requests[0].headers["authorization"] == "Bearer madeup"


def test_reading_a_feed_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like an address or like a file's name is a document without papers in it."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    parse_feed(forms.RSS_091, name="f", url="https://example.org/", today=TODAY)  # what is imported, is
    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr("builtins.open", refused)
    for body in (b"https://example.org/feed", b"/etc/passwd", forms.RSS_091, forms.ATOM, forms.rss(forms.item())):
        parse_feed(body, name="f", url="https://example.org/", today=TODAY)


def test_options(tmp_path: Path) -> None:
    table = {"kind": "feed", "name": "journal", "url": "https://example.org/feed"}
    assert kind("feed") is FeedSource
    options = FeedOptions.model_validate(table)
    assert (options.pace, options.timeout, options.venue) == (1.0, 30.0, "")
    assert FeedSource.build(options, Tools(NoWeb(), tmp_path)).name == "journal"
    for wrong, why in (
        ({"url": "file:///etc/passwd"}, "write an address with https:// or http://"),
        ({"url": "https://ada:secret@example.org/"}, "leave name and password out of `url`"),
        ({"base_url": "https://example.org"}, "leave `base_url` out"),
        ({"venue": "two\nlines"}, "one line of printable text"),
    ):
        with pytest.raises(ValidationError, match=why):
            FeedOptions.model_validate(table | wrong)
    with pytest.raises(ValidationError, match="url"):
        FeedOptions.model_validate({"kind": "feed", "name": "journal"})
