"""Text can be read: WCAG contrast of every text in the e-mail, in light and in dark."""

from __future__ import annotations

import re

import pytest
import tinycss2
from lxml import html
from mail_builders import Edition, edition, paper, rendered

from newsletter.rendering import Look
from newsletter.rendering.look import PAPER, PAPER_DARK, contrast


def dark_rules(css: str) -> dict[str, dict[str, str]]:
    """Class -> declarations, of the rules for dark screens (all of them have one class as selector)."""
    found: dict[str, dict[str, str]] = {}
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        for inner in tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True):
            declarations = tinycss2.parse_blocks_contents(inner.content, skip_whitespace=True)
            values = {one.name: tinycss2.serialize(one.value).strip() for one in declarations}
            for selector in tinycss2.serialize(inner.prelude).split(","):
                found.setdefault(selector.strip().removeprefix("."), {}).update(values)
    return found


def colours(element: html.HtmlElement, dark: dict[str, dict[str, str]]) -> tuple[str, str]:
    """Text and background colour of an element, as inherited."""
    found: dict[str, str] = {}
    for one in (element, *element.iterancestors()):
        own = {
            key.strip(): value.strip()
            for key, _, value in (part.partition(":") for part in one.get("style", "").split(";"))
        }
        for name in (one.get("class") or "").split():
            own |= dark.get(name, {})
        for key in ("color", "background-color"):
            if key in own:
                found.setdefault(key, own[key])
    return found["color"], found["background-color"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["many", "linked", "detailed", "none", "latex"])
def test_a6_c13_every_text_can_be_read(name: str, scheme: str) -> None:
    document = html.document_fromstring(rendered(name).html)
    [sheet] = [style.text for style in document.iter("style") if "prefers-color-scheme" in style.text]
    dark = dark_rules(sheet) if scheme == "dark" else {}
    checked = 0
    for element in document.body.iter():
        # Where pictures are blocked, which is often, there is the alternative to read.
        if isinstance(element.tag, str) and (element.text or element.get("alt") or "").strip():
            text, background = colours(element, dark)
            assert background == (PAPER_DARK if scheme == "dark" else PAPER)
            assert contrast(text, background) >= 4.5, (element.tag, element.text, text, background)
            checked += 1
    assert checked > 8


def test_dark_rules_and_outlooks_say_the_same() -> None:
    document = html.document_fromstring(rendered("many").html)
    dark, outlook = (
        {
            (selector.strip(), declaration.strip())
            for selectors, body in re.findall(r"([^{}]+){([^{}]*)}", css)
            for selector in re.sub(r"\[data-ogs[bc]\] ", "", selectors).split(",")
            for declaration in body.split(";")
            if declaration.strip()
        }
        for css in (
            next(s.text.split("dark) {")[1] for s in document.iter("style") if "prefers-color-scheme" in s.text),
            next(s.text for s in document.iter("style") if "data-ogsc" in s.text),
        )
    )
    assert dark == outlook


def test_contrast_formula_on_the_known_ends() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#ffffff") == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"accent": "red"}, "accent: 'red' is not a colour"),
        ({"accent": "#fff"}, "accent: '#fff' is not a colour"),
        ({"accent": "#000000;}*{display:none"}, "is not a colour"),
        ({"accent": "#ffcc00"}, "choose a darker colour"),
        ({"accent_dark": "#0b5394"}, "choose a lighter colour"),
        ({"name": " "}, "name: the newsletter needs a name"),
        ({"text_width": 10}, "text_width: 10 is too narrow"),
    ],
)
def test_a_look_nobody_could_read_is_refused(values: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Look(**values)  # type: ignore[arg-type]  # a mix of fields


def test_the_accent_is_the_operators() -> None:
    look = Look(accent="#8a1538", accent_dark="#ff9eb5")
    markup = Edition({"Neural fields": [paper(1)]}, look=look).parts().html
    assert "#8a1538" in markup
    assert "#ff9eb5" in markup
    assert "#0b5394" not in markup
    assert "#0b5394" in edition("many").parts().html
