"""One paper as one line of JSON: what is written is read back, and what others write is read with a sentence for what
is wrong."""

from __future__ import annotations

import json
import re
import string
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_forms import FULL, lines, mutated, papers, values

from newsletter.model import Link, LinkKind, Listing, Paper
from newsletter.sources.bounds import MAX_ABSTRACT, MAX_TITLE
from newsletter.sources.interchange import KEYS, MAX_LINE, Record, read_record, written
from newsletter.sources.json_fields import MOST_ENTRIES
from newsletter.sources.jsonl.parser import MAX_BYTES, MAX_LINES
from newsletter.sources.jsonl.source import JsonlOptions
from newsletter.standalone import records
from newsletter.text import identity_keys

DAY = date(2025, 3, 13)


def read(record: object, source: str = "mine") -> Record:
    line = record if isinstance(record, bytes) else json.dumps(record).encode()
    return read_record(line, source=source, rank=7, day=DAY)


def paper(**record: Any) -> Paper:
    return read({"title": "Testing", **record}).paper


def fault(record: object) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        read(record)
    return str(caught.value)


@settings(deadline=None, max_examples=300)
@given(papers())
def test_what_is_written_is_read_back(one: Paper) -> None:
    line = written(one)
    assert len(line.splitlines()) == 1
    record = read(line.encode(), source="another")
    assert (record.paper, record.losses, record.unknown, record.dated) == (one, (), (), True)
    assert written(record.paper) == line


def test_every_name_is_read_and_written() -> None:
    record = read(FULL)
    assert (record.losses, record.unknown) == ((), ())
    assert record.paper == Paper(
        id="arxiv:2503.01234",
        title="A Made-up Paper About $x^2$ Testing",
        abstract="We test “everything”. Twice.",
        authors=("Ada Example", "Émile Muster"),
        links=(Link(LinkKind.CODE, "https://github.com/example/repo"),),
        listings=(Listing(date(2025, 3, 11), "daily", 4), Listing(date(2025, 3, 12), "other", 1)),
        keys=("arxiv:2503.01234", "doi:10.1000/madeup", *identity_keys("A Made-up Paper About $x^2$ Testing")),
        first_seen=date(2025, 3, 11),
        venue="J. Made-up",
        published=date(2025, 3, 3),
        version=2,
        votes=0,
        ai_summary="A machine's line.",
        thumbnail="https://example.org/1.png",
        categories=("cs.CL", "cs.AI"),
        institutions=("Example University",),
        fields=("Computer Science",),
        origins=(("title", "huggingface/hf"), ("venue", "openalex/oa")),
    )
    names = list(json.loads(written(record.paper)))
    assert names == [key for key in KEYS if key != "day"]


def test_what_is_empty_is_not_written() -> None:
    bare = Paper("title:1", "T", "", listings=(Listing(DAY, "s", 1),), keys=("title:1",), first_seen=DAY)
    assert written(bare) == (
        '{"id": "title:1", "title": "T", "keys": ["title:1"], '
        '"listings": [{"day": "2025-03-13", "source": "s", "rank": 1}], "first_seen": "2025-03-13"}'
    )


def test_what_no_text_may_hold_never_leaves() -> None:
    line = written(Paper("title:1", "lone \ud800 and\u2028line\x85end\n", "", keys=("title:1",)))
    assert line.encode().decode() == line
    assert len(line.splitlines()) == 1
    assert read(line.encode()).paper.title == "lone ? and line end"


def test_a_title_is_enough() -> None:
    assert paper() == Paper(
        identity_keys("Testing")[0],
        "Testing",
        "",
        listings=(Listing(DAY, "mine", 7),),
        keys=identity_keys("Testing"),
        first_seen=DAY,
    )
    assert not read({"title": "Testing"}).dated


@pytest.mark.parametrize(
    ("given_id", "key"),
    [
        ("2503.01234", "arxiv:2503.01234"),
        ("2503.01234v3", "arxiv:2503.01234"),
        ("arXiv:2503.01234", "arxiv:2503.01234"),
        ("http://arxiv.org/abs/2503.01234v1", "arxiv:2503.01234"),
        ("https://arxiv.org/pdf/2503.01234v1.pdf", "arxiv:2503.01234"),
        ("math.GT/0309136", "arxiv:math/0309136"),
        ("10.48550/arXiv.2503.01234", "arxiv:2503.01234"),
        ("2503.01234-fig-2", "id:mine:2503.01234-fig-2"),
        ("10.1000/MadeUp", "doi:10.1000/madeup"),
        ("https://doi.org/10.1000/x", "doi:10.1000/x"),
        ("doi:10.1000/x", "doi:10.1000/x"),
        ("title:00000000000000000001", "title:00000000000000000001"),
        ("url:https://example.org/1", "url:https://example.org/1"),
        ("id:other:1", "id:other:1"),
        ("W2741809807", "id:mine:W2741809807"),
        ("pmid:123", "id:mine:pmid:123"),
        (42, "id:mine:42"),
    ],
)
def test_an_id_is_an_identity_whatever_its_form(given_id: object, key: str) -> None:
    one = paper(id=given_id)
    assert one.id == one.keys[0] == key
    assert one.keys[-1] == identity_keys("Testing")[0]


def test_the_id_of_arxiv_goes_first_and_every_identity_counts() -> None:
    title = identity_keys("Testing")[0]
    assert paper(id="W1", doi="10.1000/x").keys == ("doi:10.1000/x", "id:mine:W1", title)
    assert paper(id="10.1000/x", arxiv_id="2503.01234").keys == ("arxiv:2503.01234", "doi:10.1000/x", title)
    assert paper(doi="10.48550/arXiv.2503.01234").id == "arxiv:2503.01234"
    named = paper(id="2503.01234", keys=["doi:10.1000/X", "loose"], doi="10.1000/y")
    assert named.id == "arxiv:2503.01234"
    assert named.keys == ("doi:10.1000/x", "id:mine:loose", "doi:10.1000/y", "arxiv:2503.01234")
    assert paper(keys=["url:a", "title:b"]).id == "url:a"


def test_a_day_is_short_for_one_listing() -> None:
    one = read({"title": "Testing", "day": "2025-03-11T23:00:00"})
    assert one.paper.listings == (Listing(date(2025, 3, 11), "mine", 7),)
    assert (one.paper.first_seen, one.dated) == (date(2025, 3, 11), True)
    both = paper(day="2025-03-11", listings=[{"day": "2025-03-10"}, {"day": "2025-03-09", "source": "s", "rank": 2}])
    assert both.listings == (Listing(date(2025, 3, 10), "mine", 7), Listing(date(2025, 3, 9), "s", 2))
    assert both.first_seen == date(2025, 3, 9)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({}, "the paper has no “title”"),
        ({"title": " \n"}, "the paper has no “title”"),
        ({"title": 5}, "“title” must be text, not a number"),
        ({"title": "x" * 1_001}, "“title” must have at most 1,000 characters, not 1,001"),
        ({"title": "T", "abstract": ["x"]}, "“abstract” must be text, not a list"),
        ({"title": "T", "id": 2503.0123}, "“id” must be text or a whole number; put it in quotes"),
        ({"title": "T", "id": True}, "“id” must be text, not true or false"),
        ({"title": "T", "id": "doi:nothing"}, "“doi:nothing” is no DOI"),
        ({"title": "T", "keys": ["arxiv:x"]}, "“arxiv:x” is no id of arXiv"),
        ({"title": "T", "doi": "x\u202e"}, "“doi” must be a DOI like 10.1000/182, not “x?”"),
        ({"title": "T", "arxiv_id": "x"}, "“arxiv_id” must be an id of arXiv like 2503.01234, not “x”"),
        ({"title": "T", "authors": "Ada, Bo"}, "“authors” must be a list, not text"),
        ({"title": "T", "authors": [{"name": "Ada"}]}, "“authors” must be a list of texts; an object is in it"),
        ({"title": "T", "authors": ["a"] * 5_001}, "“authors” must have at most 5,000 entries, not 5,001"),
        ({"title": "T", "day": "12/03/2025"}, "“day” must be a day like 2025-03-12, not “12/03/2025”"),
        ({"title": "T", "day": "0025-03-12"}, "a listing is of 0025-03-12: write a year from 1991 to 2199"),
        ({"title": "T", "listings": [{"rank": 1}]}, "a listing has no “day”"),
        (
            {"title": "T", "listings": [{"day": "2025-03-12", "rank": 0}]},
            "“listings.rank” must be a whole number from 1 ",
        ),
        ({"title": "T", "first_seen": "1066-10-14"}, "“first_seen” is 1066-10-14: write a year from 1991 to 2199"),
        ({"title": "T", "votes": -1}, "“votes” must be a whole number from 0 to 2,147,483,647, not -1"),
        ({"title": "T", "votes": 10**400}, "“votes” must be a whole number from 0 to 2,147,483,647, not a number"),
        ({"title": "T", "votes": 1.5}, "“votes” must be a whole number, not 1.5"),
        ({"title": "T", "links": {"kind": "pdf"}}, "“links” must be a list, not an object"),
        ({"title": "T", "origins": ["x"]}, "“origins” must be an object, not a list"),
        ([], "holds a list; write one JSON object, {…}, on each line"),
        (b"nope", "is not JSON (Expecting value at character 1)"),
        (b"\xff{}", "is not UTF-8 (byte 1)"),
        (b"[" * 100_000, "is JSON that cannot be read: nested too deep, or with a number too long"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "is JSON that cannot be read: nested too deep, or with a number too long"),
        (b" " * (MAX_LINE + 1), "is longer than 1,000,000 bytes, which no paper is"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(record: object, why: str) -> None:
    assert fault(record).startswith(why)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://example.org:x/",
        "https://user:password@example.org/",
        'https://example.org/"onclick="x',
        "https://example.org/a b",
        "//example.org/",
        "https://example.org/" + "x" * 2_000,
        "https://[::1/",
        "",
    ],
)
def test_a_link_that_is_no_web_address_is_left_out_with_a_sentence(url: str) -> None:
    good = {"kind": "pdf", "url": "https://example.org/1.pdf"}
    record = read({"title": "T", "links": [{"kind": "code", "url": url}, good], "thumbnail": url})
    assert record.paper.links == (Link(LinkKind.PDF, "https://example.org/1.pdf"),)
    assert record.paper.thumbnail == ""
    assert len(record.losses) == (2 if url else 1)
    assert record.losses[0].startswith("the link “")
    assert record.losses[0].endswith("” was left out: it is no http or https address")


def test_a_link_of_a_kind_nobody_knows_is_left_out_with_a_sentence() -> None:
    record = read({"title": "T", "links": [{"kind": "slides", "url": "https://example.org/"}]})
    assert record.paper.links == ()
    assert record.losses == (
        "a link of the kind “slides” was left out: write abstract, pdf, doi, code, project, video",
    )


def test_controls_and_lone_surrogates_are_removed_with_a_sentence() -> None:
    record = read(
        b'{"title": "A\\u0000b\\ud800c\\nd", "authors": ["E\\u001b[31m", "\\ud83d\\ude00"], "abstract": "a\\tb"}'
    )
    assert (record.paper.title, record.paper.abstract) == ("Abc d", "a b")
    assert record.paper.authors == ("E[31m", "😀")
    assert record.losses == (
        "characters that no text may hold were removed from “title”",
        "characters that no text may hold were removed from “authors”",
    )


def test_names_that_the_format_does_not_have_are_told() -> None:
    record = read({"title": "T", "citations": 5, "\ud800\n": None})
    assert record.unknown == ("citations", "??")


@settings(deadline=None, max_examples=300)
@given(st.fixed_dictionaries(
    {"id": st.one_of(lines, st.integers(-(10**9), 10**9)), "title": lines},
    optional={
        "abstract": st.one_of(st.none(), st.text(max_size=50)),
        "authors": st.one_of(st.none(), st.lists(st.text(max_size=20), max_size=3)),
        "institutions": st.lists(st.text(max_size=20), max_size=3),
        "categories": st.one_of(st.text(string.ascii_lowercase + " .", max_size=20), st.lists(lines, max_size=3)),
        "day": st.one_of(st.none(), st.just(""), st.dates(date(1991, 1, 1), date(2199, 1, 1)).map(str)),
        "votes": st.one_of(st.none(), st.just(5.0), st.just(float("nan")), st.integers(0, 10**6)),
    },
))  # fmt: skip
def test_what_rank_accepts_is_accepted(record: dict[str, Any]) -> None:
    records.paper(record)  # raises when it does not
    known = read(record).paper
    assert (known.title, known.votes) == (record["title"], records.paper(record).paper.paper.votes)


def assert_sentence(text: str) -> None:
    assert text.isprintable()
    assert 10 < len(text) < 300


def check(line: bytes) -> None:
    """The promises that hold for every line."""
    try:
        record = read(line)
    except ValueError as error:
        assert_sentence(str(error))
        return
    one = record.paper
    assert one.title
    assert one.id in one.keys
    assert len(one.keys) == len(set(one.keys))
    assert one.listings
    assert one.first_seen
    for text in (one.title, one.abstract, one.venue, *one.authors, *one.fields, *record.unknown, *record.losses):
        text.encode()
        assert not set(text) & set("\r\n\0\x1b")
    for url in (*(link.url for link in one.links), one.thumbnail):
        assert not url or url.startswith(("http://", "https://"))
    again = read(written(one).encode(), source="other")
    assert (again.paper, again.losses, again.unknown) == (one, (), ())


lines_of_json = st.one_of(
    mutated(FULL | {"keys": ["url:x"], "day": "2025-03-11"}).map(lambda one: json.dumps(one).encode()),
    values.map(lambda one: json.dumps(one).encode()),
    st.binary(max_size=200),
)


@settings(deadline=None, max_examples=300)
@given(lines_of_json)
def test_no_line_does_harm(line: bytes) -> None:
    check(line)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=20))
def test_no_changed_byte_does_harm(changes: list[tuple[int, int]]) -> None:
    line = bytearray(json.dumps(FULL, ensure_ascii=False).encode())
    for where, byte in changes:
        line[where % len(line)] = byte
    check(bytes(line))


@pytest.mark.slow
@settings(deadline=None, max_examples=600)
@given(lines_of_json)
def test_no_line_of_very_many_does_harm(line: bytes) -> None:
    check(line)


def test_the_document_tells_every_name_and_its_examples_are_read() -> None:
    text = (Path(__file__).parents[2] / "docs" / "interchange.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert rows == KEYS
    short_one, full = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert paper(**short_one).title == short_one["title"]
    record = read(full)
    assert (record.losses, record.unknown) == ((), ())
    assert json.loads(written(record.paper)) == full
    assert set(full) == set(KEYS) - {"day"}
    table = tomllib.loads(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0])["sources"][0]
    assert JsonlOptions.model_validate(table).name == "my-crawler"
    for number in (MAX_LINE // 1_000_000, MAX_LINES, MAX_TITLE, MAX_ABSTRACT, MOST_ENTRIES, MAX_BYTES // 1_000_000):
        assert f"{number:,} " in text
