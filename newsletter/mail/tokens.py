"""Signed tokens that act on behalf of a reader: short, without an address, forgeable by nobody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import date

from itsdangerous import Signer

_NUMBER = re.compile(r"[1-9][0-9]{0,18}")  # what a database calls a row
_BOUNCE = re.compile(r"[a-z2-7]{40}")  # 25 octets in base32, without padding and without a bit to spare
_TAG = 14  # octets that prove a bounce token; the other 11 hold the subscriber (8) and the day (3)


class Tokens:
    """Makes and reads tokens. Each purpose has a salt of its own: a token for one is worthless for another.

    `secret_keys` are newest first: the first one signs, all of them are believed, so that keys can be changed without
    breaking the links in mails that are out. No token expires: who finds an old mail may still leave.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys or not all(secret_keys):
            raise ValueError("Tokens need at least one secret key, and no empty one")
        self._leave = [_signer(key, "leave") for key in secret_keys]
        self._preferences = [_signer(key, "preferences") for key in secret_keys]
        self._bounce = [_derived(key.encode(), b"newsletter.bounce") for key in secret_keys]

    def leave(self, subscriber_id: int) -> str:
        """The token with which this subscriber leaves."""
        return _signed(self._leave, subscriber_id)

    def read_leave(self, token: str | None) -> int | None:
        """The subscriber a `leave` token is for; None when it is forged, cut, for something else, or not there."""
        return _read(self._leave, token)

    def preferences(self, subscriber_id: int) -> str:
        """The token with which this subscriber sees and changes what they follow."""
        return _signed(self._preferences, subscriber_id)

    def read_preferences(self, token: str | None) -> int | None:
        """The subscriber a `preferences` token is for, else None, as for `read_leave`."""
        return _read(self._preferences, token)

    def bounce(self, subscriber_id: int, local_date: date) -> str:
        """The token in the envelope sender of this subscriber's message for that day: 40 characters of base32.

        It fits a local part (64 octets, RFC 5321 section 4.5.3.1.1) behind `bounces+`, survives systems that change
        case there, and shows neither subscriber nor day. Encrypted with its own tag as the nonce (the idea of SIV, RFC
        5297), so that it is the same whenever it is made. Raises OverflowError for a number that no row has.
        """
        plain = subscriber_id.to_bytes(8, "big") + local_date.toordinal().to_bytes(3, "big")
        key = self._bounce[0]
        tag = _tag(key, plain)
        return base64.b32encode(tag + _masked(key, tag, plain)).decode().lower()

    def read_bounce(self, token: str | None) -> tuple[int, date] | None:
        """The subscriber and the day a `bounce` token is for, whatever its case; None when it is not one of ours."""
        if token is None or not token.isascii() or not _BOUNCE.fullmatch(token.lower()):
            return None
        sealed = base64.b32decode(token.upper())
        tag, masked = sealed[:_TAG], sealed[_TAG:]
        for key in self._bounce:
            plain = _masked(key, tag, masked)
            if hmac.compare_digest(tag, _tag(key, plain)):
                return int.from_bytes(plain[:8], "big"), date.fromordinal(int.from_bytes(plain[8:], "big"))
        return None


def _signer(key: str, purpose: str) -> Signer:
    return Signer(key, salt=f"newsletter.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256)


def _signed(signers: Sequence[Signer], subscriber_id: int) -> str:
    return signers[0].sign(str(subscriber_id)).decode()


def _read(signers: Sequence[Signer], token: str | None) -> int | None:
    number = (token or "").partition(".")[0]
    if token is None or not token.isascii() or not _NUMBER.fullmatch(number):
        return None
    # Signing again and comparing whole tokens leaves one spelling per token; `unsign` takes several, because the last
    # character of unpadded base64 has bits to spare.
    genuine = any(hmac.compare_digest(signer.sign(number), token.encode()) for signer in signers)
    return int(number) if genuine else None


def _derived(key: bytes, words: bytes) -> bytes:
    return hmac.digest(key, words, "sha256")


def _tag(key: bytes, plain: bytes) -> bytes:
    return _derived(key, b"tag" + plain)[:_TAG]


def _masked(key: bytes, tag: bytes, octets: bytes) -> bytes:
    """`octets` encrypted, or back again."""
    return bytes(one ^ other for one, other in zip(octets, _derived(key, b"mask" + tag), strict=False))
