"""Roughly what Outlook on Windows makes of a mail, which draws with Word: an approximation, and labelled so.

Done here: conditional comments as Word reads them, no media queries, and none of the properties and boxes that Word
does not know (caniemail, "Outlook Windows"). Not done: Word's own fonts, line heights and page breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import tinycss2
from lxml.html import HtmlElement
from tinycss2.ast import Declaration, QualifiedRule

from newsletter.previewing.markup import elements

VERSION = 16
"""What Outlook 2016, 2019, 2021 and Microsoft 365 call themselves in `[if gte mso 16]`."""

# <!--[if mso]>...<![endif]-->, and the forms that others show: <!--[if !mso]><!-->...<!--<![endif]--> and
# <![if !mso]>...<![endif]>.
_CONDITIONAL = re.compile(
    r"<!(?:--)?\[if ([^\]]*)\](?:-->|><!-->|>)(.*?)(?:<!--)?<!\[endif\](?:--)?>", re.DOTALL | re.IGNORECASE
)
# Settings for Word and no text of the mail: without scripts a browser shows what stands in them.
_SETTINGS = re.compile(r"(?:<noscript>\s*)?<xml>.*?</xml>(?:\s*</noscript>)?", re.DOTALL | re.IGNORECASE)
_FEATURE = re.compile(r"(?:(gte|gt|lte|lt|eq)\s+)?(mso|ie|vml)(?:\s+([0-9.]+))?", re.IGNORECASE)
_COMPARED: dict[str, Callable[[float], bool]] = {
    "gte": lambda asked: asked <= VERSION,
    "gt": lambda asked: asked < VERSION,
    "lte": lambda asked: asked >= VERSION,
    "lt": lambda asked: asked > VERSION,
    "eq": lambda asked: asked == VERSION,
}

_UNKNOWN = frozenset(
    """max-width min-width max-height min-height border-radius box-shadow text-shadow opacity position float overflow
    overflow-x overflow-y object-fit transform animation transition background-image background-size outline filter
    flex flex-direction flex-wrap flex-grow flex-shrink flex-basis justify-content align-items align-content gap
    grid grid-template-columns grid-template-rows grid-template-areas columns column-count""".split()
)
_CELLS = frozenset({"td", "th"})
_SIZED = _CELLS | {"table", "tr", "img"}


def conditions_met(source: str) -> str:
    """`source` with its conditional comments resolved as Word does."""
    return _CONDITIONAL.sub(lambda found: _SETTINGS.sub("", found[2]) if is_met(found[1]) else "", source)


def is_met(condition: str) -> bool:
    """Whether Word takes what stands under `condition`, such as `mso`, `!mso` or `(gte mso 9)|(IE)`."""
    left = re.sub(r"\s", "", _FEATURE.sub(lambda found: str(int(_has(*found.groups()))), condition))
    while (reduced := _reduced(left)) != left:
        left = reduced
    return left == "1"


def _has(comparison: str | None, feature: str, version: str | None) -> bool:
    if feature.lower() != "mso" or not version:
        return feature.lower() in ("mso", "vml")
    return _COMPARED[(comparison or "eq").lower()](float("0" + version.split(".")[0]))


def _reduced(expression: str) -> str:
    """One step in working out an expression of 0, 1, !, &, | and brackets, inner and tighter ones first."""
    expression = re.sub(r"!([01])", lambda found: str(1 - int(found[1])), expression)
    expression = re.sub(r"\(([01])\)", r"\1", expression)
    anded = re.sub(r"([01])&([01])", lambda found: str(int(found[1]) & int(found[2])), expression)
    if anded != expression:
        return anded
    return re.sub(r"([01])\|([01])(?!&)", lambda found: str(int(found[1]) | int(found[2])), expression)


def restyle(root: HtmlElement) -> None:
    """Take from the styles in `root` what Word does not know."""
    known: dict[tuple[str, bool, bool], str] = {}
    for one in elements(root):
        if one.tag == "style":
            one.text = _rules(one.text or "")
        elif style := one.get("style"):
            key = (style, one.tag in _CELLS, one.tag in _SIZED)
            if key not in known:
                kept = (declaration for declaration in _declarations(style) if not declaration.important)
                known[key] = _kept(kept, padded=key[1], sized=key[2])
            one.set("style", known[key])


def _rules(sheet: str) -> str:
    """The plain rules of `sheet`: no at-rules, no selectors but tags, classes and ids."""
    rules = [rule for rule in tinycss2.parse_stylesheet(sheet) if isinstance(rule, QualifiedRule)]
    selectors = [tinycss2.serialize(rule.prelude).strip() for rule in rules]
    return "\n".join(
        f"{selector} {{ {_kept(_declarations(rule.content), padded=True, sized=True)} }}"
        for selector, rule in zip(selectors, rules, strict=True)
        if not re.search(r"[\[:>+~<]", selector)
    )


def _declarations(source: object) -> list[Declaration]:
    return [one for one in tinycss2.parse_blocks_contents(source) if isinstance(one, Declaration)]


def _kept(declarations: Iterable[Declaration], *, padded: bool, sized: bool) -> str:
    return " ".join(filter(None, (_read(one, padded=padded, sized=sized) for one in declarations)))


def _read(declaration: Declaration, *, padded: bool, sized: bool) -> str:
    """The declaration as Word reads it, "" where it does not."""
    name, value = declaration.lower_name, tinycss2.serialize(declaration.value).strip().lower()
    if name == "mso-hide" and value == "all":
        return "display: none;"
    foreign = (
        name in _UNKNOWN
        or (name == "display" and value != "none")
        or (name.startswith("padding") and not padded)
        or (name in ("width", "height") and not sized)
    )
    return "" if foreign else f"{declaration.serialize()};"
