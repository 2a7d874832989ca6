"""A digest as words and as bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReaderLinks:
    """The links that belong to one reader.

    `unsubscribe` and `topics` are shown in the e-mail (https when there is a site, else mailto); `web` is the edition's
    page, None without a site. `unsubscribe_header` holds the URIs of List-Unsubscribe, preferred first.
    """

    unsubscribe: str
    topics: str
    web: str | None
    unsubscribe_header: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """The readable parts of a message; `papers` are the ids shown, in order, the same in HTML and text."""

    subject: str
    preheader: str
    html: str
    text: str
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready for the wire: `content` has CRLF line ends and is never serialised again.

    `html_size` is the larger of the raw and the transfer-encoded size of the HTML part in bytes: what Gmail clips by.
    """

    message_id: str
    sender: str
    recipient: str
    content: bytes
    html_size: int
