"""Styles as a mail program resolves them: who wins, what is inherited, what a palette makes of it."""

from __future__ import annotations

import pytest
import tinycss2

from newsletter.rendering.lint import colours
from newsletter.rendering.lint.cascade import Shown, View, length
from newsletter.rendering.lint.page import Page
from newsletter.rendering.lint.stylesheets import Block

CSS = """
p { color: #111111 }
.a { color: #222222; font-size: 20px }
p.a { color: #333333 }
#i { color: #444444 !important }
@media (prefers-color-scheme: dark) {
.a { color: #555555 !important; background: #000000 }
body { background-color: #010101 }
}
@media screen and (max-width: 480px) { .a { font-size: 24px !important } }
[data-ogsc] .a { color: #666666 !important }
a:hover { color: #777777 !important } ::before, a|b { color: #888888 }
"""


def page(inner: str, css: str = CSS) -> Page:
    return Page(f"<html><head><style>{css}</style></head><body>{inner}</body></html>", 0)


def shown(inner: str, view: View = View.LIGHT, css: str = CSS) -> Shown:
    """How the last element of `inner` is shown."""
    made = page(inner, css)
    return made.shown(made.elements[-1], view)


@pytest.mark.parametrize(
    ("inner", "view", "colour"),
    [
        ("<p>", View.LIGHT, "#111111"),
        ("<p>", View.BARE, "#000000"),
        ("<i class=a>", View.LIGHT, "#222222"),
        ("<p class=a>", View.LIGHT, "#333333"),  # the more specific one, though not the last
        ("<p class=a style='color:#abcdef'>", View.LIGHT, "#abcdef"),
        ("<p class=a id=i style='color:#abcdef'>", View.LIGHT, "#444444"),
        ("<p class=a id=i style='color:#abcdef !important'>", View.LIGHT, "#abcdef"),
        ("<p class=a style='color:#abcdef'>", View.DARK, "#555555"),
        ("<p class=a style='color:#abcdef'>", View.OUTLOOK, "#666666"),
        ("<p class=a><b><i>", View.DARK, "#555555"),  # inherited
        ("<a href=x>", View.LIGHT, "#0000ee"),
        ("<p><a href=x style='color:inherit'>", View.LIGHT, "#111111"),
        ("<p style='color:rgba(0,0,0,0.5)'>", View.LIGHT, "#808080"),
        ("<p style='color:nonsense'>", View.BARE, "#000000"),
    ],
)
def test_colours(inner: str, view: View, colour: str) -> None:
    assert shown(inner, view).colour == colour


def test_backgrounds_show_through() -> None:
    assert shown("<p class=a><b>", View.DARK).background == "#000000"
    assert shown("<p><b>", View.DARK).background == "#010101"
    assert shown("<table><td bgcolor='#0b5394'><b>").background == "#0b5394"
    assert shown("<p style='background:rgba(0,0,0,0) none'>").background == "#ffffff"


def test_sizes() -> None:
    assert shown("<p class=a>", View.LIGHT).size == 20
    assert shown("<p class=a>", View.SMALL).size == 24
    assert shown("<p class=a><sub style='font-size:75%'>").size == 15
    assert shown("<h1>", css="").size == 32
    assert shown("<h1 style='font-size:1.5em'>", css="").size == 24
    assert shown("<p style='line-height:24px'><b>").line == 24
    assert shown("<p style='line-height:1.5; font-size:20px'><b style='font-size:10px'>").line == 15
    padded = shown("<a style='padding:1px 2px 3px; border:2px solid #000000'>")
    names = ("padding-top", "padding-right", "padding-bottom", "padding-left", "border-top-width")
    assert [padded.pixels(name) for name in names] == [1, 2, 3, 2, 2]


def test_what_is_hidden_and_what_is_underlined() -> None:
    assert shown("<p style='display:none'><b>").hidden
    assert not shown("<p><b>").hidden
    assert shown("<a href=x>").underlined
    assert not shown("<a href=x style='text-decoration:none'>").underlined


def test_the_document_is_left_as_it_was() -> None:
    made = page("<p class=a>")
    assert made.shown(made.elements[-1], View.OUTLOOK).colour == "#666666"
    assert made.root is not None
    assert "data-ogsc" not in made.root.attrib


@pytest.mark.parametrize(
    ("value", "pixels"), [("12px", 12), ("1.5em", 30), ("50%", 10), ("12pt", 16), ("0", 0), ("7", None), ("auto", None)]
)
def test_lengths(value: str, pixels: float | None) -> None:
    assert length(value, 20) == pixels


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # as Chromium draws it under filter: invert(1) hue-rotate(180deg)
        ("#000000", "#ffffff"),
        ("#ffffff", "#000000"),
        ("#808080", "#7f7f7f"),
        ("#ff0000", "#ff9292"),
        ("#0000ff", "#dadaff"),
        ("#0b5394", "#79c1ff"),
        ("#57606a", "#98a1ab"),
    ],
)
def test_forced_inversion(before: str, after: str) -> None:
    assert colours.inverted(before) == after


def test_translucent_colours_are_laid_over_the_ground() -> None:
    red = colours.colour(tinycss2.parse_component_value_list("rgba(255, 0, 0, 0.5)"))
    assert red is not None
    assert colours.over(red, "#ffffff") == "#ff8080"
    assert colours.colour(tinycss2.parse_component_value_list("1px solid")) is None


@pytest.mark.parametrize(
    ("css", "fault"),
    [
        ("@media screen { @media print { a { b: c } } }", "@media print stands inside @media screen"),
        ("@supports (a: b) { @media print { } }", "@media print stands inside @supports (a: b)"),
        ("a { b { c: d } }", "a rule is nested in a"),
        ("@import url(x);", "it has @import url(x)"),
        ("a { b }", "it cannot be read in line 1"),
        ("a", "it cannot be read in line 1"),
        ("a { b: " + "(" * 1_000, "it nests brackets more than 40 deep"),
    ],
)
def test_what_endangers_a_block(css: str, fault: str) -> None:
    [found] = Block.of(css).faults
    assert fault in found


def test_a_block_is_read_whole() -> None:
    block = Block.of("/* x */ a, .b { Color: #AABBCC !important; } @MEDIA (Max-Width: 480px) { c { d: e } }")
    assert block.faults == ()
    assert [(rule.selectors, rule.media) for rule in block.rules] == [("a, .b", ""), ("c", "(max-width: 480px)")]
    assert str(block.rules[0]) == "a, .b { color: #AABBCC !important }"
    assert [str(rule) for rule in block.at_rules] == ["@media (Max-Width: 480px)"]
