"""Titles and abstracts with TeX in them, as people read them."""

from __future__ import annotations

import re
import unicodedata
from html import escape

from newsletter.text import symbols
from newsletter.text.clean import clean
from newsletter.text.commands import LatexReader
from newsletter.text.spans import Node, as_html, as_text, plain

_TEX = re.compile(r"[\\${}^_~`]|--")

KEPT = 0.9
"""Least share of the long words that a conversion has to keep."""

_NAMES = "|".join(sorted([*symbols.SILENT_WITH_ARGUMENT, *symbols.LAST_ARGUMENT, "unicode", "ding"]))
_LEFT_OUT = re.compile(
    rf"\\(?:{_NAMES})\*?(?:\[[^\]]{{0,100}}\])*\{{[^{{}}]*\}}|\\[A-Za-z]+|\\.|https?://\S+|(?<=~)[a-z'-]+\d{{4}}\w+"
)
_SIGNS = re.compile(r"[{}$^_~\\]")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_ACCENT = re.compile(r"\\([\"'`^~=.])\s?\{?\s?\\?([A-Za-z])\}?")


def to_text(raw: str) -> str:
    """`raw` (any string, TeX or not) as plain readable Unicode, one line, no TeX left; never raises.

    `$O(N^2)$` becomes O(N²), `360{\\deg}` 360°. Text without TeX comes back as `clean` leaves it.
    """
    text = clean(raw)
    return clean(as_text(_read(text))) if _TEX.search(text) else text


def to_html(raw: str) -> str:
    """`raw` (any string, TeX or not) as an HTML fragment; never raises.

    Holds only `strong`, `em`, `code`, `sub` and `sup`, without attributes and always balanced; everything else is
    escaped. Text without TeX comes back as `html.escape` of what `clean` leaves.
    """
    text = clean(raw)
    return as_html(_read(text)) if _TEX.search(text) else escape(text)


def _read(text: str) -> list[Node]:
    """The tree of `text`, or the text without its TeX signs where the tree would lose what the author wrote."""
    nodes = LatexReader(text).read()
    return nodes if _keeps_words(text, plain(nodes)) else [_stripped(text)]


def _keeps_words(text: str, converted: str) -> bool:
    expected = set(_LONG_WORD.findall(_folded(_LEFT_OUT.sub(" ", text))))
    found = _folded(converted)
    missing = expected.difference(_LONG_WORD.findall(found))
    # Accents and macros cut words in two (na\"{\i}ve): a part that lives on inside a word is not lost.
    lost = sum(word not in found for word in missing)
    return lost <= (1 - KEPT) * len(expected)


def _folded(text: str) -> str:
    plain = _SIGNS.sub(" ", text)
    if plain.isascii():  # nearly always
        return plain.casefold()
    decomposed = unicodedata.normalize("NFKD", plain)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _stripped(text: str) -> str:
    text = _ACCENT.sub(lambda found: symbols.accented(found[2], symbols.ACCENTS[found[1]]) or found[2], text)
    spaced = text.replace("\\", " ").replace("}{", " ")
    return clean(spaced.translate({ord(sign): None for sign in "${}"}))
