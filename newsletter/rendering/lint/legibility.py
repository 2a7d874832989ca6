"""A6 to A9, C13 and D: whether everything can be read and hit, in every palette, as far as the rules tell."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import html

from newsletter.rendering.lint import colours
from newsletter.rendering.lint.cascade import Shown, View
from newsletter.rendering.lint.findings import Finding, error, warning
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import HEADINGS, Page, classes, drawn, paragraph, text_of
from newsletter.rendering.look import contrast

LEAST_CONTRAST, LEAST_CONTRAST_LARGE = 4.5, 3.0
"""WCAG 2.2, success criterion 1.4.3; large is 24 pixels, or bold and 18.66."""

LEAST_TARGET, LEAST_BUTTON = 24, 44
"""Pixels: WCAG 2.2, success criteria 2.5.8 and 2.5.5."""

LEAST_TEXT, LEAST_SMALL_TEXT = 16, 13

INVERTED = "where the colours are inverted"

_RELATIVE = frozenset({"sub", "sup", "code", "kbd", "small"})


def check_legibility(mail: Mail, page: Page) -> Iterator[Finding]:
    """A6 to A9, C13, D1 to D3."""
    if page.body is None:
        return
    yield from _contrast(page)
    yield from _underlines(page)
    yield from _targets(page)
    yield from _sizes(page)
    yield from _dark(page)


def _contrast(page: Page) -> Iterator[Finding]:
    told: set[tuple[str, str, str]] = set()
    for element, words in page.texts:
        for palette, shown, text, ground in _palettes(page, element):
            large = shown.size >= 24 or (shown.bold and shown.size >= 18.66)
            needed = LEAST_CONTRAST_LARGE if large else LEAST_CONTRAST
            if (palette, text, ground) not in told and (ratio := contrast(text, ground)) < needed:
                told.add((palette, text, ground))
                yield error(
                    "A6",
                    f"Text in {text} on {ground} has a contrast of {ratio:.2f}:1 {palette}; {needed}:1 is needed: "
                    "choose another colour, or answer it in that palette.",
                    f"{drawn(element)} … {words[:40]}",
                )


def _palettes(page: Page, element: html.HtmlElement) -> Iterator[tuple[str, Shown, str, str]]:
    """Each palette's name, and the colours of text and ground in it."""
    for view in (View.BARE, View.LIGHT, View.DARK, View.OUTLOOK):
        shown = page.shown(element, view)
        yield view.value, shown, shown.colour, shown.background
        if view is View.LIGHT:
            yield INVERTED, shown, colours.inverted(shown.colour), colours.inverted(shown.background)


def _underlines(page: Page) -> Iterator[Finding]:
    for link in page.links:
        if not _in_running_text(page, link):
            continue
        for view in View:
            shown = page.shown(link, view)
            if not shown.underlined and not shown.value("display").startswith("inline-"):
                yield error("A7", f"A link in running text is not underlined {view.value}: underline it.", drawn(link))
                break


def _in_running_text(page: Page, link: html.HtmlElement) -> bool:
    """Whether words that are no link stand beside it in its paragraph."""
    block = paragraph(link)
    if page.shown(link, View.LIGHT).hidden or block.tag in HEADINGS:
        return False
    linked = {one for other in block.iter("a") for one in other.iter()}
    beside = [
        one.text for one in block.iter() if isinstance(one.tag, str) and one not in linked and paragraph(one) is block
    ]
    beside += [
        one.tail
        for one in block.iter()
        if one is not block and paragraph(one.getparent()) is block and one.getparent() not in linked
    ]
    return any(char.isalnum() for text in beside if text for char in text)


def _targets(page: Page) -> Iterator[Finding]:
    for link in page.links:
        shown = page.shown(link, View.SMALL)
        if shown.hidden or not text_of(link):
            continue
        height = shown.line + sum(
            shown.pixels(name) for name in ("padding-top", "padding-bottom", "border-top-width", "border-bottom-width")
        )
        if "button" in classes(link) and height < LEAST_BUTTON:
            yield warning(
                "A8", f"A button is {height:g} pixels high {View.SMALL}: make it {LEAST_BUTTON}.", drawn(link)
            )
        elif height < LEAST_TARGET and not _in_running_text(page, link):
            yield warning(
                "A8", f"A link is {height:g} pixels high: give it a line or padding of {LEAST_TARGET}.", drawn(link)
            )


def _sizes(page: Page) -> Iterator[Finding]:
    [wrapper, *_] = [*(one for one in page.elements if one.get("role") == "article"), page.body]
    base = page.shown(wrapper, View.BARE).size
    declared = any("font-size" in page.shown(one, View.BARE).own for one in (wrapper, *wrapper.iterancestors()))
    if base < LEAST_TEXT or not declared:
        yield error(
            "A9",
            f"The mail's text is not set to {LEAST_TEXT} pixels or more: set font-size on the wrapper.",
            drawn(wrapper),
        )
    for element, _ in page.texts:
        size, view = min((page.shown(element, view).size, view) for view in (View.BARE, View.LIGHT, View.SMALL))
        if size < LEAST_SMALL_TEXT and element.tag not in {"sub", "sup"}:
            say = warning if element.tag in _RELATIVE else error  # those come with a paper's words, at any size
            yield say("A9", f"Text is {size:g} pixels large {view}: make it {LEAST_SMALL_TEXT}.", drawn(element))


def _dark(page: Page) -> Iterator[Finding]:
    queries = [rule.media for block in page.blocks for rule in block.rules]
    dark = any("prefers-color-scheme" in query and "dark" in query for query in queries)
    outlook = any("[data-ogs" in rule.selectors for block in page.blocks for rule in block.rules)
    if not dark:
        yield warning("D1", "There are no rules for @media (prefers-color-scheme: dark): add a block of them.")
    if not outlook:
        yield warning("D2", "There are no rules for [data-ogsc] and [data-ogsb]: add a block for Outlook.com.")
    if dark:
        yield from _answers(page)
        if outlook:
            yield from _agreement(page)
    yield from _grounds(page)


def _answers(page: Page) -> Iterator[Finding]:
    """C13: what is written into an element has to be answered by a rule for dark screens."""
    for element in page.inline:
        if page.shown(element, View.LIGHT).hidden and element is not page.preheader:
            continue
        for name in ("color", "background-color"):
            declared = page.shown(element, View.DARK).own.get(name)
            given = colours.colour(declared.tokens) if declared and not declared.embedded else None
            if given and given.alpha:
                what = f"“{name}” is written into <{element.tag}>, and no rule answers it on dark screens"
                yield warning("C13", f"{what}: give the element a class with a rule there.", drawn(element))
    reading = {element for element, _ in page.texts}
    for link in page.links:
        if link in reading and "color" not in page.shown(link, View.DARK).own:
            what = "A link has no colour of its own and stays blue on dark screens: give it a class."
            yield warning("C13", what, drawn(link))


def _agreement(page: Page) -> Iterator[Finding]:
    for element, _ in page.texts:
        dark, outlook = page.shown(element, View.DARK), page.shown(element, View.OUTLOOK)
        said, other = (f"{shown.colour} on {shown.background}" for shown in (dark, outlook))
        if said != other:
            what = f"Text is {said} on dark screens but {other} in Outlook.com: let both blocks say the same."
            yield warning("D2", what, drawn(element))


def _grounds(page: Page) -> Iterator[Finding]:
    for element, _ in page.texts:
        shown = page.shown(element, View.LIGHT)
        if contrast(shown.background, "#000000") < contrast(shown.background, "#ffffff"):
            yield warning(
                "D3",
                f"Text stands on the dark ground {shown.background} in the light palette: use a light one.",
                drawn(element),
            )
