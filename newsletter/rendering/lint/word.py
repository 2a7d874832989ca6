"""C9 and C11: what Outlook on Windows, which draws with Word, does not do."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from math import ceil

from lxml import html

from newsletter.rendering.lint.cascade import View
from newsletter.rendering.lint.colours import colour
from newsletter.rendering.lint.findings import Finding, warning
from newsletter.rendering.lint.page import Page, drawn, paragraph

MOST_BORDER = 8
"""Pixels of a border that Word draws."""

TALLEST = 1_790
"""Pixels: Word splits a table of more than 23.7 inches and leaves a gap."""

WIDTH = 600
"""Pixels of a mail on a wide screen."""

_CHARACTER = 0.5
"""The width of a character on average, in its size."""

_CHARACTERS_A_LINE, _PIXELS_A_LINE = 70, 24
_CELLS = frozenset({"td", "th"})
_SIZED = frozenset({"table", "td", "th", "img"})
_GROUNDED = frozenset({"table", "tr", "td", "th", "body"})
_BORDERED = frozenset({"table", "td", "th", "img", "hr"})
_SIDES = ("top", "right", "bottom", "left")
_GHOST = re.compile(r"<!--\[if[^\]]*mso[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_BLOCK = re.compile(r"<(?:p|h[1-6]|li|tr|br)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def check_word(page: Page) -> Iterator[Finding]:
    """C9 and C11, with the property and the element as the detail of C9."""
    told: set[str] = set()
    for element in page.inline:
        for detail, message in _lost(page, element):
            if detail not in told:
                told.add(detail)
                yield warning(f"C9:{detail}", message, drawn(element))
    yield from _line_heights(page)
    yield from _tall_tables(page)


def _lost(page: Page, element: html.HtmlElement) -> Iterator[tuple[str, str]]:
    """What is declared for an element that Word leaves out: the detail, and the sentence."""
    bare = page.shown(element, View.BARE)
    tag = element.tag
    if bare.hidden:
        return
    if tag not in _CELLS and any(bare.pixels(f"padding-{side}") for side in _SIDES):
        yield f"padding-{tag}", f"Outlook on Windows leaves out the padding of <{tag}>: put it on a td."
    if tag not in _SIZED and bare.pixels("width"):
        yield f"width-{tag}", f"Outlook on Windows leaves out the width of <{tag}>: put it on a table or td."
    widths = [bare.pixels(f"border-{side}-width") for side in _SIDES]
    if tag not in _BORDERED and any(widths):
        yield f"border-{tag}", f"Outlook on Windows draws no good border on <{tag}>: put it on a td."
    if max(widths) > MOST_BORDER:
        yield "border", f"Outlook on Windows draws no border of more than {MOST_BORDER} pixels: make it thinner."
    parent = element.getparent()
    below = page.shown(parent, View.BARE).background if parent is not None else "#ffffff"
    own = bare.own.get("background-color")
    if tag not in _GROUNDED and own and colour(own.tokens) and bare.background != below:
        yield f"background-{tag}", f"Outlook on Windows colours only the words of <{tag}>: colour a td."


def _line_heights(page: Page) -> Iterator[Finding]:
    every = chain(
        (one for declared in page.inline.values() for one in declared),
        (one for block in page.word_blocks for rule in block.rules for one in rule.declarations),
    )
    names = {(one.name, one.value.lower()) for one in every}
    if any(name == "line-height" for name, _ in names) and ("mso-line-height-rule", "exactly") not in names:
        yield warning("C9:line-height", "Outlook on Windows stretches lines: add mso-line-height-rule: exactly for it.")


def _tall_tables(page: Page) -> Iterator[Finding]:
    papers = Counter(table for link in page.titles for table in link.iterancestors("table"))
    heights = _heights(page)
    for table in page.tagged("table"):
        if papers[table] > 1:
            yield warning(
                "C11", "A table holds several papers, and Word splits a tall one: use one each.", drawn(table)
            )
        elif heights[table] > TALLEST:
            said = (
                f"A table is about {heights[table]:,.0f} pixels high, and Word splits one above {TALLEST:,}: cut it up."
            )
            yield warning("C11", said, drawn(table))
    room = TALLEST // _PIXELS_A_LINE
    last, balance = 0, 0
    for ghost in _GHOST.finditer(page.source):
        between = page.source[last : ghost.start()]
        lines = len(" ".join(_TAG.sub("", between).split())) / _CHARACTERS_A_LINE
        if balance > 0 and max(lines, len(_BLOCK.findall(between))) > room:
            yield warning("C11", "A table for Word alone holds a long text, and Word splits it: use several.", ghost[0])
        inner = ghost[1].lower()
        balance, last = balance + inner.count("<table") - inner.count("</table"), ghost.end()


def _heights(page: Page) -> defaultdict[html.HtmlElement, float]:
    """About how high each table is, in pixels: its paragraphs at a width of WIDTH, and what is kept free around them.

    Cells are taken to stand below each other, as on a small screen.
    """
    blocks: defaultdict[html.HtmlElement, float] = defaultdict(float)
    for element, words in page.texts:
        blocks[paragraph(element)] += len(words) * page.shown(element, View.BARE).size * _CHARACTER
    heights: defaultdict[html.HtmlElement, float] = defaultdict(float)
    for block, width in blocks.items():
        bare = page.shown(block, View.BARE)
        around = sum(bare.pixels(f"{what}-{side}") for what in ("padding", "margin") for side in ("top", "bottom"))
        height = ceil(width / WIDTH) * bare.line + around
        for table in block.iterancestors("table"):
            heights[table] += height
    return heights
