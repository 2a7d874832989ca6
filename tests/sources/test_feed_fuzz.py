"""Whatever a feed's address answers, reading it never raises, and what it yields is whole."""

from __future__ import annotations

import time
from datetime import date

import feed_forms as forms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Batch, Verdict
from newsletter.sources.bounds import MAX_PROBLEMS
from newsletter.sources.feed.parser import LATELY, LONGEST_ABSTRACT, parse_feed
from newsletter.sources.feed.text import abstract_of, names, plain

TODAY = date(2026, 8, 6)
GOOD = [
    forms.rss(forms.item(1), forms.item(2), forms.ARXIV_ITEM),
    forms.biorxiv(forms.BIORXIV_ITEM),
    forms.ATOM,
    forms.RSS_091,
]
DEFAULT = 300
MANY = 600


def read(body: bytes, charset: str = "", asked: date | None = None) -> Batch:
    """The batch, after the promises that hold for every answer were checked on it."""
    began = time.process_time()
    batch = parse_feed(body, name="fuzz", url="https://example.org/feed", charset=charset, today=TODAY, asked=asked)
    assert time.process_time() - began < 5
    assert batch.why.isprintable()
    assert all(problem.why.isprintable() for problem in batch.problems)
    assert len(batch.problems) <= MAX_PROBLEMS + 1
    ranks = [paper.listings[0].rank for paper in batch.papers]
    assert ranks == sorted(set(ranks))
    assert len({paper.id for paper in batch.papers}) == len(batch.papers)
    for paper in batch.papers:
        (listing,) = paper.listings
        assert listing.day == paper.first_seen
        assert listing.day == asked if asked else TODAY - LATELY <= listing.day <= TODAY
        assert paper.id == paper.keys[0]
        assert paper.title
        assert len(paper.abstract) <= LONGEST_ABSTRACT
        for text in (paper.title, paper.abstract, paper.venue, *paper.authors, *paper.fields):
            assert text == " ".join(text.split())
            assert not set(text) & set("\x00\ufffd")
            text.encode()
        assert all(link.url.startswith(("http://", "https://")) and link.url.isprintable() for link in paper.links)
    if not batch.papers:
        assert batch.verdict is not Verdict.NEW
    return batch


TAGS = """<item> </item> <entry> </entry> <title> </title> <link> </link> <guid> </guid> <p> <![CDATA[ ]]> <!-- --> ]>
    &a; &amp; &#0; &lt;p&gt; </dc:creator> <description> </description> </rss> <math> <sup>2</sup> <x:y> ' " < \ufffd é
    <pubDate>2026-8-5</pubDate> https://doi.org/10.1000/x oai:arXiv.org:2608.01234v1 \x00"""
DECLARATIONS = [
    "<!DOCTYPE rss [",
    "<!ENTITY a 'b'>",
    "<dc:creator>A, B",
    " xml:base='a/'",
    "<?xml encoding='utf-16'?>",
    " ",
]
PIECES = st.sampled_from([*TAGS.split(), *DECLARATIONS, "<div xmlns='http://www.w3.org/1999/xhtml'>"])
MARKUP = st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join)
BYTES = st.binary(max_size=300)
CHARSETS = st.sampled_from(["", "utf-8", "utf-16", "latin-1", "zlib", "idna", "unicode_escape", "no-such"])
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=6) | MARKUP.map(lambda text: text.encode())
    ),
    min_size=1,
    max_size=6,
)


def any_bytes(body: bytes, charset: str) -> None:
    read(body, charset)
    read(b"<rss><channel><item><title>" + body, charset)
    read(forms.rss(forms.item(1)).replace(b"We found", b"We" + body), charset)


def any_markup(markup: str) -> None:
    read(f"<rss><channel>{markup}</channel></rss>".encode())
    read(forms.rss(forms.item(title=f"Some {markup} Title")), asked=TODAY)
    for text in (plain(markup), abstract_of(markup)):
        assert text == " ".join(text.split())
    assert all(name == " ".join(name.split()) for name in names([" ".join(markup.split()), "Ada"]))


def any_mutation(body: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    for start, dropped, inserted in changes:
        start %= len(body) + 1
        body = body[:start] + inserted + body[start + dropped :]
    read(body)


@settings(deadline=None, max_examples=DEFAULT)
@given(BYTES, CHARSETS)
def test_any_bytes(body: bytes, charset: str) -> None:
    any_bytes(body, charset)


@settings(deadline=None, max_examples=DEFAULT)
@given(MARKUP)
def test_any_markup(markup: str) -> None:
    any_markup(markup)


@settings(deadline=None, max_examples=DEFAULT)
@given(st.sampled_from(GOOD), CHANGES)
def test_a_good_feed_changed(body: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    any_mutation(body, changes)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(deadline=None, max_examples=MANY)
@given(BYTES, CHARSETS, MARKUP, st.sampled_from(GOOD), CHANGES)
def test_all_of_it_at_length(
    body: bytes, charset: str, markup: str, good: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    any_bytes(body, charset)
    any_markup(markup)
    any_mutation(good, changes)
