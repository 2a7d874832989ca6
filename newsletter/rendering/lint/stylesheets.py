"""Style blocks and style attributes, parsed with tinycss2 into rules that the checks can read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import tinycss2
from tinycss2.ast import Node

_DEEPEST = 40  # tinycss2 writes nested brackets recursively; no style sheet of sense nests as deep
_BRACKET = re.compile(r"[(\[{]|[)\]}]")
_GROUPING = frozenset({"media", "supports", "layer", "container", "scope", "starting-style", "document"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """One "name: value". `name` is lower case, `value` as written without !important, `tokens` the value's."""

    name: str
    value: str
    important: bool
    tokens: tuple[Node, ...] = field(compare=False)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}{' !important' if self.important else ''}"


Declarations = tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its selectors as written, below `media` (the media query in lower case, "" if there is none)."""

    selectors: str
    declarations: Declarations
    media: str

    def __str__(self) -> str:
        return f"{self.selectors} {{ {'; '.join(map(str, self.declarations))} }}"


@dataclass(frozen=True, slots=True)
class AtRule:
    """An at-rule of the first level: its keyword, and what stands between keyword and block."""

    keyword: str
    prelude: str

    def __str__(self) -> str:
        return f"@{self.keyword} {self.prelude}".strip()


@dataclass(frozen=True, slots=True)
class Block:
    """One style block. `faults` says what in it endangers the whole block (C3)."""

    source: str
    rules: tuple[Rule, ...] = ()
    at_rules: tuple[AtRule, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: str) -> Block:
        """A style block from its text; nothing is raised."""
        if deep := _too_deep(source):
            return cls(source, faults=(deep,))
        reading = _Reading()
        reading.sheet(tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True))
        return cls(source, tuple(reading.rules), tuple(reading.at_rules), tuple(reading.faults))


class _Reading:
    """Collects the rules of a block."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.at_rules: list[AtRule] = []
        self.faults: list[str] = []

    def sheet(self, nodes: Iterable[Node], media: str = "", inside: str = "") -> None:
        for node in nodes:
            if node.type == "qualified-rule":
                self._rule(node, media)
            elif node.type == "at-rule":
                self._at_rule(node, inside)
            elif node.type == "error":
                self.faults.append(f"it cannot be read in line {node.source_line}: {node.message}")

    def _at_rule(self, node: Node, inside: str) -> None:
        found = AtRule(node.lower_at_keyword, tinycss2.serialize(node.prelude).strip())
        if inside:
            self.faults.append(f"{found} stands inside {inside}")
            return
        self.at_rules.append(found)
        if found.keyword in {"import", "font-face"}:
            self.faults.append(f"it has {found}")
        if found.keyword in _GROUPING and node.content is not None:
            media = found.prelude.lower() if found.keyword == "media" else str(found)
            inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            self.sheet(inner, media, str(found))

    def _rule(self, node: Node, media: str) -> None:
        selectors = " ".join(tinycss2.serialize(node.prelude).split())
        inner = _contents(node.content)
        for one in inner:
            if one.type == "error":
                self.faults.append(f"it cannot be read in line {one.source_line}: {one.message}")
            elif one.type in {"qualified-rule", "at-rule"}:
                self.faults.append(f"a rule is nested in {selectors}")
        self.rules.append(Rule(selectors, _declared(inner), media))


def declarations(style: str) -> tuple[Declarations, str]:
    """What a style attribute declares, and what is wrong with it ("" mostly)."""
    if deep := _too_deep(style):
        return (), deep
    nodes = _contents(style)
    wrong = next((node.message for node in nodes if node.type == "error"), "")
    if not wrong and any(node.type != "declaration" for node in nodes):
        wrong = "it holds a rule"
    return _declared(nodes), wrong


def _contents(content: str | Sequence[Node]) -> list[Node]:
    return list(tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True))


def _declared(nodes: Iterable[Node]) -> Declarations:
    return tuple(
        Declaration(node.lower_name, tinycss2.serialize(node.value).strip(), node.important, tuple(node.value))
        for node in nodes
        if node.type == "declaration"
    )


def components(tokens: Iterable[Node]) -> Iterator[Node]:
    """All tokens of a value or prelude, those inside functions and brackets too, in order."""
    pending = [*tokens][::-1]
    while pending:
        token = pending.pop()
        yield token
        inner = getattr(token, "arguments", None) or getattr(token, "content", None)
        if isinstance(inner, list):
            pending += inner[::-1]


def _too_deep(source: str) -> str:
    depth = 0
    for bracket in _BRACKET.finditer(source):
        depth = depth + 1 if bracket[0] in "([{" else max(0, depth - 1)
        if depth > _DEEPEST:
            return f"it nests brackets more than {_DEEPEST} deep"
    return ""
