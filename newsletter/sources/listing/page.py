"""A saved papers page as blocks: what is furniture, what is a title, what is an abstract. Pure.

The document is UTF-8 text: page furniture, who curated it, the day, then a title and an abstract in turn. Nothing marks
which is which, so a block is judged by the signs of prose it shows:

    it is longer than any title        more than 250 characters (the longest titles on arXiv have about 230)
    it ends as prose does              with a full stop, or it holds an address
    it holds more than one sentence    a full stop, then a capital

A title shows none, an abstract two or three. A block that shows exactly one could be either, and its place decides: a
paper is a block with at most one sign followed by a block with more. Every other block stands alone, and the reading
goes on behind it; so one lost title costs one paper, not all that follow.

Blocks are separated by blank lines, and the wrapped lines of a block are joined. Where a line is longer than a title
can be, the text is not wrapped, and every line is a block of its own; so it is where joining leaves no paper at all.
What stands before the day is furniture, unless some of it is as long as an abstract.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.sources.days import DayLine, day_line

LONGEST_TITLE = 250

_FURNITURE = frozenset({"new", "get trending papers in your email inbox!", "subscribe"})
_CURATORS = re.compile(r"[Bb][Yy](?:\s+|(?=[A-Z@]))(\S.{0,200})")  # the page writes "byAK and the research community"
_LINE_END = re.compile(r"\r\n|\n|\r")  # not str.splitlines: editors do not count U+2028 and its like as line ends
_UNREADABLE = re.compile("[\0\udc80-\udcff]")  # NUL, and what "surrogateescape" makes of bytes that are not UTF-8
_FULL_STOP = re.compile(r"(?<!\.)[.。]['\")\]}”’]*$")  # one: an ellipsis ends titles too
_NEXT_SENTENCE = re.compile(r"\b(\w++)[)\]}”’]*+(?:\.\s++[\W_]*+[A-Z]|。)")
_ABBREVIATIONS = frozenset({"al", "cf", "dr", "etc", "fig", "jr", "mr", "mrs", "no", "prof", "st", "vs"})


@dataclass(frozen=True, slots=True)
class Block:
    """A title or an abstract. `line` is its first; `unreadable` the first line of it that is not UTF-8, 0 if all is."""

    line: int
    text: str
    signs: int
    unreadable: int


@dataclass(slots=True)
class Page:
    """The blocks that can be papers, every line that states a day (as line number and text), and the curators."""

    blocks: list[Block] = field(default_factory=list)
    days: list[tuple[int, str, DayLine]] = field(default_factory=list)
    curators: str = ""


def read_page(text: str) -> Page:
    """The page in blocks. `text` was decoded with "surrogateescape": bytes that are not UTF-8 are lone surrogates."""
    lines = [_bare(line) for line in _LINE_END.split(text)]
    days = {number: day for number, line in enumerate(lines, 1) if (day := day_line(line))}
    by_line = _in_blocks(lines, days, joined=False)
    if any(len(line) > LONGEST_TITLE for line in lines):
        return by_line
    by_paragraph = _in_blocks(lines, days, joined=True)
    return by_line if _holds_papers(by_line) and not _holds_papers(by_paragraph) else by_paragraph


def places(blocks: Sequence[Block]) -> Iterator[tuple[Block, Block | None]]:
    """The places of the page in order: a title with its abstract, or a block that stands alone with None."""
    at = 0
    while at < len(blocks):
        block = blocks[at]
        following = blocks[at + 1] if at + 1 < len(blocks) else None
        paired = following is not None and block.signs <= 1 and block.signs < following.signs
        yield block, following if paired else None
        at += 2 if paired else 1


def _holds_papers(page: Page) -> bool:
    return any(abstract for _, abstract in places(page.blocks))


def _bare(line: str) -> str:
    """Without the white space around it, the invisible kind (zero-width space, byte order mark) included."""
    return line.strip().strip("\u200b\ufeff").strip()


def _in_blocks(lines: Sequence[str], days: Mapping[int, DayLine], *, joined: bool) -> Page:
    """The page with every line a block or, `joined`, every run of lines between two that are blank or furniture."""
    page = Page(days=[(number, lines[number - 1], day) for number, day in days.items()])
    day_at = min(days, default=0)
    run: list[tuple[int, str]] = []
    for number, line in enumerate([*lines, ""], 1):
        curators = _curators(line, above=number < day_at)
        page.curators = page.curators or curators
        apart = not line or number in days or bool(curators) or line.casefold() in _FURNITURE
        if run and (apart or not joined):
            page.blocks.append(_block(run))
            run = []
        if not apart:
            run.append((number, line))
    page.blocks = [block for block in page.blocks if _says_something(block)]
    if all(len(block.text) <= LONGEST_TITLE for block in page.blocks if block.line < day_at):
        page.blocks = [block for block in page.blocks if block.line > day_at or block.unreadable]
    return page


def _curators(line: str, *, above: bool) -> str:
    """Who curated the page, where the line says so. Below the day "By Design and ..." is more likely a title."""
    match = _CURATORS.fullmatch(line)
    named = match is not None and match[1].isprintable() and (above or match[1].endswith(" community"))
    return match[1] if match and named else ""


def _block(run: Sequence[tuple[int, str]]) -> Block:
    text = " ".join(line for _, line in run)
    unreadable = next((number for number, line in run if _UNREADABLE.search(line)), 0)
    return Block(run[0][0], text, _signs_of_prose(text), unreadable)


def _says_something(block: Block) -> bool:
    """False for a rule of dashes or stars, which is no title."""
    return block.unreadable > 0 or any(character.isalnum() for character in block.text)


def _signs_of_prose(text: str) -> int:
    long = len(text) > LONGEST_TITLE
    ended = "://" in text or _FULL_STOP.search(text[-20:]) is not None
    several = any(found[1].lower() not in _ABBREVIATIONS for found in _NEXT_SENTENCE.finditer(text))
    return long + ended + several
