"""Where mail goes: the address of an SMTP server and how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Security(StrEnum):
    """How the connection is encrypted; with the first two the certificate is always verified."""

    STARTTLS = "starttls"  # in clear, then upgraded; never used when the upgrade fails (usually port 587)
    TLS = "tls"  # encrypted from the first byte (usually port 465)
    NONE = "none"  # in clear: this machine, or a network you trust


@dataclass(frozen=True, slots=True)
class Relay:
    """An SMTP server. Without `username` we do not log in; `password` is never shown."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
