"""Answers of arXiv's, in each of their forms, whole and damaged, as papers."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, date, datetime

import pytest
from arxiv_forms import Made, api, api_entry, api_error, atom, many, rss, rss_error, rss_item

from newsletter.model import Link, LinkKind
from newsletter.sources.arxiv.authors import Author, authors_in
from newsletter.sources.arxiv.parser import MAX_BYTES, MAX_MARKUP, Answered, Record, read_answer
from newsletter.sources.bounds import MAX_PROBLEMS


def read(content: bytes) -> Answered:
    return read_answer(content, "cs.CL")


def only(content: bytes) -> Record:
    answered = read(content)
    assert answered.fault == ""
    assert answered.problems == ()
    assert len(answered.records) == 1
    return answered.records[0]


def arxiv(name: str, text: str) -> str:
    return f'<arxiv:{name} xmlns:arxiv="http://arxiv.org/schemas/atom">{text}</arxiv:{name}>'


IN_FEEDS = [
    pytest.param(rss([Made(extra="<arxiv:DOI>10.1000/Made.UP</arxiv:DOI>")]), id="rss"),
    pytest.param(
        atom([Made(day="2026-08-07T00:00:00-04:00", extra="<arxiv:DOI>10.1000/Made.UP</arxiv:DOI>")]), id="atom"
    ),
]


@pytest.mark.parametrize("content", IN_FEEDS)
def test_a_paper_of_a_feed(content: bytes) -> None:
    record = only(content)
    paper = record.paper
    assert paper.id == "arxiv:2608.01234"
    assert paper.keys[:2] == ("arxiv:2608.01234", "doi:10.1000/made.up")
    assert paper.keys[2].startswith("title:")
    assert paper.title == "A Made-up Paper About $x^2$ & Testing"
    assert paper.abstract == "We test. Code: https://github.com/example/made-up."
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert paper.institutions == ("Institute of Tests, Rome",)
    assert paper.categories == ("cs.CL", "cs.AI")
    assert paper.version == 1
    assert paper.published == record.day == date(2026, 8, 7)
    assert paper.links == (
        Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2608.01234"),
        Link(LinkKind.PDF, "https://arxiv.org/pdf/2608.01234"),
        Link(LinkKind.DOI, "https://doi.org/10.1000/made.up"),
        Link(LinkKind.CODE, "https://github.com/example/made-up"),
    )
    assert record.announced == "new"
    assert record.submitted is None
    assert (paper.listings, paper.first_seen) == ((), None)


def test_a_paper_of_the_query_api() -> None:
    extra = arxiv("comment", "Accepted at ICLR 2026 (oral), 9 pages. Video: https://youtu.be/abc") + arxiv(
        "doi", "10.1/x"
    )
    answered = read(api([Made(version=3, extra=extra, categories=("cs.CL", "I.2.6", "68T50", "stat.ML"))], total=1_234))
    assert answered.total == 1_234
    record = answered.records[0]
    assert record.submitted == datetime(2026, 8, 5, 19, 30, tzinfo=UTC)
    assert record.announced == ""
    paper = record.paper
    assert paper.version == 3
    assert paper.published == date(2026, 8, 5)
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert paper.categories == ("cs.CL", "stat.ML")
    assert paper.venue == "ICLR 2026"
    assert Link(LinkKind.VIDEO, "https://youtu.be/abc") in paper.links
    assert only(api([Made(extra=arxiv("journal_ref", "J. Made-up 7\n (2026)"))])).paper.venue == "J. Made-up 7 (2026)"


def test_affiliations_of_the_query_api_are_institutions() -> None:
    entry = api_entry(Made()).replace(
        "<author><name>Bo Sample</name></author>",
        f"<author><name>Bo Sample</name>{arxiv('affiliation', 'MIT')}{arxiv('affiliation', 'ETH')}</author>",
    )
    assert only(api(entries=entry, total=1)).paper.institutions == ("MIT", "ETH")


@pytest.mark.parametrize(
    ("written", "key", "version"),
    [
        ("2608.01234v2", "arxiv:2608.01234", 2),
        ("0704.0001v12", "arxiv:0704.0001", 12),
        ("2608.123456v1", "arxiv:2608.123456", 1),
        ("hep-ex/0307015v1", "arxiv:hep-ex/0307015", 1),
        ("math.GT/0309136v3", "arxiv:math/0309136", 3),
    ],
)
def test_identifiers_old_and_new(written: str, key: str, version: int) -> None:
    number, _, _ = written.partition("v")
    made = Made(number=number, version=version)
    for content in (rss([made]), atom([made]), api([made])):
        paper = only(content).paper
        assert (paper.id, paper.version) == (key, version)
        assert paper.links[0].url == f"https://arxiv.org/abs/{key.removeprefix('arxiv:')}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Ada Example, Bo Sample", [Author("Ada Example"), Author("Bo Sample")]),
        (
            "Ada Example (Institute of A (IA), Rome), Bo Sample",
            [Author("Ada Example", ("Institute of A (IA), Rome",)), Author("Bo Sample")],
        ),
        ("Ada Example (1), Bo Sample (1 and 2)", [Author("Ada Example"), Author("Bo Sample")]),
        ("A. B (1) ((1) MIT, (2) ETH)", [Author("A. B", ("MIT", "ETH"))]),
        ("J. Doe, Jr., K. L. Doe Jr.", [Author("J. Doe, Jr."), Author("K. L. Doe Jr.")]),
        ("Wei (Wendy) Made", [Author("Wei (Wendy) Made")]),
        ("Ada Example for the X Collaboration", [Author("Ada Example"), Author("X Collaboration")]),
        ("Ada (MIT) (on behalf of the X Team)", [Author("Ada", ("MIT",)), Author("X Team")]),
        ("The X Collaboration", [Author("The X Collaboration")]),
        (r"G\'erard M\"uller, {\L}ukasz Z", [Author(r"G\'erard M\"uller"), Author(r"{\L}ukasz Z")]),
        ("Ada (MIT, Bo Sample, Cy", [Author("Ada"), Author("Bo Sample"), Author("Cy")]),
        ("Ada A, B B, and Cy C", [Author("Ada A"), Author("B B"), Author("Cy C")]),
        (" , ,(), ", []),
    ],
)
def test_authors_of_a_line(line: str, expected: list[Author]) -> None:
    assert authors_in(line) == expected


def test_authors_in_elements_of_their_own() -> None:
    content = rss([Made(authors="Ada Example", extra="<dc:creator>Bo Sample (MIT)</dc:creator>")])
    assert only(content).paper.authors == ("Ada Example", "Bo Sample")


@pytest.mark.parametrize(
    ("comment", "venue"),
    [
        ("Accepted to EMNLP 2026 Findings, 12 pages", "EMNLP 2026 Findings"),
        ("12 pages; to appear in the Journal of Made-up Things", "Journal of Made-up Things"),
        ("Published at ICML 2026. Code will follow.", "ICML 2026"),
        ("Accepted by IEEE Trans. Robotics", ""),
        ("accepted to appear somewhere", ""),
        ("To appear in https://example.org", ""),
        ("Accepted at " + "A" * 80, ""),
        ("12 pages, 3 figures", ""),
    ],
)
def test_a_venue_in_a_comment_only_when_it_is_clear(comment: str, venue: str) -> None:
    assert only(api([Made(extra=arxiv("comment", comment))])).paper.venue == venue


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("Fri, 07 Aug 2026 00:00:00 -0400", date(2026, 8, 7)),
        ("Fri, 7 Aug 2026 00:00:00 EDT", date(2026, 8, 7)),
        ("7 August 2026", date(2026, 8, 7)),
        ("2026-8-7", date(2026, 8, 7)),
        ("2026-08-07T23:59:00-05:00", date(2026, 8, 7)),
        ("Fri, 31 Feb 2026 00:00:00 -0400", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_day_is_the_date_as_it_is_written(written: str, day: date | None) -> None:
    assert only(rss([Made(day=written)])).day == day


def test_an_unpadded_moment() -> None:
    assert only(api([Made(submitted="2026-8-5T9:3:1Z")])).submitted == datetime(2026, 8, 5, 9, 3, 1, tzinfo=UTC)


def test_what_a_feed_announces_as_something_else_has_no_date_of_publication() -> None:
    assert only(rss([Made(announced="cross")])).paper.published is None
    replaced = only(rss([Made(announced="replace-cross", version=2)]))
    assert (replaced.announced, replaced.paper.version, replaced.paper.published) == ("replace-cross", 2, None)


def test_the_kind_of_announcement_stands_in_the_description_too() -> None:
    content = rss([Made(announced="replace")])
    without = content.replace(b"<arxiv:announce_type>replace</arxiv:announce_type>", b"")
    assert without != content
    assert only(without).announced == "replace"


def test_an_identifier_stands_in_the_link_too() -> None:
    content = rss([Made()]).replace(b'<guid isPermaLink="false">oai:arXiv.org:2608.01234v1</guid>', b"")
    assert only(content).paper.id == "arxiv:2608.01234"


def test_arxivs_own_words_when_something_is_wrong() -> None:
    assert read(api_error()).fault == "arXiv says: incorrect id format for abc"
    assert read(rss_error()).fault.startswith("arXiv says: Bad subject class 'XX'. Valid")
    long = read(api_error("\u202ewrong\x85 " + "x" * 5_000)).fault
    assert len(long) < 230
    assert long.isprintable()


def test_a_paper_called_error_is_none() -> None:
    assert only(api([Made(title="Error")])).paper.title == "Error"


def test_what_cannot_be_read_is_told_and_the_rest_kept() -> None:
    papers = [
        Made(number="2608.00001", title="Good one"),
        Made(number="2608.00002", title=" "),
        Made(number="nonsense", title="No number"),
        Made(number="2608.00003", title="T" * 1_001),
        Made(number="2608.00004", abstract="a" * 50_001),
        Made(number="2608.00005", title="Good two"),
    ]
    answered = read(rss(papers))
    assert [record.paper.title for record in answered.records] == ["Good one", "Good two"]
    assert [problem.why for problem in answered.problems] == [
        "a paper without a title",
        "a paper without an arXiv identifier: No number",
        "a title of more than 1,000 characters",
        "an abstract of more than 50,000 characters",
    ]
    lines = rss(papers).decode().split("\n")
    assert all("<item>" in lines[problem.line - 1] for problem in answered.problems)
    assert answered.entries == 6


def test_many_problems_are_counted_not_listed() -> None:
    answered = read(rss([Made(number="none", title=f"Paper {number}") for number in range(300)]))
    assert len(answered.problems) == MAX_PROBLEMS + 1
    assert answered.problems[-1].why == "and 200 more"


def test_the_same_paper_twice_is_one() -> None:
    answered = read(rss([Made(title="One"), Made(title="Two", version=2)]))
    assert [record.paper.title for record in answered.records] == ["One"]


def test_a_feed_that_was_cut_off_keeps_what_was_whole() -> None:
    whole = rss(many(20))
    for end in range(700, len(whole) - 40, 997):
        answered = read(whole[:end])
        expected = whole[:end].count(b"</item>")
        assert [record.paper.title for record in answered.records] == [f"Paper number {n}" for n in range(expected)]
        assert answered.entries == expected
        assert answered.problems[0].why.startswith("not well-formed XML")


def test_a_feed_without_papers_is_whole() -> None:
    assert read(rss()) == Answered(day=date(2026, 8, 7))
    assert read(api()).total == 0


def test_an_undeclared_entity_costs_no_paper() -> None:
    answered = read(rss(many(3)).replace(b"Paper number 1", b"Paper&nbsp;number 1 & more"))
    assert len(answered.records) == 3
    assert answered.problems[0].why.startswith("not well-formed XML: Entity 'nbsp' not defined")


@pytest.mark.parametrize(
    "number", ["&#xD800;", "&#xdfff ", "&#55296;", "&#0;", "&#x110000;", "&#xFFFE;", f"&#{9**99};"]
)
def test_letters_that_do_not_exist_cost_no_paper(number: str) -> None:
    content = rss(many(2)).replace(b"Paper number", f"Pa{number}per number".encode())
    for damaged in (content, rss(many(2)).replace(b"schemas/atom", f"schemas/{number}atom".encode())):
        answered = read(damaged)
        assert [record.paper.id for record in answered.records] == ["arxiv:2608.00000", "arxiv:2608.00001"]
        assert answered.problems[0].why.startswith("not well-formed XML")


BOMB = b"""<?xml version="1.0"?>
<!-- a comment --> <?note <rss> ?>
<!DOCTYPE rss [
 <!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<rss><channel><item><title>&c;</title></item></channel></rss>"""
OUTSIDE = (
    b"""<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>"""
)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the answer is empty"),
        (b" \n\t", "the answer is empty"),
        (BOMB, "it begins with a DOCTYPE"),
        (OUTSIDE, "it begins with a DOCTYPE"),
        (OUTSIDE.decode().encode("utf-16"), "it begins with a DOCTYPE"),
        (b"\xef\xbb\xbf" + BOMB, "it begins with a DOCTYPE"),
        (b"<!DOCTYPE html><html><body>sorry</body></html>", "neither RSS nor Atom but a web page"),
        (b"<html/>", "neither RSS nor Atom but a web page"),
        (b"<svg/>", "neither RSS nor Atom: its first element is “svg”"),
        (b'{"detail": "no"}', "not XML: "),
        (b"\x00\x01\x02", "not XML: "),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not XML: "),
        (b"<rss>" * (MAX_MARKUP + 1), "too large: an answer of arXiv has at most 1,000,000 tags"),
        (b" " * (MAX_BYTES + 1), "too large: an answer of arXiv has at most 16 MB"),
    ],
)
def test_what_is_no_answer_of_arxiv(content: bytes, fault: str) -> None:
    answered = read(content)
    assert answered.fault.startswith(fault)
    assert answered.fault.isprintable()
    assert answered.records == ()


def test_a_doctype_behind_the_root_is_no_doctype() -> None:
    answered = read(rss(many(2)).replace(b"<item>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><item>", 1))
    assert [record.paper.title for record in answered.records][-1] == "Paper number 1"
    assert answered.problems


def test_processing_instructions_and_comments_say_nothing() -> None:
    content = rss([Made()]).replace(b"A Made-up", b'A <?php echo "x"?><!-- no -->Made-up')
    assert only(content).paper.title == "A Made-up Paper About $x^2$ & Testing"


def test_markup_inside_a_text_is_read_without_it() -> None:
    content = rss([Made(title="A Marker Here")]).replace(b"Marker", b"<i>Mar</i>k<![CDATA[er & <b>]]>")
    assert only(content).paper.title == "A Marker & <b> Here"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_charsets_that_are_what_they_say(charset: str) -> None:
    text = rss([Made(title="Über Gödel")]).decode().replace("UTF-8", charset.removesuffix("-sig"))
    assert only(text.encode(charset)).paper.title == "Über Gödel"


def test_utf8_that_says_to_be_something_else_is_utf8() -> None:
    content = rss([Made(title="Über Gödel")]).replace(b"UTF-8", b"iso-8859-1")
    assert only(content).paper.title == "Über Gödel"


def test_letters_that_are_damaged_cost_their_own_paper_only() -> None:
    answered = read(rss([Made(number="2608.00001", title="Über Gödel"), *many(2, first=2)]).decode().encode("latin-1"))
    assert [record.paper.title for record in answered.records] == ["Paper number 2", "Paper number 3"]
    assert [problem.why for problem in answered.problems] == [
        "not UTF-8: its letters are damaged",
        "not UTF-8, so this paper is left out",
    ]


DEEP = b"<rss><channel>" + b"<item><title>x" * 5_000
WIDE = b"<rss><channel><item>" + b"<category>cs.CL</category>" * 300_000 + b"</item></channel></rss>"
NESTED = b"<rss><channel>" + (b"<item>" * 100 + b"<i/>" * 800 + b"</item>" * 100) * 900
ATTRIBUTES = b"<rss><channel " + b" ".join(b'a%d=""' % n for n in range(400_000)) + b"/></rss>"
LONG_AUTHORS = rss([Made(authors="a," * 3_000_000)])
BRACKETS = rss([Made(authors="(" * 1_000_000 + ")" * 1_000_000), Made(authors="()" * 500_000)])
PROLOGUE = b"<!--" * 1_000_000
SPACES = b" " * 10_000_000 + b"<rss/>"
COMMENT = api([Made(extra=arxiv("comment", "accepted at " * 100_000))])


@pytest.mark.parametrize(
    "content",
    [DEEP, WIDE, NESTED, ATTRIBUTES, LONG_AUTHORS, BRACKETS, PROLOGUE, SPACES, COMMENT],
    ids=["deep", "wide", "nested", "attributes", "authors", "brackets", "prologue", "spaces", "comment"],
)
def test_hostile_answers_cost_little(content: bytes) -> None:
    began = time.process_time()
    read(content)
    assert time.process_time() - began < 6


def test_two_thousand_papers_are_read_quickly_and_in_little_memory() -> None:
    content = rss(many(2_000, abstract="Text. " * 200))
    tracemalloc.start()
    try:
        assert len(read(content).records) == 2_000
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    began = time.process_time()
    read(content)
    assert time.process_time() - began < 4


def test_items_of_a_page_are_found_wherever_a_repair_left_them() -> None:
    items = rss_item(Made(number="2608.00001", title="One")).replace("</title>", "") + rss_item(Made(title="Two"))
    answered = read(rss().replace(b"</channel>", items.encode() + b"</channel>"))
    assert "Two" in [record.paper.title for record in answered.records]
    assert answered.problems
