"""Feeds of every form, read."""

from __future__ import annotations

import time
import tracemalloc
from datetime import date
from typing import Any

import feed_forms as forms
import pytest

from newsletter.model import Batch, Link, LinkKind, Listing, Paper, Verdict
from newsletter.sources.feed.parser import parse_feed

TODAY = date(2026, 8, 6)
URL = "https://journal.example.org/feeds/new.xml?key=secret"


def read(body: bytes, **options: Any) -> Batch:
    return parse_feed(body, **{"name": "journal", "url": URL, "today": TODAY} | options)


def one(body: bytes, **options: Any) -> Paper:
    batch = read(body, **options)
    assert (batch.verdict, batch.problems) == (Verdict.NEW, ())
    (paper,) = batch.papers
    return paper


def test_rss() -> None:
    batch = read(forms.rss(forms.item(1), forms.item(2)))
    assert (batch.verdict, batch.why, batch.day, batch.declared) == (Verdict.NEW, "2 papers read", TODAY, 2)
    assert (batch.document, batch.kind, batch.curators, batch.expected) == (
        "journal.example.org/feeds/new.xml", "feed", "", None
    )  # fmt: skip
    paper = batch.papers[1]
    assert (paper.title, paper.abstract) == ("A Made-up Finding of the Number 2", "We found the number 2.")
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert paper.keys[0] == paper.id == "guid:journal:article-2"
    assert paper.keys[1].startswith("title:")
    assert paper.links == (Link(LinkKind.ABSTRACT, "https://journal.example.org/articles/2?af=R"),)
    assert (paper.listings, paper.first_seen, paper.published) == ((Listing(TODAY, "journal", 2),), TODAY, TODAY)
    assert (paper.venue, one(forms.rss(forms.item()), venue="J. Made-up").venue) == ("", "J. Made-up")


def test_biorxiv() -> None:
    paper = one(forms.biorxiv(forms.BIORXIV_ITEM))
    assert paper.id == "doi:10.1101/2026.08.01.123456"
    assert (paper.title, paper.abstract) == (
        "Made-up E. coli count to 10⁵", "Bacteria count. They reach p < 0.05."
    )  # fmt: skip
    assert paper.authors == ("A. Example", "B. C. Sample")
    assert (paper.venue, paper.fields, paper.published) == ("bioRxiv", ("Microbiology",), date(2026, 8, 5))
    assert paper.listings == (Listing(date(2026, 8, 5), "journal", 1),)
    assert [link.url for link in paper.links] == [
        "https://doi.org/10.1101/2026.08.01.123456",
        "http://biorxiv.org/cgi/content/short/2026.08.01.123456v1?rss=1",
    ]


def test_arxiv() -> None:
    paper = one(forms.rss(forms.ARXIV_ITEM))
    assert paper.id == "arxiv:2608.01234"
    assert paper.abstract == "Text with $a<b$. Code: https://github.com/example/repo."
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert (paper.categories, paper.fields) == (("cs.CL", "physics.flu-dyn"), ("I.2.7",))
    assert [link.url for link in paper.links] == [
        "https://arxiv.org/abs/2608.01234",
        "https://arxiv.org/pdf/2608.01234",
        "https://github.com/example/repo",
    ]


def test_atom() -> None:
    paper = one(forms.ATOM)
    assert paper.id == "guid:journal:tag:blog.example.org,2026:one"
    assert paper.title == "Counting x^2 sheep at night"
    assert paper.abstract == "Sheep are counted. Twice & thrice."
    assert paper.authors == ("Ada Example", "Bo Sample")
    assert (paper.categories, paper.fields) == (("cs.CC",), ("sheep",))
    assert paper.published == date(2026, 8, 6)
    assert paper.links == (
        Link(LinkKind.ABSTRACT, "https://blog.example.org/2026/counting"),
        Link(LinkKind.PDF, "https://blog.example.org/counting.pdf"),
    )


def test_rss_of_1999() -> None:
    paper = one(forms.RSS_091)
    assert (paper.id, paper.listings) == ("url:old.example.org/form", (Listing(TODAY, "journal", 1),))


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("<prism:doi>10.1000/ABC.1</prism:doi>", "doi:10.1000/abc.1"),
        ("<dc:identifier>doi:10.1000/abc.1</dc:identifier>", "doi:10.1000/abc.1"),
        ("<dc:identifier>https://doi.org/10.1000/abc.1</dc:identifier>", "doi:10.1000/abc.1"),
        ("<dc:identifier>1234-5678</dc:identifier>", "guid:journal:x"),
        ("<link>https://doi.org/10.1000/abc.1</link>", "doi:10.1000/abc.1"),
        ("<link>https://pubs.example.org/doi/10.1000/abc.1?af=R</link>", "doi:10.1000/abc.1"),
        ("<link>https://pubs.example.org/doi/full/10.1000/abc.1#top</link>", "doi:10.1000/abc.1"),
        ("<link>https://biorxiv.org/content/10.1101/2026.08.01.12v2.full</link>", "doi:10.1101/2026.08.01.12"),
        ("<link>https://export.arxiv.org/abs/2608.01234v2</link>", "arxiv:2608.01234"),
        ("<link>https://huggingface.co/papers/2608.01234</link>", "arxiv:2608.01234"),
        ("<prism:doi>10.48550/arXiv.2608.01234</prism:doi>", "arxiv:2608.01234"),
        ("<guid>oai:arXiv.org:math/0309136v1</guid>", "arxiv:math/0309136"),
    ],
)  # fmt: skip
def test_identifiers(more: str, key: str) -> None:
    guid = "" if "<guid" in more else "<guid isPermaLink='false'>x</guid>"
    assert one(forms.rss(f"<item><title>The Title of a Paper</title>{guid}{more}</item>")).id == key


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("<guid>https://www.example.org/a/?utm_source=rss&amp;id=7#top</guid>", "url:example.org/a?id=7"),
        ("<link>http://EXAMPLE.org:80/a/</link>", "url:example.org/a"),
        ("<guid isPermaLink='false'>2608.01234</guid>", "guid:journal:2608.01234"),
        ("<guid isPermaLink='false'> a  b </guid><link>https://example.org/a</link>", "guid:journal:a b"),
        ("<link>https://example.org/</link>", "title:"),
        ("", "title:"),
    ],
)
def test_what_a_feed_tells_its_entries_apart_by(told: str, key: str) -> None:
    paper = one(forms.rss(f"<item><title>The Title of a Paper</title>{told}</item>"))
    assert paper.id == key if key != "title:" else paper.keys == (paper.id,)


def test_a_very_long_guid_becomes_its_hash() -> None:
    guid = "word " * 100
    paper = one(forms.rss(f"<item><title>The Title of a Paper</title><guid isPermaLink='false'>{guid}</guid></item>"))
    assert len(paper.id) == len("guid:journal:") + 64


def test_a_guid_that_all_entries_share_tells_nothing() -> None:
    entries = [
        f"<item><title>The Title of Paper {number}</title><guid>https://example.org/new</guid></item>"
        for number in range(3)
    ]
    papers = read(forms.rss(*entries)).papers
    assert len({paper.id for paper in papers}) == 3
    assert all(paper.id.startswith("title:") for paper in papers)


def test_an_entry_twice_is_one_paper() -> None:
    batch = read(forms.rss(forms.item(1), forms.item(2), forms.item(1)))
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 2]
    assert batch.verdict is Verdict.NEW


def test_an_editorial_is_not_every_editorial() -> None:
    assert one(forms.rss(forms.item(title="Editorial"))).keys == ("guid:journal:article-1",)
    doi = "<prism:doi>10.1000/abc.1</prism:doi>"
    assert one(forms.rss(forms.item(title="Editorial", more=doi))).keys == ("doi:10.1000/abc.1",)
    assert one(forms.rss(forms.ARXIV_ITEM.replace("A Made-up Title with $x^2$", "A Note"))).keys == (
        "arxiv:2608.01234",
    )
    (key,) = one(forms.rss("<item><title>Editorial</title></item>")).keys
    assert key.startswith("title:")


@pytest.mark.parametrize(
    ("written", "published", "listed"),
    [
        ("Thu, 06 Aug 2026 02:00:00 GMT", "2026-08-06", "2026-08-06"),
        ("Wed, 05 Aug 2026 22:00:00 -0400", "2026-08-06", "2026-08-06"),
        ("2026-08-04T23:00:00Z", "2026-08-04", "2026-08-04"),
        ("2026-8-3", "2026-08-03", "2026-08-03"),
        ("2026-8-2", "2026-08-02", "2026-08-06"),
        ("2026-07-15", "2026-07-15", "2026-08-06"),
        ("Aug 5, 2026", "2026-08-05", "2026-08-05"),
        ("2026-10-01", "2026-10-01", "2026-08-06"),
        ("2026-08-07", "2026-08-07", "2026-08-06"),
        ("soon", "None", "2026-08-06"),
        ("0000-00-00", "None", "2026-08-06"),
        ("9999-12-31T23:59:59-23:59", "None", "2026-08-06"),
    ],
)
def test_days(written: str, published: str, listed: str) -> None:
    paper = one(forms.rss(forms.item(day=written)))
    assert (str(paper.published), str(paper.listings[0].day), str(paper.first_seen)) == (published, listed, listed)


def test_asked_for_a_day_only_its_entries_count() -> None:
    body = forms.rss(forms.item(1, "2026-06-30"), forms.item(2, "2026-6-29"), forms.item(3, "2026-6-30"))
    batch = read(body, asked=date(2026, 6, 30))
    assert [paper.listings for paper in batch.papers] == [
        (Listing(date(2026, 6, 30), "journal", 1),), (Listing(date(2026, 6, 30), "journal", 3),)
    ]  # fmt: skip
    assert (batch.asked, batch.day, batch.why) == (date(2026, 6, 30), date(2026, 6, 30), "2 papers of 2026-06-30 read")
    none = read(body, asked=date(2026, 6, 1))
    assert (none.verdict, none.why, none.day) == (Verdict.QUIET, "the feed shows nothing of 2026-06-01", None)


def test_an_empty_feed_is_quiet() -> None:
    for body in (forms.rss(), forms.biorxiv(), b"<rss version='2.0'/>", b"<feed xmlns='http://www.w3.org/2005/Atom'/>"):
        batch = read(body)
        assert (batch.verdict, batch.why, batch.declared, batch.problems) == (Verdict.QUIET, "the feed is empty", 0, ())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is empty"),
        (b" \n", "the answer is empty"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "the answer is JSON, not RSS or Atom"),
        (b"not found", "the answer is neither RSS nor Atom"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "the answer is neither RSS nor Atom"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'></urlset>",
         "the answer is XML, but neither RSS nor Atom"),
        (b"<!doctype html><html><body>x",
         "the address is that of a web page, not of a feed; look for the feed's address in it"),
        (b"<html><head><link rel=alternate type='application/rss+xml' href='https://example.org/feed.xml'></head>",
         "the address is that of a web page, not of a feed; the page names https://example.org/feed.xml as its feed"),
        (b"<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'x'><html><head><link type='application/atom+xml' "
         b"href='javascript:alert(1)'></head>",
         "the address is that of a web page, not of a feed; look for the feed's address in it"),
        (b"<rss version='2.0'><channel><item><title>x",
         "the feed breaks off before its first entry ends"),
        (b"x" * 10_000_001, "the feed is larger than 10 MB"),
        (b"<rss>" + b"<item/>" * 5_000 + b"</rss>", "the feed's entries have no end"),
        (b"<rss><channel>" + b"<a/>" * 200_001 + b"</channel></rss>",
         "the feed has far more markup than a feed of papers"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_broken(body: bytes, why: str) -> None:
    batch = read(body)
    assert (batch.verdict, batch.why, batch.papers) == (Verdict.BROKEN, why, ())
    assert [problem.why for problem in batch.problems] == [why]


BOMB = "<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
BLOW_UP = f"<!DOCTYPE rss [<!ENTITY a '{'a' * 100_000}'>]>"
OUTSIDE = "<!DOCTYPE rss [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
SUBSET = "<!DOCTYPE rss SYSTEM 'http://127.0.0.1:9/rss.dtd'>"
HIDDEN = f"<!-- <rss> --> <?x <rss> ?> {BOMB}"


@pytest.mark.parametrize(
    "declaration", [BOMB, BLOW_UP, OUTSIDE, SUBSET, HIDDEN, BOMB.lower().replace("<!entity", "<!ENTITY")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_declarations_are_refused_in_any_encoding(declaration: str, encoding: str) -> None:
    body = (
        f"<?xml version='1.0'?>{declaration}<rss version='2.0'><channel><item><title>&a;</title></item></channel></rss>"
    )
    began = time.process_time()
    batch = read(body.encode(encoding))
    assert time.process_time() - began < 1
    assert batch.why == "the feed declares entities or names a DTD of its own, which is not read"
    assert batch.verdict is Verdict.BROKEN


def test_an_entity_that_is_declared_in_a_comment_is_none() -> None:
    comment = f'<!-- <!ENTITY big "{"a" * 1_000}"> -->'
    body = forms.rss(forms.item(1), forms.item(2, title="The big &big; of a &big; paper"))
    for place in (comment.encode() + body, body.replace(b"<channel>", b"<channel>" + comment.encode())):
        assert not any("aaaa" in paper.title for paper in read(place).papers)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    text = forms.rss(forms.item(title="Über die Größe von Fröschen")).decode()
    assert one(text.encode(encoding)).title == "Über die Größe von Fröschen"


@pytest.mark.parametrize(
    ("declared", "charset", "encoding"),
    [
        ("UTF-8", "iso-8859-1", "utf-8"),
        ("UTF-8", "us-ascii", "utf-8"),
        ("ISO-8859-1", "", "utf-8"),
        ("ISO-8859-1", "", "iso-8859-1"),
        ("UTF-8", "iso-8859-1", "iso-8859-1"),
        ("UTF-8", "", "iso-8859-1"),
        ("UTF-8", "utf-8", "windows-1252"),
        ("no-such", "unicode_escape", "iso-8859-1"),
    ],
)
def test_a_wrong_charset_is_seen_through(declared: str, charset: str, encoding: str) -> None:
    text = forms.rss(forms.item(title="Über die Größe von Fröschen")).decode().replace("UTF-8", declared)
    assert one(text.encode(encoding), charset=charset).title == "Über die Größe von Fröschen"


def test_damaged_bytes_cost_the_entry_they_are_in() -> None:
    body = forms.rss(forms.item(1, title="Größe von Fröschen im Teich"), forms.item(2, title="Der ?? Frosch"))
    batch = read(body.replace(b"??", b"\xff\xfe"))
    assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 1)
    assert batch.why == "1 paper read, 1 place not: entry 2: a title with bytes that are no text"


def test_nobody_is_misspelt() -> None:
    body = forms.rss(forms.item(1), forms.item(2).replace("Bo Sample", "B?? Sample"), forms.item(3))
    batch = read(body.replace(b"??", b"\xff\xfe").replace(b"number 1", "number é".encode()))
    assert [problem.why for problem in batch.problems] == ["entry 2: a name with bytes that are no text"]


def test_a_feed_that_breaks_off_keeps_its_whole_entries() -> None:
    whole = forms.rss(forms.item(1), forms.item(2), forms.item(3))
    for cut in range(0, len(whole) - 1, 7):
        batch = read(whole[:cut])
        assert batch.verdict in (Verdict.PARTIAL, Verdict.BROKEN)
        assert [paper.title[-1] for paper in batch.papers] == ["1", "2", "3"][: len(batch.papers)]
        assert len(batch.papers) == whole[:cut].count(b"</item>")
    assert read(whole[:-10]).why == "3 papers read, 1 place not: the feed breaks off after 3 entries"


def test_an_atom_feed_and_one_of_biorxiv_that_break_off() -> None:
    assert len(read(forms.ATOM[:-7]).papers) == 1
    assert read(forms.biorxiv(forms.BIORXIV_ITEM)[:-10]).verdict is Verdict.PARTIAL


@pytest.mark.parametrize(
    "flaw", ["&nbsp;", "&", "& &undefined;", "<br>", "\x0b\x00", "<undeclared:prefix/>", "&#0;", "&#xfffe;"]
)
def test_xml_that_is_not_well_formed_is_read_as_well_as_may_be(flaw: str) -> None:
    entry = forms.item(2).replace("We found", f"We {flaw} found")
    batch = read(forms.rss(forms.item(1), entry, forms.item(3)))
    assert [paper.listings[0].rank for paper in batch.papers if paper.listings[0].rank != 2] == [1, 3]
    assert len(batch.papers) + len(batch.problems) == 3


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("<item><link>https://example.org/a</link></item>", "an entry without a title"),
        ("<item><title>&lt;p&gt; &lt;/p&gt;</title></item>", "an entry without a title"),
        (f"<item><title>{'word ' * 201}</title></item>", "a title of more than 1,000 characters"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_kept(entry: str, why: str) -> None:
    batch = read(forms.rss(forms.item(1), entry, forms.item(3)))
    assert [problem.why for problem in batch.problems] == [f"entry 2: {why}"]
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 3]
    assert (batch.verdict, batch.declared) == (Verdict.PARTIAL, 3)


def test_whole_articles_are_cut_where_there_is_no_abstract() -> None:
    article = f"<content:encoded><![CDATA[<p>{'word ' * 20_000}</p>]]></content:encoded>"
    assert one(forms.rss(forms.item(more=article))).abstract == "We found the number 1."
    paper = one(forms.rss(f"<item><title>A Whole Article of Words</title>{article}</item>"))
    assert 4_900 < len(paper.abstract) <= 5_000
    assert set(paper.abstract.split()) == {"word"}


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "http://127.0.0.1/x", "http://u:p@e.org/"]
)
def test_links_are_public_addresses_or_left_out(link: str) -> None:
    assert one(forms.rss(f"<item><title>The Title of a Paper</title><link>{link}</link></item>")).links == ()


def test_relative_links_are_relative_to_the_feed() -> None:
    paper = one(forms.rss("<item><title>The Title of a Paper</title><link>/articles/7</link></item>"))
    assert paper.links[0].url == "https://journal.example.org/articles/7"


def test_two_thousand_entries_are_read_and_no_more() -> None:
    entries = [forms.item(number, more="<category>x</category>" * 3) for number in range(2_100)]
    began = time.process_time()
    batch = read(forms.rss(*entries[:2_000]))
    assert (batch.verdict, len(batch.papers), batch.declared) == (Verdict.NEW, 2_000, 2_000)
    batch = read(forms.rss(*entries))
    assert time.process_time() - began < 20
    assert (batch.verdict, len(batch.papers), batch.declared) == (Verdict.PARTIAL, 2_000, 2_100)
    assert batch.why == "2,000 papers read, 1 place not: more than 2,000 entries: the rest was not read"


def _attributes(count: int) -> bytes:
    return b" ".join(b"a%x=''" % number for number in range(count))


def hostile(size: int) -> dict[str, bytes]:
    """What there may be in a feed to keep its reader busy, in about `size` bytes."""

    def much(piece: bytes, share: float = 1.0) -> bytes:
        return piece * int(size * share / len(piece))

    def entry(inside: bytes) -> bytes:
        return b"<item><title>x</title>" + inside + b"</item>"

    return {
        "attributes": b"<item %b/>" % _attributes(size // 10),
        "some attributes": (b"<item %b/>" % _attributes(90)) * (size // 750),
        "attributes that an instruction hides": b"<?x <!-- ?><item %b/><?x --> ?>" % _attributes(size // 10),
        "attributes of html": entry(b"<description>&lt;p %b&gt;</description>" % _attributes(5_500)) * (size // 50_000),
        "a long attribute": b"<item a='" + much(b"x ") + b"'/>",
        "tags in tags": b"<item><title>" + much(b"<a>", 0.2) + much(b"</a>", 0.2667) + b"</title></item>",
        "tags without end": entry(b"") + much(b"<a ", 0.5),
        "a long word": entry(b"<author>" + much(b"a") + b"</author>"),
        "words of an address": entry(b"<author>" + much(b"a" * 299 + b" ") + b"</author>"),
        "entities": b"<item><title>" + much(b"&", 0.4) + b"</title></item>",
        "bases in bases": much(b"<item xml:base='a/'>", 0.06) + much(b"</item>", 0.021),
        "a long base": b"<item xml:base='" + much(b"a/") + b"'>" + much(b"<link>b</link>", 0.4) + b"</item>",
        "namespaces": b"".join(b"<item><a%d:x xmlns:a%d='u%d'/></item>" % (n, n, n) for n in range(size // 600)),
        "prefixes": much(b"<x:a xmlns:x='u'/>", 0.5),
        "authors": entry(much(b"<author>a</author>", 0.5)),
        "contents": entry(much(b"<content>a</content>", 0.5)),
        "comments": much(b"<!--", 0.3),
        "digits for a date": entry(b"<pubDate>" + much(b"1 ") + b"</pubDate>"),
        "markup in markup": entry(b"<description>" + much(b"&amp;lt;p&amp;gt;") + b"</description>"),
    }


@pytest.mark.parametrize("size", [60_000, pytest.param(600_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", hostile(10_000))
def test_hostile_feeds_cost_little(name: str, size: int) -> None:
    body = forms.rss().replace(b"</channel>", hostile(size)[name] + b"</channel>")
    began = time.process_time()
    assert read(body).why
    assert time.process_time() - began < size / 120_000


def test_attributes_without_end_are_refused() -> None:
    for name in ("attributes", "attributes that an instruction hides"):
        body = forms.rss().replace(b"</channel>", hostile(9_000_000)[name] + b"</channel>")
        began = time.process_time()
        assert read(body).why == "the feed has far more markup than a feed of papers"
        assert time.process_time() - began < 5


def test_markup_in_comments_and_cdata_is_none() -> None:
    tag = f"<p {_attributes(500).decode()}>"
    assert (
        len(
            read(
                forms.rss(forms.item(1, more=f"<!-- {tag} --><content:encoded><![CDATA[{tag}]]></content:encoded>"))
            ).papers
        )
        == 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile(10_000))
def test_large_hostile_feeds_cost_what_they_may(name: str) -> None:
    body = forms.rss().replace(b"</channel>", hostile(800_000)[name] + b"</channel>")
    tracemalloc.start()
    began = time.process_time()
    assert read(body).why
    seconds, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 60  # a tenth of it where nobody watches the memory
    assert most < 300_000_000
