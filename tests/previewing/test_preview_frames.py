"""The frames: the same words in all of them, nothing that acts, and what each client does to a mail."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preview_builders import NAMES, evil
from rendering.mail_builders import rendered

from newsletter.previewing.frames import VIEWS, frames
from newsletter.previewing.markup import elements, parse, serialised, text_of
from newsletter.previewing.word import conditions_met, is_met, restyle

BASE = "https://spy.example.org"


def documents(source: str) -> dict[str, str]:
    return {frame.view.name: frame.document for frame in frames(source)}


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_has_the_same_words(name: str) -> None:
    source = rendered(name).html
    words = text_of(parse(source))
    assert len(words) > 100
    for view, document in documents(source).items():
        assert text_of(parse(document)) == words, view


@pytest.mark.parametrize("name", NAMES)
def test_no_frame_loses_a_link_or_a_heading(name: str) -> None:
    source = parse(rendered(name).html)
    for view, document in documents(rendered(name).html).items():
        for tag in ("a", "h1", "h2", "h3", "td", "p"):
            assert len(elements(parse(document), tag)) == len(elements(source, tag)), (view, tag)


def test_only_what_acts_is_taken_out() -> None:
    for view, document in documents(evil(BASE)).items():
        root = parse(document)
        words = text_of(root)
        assert "Seen before a link, a script and bold." in words, view
        assert words.endswith("after the script"), view
        assert "Send the form" in words
        assert {"script", "iframe", "object", "embed", "link", "base"} & {one.tag for one in elements(root)} == set()
        for one in elements(root):
            assert not [name for name in one.attrib if name.startswith("on")], (view, one.tag)
            fetched = [value for name, value in one.attrib.items() if BASE in value and name not in ("title", "style")]
            assert fetched == [], (view, one.tag)


def test_links_say_where_they_lead_but_lead_nowhere() -> None:
    link = elements(parse(documents('<p><a href="https://example.org/?a=1&amp;b=2">x</a></p>')["phone"]), "a")[0]
    assert dict(link.attrib) == {"title": "https://example.org/?a=1&b=2"}


def test_an_image_is_a_box_of_its_size_and_without_images_its_words() -> None:
    source = (
        '<img src="https://example.org/a.png" alt="A plot" width="120" height="80"><img src="data:image/png;base64,AA">'
    )
    drawn = documents(source)
    remote, own = elements(parse(drawn["desktop"]), "img")
    assert "width%3D%27120%27%20height%3D%2780%27" in remote.get("src")
    assert remote.get("alt") == "A plot"
    assert own.get("src") == "data:image/png;base64,AA"
    assert all("src" not in image.attrib for image in elements(parse(drawn["no-images"]), "img"))


def test_an_image_cannot_break_out_of_its_box() -> None:
    image = """<img src="x" width="1'/><script>" height="9" alt="">"""
    assert "script" not in elements(parse(documents(image)["phone"]), "img")[0].get("src")


DARK = "<style>@media screen and (prefers-color-scheme: DARK ) { p { color: #fff } }</style><p>x</p>"


def test_only_the_dark_frame_prefers_dark() -> None:
    chosen = {view for view, document in documents(DARK).items() if "and (min-width: 0) {" in document}
    assert chosen == {"dark"}
    light = DARK.replace("DARK", "light")
    chosen = {view for view, document in documents(light).items() if "and (min-width: 0) {" in document}
    assert chosen == {view.name for view in VIEWS} - {"dark", "no-styles", "word"}


def test_each_frame_has_the_scheme_it_shows() -> None:
    for frame in frames(DARK):
        assert f"color-scheme: {'dark' if frame.view.dark else 'light'} !important" in frame.document


def test_outlook_marks_the_root() -> None:
    marked = {view for view, document in documents(DARK).items() if "data-ogsc" in parse(document).attrib}
    assert marked == {"outlook-dark"}


def test_without_style_sheets_only_inline_styles_remain() -> None:
    document = documents(rendered("many").html)["no-styles"]
    styles = elements(parse(document), "style")
    assert len(styles) == 1  # ours
    assert "@media" not in document.partition("<!--")[0]
    assert len(elements(parse(document), "td")) == document.count("<td")
    assert ' style="' in document


def test_documents_are_in_standards_mode_and_survive_another_reading() -> None:
    for document in documents(rendered("many").html).values():
        assert document.startswith("<!DOCTYPE html>")
        assert serialised(parse(document)) == document


@pytest.mark.parametrize(
    "source", ["", " ", "x", "<!-- only -->", "<p>\x00\ud800x", "<frameset></frameset>", "</body>"]
)
def test_any_document_makes_frames(source: str) -> None:
    assert len(frames(source)) == len(VIEWS)


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("<>&\"'!-[]/= "), max_size=60))
@settings(deadline=None, max_examples=150)
def test_no_text_is_lost_on_the_way(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    source = f"<html><body><p>before</p><p>{escaped}</p><p>after</p></body></html>"
    words = text_of(parse(source))
    assert words.startswith("before") and words.endswith("after")  # noqa: PT018 - one fact: both ends are there
    assert {text_of(parse(document)) for document in documents(source).values()} == {words}


# Word


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a<!--[if mso]>b<![endif]-->c", "abc"),
        ("a<!--[if !mso]><!-->b<!--<![endif]-->c", "ac"),
        ("a<!--[if !mso]>-->b<!--<![endif]-->c", "ac"),
        ("a<![if !mso]>b<![endif]>c", "ac"),
        ("a<!--[if IE]>b<![endif]-->c", "ac"),
        ("a<!--[if (gte mso 9)|(IE)]>b<![endif]-->c<!--[if lt mso 12]>d<![endif]-->e", "abce"),
        ("a<!-- a comment -->b", "a<!-- a comment -->b"),
        ("a<!--[if mso]><noscript><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml></noscript>b<![endif]-->c", "abc"),
        ("a<!--[if mso]>b<![endif]--><p>c</p><!--[if !mso]><!-->d<!--<![endif]-->", "ab<p>c</p>"),
    ],
)
def test_conditional_comments(source: str, expected: str) -> None:
    assert conditions_met(source) == expected


@dataclass
class Expression:
    written: str
    met: bool


FEATURES = st.sampled_from(
    [
        *(Expression(words, True) for words in ("mso", "MSO", "gte mso 9", "mso 16", "lte mso 16", "gt mso 15", "vml")),
        *(Expression(words, False) for words in ("IE", "lt mso 16", "gte mso 17", "lt IE 9", "mso 12")),
    ]
)
EXPRESSIONS = st.recursive(
    FEATURES,
    lambda inner: st.one_of(
        inner.map(lambda one: Expression(f"!({one.written})", not one.met)),
        st.tuples(inner, inner).map(
            lambda two: Expression(f"({two[0].written})&({two[1].written})", two[0].met and two[1].met)
        ),
        st.tuples(inner, inner).map(
            lambda two: Expression(f"({two[0].written}) | ({two[1].written})", two[0].met or two[1].met)
        ),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
@settings(deadline=None, max_examples=300)
def test_conditions_are_worked_out(expression: Expression) -> None:
    assert is_met(expression.written) is expression.met


def test_and_binds_tighter_than_or() -> None:
    assert is_met("mso|IE&IE")
    assert is_met("IE&IE|mso")
    assert not is_met("!mso|IE&mso")
    assert not is_met("what is this")


def restyled(source: str) -> str:
    root = parse(source)
    restyle(root)
    return serialised(root)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<p style="padding: 4px; color: red; max-width: 9px">', "color: red;"),
        ('<div style="border-radius:6px;width:20px;display:inline-block">', ""),
        ('<table><tr><td style="padding:4px;width:9px;border-radius:6px">', "padding:4px; width:9px;"),
        ('<div style="display: NONE; max-height: 0">', "display: NONE;"),
        ('<div style="mso-hide:all">', "display: none;"),
        ('<a style="color:#fff !important; margin: 1px">', "margin: 1px;"),
        ("""<p style="font-family: 'a;b', x; background: url(a;b)">""", 'font-family: "a;b", x; background: url(a;b);'),
    ],
)
def test_word_ignores_what_it_does_not_know(element: str, expected: str) -> None:
    root = parse(element)
    restyle(root)
    assert [one.get("style") for one in elements(root) if "style" in one.attrib] == [expected]


def test_word_reads_plain_rules_only() -> None:
    sheet = "@media screen { p { color: red } } .a { color: blue; max-width: 1px } a:hover, [x] b { color: green }"
    document = restyled(f"<style>{sheet}</style><p>x</p>")
    assert re.findall(r"<style>(.*?)</style>", document) == [".a { color: blue; }"]


def test_the_word_frame_follows_the_ghost_rules_of_the_mail() -> None:
    word, desktop = (documents(rendered("many").html)[view] for view in ("word", "desktop"))
    assert ".block { width: 552px; }" in word.partition("</head>")[0]
    assert "<!--[if" not in word
    assert "<!--[if mso]>" in desktop
    assert "border-radius" not in word
    assert "border-radius" in desktop
    assert "PixelsPerInch" not in word
