"""C: style rules, in the style blocks, in the elements, and in the block that only Outlook on Windows reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from newsletter.rendering.lint.cascade import View, longhands
from newsletter.rendering.lint.findings import Finding, error, note, warning
from newsletter.rendering.lint.leftovers import NOTHING
from newsletter.rendering.lint.mail import Mail
from newsletter.rendering.lint.page import Page, drawn
from newsletter.rendering.lint.stylesheets import Declaration, components
from newsletter.rendering.lint.word import check_word

NARROWEST = 280
"""Pixels: the narrowest screen."""

MOST_STYLE, GOOD_STYLE = 16_000, 8_192
"""Bytes. Gmail drops the style blocks with which the sum passes 16 kB; once it was 8."""

_QUERY = re.compile(
    r"(?:(?:only)?screenand|alland)?\((?:(?:min|max)-width:[0-9.]+px|prefers-color-scheme:(?:dark|light))\)"
    r"(?:and\((?:(?:min|max)-width:[0-9.]+px|prefers-color-scheme:(?:dark|light))\))*|screen|all|print"
)
_LOAD_BEARING = frozenset(
    {"gap", "row-gap", "column-gap", "grid-gap", "position", "float", "flex", "flex-direction", "flex-wrap", "grid"}
)
_UNITS = frozenset({"px", "em", "%", "rem"})  # rem is C6's
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_COLOURLESS = frozenset({"transparent", "inherit", "currentcolor"})
_COLOURED = re.compile(r"(?:.*-)?color|background|border(?:-(?:top|right|bottom|left))?|outline")
_COLOUR_FUNCTIONS = frozenset(
    {"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color", "color-mix", "light-dark"}
)
_BAD_IMPORTANT = re.compile(r"\S!|!\s+important|!(?!important)[iI]\w+")
_FOREIGN = ("iframe", "object", "embed", "applet", "form", "link", "base", "frame", "frameset")
_FOREIGN_TAG = re.compile(rf"<(script|{'|'.join(_FOREIGN)})\b[^>]*>", re.IGNORECASE)


def check_css(mail: Mail, page: Page) -> Iterator[Finding]:
    """C1 to C12, but for C13, which `legibility` has."""
    if page.body is None:
        return
    yield from _widths(page)
    yield from _blocks(page)
    yield from _importance(page)
    for where, declaration in declared(page):
        yield from _declaration(where, declaration)
    yield from _repeats(page)
    yield from check_word(page)
    yield from _hygiene(page)


def declared(page: Page, *, word: bool = True) -> Iterator[tuple[str, Declaration]]:
    """Every declaration of the page, with `word` those for Word too, each with a snippet of where it stands."""
    for block in chain(page.blocks, page.word_blocks if word else ()):
        for rule in block.rules:
            for declaration in rule.declarations:
                yield f"{rule.selectors} {{ {declaration} }}", declaration
    told: set[tuple[Declaration, ...]] = set()
    for element, declarations in page.inline.items():
        if declarations not in told:
            told.add(declarations)
            for declaration in declarations:
                yield drawn(element), declaration


def _widths(page: Page) -> Iterator[Finding]:
    for element in page.elements:
        bare = page.shown(element, View.BARE)
        wide = max(bare.pixels(name) for name in ("width", "min-width"))
        attribute = element.get("width") or ""
        if attribute.isdecimal() and "width" not in bare.own:
            wide = max(wide, float(attribute))
        limit = bare.value("max-width")
        if wide > NARROWEST and not (limit.endswith("%") or 0 < bare.pixels("max-width") <= NARROWEST):
            yield error(
                "C1",
                f"<{element.tag}> is {wide:g} pixels wide without the style blocks: use max-width.",
                drawn(element),
            )


def _blocks(page: Page) -> Iterator[Finding]:
    size = sum(len(block.source.encode("utf-8", "replace")) for block in (*page.blocks, *page.word_blocks))
    if size > MOST_STYLE:
        yield error(
            "C2", f"The style blocks hold {size:,} bytes; Gmail drops what exceeds {MOST_STYLE:,}: shorten them."
        )
    elif size > GOOD_STYLE:
        yield note("C2", f"The style blocks hold {size:,} bytes; better are at most {GOOD_STYLE:,}.")
    for block in chain(page.blocks, page.word_blocks):
        for fault in block.faults:
            yield error("C3", f"A style block would be dropped as a whole: {fault}; take it out.", block.source)
        for at_rule in block.at_rules:
            if at_rule.keyword == "media" and not _usual(at_rule.prelude):
                yield error(
                    "C8",
                    f"“{at_rule}” is not understood everywhere: ask for min-width, max-width or the colour scheme.",
                    str(at_rule),
                )
    for style in page.tagged("style"):
        if not any(True for _ in style.iterancestors("head")):
            yield warning("C4", "A style block stands outside the head: move it there.", style.text or "")
    for block in page.blocks:
        concerns = {_concern(rule.media, rule.selectors) for rule in block.rules}
        if len(concerns) > 1:
            yield warning(
                "C4", f"A style block mixes rules {' and '.join(sorted(concerns))}: give each its own.", block.source
            )


def _usual(query: str) -> bool:
    return all(_QUERY.fullmatch("".join(part.lower().split())) for part in query.split(","))


def _concern(media: str, selectors: str) -> str:
    if "prefers-color-scheme" in media:
        return "for dark screens"
    return "for Outlook.com" if "[data-ogs" in selectors else "for all and for small screens"


def _importance(page: Page) -> Iterator[Finding]:
    """C5. A rule of a style block without !important loses against the same property in the element."""
    for block in chain(page.blocks, page.word_blocks):
        for written in (one for one in re.split(r"[;{}]", block.source) if "!" in one):
            if _BAD_IMPORTANT.search(written):
                yield error("C5", "!important is to be in lower case, in one piece, after a space.", written)
    for element, hits in page.cascade.hits.items():
        inline = {name for one in page.inline.get(element, ()) for name, _ in longhands(one)}
        for hit in hits:
            for one in hit.rule.declarations:
                if not one.important and inline & {name for name, _ in longhands(one)}:
                    yield error(
                        "C5",
                        f"“{one}” of {hit.rule.selectors} loses against the element's own style: add !important.",
                        str(hit.rule),
                    )
    for element, declarations in page.inline.items():
        for one in declarations:
            if one.important:
                yield error("C5", f"“{one}” in an element cannot be overruled: drop !important.", drawn(element))


def _declaration(where: str, declaration: Declaration) -> Iterator[Finding]:
    """C6, C7 and C10."""
    value = declaration.value.lower()
    if (declaration.name in _LOAD_BEARING and value not in {"none", "static"}) or (
        declaration.name == "display" and value in {"flex", "inline-flex", "grid", "inline-grid"}
    ):
        yield error("C6", f"“{declaration}” has no effect in Outlook or Gmail: build with tables.", where)
    for token in components(declaration.tokens):
        if token.type == "function" and token.lower_name in {"var", "calc"}:
            yield error("C6", f"{token.lower_name}() has no effect in Outlook: write the value.", where)
        elif token.type == "function" and token.lower_name in _COLOUR_FUNCTIONS:
            yield warning("C10", f"{token.lower_name}() is unknown to some programs: write #rrggbb.", where)
        elif token.type == "dimension" and token.lower_unit == "rem":
            yield error("C6", "rem has no effect in Outlook and Yahoo: write px.", where)
        elif token.type == "dimension" and token.lower_unit not in _UNITS:
            yield warning("C7", f"The unit {token.lower_unit} is not px, em or %: use one of them.", where)
    if _COLOURED.fullmatch(declaration.name):
        for token in declaration.tokens:
            if token.type == "hash" and not _HEX.fullmatch(f"#{token.value}"):
                yield warning("C10", f"The colour #{token.value} has not six digits: write #rrggbb.", where)
            elif token.type == "ident" and _is_named_colour(token.lower_value):
                yield warning("C10", f"The colour “{token.value}” is a name: write #rrggbb.", where)


def _is_named_colour(word: str) -> bool:
    from tinycss2.color3 import parse_color

    return word not in _COLOURLESS and parse_color(word) is not None


def _repeats(page: Page) -> Iterator[Finding]:
    for element, declarations in page.inline.items():
        for name, times in Counter(one.name for one in declarations).items():
            if times > 1:
                yield warning(
                    "C7", f"{name} is set {times} times in one style: only the last counts everywhere.", drawn(element)
                )
    for element, wrong in page.inline_faults:
        yield error("C3", f"A style attribute cannot be read ({wrong}): write it anew.", drawn(element))


def _hygiene(page: Page) -> Iterator[Finding]:
    for element in page.elements:
        if element.tag == "script" and element.get("type") == "application/ld+json":
            yield warning("I10", "JSON-LD costs bytes and is ignored unless Google knows the sender: drop it.")
        elif element.tag == "script" or element.tag in _FOREIGN:
            yield error("C12", f"<{element.tag}> does not belong into a mail: take it out.", drawn(element))
        elif element.tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
            yield error("C12", "A meta refresh does not belong into a mail: take it out.", drawn(element))
        for name in element.attrib:
            if name.lower().startswith("on"):
                yield error("C12", f"The attribute {name} is a script: take it out.", drawn(element))
    for condition, inner in page.conditionals:
        for found in _FOREIGN_TAG.finditer("" if inner.startswith("<!-->") else inner):  # what all read is read above
            said = (
                f"<{found[1].lower()}> does not belong into a mail, nor into a comment for “{condition}”: take it out."
            )
            yield error("C12", said, found[0])
    for link in page.links:
        address = link.get("href", "").strip()
        if (
            address
            and not NOTHING.fullmatch(address)
            and not re.match(r"(?:https?://[^\s/]|mailto:[^\s]|#)", address, re.IGNORECASE)
        ):
            yield error("C12", "A link leads neither to http(s) nor to mailto: correct or drop it.", drawn(link))
