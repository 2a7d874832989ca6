"""Where the bytes of a message are, held against the size at which Gmail clips."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import html
from lxml.html import HtmlElement

from newsletter.previewing.anatomy import Anatomy
from newsletter.previewing.markup import elements, parse

CLIPPED_AT = 102_400
"""Bytes. Gmail clips at about 102 kB; whether it counts the raw or the encoded HTML part, or more, is disputed."""

HEAD, PREHEADER, HEADER, TOPICS = "Head and styles", "Preheader", "Header", "Topic headings"
CARDS, ROWS, FOOTER, AROUND = "Paper cards", "Compact rows", "Footer", "Around them"


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the HTML part and its bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A size in bytes, with the regions that add up to it."""

    name: str
    regions: tuple[Region, ...]

    @property
    def size(self) -> int:
        return sum(region.size for region in self.regions)


def bars(anatomy: Anatomy, whole: int) -> list[Bar]:
    """The three sizes that might count: raw HTML by region, encoded HTML, and the `whole` message."""
    part = anatomy.size("text/html")
    plain = anatomy.size("text/plain")
    parts = (Region("HTML part", part.encoded), Region("Text part", plain.encoded))
    rest = Region("Headers and boundaries", whole - part.encoded - plain.encoded)
    return [
        Bar("HTML part, decoded", regions(anatomy.html)),
        Bar("HTML part, encoded", parts[:1]),
        Bar("Whole message", (*parts, rest)),
    ]


def regions(document: str) -> tuple[Region, ...]:
    """The regions of the document, from its structure alone, so that an operator's own templates are weighed too.

    The blocks are the children of the innermost element round all headings and links. Up to the `h1` they are the
    header, the last one with a link is the footer, one with an `h3` is a card, one with an `h2` a topic's heading, any
    other a compact row. Region sizes add up to the document's own (UTF-8).
    """
    root = parse(document)
    head, body = root.find("head"), root.find("body")
    sizes = dict.fromkeys((HEAD, PREHEADER, HEADER, TOPICS, CARDS, ROWS, FOOTER), 0) | {HEAD: _size(head)}
    first = next((one for one in body if isinstance(one.tag, str)), None)
    hidden = first is not None and "display:none" in first.get("style", "").replace(" ", "")
    for name, block in _blocks(body):
        sizes[PREHEADER if hidden and block is first else name] += _size(block)
    if hidden and not sizes[PREHEADER]:
        sizes[PREHEADER] = _size(first)
    sizes[AROUND] = max(0, len(document.encode("utf-8", "replace")) - sum(sizes.values()))
    return tuple(Region(name, size) for name, size in sizes.items() if size)


def _blocks(body: HtmlElement) -> list[tuple[str, HtmlElement]]:
    marks = elements(body, "h1", "h2", "h3", "a")
    container = _common(marks)
    blocks = [one for one in container if isinstance(one.tag, str)] if container is not None else []
    tags = [{one.tag for one in elements(block)} for block in blocks]
    opening = max((place for place, inside in enumerate(tags) if "h1" in inside), default=-1)
    footer = max((place for place, inside in enumerate(tags) if "a" in inside), default=len(tags))
    named = []
    for place, (block, inside) in enumerate(zip(blocks, tags, strict=True)):
        if place <= opening:
            name = HEADER
        elif place >= footer and not inside & {"h2", "h3"}:
            name = FOOTER
        else:
            name = CARDS if "h3" in inside else TOPICS if "h2" in inside else ROWS
        named.append((name, block))
    return named


def _common(marks: list[HtmlElement]) -> HtmlElement | None:
    """The innermost element that holds all of `marks` and is none of them."""
    paths = [[*reversed(list(mark.iterancestors()))] for mark in marks]
    shared = [level[0] for level in zip(*paths, strict=False) if all(one is level[0] for one in level)]
    return shared[-1] if shared else None


def _size(one: HtmlElement) -> int:
    written: str = html.tostring(one, encoding="unicode", with_tail=True)
    return len(written.encode("utf-8", "replace"))
