"""Webhooks as a provider signs them (Standard Webhooks), written apart from the code that checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

SECRET = "a-secret-that-signs-webhooks"


def signed(body: bytes, at: datetime, id: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """The headers for `body`, signed `at` a moment."""
    moment = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{id}.{moment}.".encode() + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(mac.digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": moment, "webhook-signature": signature}
