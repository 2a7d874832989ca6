"""H13 and T2: what a template left unfilled or unconverted, told from the words of papers.

A paper may say `{{ x }}`, `<b>` or `None`. It says so in both parts, while a slip of a template mostly shows in one:
the parts are escaped differently. Hence a left-over that stands in one part only is an error, provided that this part
says nothing else of its own; templates that show papers' words in one part only get no more than a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml import html

from newsletter.rendering.lint.findings import Finding, error, warning
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import Page, drawn, text_of

UNFILLED = re.compile(r"\{\{|\{%|%7B%(?:7B|25)", re.IGNORECASE)
"""A placeholder of a template, as it stands or as an inliner escapes it in an address."""

NOTHING = re.compile(r"\s*(?:None|nan|NaN|undefined|Undefined)\s*")
"""What a program prints that was given nothing."""

ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")

_PLACEHOLDER = re.compile(rf"(?:{UNFILLED.pattern})[^…\n]{{0,40}}", re.IGNORECASE)
_FORMATS = {
    "tag": re.compile(r"</?[A-Za-z][^<>\n]*>"),
    "entity": re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#x[0-9a-fA-F]+);"),
    "Markdown": re.compile(r"\*\*[^*\n]+\*\*|^#{1,6} .*|\[[^\]\n]+\]\([^)\n]*\)|^```.*"),
    "TeX": re.compile(r"\\[A-Za-z]+|\$[^$\n]*[\\^_{][^$\n]*\$"),
}
_NUMBER = re.compile(r"^[0-9]+\. ")
_NO_NUMBER = re.compile(r"(?:^|· )(?:None|nan|NaN)(?: [a-z]+)?(?=$| ·|[.,;])")
_NO_VALUE = re.compile(r"\b(?:None|nan|NaN)(?=$|[.,;:!)])")
_LONGEST_ITEM = 60
_WORDED = frozenset({"aria-label", "alt", "title"})
"""Attributes that hold text to be read."""


@dataclass(frozen=True)
class _Part:
    """One of the two parts: what it is called, its text piece by piece, and what the other part may say as well.

    `pieces` leave out addresses and links: the text part shows where they lead, the HTML part what they say.
    """

    name: str
    pieces: tuple[str, ...]
    other_may_say: Callable[[str], bool]
    other_has_word: Callable[[str], bool]

    @cached_property
    def adds_nothing(self) -> bool:
        """Whether the other part says all of this one, what looks like left-overs apart: then papers' words do stand in
        both, and what stands in one alone is none of theirs."""
        suspect = (UNFILLED, *_FORMATS.values())
        return all(
            self.other_may_say(piece)
            for piece in self.pieces
            if not NOTHING.fullmatch(piece) and not any(one.search(piece) for one in suspect)
        )


def check_left_overs(mail: Mail) -> Iterator[Finding]:
    """H13 and T2, in both parts."""
    lines = [_NUMBER.sub("", line).strip() for line in mail.lines if not ADDRESS.fullmatch(line.strip())]
    text = _Part("The text part", tuple(dict.fromkeys(lines)), mail.page_may_say, mail.page_has_word)
    for line in text.pieces:
        yield from _unfilled(mail, text, line)
        yield from _unconverted(mail, text, line)
    if (page := mail.page) is None or page.body is None:
        return
    running = tuple(dict.fromkeys(words for _, words in page.running))
    part = _Part("The HTML part", running, mail.text_may_say, mail.text_has_word)
    for words in dict.fromkeys([*map(text_of, page.tagged("title")), *(words for _, words in page.pieces)]):
        yield from _unfilled(mail, part, words)
    for words in running:
        yield from _unconverted(mail, part, words)
    yield from _without_value(page)
    yield from _attributes(mail, part, page)


def _unfilled(mail: Mail, part: _Part, words: str, *, ours: bool = True) -> Iterator[Finding]:
    """H13: `words` if they hold a placeholder, or are what a program prints that was given nothing.

    Without `ours` they may be a paper's even if they stand in one part only.
    """
    blamed = error if ours else warning
    if found := _PLACEHOLDER.search(words):
        around = found[0].strip()
        if mail.said_in_both(around):
            said = "A text looks like a placeholder of a template, and both parts have it."
            yield warning("H13:words", said, around)
            return
        # One brace will do: a subject or a button may show the beginning of what the other part says whole.
        if part.other_may_say("{") or not part.adds_nothing:
            blamed = warning
        yield blamed("H13", "A text is a placeholder that was left unfilled: give the template its value.", around)
    elif NOTHING.fullmatch(words):
        word = words.strip()
        if part.other_has_word(word) or not part.adds_nothing:
            blamed = warning
        yield blamed("H13", f"A text is nothing but “{word}”: give the template its value.", words)


def _unconverted(mail: Mail, part: _Part, words: str) -> Iterator[Finding]:
    """T2: signs of another format."""
    for kind, pattern in _FORMATS.items():
        for found in pattern.finditer(words):
            if mail.said_in_both(found[0]):
                yield warning("T2:words", f"Both parts hold what looks like a left-over ({kind}).", found[0])
                continue
            blamed = warning if part.other_may_say(found[0]) or not part.adds_nothing else error
            yield blamed("T2", f"{part.name} holds a left-over ({kind}): print plain text, escaped for HTML.", found[0])


def _without_value(page: Page) -> Iterator[Finding]:
    """H13: a word for nothing where a number or a name belongs; among what papers say only where it is an item."""
    around = set(page.around_papers)
    titled = {inner for title in page.titles for inner in title.iter()}
    for element, words in page.running:
        if element in titled or NOTHING.fullmatch(words):
            continue
        item = _NO_NUMBER.search(words) if len(words) <= _LONGEST_ITEM or " · " in words else None
        if found := item or (_NO_VALUE.search(words) if element in around else None):
            said = f"“{found[0].strip(' ·')}” stands where a value belongs: give the template its value."
            yield warning("H13", said, words)


def _attributes(mail: Mail, part: _Part, page: Page) -> Iterator[Finding]:
    """H13 in attributes."""
    for element in page.elements:
        for name, value in element.attrib.items():
            if name in {"href", "src"}:
                yield from _address(mail, element, value.strip())
            elif name in _WORDED:
                # The article's label is the subject; others may hold what a paper says and no part shows.
                yield from _unfilled(mail, part, value, ours=element.get("role") == "article")
            elif UNFILLED.search(value) or NOTHING.fullmatch(value):
                said = f"The attribute {name} was left unfilled: give the template its value."
                yield error("H13", said, drawn(element))


def _address(mail: Mail, element: html.HtmlElement, value: str) -> Iterator[Finding]:
    if value in {"", "#"} or NOTHING.fullmatch(value):
        yield error("H13", f"A <{element.tag}> leads nowhere: give the template its address.", drawn(element))
    elif UNFILLED.search(value):
        # What the text part shows as well is a paper's, whatever it looks like; a thumbnail it cannot show.
        if value in mail.line_set:
            said = "An address looks like a placeholder of a template, and both parts have it."
            yield warning("H13:words", said, value)
        elif element.tag == "img":
            said = "An image's address looks like a placeholder of a template: see where it comes from."
            yield warning("H13:picture", said, value)
        else:
            yield error("H13", "An address was left unfilled: give the template its value.", drawn(element))
