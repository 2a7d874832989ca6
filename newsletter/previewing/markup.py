"""Reading the HTML of a message with a real parser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree, html
from lxml.html import HtmlElement

DOCTYPE = "<!DOCTYPE html>"

_UNSEEN = frozenset({"head", "style", "script", "title", "template", "noscript"})
_INLINE = frozenset("a abbr b bdi bdo big code em font i mark q s small span strike strong sub sup tt u".split())
_SPACE = re.compile(r"[ \t\r\n\f]+")  # what HTML calls white space; figure spaces and the like are none
# What lxml's parser ends a document at, silently.
_FATAL = re.compile("[\x00\ud800-\udfff]")


def parse(document: str) -> HtmlElement:
    """The `html` element of `document`, with a head and a body, whatever the document holds or lacks."""
    source = _FATAL.sub("\ufffd", document).encode("utf-8")
    parser = html.HTMLParser(huge_tree=True, encoding="utf-8")
    try:
        root: HtmlElement = html.document_fromstring(source, parser=parser)
    except etree.ParserError:  # there is no element in it
        root = html.document_fromstring(b"<body></body>", parser=parser)
    for name in ("body", "head"):
        if root.find(name) is None:
            root.insert(0, root.makeelement(name))
    return root


def serialised(root: HtmlElement) -> str:
    """The whole document again, in standards mode."""
    written: str = html.tostring(root, encoding="unicode", doctype=DOCTYPE)
    return written


def elements(root: HtmlElement, *tags: str) -> list[HtmlElement]:
    """`root` and the elements in it, in order, those of `tags` if any are given; never comments."""
    return [one for one in root.iter(*tags) if isinstance(one.tag, str)]


def text_of(root: HtmlElement) -> str:
    """The text of `root` in one line, hidden text too: what a client takes the words of its inbox line from."""
    return _SPACE.sub(" ", "".join(_pieces(root))).strip()


def _pieces(root: HtmlElement) -> Iterator[str]:
    skipped: HtmlElement | None = None
    for event, one in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            yield (one.tail or "") if skipped is None else ""
        elif event == "start":
            if skipped is None and one.tag in _UNSEEN:
                skipped = one
            if skipped is None:
                yield "" if one.tag in _INLINE else " "
                yield one.get("alt", "") if one.tag == "img" else one.text or ""
        else:
            skipped = None if one is skipped else skipped
            if skipped is None and one is not root:
                yield "" if one.tag in _INLINE else " "
                yield one.tail or ""
