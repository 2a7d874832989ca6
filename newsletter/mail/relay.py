"""Where mail goes: an SMTP server, how to talk to it, and the way to a connection that is ready for a message."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass, field
from enum import StrEnum

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from newsletter.errors import RelayError
from newsletter.mail.headers import clean
from newsletter.model import Step

LONGEST_TEXT = 500
"""Characters of a relay's words that are kept."""

LOSSES = (SMTPException, OSError)
"""What an exchange with a relay raises when it fails; TimeoutError and ConnectionError are OSErrors."""

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


class Security(StrEnum):
    """How the connection is encrypted; with the first two the certificate is always verified."""

    STARTTLS = "starttls"  # in clear, then upgraded; never used when the upgrade fails (usually port 587)
    TLS = "tls"  # encrypted from the first byte (usually port 465)
    NONE = "none"  # in clear: this machine, or a network you trust


@dataclass(frozen=True, slots=True)
class Relay:
    """An SMTP server. Without `username` we do not log in; `password` is never shown. `name` is what a relay of several
    is called in the settings."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    name: str | None = None

    def setting(self, field: str) -> str:
        """How the operator finds `field` of this relay in the settings."""
        return f"smtp.{field}" if self.name is None else f"{field} of smtp.relays “{self.name}”"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def secrets(self) -> list[str]:
        """The password in every form in which it goes over the wire, and so might come back in an answer."""
        if not self.password:
            return []
        forms = (self.password, f"\0{self.username or ''}\0{self.password}")
        return [*(base64.b64encode(words.encode()).decode() for words in forms), self.password]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for an answer, as RFC 5321 section 4.5.3.2 has them.

    `greeting` is for the 220, `command` for everything up to RCPT, `data` for the 354 and `dot` for the answer to the
    message, its transfer included. Two are our own: `connect` for the TCP connection, where an answer takes a second or
    never comes, and for RSET; and `goodbye` for QUIT, whose answer changes nothing.
    """

    connect: float = 30
    greeting: float = 300
    command: float = 300
    data: float = 120
    dot: float = 600
    goodbye: float = 5


async def connect(relay: Relay, local_hostname: str | None, tls: ssl.SSLContext | None, timeouts: Timeouts) -> SMTP:
    """A connection that is greeted, encrypted and logged in to, as `relay` says.

    `local_hostname` is what we call ourselves in EHLO, None for this machine's full name; `tls` replaces the system's
    certificate authorities. Raises RelayError with the step that failed.
    """
    try:
        client = SMTP(
            hostname=relay.host,
            # Our full name would be a question to the DNS, which nobody on this machine needs to wait for.
            local_hostname=local_hostname or ("localhost" if relay.host in _THIS_MACHINE else None),
            timeout=timeouts.command,
            use_tls=relay.security is Security.TLS,
            start_tls=False,
            tls_context=tls,
        )
    except ValueError as error:
        raise RelayError(
            f"{relay.host!r} is no name of a relay ({error}): check {relay.setting('host')}", step=Step.CONNECT
        ) from error
    try:
        remedy = (
            f"check {relay.setting('host')} (the name on its certificate), {relay.setting('port')} and "
            f"{relay.setting('security')} (mostly starttls on port 587, tls on port 465)"
        )
        await _step(relay, Step.CONNECT, _greeted(relay, client, timeouts), "cannot be used", remedy)
        remedy = "ask its operator whether this machine may send"
        await _step(relay, Step.EHLO, client.ehlo(), "does not let us in", remedy)
        if relay.security is Security.STARTTLS:
            await _secure(relay, client)
        if relay.username is not None:
            login = client.login(relay.username, relay.password or "")
            remedy = f"check {relay.setting('username')} and {relay.setting('password')}"
            await _step(relay, Step.AUTH, login, "refuses the login", remedy)
    except BaseException:
        client.close()
        raise
    return client


def line(words: str) -> str:
    """A relay's words on one line of bounded length."""
    return clean(words)[:LONGEST_TEXT]


def why(error: BaseException) -> str:
    """In a few words, why an exchange failed."""
    cause = error.__cause__ or error
    if isinstance(error, SMTPResponseException):
        return line(f"{error.code} {error.message}" if error.code > 0 else error.message)
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {cause.verify_message}"
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno:
        return os.strerror(cause.errno)  # asyncio puts the address there, in its own words
    return line(getattr(cause, "strerror", None) or str(cause))


async def _greeted(relay: Relay, client: SMTP, timeouts: Timeouts) -> None:
    """The TCP connection, TLS where it comes first, and the greeting."""
    async with asyncio.timeout(timeouts.connect):
        connection = await _dial(relay.host, relay.port)
    try:
        await client.connect(sock=connection, timeout=timeouts.greeting)
    except BaseException:
        connection.close()
        raise


async def _dial(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address of `host` that takes one."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


async def _secure(relay: Relay, client: SMTP) -> None:
    """Upgrade to TLS or give up; what the relay said before counts for nothing (RFC 3207 section 4.2)."""
    if not client.supports_extension("starttls"):
        raise RelayError(
            f"The relay {relay} does not offer STARTTLS, and nothing is sent in clear: set "
            f'{relay.setting("security")} to "tls" (mostly port 465), or to "none" when you trust the network up to it',
            step=Step.STARTTLS,
        )
    remedy = (
        f"{relay.setting('host')} must be the name on its certificate, which an authority this machine trusts has "
        "signed"
    )
    await _step(relay, Step.STARTTLS, client.starttls(), "cannot be talked to securely", remedy)
    await _step(relay, Step.EHLO, client.ehlo(), "does not let us in after STARTTLS", "ask its operator")


async def _step(relay: Relay, step: Step, exchange: Awaitable[object], failure: str, remedy: str) -> None:
    """One step on the way to a usable connection. The chain of causes is cut: it may quote the password."""
    try:
        await exchange
    except (*LOSSES, ValueError) as error:
        words = why(error)
        for secret in relay.secrets():
            words = words.replace(secret, "***")
        raise RelayError(
            f"The relay {relay} {failure} ({words}): {remedy}",
            step=step,
            code=error.code if isinstance(error, SMTPResponseException) and error.code > 0 else None,
            temporary=_may_pass(error),
        ) from None


def _may_pass(error: BaseException) -> bool:
    """Whether the same may work in a while: a 4xx or a strange reply, a lost or silent connection."""
    cause = error.__cause__ or error
    if isinstance(error, SMTPResponseException):
        return not 500 <= error.code < 600
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    if isinstance(cause, ssl.SSLError):
        return isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)  # hung up during the handshake
    # What is no OSError is an extension that is not offered, or a name that cannot be one.
    return isinstance(error, OSError)
