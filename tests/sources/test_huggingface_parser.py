"""A day's list of Hugging Face, read."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import huggingface_forms as forms
import pytest

from newsletter.model import Batch, Link, LinkKind, Listing, Observation, Verdict
from newsletter.sources.huggingface.parser import MAX_PARTS, Page, parse_day, read_page, refusal

THURSDAY = date(2026, 8, 6)
SATURDAY = date(2026, 8, 8)
LATER = date(2026, 8, 20)


def read(*bodies: bytes, asked: date = THURSDAY, today: date = LATER, missing: str = "") -> Batch:
    return parse_day([read_page(body) for body in bodies], source="hf", asked=asked, today=today, missing=missing)


def with_item(**inner: Any) -> Batch:
    return read(forms.page(forms.item(1, **inner)))


def test_everything_is_found_where_it_lies() -> None:
    batch = read(forms.day_list(1))
    (paper,) = batch.papers
    assert (paper.id, paper.keys[0], len(paper.keys)) == ("arxiv:2608.00001", "arxiv:2608.00001", 2)
    assert paper.title == "Made-up Paper 1 About Testing"
    assert paper.abstract == "We test the number 1. Code: https://github.com/example/repo-1."
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert paper.links == (
        Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2608.00001"),
        Link(LinkKind.PDF, "https://arxiv.org/pdf/2608.00001"),
        Link(LinkKind.CODE, "https://github.com/example/repo-1"),
        Link(LinkKind.PROJECT, "https://example.org/paper-1"),
        Link(LinkKind.VIDEO, "https://youtu.be/abc123"),
    )
    assert (paper.votes, paper.ai_summary, paper.version) == (17, "A short machine-written line.", 0)
    assert paper.thumbnail == "https://cdn-thumbnails.huggingface.co/social-thumbnails/papers/2608.00001.png"
    assert paper.institutions == ("Example University",)
    assert paper.published == date(2026, 8, 4)
    assert (paper.listings, paper.first_seen) == ((Listing(THURSDAY, "hf", 1),), THURSDAY)
    assert batch.observations == tuple(
        Observation("arxiv:2608.00001", what, value) for what, value in (("votes", 17), ("comments", 2), ("stars", 42))
    )
    assert (batch.verdict, batch.why, batch.day, batch.document, batch.kind) == (
        Verdict.NEW, "1 paper listed on 2026-08-06", THURSDAY, "2026-08-06", "huggingface"
    )  # fmt: skip
    assert (batch.problems, batch.curators, batch.expected, batch.declared) == ((), "", None, None)


def test_a_bare_item_is_a_paper_all_the_same() -> None:
    bare = {"paper": {"id": "2608.00001", "title": "Bare", "summary": "Words.", "upvotes": 0}}
    (paper,) = read(forms.page(bare)).papers
    assert (paper.votes, paper.authors, paper.thumbnail, paper.published) == (0, (), "", None)
    assert paper.listings == (Listing(THURSDAY, "hf", 1),)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("2512.24880/sso-callback", "arxiv:2512.24880"),
        ("2512.24880v3", "arxiv:2512.24880"),
        ("math.GT/0309136", "arxiv:math/0309136"),
        (" 2512.24880\n", "arxiv:2512.24880"),
    ],
)
def test_dirty_identifiers(written: str, key: str) -> None:
    (paper,) = with_item(id=written).papers
    assert paper.id == key
    assert paper.links[0].url == f"https://arxiv.org/abs/{key.removeprefix('arxiv:')}"


@pytest.mark.parametrize("written", [None, "", "a-blog-post"])
def test_without_an_arxiv_identifier_a_paper_goes_by_its_title(written: str | None) -> None:
    (paper,) = with_item(id=written).papers
    assert paper.keys == (paper.id,)
    assert paper.id.startswith("title:")
    assert not any("arxiv.org" in link.url for link in paper.links)


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ({"title": 7}, "its `title` is no text"),
        ({"summary": ["x"]}, "its `summary` is no text"),
        ({"id": 2608.00001}, "its `id` is no text"),
        ({"title": "x" * 1_001}, "a `title` of more than 1,000 characters"),
        ({"summary": "x" * 50_001}, "a `summary` of more than 50,000 characters"),
        ({"title": "half \ud83d of it"}, "a `title` with bytes that are no text"),
        ({"summary": "nul \x00"}, "a `summary` with bytes that are no text"),
        ({"id": "2608.00002\x00"}, "a `id` with bytes that are no text"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_kept(inner: dict[str, Any], why: str) -> None:
    batch = read(forms.page(forms.item(1), forms.item(2, **inner), forms.item(3)))
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 3]
    assert [str(problem) for problem in batch.problems] == [f"2026-08-06: item 2: {why}"]
    assert batch.verdict is Verdict.PARTIAL
    assert batch.why == f"2 papers listed on 2026-08-06; 1 place could not be read: item 2: {why}"


@pytest.mark.parametrize("thing", [None, 7, "text", [], {}, {"paper": None}, {"paper": []}, {"paper": {}}])
def test_what_is_no_item_at_all(thing: object) -> None:
    batch = read(forms.page(thing, forms.item(2)))
    assert (len(batch.papers), len(batch.problems), batch.verdict) == (1, 1, Verdict.PARTIAL)
    assert read(forms.page(thing)).verdict is Verdict.BROKEN


def test_the_copy_on_the_item_stands_in_for_a_missing_title() -> None:
    one = forms.item(1)
    del one["paper"]["title"]
    (paper,) = read(forms.page(one)).papers
    assert paper.title == "Made-up Paper 1 About Testing"
    assert read(forms.page(one | {"title": ""})).problems[0].why == "item 1: a paper without a title"


@pytest.mark.parametrize(
    ("told", "votes"),
    [(3.0, 3), (3.7, 3), (0, 0), (-4, None), ("12", None), (True, None), (None, None), (1e300, None), ([], None)],
)
def test_votes(told: object, votes: int | None) -> None:
    batch = with_item(upvotes=told)
    assert batch.papers[0].votes == votes
    assert [one.value for one in batch.observations if one.what == "votes"] == ([] if votes is None else [votes])


def test_numbers_beyond_all_measure_cost_nothing() -> None:
    for huge in (b"9" * 6_000, b"1e999", b"-1e999", b"NaN", b"Infinity"):
        batch = read(forms.day_list(2).replace(b'"upvotes": 17', b'"upvotes": ' + huge))
        assert (batch.verdict, [paper.votes for paper in batch.papers]) == (Verdict.NEW, [None, None])


@pytest.mark.parametrize(
    "wrong", ["javascript:alert(1)", "ftp://e.org/x", "https://u:p@e.org/x", "http://127.0.0.1/x", "//e.org/x", 7, {}]
)
def test_links_are_public_addresses_or_left_out(wrong: object) -> None:
    one = forms.item(1, githubRepo=wrong, projectPage=wrong, mediaUrls=[wrong], summary="No link here.")
    (paper,) = read(forms.page(one | {"thumbnail": wrong})).papers
    assert [link.kind for link in paper.links] == [LinkKind.ABSTRACT, LinkKind.PDF]
    assert paper.thumbnail == ""


def test_a_picture_over_https_is_preferred() -> None:
    one = forms.item(1, thumbnail="https://cdn.example.org/b.png") | {"thumbnail": "http://cdn.example.org/a.png"}
    assert read(forms.page(one)).papers[0].thumbnail == "https://cdn.example.org/b.png"


@pytest.mark.parametrize(
    "inner",
    [
        {"authors": "Ada"}, {"authors": [7, {"name": 8}, {"name": ""}]}, {"authors": [{"name": "x" * 500}]},
        {"ai_summary": ["x"]}, {"organization": "x", "mediaUrls": 7, "publishedAt": 7, "submittedOnDailyAt": []},
        {"publishedAt": "yesterday", "submittedOnDailyAt": "9999-99-99"},
    ],
)  # fmt: skip
def test_what_is_good_to_have_costs_nothing_when_it_is_nonsense(inner: dict[str, Any]) -> None:
    batch = with_item(**inner)
    assert (len(batch.papers), batch.problems) == (1, ())


def test_withdrawn_papers_are_left_out_and_said() -> None:
    batch = read(forms.page(forms.item(1, withdrawnAt="2026-08-07T00:00:00.000Z"), forms.item(2, withdrawnAt=None)))
    assert [paper.id for paper in batch.papers] == ["arxiv:2608.00002"]
    assert batch.papers[0].listings[0].rank == 2
    assert (batch.verdict, batch.why) == (Verdict.NEW, "1 paper listed on 2026-08-06; 1 withdrawn paper left out")
    assert [problem.why for problem in batch.problems] == ["arxiv:2608.00001 was withdrawn and is left out"]
    assert all(one.paper != "arxiv:2608.00001" for one in batch.observations)


def test_a_list_that_grows_while_it_is_read_shows_no_paper_twice() -> None:
    first, second = forms.day_list(3), forms.day_list(3, first=3)
    batch = read(first, second)
    assert [paper.id[-1] for paper in batch.papers] == ["1", "2", "3", "4", "5"]
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 2, 3, 4, 5]


def test_the_day_is_the_one_it_was_featured_on_in_utc() -> None:
    (paper,) = with_item(submittedOnDailyAt="2026-08-05T23:30:00-04:00").papers
    assert paper.listings[0].day == THURSDAY
    (paper,) = with_item(submittedOnDailyAt="2026-8-6").papers
    assert paper.listings[0].day == THURSDAY


def test_a_paper_featured_long_before_the_rest_of_its_list_counts_as_listed_with_them() -> None:
    days = ["2026-08-06", "2026-08-05", "2026-07-20", "2026-08-09"]
    batch = read(forms.page(*(forms.item(number, day) for number, day in enumerate(days))))
    assert [str(paper.listings[0].day) for paper in batch.papers] == [
        "2026-08-06", "2026-08-05", "2026-08-06", "2026-08-06"
    ]  # fmt: skip
    assert batch.day == THURSDAY


@pytest.mark.parametrize(
    ("asked", "today", "shown", "verdict", "why"),
    [
        (SATURDAY, LATER, "2026-08-07", Verdict.NEW, "2026-08-08, a Saturday, shows the list of 2026-08-07: 2 papers"),
        (date(2026, 8, 10), date(2026, 8, 10), "2026-08-07", Verdict.NEW,
         "the list of 2026-08-10 has not begun yet and shows that of 2026-08-07: 2 papers"),
        (date(2026, 8, 10), LATER, "2026-08-07", Verdict.STALE, "2026-08-10 shows the list of 2026-08-07: 2 papers"),
        (THURSDAY, THURSDAY, "2026-08-06", Verdict.PARTIAL,
         "the list of 2026-08-06 grows until midnight UTC: 2 papers so far"),
        (date(2026, 8, 9), LATER, "2026-08-09", Verdict.NEW, "2 papers listed on 2026-08-09"),
    ],
)  # fmt: skip
def test_verdicts_by_day(asked: date, today: date, shown: str, verdict: Verdict, why: str) -> None:
    batch = read(forms.day_list(2, shown), asked=asked, today=today)
    assert (batch.verdict, batch.why, str(batch.day)) == (verdict, why, shown)
    assert {str(paper.listings[0].day) for paper in batch.papers} == {shown}
    assert (batch.document, batch.expected) == (asked.isoformat(), None)


@pytest.mark.parametrize(
    ("asked", "today", "why"),
    [
        (SATURDAY, LATER, "no list for 2026-08-08, a Saturday"),
        (THURSDAY, LATER, "the list of 2026-08-06 is empty"),
        (THURSDAY, THURSDAY, "the list of 2026-08-06 has not begun yet"),
    ],
)
def test_empty_days_are_quiet(asked: date, today: date, why: str) -> None:
    batch = read(b"[]", asked=asked, today=today)
    assert (batch.verdict, batch.why, batch.day, batch.problems) == (Verdict.QUIET, why, None, ())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is no list of papers"),
        (b"nothing", "the answer is no list of papers"),
        (b"7", "the answer is no list"),
        (b'{"error": "Service down\\n for now"}', "the server says: Service down for now"),
        (b'{"error": {"message": "Down"}}', "the server says: Down"),
        (b'{"error": 7}', "the answer is no list"),
        (b"<!doctype html><html>", "the answer is a web page, not a list of papers"),
        (b"[" * 100_000, "the answer cannot be read further than 0 items"),
        (b"[" + b"[]," * MAX_PARTS, "the answer is far too large for a list of papers"),
        ("[]".encode("utf-16"), "the answer is no list of papers"),
    ],
)
def test_what_is_no_list_is_broken(body: bytes, why: str) -> None:
    batch = read(body)
    assert (batch.verdict, batch.papers, [problem.why for problem in batch.problems]) == (Verdict.BROKEN, (), [why])
    assert batch.why == f"no paper read, 1 place could not be read: {why}"


def test_a_list_that_breaks_off_keeps_what_came_before() -> None:
    whole = forms.day_list(3)
    for cut in range(len(whole) - 1):
        found = read(whole[:cut])
        assert found.verdict is (Verdict.PARTIAL if found.papers else Verdict.BROKEN)
        assert [paper.id[-1] for paper in found.papers] == ["1", "2", "3"][: len(found.papers)]
    assert len(read(whole[:-1]).papers) == 3
    assert read(whole[:-1]).problems[0].why == "the answer cannot be read further than 3 items"


def test_bytes_that_are_no_utf8_cost_the_item_they_are_in() -> None:
    body = json.dumps([forms.item(1), forms.item(2, title="Zürich"), forms.item(3)], ensure_ascii=False)
    batch = read(body.encode().replace("Zürich".encode(), "Zürich".encode("latin-1")))
    assert [problem.why for problem in batch.problems] == ["item 2: a `title` with bytes that are no text"]
    assert len(batch.papers) == 2
    assert [paper.title for paper in read(b"\xef\xbb\xbf" + body.encode()).papers][1] == "Zürich"


def test_pages_that_are_missing_make_it_partial() -> None:
    batch = read(forms.day_list(2), missing="source hf: nobody answered")
    assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 2)
    assert batch.why.endswith("; 1 place could not be read: source hf: nobody answered")


def test_a_stale_list_with_unreadable_items_is_partial_first() -> None:
    batch = read(forms.page(forms.item(1, "2026-08-05"), 7))
    assert batch.verdict is Verdict.PARTIAL
    assert "shows the list of 2026-08-05" in batch.why


def test_many_problems_are_counted_not_listed() -> None:
    batch = read(forms.page(*range(250)))
    assert len(batch.problems) == 101
    assert batch.problems[-1].why == "and 150 more"
    assert batch.why == (
        "no paper read, 250 places could not be read: first item 1: not an object with a `paper` in it"
    )


def test_what_a_server_says_to_a_bad_date() -> None:
    assert refusal(b'{"error":"Invalid date"}') == "the server says: Invalid date"
    assert refusal(b"\xff\x00") == "the answer is no list of papers"


def test_no_page_at_all_is_quiet() -> None:
    assert parse_day([Page()], source="hf", asked=SATURDAY, today=LATER).verdict is Verdict.QUIET
