"""The page: everything of the message is on it, exactly, and nothing of the message gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import HtmlElement
from preview_builders import NAMES, evil, made, of, of_html
from rendering.mail_builders import HOSTILE, rendered

from newsletter.previewing.anatomy import dissect, links
from newsletter.previewing.frames import VIEWS, frames
from newsletter.previewing.inbox import CLIENTS, clusters, columns, cut, lines
from newsletter.previewing.markup import elements, parse, text_of
from newsletter.previewing.page import page
from newsletter.previewing.weighing import CLIPPED_AT, bars, regions
from newsletter.rendering.lint import Finding, Severity

FINDINGS = (
    Finding("H1", Severity.ERROR, "An error to mend.", "<p onclick=\"alert('x')\">&amp;</p>"),
    Finding("A2", Severity.WARNING, "A warning to weigh."),
    Finding("C3", Severity.WARNING, "A rule only some know.", ".a { border-radius: 6px }", allowed="it is decoration"),
)


def part(root: HtmlElement, identifier: str) -> HtmlElement:
    (found,) = root.xpath(f"//*[@id='{identifier}']")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_frames_hold_the_message_exactly(name: str) -> None:
    preview = made(name)
    root = parse(page(preview, ()))
    shown = elements(root, "iframe")
    assert [one.get("srcdoc") for one in shown] == [
        one.document for one in frames(dissect(preview.message.content).html)
    ]
    assert len({one.get("title") for one in shown}) == len(VIEWS)
    assert {one.get("sandbox") for one in shown} == {""}


@pytest.mark.parametrize("name", NAMES)
def test_headings_parts_and_links_are_all_there(name: str) -> None:
    preview = made(name)
    root = parse(page(preview, ()))
    anatomy = dissect(preview.message.content)
    assert [text_of(one) for one in elements(root, "h1")] == [anatomy.field("Subject").strip()]
    assert {text_of(one) for one in part(root, "text").iter("pre")} == {
        " ".join(re.split(r"[ \n]+", anatomy.text)).strip()
    }
    assert len(part(root, "links").findall(".//tbody/tr")) == len(links(anatomy.html, anatomy.text))
    assert len(elements(root, "main")) == 1


@pytest.mark.parametrize("live", ["", "/changes"])
@pytest.mark.parametrize("name", ["many", "hostile"])
def test_nothing_on_the_page_can_act(name: str, live: str) -> None:
    root = parse(page(made(name), FINDINGS, live=live))
    allowed = {"html": {"data-live"}} if live else {}
    scripts = elements(root, "script")
    assert len(scripts) == bool(live)
    for one in elements(root):
        assert not [attribute for attribute in one.attrib if attribute.startswith("on")]
        assert one.get("src") is None
        assert set(one.attrib) - {"lang"} == allowed.get("html", set()) or one.tag != "html"
    for link in elements(root, "a"):
        assert re.match(r"#[a-z]|https?://|data:message/rfc822;base64,", link.get("href")), link.get("href")
    policy = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy
    assert bool(live) is ("script-src" in policy)


def test_the_only_addresses_outside_are_links_of_the_table() -> None:
    root = parse(page(of_html(evil("https://spy.example.org")), ()))
    for one in elements(root):
        for name, value in one.attrib.items():
            if "spy.example.org" in value and name != "srcdoc":
                assert (one.tag, name) == ("a", "href")
                assert one.get("rel") == "noopener noreferrer"
    table = part(root, "links")
    assert "javascript:alert(8)" in text_of(table)
    assert not [one for one in elements(table, "a") if one.get("href").startswith("javascript")]


def test_the_message_can_be_taken_away() -> None:
    preview = made("chinese")
    root = parse(page(preview, ()))
    (link,) = [one for one in elements(root, "a") if "download" in one.attrib]
    assert base64.b64decode(link.get("href").partition("base64,")[2]) == preview.message.content
    assert link.get("download") == "2025-03-12.eml"


def test_lint_is_grouped_and_what_is_allowed_is_folded() -> None:
    root = parse(page(made(), FINDINGS))
    lint = part(root, "lint")
    assert [text_of(one) for one in elements(lint, "h3")] == ["1 error", "1 warning"]
    (folded,) = elements(lint, "details")
    assert "it is decoration" in text_of(folded)
    assert "it is decoration" not in text_of(lint).replace(text_of(folded), "")
    assert "<p onclick=\"alert('x')\">&amp;</p>" in [one.text for one in lint.iter("pre")]
    assert "✗ 1 error: not to be sent" in text_of(elements(root, "header")[0])


def test_a_clean_message_says_so() -> None:
    root = parse(page(made(), FINDINGS[2:]))
    assert "✓ No errors" in text_of(elements(root, "header")[0])
    assert "Nothing to mend" in text_of(part(root, "lint"))


def test_hostile_words_stay_words() -> None:
    fault = Finding("H1", Severity.NOTE, HOSTILE, HOSTILE)
    written = page(made("hostile"), [fault, replace(fault, allowed=HOSTILE)])
    written.encode()  # no lone surrogate is left
    root = parse(written)
    assert elements(root, "script") == []
    assert len(elements(root, "title")) == 1
    assert len(elements(root, "iframe")) == len(VIEWS)
    assert "onerror=alert(1)" in text_of(part(root, "lint"))


def test_the_reader_is_warned() -> None:
    assert "don’t publish it" in page(made(), ())


def test_it_is_quick() -> None:
    preview = made("many")
    page(preview, FINDINGS)
    best = 1.0
    for _ in range(3):
        begun = time.perf_counter()
        page(preview, FINDINGS)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.15


# The inbox


def line(client: str, subject: str = "S", preheader: str = "Hello there", body: str = "", text: str = ""):  # type: ignore[no-untyped-def]  # a test's shorthand
    found = lines(subject, preheader, body or preheader, text)
    return next(one for one in found if one.client.name == client)


def test_every_client_cuts_at_its_own_place() -> None:
    words = "word " * 60
    for client in CLIENTS:
        one = line(client.name, words.strip(), words, words, words)
        assert columns(one.subject) <= client.subject
        assert columns(one.preheader) <= client.preview
        assert columns(one.subject) > client.subject - 6
        assert one.subject.endswith("…")
        if client.line is not None:
            assert client.line - 10 < columns(one.subject) + 3 + columns(one.preheader) <= client.line


def test_a_short_subject_leaves_the_row_to_the_preview() -> None:
    words = "word " * 60
    short, long = (line("Gmail on the web", subject, words, words) for subject in ("Short", words))
    assert columns(short.preheader) > columns(long.preheader) + 50


def test_what_leaks_in_is_shown() -> None:
    one = line("Apple Mail", body="Hello there View in browser · Unsubscribe")
    assert (one.preheader, one.leak) == ("Hello there", "View in browser · Unsubscribe")


def test_filler_keeps_it_out() -> None:
    filler = "\u2007\ufeff\u034f " * 80
    one = line("Apple Mail", body=f"Hello there{filler}View in browser")
    assert one.leak == ""
    assert columns(one.preheader + one.rest) <= 140
    too_little = line("Apple Mail", body=f"Hello there{filler[:40]}View in browser")
    assert too_little.leak == "View in browser"


def test_a_preheader_that_does_not_come_first_is_a_leak() -> None:
    one = line("Apple Mail", body="Logo Hello there")
    assert (one.preheader, one.leak) == ("", "Logo Hello there")
    assert "does not come first" in page(of_html("<p>Something else</p>"), ())


def test_some_clients_read_the_text_part() -> None:
    assert line("K-9, GMX and WEB.DE", text="Hello there\n\nThe name").leak == "The name"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩🏽\u200d🔬x", ["👩🏽\u200d🔬", "x"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("1\ufe0f\u20e32", ["1\ufe0f\u20e3", "2"]),
        ("각\u1100\u1161\u11a8", ["각", "\u1100\u1161\u11a8"]),
        ("हिन्दी", ["हि", "न्", "दी"]),
    ],
)
def test_clusters(text: str, pieces: list[str]) -> None:
    assert list(clusters(text)) == pieces


TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("\u0301\u200d\ufe0f🏽👩🇩🇪 中ab"), max_size=60)


@given(TEXTS, st.integers(1, 50))
@settings(deadline=None, max_examples=300)
def test_a_cut_is_in_room_and_between_clusters(text: str, room: int) -> None:
    pieces = list(clusters(text))
    assert "".join(pieces) == text
    assert not any(unicodedata.category(piece[0]).startswith("M") for piece in pieces[1:])
    shown = cut(text, room)
    assert columns(shown) <= room
    if shown != text:
        assert shown.endswith("…")
        assert shown[:-1] in {"".join(pieces[:count]).rstrip(" …") for count in range(len(pieces) + 1)}


# Headers, parts and sizes


def test_headers_are_decoded_and_raw() -> None:
    preview = of(replace(rendered("one"), subject="Über 3 Wege zu sehen"))
    anatomy = dissect(preview.message.content)
    assert anatomy.field("subject") == "Über 3 Wege zu sehen"
    assert anatomy.field("From") == "Trending Pàpers <papers@example.org>"
    assert anatomy.field("X-None") == ""
    assert "Subject: =?utf-8?" in anatomy.raw_head
    assert [name for name, _ in anatomy.fields] == re.findall(r"^([\w-]+):", anatomy.raw_head, re.MULTILINE)
    root = parse(page(preview, ()))
    assert "=?utf-8?" in text_of(elements(part(root, "anatomy"), "details")[0])


def test_the_parts_and_their_sizes() -> None:
    preview = of_html("<p>" + "神经场\n" * 900 + "</p>")
    anatomy = dissect(preview.message.content)
    assert [(one.depth, one.kind, one.charset) for one in anatomy.parts] == [
        (0, "multipart/alternative", ""),
        (1, "text/plain", "utf-8"),
        (1, "text/html", "utf-8"),
    ]
    html = anatomy.size("text/html")
    assert html.encoding == "base64"
    assert max(html.encoded, len(preview.parts.html.encode())) == pytest.approx(preview.message.html_size, abs=4)
    # Text travels with CRLF (RFC 2045 section 6.8).
    assert html.decoded == len(preview.parts.html.replace("\n", "\r\n").encode())
    assert anatomy.html == preview.parts.html
    assert anatomy.text == preview.parts.text


@pytest.mark.parametrize("name", NAMES)
def test_sizes_add_up(name: str) -> None:
    preview = made(name)
    anatomy = dissect(preview.message.content)
    decoded, encoded, whole = bars(anatomy, len(preview.message.content))
    assert decoded.size == len(anatomy.html.encode())
    assert encoded.size == anatomy.size("text/html").encoded
    assert whole.size == len(preview.message.content)
    assert all(region.size > 0 for bar in (decoded, encoded, whole) for region in bar.regions)


def test_each_region_has_its_bytes() -> None:
    html = rendered("many").html
    before = {one.name: one.size for one in regions(html)}
    assert list(before) == [
        *(
            "Head and styles",
            "Preheader",
            "Header",
            "Topic headings",
            "Paper cards",
            "Compact rows",
            "Footer",
            "Around them",
        )
    ]
    longer = {
        "Header": html.replace("<h1 ", "<h1 title='0123456789' ", 1),
        "Paper cards": html.replace("<h3 ", "<h3 title='0123456789' ", 1),
        "Topic headings": html.replace("<h2 ", "<h2 title='0123456789' ", 1),
        "Footer": "0123456789</p>".join(html.rsplit("</p>", 1)),
        "Head and styles": html.replace("</title>", " 0123456789 and so on</title>", 1),
    }
    for name, changed in longer.items():
        after = {one.name: one.size for one in regions(changed)}
        assert {key for key in after if after[key] != before[key]} == {name}
        assert after[name] - before[name] == len(changed) - len(html)


@pytest.mark.parametrize(
    "document", ["", "<p>x</p>", "<h1>x</h1>", "<a href='x'>y</a>", "<div style='display:none'>x</div>"]
)
def test_any_document_has_regions(document: str) -> None:
    assert sum(one.size for one in regions(document)) >= len(document)


def test_a_message_that_would_be_clipped_says_so() -> None:
    big = of_html("<p>x</p>" + "<i></i>" * 13_000)
    assert big.message.html_size < CLIPPED_AT  # the HTML alone still fits, the message does not with a long text
    longer = of(replace(big.parts, text="word " * 4_000))
    assert "clipped" in text_of(part(parse(page(longer, ())), "size")).replace("clips", "")


def test_links_are_counted_and_their_hosts_named() -> None:
    html = (
        '<a href="https://good.example.org@bad.example.org/">good</a> <a href="https://[::1/">odd</a>'
        '<a href="https://a.example/x">one</a> <a href="https://a.example/x">two</a> <a href="https://a.example/x">one</a>'
        '<a name="here">no link</a>'
    )
    found = {one.url: one for one in links(html, "Read:\nhttps://a.example/x\n")}
    assert [one.host for one in found.values()] == ["bad.example.org", "", "a.example"]
    assert not found["https://[::1/"].on_the_web
    assert (found["https://a.example/x"].words, found["https://a.example/x"].times) == (("one", "two"), 3)
    assert [one.in_text for one in found.values()] == [False, False, True]
