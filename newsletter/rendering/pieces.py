"""Text with holes: how one rendering serves every reader.

A template is rendered once per edition. Where a value of one reader belongs, the rendering holds a *mark*, and so it
does where a block may be left out and where the inlined document is cut:

    U+E000 name U+E001          the value `name`
    U+E000 ?name U+E001         begin of a block that is shown only if `name` is not empty
    U+E000 / U+E001             its end
    U+E000 #7 U+E001            cut here; piece 7 follows

Blocks and cuts stand inside HTML comments in HTML. The two characters are of the private use area: `text.clean` takes
those out of all text from outside, and `Templates` out of everything a template prints, so no title can forge a mark.
Inliners percent-encode such characters in an address, hence a value that is a link stands as `https://spliced.invalid/name`
(RFC 2606 reserves the domain). That form is looked for only where no paper is: in the shell, and of a card in the block
that is shown only with that very value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from newsletter.errors import CompositionError, TemplateError

OPEN, CLOSE = "\ue000", "\ue001"
LINK = "https://spliced.invalid/"
QUOTED = '"'
"""Behind the name of a value that stands in an attribute: HTML writes quotation marks in another way there."""

_MARK = re.compile(f"(?:<!--)?{OPEN}([?/]?[a-z_]*){CLOSE}(?:-->)?")
_MARK_OR_LINK = re.compile(f"{_MARK.pattern}|{re.escape(LINK)}([a-z_]+)")
_CUT = re.compile(f"<!--{OPEN}#([0-9]+){CLOSE}-->")


class Mark(Markup):
    """Rendered text that may hold marks: the only kind of value a template prints untouched."""

    __slots__ = ()


def value_mark(name: str) -> Mark:
    """The mark that stands for the value `name`."""
    return Mark(f"{OPEN}{name}{CLOSE}")


def link_mark(name: str) -> Mark:
    """The mark that stands for the link `name`, fit for an href."""
    return Mark(f"{LINK}{name}")


def given_mark(name: str, body: str) -> Mark:
    """`body`, marked as shown only if the value `name` is not empty; blocks do not nest."""
    return Mark(f"<!--{OPEN}?{name}{CLOSE}-->{body!s}<!--{OPEN}/{CLOSE}-->")


def join_for_cutting(pieces: list[str]) -> str:
    """The pieces in a row with a cut before each and after the last, ready for one trip through the inliner."""
    cuts = [f"<!--{OPEN}#{number}{CLOSE}-->" for number in range(len(pieces) + 1)]
    return "".join(cut + piece for cut, piece in zip(cuts, [*pieces, ""], strict=True))


def cut(document: str, pieces: int) -> tuple[str, list[str], str]:
    """What stands before, the `pieces` pieces, and what stands after them in an inlined document.

    Raises CompositionError if the inliner lost or moved a cut.
    """
    found = _CUT.split(document)
    if found[1::2] != [str(number) for number in range(pieces + 1)]:
        raise CompositionError(
            f"the inliner lost or moved pieces of the e-mail ({len(found) // 2} cuts came back of {pieces + 1}); "
            "look for unclosed or misplaced tags in the e-mail templates"
        )
    return found[0], found[2:-1:2], found[-1]


@dataclass(frozen=True, slots=True)
class Piece:
    """A rendered text, split at its marks.

    `groups` are stretches of text, each with the value it depends on ("" for always); a stretch is (literal text, the
    value after it or "") in a row.
    """

    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

    @classmethod
    def of(cls, text: str, *, links: bool = False, html: bool = False) -> Piece:
        """`text` split at its marks, with `links` also at those that stand as links; without, only at those in a block
        of the link's own name. In `html`, values in attributes are told apart from those in text.

        Raises TemplateError for a `given` in another or one that has no end.
        """
        groups: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        parts: list[tuple[str, str]] = []
        condition, start = "", 0
        for mark in _MARK_OR_LINK.finditer(text):
            if mark[2] and not links and mark[2] != condition:
                continue
            literal, name = text[start : mark.start()], mark[mark.lastindex or 1]
            start = mark.end()
            if name.startswith(("?", "/")):
                if bool(condition) == name.startswith("?"):
                    raise TemplateError(f'an e-mail template has a given("...") inside given("{condition}")')
                groups.append((condition, (*parts, (literal, ""))))
                parts, condition = [], name[1:]
            else:
                in_tag = html and text.rfind("<", 0, mark.start()) > text.rfind(">", 0, mark.start())
                parts.append((literal, name + QUOTED if in_tag else name))
        return cls((*groups, (condition, (*parts, (text[start:], "")))))

    @property
    def names(self) -> frozenset[str]:
        """The values the piece asks for."""
        conditions = {condition for condition, _ in self.groups}
        return frozenset(conditions | {name.removesuffix(QUOTED) for _, parts in self.groups for _, name in parts}) - {
            ""
        }

    @property
    def literals(self) -> tuple[str, ...]:
        """The text between the values."""
        return tuple(literal for _, parts in self.groups for literal, _ in parts)

    def shows_bare(self, name: str) -> bool:
        """Whether the value `name` is shown where it may be empty."""
        return any(after == name != condition for condition, parts in self.groups for _, after in parts)

    def count(self, name: str) -> int:
        """How often the value `name` is shown."""
        return sum(name == after for _, parts in self.groups for _, after in parts)

    def only(self, name: str) -> str:
        """What is shown only if the value `name` is not empty, the values in it apart."""
        return "".join(literal for condition, parts in self.groups if condition == name for literal, _ in parts)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its values, put in as they are: escape them first for where they go. Of a value in an attribute
        of HTML that is the one whose name has QUOTED behind it."""
        return "".join(
            text
            for condition, parts in self.groups
            if not condition or values[condition]
            for literal, name in parts
            for text in (literal, values[name] if name else "")
        )
