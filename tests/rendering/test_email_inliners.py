"""The contract of an inliner, for the shipped one and for css-inline, on every edition: only styles change hands."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import tinycss2
from golden_edition import GOLDEN
from inliners import INLINERS, declarations
from lxml import etree, html
from mail_builders import EDITIONS, TEMPLATES, Edition, edition

from newsletter.errors import TemplateError
from newsletter.model import Parts
from newsletter.rendering.look import contrast
from newsletter.rendering.pieces import cut

every_inliner = pytest.mark.parametrize("inliner", INLINERS)
every_edition = pytest.mark.parametrize("name", [*EDITIONS, "golden"])

MARKED = re.compile(r"<style [^>]*>(.*?)</style>", re.DOTALL)
CONDITIONAL = re.compile(r"<!--\[if.*?<!\[endif\]-->", re.DOTALL)
COMMENT = re.compile(r"<!--(?!\[if).*?-->", re.DOTALL)
KNOWN_TAGS = set(
    "html head meta title style body div table tbody tr td h1 h2 h3 p a span strong em code sub sup br img".split()
)


def mail(name: str) -> Edition:
    return GOLDEN if name == "golden" else edition(name)


@cache
def trip(name: str, inliner: str) -> tuple[str, str, Parts]:
    """The specimen document of an edition before and after the inliner, and the e-mail put together from it."""
    seen: list[str] = []

    def spy(document: str) -> str:
        seen[:] = [document, INLINERS[inliner](document)]
        return seen[1]

    one = mail(name)
    parts = one.compiled(spy).compose(one.digest, name=one.reader, links=one.links)
    return seen[0], seen[1], parts


@cache
def styled(name: str, inliner: str) -> list[tuple[html.HtmlElement, dict[str, str]]]:
    """The elements of the body of the e-mail with what is declared in them."""
    return [(one, declarations(one.get("style", ""))) for one in elements(trip(name, inliner)[2].html, "body")]


def elements(markup: str, under: str = ".") -> list[html.HtmlElement]:
    """The elements in order; `<tbody>`, which browsers add in any case, does not count."""
    root = html.document_fromstring(markup)
    top = root if under == "." else root.find(under)
    return [one for one in top.iter() if isinstance(one.tag, str) and one.tag != "tbody"]


def texts(markup: str) -> tuple[str, str]:
    root = html.document_fromstring(markup)
    return root.findtext(".//title"), str(etree.tostring(root.body, method="text", encoding="unicode")).strip()


@every_inliner
@every_edition
def test_the_document_stays_whole(name: str, inliner: str) -> None:
    _, after, parts = trip(name, inliner)
    for document in (after, parts.html):
        assert document.startswith("<!DOCTYPE html>")
        assert document.lower().count("<!doctype") == 1
        assert document.rstrip().endswith("</html>")
    assert len(html.document_fromstring(parts.html).xpath('//a[@class="title"]')) == len(parts.papers)


@every_inliner
@every_edition
def test_elements_attributes_and_texts_come_out_as_they_went_in(name: str, inliner: str) -> None:
    before, after, _ = trip(name, inliner)
    base = html.document_fromstring(before).xpath("//style[not(@*)]")
    assert len(base) == 1

    def shape(markup: str, skipped: int) -> list[tuple[str, dict[str, str]]]:
        inlined = {"style", "data-premailer"}
        kept = [one for one in elements(markup) if one.tag != "style" or one.attrib or not skipped]
        return [(one.tag, {key: value for key, value in one.attrib.items() if key not in inlined}) for one in kept]

    assert shape(before, skipped=1) == shape(after, skipped=0)
    assert texts(before) == texts(after)


@every_inliner
@every_edition
def test_marked_blocks_and_comments_stay_byte_for_byte(name: str, inliner: str) -> None:
    before, after, parts = trip(name, inliner)
    assert len(MARKED.findall(before)) == 3
    assert MARKED.findall(before) == MARKED.findall(after) == MARKED.findall(parts.html)
    assert len(CONDITIONAL.findall(before)) == 1
    assert CONDITIONAL.findall(before) == CONDITIONAL.findall(after) == CONDITIONAL.findall(parts.html)
    assert COMMENT.findall(before) == COMMENT.findall(after)  # what pieces are cut and filled by
    assert len(html.document_fromstring(after).xpath("//style")) == 3


@every_inliner
@every_edition
def test_pieces_are_cut_where_they_were_joined(name: str, inliner: str) -> None:
    before, after, _ = trip(name, inliner)
    number = len(re.findall("<!--\ue000#[0-9]+\ue001-->", before)) - 1
    for whole, alone in zip(cut(before, number)[1], cut(after, number)[1], strict=True):
        assert [one.tag for one in elements(f"<div>{whole}</div>")] == [
            one.tag for one in elements(f"<div>{alone}</div>")
        ]


def base_rules(before: str) -> list[tuple[str, dict[str, str]]]:
    """Selector and declarations of the rules to inline, in the order in which they win."""
    [css] = html.document_fromstring(before).xpath("//style[not(@*)]/text()")
    found = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        selector = tinycss2.serialize(rule.prelude).strip()
        assert re.fullmatch(r"\.?[a-z][a-z0-9]*", selector), f"base.css: {selector} is not one tag or one class"
        found.append((selector, declarations(tinycss2.serialize(rule.content))))
    return sorted(found, key=lambda pair: pair[0].startswith("."))  # a class is more specific than a tag; stable


@every_inliner
@every_edition
def test_every_element_gets_what_the_cascade_gives_it(name: str, inliner: str) -> None:
    """CSS Cascading and Inheritance 4, section 6, for rules of one tag or one class."""
    rules = base_rules(trip(name, inliner)[0])
    for one, declared in styled(name, inliner):
        applies = {one.tag, *(f".{kind}" for kind in (one.get("class") or "").split())}
        expected: dict[str, str] = {}
        for selector, values in rules:
            if selector in applies:
                expected |= values
        assert declared == expected, (one.tag, one.get("class"))


@every_edition
def test_both_declare_the_same(name: str) -> None:
    one, other = (styled(name, inliner) for inliner in INLINERS)
    assert [(element.tag, values) for element, values in one] == [(element.tag, values) for element, values in other]
    first, second = (trip(name, inliner)[2] for inliner in INLINERS)
    assert (first.text, first.subject, first.papers) == (second.text, second.subject, second.papers)


@every_inliner
@every_edition
def test_c5_no_inline_rule_is_important(name: str, inliner: str) -> None:
    assert "important" not in "".join(re.findall(r"style=(\"[^\"]*\"|'[^']*')", trip(name, inliner)[2].html))


@every_inliner
@every_edition
def test_a6_the_result_can_be_read(name: str, inliner: str) -> None:
    checked = 0
    values = dict(styled(name, inliner))
    for one in values:
        if not (one.text or "").strip():
            continue
        around = [values[parent] for parent in (one, *one.iterancestors()) if parent in values]
        text, paper = (next(found[key] for found in around if key in found) for key in ("color", "background-color"))
        assert contrast(text, paper) >= 4.5, (one.tag, one.text, text, paper)
        checked += 1
    assert checked > 8


@every_inliner
def test_a_hostile_edition_stays_inert(inliner: str) -> None:
    parts = trip("hostile", inliner)[2]
    for one in elements(parts.html):
        assert one.tag in KNOWN_TAGS
        assert not [key for key in one.attrib if key.startswith("on")]
        if one.tag == "a":
            assert re.match(r"https?://[^\s/]|mailto:[^\s@]+@", one.get("href")), one.get("href")
    assert texts(parts.html)[1].count("<script>") > 5  # it is there, as text
    leave = mail("hostile").links.unsubscribe
    assert [one.text for one in elements(parts.html) if one.get("href") == leave] == ["Unsubscribe", "Unsubscribe"]


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a web server of our own, and what is asked of it."""
    paths: list[str] = []

    class Counting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Counting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


@every_inliner
def test_nothing_is_fetched(asked: tuple[str, list[str]], inliner: str) -> None:
    url, paths = asked
    markup = INLINERS[inliner](
        f'<!DOCTYPE html><html><head><link rel="stylesheet" href="{url}/a.css"><style>p {{ color: #ffffff; }} '
        f"div {{ background: url({url}/b.png); }} @font-face {{ font-family: x; src: url({url}/c.woff); }}</style>"
        f'</head><body><p>x</p><div><img src="{url}/d.png"></div></body></html>'
    )
    assert re.search(r'<p style="color: ?#ffffff;?">x</p>', markup)
    assert paths == []


@every_inliner
def test_a_style_that_would_be_fetched_never_reaches_the_inliner(
    asked: tuple[str, list[str]], inliner: str, tmp_path: Path
) -> None:
    url, paths = asked
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "base.css.j2").write_text(f"@import url({url}/x.css);")
    with pytest.raises(TemplateError, match="@import"):
        edition("one").compiled(INLINERS[inliner], folders=[tmp_path, TEMPLATES])
    assert paths == []
