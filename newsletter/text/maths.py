"""Formulas as a line of prose: `\\frac{a}{b}` becomes a/b, with the spaces that a reader expects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from newsletter.text.spans import Node, Span, plain
from newsletter.text.symbols import OPERATORS


class Name(str):
    """A function's name, `log` or `max`: set off from what follows."""

    __slots__ = ()


class Letter(str):
    """A letter written as a command: the space that ended the command is not part of the formula."""

    __slots__ = ()


_ATOM = re.compile(r"\s+|[=<>+*-]|[^\s=<>+*-]+")
_SINGLE = re.compile(r"[\w.√′%°]*|\([^()]*\)")


def is_tight(symbol: str) -> bool:
    """Whether `symbol` stands close to what follows it."""
    return symbol.isalpha() or symbol in "∇∂∀∃¬⟨⌈⌊"


def atoms(text: str) -> Iterator[str]:
    """Ordinary characters of a formula, cut where spaces and operators are; primes become real ones."""
    for piece in _ATOM.findall(text.replace("''", "″").replace("'", "′").replace("&", " ")):
        yield " " if piece.isspace() else piece


def fraction(over: Sequence[Node], under: Sequence[Node]) -> list[Node]:
    return [*bracketed(over), "/", *bracketed(under)]


def root(degree: str, content: Sequence[Node]) -> list[Node]:
    sign: list[Node] = [{"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree, "")]
    if not sign[0]:
        sign = [Span("sup", [degree]), "√"]
    return [*sign, *bracketed(content)]


def bracketed(nodes: Sequence[Node]) -> list[Node]:
    """`nodes` in brackets, unless they are a single thing anyway."""
    single = _SINGLE.fullmatch(plain(nodes).strip())
    return list(nodes) if single else ["(", *nodes, ")"]


def spaced(nodes: Sequence[Node]) -> list[Node]:
    """A formula's nodes with its spaces put right.

    TeX ignores the spaces in a formula, so those in the source say little: a space after a Greek letter only ended
    the command. Kept are the author's other spaces; an operator between two things has one on both sides or on none.
    """
    parts = list(_without_idle_spaces(nodes))
    out: list[Node] = []
    for index, node in enumerate(parts):
        before = out[-1] if out else None
        after = parts[index + 1] if index + 1 < len(parts) else None
        if _is_operator(node) and before is not None and after is not None and (before == " ") != (after == " "):
            if before != " ":
                out.append(" ")
            out.append(node)
            if after != " " and not _opens(out):
                out.append(" ")
            continue
        if isinstance(node, Name) and _ends_a_word(before):
            out.append(" ")
        out.append(node)
        if isinstance(node, Name) and _starts_a_word(after):
            out.append(" ")
    return out


def _without_idle_spaces(nodes: Sequence[Node]) -> Iterator[Node]:
    before: Node | None = None
    pending = False
    for node in nodes:
        if node == " ":
            pending = True
            continue
        idle = (isinstance(before, Letter) and _starts_a_word(node)) or node in ("⟩", "⌉", "⌋")
        if pending and before is not None and not idle:
            yield " "
        pending = False
        yield node
        before = node


def _is_operator(node: Node) -> bool:
    return isinstance(node, str) and node in OPERATORS


def _opens(out: Sequence[Node]) -> bool:
    """Whether the operator that ends `out` has nothing on its left: a sign, as in `( -1`."""
    left = [node for node in out[-3:-1] if node != " "]
    return not left or _is_operator(left[-1]) or plain(left)[-1:] in ("(", "[", "{", ",")


def _ends_a_word(node: Node | None) -> bool:
    return node is not None and plain([node])[-1:].isalnum()


def _starts_a_word(node: Node | None) -> bool:
    is_script = isinstance(node, Span) and node.tag in ("sub", "sup")
    return node is not None and not is_script and not isinstance(node, Name) and plain([node])[:1].isalnum()
