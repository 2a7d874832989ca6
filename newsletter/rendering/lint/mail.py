"""A message taken apart for the checks: its header, its text part and its HTML part."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property
from urllib.parse import unquote

from newsletter.rendering.lint.page import Page

_CHARSET = re.compile(r"""charset\*?\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_FIELD = re.compile(rb"[!-9;-~]+:[ \t]?[^\r\n]*\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_ASCII_WORD = re.compile("[a-z]+")
_URI = re.compile(r"<([^<>]*)>")
_ESCAPED_AGAIN = re.compile("%(?:25)+")
_IDLE = re.compile(r"[^\w{}%<>&;#*\[\]$\\`/]|_")
"""What the essence of a text leaves out: the signs that none of the left-overs looked for is made of."""


@dataclass(frozen=True)
class Mail:
    """What a message holds.

    `fields` are (lower-case name, unfolded raw value) in order, none if there is no header; `kinds` the content types
    of the whole and of its direct parts; `text_type` and `html_type` the raw Content-Type of a part. `page` is None if
    there is no HTML part with anything in it, `text` if there is no text part.
    """

    content: bytes
    fields: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    text: str | None
    text_type: str
    page: Page | None
    html_type: str

    @classmethod
    def of(cls, content: bytes) -> Mail:
        """Reads a message, or a bare HTML document; whatever it is, nothing is raised."""
        if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return cls(content, (), (), None, "", Page(content.decode("utf-8", "replace"), len(content)), "")
        if not _FIELD.match(content):
            return cls(content, (), (), None, "", None, "")
        try:
            parsed = message_from_bytes(content, policy=policy.compat32)
        except RecursionError:  # thousands of messages in each other
            return cls(content, (), (), None, "", None, "")
        fields = tuple((name.lower(), _unfolded(str(value))) for name, value in parsed.raw_items())
        leaves = [part for part in parsed.walk() if not part.is_multipart()]
        pieces = [parsed, *parsed.get_payload()] if parsed.is_multipart() else [parsed]
        kinds = tuple(part.get_content_type() for part in pieces)
        text = next((part for part in leaves if part.get_content_type() == "text/plain"), None)
        html = next((part for part in reversed(leaves) if part.get_content_type() == "text/html"), None)
        text_type, html_type = _type(text), _type(html)  # before the parts are read, which forgets them
        return cls(
            content,
            fields,
            kinds,
            _words(text)[0] if text is not None else None,
            text_type,
            _page(html),
            html_type,
        )

    @cached_property
    def hrefs(self) -> frozenset[str]:
        """Where the links of the HTML lead."""
        return frozenset(link.get("href", "").strip() for link in self.page.links) if self.page else frozenset()

    def raw(self, name: str) -> list[str]:
        """The values of a field as they stand, unfolded."""
        return [value.strip() for field, value in self.fields if field == name.lower()]

    def header(self, name: str) -> str:
        """The first value of a field, decoded; "" if there is none. May hold line breaks if it was made to."""
        return next((_decoded(value) for value in self.raw(name)), "")

    @cached_property
    def subject(self) -> str:
        return self.header("Subject")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text part."""
        return (self.text or "").split("\n")

    @cached_property
    def line_set(self) -> frozenset[str]:
        return frozenset(line.strip() for line in self.lines)

    @cached_property
    def leaving(self) -> frozenset[str]:
        """The URIs of List-Unsubscribe."""
        return frozenset(uri.strip() for value in self.raw("List-Unsubscribe") for uri in _URI.findall(value))

    @cached_property
    def _both(self) -> tuple[str, str]:
        return _flat(self.text or ""), _flat(self.page.words if self.page else "")

    def said_in_both(self, words: str) -> bool:
        """Whether both parts show these words. They are escaped differently, so what reads the same in both is what was
        meant: the words of a paper, and no left-over of a template."""
        flat = _flat(words)
        return all(flat in part for part in self._both)

    def text_may_say(self, words: str) -> bool:
        """Whether the text part may say these words, however a template prints them: wrapped, in capitals, with indices
        raised or in brackets, escaped in an address. True without a text part, for then nobody knows."""
        return self.text is None or _essence(words) in self._essences[0]

    def page_may_say(self, words: str) -> bool:
        """The same for the HTML part."""
        return self.page is None or _essence(words) in self._essences[1]

    @cached_property
    def _essences(self) -> tuple[str, str]:
        return _essence(self.text or ""), _essence(self.page.words if self.page else "")

    def text_has_word(self, word: str) -> bool:
        """Whether the text part has this word of ASCII letters, in whatever case; true without a text part."""
        return self.text is None or _has_word(self.text, word)

    def page_has_word(self, word: str) -> bool:
        """The same for the HTML part, where no space need stand between two pieces of text."""
        return self.page is None or any(_has_word(piece, word) for _, piece in self.page.pieces)

    def octet_lines(self) -> Iterator[tuple[bytes, bool]]:
        """The lines on the wire, each with whether it belongs to a body."""
        in_body = False
        for line in self.content.split(b"\n"):
            bare = line.removesuffix(b"\r")
            in_body = in_body or not bare
            yield bare, in_body


def _words(part: Message) -> tuple[str, int]:
    """The text of a part with line ends as LF, and its size on the wire in bytes."""
    octets = part.get_payload(decode=True)
    named = _CHARSET.search(_type(part))
    # Without its type the parser cannot trip over a broken charset; it then gives one character for each octet.
    del part["Content-Type"]
    size = len(str(part.get_payload()))
    content = octets if isinstance(octets, bytes) else b""
    try:
        text = content.decode(named[1] if named else "utf-8", "replace")
    except (LookupError, ValueError):  # no such charset, or one that is no text
        text = content.decode("utf-8", "replace")
    return re.sub("\r\n?", "\n", text), size


def _page(part: Message | None) -> Page | None:
    if part is None:
        return None
    source, size = _words(part)
    return Page(source, size) if source.strip() else None


def _type(part: Message | None) -> str:
    return _unfolded(str(part.get("Content-Type", ""))) if part is not None else ""


def _unfolded(value: str) -> str:
    """A field's value on one line; octets outside ASCII, which the parser hides in surrogates, as UTF-8."""
    return _FOLD.sub("", value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, ValueError):
        return value


def _has_word(text: str, word: str) -> bool:
    return word.casefold() in _ASCII_WORD.findall(text.casefold())


def _essence(text: str) -> str:
    """What is left of a text however a template prints it: letters and digits of one form, and suspect signs."""
    plain = unquote(_ESCAPED_AGAIN.sub("%", text))
    plain = unicodedata.normalize("NFKD", plain).upper().casefold()
    return _IDLE.sub("", unicodedata.normalize("NFKD", plain))


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
