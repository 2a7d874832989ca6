"""A message taken apart from its bytes: header fields, parts, and the links a reader could follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import MIMEPart
from email.parser import Parser
from urllib.parse import urlsplit

from newsletter.previewing.markup import elements, parse, text_of

_FOLD = re.compile(r"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the tree of RFC 2045. Sizes in bytes, as it travels and as it reads; those of a multipart are 0."""

    depth: int
    kind: str
    charset: str
    encoding: str
    encoded: int
    decoded: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a message is made of.

    `fields` are name and decoded value in their order, `raw_head` the same as it travels; `html` and `text` are the
    first part of each kind, "" if there is none.
    """

    fields: tuple[tuple[str, str], ...]
    raw_head: str
    parts: tuple[Part, ...]
    html: str
    text: str

    def field(self, name: str) -> str:
        """The decoded value of the first field `name`, "" if there is none."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), "")

    def size(self, kind: str) -> Part:
        """The first part of that content type, or an empty one."""
        return next((part for part in self.parts if part.kind == kind), Part(0, kind, "", "", 0, 0))


def dissect(content: bytes) -> Anatomy:
    """The anatomy of the message `content`, an .eml file."""
    # As text: an address outside ASCII stands in the header as UTF-8 (RFC 6532), which the parser of bytes rejects.
    decoded = content.decode("utf-8", "replace")
    message = Parser(policy=policy.default).parsestr(decoded)
    tree = list(_walk(message, 0))
    bodies: dict[str, str] = {}
    for _, part in tree:
        bodies.setdefault(part.get_content_type(), "" if part.is_multipart() else _read(part))
    return Anatomy(
        tuple((name, _FOLD.sub("", str(value))) for name, value in message.items()),
        decoded.partition("\r\n\r\n")[0].replace("\r\n", "\n"),
        tuple(_part(depth, part) for depth, part in tree),
        bodies.get("text/html", ""),
        bodies.get("text/plain", ""),
    )


def _walk(part: MIMEPart, depth: int) -> Iterator[tuple[int, MIMEPart]]:
    yield depth, part
    for child in part.iter_parts():
        yield from _walk(child, depth + 1)


def _read(part: MIMEPart) -> str:
    content = part.get_content() if part.get_content_maintype() == "text" else ""
    return str(content).replace("\r\n", "\n")


def _part(depth: int, part: MIMEPart) -> Part:
    inner = part.is_multipart()
    encoded = b"" if inner else str(part.get_payload()).encode("utf-8", "replace")
    decoded = b"" if inner else part.get_payload(decode=True)
    return Part(
        depth,
        part.get_content_type(),
        part.get_content_charset("") if part.get_content_maintype() == "text" else "",
        "" if inner else str(part.get("Content-Transfer-Encoding", "7bit")),
        len(encoded),
        len(decoded) if isinstance(decoded, bytes) else 0,
    )


@dataclass(frozen=True, slots=True)
class Linked:
    """An address in the HTML part, with the words that lead to it, how often, and whether the text part has it too."""

    url: str
    words: tuple[str, ...]
    times: int
    in_text: bool

    @property
    def host(self) -> str:
        """The host the address truly leads to, whatever it looks like; "" without a readable one."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    @property
    def on_the_web(self) -> bool:
        """Whether the page may link to it."""
        return bool(self.host) and self.url.lower().startswith(("https://", "http://"))


def links(html: str, text: str) -> list[Linked]:
    """The addresses of the document `html` in their order, each once; `text` is the text part."""
    found: dict[str, list[str]] = {}
    for one in elements(parse(html), "a", "area"):
        if "href" in one.attrib:
            found.setdefault(one.get("href", ""), []).append(text_of(one) or one.get("alt", ""))
    lines = frozenset(text.split())
    return [Linked(url, tuple(dict.fromkeys(words)), len(words), url in lines) for url, words in found.items()]
