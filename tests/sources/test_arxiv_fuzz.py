"""Whatever arXiv, or who stands in its place, answers: reading it never raises, and what it yields is whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

from arxiv_forms import Made, api, api_error, atom, many, rss, rss_error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.model import Batch, Paper, Verdict
from newsletter.sources.arxiv.authors import authors_in
from newsletter.sources.arxiv.calendar import HOLIDAYS
from newsletter.sources.arxiv.parser import read_answer
from newsletter.sources.arxiv.verdicts import Pages, of_feed, of_ids, of_issue
from newsletter.sources.base import Ask
from newsletter.sources.bounds import MAX_ABSTRACT, MAX_PROBLEMS, MAX_TITLE

ASK = Ask(datetime(2026, 8, 7, 12, tzinfo=UTC), date(2026, 8, 7))
WINDOW = (datetime(2026, 8, 5, 18, tzinfo=UTC), datetime(2026, 8, 6, 18, tzinfo=UTC))
FORMS = [
    rss([*many(4), Made(announced="cross"), Made(number="hep-ex/0307015", version=2, announced="replace")]),
    atom([*many(3), Made(announced="replace-cross", day="2026-08-07T00:00:00-04:00")]),
    api([*many(3), Made(version=4, title="Über $\\alpha$")], total=9),
    rss(),
    api_error(),
    rss_error(),
]
PIECES = [
    b"<item>",
    b"</item>",
    b"<title>",
    b"</title>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"&amp;",
    b"&#0;",
    b"&#xD800;",
    b"&#xDfff ",
    b"&#55296",
    b"&#xFFFE;",
    b"&#x110000;",
    b"&#99999999999999999999;",
    b"&#x;",
    b"&#x202e;",
    b"&nope;",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"\xff\xfe",
    b"\xc3",
    b"\x00",
    b'xmlns:a="b"',
    b"<a:b/>",
    b"oai:arXiv.org:",
    b"(((",
    b"9" * 400,
    b"Error",
    b"/api/errors",
]


def whole(paper: Paper) -> None:
    assert paper.id == paper.keys[0]
    assert paper.id.startswith("arxiv:")
    assert 0 < len(paper.title) <= MAX_TITLE
    assert len(paper.abstract) <= MAX_ABSTRACT
    for text in (paper.title, paper.abstract, paper.venue, *paper.authors, *paper.institutions, *paper.categories):
        assert text == " ".join(text.split())
        assert "\0" not in text
        text.encode("utf-8")
    assert all(link.url.startswith(("https://", "http://")) for link in paper.links)
    assert all(letter.isprintable() and letter != " " for link in paper.links[:3] for letter in link.url)


def sound(batch: Batch) -> None:
    assert batch.why
    assert batch.why.isprintable()
    assert all(problem.why.isprintable() for problem in batch.problems)
    assert len(batch.problems) <= MAX_PROBLEMS + 2
    assert (batch.verdict is Verdict.BROKEN) <= (not batch.papers)
    assert (batch.verdict is Verdict.NEW) <= (not batch.problems)
    for rank, paper in enumerate(batch.papers, 1):
        (listing,) = paper.listings
        assert (listing.rank, listing.day, paper.first_seen) == (rank, batch.day, batch.day)
    assert len({paper.id for paper in batch.papers}) == len(batch.papers)
    known = {paper.id for paper in batch.notes}
    assert {seen.paper for seen in batch.observations} <= known
    assert not known & {paper.id for paper in batch.papers}


def holds(content: bytes) -> None:
    answered = read_answer(content, "cs.CL")
    for record in answered.records:
        whole(record.paper)
    assert answered.fault.isprintable()
    sound(of_feed(answered, "arxiv", "cs.CL", ASK, HOLIDAYS, True))
    pages = Pages()
    pages.add(answered)
    sound(of_issue(pages, "arxiv", "cs.CL", ASK.today, WINDOW, ASK, False))
    sound(of_ids(pages, "arxiv", 1, ASK))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(FORMS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        how = draw(st.sampled_from(("cut", "drop", "change", "put", "double")))
        if how == "cut":
            del content[at:]
        elif how == "drop":
            del content[at : at + draw(st.integers(1, 400))]
        elif how == "change" and at < len(content):
            content[at] = draw(st.integers(0, 255))
        elif how == "put":
            content[at:at] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)))
        else:
            content[at:at] = content[at : at + draw(st.integers(1, 900))]
    return bytes(content)


MANY = 600
ANY = st.one_of(st.binary(max_size=600), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))


@settings(deadline=None, max_examples=MANY, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_damaged_answers(content: bytes) -> None:
    holds(content)


@settings(deadline=None, max_examples=MANY, suppress_health_check=[HealthCheck.too_slow])
@given(ANY)
def test_bytes_of_any_kind(content: bytes) -> None:
    holds(content)
    holds(b"<rss><channel><item><guid>oai:arXiv.org:2608.01234v1</guid><title>T</title>" + content)
    holds(FORMS[0].replace(b"We test.", content))
    holds(FORMS[2].replace(b"Ada Example", content))


@settings(deadline=None, max_examples=MANY)
@given(st.text(alphabet="ab ,()1J.r;\\'“", max_size=200))
def test_lines_of_authors(line: str) -> None:
    for author in authors_in(" ".join(line.split())):
        assert author.name
        assert author.name == " ".join(author.name.split())
        assert all(author.institutions)
