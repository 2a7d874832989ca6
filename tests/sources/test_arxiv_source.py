"""The source `arxiv` against a server that answers as arXiv does, with the real network and the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import databases
import pytest
from arxiv_forms import Made, api, api_entry, api_error, many, rss, rss_error
from pydantic import ValidationError
from web_server import Reply, Request, WebServer

from newsletter.daily.collecting import by_day
from newsletter.errors import SourceError
from newsletter.model import Answer, Batch, Listing, Observation, Paper, Verdict
from newsletter.sources.arxiv.source import ArxivOptions, ArxivSource
from newsletter.sources.base import Ask, NoWeb, Past, Tools, Web
from newsletter.sources.registry import kind
from newsletter.sources.web.asking import opened_web
from newsletter.store import Store

FRIDAY = date(2026, 8, 7)
NOON = datetime(2026, 8, 7, 12, tzinfo=UTC)
ASK = Ask(NOON, FRIDAY)
ISSUE = "/api/query"


def at(text: str, **more: Any) -> Ask:
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Ask(now, now.date(), **more)


def having_read(text: str, read: Sequence[str], first: str = "2026-08-03", **more: Any) -> Ask:
    """At `text`, when of each category the issues of these days had been read, and none before `first`."""
    days = frozenset(date.fromisoformat(f"2026-08-{day}") for day in read)
    names = ("cs.CL", "cs.AI", "cs.LG")
    return at(text, past=dict.fromkeys(names, Past(date.fromisoformat(first), days)), **more)


@asynccontextmanager
async def arxiv(
    server: WebServer, folder: Path, *categories: str, now: datetime = NOON, **options: Any
) -> AsyncIterator[ArxivSource]:
    table = {"kind": "arxiv", "name": "papers", "categories": categories or ("cs.CL",), "pace": 0}
    table |= {"base_url": server.url, "api_url": server.url} | options
    async with (
        await Store.open(databases.of(folder)) as store,
        opened_web(store.answers, store.paces, contact="", owner="test", now=lambda: now) as web,
    ):
        yield ArxivSource.build(ArxivOptions.model_validate(table), Tools(web, folder))


async def collected(server: WebServer, folder: Path, ask: Ask, *categories: str, **options: Any) -> list[Batch]:
    async with arxiv(server, folder, *categories, **options) as source:
        return await source.collect(ask)


async def one(server: WebServer, folder: Path, ask: Ask, **options: Any) -> Batch:
    [batch] = await collected(server, folder, ask, **options)
    assert batch.source == "papers"
    assert batch.kind == "arxiv"
    assert batch.asked == ask.day
    return batch


def titles(papers: Sequence[Paper]) -> list[str]:
    return [paper.title for paper in papers]


def queries(server: WebServer) -> list[dict[str, str]]:
    parts = [urlsplit(request.target) for request in server.requests]
    return [{name: value for name, [value] in parse_qs(part.query).items()} for part in parts if part.path == ISSUE]


def paged(papers: Sequence[Made]) -> Any:
    """The query API: as many of `papers` as are asked for, from where they are asked for."""

    def answer(request: Request) -> Reply:
        query = {name: value for name, [value] in parse_qs(urlsplit(request.target).query).items()}
        start = int(query["start"])
        page = papers[start : start + int(query["max_results"])]
        return Reply(body=api(page, total=len(papers), start=start))

    return answer


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as started:
        yield started


async def test_the_feed_of_the_day(server: WebServer, tmp_path: Path) -> None:
    feed = rss(
        [
            Made(number="2608.00001", announced="replace-cross", version=3, title="Replaced elsewhere"),
            Made(number="2608.00002", announced="replace", version=2, title="Replaced"),
            Made(number="2608.00003", announced="cross", title="Crossed", categories=("cs.AI", "cs.CL")),
            Made(number="2608.00004", title="New"),
        ]
    )
    server.answer("/rss/cs.CL", Reply(body=feed))
    batch = await one(server, tmp_path, ASK)
    assert (batch.document, batch.day, batch.expected, batch.declared) == ("cs.CL", FRIDAY, FRIDAY, None)
    assert (batch.verdict, batch.why) == (Verdict.NEW, "1 new paper, 1 cross-listed, 2 replacements noted")
    assert titles(batch.papers) == ["New", "Crossed"]
    assert [paper.listings for paper in batch.papers] == [
        (Listing(FRIDAY, "papers", 1),),
        (Listing(FRIDAY, "papers", 2),),
    ]
    assert all(paper.first_seen == FRIDAY for paper in batch.papers)
    assert titles(batch.notes) == ["Replaced elsewhere", "Replaced"]
    assert all(note.listings == () and note.first_seen is None for note in batch.notes)
    assert batch.observations == (
        Observation("arxiv:2608.00001", "version", 3),
        Observation("arxiv:2608.00002", "version", 2),
    )
    assert [request.target for request in server.requests] == ["/rss/cs.CL"]


async def test_cross_lists_can_be_left_out(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss([Made(number="2608.00003", announced="cross"), Made(title="New")])))
    batch = await one(server, tmp_path, ASK, cross_lists=False)
    assert titles(batch.papers) == ["New"]
    assert batch.notes == ()
    assert batch.why == "1 new paper, 1 cross-listed left out"


async def test_a_feed_that_announces_only_replacements_is_quiet(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss([Made(announced="replace", version=2)])))
    batch = await one(server, tmp_path, ASK)
    assert (batch.verdict, batch.day, batch.papers) == (Verdict.QUIET, FRIDAY, ())
    assert len(batch.notes) == 1


async def test_a_mirror_that_does_not_say_what_it_announces(server: WebServer, tmp_path: Path) -> None:
    feed = rss([Made(announced="", title="First"), Made(number="2608.00002", version=2, announced="", title="Second")])
    server.answer("/rss/cs.CL", Reply(body=feed.replace(b"Announce Type: new", b"Announce Type:")))
    batch = await one(server, tmp_path, ASK)
    assert (titles(batch.papers), titles(batch.notes)) == (["First"], ["Second"])


@pytest.mark.parametrize(
    ("now", "verdict", "why", "expected"),
    [
        ("2026-08-08 12:00", Verdict.QUIET, "arXiv has no issue on a Saturday", "2026-08-07"),
        ("2026-08-09 12:00", Verdict.QUIET, "arXiv has no issue on a Sunday", "2026-08-07"),
        ("2026-08-10 04:30", Verdict.QUIET, "arXiv has no issue on a Sunday", "2026-08-07"),
        ("2026-11-27 12:00", Verdict.QUIET, "arXiv announces nothing on 2026-11-26, a holiday", "2026-11-26"),
        ("2026-12-28 12:00", Verdict.QUIET, "arXiv announces nothing on 2026-12-25, a holiday", "2026-12-25"),
        (
            "2026-08-10 12:00",
            Verdict.STALE,
            "the feed is empty although the issue of 2026-08-10 is due; it may come later",
            "2026-08-10",
        ),
    ],
)
async def test_an_empty_feed(
    server: WebServer, tmp_path: Path, now: str, verdict: Verdict, why: str, expected: str
) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss()))
    batch = await one(server, tmp_path, at(now))
    assert (batch.verdict, batch.why, batch.day) == (verdict, why, None)
    assert batch.expected == date.fromisoformat(expected)
    assert batch.problems == ()


async def test_holidays_are_the_operators_to_correct(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss()))
    batch = await one(server, tmp_path, at("2027-01-19 12:00"), holidays=[date(2027, 1, 18)])
    assert (batch.verdict, batch.why) == (Verdict.QUIET, "arXiv announces nothing on 2027-01-18, a holiday")


async def test_a_feed_of_an_earlier_day_is_stale_whatever_it_says_of_its_making(
    server: WebServer, tmp_path: Path
) -> None:
    feed = rss(many(3, day="Thu, 06 Aug 2026 00:00:00 -0400"), made="Fri, 07 Aug 2026 00:00:00 -0400")
    server.answer("/rss/cs.CL", Reply(body=feed))
    batch = await one(server, tmp_path, ASK)
    assert (batch.verdict, batch.day, batch.expected) == (Verdict.STALE, date(2026, 8, 6), FRIDAY)
    assert batch.why == "still the issue of 2026-08-06, though that of 2026-08-07 is due: 3 new papers"
    assert len(batch.papers) == 3


async def test_in_the_hour_after_midnight_the_day_before_is_not_stale(server: WebServer, tmp_path: Path) -> None:
    server.answer(
        "/rss/cs.CL", Reply(body=rss(many(3, day="Thu, 06 Aug 2026 00:00:00 -0400"))), Reply(body=rss(many(3)))
    )
    ask = at("2026-08-07 04:30")
    async with arxiv(server, tmp_path) as source:
        assert [batch.verdict for batch in await source.collect(ask)] == [Verdict.NEW]
        [early] = await source.collect(ask)
    assert (early.verdict, early.day, early.expected) == (Verdict.NEW, FRIDAY, date(2026, 8, 6))


async def test_dates_that_cannot_be(server: WebServer, tmp_path: Path) -> None:
    papers = [Made(number="2608.00001", day="Sat, 07 Aug 2066 00:00:00 -0400"), Made()]
    server.answer("/rss/cs.CL", Reply(body=rss(papers)), Reply(body=rss([Made(day="soon")], made="never")))
    async with arxiv(server, tmp_path) as source:
        [future] = await source.collect(ASK)
        [none] = await source.collect(ASK)
    assert (future.verdict, future.day, len(future.papers)) == (Verdict.PARTIAL, FRIDAY, 2)
    assert "1 date that has not come yet" in future.why
    assert (none.verdict, none.day, len(none.papers)) == (Verdict.PARTIAL, FRIDAY, 1)


async def test_two_thousand_entries_are_where_arxiv_cuts(server: WebServer, tmp_path: Path) -> None:
    feed = rss([*many(1_500), *many(500, first=1_500, announced="replace", version=2)], category="math")
    server.answer("/rss/math", Reply(body=feed))
    [batch] = await collected(server, tmp_path, ASK, "math")
    assert (batch.verdict, batch.declared, len(batch.papers)) == (Verdict.PARTIAL, 2_000, 1_500)
    assert batch.why == (
        "1,500 new papers, 500 replacements noted; arXiv cuts a feed at 2,000: "
        "name the parts of math one by one, or ask for the rest with `newsletter collect --date 2026-08-07`"
    )


async def test_one_category_that_fails_does_not_stop_the_others(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.XX", Reply(400, rss_error()))
    server.answer("/rss/cs.AI", Reply(body=rss(many(2))[:-200]))
    server.answer("/rss/cs.LG", Reply(body=b"<!DOCTYPE html><p>Down for maintenance"))
    server.answer("/rss/cs.CV", Reply(400, b"no"))
    server.answer("/rss/cs.CL", Reply(body=rss(many(2))))
    names = ("cs.XX", "cs.AI", "cs.LG", "cs.CV", "cs.NE", "cs.CL")
    batches = await collected(server, tmp_path, ASK, *names)
    assert [batch.document for batch in batches] == [*names]
    assert [batch.verdict.value for batch in batches] == ["broken", "partial", "broken", "broken", "broken", "new"]
    said, cut, page, bad, unknown, good = [batch.why for batch in batches]
    assert said.startswith("arXiv says: Bad subject class 'XX'.")
    assert cut.startswith("1 new paper; 2 places not read, first not well-formed XML")
    assert page == "neither RSS nor Atom but a web page"
    assert bad == "answered HTTP 400 without a word of arXiv's; check base_url and api_url"
    assert "404" in unknown
    assert good == "2 new papers"
    assert all(batch.expected == FRIDAY for batch in batches)
    assert all(batch.problems for batch in batches[:-1])


async def test_too_many_requests_and_back_after_a_while(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(429, headers={"Retry-After": "1"}), Reply(body=rss(many(2))))
    batch = await one(server, tmp_path, ASK)
    assert batch.verdict is Verdict.NEW
    first, second = server.requests
    assert second.began - (first.ended or 0) >= 1


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    async with WebServer() as gone:
        pass
    batches = await collected(gone, tmp_path, having_read("2026-08-07 12:00", []), "cs.CL", "cs.AI")
    assert [batch.verdict for batch in batches] == [Verdict.BROKEN] * 2  # and no earlier issue was asked for


async def test_requests_keep_the_pace_and_never_overlap(server: WebServer, tmp_path: Path) -> None:
    for category in ("cs.CL", "cs.AI", "cs.LG"):
        server.answer(f"/rss/{category}", Reply(body=rss(many(1)), delay=0.05))
    server.answer(ISSUE, Reply(body=api([Made()]), delay=0.05))
    async with arxiv(server, tmp_path, "cs.CL", "cs.AI", "cs.LG", pace=0.3) as source:
        await source.collect(having_read("2026-08-07 12:00", ["05"], "2026-08-05"))
        await source.enrich([Paper("arxiv:2608.01234", "T", "", keys=("arxiv:2608.01234",))], ASK)
    assert len(server.requests) == 3 + 3 + 1  # feeds, the issue of the 6th, by id
    for before, after in pairwise(server.requests):
        assert before.ended is not None
        assert after.began - before.ended >= 0.29


async def test_a_day_of_three_pages(server: WebServer, tmp_path: Path) -> None:
    papers = many(1_100, submitted="2026-08-05T20:00:00Z")
    server.answer(ISSUE, paged(papers))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, batch.why) == (Verdict.NEW, "1,100 papers of the issue of 2026-08-07")
    assert (batch.document, batch.day, batch.declared, batch.expected) == ("cs.CL 2026-08-07", FRIDAY, 1_100, None)
    assert titles(batch.papers) == [f"Paper number {number}" for number in range(1_100)]
    assert [paper.listings for paper in batch.papers][-1] == (Listing(FRIDAY, "papers", 1_100),)
    asked = queries(server)
    assert [query["start"] for query in asked] == ["0", "500", "1000"]
    assert {query["max_results"] for query in asked} == {"500"}
    assert {query["sortBy"] + query["sortOrder"] for query in asked} == {"submittedDateascending"}
    assert {query["search_query"] for query in asked} == {"cat:cs.CL AND submittedDate:[202608051800 TO 202608061800]"}
    assert "%5B202608051800%20TO%20202608061800%5D" in server.requests[0].target


async def test_what_came_in_outside_the_window_belongs_to_another_issue(server: WebServer, tmp_path: Path) -> None:
    moments = ["2026-08-05T17:59:59Z", "2026-08-05T18:00:00Z", "2026-08-06T17:59:59Z", "2026-08-06T18:00:00Z"]
    papers = [Made(number=f"2608.0000{n}", title=moment, submitted=moment) for n, moment in enumerate(moments)]
    server.answer(ISSUE, paged(papers))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert titles(batch.papers) == moments[1:3]
    assert (batch.declared, batch.verdict) == (2, Verdict.NEW)


async def test_a_day_without_cross_lists(server: WebServer, tmp_path: Path) -> None:
    papers = [
        Made(number="2608.00001", title="Home", categories=("cs.CL", "cs.AI")),
        Made(number="2608.00002", title="Guest", categories=("cs.AI", "cs.CL")),
    ]
    server.answer(ISSUE, paged(papers))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY), cross_lists=False)
    assert (titles(batch.papers), batch.declared) == (["Home"], 1)


async def test_a_whole_archive_is_asked_for_with_its_parts(server: WebServer, tmp_path: Path) -> None:
    server.answer(
        ISSUE, paged([Made(categories=("math.GT",)), Made(number="2608.00002", categories=("cs.CL", "math.GT"))])
    )
    [batch] = await collected(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY), "math", cross_lists=False)
    assert len(batch.papers) == 1
    assert queries(server)[0]["search_query"].startswith("(cat:math OR cat:math.*) AND ")


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-08-08", "arXiv has no issue on a Saturday"),
        ("2026-11-27", "arXiv announces nothing on 2026-11-26, a holiday"),
        ("2026-12-03", "the issue of 2026-12-03 comes out at 2026-12-03 01:00 UTC"),
        ("1990-01-01", "arXiv opened on 1991-08-14"),
        ("0001-01-01", "arXiv opened on 1991-08-14"),
    ],
)
async def test_days_that_need_no_request(server: WebServer, tmp_path: Path, day: str, why: str) -> None:
    batch = await one(server, tmp_path, at("2026-12-02 12:00", day=date.fromisoformat(day)))
    assert (batch.verdict, batch.why, batch.day) == (Verdict.QUIET, why, None)
    assert server.requests == []


async def test_a_day_on_which_a_category_has_nothing(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api()))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, batch.day) == (Verdict.QUIET, None)
    assert batch.why == "the query API has no paper of cs.CL in the issue of 2026-08-07"
    assert len(server.requests) == 1


async def test_an_empty_page_before_the_end_is_asked_for_once_more(server: WebServer, tmp_path: Path) -> None:
    empty, first, rest = api(total=600), api(many(500), total=600), api(many(100, first=500), total=600)
    server.answer(ISSUE, Reply(body=first), Reply(body=empty), Reply(body=rest))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, len(batch.papers), batch.declared) == (Verdict.NEW, 600, 600)
    assert [query["start"] for query in queries(server)] == ["0", "500", "500"]


async def test_a_page_that_stays_empty(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api(many(500), total=600)), Reply(body=api(total=600)))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, len(batch.papers), batch.declared) == (Verdict.PARTIAL, 500, 600)
    assert "arXiv counted 600 and gave 500, then an empty page" in batch.why
    assert len(server.requests) == 3


async def test_a_page_that_was_cut_off_is_gone_on_with_where_it_was_whole(server: WebServer, tmp_path: Path) -> None:
    whole, cut = many(30), api(many(30), total=30)
    cut = cut[: cut.index(b"Paper number 20")]

    def answer(request: Request) -> Reply:
        return Reply(body=cut) if "start=0" in request.target else paged(whole)(request)

    server.answer(ISSUE, answer)
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert titles(batch.papers) == [f"Paper number {number}" for number in range(30)]
    assert batch.verdict is Verdict.PARTIAL


async def test_a_page_that_fails_keeps_those_before_it(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api(many(500), total=1_500)), Reply(404))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 500)
    assert "404" in batch.why


@pytest.mark.parametrize("status", [200, 400])
async def test_an_error_entry(server: WebServer, tmp_path: Path, status: int) -> None:
    server.answer(ISSUE, Reply(status, api_error("max_results must be an integer")))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, batch.why) == (Verdict.BROKEN, "arXiv says: max_results must be an integer")


async def test_more_than_arxiv_gives_is_refused(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api(many(500), total=30_001)))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, batch.papers) == (Verdict.BROKEN, ())
    assert batch.why == "arXiv counts 30,001 papers and gives 30,000: name its parts"
    assert len(server.requests) == 1


async def test_a_server_that_gives_one_paper_a_page_is_not_asked_for_ever(server: WebServer, tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        start = int(parse_qs(urlsplit(request.target).query)["start"][0])
        return Reply(body=api(many(1, first=start), total=29_000))

    server.answer(ISSUE, answer)
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert batch.verdict is Verdict.PARTIAL
    assert len(server.requests) == 120


async def test_the_same_question_is_not_asked_twice_a_day(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, paged(many(3)))
    for _ in range(2):
        batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
        assert len(batch.papers) == 3
    assert len(server.requests) == 1
    await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY), now=NOON + timedelta(days=1))
    assert len(server.requests) == 2


async def test_issues_that_came_out_meanwhile_are_fetched(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss(many(2))))
    server.answer("/rss/cs.AI", Reply(body=rss(many(2, first=10))))
    server.answer(ISSUE, lambda request: Reply(body=api(many(1, submitted=_inside(request)))))
    batches = await collected(server, tmp_path, having_read("2026-08-07 12:00", ["03", "04"]), "cs.CL", "cs.AI")
    assert [batch.document for batch in batches] == [
        "cs.CL",
        "cs.AI",
        "cs.CL 2026-08-05",
        "cs.CL 2026-08-06",
        "cs.AI 2026-08-05",
        "cs.AI 2026-08-06",
    ]
    assert [batch.verdict for batch in batches] == [Verdict.NEW] * 6
    assert [batch.expected for batch in batches] == [FRIDAY, FRIDAY, None, None, None, None]
    assert [batch.day for batch in batches[2:4]] == [date(2026, 8, 5), date(2026, 8, 6)]


def _inside(request: Request) -> str:
    """A moment in the window that is asked for."""
    search = parse_qs(urlsplit(request.target).query)["search_query"][0]
    start = datetime.strptime(search.rpartition("[")[2][:12], "%Y%m%d%H%M").replace(tzinfo=UTC)
    return f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    "ask",
    [
        at("2026-08-07 12:00"),
        having_read("2026-08-07 12:00", ["05", "06"], "2026-08-05"),
        having_read("2026-08-07 12:00", ["06", "07"], look_back=2),
        having_read("2026-08-07 12:00", [], "2026-08-07"),
    ],
)
@pytest.mark.parametrize("announced", ["new", "replace"])
async def test_nothing_was_missed(server: WebServer, tmp_path: Path, ask: Ask, announced: str) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss(many(2, announced=announced))))
    await one(server, tmp_path, ask)
    assert len(server.requests) == 1


async def test_an_issue_that_was_missed_is_asked_for_whatever_was_read_since(server: WebServer, tmp_path: Path) -> None:
    """The days after it were read, and it is as old as an edition takes."""
    server.answer("/rss/cs.CL", Reply(body=rss(many(2))))
    server.answer(ISSUE, lambda request: Reply(body=api(many(1, submitted=_inside(request)))))
    ask = having_read("2026-08-07 12:00", ["04", "06"], "2026-07-01", look_back=4)
    batches = await collected(server, tmp_path, ask)
    assert [batch.document for batch in batches] == ["cs.CL", "cs.CL 2026-08-05"]
    batches = await collected(server, tmp_path, having_read("2026-08-07 12:00", ["03", "05", "06"], look_back=4))
    assert [batch.document for batch in batches] == ["cs.CL", "cs.CL 2026-08-04"]


@pytest.mark.parametrize(
    ("feed", "verdict"),
    [(rss(many(3))[:-200], Verdict.PARTIAL), (rss(many(2_000)), Verdict.PARTIAL), (b"", Verdict.BROKEN)],
)
async def test_what_a_feed_does_not_show_whole_is_asked_for(
    server: WebServer, tmp_path: Path, feed: bytes, verdict: Verdict
) -> None:
    server.answer("/rss/cs.CL", Reply(body=feed))
    server.answer("/rss/cs.AI", Reply(body=rss(many(2))))
    server.answer(ISSUE, Reply(body=api(many(3))))
    batches = await collected(server, tmp_path, having_read("2026-08-07 12:00", ["06"], "2026-08-06"), "cs.CL", "cs.AI")
    assert [(batch.document, batch.verdict) for batch in batches] == [
        ("cs.CL", verdict),
        ("cs.AI", Verdict.NEW),
        ("cs.CL 2026-08-07", Verdict.NEW),
    ]


DAMAGED = [
    b"<!doctype html><p>Down for maintenance",
    api_error("busy"),
    api(many(3), total=3)[:-200],
    api([Made(title="Fröschlein")], total=1).replace("ö".encode(), b"\xf6"),
]


@pytest.mark.parametrize("body", DAMAGED)
async def test_a_damaged_answer_is_asked_for_anew_the_same_day(server: WebServer, tmp_path: Path, body: bytes) -> None:
    server.answer(ISSUE, Reply(body=body, headers={"ETag": '"a"'}), Reply(body=api(many(3))))
    ask = at("2026-09-01 12:00", day=FRIDAY)
    for verdict in ({Verdict.BROKEN, Verdict.PARTIAL}, {Verdict.NEW}, {Verdict.NEW}):
        assert (await one(server, tmp_path, ask)).verdict in verdict
    assert "if-none-match" not in server.requests[-1].headers


@pytest.mark.parametrize("body", DAMAGED)
async def test_a_damaged_feed_is_asked_for_without_its_etag(server: WebServer, tmp_path: Path, body: bytes) -> None:
    def answer(request: Request) -> Reply:
        return Reply(304) if "if-none-match" in request.headers else replies.pop()

    marked = {"ETag": '"a"'}
    replies = [Reply(body=rss(many(2)), headers=marked), Reply(body=body, headers=marked)]
    server.answer("/rss/cs.CL", answer)
    verdicts = [(await one(server, tmp_path, ASK)).verdict for _ in range(3)]
    assert verdicts[1:] == [Verdict.NEW, Verdict.NEW]
    assert verdicts[0] is not Verdict.NEW


async def test_an_entry_that_cannot_be_read_does_not_make_an_answer_damaged(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api(entries=api_entry(Made(number="nothing")) + api_entry(Made()), total=2)))
    for _ in range(2):
        assert (await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))).verdict is Verdict.PARTIAL
    assert len(server.requests) == 1


def test_it_can_be_asked_for_any_day() -> None:
    assert by_day(ArxivSource(ArxivOptions(kind="arxiv", name="papers", categories=("cs.CL",)), NoWeb()))


async def test_at_the_weekend_the_issue_of_friday_is_fetched_if_it_was_missed(
    server: WebServer, tmp_path: Path
) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss()))
    server.answer(ISSUE, Reply(body=api(many(2))))
    ask = having_read("2026-08-08 12:00", ["05", "06"], "2026-08-05")
    batches = await collected(server, tmp_path, ask)
    assert [(batch.verdict, batch.day) for batch in batches] == [(Verdict.QUIET, None), (Verdict.NEW, FRIDAY)]


async def test_what_a_stale_feed_does_not_show_is_fetched(server: WebServer, tmp_path: Path) -> None:
    server.answer("/rss/cs.CL", Reply(body=rss(many(2))))
    server.answer("/rss/cs.AI", Reply(body=rss(many(2, first=10, day="Thu, 06 Aug 2026 00:00:00 -0400"))))
    server.answer("/rss/cs.LG", Reply(404))
    server.answer(ISSUE, Reply(body=api(many(1, first=20))))
    ask = having_read("2026-08-07 12:00", ["06"], "2026-08-06")
    batches = await collected(server, tmp_path, ask, "cs.CL", "cs.AI", "cs.LG")
    assert [(batch.document, batch.verdict) for batch in batches] == [
        ("cs.CL", Verdict.NEW),
        ("cs.AI", Verdict.STALE),
        ("cs.LG", Verdict.BROKEN),
        ("cs.AI 2026-08-07", Verdict.NEW),
        ("cs.LG 2026-08-07", Verdict.NEW),
    ]


def known(number: str, **fields: Any) -> Paper:
    return Paper(f"arxiv:{number}", "Title", "", keys=(f"arxiv:{number}", "title:abc"), **fields)


async def test_papers_of_other_sources_are_completed(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api([Made(version=2), Made(number="hep-ex/0307015", version=1, title="Old")])))
    papers = [
        known("2608.01234"),
        known("hep-ex/0307015", authors=("Ada",)),
        known("2608.00009", authors=("Ada",), categories=("cs.CL",)),
        Paper("title:x", "Elsewhere", "", keys=("title:x", "doi:10.1/x")),
        Paper("arxiv:nonsense&id_list=1", "Hostile", "", keys=("arxiv:nonsense&id_list=1",)),
        known("2608.01234"),
    ]
    async with arxiv(server, tmp_path) as source:
        [batch] = await source.enrich(papers, ASK)
        assert await source.enrich(papers, ASK) == [batch]
    assert (batch.document, batch.day, batch.papers, batch.kind) == ("by id", None, (), "arxiv")
    assert (batch.verdict, batch.why) == (Verdict.NEW, "2 of 2 papers completed")
    assert [note.id for note in batch.notes] == ["arxiv:2608.01234", "arxiv:hep-ex/0307015"]
    assert batch.notes[0].categories == ("cs.CL", "cs.AI")
    assert [(seen.paper, seen.what, seen.value) for seen in batch.observations] == [
        ("arxiv:2608.01234", "version", 2),
        ("arxiv:hep-ex/0307015", "version", 1),
    ]
    assert queries(server) == [{"id_list": "2608.01234,hep-ex/0307015", "max_results": "100"}]


async def test_ids_go_in_blocks_and_an_error_costs_its_block_only(server: WebServer, tmp_path: Path) -> None:
    server.answer(ISSUE, Reply(body=api([Made()])), Reply(400, api_error()), Reply(body=api(many(2))))
    async with arxiv(server, tmp_path) as source:
        [batch] = await source.enrich([known(f"2608.{number:05}") for number in range(250)], ASK)
    assert [query["id_list"].count(",") + 1 for query in queries(server)] == [100, 100, 50]
    assert (batch.verdict, len(batch.notes)) == (Verdict.PARTIAL, 3)
    assert batch.why == "3 of 250 papers completed; 1 place not read, first arXiv says: incorrect id format for abc"


async def test_enriching_that_has_nothing_to_do_or_is_off_asks_nothing(server: WebServer, tmp_path: Path) -> None:
    async with arxiv(server, tmp_path) as source:
        assert await source.enrich([known("2608.1", authors=("A",), categories=("cs.CL",))], ASK) == []
    async with arxiv(server, tmp_path, enrich=False) as source:
        assert await source.enrich([known("2608.01234")], ASK) == []
    assert server.requests == []


async def test_enriching_when_arxiv_is_not_there(tmp_path: Path) -> None:
    class Nothing:
        async def ask(self, source: str, url: str, habits: object, **how: object) -> Answer:
            raise SourceError("source papers: nobody there")

        async def reject(self, source: str, answer: Answer) -> None:
            raise AssertionError("there was no answer")

    web: Web = Nothing()
    source = ArxivSource(ArxivOptions(kind="arxiv", name="papers", categories=("cs.CL",)), web)
    [batch] = await source.enrich([known("2608.01234")], ASK)
    assert (batch.verdict, batch.why) == (Verdict.BROKEN, "source papers: nobody there")


async def test_a_token_goes_to_a_mirror(server: WebServer, tmp_path: Path) -> None:
    server.answer("/papers/rss/cs.CL", Reply(body=rss()))
    await one(server, tmp_path, ASK, base_url=f"{server.url}/papers/", token="secret-words")
    assert server.requests[0].headers["authorization"] == "Bearer secret-words"


def table(**more: Any) -> dict[str, Any]:
    return {"kind": "arxiv", "name": "papers", "categories": ["cs.CL"]} | more


def test_the_defaults_are_polite() -> None:
    options = ArxivOptions.model_validate(table())
    assert (str(options.base_url), str(options.api_url)) == ("https://rss.arxiv.org/", "https://export.arxiv.org/")
    assert (options.pace, options.cross_lists, options.enrich) == (3.0, True, True)
    assert len(options.holidays) == 9
    assert all(field.description for field in ArxivOptions.model_fields.values())
    assert kind("arxiv").Options is ArxivOptions


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"base_url": "http://localhost:8000"},
        {"api_url": "http://localhost:8000"},
        {"base_url": "http://mirror.example", "api_url": "https://ARXIV.org/x"},
    ],
)
def test_arxiv_itself_is_never_asked_faster_than_it_wants(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="at most one request every three seconds"):
        ArxivOptions.model_validate(table(pace=2.9, **more))


def test_a_mirror_may_be_asked_faster() -> None:
    mirror = "https://notarxiv.org"
    assert ArxivOptions.model_validate(table(pace=0, base_url=mirror, api_url=mirror)).pace == 0


@pytest.mark.parametrize(
    "category", ["cs.AI+cs.CL", "cs.cl", "CS.CL", "", " cs.CL", "cs.CL/../x", "cs.", "c", "cs.CL?x", "math.GTX"]
)
def test_what_is_no_category(category: str) -> None:
    with pytest.raises(ValidationError, match=r"is no arXiv category: write each like cs\.CL"):
        ArxivOptions.model_validate(table(categories=[category]))


@pytest.mark.parametrize(
    "category", ["cs.CL", "math", "hep-ex", "math.GT", "q-bio.NC", "cond-mat.str-el", "physics.optics", "astro-ph.CO"]
)
def test_categories(category: str) -> None:
    assert ArxivOptions.model_validate(table(categories=[category])).categories == (category,)


def test_too_many_categories_and_none() -> None:
    for categories in ([], ["cs.CL"] * 51):
        with pytest.raises(ValidationError):
            ArxivOptions.model_validate(table(categories=categories))


async def test_entries_without_an_identifier_are_told(server: WebServer, tmp_path: Path) -> None:
    entries = api_entry(Made(number="nothing")) + api_entry(Made())
    server.answer(ISSUE, Reply(body=api(entries=entries, total=2)))
    batch = await one(server, tmp_path, at("2026-09-01 12:00", day=FRIDAY))
    assert (batch.verdict, len(batch.papers), batch.declared) == (Verdict.PARTIAL, 1, 2)
    assert "a paper without an arXiv identifier" in batch.why
