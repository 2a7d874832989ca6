"""Hugging Face over HTTP, at a local server that answers as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import huggingface_forms as forms
import pytest
from pydantic import ValidationError
from web_server import Reply, Request, WebServer

from newsletter.errors import SourceError
from newsletter.model import Batch, Verdict
from newsletter.sources.base import Ask, NoWeb, Past, Tools
from newsletter.sources.huggingface.source import HuggingFaceOptions, HuggingFaceSource
from newsletter.sources.registry import kind
from newsletter.sources.web import asking as webs
from newsletter.store import Store

NOW = datetime(2026, 8, 10, 7, 0, tzinfo=UTC)  # a Monday
MONDAY = NOW.date()
PATH = "/api/daily_papers"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webs, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(webs, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(webs, "JITTER", 0.01)


@dataclass(frozen=True, slots=True)
class Place:
    server: WebServer
    store: Store
    source: HuggingFaceSource

    def day(self, day: str, *pages: bytes | Reply) -> None:
        for number, page in enumerate(pages):
            reply = page if isinstance(page, Reply) else Reply(body=page)
            self.server.answer(f"{PATH}?date={day}&limit=100&p={number}", reply)

    async def one(self, day: date, now: datetime = NOW) -> Batch:
        (batch,) = await self.source.collect(Ask(now, now.date(), day))
        return batch

    @property
    def asked(self) -> list[str]:
        return [request.target.partition("?")[2] for request in self.server.requests]


@asynccontextmanager
async def place(tmp_path: Path, **options: Any) -> AsyncIterator[Place]:
    async with WebServer() as server, await Store.open(databases.of(tmp_path)) as store:
        server.answer(PATH, Reply(body=b"[]"))
        async with webs.opened_web(store.answers, store.paces, contact="", owner="test", now=lambda: NOW) as web:
            table = {"kind": "huggingface", "name": "hf", "base_url": server.url, "pace": 0} | options
            source = HuggingFaceSource.build(HuggingFaceOptions.model_validate(table), Tools(web, tmp_path))
            yield Place(server, store, source)


async def test_a_long_day_is_read_page_by_page(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day(
            "2026-08-06", forms.day_list(100), forms.day_list(100, first=101), forms.day_list(50, first=201), b"[]"
        )
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, len(batch.papers), batch.asked) == (Verdict.NEW, 250, date(2026, 8, 6))
        assert [paper.listings[0].rank for paper in batch.papers] == list(range(1, 251))
        assert here.asked == [f"date=2026-08-06&limit=100&p={number}" for number in range(4)]


async def test_a_server_that_gives_no_more_than_its_own_default_loses_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", forms.day_list(50), forms.day_list(28, first=51))
        assert len((await here.one(date(2026, 8, 6))).papers) == 78


async def test_pages_without_end_are_given_up(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.server.answer(PATH, Reply(body=forms.day_list(100)))
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, len(batch.papers), len(here.asked)) == (Verdict.PARTIAL, 100, 20)
        assert "more than 20 pages: the rest was not read" in batch.why


async def test_what_is_new_is_five_days_newest_last(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-07", forms.day_list(3, "2026-08-07"))
        here.day("2026-08-10", forms.day_list(1, "2026-08-10", first=9))
        batches = await here.source.collect(Ask(NOW, MONDAY))
        assert [(batch.document, batch.verdict.value, len(batch.papers)) for batch in batches] == [
            ("2026-08-06", "quiet", 0),
            ("2026-08-07", "new", 3),
            ("2026-08-08", "quiet", 0),
            ("2026-08-09", "quiet", 0),
            ("2026-08-10", "partial", 1),
        ]
        assert {batch.asked for batch in batches} == {None}
        assert batches[-1].why == "the list of 2026-08-10 grows until midnight UTC: 1 paper so far"


def days(first: str, count: int) -> frozenset[date]:
    return frozenset(date.fromisoformat(first) + timedelta(days=number) for number in range(count))


@pytest.mark.parametrize(
    ("past", "look_back", "earlier"),
    [
        (Past(date(2026, 8, 9)), 7, []),
        (Past(date(2026, 8, 4)), 7, ["2026-08-04", "2026-08-05"]),
        (Past(date(2026, 1, 1), days("2026-08-01", 5)), 9, []),
        (Past(date(2026, 1, 1), days("2026-07-31", 5)), 9, ["2026-08-05"]),
        (Past(date(2026, 1, 1), days("2026-08-05", 1)), 9, ["2026-08-02", "2026-08-03", "2026-08-04"]),
    ],
)
async def test_the_days_of_the_look_back_that_were_missed_are_fetched_too(
    tmp_path: Path, past: Past, look_back: int, earlier: list[str]
) -> None:
    async with place(tmp_path) as here:
        batches = await here.source.collect(Ask(NOW, MONDAY, look_back=look_back, past={"": past}))
        assert [batch.document for batch in batches[:-5]] == earlier
        assert [batch.document[-2:] for batch in batches[-5:]] == ["06", "07", "08", "09", "10"]


async def test_no_more_days_than_sixty(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        ask = Ask(NOW, MONDAY, look_back=365, past={"": Past(date(2026, 1, 1))})
        batches = await here.source.collect(ask)
        assert (len(batches), batches[0].document, batches[-1].document) == (60, "2026-06-12", "2026-08-10")


async def test_the_newest_day_is_asked_for_first(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.source.collect(Ask(NOW, MONDAY))
        assert [query[13:15] for query in here.asked] == ["10", "09", "08", "07", "06"]


async def test_a_damaged_list_is_asked_for_without_its_etag(tmp_path: Path) -> None:
    async with place(tmp_path) as here:

        def answer(request: Request) -> Reply:
            return Reply(304) if "if-none-match" in request.headers else replies.pop()

        whole = forms.day_list(3)
        replies = [Reply(body=body, headers={"ETag": '"a"'}) for body in (whole, whole[:-900], b"<html>")]
        here.server.answer(f"{PATH}?date=2026-08-06&limit=100&p=0", answer)
        papers = [len((await here.one(date(2026, 8, 6))).papers) for _ in range(4)]
        assert papers == [0, 2, 3, 3]
        assert replies == []


async def test_the_day_is_that_of_utc(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        late = datetime.fromisoformat("2026-08-10T20:00:00-07:00")
        batches = await here.source.collect(Ask(late.astimezone(UTC), late.date()))
        assert batches[-1].document == "2026-08-11"


async def test_a_friday_that_is_shown_three_days_long_is_remembered_once(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        friday = forms.day_list(3, "2026-08-07")
        for day in ("2026-08-07", "2026-08-08", "2026-08-09", "2026-08-10"):
            here.day(day, friday)
        batches = await here.source.collect(Ask(NOW, MONDAY))
        remembered = [await here.store.batches.remember(batch, NOW) for batch in batches]
        assert [new for _, new in remembered] == [0, 3, 0, 0, 0]
        assert [batch.verdict.value for batch, _ in remembered] == ["quiet", "new", "same", "same", "same"]
        papers = await here.store.papers.untaken(date(2026, 8, 3), MONDAY)
        assert [[listing.day for listing in paper.listings] for paper in papers] == [[date(2026, 8, 7)]] * 3


async def test_votes_are_observed_again(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for votes in (6, 60):
            here.day("2026-08-07", forms.page(forms.item(1, "2026-08-07", upvotes=votes)))
            batch = (await here.source.collect(Ask(NOW, MONDAY)))[1]
            assert [one.value for one in batch.observations if one.what == "votes"] == [votes]


async def test_a_page_that_fails_leaves_what_came_before(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", forms.day_list(100), Reply(500))
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 100)
        assert "500" in batch.problems[0].why


async def test_a_page_that_cannot_be_read_leaves_what_came_before(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", forms.day_list(100), forms.day_list(10, first=101)[:-900])
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 109)


async def test_a_day_that_fails_is_broken_and_the_others_come(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-07", Reply(500))
        here.day("2026-08-10", forms.day_list(2, "2026-08-10"))
        batches = await here.source.collect(Ask(NOW, MONDAY))
        assert [batch.verdict.value for batch in batches] == ["quiet", "broken", "quiet", "quiet", "partial"]
        assert batches[1].problems
        assert batches[1].kind == "huggingface"


async def test_a_server_that_is_down_is_not_asked_for_every_day(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.server.answer(PATH, Reply(503))
        batches = await here.source.collect(Ask(NOW, MONDAY))
        assert [(batch.verdict, batch.document) for batch in batches] == [
            (Verdict.BROKEN, "2026-08-09"),
            (Verdict.BROKEN, "2026-08-10"),
        ]
        assert batches[0].why.endswith("; 3 days before it not asked for")
        assert "not asked for" not in batches[1].why


async def test_when_the_last_two_days_fail_nothing_was_left_out(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-07", Reply(404))
        here.day("2026-08-06", Reply(404))
        batches = await here.source.collect(Ask(NOW, MONDAY))
        assert len(batches) == 5
        assert not any("not asked for" in batch.why for batch in batches)


async def test_a_refused_date_is_broken_in_the_servers_words(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", Reply(400, b'{"error":"Invalid date"}'))
        batch = await here.one(date(2026, 8, 6))
        assert batch.verdict is Verdict.BROKEN
        assert batch.why == "page 0 of 2026-08-06 was refused: the server says: Invalid date"


async def test_a_day_that_has_not_come_is_not_asked_for(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        batch = await here.one(date(2026, 8, 11))
        assert (batch.verdict, batch.why, here.asked) == (Verdict.QUIET, "2026-08-11 has not come yet", [])


async def test_429_is_waited_for(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        target = f"{PATH}?date=2026-08-06&limit=100&p=0"
        limited = Reply(429, headers={"Retry-After": "1", "RateLimit": '"api";r=0;t=1'})
        here.server.answer(target, limited, Reply(body=forms.day_list(2)))
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, len(batch.papers), len(here.asked)) == (Verdict.NEW, 2, 2)
        first, second = here.server.requests
        assert first.ended is not None
        assert second.began - first.ended >= 0.9


async def test_the_token_goes_along_and_nothing_goes_without(tmp_path: Path) -> None:
    async with place(tmp_path, token="hf_madeup") as here:
        await here.one(date(2026, 8, 6))
        assert here.server.requests[0].headers["authorization"] == "Bearer hf_madeup"
    async with place(tmp_path) as here:
        await here.one(date(2026, 8, 6))
        assert "authorization" not in here.server.requests[0].headers


async def test_the_token_is_in_no_sentence(tmp_path: Path) -> None:
    async with place(tmp_path, token="hf_madeup_secret") as here:

        def echo(request: Request) -> Reply:
            return Reply(302, headers={"Location": f"{here.server.url}/no?x={request.headers['authorization']}"})

        here.server.answer(PATH, echo)
        batch = await here.one(date(2026, 8, 6))
        assert batch.verdict is Verdict.BROKEN
        assert "hf_madeup_secret" not in str(batch)


@pytest.mark.parametrize("cut", [0, 5, 2_000])
async def test_an_answer_cut_off_on_the_wire_is_broken_not_believed(tmp_path: Path, cut: int) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", Reply(body=forms.day_list(3), cut=cut))
        batch = await here.one(date(2026, 8, 6))
        assert (batch.verdict, batch.papers) == (Verdict.BROKEN, ())


async def test_a_web_page_in_place_of_the_list(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.day("2026-08-06", Reply(body=b"<!doctype html><title>Back soon</title>"))
        batch = await here.one(date(2026, 8, 6))
        assert batch.why.endswith("the answer is a web page, not a list of papers")


def test_options(tmp_path: Path) -> None:
    table = {"kind": "huggingface", "name": "hf"}
    options = HuggingFaceOptions.model_validate(table)
    assert (str(options.base_url), options.pace, options.timeout) == ("https://huggingface.co/", 1.0, 30.0)
    assert kind("huggingface") is HuggingFaceSource
    assert HuggingFaceSource.build(options, Tools(NoWeb(), tmp_path)).name == "hf"
    with pytest.raises(ValidationError):
        HuggingFaceOptions.model_validate(table | {"categories": ["cs.CL"]})
    missing = HuggingFaceOptions.model_validate(table | {"token_file": tmp_path / "nowhere"})
    with pytest.raises(ValueError, match="nowhere cannot be read"):
        HuggingFaceSource.build(missing, Tools(NoWeb(), tmp_path))


async def test_without_a_network_every_day_is_broken(tmp_path: Path) -> None:
    options = HuggingFaceOptions.model_validate({"kind": "huggingface", "name": "hf"})
    source = HuggingFaceSource.build(options, Tools(NoWeb(), tmp_path))
    batches = await source.collect(Ask(NOW, MONDAY))
    assert {batch.verdict for batch in batches} == {Verdict.BROKEN}
    with pytest.raises(SourceError):
        await NoWeb().ask("hf", "https://huggingface.co", source._habits)
