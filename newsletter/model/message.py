"""A digest as words and as bytes."""

from __future__ import annotations

import base64
from binascii import Error
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReaderLinks:
    """The links that belong to one reader.

    `unsubscribe` and `topics` are shown in the e-mail (https when there is a site, else mailto); `web` is the edition's
    page, None without a site. `unsubscribe_header` holds the URIs of List-Unsubscribe, preferred first. `opinions`,
    a slash and `paper_part` of a paper are the page where the reader says something of that paper; None where nothing
    can be learnt: without a site, or of a reader who follows no topic.
    """

    unsubscribe: str
    topics: str
    web: str | None
    unsubscribe_header: tuple[str, ...]
    opinions: str | None = None


def paper_part(paper: str) -> str:
    """What stands for the paper of that id in the address of an opinion: base64url (RFC 4648, section 5), not padded.

    Sources name papers by addresses of their own, with slashes, which some proxies refuse however they are encoded,
    and with whatever else there is; of this, nothing can be mistaken.
    """
    return base64.urlsafe_b64encode(paper.encode("utf-8", "replace")).decode().rstrip("=")


def paper_of_part(part: str) -> str | None:
    """The id of the paper that `part` stands for; None when it is none of ours."""
    try:
        paper = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True).decode()
    except (Error, ValueError):
        return None
    return paper if paper_part(paper) == part else None


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
    `wire` is `content` as it follows the answer to DATA: dots at the start of lines doubled, the final dot behind it
    (RFC 5321 section 4.5.2). Of a message that is only sent, `content` is empty and `size` says how long it would be;
    of any other, `wire` is.
    """

    message_id: str
    sender: str
    recipient: str
    content: bytes
    html_size: int
    wire: bytes = field(default=b"", repr=False)
    size: int = 0

    def __post_init__(self) -> None:
        if self.content:
            object.__setattr__(self, "size", len(self.content))
