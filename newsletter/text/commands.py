"""What each command says in a sentence.

Never raises and never deletes silently: an unknown command keeps its arguments, or else its name. Only pointers to
elsewhere (`\\cite`, `\\label`, `\\ref`) and type-setting (`\\small`, colour names) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from newsletter.text import maths, symbols
from newsletter.text.clean import clean
from newsletter.text.reading import Mode, Reader, Scope
from newsletter.text.spans import Node, Span, plain
from newsletter.text.tokens import Kind

_LENGTH = re.compile(r"\*?\[-?[\d.]+ ?(?:mm|cm|pt|em|ex|in)\]")
_NO_DELIMITER = re.compile(r"\.(?!\d)")
_SPACE_AND_LETTER = re.compile(r" +(?=[a-zß-ÿ])")
_UMLAUTS = frozenset("aeiouyAEIOUYıȷ")
_UNICODE = re.compile(r"(?:[xX\"]([0-9A-Fa-f]{1,6})|([0-9]{1,7}))")
_ADDRESS_NOISE = re.compile(r"^https?://(?:www\.)?|/$")


class LatexReader(Reader):
    """Reads the TeX of titles and abstracts."""

    def command(self, scope: Scope, name: str) -> None:
        if name in symbols.ACCENTS and self._accent(scope, name):
            return
        if handler := _HANDLERS.get(name):
            handler(self, scope, name)
        elif name in symbols.SPACES:
            self._space(scope, name)
        elif name in symbols.FUNCTIONS:
            scope.nodes.append(maths.Name(symbols.FUNCTIONS[name]))
        else:
            self._symbol(scope, name)

    # Type and structure.

    def _style(self, scope: Scope, name: str) -> None:
        self.option(scope)
        tag = symbols.STYLES[name]
        mode = Mode.CODE if tag == "code" else Mode.TEXT
        if (content := self.group(scope, mode)) is not None:
            scope.nodes.append(Span(tag, content))

    def _declaration(self, scope: Scope, name: str) -> None:
        # Outside a group a declaration holds to the end of the text: that is a slip, not an emphasis.
        if scope.end < len(self.tokens):
            scope.declare(symbols.DECLARATIONS[name])

    def _prose(self, scope: Scope, name: str) -> None:
        scope.nodes.extend(self.group(scope, Mode.CODE if scope.mode is Mode.CODE else Mode.TEXT) or [])

    def _silent(self, scope: Scope, name: str) -> None:
        if name in ("left", "right", "middle"):
            self.skip(scope, _NO_DELIMITER)

    def _pointer(self, scope: Scope, name: str) -> None:
        """Leaves the command and its arguments out; a name without any argument is one of the author's own."""
        self.option(scope)
        groups = [self.raw_group(scope) for _ in range(symbols.SILENT_WITH_ARGUMENT[name])]
        if groups[0] is None:
            self._symbol(scope, name)
        elif name in symbols.CITES:
            self.tidy(scope)

    def _last_argument(self, scope: Scope, name: str) -> None:
        self.option(scope)
        for _ in range(symbols.LAST_ARGUMENT[name] - 1):
            self.raw_group(scope)
        scope.nodes.extend(self.group(scope) or [])

    def _environment(self, scope: Scope, name: str) -> None:
        environment = self.source(scope)
        close = self.pairs.closer(self.at, "end", scope.end)
        if environment in symbols.MATHS_ENVIRONMENTS and close is not None and scope.mode is not Mode.MATHS:
            self._formula(scope, close)
        scope.nodes.append(" ")

    def _maths(self, scope: Scope, name: str) -> None:
        close = self.pairs.closer(self.at - 1, {"(": ")", "[": "]"}[name], scope.end)
        if close is None or scope.mode is Mode.MATHS:
            scope.nodes.append(name)
        else:
            self._formula(scope, close)
            self.at = close + 1

    def _formula(self, scope: Scope, close: int) -> None:
        scope.nodes.extend(self.until(Scope(close, Mode.MATHS)))

    def _ensure_maths(self, scope: Scope, name: str) -> None:
        scope.nodes.extend(self.group(scope, Mode.MATHS) or [])

    # Characters.

    def _accent(self, scope: Scope, name: str) -> bool:
        """Puts an accent on what follows; False, and nothing consumed, when `name` cannot be meant as one."""
        mark = symbols.ACCENTS[name]
        if len(name) > 1:
            return self._maths_accent(scope, mark)
        if name.isalpha() and (scope.mode is Mode.MATHS or not symbols.accented(self._single_letter(scope), mark)):
            return False
        content = [] if self.next_char(scope) == " " and not name.isalpha() else self.argument(scope, scope.mode) or []
        first = content[0] if content and isinstance(content[0], str) else ""
        letter = symbols.accented(first[:1], mark)
        if letter and (name != '"' or first[0] in _UMLAUTS):
            scope.nodes.extend([letter + first[1:], *content[1:]])
        else:
            scope.nodes.extend([name, *content])  # don\'t, \~{}, \"quoted\"
        return True

    def _maths_accent(self, scope: Scope, mark: str) -> bool:
        content = self.argument(scope, scope.mode) or []
        shown = plain(content).strip()
        if len(shown) == 1 and shown.isalpha():
            content = [maths.Letter(symbols.accented(shown, mark) or shown + mark)]
        scope.nodes.extend(content)
        return bool(content)

    def _single_letter(self, scope: Scope) -> str:
        """The one letter that a named accent like `\\c` stands before, `` when something else follows."""
        if self.at >= scope.end:
            return ""
        kind, text = self.tokens[self.at]
        if kind is Kind.TEXT:
            return text[1:2] if text[0] == " " and text[1:2].isalpha() and scope.tail[-1:].isalpha() else ""
        if self.pairs.closing_brace.get(self.at) != self.at + 2:
            return ""
        inner = self.tokens[self.at + 1]
        is_letter = len(inner.text) == 1 and inner.text.isalpha()
        return inner.text if is_letter and (inner.kind is Kind.TEXT or inner.text in "ij") else ""

    def _space(self, scope: Scope, name: str) -> None:
        if name == "\\":
            self.skip(scope, _LENGTH)
        scope.nodes.append(" ")

    def _symbol(self, scope: Scope, name: str) -> None:
        if scope.mode is Mode.MATHS:
            # One letter in a formula is a macro of the author's, not the ø or § of the text.
            meaning = None if len(name) == 1 and name.isalpha() and name not in "ij" else symbols.symbol(name)
            if name == "deg" and self.next_char(scope) in ("(", " "):
                meaning = "deg"
            if meaning:
                scope.nodes.append(maths.Letter(meaning) if maths.is_tight(meaning) else meaning)
                return
        elif (meaning := symbols.symbol(name)) is not None:
            if meaning.endswith(".") and self.next_char(scope) == ".":
                meaning = meaning[:-1]
            if "À" <= meaning <= "ɏ":
                self.skip(scope, _SPACE_AND_LETTER)  # Stra\ss e: the space only ends the command
            scope.nodes.append(meaning)
            return
        self._unknown(scope, name)

    def _unknown(self, scope: Scope, name: str) -> None:
        groups: list[list[Node]] = []
        while self.pairs.closing_brace.get(self.at, scope.end) < scope.end:
            groups.append(self.group(scope) or [])
        groups = [group for group in groups if plain(group).strip()]
        for index, group in enumerate(groups):
            scope.nodes.extend([" ", *group] if index else group)
        if not groups:
            scope.nodes.extend([" ", name] if scope.tail[-1:].isalnum() else [name])

    def _unicode(self, scope: Scope, name: str) -> None:
        content = self.source(scope)
        found = _UNICODE.fullmatch(content)
        code = (int(found[1], 16) if found[1] else int(found[2])) if found else 0
        scope.nodes.append(clean(chr(code)) if 0 < code <= 0x10FFFF else content)

    def _dingbat(self, scope: Scope, name: str) -> None:
        scope.nodes.append(symbols.DINGBATS.get(self.source(scope), "•"))

    def _blackboard(self, scope: Scope, name: str) -> None:
        content = plain(self.argument(scope, Mode.MATHS) or [])
        scope.nodes.append(maths.Letter(symbols.BLACKBOARD.get(content, content)))

    def _alphabet(self, scope: Scope, name: str) -> None:
        content = self.argument(scope, scope.mode) or []
        scope.nodes.extend(maths.Letter(node) if isinstance(node, str) and node.isalpha() else node for node in content)

    # Formulas.

    def _fraction(self, scope: Scope, name: str) -> None:
        over = self.argument(scope, Mode.MATHS) or []
        under = self.argument(scope, Mode.MATHS) or []
        scope.nodes.extend(maths.fraction(over, under))

    def _root(self, scope: Scope, name: str) -> None:
        degree = (self.option(scope) or "").strip()
        scope.nodes.extend(maths.root(degree, self.argument(scope, Mode.MATHS) or []))

    def _binomial(self, scope: Scope, name: str) -> None:
        over = self.argument(scope, Mode.MATHS) or []
        scope.nodes.extend(["(", *over, " choose ", *(self.argument(scope, Mode.MATHS) or []), ")"])

    def _modulus(self, scope: Scope, name: str) -> None:
        scope.nodes.extend([" ", "(mod ", *(self.argument(scope, Mode.MATHS) or []), ")"])

    def _stacked(self, scope: Scope, name: str) -> None:
        upper = self.argument(scope, Mode.MATHS) or []
        scope.nodes.extend(self.argument(scope, Mode.MATHS) or [])
        scope.nodes.append(Span("sub" if name == "underset" else "sup", upper))

    def _negated(self, scope: Scope, name: str) -> None:
        content = plain(self.argument(scope, Mode.MATHS) or [])
        scope.nodes.append(symbols.accented(content, "\u0338") or f"not {content}")

    def _function(self, scope: Scope, name: str) -> None:
        self.option(scope)
        scope.nodes.append(maths.Name(plain(self.argument(scope, scope.mode) or [])))

    # Addresses, notes, numbers.

    def _address(self, scope: Scope, name: str) -> None:
        scope.nodes.append(self.source(scope))

    def _link(self, scope: Scope, name: str) -> None:
        address = self.source(scope)
        label = self.group(scope) or []
        shown = plain(label).strip()
        if not shown or _ADDRESS_NOISE.sub("", shown) in address:
            scope.nodes.append(address)
        else:
            scope.nodes.extend([*label, f" ({address})" if address else ""])

    def _note(self, scope: Scope, name: str) -> None:
        self.option(scope)
        content = self.group(scope) or []
        if plain(content).strip():
            scope.nodes.extend([" (", *content, ")"])

    def _quantity(self, scope: Scope, name: str) -> None:
        self.option(scope)
        scope.nodes.extend(self.group(scope) or [])
        parts = [token.text for token in self.raw_group(scope) or ()]
        unit = "".join(symbols.UNITS.get(part, part) for part in parts)
        scope.nodes.append(unit if unit == "%" else f" {unit}")


_Handler = Callable[[LatexReader, Scope, str], None]
_SPECIAL: dict[str, _Handler] = {
    "begin": LatexReader._environment,
    "(": LatexReader._maths,
    "[": LatexReader._maths,
    "ensuremath": LatexReader._ensure_maths,
    "unicode": LatexReader._unicode,
    "ding": LatexReader._dingbat,
    "mathbb": LatexReader._blackboard,
    "frac": LatexReader._fraction,
    "dfrac": LatexReader._fraction,
    "tfrac": LatexReader._fraction,
    "cfrac": LatexReader._fraction,
    "nicefrac": LatexReader._fraction,
    "sqrt": LatexReader._root,
    "binom": LatexReader._binomial,
    "tbinom": LatexReader._binomial,
    "dbinom": LatexReader._binomial,
    "pmod": LatexReader._modulus,
    "overset": LatexReader._stacked,
    "underset": LatexReader._stacked,
    "stackrel": LatexReader._stacked,
    "not": LatexReader._negated,
    "operatorname": LatexReader._function,
    "mathop": LatexReader._function,
    "url": LatexReader._address,
    "nolinkurl": LatexReader._address,
    "path": LatexReader._address,
    "href": LatexReader._link,
    "footnote": LatexReader._note,
    "footnotetext": LatexReader._note,
    "thanks": LatexReader._note,
    "num": LatexReader._quantity,
    "SI": LatexReader._quantity,
    "qty": LatexReader._quantity,
}
_HANDLERS: dict[str, _Handler] = (
    dict.fromkeys(symbols.SILENT, LatexReader._silent)
    | dict.fromkeys(symbols.SILENT_WITH_ARGUMENT, LatexReader._pointer)
    | dict.fromkeys(symbols.LAST_ARGUMENT, LatexReader._last_argument)
    | dict.fromkeys(symbols.STYLES, LatexReader._style)
    | dict.fromkeys(symbols.DECLARATIONS, LatexReader._declaration)
    | dict.fromkeys(symbols.TEXT_IN_MATHS, LatexReader._prose)
    | dict.fromkeys(symbols.ALPHABETS, LatexReader._alphabet)
    | _SPECIAL
)  # fmt: skip
