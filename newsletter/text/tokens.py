"""Raw text cut into TeX tokens, with the pairs already found.

This is not TeX's own tokeniser. Abstracts are prose with some TeX in it, so `%`, `&`, `#` are ordinary characters (a
fifth of all computer-science abstracts holds a bare `%`), addresses are one token whatever they contain, and a brace
without a partner is just a brace.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum, auto
from typing import NamedTuple

DEEPEST = 16
"""Groups nested deeper than this are read as if their braces were not there."""

FARTHEST = 400
"""Most tokens between a delimiter of maths and its partner."""


class Kind(Enum):
    TEXT = auto()  # anything without a meaning of its own, spaces included
    URL = auto()
    COMMAND = auto()  # the name only: `alpha`, `"`, `` for a backslash at the very end
    VERBATIM = auto()  # the content of \verb|...|
    OPEN = auto()
    CLOSE = auto()
    DOLLAR = auto()  # `$` or `$$`
    SCRIPT = auto()  # `^` or `_`
    TIE = auto()  # `~`
    DASH = auto()  # two hyphens or more
    QUOTE = auto()  # `` or ''


class Token(NamedTuple):
    kind: Kind
    text: str


_URL = re.compile(r"""((?:https?://|\bwww\.)(?:[^\s{}<>"$\\^`|]|\\[_%#&~])+)""", re.IGNORECASE)
_ESCAPED_IN_URL = re.compile(r"\\([_%#&~])")
_TOKEN = re.compile(
    r"\\verb\*?(?P<bar>[^\w\s*])(?P<verbatim>[^\\]{0,200}?)(?P=bar)"
    r"|\\(?P<command>[A-Za-z]+|.|$)"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<dollar>\$\$?)|(?P<script>[\^_])|(?P<tie>~)|(?P<dash>-{2,})|(?P<quote>``|'')"
    r"|(?P<text>(?:[^\\${}^_~`'-]|-(?!-)|`(?!`)|'(?!'))+)",
    re.DOTALL,
)
_KINDS = {kind.name.lower(): kind for kind in Kind}


def tokenise(text: str) -> list[Token]:
    """Every character of `text` in order, as tokens; linear in its length, never raises."""
    tokens: list[Token] = []
    for index, piece in enumerate(_URL.split(text)):
        if index % 2:
            tokens.append(Token(Kind.URL, _ESCAPED_IN_URL.sub(r"\1", piece)))
        else:
            tokens.extend(
                Token(_KINDS[found.lastgroup], found[found.lastgroup])
                for found in _TOKEN.finditer(piece)
                if found.lastgroup
            )
    return tokens


class Pairs:
    """Which token closes which: braces by nesting, maths by the next closer of its kind."""

    def __init__(self, tokens: list[Token]) -> None:
        self.closing_brace: dict[int, int] = {}
        self.orphans: set[int] = set()
        self._closers: dict[str, list[int]] = {}
        self._match(tokens)

    def _match(self, tokens: list[Token]) -> None:
        waiting: list[int] = []
        for index, (kind, text) in enumerate(tokens):
            if kind is Kind.OPEN:
                waiting.append(index)
            elif kind is Kind.CLOSE and waiting:
                opener = waiting.pop()
                if len(waiting) < DEEPEST:
                    self.closing_brace[opener] = index
            elif kind is Kind.CLOSE:
                self.orphans.add(index)
            elif kind is Kind.DOLLAR or (kind is Kind.COMMAND and text in (")", "]", "end")):
                self._closers.setdefault(text, []).append(index)
        self.orphans.update(waiting)

    def closer(self, opener: int, text: str, end: int) -> int | None:
        """Where the next `text` (a dollar, or the command `)`, `]`, `end`) is before `end`, if it is near enough."""
        places = self._closers.get(text, ())
        following = bisect_right(places, opener)
        if following == len(places):
            return None
        place = places[following]
        return place if place < end and place - opener <= FARTHEST else None
