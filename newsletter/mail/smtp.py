"""Handing messages to an SMTP relay, one recipient a transaction, and saying what became of each.

A refused recipient is an `Outcome`; a relay that does not work as a whole is a `RelayError`. What the replies mean
(RFC 5321 sections 4.2 and 4.3.2)::

                    4xx             5xx                             lost, or no answer in time
    connect..login  RelayError      RelayError (not temporary)      RelayError
    MAIL            deferred        RelayError (552: refused)       deferred
    RCPT            deferred        refused (552: deferred)         deferred
    DATA            deferred        refused                         deferred
    the final dot   deferred        refused                         unknown

A reply that makes no sense is worth as much as none. `SMTP.data` of aiosmtplib sends DATA and the message in one call,
with one timeout and one exception for both; so we send them one after the other. Then a connection lost at DATA is
known to have handed nothing over, and only what is lost after the first byte of the message is unknown.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from aiosmtplib import SMTP, SMTPDataError, SMTPResponse, SMTPResponseException, SMTPServerDisconnected

from newsletter.errors import RelayError
from newsletter.mail.relay import LOSSES, Relay, Security, Timeouts, connect, line, why
from newsletter.model import Message, Outcome, State, Step
from newsletter.policy import replies

__all__ = ["Relay", "Security", "SmtpMailer", "Timeouts"]

_ACCEPTED, _GO_ON, _CLOSING, _TOO_LARGE = 250, 354, 421, 552
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


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
                "or remove smtp.username",
                step=Step.AUTH,
            )
        self._relay = relay
        self._local_hostname = local_hostname
        self._tls = tls
        self._timeouts = timeouts or Timeouts()
        self._client: SMTP | None = None
        self._served = 0
        self._midway = False
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether a connection is open, as far as we have heard."""
        return self._client is not None and self._client.is_connected

    @property
    def served(self) -> int:
        """How many messages the open connection was used for; 0 when none is open."""
        return self._served if self.connected else 0

    async def close(self) -> None:
        """Say goodbye; the next message opens a new connection."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await client.quit(timeout=self._timeouts.goodbye)
        except LOSSES:
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
                return Outcome(State.REFUSED, None, obstacle, Step.MAIL)
            self._served += 1
            self._midway = True
            try:
                outcome = await self._transact(client, message, before_data)
            except Exception:
                raise
            except BaseException:
                client.close()  # cancelled: nobody knows where the conversation stands
                raise
            self._midway = outcome.state is not State.ACCEPTED
            return outcome

    async def _transact(self, client: SMTP, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """One transaction, from MAIL to the answer to the final dot."""
        if objection := await self._offer(client, message):
            return objection
        await before_data()
        begun = await _asked(client, Step.DATA, _begin(client, self._timeouts.data))
        if begun.state is not State.ACCEPTED:
            return begun
        if not client.is_connected:
            return Outcome(State.DEFERRED, None, "The connection was lost before the message", Step.DATA)
        return await _asked(client, Step.DOT, _hand_over(client, message.content, self._timeouts.dot), State.UNKNOWN)

    async def _offer(self, client: SMTP, message: Message) -> Outcome | None:
        """MAIL and RCPT; None when the relay has accepted both."""
        options, encoding = [], "ascii"
        if client.supports_extension("size"):
            options.append(f"SIZE={len(message.content)}")
        if _international(message):
            options, encoding = [*options, "BODY=8BITMIME", "SMTPUTF8"], "utf-8"
        wait = self._timeouts.command
        try:
            mail = client.mail(_exact(message.sender), options=options, encoding=encoding, timeout=wait)
            outcome = await _asked(client, Step.MAIL, mail)
        except ValueError as error:
            raise RelayError(
                f"{message.sender!r} cannot be a sender ({error}): check sender.address", step=Step.MAIL
            ) from error
        if outcome.state is State.REFUSED and outcome.code != _TOO_LARGE:
            raise RelayError(
                f"The relay {self._relay} refuses the sender {message.sender} ({outcome.code} {outcome.text}): set "
                "sender.address to one it may send for, or log in with smtp.username",
                step=Step.MAIL,
                code=outcome.code,
            )
        if outcome.state is not State.ACCEPTED:
            return outcome
        try:
            rcpt = client.rcpt(_exact(message.recipient), encoding=encoding, timeout=wait)
            outcome = await _asked(client, Step.RCPT, rcpt)
        except ValueError as error:
            return Outcome(State.REFUSED, None, line(str(error)), Step.RCPT)
        if outcome.code == _TOO_LARGE:
            # "Too many recipients" and a full mailbox answer 552 where 452 is meant (RFC 5321 section 4.5.3.1.10).
            return replace(outcome, state=State.DEFERRED, retry_after=replies.retry_after(outcome.text))
        return None if outcome.state is State.ACCEPTED else outcome

    async def _connected(self) -> SMTP:
        """A connection on which nothing is begun. What was left midway is reset only now, so that no outcome waits."""
        if self._client is not None and self._client.is_connected and self._midway:
            try:
                await self._client.rset(timeout=self._timeouts.connect)
            except LOSSES:
                self._client.close()
        if self._client is None or not self._client.is_connected:
            self._client = await connect(self._relay, self._local_hostname, self._tls, self._timeouts)
            self._served = 0
        self._midway = False
        return self._client


async def _begin(client: SMTP, seconds: float) -> SMTPResponse:
    """DATA; nothing of the message goes before the 354."""
    reply = await client.execute_command(b"DATA", timeout=seconds)
    if reply.code != _GO_ON:
        raise SMTPDataError(reply.code, reply.message)
    return reply


async def _hand_over(client: SMTP, content: bytes, seconds: float) -> SMTPResponse:
    """The message and its final dot, with dots doubled at the start of lines (RFC 5321 section 4.5.2)."""
    if client.protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    # A stray line end would be a way to smuggle commands past us; there is none in what `mime` builds.
    lines = _LINE_END.sub(b"\r\n", content)
    end = b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"
    client.protocol.write(_LEADING_DOT.sub(b"..", lines) + end)
    reply = await client.protocol.read_response(timeout=seconds)
    if reply.code != _ACCEPTED:
        raise SMTPDataError(reply.code, reply.message)
    return reply


async def _asked(
    client: SMTP, step: Step, exchange: Awaitable[SMTPResponse], otherwise: State = State.DEFERRED
) -> Outcome:
    """What the relay's reply to `step` means; `otherwise` is for one that makes no sense or does not come.

    Closes the connection where the conversation cannot go on.
    """
    try:
        reply = await exchange
    except SMTPResponseException as error:
        makes_sense = 400 <= error.code < 600
        if error.code == _CLOSING or not makes_sense:
            client.close()
        state = otherwise if not makes_sense else State.DEFERRED if error.code < 500 else State.REFUSED
        return _outcome(state, step, error.code, error.message)
    except LOSSES as error:
        client.close()
        return Outcome(otherwise, None, f"No answer to {step}: {why(error)}", step)
    return _outcome(State.ACCEPTED, step, reply.code, reply.message)


def _outcome(state: State, step: Step, code: int, words: str) -> Outcome:
    text = line(words)
    return Outcome(
        state,
        code if code > 0 else None,
        text,
        step,
        enhanced=replies.enhanced_code(code, text),
        queue_id=replies.queue_id(text) if state is State.ACCEPTED else "",
        retry_after=replies.retry_after(text) if state is State.DEFERRED else None,
    )


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
