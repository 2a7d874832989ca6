"""Signed tokens for links that act on behalf of a reader: short, without an address, forgeable by nobody."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from itsdangerous import Signer

_NUMBER = re.compile(r"[1-9][0-9]{0,18}")  # what a database calls a row


class Tokens:
    """Makes and reads tokens. Each purpose has a salt of its own: a token for one is worthless for another.

    `secret_keys` are newest first: the first one signs, all of them are believed, so that keys can be changed without
    breaking the links in mails that are out. A link to leave never expires: who finds an old mail may still leave.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys or not all(secret_keys):
            raise ValueError("Tokens need at least one secret key, and no empty one")
        self._leave = [
            Signer(key, salt="newsletter.leave", key_derivation="hmac", digest_method=hashlib.sha256)
            for key in secret_keys
        ]

    def leave(self, subscriber_id: int) -> str:
        """The token with which this subscriber leaves."""
        return self._leave[0].sign(str(subscriber_id)).decode()

    def read_leave(self, token: str | None) -> int | None:
        """The subscriber a `leave` token is for; None when it is forged, cut, for something else, or not there."""
        number = (token or "").partition(".")[0]
        if token is None or not token.isascii() or not _NUMBER.fullmatch(number):
            return None
        # Signing again and comparing whole tokens leaves one spelling per token; `unsign` takes several, because the
        # last character of unpadded base64 has bits to spare.
        genuine = any(hmac.compare_digest(signer.sign(number), token.encode()) for signer in self._leave)
        return int(number) if genuine else None
