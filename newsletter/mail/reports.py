"""What comes back by mail, read: bounces, complaints, wishes to leave, automatic answers. Pure; never raises.

Anybody may send us anything, so the structure is split here, with limits on size, nesting and parts that hold while it
is read; single header blocks are read by the `email` package. Nothing in a report is to be believed but what proves
that its sender had our mail: the token in the envelope sender, or the Message-ID. `bouncing` checks both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from enum import StrEnum

from newsletter.mail.headers import clean

LARGEST = 10_000_000
"""Bytes of a report; a larger one is not read."""

DEEPEST = 20
"""Levels of multiparts in multiparts."""

MOST_PARTS = 200

_LARGEST_HEAD = 100_000  # bytes of one block of header fields; what is beyond is not read
_MOST_TEXT = 100_000  # characters of a text that are searched
_MOST = 50  # recipients, and candidates of tokens and Message-IDs
_LONGEST = 320  # characters of an address or a field that is kept

_EMPTY_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_TOKEN = re.compile(r"[+]([A-Za-z2-7]{40})@")  # the shape of `Tokens.bounce`; some systems change the case
_ENHANCED = re.compile(r"(?<![0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")  # RFC 3463 section 2
_REPLY = re.compile(r"(?<![0-9.])([45][0-5][0-9])[ -]")  # RFC 5321 section 4.2
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,250}>")
_QUOTED_ID = re.compile(r"^[> \t]{0,8}Message-ID:\s{0,8}(<[!-;=?-~]{3,250}>)", re.IGNORECASE | re.MULTILINE)
_RETURNED = re.compile(r"^[> \t]{0,8}(?:Return-Path|Received|From|To|Subject|Message-ID):", re.I | re.M)
_LEAVE = re.compile(r"unsubscribe ([A-Za-z0-9._-]{1,200})", re.IGNORECASE)
_DAEMON = re.compile(r"mailer-daemon|postmaster|mail[ .-]?delivery", re.IGNORECASE)
_AWAY = re.compile(
    r"auto(?:mati(?:c|sche|que))?[ :-]|out of (?:the )?office|away from|vacation|abwesen|(?:réponse|respuesta) auto",
    re.IGNORECASE,
)

# Where the envelope sender that we gave our message turns up: as the recipient of the report (added by the MTAs that
# deliver it), in the report (RFC 5965 section 3.2; RFC 3464 section 2.2.1), and on top of the returned message.
_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_TOKEN_FIELDS = ("Original-Mail-From", "Original-Envelope-Id", "Return-Path")

_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}  # RFC 3464, RFC 6533
_FEEDBACK_PART = "message/feedback-report"  # RFC 5965
_RETURNED_PARTS = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
_RECEIPT_PARTS = {"message/disposition-notification", "message/global-disposition-notification"}  # RFC 8098


class ReportKind(StrEnum):
    """What sort of mail it is."""

    DELIVERY = "delivery"  # an account of what became of a message, RFC 3464 or in plain words
    COMPLAINT = "complaint"  # RFC 5965
    UNSUBSCRIBE = "unsubscribe"  # what the mailto link of List-Unsubscribe writes
    AUTOREPLY = "autoreply"  # out of office, read receipts


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient in a report. `addresses` are claims; `action` is in lower case, `status` as in RFC 3463.

    `status` is the most telling one: that of Diagnostic-Code where Status is missing or says no more than 5.0.0.
    """

    addresses: tuple[str, ...]
    action: str = ""
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A mail that says something. `tokens` and `message_ids` are candidates, the best first, none of them checked.

    `feedback` is the Feedback-Type of a complaint in lower case, `leave` the token of a wish to leave.
    """

    kind: ReportKind
    tokens: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    feedback: str = ""
    leave: str = ""


@dataclass(frozen=True, slots=True)
class NotAReport:
    """A mail that a person should look at, and `why` in a few words."""

    why: str


def read_report(content: bytes) -> Report | NotAReport:
    """Read one mail, of whatever bytes. Its tokens and Message-IDs prove nothing until somebody checks them."""
    if len(content) > LARGEST:
        return NotAReport(f"larger than {LARGEST} bytes")
    try:
        return _read(content)
    except _TooMuch as limit:
        return NotAReport(str(limit))
    except Exception as error:  # the email package meets hostile headers here, and fails in ways of its own
        return NotAReport(f"cannot be read ({type(error).__name__})")


class _TooMuch(Exception):
    """A limit was passed."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that is no multipart: its header fields, its media type and its decoded body."""

    fields: Message
    kind: str
    body: bytes

    def text(self) -> str:
        charset = self.fields.get_content_charset("utf-8")
        try:
            return self.body.decode(charset, "replace")[:_MOST_TEXT]
        except (LookupError, ValueError):  # no such charset
            return self.body.decode("latin-1")[:_MOST_TEXT]


def _read(content: bytes) -> Report | NotAReport:
    head, _ = _split(content)
    if leave := _LEAVE.fullmatch(_subject(head)):
        return Report(ReportKind.UNSUBSCRIBE, leave=leave.group(1))
    parts = list(_parts(content))
    status = [part for part in parts if part.kind in _STATUS_PARTS]
    feedback = [part for part in parts if part.kind == _FEEDBACK_PART]
    returned = [_block(part.body) for part in parts if part.kind in _RETURNED_PARTS]
    blocks = [block for part in status + feedback for block in _blocks(part.body)]
    tokens = _first(_tokens(head, _ENVELOPE), _tokens_of(blocks), _tokens_of(returned))
    ids = _first(*(_MESSAGE_ID.findall(_field(block, "Message-ID")) for block in returned))
    if status:
        recipients = tuple(_recipient(block) for block in blocks if any(name in block for name in _PER_RECIPIENT))
        return (
            Report(ReportKind.DELIVERY, tokens, ids, recipients)
            if recipients
            else NotAReport("a delivery report without recipients")
        )
    if feedback:
        return _complaint(blocks, tokens, ids)
    automatic = _automatic(head, parts)
    if _from_daemon(head) and (words := _in_words(head, parts, tokens, ids)):
        return words
    if automatic:
        return Report(ReportKind.AUTOREPLY)
    return NotAReport("neither a report nor an automatic answer")


# --- Structure


def _parts(content: bytes) -> Iterator[_Part]:
    """The parts of a mail in order, multiparts opened. Raises _TooMuch when they are too many or too deep."""
    waiting, seen = [(content, 0)], 0
    while waiting:
        raw, depth = waiting.pop()
        seen += 1
        if seen > MOST_PARTS:
            raise _TooMuch(f"more than {MOST_PARTS} parts")
        fields, body = _split(raw)
        kind, boundary = fields.get_content_type(), fields.get_boundary()
        if kind.startswith("multipart/") and boundary:
            if depth == DEEPEST:
                raise _TooMuch(f"parts nested more than {DEEPEST} deep")
            waiting += [(one, depth + 1) for one in reversed(_between(body, boundary))]
        else:
            yield _Part(fields, kind, _decoded(fields, body))


def _split(raw: bytes) -> tuple[Message, bytes]:
    """The header fields of `raw`, and what comes after them."""
    if first := re.match(rb"\r?\n", raw):  # a part without header fields (RFC 2046 section 5.1)
        return Message(), raw[first.end() :]
    end = _EMPTY_LINE.search(raw)
    return _block(raw[: end.start()] if end else raw), raw[end.end() :] if end else b""


def _between(body: bytes, boundary: str) -> list[bytes]:
    """The parts of a multipart's body (RFC 2046 section 5.1.1), one more than allowed at the most."""
    line = rb"(?:^|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?=\r?\n|$)"
    # A delimiter ends its line: the line break after it belongs to it, and so it is taken off the front of the part.
    pieces = re.split(line, body, maxsplit=MOST_PARTS + 1)
    parts = []
    for closing, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if closing:
            break
        parts.append(re.sub(rb"^\r?\n", b"", piece, count=1))
    return parts


def _block(raw: bytes) -> Message:
    """A block of header fields at the start of `raw`."""
    end = _EMPTY_LINE.search(raw)
    fields = (raw[: end.start()] if end else raw)[:_LARGEST_HEAD].lstrip(b"\r\n")
    return HeaderParser().parsestr(fields.decode("utf-8", "replace"))  # UTF-8 as in RFC 6532


def _blocks(body: bytes) -> list[Message]:
    """The blocks of fields of a machine-readable part (RFC 3464 section 2.1), as many as we look at."""
    return [_block(raw) for raw in _EMPTY_LINE.split(body, maxsplit=_MOST)[:_MOST] if raw.strip()]


def _decoded(fields: Message, body: bytes) -> bytes:
    """`body` without its transfer encoding; what is not encoded well comes as it is."""
    shell = Message()
    shell["Content-Transfer-Encoding"] = _field(fields, "Content-Transfer-Encoding")
    shell.set_payload(body.decode("ascii", "surrogateescape"))
    payload = shell.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else body


def _field(fields: Message, name: str) -> str:
    """The first field of `name` on one line, '' when there is none."""
    return clean(fields.get(name, ""))


def _subject(head: Message) -> str:
    """The Subject without encoded words (RFC 2047), on one line."""
    value = _field(head, "Subject")
    try:
        return clean(str(make_header(decode_header(value))))
    except (MessageError, LookupError, ValueError):  # badly encoded, or in no charset that there is
        return value


def _first(*candidates: Iterable[str]) -> tuple[str, ...]:
    """Each candidate once, in order, as many as we look at."""
    return tuple(dict.fromkeys(one for some in candidates for one in some))[:_MOST]


# --- What identifies the message


def _tokens(fields: Message, names: Iterable[str]) -> list[str]:
    """What stands between + and @ in the addresses of the fields of these names."""
    values = [clean(value) for name in names for value in fields.get_all(name, [])]
    return [token for value in values for token in tokens_in(value)]


def tokens_in(text: str) -> list[str]:
    """What may be tokens of ours in addresses like bounces+TOKEN@example.org."""
    return _TOKEN.findall(text)


def _tokens_of(blocks: Iterable[Message]) -> list[str]:
    return [token for block in blocks for token in _tokens(block, _TOKEN_FIELDS)]


# --- Delivery reports


_PER_RECIPIENT = ("Final-Recipient", "Original-Recipient", "Action", "Status")


def _recipient(block: Message) -> Recipient:
    """The fields about one recipient (RFC 3464 section 2.3)."""
    named = (_address(_field(block, name)) for name in ("Original-Recipient", "Final-Recipient"))
    diagnostic = _field(block, "Diagnostic-Code")
    # Comments may follow both words: `failed (bad address)`, `5.1.1 (no such user)`.
    action = re.match(r"[a-z]*", _field(block, "Action").lower())
    status = _ENHANCED.match(_field(block, "Status"))
    return Recipient(
        addresses=tuple(dict.fromkeys(address for address in named if address)),
        action=action.group() if action else "",
        status=most_telling(status.group(1) if status else "", diagnostic),
        diagnostic=diagnostic[:_LONGEST],
    )


def _address(value: str) -> str:
    """The address of `rfc822; ann@example.org` (RFC 3464 section 2.3.1), with or without type and brackets."""
    return value.rpartition(";")[2].strip(" <>")[:_LONGEST]


def most_telling(status: str, words: str) -> str:
    """`status`, or what the relay's words say in its stead when it is missing or general (x.0.0)."""
    if status and not status.endswith(".0.0"):
        return status
    if found := _ENHANCED.search(words):
        return found.group(1)
    reply = _REPLY.search(words)
    if reply is None:
        return status
    # 552 is the mailbox that is full (RFC 5321 section 4.2.2); no other reply says by itself what is wrong with whom.
    return "5.2.2" if reply.group(1) == "552" else f"{reply.group(1)[0]}.0.0"


def _from_daemon(head: Message) -> bool:
    """Whether a mail system wrote it, by its own account."""
    return "X-Failed-Recipients" in head or bool(_DAEMON.search(_field(head, "From")))


def _in_words(head: Message, parts: list[_Part], tokens: tuple[str, ...], ids: tuple[str, ...]) -> Report | None:
    """A bounce for people: the text of a mail system with our token or Message-ID, and at best a code in it."""
    text = "\n".join(part.text() for part in parts if part.kind.startswith("text/"))[:_MOST_TEXT]
    # Before the returned message: what stands in that are our own words.
    told = text[: match.start()] if (match := _RETURNED.search(text)) else text
    ids = _first(ids, _QUOTED_ID.findall(text))
    if not tokens and not ids:
        return None
    failed = tuple(address.strip()[:_LONGEST] for address in _field(head, "X-Failed-Recipients").split(",")[:_MOST])
    status = most_telling("", told)
    action = "delayed" if status.startswith("4") else "failed"
    recipient = Recipient(tuple(filter(None, failed)), action, status, clean(told)[:_LONGEST])
    return Report(ReportKind.DELIVERY, tokens, ids, (recipient,))


# --- The others


def _complaint(blocks: list[Message], tokens: tuple[str, ...], ids: tuple[str, ...]) -> Report | NotAReport:
    """A feedback report (RFC 5965 section 3)."""
    feedback = next(filter(None, (_field(block, "Feedback-Type") for block in blocks)), "")
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", feedback):
        return NotAReport("a feedback report without a Feedback-Type")
    fields = ("Original-Rcpt-To", "Removal-Recipient")
    named = [_address(clean(value)) for block in blocks for name in fields for value in block.get_all(name, [])]
    return Report(
        ReportKind.COMPLAINT, tokens, ids, (Recipient(_first(filter(None, named))),), feedback=feedback.lower()
    )


def _automatic(head: Message, parts: list[_Part]) -> bool:
    """Whether a machine answered for a person: RFC 3834 section 5, its forerunners, and read receipts (RFC 8098)."""
    return (
        _field(head, "Auto-Submitted").lower().startswith("auto-replied")
        or any(name in head for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or _field(head, "Precedence").lower() in {"auto_reply", "auto-reply"}
        or any(part.kind in _RECEIPT_PARTS for part in parts)
        or bool(_AWAY.match(_subject(head)))
    )
