"""Bounces that providers tell by HTTP: signatures checked, events made reports. Pure: bytes and headers in.

    generic   Standard Webhooks (https://www.standardwebhooks.com): the signature covers id, moment and body
    Mailgun   HMAC of a moment and a token (https://documentation.mailgun.com, "Securing Webhooks")

Mailgun's signature does not cover the event itself, and neither says that the message was ours: as with mails, nothing
is to be believed before `bouncing` has found the token or the Message-ID.

Those of others are for the generic form: Amazon SES signs with certificates that have to be fetched, Postmark does not
sign at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from newsletter.mail.headers import clean
from newsletter.mail.reports import Recipient, Report, ReportKind, most_telling, tokens_in

TOLERANCE = timedelta(minutes=5)
"""How far the moment of a signature may be from now."""

MOST_EVENTS = 1_000
ID, MOMENT, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

Model = TypeVar("Model", bound=BaseModel)

_ENCODED = "whsec_"
_LONGEST = 320  # characters of what is kept
_MOMENT = re.compile(r"[0-9]{1,12}", re.ASCII)
_MESSAGE_ID = re.compile(r"[!-;=?-~]{3,250}")
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)


class UnsignedError(Exception):
    """The signature is missing, wrong or too old. It does not say which: whoever guesses learns nothing."""

    def __init__(self) -> None:
        super().__init__("The signature is missing, wrong, or not of the last five minutes.")


class EventKind(StrEnum):
    """What an event tells."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


class Event(BaseModel):
    """What became of one message. Only its Message-ID, or the token in its envelope sender, prove that it was ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    kind: EventKind = Field(description="A bounce, a complaint (“this is spam”), or a wish to leave.")
    message_id: str = Field("", max_length=260, description="Message-ID of our message, with or without `<` and `>`.")
    sender: str = Field("", max_length=320, description="Its envelope sender, if that had a token: `bounces+TOKEN@…`.")
    recipient: str = Field("", max_length=320, description="Whom it was for.")
    status: Annotated[str, Field(pattern=r"^([245]\.[0-9]{1,3}\.[0-9]{1,3})?$")] = Field(
        "", description="Enhanced status code (RFC 3463). Without one, the relay's words are looked at."
    )
    detail: str = Field("", max_length=4_000, description="The relay's words.")

    def report(self) -> Report:
        """The event as a mail would tell it (see `reports`)."""
        status = most_telling(self.status, self.detail)
        return _report(self.kind, self.message_id, self.sender, self.recipient, status, self.detail)


class Events(BaseModel):
    """Several events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: list[Event] = Field(min_length=1, max_length=MOST_EVENTS)


class MailgunSignature(BaseModel):
    """Who signed, when."""

    timestamp: str = Field(pattern=r"^[0-9]{1,12}$", description="Seconds since 1970.")
    token: str = Field(min_length=1, max_length=200)
    signature: str = Field(max_length=200, description="HMAC-SHA256 of timestamp and token, hexadecimal.")


class MailgunEvent(BaseModel):
    """One event as Mailgun posts it; of its `event-data` only what is looked at is described in docs/api.md."""

    signature: MailgunSignature
    event_data: dict[str, JsonValue] = Field(alias="event-data")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the headers of a webhook say: its id, the moment (seconds since 1970), its signatures."""

    id: str
    moment: str
    signatures: tuple[str, ...]

    @classmethod
    def of(cls, headers: Mapping[str, str], now: datetime) -> Self:
        """Read `headers`, whose names are in lower case. Raises UnsignedError when there is nothing to check, or it is
        too old: the body need not be read then."""
        given = headers.get(SIGNATURE, "").split()
        # Several signatures come while the sender changes keys; `v1a` is of another kind.
        found = cls(headers.get(ID, ""), headers.get(MOMENT, ""), tuple(s[3:] for s in given if s.startswith("v1,")))
        if not (found.id and found.signatures and _is_fresh(found.moment, now)):
            raise UnsignedError
        return found

    def check(self, body: bytes, key: bytes) -> None:
        """Raises UnsignedError unless one of the signatures is that of `body`."""
        signed = f"{self.id}.{self.moment}.".encode("utf-8", "replace") + body
        ours = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
        if not any(hmac.compare_digest(ours, one.encode("utf-8", "replace")) for one in self.signatures):
            raise UnsignedError


def signing_key(secret: str) -> bytes:
    """The key that `secret` stands for: `whsec_` and base64, as Standard Webhooks write it, or any other text as it is.

    Raises ValueError, one sentence, for base64 that is none.
    """
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {_ENCODED} must be base64; take another secret") from None


def read_events(signed: Signed, body: bytes) -> list[tuple[str, Report]]:
    """The reports in `body`, JSON like Events, each with a name: sent again, it has the same.

    Raises ValueError, one sentence, for anything else.
    """
    events = _read(Events, body).events
    return [(f"{signed.id}\n{place}", one.report()) for place, one in enumerate(events)]


def read_mailgun(body: bytes, key: bytes, now: datetime) -> list[tuple[str, Report]]:
    """The same for what Mailgun posts: one report, or none for an event that is no concern of ours.

    Raises UnsignedError, and ValueError, one sentence, for what is no event.
    """
    read = _read(MailgunEvent, body)
    seal, told = read.signature, read.event_data
    ours = hmac.new(key, (seal.timestamp + seal.token).encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    good = hmac.compare_digest(ours.encode(), seal.signature.encode("utf-8", "replace"))
    if not good or not _is_fresh(seal.timestamp, now):
        raise UnsignedError
    kind = _MAILGUN.get(_text(told, "event"))
    if kind is None:
        return []
    code, words = _text(told, "delivery-status", "code"), _text(told, "delivery-status", "message")
    status = most_telling(_status(_text(told, "delivery-status", "enhanced-code")), f"{code} {words}")
    report = _report(
        kind,
        _text(told, "message", "headers", "message-id"),
        _text(told, "envelope", "sender"),
        _text(told, "recipient"),
        status,
        words or _text(told, "delivery-status", "description"),
        "delayed" if _text(told, "severity") == "temporary" else "",
    )
    # By the token, which is signed; the id of the event is not.
    return [(f"mailgun\n{seal.token}", report)]


_MAILGUN = {
    "failed": EventKind.BOUNCE,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBE,
}


def _report(
    kind: EventKind, message_id: str, sender: str, recipient: str, status: str, words: str, action: str = ""
) -> Report:
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    ids = (f"<{bare}>",) if _MESSAGE_ID.fullmatch(bare) else ()
    tokens = tuple(tokens_in(sender))
    about = Recipient(
        addresses=tuple(filter(None, [clean(recipient)[:_LONGEST]])),
        action=action or ("delayed" if status.startswith("4.") else "failed"),
        status=status,
        diagnostic=clean(words)[:_LONGEST],
    )
    match kind:
        case EventKind.BOUNCE:
            return Report(ReportKind.DELIVERY, tokens, ids, (about,))
        case EventKind.COMPLAINT:
            return Report(ReportKind.COMPLAINT, tokens, ids, (about,), feedback="abuse")
        case EventKind.UNSUBSCRIBE:
            return Report(ReportKind.UNSUBSCRIBE, tokens, ids, (about,))


def _is_fresh(moment: str, now: datetime) -> bool:
    return bool(_MOMENT.fullmatch(moment)) and abs(now.timestamp() - int(moment)) <= TOLERANCE.total_seconds()


def _status(text: str) -> str:
    return text if _ENHANCED.fullmatch(text) else ""


def _text(told: Mapping[str, Any], *path: str) -> str:
    """What stands at `path` in nested objects, as text; empty when it is not there."""
    found: Any = told
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return str(found) if isinstance(found, str | int) else ""


def _read(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(said_of(error.errors(include_url=False, include_context=False, include_input=False))) from None


def said_of(faults: list[Any]) -> str:
    """The first of pydantic's `faults` as a sentence: where it is, and what."""
    where = ".".join(str(part) for part in faults[0]["loc"])
    what = clean(str(faults[0]["msg"]))
    return f"{clean(where)[:100]}: {what}." if where else f"{what}."
