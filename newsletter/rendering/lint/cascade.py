"""Which style an element gets in which view: specificity, !important, inheritance (CSS Cascading Level 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import tinycss2
from cssselect import HTMLTranslator, SelectorError
from cssselect.parser import parse
from lxml import etree, html
from tinycss2.ast import Node

from newsletter.rendering.lint import colours
from newsletter.rendering.lint.stylesheets import Block, Declaration, Declarations, Rule

MEDIUM = 16.0
"""Pixels of a text whose size nobody set."""


class View(StrEnum):
    """A way in which a mail is seen."""

    BARE = "without its style blocks"
    LIGHT = "on a light screen"
    SMALL = "on a small screen"
    DARK = "on a dark screen"
    OUTLOOK = "in Outlook.com on a dark screen"


@dataclass(frozen=True, slots=True)
class Declared:
    """The value that won for a property, and whether it stands in a style block."""

    value: str
    tokens: tuple[Node, ...]
    embedded: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """How an element is shown in a view.

    `own` is what is declared for it by property. Sizes are in pixels; `line` is the height of its lines, `leading` the
    same as a multiple of the size where it was declared so.
    """

    own: Mapping[str, Declared]
    colour: str
    background: str
    size: float
    line: float
    leading: float | None
    bold: bool
    hidden: bool
    underlined: bool

    def value(self, name: str) -> str:
        """What is declared for the element itself, in lower case; "" if nothing is."""
        return self.own[name].value.lower() if name in self.own else ""

    def pixels(self, name: str) -> float:
        """The length declared for the element itself, 0 if there is none or one that depends on the screen."""
        value = self.value(name)
        return 0.0 if value.endswith("%") else length(value, self.size) or 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule of a style block that matches an element."""

    rule: Rule
    specificity: int
    views: frozenset[View]


# What every program's own sheet says, as far as the checks ask.
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67, "small": 0.83, "sub": 0.83, "sup": 0.83, "big": 1.2}
_WORDED_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": MEDIUM, "large": 18.0, "x-large": 24.0}
_RELATIVE_SIZES = {"smaller": 0.83, "larger": 1.2}
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_NEVER_SHOWN = frozenset({"head", "style", "script", "title", "template", "noscript"})
_LINK_COLOUR, _LEADING = "#0000ee", 1.2
_ROOT = Shown({}, "#000000", "#ffffff", MEDIUM, MEDIUM * _LEADING, _LEADING, False, False, False)

_LENGTH = re.compile(r"(-?[0-9]*\.?[0-9]+)(px|em|rem|%|pt)?")
_SIDES = ("top", "right", "bottom", "left")
_TRANSLATOR = HTMLTranslator()


class Cascade:
    """The styles of a document. `elements` are all of it, parents first; `inline` their style attributes, parsed.

    `hits` are the rules of the style blocks by element, `shown` how each element is shown in each view.
    """

    def __init__(
        self,
        elements: Sequence[html.HtmlElement],
        inline: Mapping[html.HtmlElement, Declarations],
        blocks: Sequence[Block],
    ) -> None:
        self.hits: dict[html.HtmlElement, list[Hit]] = {}
        self._known: dict[tuple[int, bool], dict[str, Declared]] = {}  # by declarations, which `inline` and `hits` keep
        if elements:
            self._match(elements[0], [rule for block in blocks for rule in block.rules])
        self.shown: dict[View, dict[html.HtmlElement, Shown]] = {view: {} for view in View}
        for view, shown in self.shown.items():
            for element in elements:
                own = self._own(element, inline.get(element, ()), view)
                shown[element] = _shown(element, own, shown.get(element.getparent(), _ROOT))

    def _match(self, root: html.HtmlElement, rules: Sequence[Rule]) -> None:
        added = [name for name in ("data-ogsc", "data-ogsb") if name not in root.attrib]
        for name in added:  # what Outlook.com writes above a mail that it shows on a dark screen
            root.set(name, "")
        for rule in rules:
            views = _views(rule)
            for elements, specificity in _matched(root, rule.selectors):
                hit = Hit(rule, specificity, views)
                for element in elements:
                    self.hits.setdefault(element, []).append(hit)
        for name in added:
            del root.attrib[name]

    def _own(self, element: html.HtmlElement, inline: Declarations, view: View) -> dict[str, Declared]:
        candidates = [
            ((one.important, False, hit.specificity), one)
            for hit in self.hits.get(element, ())
            if view in hit.views
            for one in hit.rule.declarations
        ]
        candidates += [((one.important, True, 0), one) for one in inline]
        candidates.sort(key=lambda pair: pair[0])  # stable: of equals, the later one wins
        own: dict[str, Declared] = {}
        for (_, is_inline, _), declaration in candidates:
            own.update(self._declared(declaration, embedded=not is_inline))
        return own

    def _declared(self, declaration: Declaration, *, embedded: bool) -> dict[str, Declared]:
        """What a declaration sets, by property; worked out once, since many elements share a declaration."""
        key = (id(declaration), embedded)
        if key not in self._known:
            self._known[key] = {
                name: Declared(tinycss2.serialize(tokens).strip(), tuple(tokens), embedded)
                for name, tokens in longhands(declaration)
            }
        return self._known[key]


def _matched(root: html.HtmlElement, selectors: str) -> Iterator[tuple[list[html.HtmlElement], int]]:
    """For each selector that can be evaluated offline: its elements, and its specificity as one number."""
    try:
        for selector in parse(selectors):
            if selector.pseudo_element is None:
                ids, classes, names = selector.specificity()
                found = etree.XPath(_TRANSLATOR.selector_to_xpath(selector))(root)
                yield found, ids * 1_000_000 + classes * 1_000 + names
    except (SelectorError, etree.XPathError, ValueError):  # lxml raises the last for an escaped control character
        return  # :hover and the like hold for no element at rest


def _views(rule: Rule) -> frozenset[View]:
    """Where a rule holds."""
    if "[data-ogs" in rule.selectors:
        return frozenset({View.OUTLOOK})
    query = "".join(rule.media.split())
    if not query:
        return frozenset(View) - {View.BARE}
    if "prefers-color-scheme:dark" in query:
        return frozenset() if "width" in query else frozenset({View.DARK})
    if "max-width" in query:
        return frozenset({View.SMALL})
    if query in {"all", "screen", "onlyscreen"} or "prefers-color-scheme:light" in query:
        return frozenset({View.LIGHT, View.SMALL})
    return frozenset()


def longhands(declaration: Declaration) -> Iterator[tuple[str, list[Node]]]:
    """The properties that a declaration sets, shorthands taken apart as far as the checks ask."""
    name, tokens = declaration.name, list(declaration.tokens)
    if name in {"padding", "margin", "border-width"}:
        front, _, back = name.partition("-")
        groups = _groups(tokens)
        for side, place in zip(
            _SIDES,
            ((0, 0, 0, 0), (0, 1, 0, 1), (0, 1, 2, 1), (0, 1, 2, 3))[len(groups) - 1 if 0 < len(groups) < 5 else 0],
            strict=True,
        ):
            yield "-".join(filter(None, [front, side, back])), groups[place] if groups else []
    elif name == "border" or name in {f"border-{side}" for side in _SIDES}:
        sides = _SIDES if name == "border" else (name.partition("-")[2],)
        for side in sides:
            yield f"border-{side}-width", next(([one] for one in tokens if one.type in {"dimension", "number"}), [])
    elif name == "background":
        yield "background-color", [one for one in tokens if colours.colour([one])]
    elif name == "text-decoration-line":
        yield "text-decoration", tokens
    else:
        yield name, tokens


def _groups(tokens: Sequence[Node]) -> list[list[Node]]:
    """The values of a list that are separated by space."""
    groups: list[list[Node]] = [[]]
    for token in tokens:
        if token.type == "whitespace":
            groups.append([])
        else:
            groups[-1].append(token)
    return [group for group in groups if group]


def length(value: str, size: float) -> float | None:
    """A length in pixels, or None if it is none; `size` is the font's, which em and per cent count from."""
    found = _LENGTH.fullmatch(value.strip())
    if found is None or (found[2] is None and float(found[1]) != 0):
        return None
    return float(found[1]) * {"em": size, "%": size / 100, "rem": MEDIUM, "pt": 4 / 3}.get(found[2] or "px", 1.0)


def _shown(element: html.HtmlElement, own: dict[str, Declared], parent: Shown) -> Shown:
    def value(name: str) -> str:
        return own[name].value.lower() if name in own else ""

    tag = element.tag
    size = _size(value("font-size"), tag, parent.size)
    line, leading = _line(value("line-height"), size, parent)
    background = _background(element, own, parent.background)
    colour = _LINK_COLOUR if tag == "a" and element.get("href") else parent.colour
    if "color" in own and (given := colours.colour(own["color"].tokens)):
        colour = colours.over(given, background)
    elif value("color") in {"inherit", "currentcolor"}:
        colour = parent.colour
    weight = value("font-weight")
    decoration = value("text-decoration")
    return Shown(
        own,
        colour,
        background,
        size,
        line,
        leading,
        bold=weight in {"bold", "bolder", "600", "700", "800", "900"} if weight else tag in _BOLD or parent.bold,
        hidden=parent.hidden or tag in _NEVER_SHOWN or value("display") == "none" or value("visibility") == "hidden",
        underlined="underline" in decoration if decoration else parent.underlined or tag in {"a", "u", "ins"},
    )


def _size(value: str, tag: str, inherited: float) -> float:
    if not value:
        return inherited * _SIZES.get(tag, 1.0)
    if value in _RELATIVE_SIZES:
        return inherited * _RELATIVE_SIZES[value]
    known = _WORDED_SIZES.get(value)
    return known if known is not None else length(value, inherited) or inherited


def _line(value: str, size: float, parent: Shown) -> tuple[float, float | None]:
    """The height of a line in pixels, and its multiple of the size if it was given as such."""
    if not value or value == "inherit":
        return (size * parent.leading, parent.leading) if parent.leading is not None else (parent.line, None)
    if value == "normal":
        return size * _LEADING, _LEADING
    if re.fullmatch(r"[0-9]*\.?[0-9]+", value):
        return size * float(value), float(value)
    return length(value, size) or size * _LEADING, None


def _background(element: html.HtmlElement, own: Mapping[str, Declared], below: str) -> str:
    tokens = (
        own["background-color"].tokens
        if "background-color" in own
        else tinycss2.parse_component_value_list(element.get("bgcolor", ""))
    )
    given = colours.colour(tokens)
    return colours.over(given, below) if given else below
