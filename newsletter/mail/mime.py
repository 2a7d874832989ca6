"""A message as bytes, made once and never serialised again. Pure: date, Message-ID and keys are handed in.

The same inputs give the same bytes, signatures and all, on every machine and on every day. Every body is
quoted-printable or base64, so no line of it can be too long, and every line ends with CRLF.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime

from newsletter.errors import CompositionError
from newsletter.mail import headers
from newsletter.mail.dkim import Signer, sign
from newsletter.mail.headers import CRLF
from newsletter.model import Message, Parts, ReaderLinks

LARGEST_HTML = 100_000
"""Bytes of HTML. Gmail clips a message at about 102 kB, and the links in its footer with it."""

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value of List-Unsubscribe-Post (RFC 8058 section 3.1)."""

LONGEST_LINE = 998
"""Octets on a line, without CRLF (RFC 5322 section 2.1.1)."""

PRINTABLE = "quoted-printable"

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")  # one @, no space, no angle bracket inside
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every message of this installation says about its sender.

    `list_id` names the list for ever, in a domain of ours (`papers.example.org`, RFC 2919). `owner`, `help` and
    `archive` (earlier editions) are mailto or http(s) links.
    """

    name: str
    address: str
    list_name: str
    list_id: str
    reply_to: str | None = None
    owner: str | None = None
    help: str | None = None
    archive: str | None = None


class MessageIds:
    """Names the messages of a day: the same whenever they are asked for.

    The day stands in clear so that a person can find it in a log; the address does not. Raises CompositionError when
    `domain` cannot stand in one.
    """

    def __init__(self, secret: bytes, local_date: date, domain: str) -> None:
        self._day = local_date.isoformat()
        # Begun once, and copied for each message: that is most of its work.
        self._begun = hmac.new(secret, f"message-id\n{self._day}\n".encode(), hashlib.sha256)
        try:
            self._host = headers.wire_address(f"postmaster@{domain}").rpartition("@")[2]
        except ValueError as error:
            raise CompositionError(f"No Message-ID can be made: {error}") from error

    def own(self, address: str) -> str:
        """What tells the message to `address` from the others: 20 letters and digits."""
        digest = self._begun.copy()
        digest.update(address.encode("utf-8", "replace"))
        return digest.hexdigest()[:20]

    def of(self, own: str) -> str:
        """The whole Message-ID of the message of which that is `own`."""
        return f"<{self._day}.{own}@{self._host}>"


def message_id(secret: bytes, local_date: date, address: str, domain: str) -> str:
    """The Message-ID of the message to `address` for `local_date`. Raises CompositionError as `MessageIds` does."""
    names = MessageIds(secret, local_date, domain)
    return names.of(names.own(address))


def build(
    parts: Parts,
    letterhead: Letterhead,
    *,
    recipient: str,
    recipient_name: str,
    links: ReaderLinks,
    message_id: str,
    date: datetime,
    signers: Sequence[Signer] = (),
    one_click: bool = False,
    envelope_sender: str | None = None,
) -> Message:
    """The message to one reader: multipart/alternative, text first, then HTML (RFC 2046 section 5.1.4).

    `date` is aware. Subject and names may hold anything; what cannot stand in a header is taken out of them. Each of
    `signers` signs. `one_click` says that this message will be signed, by us or by the relay: then RFC 8058 allows to
    offer leaving by one click, which takes an https link. `envelope_sender` is where bounces go, if not to the sender.
    Raises CompositionError when an address, a link or the Message-ID cannot be used, or when the HTML is too large.
    """
    whom = headers.clean(recipient)[: headers.LONGEST_NAME]
    html, html_size = _encode("html", parts.html)
    if html_size > LARGEST_HTML:
        raise CompositionError(
            f"The message to {whom} has {html_size} bytes of HTML and would be clipped at "
            f"{LARGEST_HTML}: lower max_papers of its topics or of the digest"
        )
    plain, _ = _encode("plain", parts.text)
    try:
        receiver = headers.wire_address(recipient)
        envelope = headers.wire_address(envelope_sender or letterhead.address)
        fields = head(
            letterhead,
            subject=parts.subject,
            to=headers.phrase("To", recipient_name, receiver),
            links=links,
            message_id=message_id,
            date=date,
            one_click=one_click,
        )
    except ValueError as error:
        raise CompositionError(f"The message to {whom} cannot be written: {error}") from error
    content = sign(_multipart(fields, message_id, plain, html), signers, signed_at(date))
    if max(map(len, content.split(b"\r\n"))) > LONGEST_LINE:
        raise CompositionError(
            f"The message to {whom} has a header line of more than {LONGEST_LINE} octets: "
            "shorten site.url or the list's id"
        )
    return Message(message_id, envelope, receiver, content, html_size)


def notice(
    letterhead: Letterhead,
    *,
    recipient: str,
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    signers: Sequence[Signer] = (),
) -> Message:
    """A message of plain text to the operator: it is no mail of the list, so nobody can leave by it.

    `date` is aware. Raises CompositionError when an address or the Message-ID cannot be used.
    """
    try:
        sender, receiver = headers.wire_address(letterhead.address), headers.wire_address(recipient)
        fields = [
            headers.phrase("From", letterhead.name, sender),
            headers.phrase("To", "", receiver),
            *_identity(subject, letterhead, message_id, date),
            headers.verbatim("Auto-Submitted", "auto-generated"),  # RFC 3834: nobody's program is to answer
            "MIME-Version: 1.0",
        ]
    except ValueError as error:
        raise CompositionError(f"The message to the operator cannot be written: {error}") from error
    body, size = _encode("plain", text)
    content = sign(CRLF.join([*fields, body]).encode(), signers, signed_at(date))
    return Message(message_id, sender, receiver, content, size)


def head(
    letterhead: Letterhead,
    *,
    subject: str,
    to: str,
    links: ReaderLinks,
    message_id: str,
    date: datetime,
    one_click: bool,
) -> list[str]:
    """The header fields of a message but those of MIME; `to` is one already. Raises ValueError with what is wrong."""
    return [
        headers.phrase("From", letterhead.name, headers.wire_address(letterhead.address)),
        to,
        *_identity(subject, letterhead, message_id, date),
        *_list_fields(letterhead, links, one_click),
        headers.verbatim("Feedback-ID", _feedback_id(letterhead, date)),
    ]


def signed_at(date: datetime) -> datetime:
    """The moment that the signatures of a message dated `date` name: the day's beginning. A run before the time that
    dates the message must not sign in the future, which verifiers refuse (RFC 6376 section 3.5, `t=`)."""
    return date.replace(hour=0, minute=0, second=0, microsecond=0)


def _identity(subject: str, letterhead: Letterhead, message_id: str, date: datetime) -> list[str]:
    """What the message is: where answers go, its subject, its date and its name."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"{message_id!r} is no Message-ID")
    answers = [headers.phrase("Reply-To", "", headers.wire_address(letterhead.reply_to))] if letterhead.reply_to else []
    return [
        *answers,
        headers.text("Subject", subject),
        headers.verbatim("Date", format_datetime(date)),
        headers.verbatim("Message-ID", message_id),
    ]


def _list_fields(letterhead: Letterhead, links: ReaderLinks, one_click: bool) -> list[str]:
    """What the list is (RFC 2369, 2919, 5064), how to leave it, and that a machine wrote this (RFC 3834)."""
    if not links.unsubscribe_header:
        raise ValueError("it has no link to leave the list by")
    if not _LIST_ID.fullmatch(letterhead.list_id):
        raise ValueError(f"the list's id is to look like papers.example.org, not like {letterhead.list_id!r}")
    one_click = one_click and any(uri.lower().startswith("https:") for uri in links.unsubscribe_header)
    optional = {
        "List-Help": letterhead.help,
        "List-Owner": letterhead.owner,
        "List-Archive": letterhead.archive,
        "Archived-At": links.web,
    }
    return [
        headers.phrase("List-Id", letterhead.list_name, letterhead.list_id),
        headers.uris("List-Unsubscribe", *links.unsubscribe_header),
        *([headers.verbatim("List-Unsubscribe-Post", ONE_CLICK)] if one_click else []),
        *(headers.uris(name, uri) for name, uri in optional.items() if uri),
        headers.verbatim("List-Post", "NO"),
        headers.verbatim("Precedence", "bulk"),
        headers.verbatim("Auto-Submitted", "auto-generated"),
    ]


def _feedback_id(letterhead: Letterhead, date: datetime) -> str:
    """What Gmail counts complaints by: the edition, the kind of mail, the program, and the list for ever.

    Four fields between colons, the last one of 5 to 15 characters (Google's "Feedback Loop" page). None names a reader.
    """
    sender = hashlib.sha256(letterhead.list_id.encode()).hexdigest()[:12]
    return f"{date.date().isoformat()}:digest:newsletter:{sender}"


def _encode(subtype: str, text: str) -> tuple[str, int]:
    """A body part with its headers, in the smaller of the two encodings, and the larger of its raw and encoded size.

    Line ends become CRLF, the canonical form of text (RFC 2045 section 2.10); nothing else of the text changes.
    """
    raw = re.sub("\r\n?", "\n", text).encode("utf-8", "replace")
    printable = binascii.b2a_qp(raw).replace(b"\n", b"\r\n")
    encoded = base64.encodebytes(raw.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
    name, payload = min((PRINTABLE, printable), ("base64", encoded), key=lambda pair: len(pair[1]))
    lines = [*part_head(subtype, name), payload.decode()]
    return CRLF.join(lines), max(len(raw), len(payload))


def part_head(subtype: str, encoding: str) -> list[str]:
    """The lines before a body part of text, the empty one included."""
    return [f"Content-Type: text/{subtype}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}", ""]


def boundary(message_id: str) -> str:
    """What parts the bodies of the message of that id: 34 characters. "=_" occurs in no quoted-printable and no base64
    text, so it cannot occur in a body."""
    return f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"


def mime_head(boundary: str) -> list[str]:
    """The header fields that say how the message is made up."""
    return ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']


def _multipart(fields: list[str], message_id: str, *bodies: str) -> bytes:
    """The whole message. Not ASCII only where an address is not (SMTPUTF8, RFC 6532)."""
    between = boundary(message_id)
    opened = [line for body in bodies for line in (f"--{between}", body)]
    lines = [*fields, *mime_head(between), "", *opened, f"--{between}--", ""]
    return CRLF.join(lines).encode("utf-8")
