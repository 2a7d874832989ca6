"""The HTML part as the checks see it: parsed once, its styles resolved once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml import etree, html

from newsletter.rendering.lint.cascade import Cascade, Shown, View
from newsletter.rendering.lint.findings import snippet
from newsletter.rendering.lint.stylesheets import Block, Declarations, declarations

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = frozenset({"p", "td", "th", "div", "li", "dd", "dt", "body", "center", "blockquote", *HEADINGS})
"""Elements whose text is a paragraph of its own."""

UNSUBSCRIBE = re.compile(
    r"unsubscribe|opt.?out|abmelde|abbestell|d[ée]sabonn|d[ée]sinscri|darse de baja|cancelar|disiscri|cancella"
    r"|uitschrijv|afmelden|avprenumerera|afmeld|avslutt|peruuta|wypisz|отписа|відписа|退订|取消订阅|購読|구독|הסר|إلغاء",
    re.IGNORECASE,
)
"""How a link to leave is called, in the languages that mail is mostly written in."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONDITIONAL = re.compile(r"<!--\[if([^\]]*)\]>(.*?)<!\[endif\]-->", re.DOTALL)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_UNSEEN = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0]+"
)


@dataclass(frozen=True)
class Page:
    """An HTML document. `source` is its text, `size` its bytes on the wire."""

    source: str
    size: int

    @cached_property
    def root(self) -> html.HtmlElement | None:
        """The html element; None if there is no element at all."""
        try:
            octets = _CONTROLS.sub("", self.source).encode("utf-8")
            return html.document_fromstring(octets, parser=html.HTMLParser(encoding="utf-8"))
        except etree.LxmlError:
            return None

    @cached_property
    def elements(self) -> list[html.HtmlElement]:
        """All elements, parents first."""
        return [one for one in self.root.iter() if isinstance(one.tag, str)] if self.root is not None else []

    @cached_property
    def body(self) -> html.HtmlElement | None:
        return self.root.find("body") if self.root is not None else None

    @cached_property
    def first(self) -> html.HtmlElement | None:
        """The first element of the body."""
        return next((one for one in self.body if isinstance(one.tag, str)), None) if self.body is not None else None

    def tagged(self, *tags: str) -> list[html.HtmlElement]:
        """The elements with one of these tags, in order."""
        return [element for element in self.elements if element.tag in tags]

    @cached_property
    def links(self) -> list[html.HtmlElement]:
        """The a elements with an href."""
        return [link for link in self.tagged("a") if link.get("href") is not None]

    @cached_property
    def titles(self) -> list[html.HtmlElement]:
        """The links that are the titles of papers: those of class "title"; an operator may call them otherwise."""
        return [link for link in self.links if "title" in classes(link)]

    @cached_property
    def preheader(self) -> html.HtmlElement | None:
        """The element of class "preheader", or else a hidden first element of the body."""
        named = next((one for one in self.elements if "preheader" in classes(one)), None)
        if named is not None or self.first is None:
            return named
        return self.first if self.shown(self.first, View.BARE).value("display") == "none" else None

    @cached_property
    def inline(self) -> dict[html.HtmlElement, Declarations]:
        """The style attributes, parsed."""
        return {element: parsed for element, (parsed, _) in self._styled.items()}

    @cached_property
    def inline_faults(self) -> list[tuple[html.HtmlElement, str]]:
        """The style attributes that cannot be read, and why."""
        return [(element, wrong) for element, (_, wrong) in self._styled.items() if wrong]

    @cached_property
    def _styled(self) -> dict[html.HtmlElement, tuple[Declarations, str]]:
        known: dict[str, tuple[Declarations, str]] = {}  # of 400 style attributes 30 differ
        found = {}
        for element in self.elements:
            if (style := element.get("style")) is not None:
                if style not in known:
                    known[style] = declarations(style)
                found[element] = known[style]
        return found

    @cached_property
    def blocks(self) -> list[Block]:
        """The style blocks that every program reads."""
        return [Block.of(style.text or "") for style in self.tagged("style")]

    @cached_property
    def conditionals(self) -> list[tuple[str, str]]:
        """The condition ("mso", "!mso") and content of each conditional comment."""
        return [(condition.strip(), inner) for condition, inner in _CONDITIONAL.findall(self.source)]

    @cached_property
    def word_blocks(self) -> list[Block]:
        """The style blocks that only Outlook on Windows reads."""
        return [Block.of(css) for _, inner in self.conditionals for css in _STYLE.findall(inner)]

    @cached_property
    def cascade(self) -> Cascade:
        return Cascade(self.elements, self.inline, self.blocks)

    def shown(self, element: html.HtmlElement, view: View) -> Shown:
        """How an element is shown in a view."""
        return self.cascade.shown[view][element]

    @cached_property
    def texts(self) -> list[tuple[html.HtmlElement, str]]:
        """Every element that shows text of its own (an image: its alt), with that text, spaces collapsed."""
        found = []
        for element in self.elements:
            alternative = element.get("alt") if element.tag == "img" else None  # shown where images are off
            pieces = [alternative, element.text, *(child.tail for child in element)]
            words = " ".join(" ".join(filter(None, pieces)).split())
            if seen(words) and not self.shown(element, View.LIGHT).hidden:
                found.append((element, words))
        return found

    @cached_property
    def pieces(self) -> list[tuple[html.HtmlElement, str]]:
        """The pieces of text in the body, each with the element it belongs to; a title is one piece."""
        if self.body is None:
            return []
        titled = {inner for title in self.titles for inner in title.iter()}
        found = [(element, words) for element, words in owned(self.body) if element not in titled]
        return found + [(title, text_of(title)) for title in self.titles]

    @cached_property
    def running(self) -> list[tuple[html.HtmlElement, str]]:
        """The pieces that are not in links, titles being none here."""
        linked = {inner for link in self.links if "title" not in classes(link) for inner in link.iter()}
        return [(element, words) for element, words in self.pieces if element not in linked]

    @cached_property
    def around_papers(self) -> list[html.HtmlElement]:
        """The elements before the first paper's title and after the last paper's table, but for the preheader."""
        hidden = set(self.preheader.iter()) if self.preheader is not None else set()
        if not self.titles:
            return [one for one in self.elements if one not in hidden]
        last = next(self.titles[-1].iterancestors("table"), self.titles[-1])
        begin, end = self.elements.index(self.titles[0]), self.elements.index([*last.iter("*")][-1])
        return [one for one in (*self.elements[:begin], *self.elements[end + 1 :]) if one not in hidden]

    @cached_property
    def words(self) -> str:
        """All text of the body, the preheader's too."""
        return text_of(self.body) if self.body is not None else ""

    def leads_out(self, link: html.HtmlElement, leaving: frozenset[str]) -> bool:
        """Whether a link is one to leave the list by: it says so, or is one of List-Unsubscribe."""
        return link.get("href", "").strip() in leaving or bool(UNSUBSCRIBE.search(text_of(link)))


def classes(element: html.HtmlElement) -> list[str]:
    """The classes of an element."""
    return (element.get("class") or "").split()


def text_of(element: html.HtmlElement) -> str:
    """The text in an element, style blocks and comments left out, spaces collapsed."""
    return " ".join("".join(strings(element)).split())


def seen(text: str) -> bool:
    """Whether there is anything to see in a text."""
    return bool(_UNSEEN.sub("", text))


def drawn(element: html.HtmlElement) -> str:
    """An element as a snippet: its tag, attributes and the beginning of its text."""
    given = "".join(f' {name}="{value}"' for name, value in element.attrib.items())
    return snippet(f"<{element.tag}{given}>{text_of(element)[:60]}")


def paragraph(element: html.HtmlElement) -> html.HtmlElement:
    """The block in which an element stands."""
    return next((one for one in (element, *element.iterancestors()) if one.tag in BLOCKS), element)


def strings(element: html.HtmlElement) -> Iterator[str]:
    """The pieces of text in an element, one by one."""
    return (words for _, words in owned(element))


def owned(element: html.HtmlElement) -> Iterator[tuple[html.HtmlElement, str]]:
    """The same, each with the element in which it stands."""
    for part in element.iter():
        if isinstance(part.tag, str) and part.tag not in {"style", "script"} and part.text:
            yield part, part.text
        if part is not element and part.tail:
            yield part.getparent(), part.tail
