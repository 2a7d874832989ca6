"""What a text says and how it is set: a small tree, and its two ways out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Span:
    """Nodes set in one way; `tag` is `strong`, `em`, `code`, `sub` or `sup`."""

    tag: str
    children: Sequence[Node]


Node: TypeAlias = "str | Span"

_SPACES = re.compile(r"\s+")
_DIGITS_AND_SIGNS = re.compile(r"[0-9+\-−=()]{1,3}")
_AROUND_SIGNS = re.compile(r"\s*([^\w\s])\s*")
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_BRACKETED = re.compile(r"\([^()]*\)")
_SELF_RAISED = re.compile(r"[*∗⋆★†‡§′″°]+|st|nd|rd|th")

_SUPERSCRIPTS = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ",
        strict=True,
    )
)
_SUBSCRIPTS = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


def plain(nodes: Sequence[Node]) -> str:
    """The characters of `nodes` and nothing else."""
    return "".join(node if isinstance(node, str) else plain(node.children) for node in nodes)


def as_text(nodes: Sequence[Node]) -> str:
    """`nodes` in Unicode alone, for text parts, subjects and matching.

    Unicode's own sub- and superscripts only where they are short (digits, signs, one letter): whole words in them
    defeat search and screen readers, so those become `_word` and `^(a+b)`.
    """
    return "".join(node if isinstance(node, str) else _span_as_text(node) for node in nodes)


def _span_as_text(span: Span) -> str:
    content = as_text(span.children)
    if span.tag == "sup":
        return _script(content.strip(), "^", _SUPERSCRIPTS)
    if span.tag == "sub":
        return _script(content.strip(), "_", _SUBSCRIPTS)
    return content


def _script(content: str, sign: str, letters: dict[str, str]) -> str:
    if not content or (sign == "^" and _SELF_RAISED.fullmatch(content)):
        return content
    compact = _AROUND_SIGNS.sub(r"\1", content)
    if (len(compact) == 1 or _DIGITS_AND_SIGNS.fullmatch(compact)) and all(char in letters for char in compact):
        return "".join(letters[char] for char in compact)
    clear = len(compact) == 1 or _BRACKETED.fullmatch(compact) or (_WORD if sign == "_" else _NUMBER).fullmatch(compact)
    return sign + compact if clear else f"{sign}({compact})"


def as_html(nodes: Sequence[Node]) -> str:
    """`nodes` as HTML with the tags of their spans and everything else escaped: balanced by construction.

    White space is collapsed across tags and stripped, spans without a visible character leave no tag.
    """
    pieces = [piece for node in nodes for piece in _pieces(node)]
    written: list[str] = []
    spaced = True  # at the start and after a space, further space is dropped
    last = 0
    for text, is_tag in pieces:
        if is_tag:
            written.append(text)
            continue
        text = _SPACES.sub(" ", text)
        if spaced:
            text = text.lstrip()
        if text:
            spaced = text[-1] == " "
            last = len(written)
            written.append(escape(text))
    if written:
        written[last] = written[last].rstrip()
    return "".join(written)


def _pieces(node: Node) -> Iterator[tuple[str, bool]]:
    if isinstance(node, str):
        yield node, False
    elif plain(node.children).strip():
        yield f"<{node.tag}>", True
        for child in node.children:
            yield from _pieces(child)
        yield f"</{node.tag}>", True
    else:
        yield plain(node.children), False
