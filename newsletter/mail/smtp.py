"""Handing messages to an SMTP relay, one recipient a transaction, and saying what became of each.

A refused recipient is an `Outcome`; a relay that does not work as a whole is a `RelayError`. What the replies mean
(RFC 5321 sections 4.2 and 4.3.2)::

                    4xx        5xx                             lost, or no answer in time
    connect..login  RelayError RelayError                      RelayError
    MAIL            deferred   RelayError (552: refused)       deferred
    RCPT            deferred   refused (552: deferred)         deferred
    DATA            deferred   refused                         unknown
    the final dot   deferred   refused                         unknown

aiosmtplib raises the same exception for a connection lost at DATA and after the final dot, so everything lost inside
`data()` is unknown: the relay may have taken the message.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from newsletter.errors import RelayError
from newsletter.mail.headers import clean
from newsletter.mail.relay import Relay, Security
from newsletter.model import Message, Outcome, State

__all__ = ["Relay", "Security", "SmtpMailer", "Timeouts"]

LONGEST_TEXT = 500
"""Characters of a relay's words that are kept."""

_TOO_LARGE, _CLOSING = 552, 421
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_LOSSES = (SMTPException, OSError)  # TimeoutError and ConnectionError are OSErrors


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for an answer (RFC 5321 section 4.5.3.2).

    `connect` counts for each step up to the login; the standard's five minutes are too long for somebody who watches.
    """

    connect: float = 30
    command: float = 300
    data: float = 600


class SmtpMailer:
    """Sends over one connection that is opened with the first message, kept, and opened again when it is lost.

    `local_hostname` is what we call ourselves in EHLO, by default this machine's full name. `tls` replaces the system's
    certificate authorities. Raises RelayError when the relay's settings contradict each other.
    """

    def __init__(
        self,
        relay: Relay,
        local_hostname: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        if relay.username is not None and relay.security is Security.NONE:
            raise RelayError(
                f'The password for {relay} would cross the network in clear: set smtp.security to "starttls" or "tls", '
                "or remove smtp.username"
            )
        self._relay = relay
        self._local_hostname = local_hostname
        self._tls = tls
        self._timeouts = timeouts or Timeouts()
        self._client: SMTP | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await client.quit(timeout=self._timeouts.connect)
        except _LOSSES:
            pass  # everything that matters has been answered already
        finally:
            client.close()

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """Hand `message` to the relay, and say what it answered.

        `before_data` is awaited once the relay has accepted sender and recipient, right before DATA: from then on the
        outcome may be unknown. What it raises goes through, and nothing is sent. The bytes on the wire are
        `message.content`. Raises RelayError when the relay does not work as a whole; then nothing was sent either.
        """
        async with self._turn:
            client = await self._connected()
            if obstacle := _obstacle(client, message):
                return Outcome(State.REFUSED, None, obstacle)
            try:
                outcome = await self._transact(client, message, before_data)
            except Exception:
                await self._reset(client)
                raise
            except BaseException:
                client.close()  # cancelled: nobody knows where the conversation stands
                raise
            if outcome.state is not State.ACCEPTED:
                await self._reset(client)
            return outcome

    async def _transact(self, client: SMTP, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """One transaction, from MAIL to the answer to the final dot."""
        if objection := await self._offer(client, message):
            return objection
        await before_data()
        if not client.is_connected:
            return Outcome(State.DEFERRED, None, "The connection was lost before DATA")
        try:
            reply = await client.data(message.content, timeout=self._timeouts.data)
        except SMTPResponseException as error:
            return _judged(client, error, otherwise=State.UNKNOWN)
        except _LOSSES as error:
            return Outcome(State.UNKNOWN, None, f"No answer to the message: {_why(error)}")
        return Outcome(State.ACCEPTED, reply.code, _line(reply.message))

    async def _offer(self, client: SMTP, message: Message) -> Outcome | None:
        """MAIL and RCPT; None when the relay has accepted both."""
        options, encoding = [], "ascii"
        if client.supports_extension("size"):
            options.append(f"SIZE={len(message.content)}")
        if _international(message):
            options, encoding = [*options, "BODY=8BITMIME", "SMTPUTF8"], "utf-8"
        wait = self._timeouts.command
        try:
            await client.mail(_exact(message.sender), options=options, encoding=encoding, timeout=wait)
        except SMTPResponseException as error:
            if 500 <= error.code < 600 and error.code != _TOO_LARGE:
                raise RelayError(
                    f"The relay {self._relay} refuses the sender {message.sender} ({_why(error)}): set sender.address "
                    "to one it may send for, or log in with smtp.username"
                ) from error
            return _judged(client, error)
        except ValueError as error:
            raise RelayError(f"{message.sender!r} cannot be a sender ({error}): check sender.address") from error
        except _LOSSES as error:
            return Outcome(State.DEFERRED, None, f"No answer to MAIL: {_why(error)}")
        try:
            await client.rcpt(_exact(message.recipient), encoding=encoding, timeout=wait)
        except SMTPResponseException as error:
            outcome = _judged(client, error)
            # "Too many recipients" and a full mailbox answer 552 where 452 is meant (RFC 5321 section 4.5.3.1.10).
            return replace(outcome, state=State.DEFERRED) if error.code == _TOO_LARGE else outcome
        except ValueError as error:
            return Outcome(State.REFUSED, None, _line(str(error)))
        except _LOSSES as error:
            return Outcome(State.DEFERRED, None, f"No answer to RCPT: {_why(error)}")
        return None

    async def _connected(self) -> SMTP:
        if self._client is None or not self._client.is_connected:
            self._client = await self._open()
        return self._client

    async def _open(self) -> SMTP:
        """A connection that is greeted, encrypted and logged in to, as the relay's settings say."""
        relay = self._relay
        try:
            client = SMTP(
                hostname=relay.host,
                port=relay.port,
                # Our full name would be a question to the DNS, which nobody on this machine needs to wait for.
                local_hostname=self._local_hostname or ("localhost" if relay.host in _THIS_MACHINE else None),
                timeout=self._timeouts.connect,
                use_tls=relay.security is Security.TLS,
                start_tls=False,
                tls_context=self._tls,
            )
        except ValueError as error:
            raise RelayError(f"{relay.host!r} is no name of a relay ({error}): check smtp.host") from error
        try:
            await self._step(
                client.connect(),
                "cannot be used",
                "check smtp.host (the name on its certificate), smtp.port and smtp.security "
                "(mostly starttls on port 587, tls on port 465)",
            )
            await self._step(client.ehlo(), "does not let us in", "ask its operator whether this machine may send")
            if relay.security is Security.STARTTLS:
                await self._secure(client)
            if relay.username is not None:
                login = client.login(relay.username, relay.password or "")
                await self._step(login, "refuses the login", "check smtp.username and smtp.password")
        except BaseException:
            client.close()
            raise
        return client

    async def _secure(self, client: SMTP) -> None:
        """Upgrade to TLS or give up; what the relay said before counts for nothing (RFC 3207 section 4.2)."""
        if not client.supports_extension("starttls"):
            raise RelayError(
                f"The relay {self._relay} does not offer STARTTLS, and nothing is sent in clear: set smtp.security to "
                '"tls" (mostly port 465), or to "none" when you trust the network up to it'
            )
        remedy = "smtp.host must be the name on its certificate, which an authority this machine trusts has signed"
        await self._step(client.starttls(), "cannot be talked to securely", remedy)
        await self._step(client.ehlo(), "does not let us in after STARTTLS", "ask its operator")

    async def _step(self, step: Awaitable[object], failure: str, remedy: str) -> None:
        """One step on the way to a usable connection. The chain of causes is cut: it may quote the password."""
        try:
            await step
        except (*_LOSSES, ValueError) as error:
            why = _why(error)
            for secret in self._secrets():
                why = why.replace(secret, "***")
            raise RelayError(f"The relay {self._relay} {failure} ({why}): {remedy}") from None

    def _secrets(self) -> list[str]:
        """The password in every form in which it goes over the wire, and so might come back in an answer."""
        user, password = self._relay.username or "", self._relay.password
        if not password:
            return []
        encoded = (base64.b64encode(words.encode()).decode() for words in (password, f"\0{user}\0{password}"))
        return [*encoded, password]

    async def _reset(self, client: SMTP) -> None:
        """Make the connection ready for the next message, or close it."""
        if not client.is_connected:
            return
        try:
            await client.rset(timeout=self._timeouts.connect)
        except _LOSSES:
            client.close()


def _judged(client: SMTP, error: SMTPResponseException, otherwise: State = State.DEFERRED) -> Outcome:
    """What a reply other than yes means; `otherwise` is for one that makes no sense. Closes where it must."""
    makes_sense = 400 <= error.code < 600
    if error.code == _CLOSING or not makes_sense:
        client.close()
    state = otherwise if not makes_sense else State.DEFERRED if error.code < 500 else State.REFUSED
    return Outcome(state, error.code if error.code > 0 else None, _line(error.message))


def _international(message: Message) -> bool:
    """Whether it takes SMTPUTF8 (RFC 6531) to send this; only an address outside ASCII makes it so."""
    return not (message.sender.isascii() and message.recipient.isascii() and message.content.isascii())


def _obstacle(client: SMTP, message: Message) -> str:
    """Why this relay could never take `message`, by what it said about itself; empty when it could."""
    if _international(message) and not client.supports_extension("smtputf8"):
        return "The relay takes no address outside ASCII (it does not offer SMTPUTF8)"
    limit = client.esmtp_extensions.get("size", "")
    if limit.isdecimal() and len(limit) < 20 and 0 < int(limit) < len(message.content):
        return f"The message has {len(message.content)} bytes and the relay takes at most {limit} (SIZE)"
    return ""


def _exact(address: str) -> str:
    """`address`, if aiosmtplib takes it as it is; what it cannot read it shortens, and mails somebody else."""
    if not address or parseaddr(address)[1] != address:
        raise ValueError(f"{address!r} is not one e-mail address")
    return address


def _line(words: str) -> str:
    """A relay's words on one line of bounded length."""
    return clean(words)[:LONGEST_TEXT]


def _why(error: BaseException) -> str:
    """In a few words, why an exchange failed."""
    cause = error.__cause__ or error
    if isinstance(error, SMTPResponseException):
        return _line(f"{error.code} {error.message}" if error.code > 0 else error.message)
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {cause.verify_message}"
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno:
        return os.strerror(cause.errno)  # asyncio puts the address there, in its own words
    return _line(getattr(cause, "strerror", None) or str(cause))
