"""The words of a feed without their markup."""

from __future__ import annotations

import time

import pytest

from newsletter.sources.feed.text import abstract_of, names, plain


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("Plain  words\n and more", "Plain words and more"),
        ("AT&amp;T and R&D &foo; 1&2", "AT&T and R&D &foo; 1&2"),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("one<br/>two<br>three", "one two three"),
        ("E<i>xamp</i>le <b class='x'>bold</b>", "Example bold"),
        ("CO<sub>2</sub>, 10<sup>-5</sup>, 19<sup>th</sup>, x<sub>max</sub>", "CO₂, 10⁻⁵, 19th, xmax"),
        ("&lt;p&gt;Once &amp;amp; again&lt;/p&gt;", "Once & again"),
        ("&amp;lt;p&amp;gt;Twice &amp;amp;amp; again&amp;lt;/p&amp;gt;", "Twice & again"),
        ("<![CDATA[<p>In a box</p>]]>", "In a box"),
        ("a<script>alert('<p>')</script>b<style>p {}</style>c<!-- d -->e", "a b ce"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;After", "After"),
        ("&lt;img src=x onerror=alert(1)&gt;After", "After"),
        ("Cut off <a href='https://example.org/x", "Cut off"),
        ("if a < b and <unk> then p<0.05 <i>n</i>=3", "if a < b and <unk> then p<0.05 n=3"),
        ("a<b and c>d", "a<b and c>d"),
        ("<math alttext='x^{2}'><mi>x</mi><mn>2</mn></math> grows", "x^{2} grows"),
        ("<mml:math><mml:mi>α</mml:mi><mml:mo>=</mml:mo><mml:mn>1</mml:mn></mml:math>.", "α=1."),
        ("<math><semantics><mi>β</mi><annotation encoding='TeX'>\\beta</annotation></semantics></math>", "β"),
        ("<jats:p>Text <jats:italic>in</jats:italic> JATS</jats:p>", "Text in JATS"),
        ("&nbsp;&#8212;&#x2014;&alpha;&nbsp;", "——α"),
        ("<p>", ""),
        ("<!-- only -->", ""),
    ],
)
def test_plain(markup: str, text: str) -> None:
    assert plain(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<h3>Abstract</h3><p>We do.</p>", "We do."),
        ("<jats:title>Abstract</jats:title><jats:p>We do.</jats:p>", "We do."),
        ("ABSTRACT\nWe do.", "We do."),
        ("Abstract: we do.", "we do."),
        ("Abstract We do.", "We do."),
        ("Abstract interpretation is a framework.", "Abstract interpretation is a framework."),
        ("Abstraction helps.", "Abstraction helps."),
        ("<p>Abstract</p>", "Abstract"),
        (
            "<p>Made-up Journal, Published online: 05 August 2026; <a href='x'>doi:10.1000/x-1</a></p>We do.",
            "We do.",
        ),
        ("arXiv:2608.01234v1 Announce Type: replace-cross \nAbstract: We do.", "We do."),
    ],
)
def test_abstracts(markup: str, text: str) -> None:
    assert abstract_of(markup) == text


@pytest.mark.parametrize(
    ("creators", "people"),
    [
        ([], ()),
        (["Ada Example"], ("Ada Example",)),
        (["Ada Example, Bo Sample"], ("Ada Example", "Bo Sample")),
        (["Ada Example, Bo Sample and Cy Third"], ("Ada Example", "Bo Sample", "Cy Third")),
        (["Ada Example, Bo Sample, and Cy Third"], ("Ada Example", "Bo Sample", "Cy Third")),
        (["Ada Example (A (B), C), Bo Sample (D, E)"], ("Ada Example", "Bo Sample")),
        (["Example, A., Sample, B. C."], ("A. Example", "B. C. Sample")),
        (["Example, A.; Sample, Bo; Cy Third"], ("A. Example", "Bo Sample", "Cy Third")),
        (["Example, Ada", "Sample, Bo"], ("Ada Example", "Bo Sample")),
        (["Example, Ada"], ("Ada Example",)),
        (["Ada Example", "Ada Example", " "], ("Ada Example",)),
        (["ada@example.org, Bo Sample", "..."], ("Bo Sample",)),
        (["Andersen Sandy"], ("Andersen Sandy",)),
    ],
)
def test_names(creators: list[str], people: tuple[str, ...]) -> None:
    assert names(creators) == people


@pytest.mark.parametrize(
    "hostile",
    [
        "<",
        "<p ",
        "<p =",
        "<a-",
        "&",
        "&amp;lt;",
        "<!--",
        "<![CDATA[",
        "((",
        "a",
        "a,",
        " ",
        "<sup>",
        "Abstract ",
        "<b>",
        "@",
    ],
)
def test_time_is_linear(hostile: str) -> None:
    began = time.process_time()
    abstract_of(hostile * (1_000_000 // len(hostile)))
    names([hostile * (200_000 // len(hostile))])
    assert time.process_time() - began < 5
