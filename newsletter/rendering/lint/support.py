"""Support: what the mail uses, held against what mail programs are known to keep.

The table is caniemail's, reduced to one letter for each feature and program (`caniemail.json`, which names its source
and date; docs/refresh_caniemail.py renews it). Half of it was tested years ago: a hint, and no truth. What other checks
speak of by name (C3, C6 to C8, C10, A10, I11, RTL) is not said twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import tinycss2
from tinycss2.ast import Node

from newsletter.rendering.lint.css import declared
from newsletter.rendering.lint.findings import Finding, warning
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import Page, drawn
from newsletter.rendering.lint.stylesheets import Declaration, components

TAGS: Mapping[str, str] = {
    **{tag: f"html-{tag}" for tag in "blockquote code hr p pre small span strong table style".split()},
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "html-h1-h6"),
    **dict.fromkeys(("ul", "ol", "li"), "html-lists"),
}
ATTRIBUTES: Mapping[str, str] = {
    **{name: f"html-{name}" for name in "align background cellpadding cellspacing dir height hidden lang role".split()},
    **{name: f"html-{name}" for name in "srcset target valign width".split()},
    **{f"aria-{name}": f"html-aria-{name}" for name in "describedby hidden label labelledby live".split()},
    "loading": "html-loading-attribute",
    "inert": "css-inert-attribute",
}
PROPERTIES: Mapping[str, str] = {
    **{
        name: f"css-{name}"
        for name in (
            "accent-color align-items animation aspect-ratio backdrop-filter background background-blend-mode"
            " background-clip background-color background-image background-origin background-position background-repeat"
            " background-size border border-collapse border-image border-radius border-spacing box-shadow box-sizing"
            " caption-side clear clip-path color-scheme column-count cursor direction empty-cells filter font"
            " font-kerning font-size font-size-adjust font-stretch font-weight height hyphens justify-content"
            " letter-spacing line-height list-style list-style-image list-style-position list-style-type margin"
            " mask-image max-height max-width min-height min-width mix-blend-mode object-fit object-position opacity"
            " orphans outline outline-offset overflow overflow-wrap padding resize tab-size table-layout text-align"
            " text-align-last text-decoration text-decoration-color text-decoration-line text-decoration-style"
            " text-decoration-thickness text-emphasis text-indent text-justify text-overflow text-shadow"
            " text-transform text-underline-offset text-wrap transform transition user-select vertical-align visibility"
            " white-space widows width word-break word-spacing word-wrap writing-mode z-index"
        ).split()
    },
    **dict.fromkeys(("top", "right", "bottom", "left"), "css-left-right-top-bottom"),
    **{
        f"{side}-{edge}": f"css-{side}"
        for side in ("margin", "padding", "border")
        for edge in ("top", "right", "bottom", "left")
    },
    **{f"border-{part}": "css-border" for part in ("width", "style", "color")},
}
FUNCTIONS: Mapping[str, str] = {
    **{name: f"css-function-{name}" for name in ("clamp", "max", "min")},
    **{f"{name}-gradient": f"css-{name}-gradient" for name in ("linear", "radial", "conic")},
    "url": "css-background-image",
}
AT_RULES: Mapping[str, str] = {"media": "css-at-media", "supports": "css-at-supports", "keyframes": "css-at-keyframes"}
QUERIES: Mapping[str, str] = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "orientation": "css-at-media-orientation",
    "hover": "css-at-media-hover",
}
COMBINATORS: Mapping[str, str] = {
    ">": "css-selector-child",
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
    "*": "css-selector-universal",
    ",": "css-selector-grouping",
}
PSEUDO: Mapping[str, str] = {
    **{
        name: f"css-pseudo-class-{name}"
        for name in (
            "active checked first-child first-of-type focus has hover lang last-child last-of-type link not nth-child"
            " only-child target visited"
        ).split()
    },
    **{name: f"css-pseudo-element-{name}" for name in ("after", "before", "first-letter", "first-line")},
}
OTHERS: Mapping[str, str] = {
    "class": "css-selector-class",
    "id": "css-selector-id",
    "type": "css-selector-type",
    "attribute": "css-selector-attribute",
    "chaining": "css-selector-chaining",
    "descendant": "css-selector-descendant",
    "important": "css-important",
    "display": "css-display",
    "none": "css-display-none",
    "initial": "css-unit-initial",
    "system": "css-sytem-ui",  # the table's own spelling
    "mailto": "html-mailto-links",
    "scheme": "html-meta-color-scheme",
}
MAPPINGS = (TAGS, ATTRIBUTES, PROPERTIES, FUNCTIONS, AT_RULES, QUERIES, COMBINATORS, PSEUDO, OTHERS)

_SYSTEM_FONTS = frozenset(
    {"system-ui", "-apple-system", "blinkmacsystemfont", "ui-sans-serif", "ui-serif", "ui-monospace"}
)


@dataclass(frozen=True, slots=True)
class Table:
    """What is known: `features` has one letter (y, a, n, u) for each of `clients`, and the month of the test."""

    version: str
    date: str
    clients: tuple[str, ...]
    features: Mapping[str, tuple[str, str]]

    def without(self, feature: str) -> list[str]:
        """The programs that do not support a feature, as far as is known."""
        letters, _ = self.features[feature]
        return [client for client, letter in zip(self.clients, letters, strict=True) if letter == "n"]


@cache
def table() -> Table:
    """The table that is shipped."""
    read = json.loads(resources.files(__package__).joinpath("caniemail.json").read_text(encoding="utf-8"))
    features = {
        slug: (letters, month)
        for slug, (letters, month) in ((slug, value.split()) for slug, value in read["features"].items())
    }
    return Table(read["version"], read["date"], tuple(read["clients"]), features)


def check_support(mail: Mail, page: Page) -> Iterator[Finding]:
    """One finding for each feature that some program does not support, where it is used first."""
    known, told = table(), set()
    for feature, said, where in _used(page):
        if feature not in told:
            told.add(feature)
            if missing := known.without(feature):
                yield warning(
                    f"support:{feature}",
                    f"{said} is not supported by {_listed(missing)} (tested {known.features[feature][1]}): "
                    "see that the mail reads well without it.",
                    where,
                )


def _listed(clients: list[str]) -> str:
    return ", ".join(clients) if len(clients) <= 4 else f"{', '.join(clients[:3])} and {len(clients) - 3} more"


def _used(page: Page) -> Iterator[tuple[str, str, str]]:
    """Each feature that is used, its name for a reader, and a snippet of where."""
    for element in page.elements:
        if element.tag in TAGS:
            yield TAGS[element.tag], f"<{element.tag}>", drawn(element)
        for name in element.attrib:
            if name in ATTRIBUTES:
                yield ATTRIBUTES[name], f"The attribute {name}", drawn(element)
        if element.tag == "meta" and element.get("name") == "color-scheme":
            yield OTHERS["scheme"], "The meta color-scheme", drawn(element)
        if element.tag == "a" and (element.get("href") or "").lower().startswith("mailto:"):
            yield OTHERS["mailto"], "A link to mailto", drawn(element)
    for where, declaration in declared(page, word=False):
        yield from ((feature, said, where) for feature, said in _of_declaration(declaration))
    for block in page.blocks:
        for at_rule in block.at_rules:
            if at_rule.keyword in AT_RULES:
                yield AT_RULES[at_rule.keyword], f"@{at_rule.keyword}", str(at_rule)
            for query, feature in QUERIES.items():
                if query in at_rule.prelude.lower():
                    yield feature, f"@media ({query})", str(at_rule)
        for rule in block.rules:
            for feature, said in _of_selectors(tinycss2.parse_component_value_list(rule.selectors)):
                yield feature, said, rule.selectors


def _of_declaration(declaration: Declaration) -> Iterator[tuple[str, str]]:
    if declaration.important:
        yield OTHERS["important"], "!important"
    if declaration.name == "display":
        none = declaration.value.lower() == "none"
        yield (OTHERS["none"], "display: none") if none else (OTHERS["display"], "display")
    elif declaration.name in PROPERTIES:
        yield PROPERTIES[declaration.name], declaration.name
    for token in components(declaration.tokens):
        if token.type == "function" and token.lower_name in FUNCTIONS:
            yield FUNCTIONS[token.lower_name], f"{token.lower_name}()"
        elif token.type == "url":
            yield FUNCTIONS["url"], "url()"
        elif token.type == "ident" and token.lower_value == "initial":
            yield OTHERS["initial"], "initial"
        elif token.type == "ident" and declaration.name.startswith("font") and token.lower_value in _SYSTEM_FONTS:
            yield OTHERS["system"], f"The font {token.value}"


def _of_selectors(tokens: list[Node]) -> Iterator[tuple[str, str]]:
    """The kinds of selector in a list of them."""
    before: Node | None = None
    for place, token in enumerate(tokens):
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.type == "literal" and token.value in COMBINATORS:
            yield COMBINATORS[token.value], f"The selector “{token.value}”"
        elif token.type == "whitespace" and before is not None and after is not None:
            if not any(one.type == "literal" and one.value in ">+~," for one in (before, after)):
                yield OTHERS["descendant"], "A selector of descendants"
        elif token.type == "[] block":
            yield OTHERS["attribute"], "A selector of attributes"
        elif token.type == "hash":
            yield OTHERS["id"], "A selector of an id"
        elif token.type == "literal" and token.value == "." and after is not None:
            yield OTHERS["class"], "A selector of a class"
            if (
                before is not None
                and before.type == "ident"
                and place >= 2
                and tokens[place - 2].type == "literal"
                and tokens[place - 2].value == "."
            ):
                yield OTHERS["chaining"], "A selector of two classes"
        elif (
            token.type in {"ident", "function"}
            and before is not None
            and before.type == "literal"
            and before.value == ":"
        ):
            name = token.lower_value if token.type == "ident" else token.lower_name
            if name in PSEUDO:
                yield PSEUDO[name], f"The selector :{name}"
        elif token.type == "ident" and not (before is not None and before.type == "literal" and before.value in ".:"):
            yield OTHERS["type"], "A selector of an element"
        before = token
