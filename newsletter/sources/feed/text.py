"""The words of a feed without the markup around them: titles, abstracts, names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lxml import etree

MAX_MARKUP = 50_000  # ten times the longest abstract; lxml takes quadratic time for the attributes of a tag
PASSES = 3  # how often a text may have been escaped

_HTML = (
    "a abbr acronym address article aside b bdi bdo big blockquote body br button caption center cite code col colgroup"
    " data dd del details dfn div dl dt em embed figcaption figure font footer form h[1-6] head header hr html i iframe"
    " img input ins kbd label legend li link main map mark menu meta nav noscript object ol option p param picture pre"
    " q rp rt ruby s samp script section select small source span strike strong style sub summary sup svg table tbody"
    " td template textarea tfoot th thead time title tr tt u ul var video audio wbr"
)
_JATS = "sec italic bold sc xref list monospace"
_MATHML = (
    "math mi mn mo mrow msup msub msubsup mfrac msqrt mroot mover munder munderover mtext mspace mstyle mtable mtr mtd"
    " mfenced menclose mpadded mphantom mmultiscripts mprescripts semantics annotation"
)
# Names with a colon or a hyphen (jats:p, mml:mi, tex-math) are nobody's prose either.
_NAME = rf"(?:{'|'.join((_HTML + ' ' + _JATS + ' ' + _MATHML).split())}|[a-z]+[:-][a-z:-]+)"
# "a <b and c> d" is a sum: of attributes one has a value, or it stands alone.
_TAG = rf"</?{_NAME}(?:\s[^<>=]*=[^<>]*|\s+[a-z]+\s*|\s*)/?>"
_COMMENT = r"<!--|<!doctype\s[^<>]*>"
_ENTITY = r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});"
_MARKUP = re.compile(f"{_TAG}|{_COMMENT}|{_ENTITY}", re.IGNORECASE)
_NO_TAG = re.compile(f"<(?!{_TAG[1:]}|{_COMMENT.replace('<', '')})", re.IGNORECASE)
_CUT_OFF = re.compile(rf"<{_NAME}\s[^<>=]*=[^<>]*\Z", re.IGNORECASE)

_DROPPED = set("script style template head iframe object svg select textarea annotation annotation-xml".split())
_INLINE = set(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins italic kbd bold sc mark q s samp small span"
    " strike strong sub sup tt time u var wbr xref monospace".split()
)
_SHIFTED = {
    "sup": str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ"),
    "sub": str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
}

_HEADING = re.compile(r"(?:abstract|summary)\s*[:.—–-]?", re.IGNORECASE)
_OPENINGS = re.compile(
    r"(?:arXiv:\S{1,40} Announce Type: \S{1,20}\s+)?(?:"
    r"[^;]{1,120}, Published online: [^;]{1,40};\s*doi:\S{1,200}\s+"  # the journals of the Nature group
    r"|(?:ABSTRACT|Abstract)(?:\s*[:.—–]|\s+-)\s*"
    r"|(?:ABSTRACT|Abstract)\s+(?=(?:A|An|As|At|Background|For|Here|In|It|Many|Most|Motivation|Objective|On|Our|Recent"
    r"|Since|The|There|These|This|To|We|When|While)\b))?"
)


def plain(markup: str) -> str:
    """`markup` as one line of text.

    Entities are resolved and tags taken off, also where both were escaped once or twice; scripts and styles go with
    what is in them; a formula is its `alttext`, else its letters; "10<sup>5</sup>" is 10⁵. What only looks like a tag
    ("a < b", "<unk>") is text and stays. At most MAX_MARKUP characters are read. Never raises; time is linear.
    """
    return " ".join(" ".join(_lines(markup)).split())


def abstract_of(markup: str) -> str:
    """`plain` without what stands before an abstract: its heading, and the line that some publishers begin with."""
    lines = _lines(markup)
    if len(lines) > 1 and _HEADING.fullmatch(lines[0]):
        lines = lines[1:]
    text = " ".join(" ".join(lines).split())
    opening = _OPENINGS.match(text)
    return text[opening.end() :] if opening else text


def names(creators: Sequence[str]) -> tuple[str, ...]:
    """The people in the plain texts `creators`, each a person or a whole list of them, in order, each once.

    Lists are joined with semicolons or with commas and "and". "Example, A., Sample, B. C." are two people, A. Example
    and B. C. Sample, and "Example, Ada; ..." begins with Ada Example. What stands in brackets, and an address, is no
    name.
    """
    found = (name for creator in creators for name in _names(creator, alone=len(creators) == 1))
    return tuple(dict.fromkeys(name for name in found if any(letter.isalpha() for letter in name)))


def _lines(markup: str) -> list[str]:
    text = markup[:MAX_MARKUP]
    for _ in range(PASSES):
        if not _MARKUP.search(text) and not _CUT_OFF.search(text):
            break
        text = _text(text)
    return [line for part in text.split("\n") if (line := part.strip())]


def _text(markup: str) -> str:
    """`markup` with one layer of it taken off, a line for each of its blocks."""
    markup = _CUT_OFF.sub("", markup.replace("<![CDATA[", "").replace("]]>", ""))
    markup = _NO_TAG.sub("&lt;", markup)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(markup.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:  # nothing in it but comments and the like
        return ""
    return "".join(_pieces(root)) if root is not None else ""


def _pieces(root: etree._Element) -> Iterator[str]:
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = str(element.tag).rpartition(":")[2].lower()
        if event == "end":
            yield from ("\n" if _is_block(element) else "", _spaced(element.tail))
        elif name in _DROPPED:
            walk.skip_subtree()
        elif name == "math" and element.get("alttext"):
            yield _spaced(element.get("alttext"))
            walk.skip_subtree()
        else:
            yield from ("\n" if _is_block(element) else "", _shifted(name, element))


def _is_block(element: etree._Element) -> bool:
    """Whether it begins a line: what is neither known to stand within one, nor part of a formula."""
    tag = str(element.tag).lower()
    return tag.rpartition(":")[2] not in _INLINE and not tag.startswith("mml:") and tag not in _MATHML.split()


def _shifted(name: str, element: etree._Element) -> str:
    """The text at the beginning of `element`; small digits where it raises or lowers nothing but such."""
    text = _spaced(element.text)
    shifted = text.translate(_SHIFTED[name]) if name in _SHIFTED and not len(element) else text
    return text if any(letter in shifted for letter in text.strip()) else shifted


def _spaced(text: str | None) -> str:
    """`text` where a line break is no more than a space."""
    return " ".join((text or "").splitlines()) + (" " if text and text.endswith("\n") else "")


def _names(creator: str, *, alone: bool) -> list[str]:
    without_brackets = re.sub(r"\([^()]*\)", " ", re.sub(r"\([^()]*\)", " ", creator))
    line = " ".join(word for word in without_brackets.split() if "@" not in word)
    if ";" in line:
        return [_turned(piece) for piece in line.split(";")]
    pieces = [" ".join(piece.split()) for piece in re.split(r",\s*and\s|,|\sand\s|\s&\s", f"{line} ")]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) == 2 and "," in line and (not alone or " " not in pieces[0]):
        return [_turned(line)]
    if len(pieces) % 2 == 0 and all(_is_initials(piece) for piece in pieces[1::2]):
        return [f"{given} {family}" for family, given in zip(pieces[::2], pieces[1::2], strict=True)]
    return pieces


def _turned(name: str) -> str:
    """ "Ada Example" for "Example, Ada"."""
    family, comma, given = (part.strip() for part in name.partition(","))
    return " ".join(f"{given} {family}".split()) if comma and "," not in given else " ".join(name.split())


def _is_initials(piece: str) -> bool:
    letters = re.sub(r"[.\s-]", "", piece)
    return 0 < len(letters) <= 4 and letters.isupper()
