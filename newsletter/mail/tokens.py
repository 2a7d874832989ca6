"""Signed tokens that act on behalf of a reader: short, without an address, forgeable by nobody.

    leave, preferences   ROW.SIGNATURE             in every e-mail; no end
    opinions             ROW.SIGNATURE             in every e-mail, the paper beside it; no end
    opinion              ROW.PAPER.SIGNATURE       one reader, one paper, as older pages had it; no end
    confirm              ROW.MOMENT.SIGNATURE      for seven days
    form                 form.MOMENT.SIGNATURE     when a form was shown
    session              NAME.MOMENT.SIGNATURE     the operator's, for twelve hours
    bounce               40 letters and digits     in envelope senders

The signature of a reader's token is made for the address too, without saying it: a number alone is not enough, and
when a row stands for somebody else, or for nobody any more, its links are worthless. So reading one takes two steps:
`row_of` tells which row it claims to be for, and `is_leave` and the others whether it is genuine for that row and its
address.

The dated ones are made and read with itsdangerous. Those without a date stand in every message, several at a time, and
are written out here: the same strings as its `Signer` makes (a test compares them), in a third of the time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from itsdangerous import TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.exc import BadData

CONFIRM_WITHIN = timedelta(days=7)
"""For how long a sign-up can be confirmed."""

SESSION_WITHIN = timedelta(hours=12)
"""For how long a session of the operator's lasts."""

_NUMBER = re.compile(r"[1-9][0-9]{0,18}")  # what a database calls a row
_LAST_ROW = 2**31 - 1  # the largest number of a reader that SQLite and PostgreSQL know
_BOUNCE = re.compile(r"[a-z2-7]{40}")  # 25 octets in base32, without padding and without a bit to spare
_TAG = 14  # octets that prove a bounce token; the other 11 hold the subscriber (8) and the day (3)
_FORM = "form"
_BLOCK = 64  # octets that SHA-256 takes at a time
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))  # RFC 2104 section 2
_URL_SAFE = bytes.maketrans(b"+/", b"-_")  # RFC 4648 section 5
_NOT_NEEDED = b"=\n"  # the padding, and the end of the line

_Pads = tuple[bytes, bytes]
"""A key as HMAC uses it: in front of what is hashed first, and of what is hashed then."""


def row_of(token: str | None) -> int | None:
    """The row that a reader's token says it is for, as far as it looks like one; nothing is proven by it."""
    number = (token or "").partition(".")[0]
    if not token or not token.isascii() or not _NUMBER.fullmatch(number):
        return None
    return int(number) if int(number) <= _LAST_ROW else None


class Tokens:
    """Makes and reads tokens. Each purpose has a salt of its own: a token for one is worthless for another.

    `secret_keys` are newest first: the first one signs, all of them are believed, so that keys can be changed without
    breaking the links in mails that are out. `address` is always the one that the row has, normalised.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys or not all(secret_keys):
            raise ValueError("Tokens need at least one secret key, and no empty one")
        self._keys = tuple(secret_keys)
        self._pads = [_pads(key.encode()) for key in secret_keys]
        self._bounce = [_pads(_mac(pads, b"newsletter.bounce")) for pads in self._pads]

    def leave(self, subscriber_id: int, address: str) -> str:
        """The token with which this subscriber leaves."""
        return _signed(self._pads[0], "leave", address, str(subscriber_id))

    def is_leave(self, token: str | None, subscriber_id: int, address: str) -> bool:
        """Whether `token` lets this subscriber leave, not forged, cut or for something else.

        Those that were made before addresses were bound in are out in old mails; they are believed too.
        """
        return self._is_for("leave", token, subscriber_id, address)

    def preferences(self, subscriber_id: int, address: str) -> str:
        """The token with which this subscriber sees and changes what they follow."""
        return _signed(self._pads[0], "preferences", address, str(subscriber_id))

    def is_preferences(self, token: str | None, subscriber_id: int, address: str) -> bool:
        """Whether `token` shows this subscriber's preferences, as for `is_leave`."""
        return self._is_for("preferences", token, subscriber_id, address)

    def opinions(self, subscriber_id: int, address: str) -> str:
        """The token with which this subscriber says something about papers, any of them: one for a whole e-mail."""
        return _signed(self._pads[0], "opinions", address, str(subscriber_id))

    def is_opinions(self, token: str | None, subscriber_id: int, address: str) -> bool:
        """Whether `token` lets this subscriber say something about papers, as for `is_leave`."""
        return self._is_for("opinions", token, subscriber_id, address)

    def opinion(self, subscriber_id: int, address: str, paper: str) -> str:
        """The token with which this subscriber says something about the paper of that id."""
        value = f"{subscriber_id}.{base64_encode(paper).decode()}"
        return _signed(self._pads[0], "opinion", address, value)

    def read_opinion(self, token: str, subscriber_id: int, address: str) -> str | None:
        """The paper's id; None when `token` is not one with which this subscriber says something."""
        value = token.rpartition(".")[0]
        number, _, paper = value.partition(".")
        if number != str(subscriber_id) or not self._is_signed("opinion", token, value, address):
            return None
        return base64_decode(paper).decode()

    def confirm(self, subscriber_id: int, address: str, at: datetime) -> str:
        """The token with which this subscriber confirms what they asked for `at`."""
        return _Dated(self._keys[0], "confirm", address, at).sign(str(subscriber_id)).decode()

    def is_confirm(self, token: str, subscriber_id: int, address: str, at: datetime) -> bool:
        """Whether `token` confirms, `at`, what this subscriber asked for: it does for seven days."""
        made = self._made(token, "confirm", str(subscriber_id), address)
        return made is not None and at - made <= CONFIRM_WITHIN

    def form(self, at: datetime) -> str:
        """The stamp of a form that is shown `at`, in whole seconds."""
        return _Dated(self._keys[0], _FORM, "", at).sign(_FORM).decode()

    def read_form(self, stamp: str) -> datetime | None:
        """When the form with this stamp was shown; None for a stamp that is none of ours."""
        return self._made(stamp, _FORM, _FORM, "")

    def session(self, operator_token: str, name: str, at: datetime) -> str:
        """The token of the session `name`, without a dot, of who showed `operator_token` `at`.

        It is bound to what was shown: when the operator's token is another one, the sessions of the old one are over.
        """
        return _Dated(self._keys[0], "session", operator_token, at).sign(name).decode()

    def read_session(self, token: str, operator_token: str, at: datetime) -> str | None:
        """The name of the session; None when `token` is not one of ours that lasts `at`."""
        name = token.partition(".")[0]
        made = self._made(token, "session", name, operator_token)
        return name if made is not None and timedelta() <= at - made < SESSION_WITHIN else None

    def bounce(self, subscriber_id: int, local_date: date) -> str:
        """The token in the envelope sender of this subscriber's message for that day: 40 characters of base32.

        It fits a local part (64 octets, RFC 5321 section 4.5.3.1.1) behind `bounces+`, survives systems that change
        case there, and shows neither subscriber nor day. Encrypted with its own tag as the nonce (the idea of SIV, RFC
        5297), so that it is the same whenever it is made. Raises OverflowError for a number that no row has.
        """
        plain = subscriber_id.to_bytes(8, "big") + local_date.toordinal().to_bytes(3, "big")
        pads = self._bounce[0]
        tag = _tag(pads, plain)
        return base64.b32encode(tag + _masked(pads, tag, plain)).decode().lower()

    def read_bounce(self, token: str | None) -> tuple[int, date] | None:
        """The subscriber and the day a `bounce` token is for, whatever its case; None when it is not one of ours."""
        if token is None or not token.isascii() or not _BOUNCE.fullmatch(token.lower()):
            return None
        sealed = base64.b32decode(token.upper())
        tag, masked = sealed[:_TAG], sealed[_TAG:]
        for pads in self._bounce:
            plain = _masked(pads, tag, masked)
            if hmac.compare_digest(tag, _tag(pads, plain)):
                return int.from_bytes(plain[:8], "big"), date.fromordinal(int.from_bytes(plain[8:], "big"))
        return None

    def _is_for(self, purpose: str, token: str | None, subscriber_id: int, address: str) -> bool:
        number = str(subscriber_id)
        if row_of(token) != subscriber_id or token is None or not address:
            return False
        return any(self._is_signed(purpose, token, number, bound) for bound in (address, ""))

    def _is_signed(self, purpose: str, token: str, value: str, address: str) -> bool:
        # Signing again and comparing whole tokens leaves one spelling per token; `unsign` takes several, because the
        # last character of unpadded base64 has bits to spare.
        if not token.isascii():
            return False
        return any(hmac.compare_digest(_signed(pads, purpose, address, value), token) for pads in self._pads)

    def _made(self, token: str, purpose: str, value: str, address: str) -> datetime | None:
        """When a dated token was made; None when it is not genuine."""
        parts = token.split(".")
        if not token.isascii() or len(parts) != 3 or parts[0] != value:
            return None
        try:
            made = datetime.fromtimestamp(int.from_bytes(base64_decode(parts[1]), "big"), UTC)
        except (BadData, ValueError, OverflowError, OSError):
            return None
        signers = (_Dated(key, purpose, address, made) for key in self._keys)
        genuine = any(hmac.compare_digest(signer.sign(value), token.encode()) for signer in signers)
        return made if genuine else None


class _Dated(TimestampSigner):
    """Signs as of a moment that it is told, in place of the clock's."""

    def __init__(self, key: str, purpose: str, address: str, at: datetime) -> None:
        super().__init__(key, salt=_salt(purpose, address), key_derivation="hmac", digest_method=sha256)
        self._at = int(at.timestamp())

    def get_timestamp(self) -> int:
        return self._at


def _signed(pads: _Pads, purpose: str, address: str, value: str) -> str:
    """`value` and its signature, as `itsdangerous.Signer` with `key_derivation="hmac"` and SHA-256 writes them."""
    signature = _mac(_pads(_mac(pads, _salt(purpose, address))), value.encode())
    return f"{value}.{str(binascii.b2a_base64(signature).translate(_URL_SAFE, _NOT_NEEDED), 'ascii')}"


def _salt(purpose: str, address: str) -> bytes:
    # The signing key is derived from it (HMAC), so each purpose and each address has a key of its own.
    return (f"newsletter.{purpose}\n{address}" if address else f"newsletter.{purpose}").encode()


def _pads(key: bytes) -> _Pads:
    """`key` as HMAC-SHA256 uses it (RFC 2104 section 2)."""
    block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    return block.translate(_INNER), block.translate(_OUTER)


def _mac(pads: _Pads, words: bytes) -> bytes:
    """HMAC-SHA256 of `words`; half the time of `hmac.digest`, which pads the key anew for each."""
    inner, outer = pads
    return sha256(outer + sha256(inner + words).digest()).digest()


def _tag(pads: _Pads, plain: bytes) -> bytes:
    return _mac(pads, b"tag" + plain)[:_TAG]


def _masked(pads: _Pads, tag: bytes, octets: bytes) -> bytes:
    """`octets` encrypted, or back again."""
    length = len(octets)
    mask = _mac(pads, b"mask" + tag)[:length]
    return (int.from_bytes(octets, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
