"""A and RTL: what people need who hear, zoom or read from right to left."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from lxml import html

from newsletter.rendering.lint.findings import Finding, error, warning
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import HEADINGS, Page, drawn, paragraph, seen, text_of

MOST_TARGETS = 3
"""As many addresses may one link text lead to."""

KEPT = frozenset(
    "html head meta title style body div table tbody tr td h1 h2 h3 h4 h5 h6 p a span strong b em i u s small code kbd"
    " sub sup br hr img ul ol li blockquote pre center font".split()
)
"""Elements that all programs keep."""

_NAMED_ELSEWHERE = frozenset({"script", "link", "base", "iframe", "object", "embed", "form", "thead", "th", "caption"})
_VAGUE = frozenset(
    {
        "click here",
        "here",
        "read more",
        "more",
        "link",
        "this",
        "learn more",
        "mehr",
        "hier",
        "hier klicken",
        "weiterlesen",
    }
)
_LOGICAL = ("margin-inline", "padding-inline", "margin-block", "padding-block", "inset-inline", "border-inline")


def check_accessibility(mail: Mail, page: Page) -> Iterator[Finding]:
    """A1 to A5, A10, A11 and RTL."""
    yield from _tables(page)
    yield from _headings(page)
    yield from _images(page)
    yield from _links(page)
    yield from _elements(page)
    yield from _directions(page)


def _tables(page: Page) -> Iterator[Finding]:
    for table in page.tagged("table"):
        if table.get("role") not in {"presentation", "none"}:
            yield error("A1", 'A table has no role="presentation": add it, or it is read out as data.', drawn(table))
        if missing := [name for name in ("border", "cellpadding", "cellspacing") if table.get(name) != "0"]:
            yield error("A1", f"A table has no {', '.join(missing)} of 0: add it.", drawn(table))
    for cell in page.tagged("th", "thead", "caption"):
        yield error("A1", f"A table for layout has a <{cell.tag}>: use td, and headings for what is one.", drawn(cell))


def _headings(page: Page) -> Iterator[Finding]:
    found = page.tagged(*HEADINGS)
    levels = [int(heading.tag[1]) for heading in found]
    if levels.count(1) != 1:
        yield warning("A2", f"There are {levels.count(1)} h1 headings: give the mail one.")
    if levels and levels[0] != 1 and 1 in levels:
        yield warning("A2", f"The first heading is an h{levels[0]}: begin with the h1.", drawn(found[0]))
    for (earlier, later), heading in zip(pairwise(levels), found[1:], strict=False):
        if later > earlier + 1:
            yield warning("A2", f"An h{later} follows an h{earlier}: do not skip a level.", drawn(heading))


def _images(page: Page) -> Iterator[Finding]:
    for image in page.tagged("img"):
        if image.get("alt") is None:
            yield error("A3", 'An image has no alt: say what it shows, or alt="" if it only decorates.', drawn(image))
        link = next((one for one in image.iterancestors("a")), None)
        if link is not None and image.get("alt") == "" and not seen(text_of(link)):
            yield error("A3", "An image is a link and has an empty alt: say where it leads.", drawn(link))


def _links(page: Page) -> Iterator[Finding]:
    targets: dict[str, set[str]] = {}
    for link in page.links:
        alternatives = " ".join(image.get("alt") or "" for image in link.iter("img"))
        words = f"{text_of(link)} {alternatives}".strip()
        if not words:
            yield error("A4", "A link has no text: say where it leads.", drawn(link))
        elif not seen(words):  # a paper's title may be nothing but invisible characters
            yield warning("A4", "A link's text cannot be seen: say where it leads.", drawn(link))
        said = words.casefold().strip(" .…»›→")
        if said in _VAGUE:
            yield warning("A5", f"A link says only “{words}”: say where it leads.", drawn(link))
        # Told apart for those who have them read aloud one by one; who sees them sees what they stand below.
        label = link.get("aria-label", "").casefold()
        targets.setdefault(label if label.startswith(said) else said, set()).add(link.get("href", ""))
    for words, addresses in targets.items():
        if len(addresses) > MOST_TARGETS:
            yield warning(
                "A5", f"{len(addresses)} links to different addresses all say “{words[:60]}”: tell them apart."
            )


def _elements(page: Page) -> Iterator[Finding]:
    for tag in dict.fromkeys(element.tag for element in page.elements):
        if tag not in KEPT | _NAMED_ELSEWHERE:
            yield warning("A10", f"<{tag}> is dropped or broken by some mail programs: use div or span.", f"<{tag}>")
    ids = Counter(identity for element in page.elements if (identity := element.get("id")))
    for identity, times in ids.items():
        if times > 1:
            yield warning("A11", f'The id "{identity}" stands {times} times: an id is for one element.')
    for link in page.links:
        if len(link.get("href", "")) > 1 and link.get("href", "").startswith("#"):
            yield warning(
                "A11", "A link leads to a place in the mail, which few programs follow: drop it.", drawn(link)
            )


def _directions(page: Page) -> Iterator[Finding]:
    for link in page.links:
        if link.get("dir"):
            yield warning(
                "RTL", "A link has dir, which Outlook gets wrong: set it on the block around it.", drawn(link)
            )
    for element, declared in page.inline.items():
        for one in declared:
            start = one.name == "text-align" and one.value.lower() in {"start", "end"}
            if start or one.name.startswith(_LOGICAL):
                yield warning("RTL", f"“{one}” is unknown to most programs: write left or right.", drawn(element))
    for block in dict.fromkeys(paragraph(element) for element, _ in page.texts):
        if _from_right(text_of(block)) and _direction(block) == "ltr":
            yield warning(
                "RTL", 'Text that runs from right to left stands in dir="ltr": set dir="auto" on it.', drawn(block)
            )


def _direction(element: html.HtmlElement) -> str:
    given = (one.get("dir") for one in (element, *element.iterancestors()))
    return next((direction for direction in given if direction), "ltr").lower()


def _from_right(text: str) -> bool:
    """Whether the first letter with a direction runs from right to left (what dir=auto goes by)."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False
