"""From tokens to a tree of spans: groups, formulas, scripts, ties and quotes. What commands mean is in `commands`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum, auto

from newsletter.text import maths
from newsletter.text.spans import Node, Span, plain
from newsletter.text.tokens import DEEPEST, Kind, Pairs, Token, tokenise

_LOOKS_LIKE_MATHS = frozenset({Kind.COMMAND, Kind.SCRIPT, Kind.OPEN, Kind.CLOSE})
_PLAIN_ESCAPES = frozenset("%$&#_")
_MONEY = re.compile(r"\s*\d[\d.,]*[A-Za-z]*\s+[A-Za-z]{2,}\s+\S")
_SIGNS_ONLY = re.compile(r"[^\w.,;:!?]*")
_LONE_VARIABLE = re.compile(r"\s(?:[A-Za-z]|[^\s]*[=<>+][^$]*)\s")
_RAISED_NUMBER = re.compile(r"[-+−]?\d{1,4}(?:\.\d+)?")
_LOWERED_NUMBER = re.compile(r"\d{1,2}(?!\w)")
_SHORT_BASE = re.compile(r"(?<![A-Za-z0-9_])(?:[^\W\d_]|[A-Z]{2})$")
_CITATION_KEYS = re.compile(r"[A-Za-z][a-z'-]+(?:19|20)\d\d[a-z]{2}\w*(?:, ?[A-Za-z][a-z'-]+(?:19|20)\d\d[a-z]{2}\w*)*")
_SINGLE_QUOTES = re.compile(r"(?<![\w`])`([^`'\s](?:[^`']|'(?=\w)){0,80})'(?!\w)")
_OPTIONS = re.compile(r"\*?(?:\s?\[([^][]{0,100})\])*\s?")
_LONGEST_OPTION = 8
_LONE_R = re.compile(r"(?<![A-Za-z0-9])R$")


class Mode(Enum):
    TEXT = auto()
    MATHS = auto()
    CODE = auto()  # as text, but dashes and ties mean themselves


@dataclass(slots=True)
class Scope:
    """A group being read: up to which token, in which mode, what it holds so far, and the style declared in it."""

    end: int
    mode: Mode
    nodes: list[Node] = field(default_factory=list)
    style: str = ""
    style_from: int = 0

    def declare(self, style: str) -> None:
        if self.style and self.style_from < len(self.nodes):
            self.nodes[self.style_from :] = [Span(self.style, self.nodes[self.style_from :])]
        self.style, self.style_from = style, len(self.nodes)

    def finished(self) -> list[Node]:
        self.declare("")
        return maths.spaced(self.nodes) if self.mode is Mode.MATHS else self.nodes

    @property
    def tail(self) -> str:
        """The last few characters so far."""
        return plain(self.nodes[-4:])[-40:]

    def trim(self) -> None:
        """Takes the space off the end."""
        if self.nodes and isinstance(self.nodes[-1], str):
            self.nodes[-1] = self.nodes[-1].rstrip()


class Reader(ABC):
    """A cursor over the tokens of one text; each is read once, so the time is linear.

    Groups are read by recursion, at most `DEEPEST` deep.
    """

    def __init__(self, text: str) -> None:
        self.tokens = tokenise(text)
        self.pairs = Pairs(self.tokens)
        self.at = 0
        self.depth = 0
        self.quotes = 0

    @abstractmethod
    def command(self, scope: Scope, name: str) -> None:
        """Reads the command whose name was just consumed, with its arguments."""

    def read(self) -> list[Node]:
        """The tree of the whole text."""
        return self.until(Scope(len(self.tokens), Mode.TEXT))

    def until(self, scope: Scope) -> list[Node]:
        while self.at < scope.end:
            self.step(scope)
        return scope.finished()

    def step(self, scope: Scope) -> None:
        """Reads one token, and whatever belongs to it."""
        kind, text = self.tokens[self.at]
        self.at += 1
        match kind:
            case Kind.TEXT:
                self._text(scope, text)
            case Kind.URL:
                scope.nodes.append(text)
            case Kind.VERBATIM:
                scope.nodes.append(Span("code", [text]))
            case Kind.OPEN | Kind.CLOSE:
                self._brace(scope, kind, text)
            case Kind.COMMAND:
                self.command(scope, text)
            case Kind.DOLLAR:
                self._dollar(scope, text)
            case Kind.SCRIPT:
                self._script(scope, text)
            case Kind.TIE:
                self._tie(scope)
            case Kind.DASH:
                dash = {2: "–", 3: "—"}.get(len(text), text)
                scope.nodes.append(dash if scope.mode is Mode.TEXT else text)
            case Kind.QUOTE:
                self._quote(scope, text)

    def _text(self, scope: Scope, text: str) -> None:
        if scope.mode is Mode.MATHS:
            scope.nodes.extend(maths.atoms(text))
        elif scope.mode is Mode.TEXT and "`" in text:
            scope.nodes.append(_SINGLE_QUOTES.sub(r"‘\1’", text))
        else:
            scope.nodes.append(text)

    def _brace(self, scope: Scope, kind: Kind, text: str) -> None:
        place = self.at - 1
        close = self.pairs.closing_brace.get(place) if kind is Kind.OPEN else None
        if close is not None and close < scope.end:
            scope.nodes.extend(self.inside(close, scope.mode))
        elif place in self.pairs.orphans and scope.mode is not Mode.MATHS:
            scope.nodes.append(text)

    def inside(self, close: int, mode: Mode) -> list[Node]:
        """The tokens up to the closing one, read in `mode`; the cursor ends after it."""
        nodes = self.until(Scope(close, mode))
        self.at = close + 1
        return nodes

    def _dollar(self, scope: Scope, text: str) -> None:
        if scope.mode is Mode.MATHS:
            return
        close = self.pairs.closer(self.at - 1, text, scope.end)
        if close is not None and self._is_maths(self.at, close):
            scope.nodes.extend(self.inside(close, Mode.MATHS))
        else:
            scope.nodes.append(text)

    def _is_maths(self, start: int, close: int) -> bool:
        """Whether what lies between two `$` is a formula and not the prose between two prices."""
        tokens = self.tokens[start:close]
        content = "".join(token.text for token in tokens if token.kind is not Kind.COMMAND)
        formula = any(
            kind in _LOOKS_LIKE_MATHS and (kind is not Kind.COMMAND or text not in _PLAIN_ESCAPES)
            for kind, text in tokens
        )
        if formula or _MONEY.match(content):
            return not _MONEY.match(content)
        after = self.tokens[close + 1].text[:1] if close + 1 < len(self.tokens) else ""
        # As pandoc has it: no space inside the dollars, and no digit behind the second.
        tight = content and not content[0].isspace() and not content[-1].isspace() and not after.isdigit()
        return bool(tight or _SIGNS_ONLY.fullmatch(content) or _LONE_VARIABLE.fullmatch(content))

    def _script(self, scope: Scope, sign: str) -> None:
        tag = "sup" if sign == "^" else "sub"
        if scope.mode is Mode.CODE or (scope.mode is Mode.TEXT and not self._is_script(scope, sign)):
            scope.nodes.append(sign)
            return
        content = self.argument(scope, Mode.MATHS, digits=True) or []
        shown = plain(content).strip()
        if tag == "sup" and shown in ("∘", "°"):
            scope.nodes.append("°")
            return
        base = scope.nodes[-1] if scope.nodes else ""
        if tag == "sup" and "×" in shown and isinstance(base, str) and _LONE_R.search(scope.tail):
            # R to the power of a product is a space of real matrices, even where the double strokes got lost.
            scope.nodes[-1] = base[:-1] + "ℝ"
        scope.nodes.append(Span(tag, content))

    def _is_script(self, scope: Scope, sign: str) -> bool:
        """Whether `^` or `_` in prose raises or lowers what follows: `NLVR^2`, `L_{1}`, not snake_case."""
        tail = scope.tail
        if self.at >= scope.end or not tail or not (tail[-1].isalnum() or tail[-1] in ")]}(′°"):
            return self._opens_group(scope) and sign == "^"
        kind, text = self.tokens[self.at]
        if kind is Kind.TEXT and sign == "^":
            return bool(_RAISED_NUMBER.match(text))
        if kind is Kind.TEXT:
            follows = self.tokens[self.at + 1].kind if self.at + 1 < scope.end else None
            whole = follows is not Kind.SCRIPT or len(text) > 2
            return bool(_LOWERED_NUMBER.match(text) and _SHORT_BASE.search(tail)) and whole
        return self._opens_group(scope) or (kind is Kind.COMMAND and text.isalpha())

    def _opens_group(self, scope: Scope) -> bool:
        return self.pairs.closing_brace.get(self.at, scope.end) < scope.end

    def _tie(self, scope: Scope) -> None:
        """`~` between words is a space, before a word it means *about*, and a citation key behind it is left out."""
        following = self.tokens[self.at] if self.at < scope.end else Token(Kind.TEXT, " ")
        tail = scope.tail
        if scope.mode is Mode.MATHS:
            scope.nodes.append(" ")
        elif scope.mode is Mode.CODE:
            scope.nodes.append("~")
        elif following.kind is Kind.TEXT and tail and (key := _CITATION_KEYS.match(following.text)):
            self.keep(following.text[key.end() :])
            self.tidy(scope)
        elif not tail or tail[-1] in " (/[~" or following.text[:1] in ("", " "):
            scope.nodes.append("~")
        elif following.text[0].isdigit() and any(char.isdigit() for char in tail.split(" ")[-1]):
            scope.nodes.append("~")  # a range, as in 10X~20X
        else:
            scope.nodes.append(" ")

    def _quote(self, scope: Scope, text: str) -> None:
        if scope.mode is Mode.MATHS:
            scope.nodes.append("″" if text == "''" else text)
        elif scope.mode is Mode.TEXT and text == "``":
            self.quotes += 1
            scope.nodes.append("“")
        elif scope.mode is Mode.TEXT and self.quotes:
            self.quotes -= 1
            scope.nodes.append("”")
        else:
            scope.nodes.append(text)

    # What commands ask of their surroundings.

    def next_char(self, scope: Scope) -> str:
        """The first character of the token that follows, `` at the end of the scope."""
        return self.tokens[self.at].text[:1] if self.at < scope.end else ""

    def tidy(self, scope: Scope) -> None:
        """After something was left out: no space before punctuation, no empty brackets."""
        following = self.next_char(scope)
        if following in (".", ",", ";", ":", ")", ""):
            scope.trim()
        if following == ")" and scope.tail.endswith("(") and isinstance(scope.nodes[-1], str):
            scope.nodes[-1] = scope.nodes[-1][:-1].rstrip()
            self.keep(self.tokens[self.at].text[1:])

    def group(self, scope: Scope, mode: Mode | None = None) -> list[Node] | None:
        """The group that follows, white space before it allowed; None, and nothing consumed, when there is none."""
        place = self._next_group(scope)
        if place is None:
            return None
        self.at = place + 1
        return self.inside(self.pairs.closing_brace[place], mode or scope.mode)

    def raw_group(self, scope: Scope) -> list[Token] | None:
        """As `group`, but its tokens as they stand."""
        place = self._next_group(scope)
        if place is None:
            return None
        close = self.pairs.closing_brace[place]
        self.at = close + 1
        return self.tokens[place + 1 : close]

    def source(self, scope: Scope) -> str:
        """The group that follows as it was written, with `\\_` and the like unescaped; `` when there is none."""
        return "".join(token.text for token in self.raw_group(scope) or ()).strip()

    def _next_group(self, scope: Scope) -> int | None:
        place = self.at
        if place < scope.end and self.tokens[place].kind is Kind.TEXT and self.tokens[place].text.isspace():
            place += 1
        return place if self.pairs.closing_brace.get(place, scope.end) < scope.end else None

    def option(self, scope: Scope) -> str | None:
        """The star and the optional `[arguments]` before a group, consumed; the last of them, None without one."""
        place, source = self.at, ""
        while place < min(scope.end, self.at + _LONGEST_OPTION) and self.tokens[place].kind is not Kind.OPEN:
            source += self.tokens[place].text
            place += 1
        found = _OPTIONS.fullmatch(source)
        if found and self.pairs.closing_brace.get(place, scope.end) < scope.end:
            self.at = place
            return found[1]
        return None

    def argument(self, scope: Scope, mode: Mode, *, digits: bool = False) -> list[Node] | None:
        """What a command applies to: a group, a command, or one character (a whole number with `digits`)."""
        if self.at < scope.end and self.tokens[self.at] == (Kind.TEXT, " "):
            self.at += 1
        if self.at >= scope.end or self.depth >= DEEPEST:
            return None
        kind, text = self.tokens[self.at]
        if kind is Kind.TEXT:
            text = text.lstrip()
            number = _RAISED_NUMBER.match(text) if digits else None
            taken = number[0] if number else text[:1]
            self.keep(text[len(taken) :])
            return list(maths.atoms(taken)) if mode is Mode.MATHS else [taken]
        if kind is Kind.OPEN:
            return self.group(scope, mode)
        if kind is not Kind.COMMAND:
            return None
        inner = Scope(scope.end, mode)
        self.depth += 1
        self.step(inner)
        self.depth -= 1
        return inner.finished()

    def skip(self, scope: Scope, pattern: re.Pattern[str]) -> None:
        """Drops what `pattern` matches at the cursor."""
        if self.at < scope.end and self.tokens[self.at].kind is Kind.TEXT:
            text = self.tokens[self.at].text
            if found := pattern.match(text):
                self.keep(text[found.end() :])

    def keep(self, rest: str) -> None:
        """Leaves `rest` of the text token at the cursor to be read."""
        self.tokens[self.at] = Token(Kind.TEXT, rest)
        if not rest:
            self.at += 1
