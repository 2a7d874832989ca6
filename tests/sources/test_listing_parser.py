"""Listing documents that are not as they should be: what is kept, what is reported, and where."""

from __future__ import annotations

import time
from datetime import date

import pytest

from newsletter.model import Batch, Verdict
from newsletter.sources.bounds import MAX_BYTES, MAX_PROBLEMS
from newsletter.sources.listing import parser as listing_parser
from newsletter.sources.listing.parser import MAX_LINES, MAX_PAPERS, parse_listing

TODAY = date(2026, 8, 3)
DAY = date(2025, 3, 11)
PROSE = "We study things that move. They move in ways nobody foresaw, and we show how. " * 5
A, B, C = (f"{name} is what this is about. {PROSE}".strip() for name in ("Alpha", "Beta", "Gamma"))


def parse(content: str | bytes, *, document: str = "page.txt", year: int | None = None) -> Batch:
    raw = content if isinstance(content, bytes) else content.encode()
    return parse_listing(raw, document=document, source="mine", year=year, today=TODAY)


def page(*blocks: str, day: str = "Mar 11, 2025") -> str:
    return "\n\n".join([day, *blocks]) + "\n"


def titles(batch: Batch) -> list[str]:
    return [paper.title for paper in batch.papers]


def ranks(batch: Batch) -> list[int]:
    return [paper.listings[0].rank for paper in batch.papers]


def problems(batch: Batch) -> list[str]:
    return [str(problem) for problem in batch.problems]


# --- what is fine ---------------------------------------------------------------------------------------------------


def test_a_page_of_two() -> None:
    batch = parse(page("Alpha", A, "Beta", B))
    assert (batch.verdict, batch.why, batch.day) == (Verdict.NEW, "2 papers read", DAY)
    assert titles(batch) == ["Alpha", "Beta"]
    assert [paper.abstract for paper in batch.papers] == [A, B]
    assert ranks(batch) == [1, 2]


@pytest.mark.parametrize(
    "head",
    [
        "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nbyAK and the research community\n\n2025-3-11",
        "SUBSCRIBE\nNew\nMar 11, 2025\nby AK and the research community\nget trending papers in your email inbox!",
        "by AK and the research community\nMar 11, 2025\n\nnew",
        "Daily Papers\nLog In\n\nby  AK and the research community\nSort by votes\nMar 11, 2025",
    ],
)
def test_furniture_in_any_order_is_no_paper(head: str) -> None:
    batch = parse(f"{head}\n\nAlpha\n\n{A}\n")
    assert (batch.verdict, titles(batch), batch.curators) == (Verdict.NEW, ["Alpha"], "AK and the research community")


def test_curators_of_another_name_stand_above_the_day() -> None:
    assert parse("by Jane Doe\n" + page("Alpha", A)).curators == "Jane Doe"


def test_curators_that_would_paint_a_terminal_are_not_shown() -> None:
    assert parse("by \x1b[31mJane\n" + page("Alpha", A)).curators == ""


def test_a_title_that_begins_with_by_is_a_title() -> None:
    batch = parse(page("By Design and by Accident", A, "Bypassing AK", B))
    assert (titles(batch), batch.curators) == (["By Design and by Accident", "Bypassing AK"], "")


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    plain = parse(page("Alpha", A, "Beta", B))
    for end in ("\r\n", "\r", " \t\n"):
        assert parse(b"\xef\xbb\xbf" + page("Alpha", A, "Beta", B).replace("\n", end).encode()) == plain


def test_wrapped_lines_are_joined() -> None:
    batch = parse("Mar 11, 2025\n\nAlpha in\ntwo lines\n\nWe study things.\nThey move\nslowly.\n\nBeta\n\nIt\nmoves.\n")
    assert [(paper.title, paper.abstract) for paper in batch.papers] == [
        ("Alpha in two lines", "We study things. They move slowly."),
        ("Beta", "It moves."),
    ]


@pytest.mark.parametrize("abstract", ["We study X. It works.", A])
def test_without_blank_lines_every_line_is_a_block(abstract: str) -> None:
    batch = parse(f"Mar 11, 2025\nAlpha\n{abstract}\nBeta\n{abstract}")
    assert (titles(batch), batch.verdict) == (["Alpha", "Beta"], Verdict.NEW)


def test_a_missing_blank_line_between_long_lines_does_no_harm() -> None:
    assert titles(parse(page("Alpha", f"{A}\nBeta\n{B}"))) == ["Alpha", "Beta"]


@pytest.mark.parametrize(
    "abstract", ["We study X.", "We study X. It works", "It works; see https://x.org/a", "本文研究X。"]
)
def test_short_abstracts(abstract: str) -> None:
    batch = parse(page("Alpha", abstract, "Beta", abstract))
    assert [(paper.title, paper.abstract) for paper in batch.papers] == [("Alpha", abstract), ("Beta", abstract)]


@pytest.mark.parametrize(
    "title",
    [
        "Attention Is All You Need.",
        "What Is Next? A Survey of Surveys!",
        "GPT-4 vs. Humans: St. Petersburg Revisited",
        "Sora. A Review",
        "Once upon a Time...",
        "  Spaced   Title ",
        "A" * 230,
        "word " * 100,
        "<script>alert(1)</script>",
        "深度学习",
        "T\u2028wo\x0blines\x85",
    ],
)
def test_titles_of_every_kind(title: str) -> None:
    batch = parse(page("Alpha", A, title, B, "Gamma", C))
    assert (titles(batch), batch.verdict) == (["Alpha", title.strip(), "Gamma"], Verdict.NEW)


@pytest.mark.parametrize("title", ["Once upon a Time...", "GPT-4 vs. Humans", "Dr. Bench", "How? Why! And What"])
def test_a_title_with_stops_in_it_is_a_title_even_above_a_short_abstract(title: str) -> None:
    assert titles(parse(page("Alpha", A, title, "We study X.", "Gamma", C))) == ["Alpha", title, "Gamma"]


def test_rules_and_invisible_lines_are_no_blocks() -> None:
    batch = parse(page("-----", "Alpha", "\u200b", "\ufeff", A, "* * *", "Beta", B))
    assert (titles(batch), batch.verdict) == (["Alpha", "Beta"], Verdict.NEW)


def test_a_day_without_papers_is_quiet() -> None:
    batch = parse("new\n\nSubscribe\n\nMar 11, 2025\n")
    assert (batch.verdict, batch.day, batch.papers, batch.problems) == (Verdict.QUIET, DAY, (), ())


def test_the_day_may_be_in_the_name_and_the_line_comes_first() -> None:
    assert parse(f"Alpha\n\n{A}", document="2025-03-11.txt").day == DAY
    assert parse(page("Alpha", A, day="Mar 12"), document="2025-03-11.txt").day == date(2025, 3, 12)


def test_papers_above_a_misplaced_day_are_kept() -> None:
    batch = parse(f"Alpha\n\n{A}\n\nMar 11, 2025\n\nBeta\n\n{B}")
    assert (titles(batch), batch.verdict, batch.day) == (["Alpha", "Beta"], Verdict.NEW, DAY)


# --- what is not ----------------------------------------------------------------------------------------------------


def test_a_title_without_an_abstract() -> None:
    batch = parse(page("Alpha", A, "Beta"))
    assert (batch.verdict, titles(batch)) == (Verdict.PARTIAL, ["Alpha"])
    assert problems(batch) == ["page.txt:7: a title without an abstract"]
    assert batch.why == "1 paper read, 1 place not: at line 7: a title without an abstract"


def test_two_titles_in_a_row() -> None:
    batch = parse(page("Alpha", A, "Beta", "Gamma", C))
    assert (batch.verdict, titles(batch), ranks(batch)) == (Verdict.PARTIAL, ["Alpha", "Gamma"], [1, 3])
    assert problems(batch) == ["page.txt:7: a title without an abstract (two titles in a row)"]


def test_an_abstract_without_a_title() -> None:
    batch = parse(page("Alpha", A, B, "Gamma", C))
    assert (batch.verdict, titles(batch), ranks(batch)) == (Verdict.PARTIAL, ["Alpha", "Gamma"], [1, 3])
    assert problems(batch) == ["page.txt:7: an abstract without a title"]


def test_an_abstract_without_a_title_at_either_end() -> None:
    batch = parse(page(A, "Beta", B, C))
    assert (titles(batch), problems(batch)) == (
        ["Beta"],
        ["page.txt:3: an abstract without a title", "page.txt:9: an abstract without a title"],
    )


def test_a_long_sentence_above_an_abstract_is_no_title() -> None:
    sentence = f"We study {'things and ' * 30}others."
    batch = parse(page("Alpha", A, sentence, B, "Gamma", C))
    assert (titles(batch), [problem.line for problem in batch.problems]) == (["Alpha", "Gamma"], [7, 9])


def test_short_lone_abstracts_do_not_shift_the_rest() -> None:
    batch = parse(page("Alpha", "We study X.", "We study Y. It works.", "Gamma", "We study Z.", "Delta", "We study V."))
    assert (titles(batch), problems(batch)) == (
        ["Alpha", "Gamma", "Delta"],
        ["page.txt:7: an abstract without a title"],
    )


def test_many_faults_keep_every_whole_paper() -> None:
    batch = parse(page("One", "Two", A, B, "Three", B, "Four", "Five", "Six", C))
    assert titles(batch) == ["Two", "Three", "Six"]
    assert [problem.line for problem in batch.problems] == [3, 9, 15, 17]
    assert batch.why.startswith("3 papers read, 4 places not: first at line 3: a title without an abstract")


def test_titles_alone_are_broken() -> None:
    batch = parse(page("Alpha", "Beta"))
    assert (batch.verdict, batch.papers, len(batch.problems)) == (Verdict.BROKEN, (), 2)
    assert batch.why.startswith("no paper read, 2 places not: first at line 3")


def test_no_day() -> None:
    batch = parse(f"new\n\nAlpha\n\n{A}")
    assert (batch.verdict, batch.day, batch.papers) == (Verdict.BROKEN, None, ())
    assert "no day found" in batch.why
    assert "Mar 11, 2025" in batch.why
    assert "2025-03-11.txt" in batch.why
    assert problems(batch) == [f"page.txt: {batch.why}"]


def test_a_day_that_does_not_exist() -> None:
    batch = parse(page("Alpha", A, day="Feb 30"))
    assert (batch.verdict, batch.day) == (Verdict.BROKEN, None)
    assert problems(batch) == ['page.txt:1: there is no day "Feb 30" in its year: correct the day, or the year']
    assert parse(page("Alpha", A, day="Feb 29"), year=2025).verdict is Verdict.BROKEN
    assert parse(page("Alpha", A, day="Feb 29"), year=2024).day == date(2024, 2, 29)
    named = parse(page("Alpha", A, day="Feb 30"), document="2025-03-11.txt")
    assert (named.verdict, named.day, titles(named)) == (Verdict.PARTIAL, DAY, ["Alpha"])


def test_two_days_in_one_document() -> None:
    second = page("Beta", B, day="Mar 12, 2025") + page("Gamma", C, day="Mar 13, 2025")
    batch = parse(page("Alpha", A) + "\nnew\n\nSubscribe\n\nby AK and the research community\n\n" + second)
    assert (batch.verdict, batch.day, titles(batch)) == (Verdict.PARTIAL, DAY, ["Alpha"])
    (problem,) = batch.problems
    assert (problem.line, "Mar 12, 2025" in problem.why) == (13, True)


def test_the_same_day_twice_is_one_day() -> None:
    assert parse(page("Alpha", A) + "\n" + page("Beta", B)).verdict is Verdict.NEW


def test_not_utf8_in_one_place() -> None:
    content = page("Alpha", A, "Caf\xe9", B, "Gamma", C).encode("latin-1")
    batch = parse(content)
    assert (batch.verdict, titles(batch), ranks(batch)) == (Verdict.PARTIAL, ["Alpha", "Gamma"], [1, 3])
    (problem,) = batch.problems
    assert (problem.line, problem.why[:9]) == (7, "not UTF-8")


def test_not_utf8_is_reported_at_the_line_of_the_first_bad_byte() -> None:
    batch = parse(b"Mar 11, 2025\n\nAlpha\n\nWe study X.\nIt \xff works.\nIt \xfe does.\n\nBeta\n\nWe study Y.\n")
    assert (titles(batch), [problem.line for problem in batch.problems]) == (["Beta"], [6])


@pytest.mark.parametrize("bad", [b"\xed\xa0\x80", b"\x00", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\xe2\x82"])
def test_every_kind_of_bad_byte(bad: bytes) -> None:
    batch = parse(page("Alpha", A, "Beta", B).encode().replace(b"Beta\n", b"Be" + bad + b"ta\n"))
    assert (titles(batch), batch.problems[0].line) == (["Alpha"], 7)


def test_bad_bytes_above_the_day_are_reported_too() -> None:
    batch = parse(b"Log \xff in\n\n" + page("Alpha", A).encode())
    assert (batch.verdict, titles(batch), [problem.line for problem in batch.problems]) == (
        Verdict.PARTIAL,
        ["Alpha"],
        [1],
    )


@pytest.mark.parametrize("content", [bytes(range(128, 256)) * 50, b"\x1f\x8b\x08\x00" + bytes(range(256)) * 9])
def test_nothing_but_bytes(content: bytes) -> None:
    batch = parse(content)
    assert (batch.verdict, batch.papers) == (Verdict.BROKEN, ())
    assert batch.why == "not UTF-8: save the document as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_named(encoding: str) -> None:
    batch = parse(page("Alpha", A).encode(encoding))
    assert (batch.verdict, batch.why[:25]) == (Verdict.BROKEN, "not UTF-8 but UTF-16: sav")


@pytest.mark.parametrize("content", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty(content: bytes) -> None:
    batch = parse(content)
    assert (batch.verdict, batch.why, batch.day) == (Verdict.BROKEN, "the document is empty", None)
    assert problems(batch) == ["page.txt: the document is empty"]


def test_too_large_and_too_many_lines() -> None:
    large = parse(b"a" * (MAX_BYTES + 1))
    assert (large.verdict, "at most 10 MB" in large.why) == (Verdict.BROKEN, True)
    for end in (b"\n", b"\r", b"\r\n"):
        long = parse(b"Mar 11, 2025" + end * MAX_LINES)
        assert (long.verdict, "at most 200,000 lines" in long.why) == (Verdict.BROKEN, True)


def test_the_same_title_twice() -> None:
    batch = parse(page("Alpha and Omega", A, "Beta", B, "ALPHA and  Omega", C))
    assert [(paper.title, paper.abstract) for paper in batch.papers] == [("Alpha and Omega", A), ("Beta", B)]
    assert problems(batch) == ["page.txt:11: the same title as at line 3: the first is kept"]
    assert batch.verdict is Verdict.PARTIAL


def test_a_title_or_an_abstract_beyond_measure() -> None:
    batch = parse(page("long " * 201, A, "Beta", B * 120, "Gamma", C))
    assert (titles(batch), problems(batch)) == (
        ["Gamma"],
        [
            "page.txt:3: a title of more than 1,000 characters",
            "page.txt:9: an abstract of more than 50,000 characters",
        ],
    )


def test_more_papers_than_a_page_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PAPERS == 5_000
    monkeypatch.setattr(listing_parser, "MAX_PAPERS", 3)
    batch = parse(page(*(text for number in range(5) for text in (f"Paper {number}", A))))
    assert (len(batch.papers), problems(batch)) == (
        3,
        ["page.txt:15: more than 3 papers: from here on nothing was read"],
    )


@pytest.mark.parametrize(
    "piece",
    ["a", "a. ", "a) ", "a.     ", " ", "https://", "a\n", "a\n\n", "A b.\n", "Mar 11\n", "by ", "\\{$", "é", "\0"],
)
def test_a_hostile_megabyte_takes_no_time(piece: str) -> None:
    content = page("Alpha", (piece * 1_000_000)[:1_000_000]).encode()
    start = time.process_time()
    parse(content)
    assert time.process_time() - start < 5  # a fraction of a second; quadratic time would be minutes


def test_the_list_of_problems_is_bounded_and_their_count_is_not() -> None:
    batch = parse(page("Alpha", A, *(f"Title {number}" for number in range(250))))
    assert len(batch.problems) == MAX_PROBLEMS + 1
    assert str(batch.problems[-1]) == "page.txt: and 150 more"
    assert "250 places not" in batch.why


def test_a_header_injection_is_a_line_break_and_so_a_lone_title() -> None:
    batch = parse(page("Alpha\r\nBcc: victim@example.org", A, "Beta", B))
    assert titles(batch) == ["Bcc: victim@example.org", "Beta"]
    assert [problem.line for problem in batch.problems] == [3]


def test_no_paper_is_known_by_an_address_in_its_abstract() -> None:
    (paper,) = parse(page("Alpha", f"{A} We extend https://arxiv.org/abs/2503.01234.")).papers
    assert paper.id.startswith("title:")
    assert paper.keys == (paper.id,)
