"""The authors of an arXiv feed: one line, names between commas, affiliations in round brackets behind them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

LONGEST = 300
MOST_AUTHORS = 5_000
MOST_PLACES = 20

_NUMBER = re.compile(r"\(\s*[0-9]{1,3}\s*\)")
_NO_PLACE = re.compile(r"(?:[0-9*†‡,;&\s]|and)*", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv|phd|md)\.?", re.IGNORECASE)
_ON_BEHALF = re.compile(r"(?:\band\s+)?\b(?:for|on behalf of)\s+(?:the\s+)?(?=\S)", re.IGNORECASE)
_GROUP = re.compile(r".*\b(?:collaboration|consortium|group|team)s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Author:
    """A name, and where the author works as the source words it."""

    name: str
    institutions: tuple[str, ...] = ()


def authors_in(line: str) -> list[Author]:
    """The authors of one line like "Ada Example (Institute of A (IA), Rome), Bo Sample Jr. for the C Collaboration".

    Brackets behind a name hold affiliations, or numbers that refer to a list, and are no part of it; brackets inside
    a name stay. A collaboration is an author of its own. Accents written in LaTeX stay as they are. A line whose
    brackets do not match is split at every comma, and what follows a bracket is left out.
    """
    if not _balanced(line):
        line = re.sub(r"\([^,]*|[^,(]*\)", "", line)
    authors: list[Author] = []
    for piece in islice(_pieces(line), MOST_AUTHORS):
        found = _authors(piece)
        if found and authors and _SUFFIX.fullmatch(found[0].name):
            before = authors.pop()
            whole = Author(f"{before.name}, {found[0].name}", before.institutions + found[0].institutions)
            found = [whole, *found[1:]]
        authors += found
    return authors


def _balanced(line: str) -> bool:
    depth = 0
    for letter in line:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def _pieces(line: str) -> Iterator[str]:
    """What stands between the commas that are in no bracket."""
    depth = start = 0
    for at, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            if piece := line[start:at].strip():
                yield piece
            start = at + 1
    if piece := line[start:].strip():
        yield piece


def _authors(piece: str) -> list[Author]:
    """The author of one piece, and the groups it was written for."""
    name = piece.removeprefix("and ").strip()
    places: list[str] = []
    groups: list[str] = []
    for _ in range(MOST_PLACES):
        if not name.endswith(")"):
            break
        opened = _opening(name)
        inside, name = name[opened + 1 : -1], name[:opened].rstrip()
        if _GROUP.fullmatch(inside):
            groups.append(_ON_BEHALF.sub("", inside, count=1))
        else:
            places += reversed(_places(inside))
    if _GROUP.fullmatch(name):
        name, *named = _ON_BEHALF.split(name, maxsplit=1)
        groups += named
    names = [whole for one in (name, *reversed(groups)) if (whole := " ".join(one.split()).strip(" ;"))]
    works_at = tuple(dict.fromkeys(reversed(places)))[:MOST_PLACES] if name else ()
    return [Author(whole, () if number else works_at) for number, whole in enumerate(names)]


def _opening(name: str) -> int:
    """Where the bracket that closes at the end of `name` was opened."""
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += (name[at] == ")") - (name[at] == "(")
        if not depth:
            return at
    return 0


def _places(inside: str) -> list[str]:
    """The affiliations of one bracket: "MIT", or a whole list "(1) MIT, (2) ETH". Numbers refer to such a list."""
    found = [place.strip(" ,;") for place in _NUMBER.split(inside)]
    return [place for place in found if not _NO_PLACE.fullmatch(place) and len(place) <= LONGEST]
