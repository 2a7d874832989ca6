"""Handing messages to an SMTP relay, one recipient a transaction, and saying what became of each.

A refused recipient is an `Outcome`; a relay that does not work as a whole is a `RelayError`. What the replies mean
(RFC 5321 sections 4.2 and 4.3.2)::

                    4xx             5xx                             lost, or no answer in time
    connect..login  RelayError      RelayError (not temporary)      RelayError
    MAIL            deferred        RelayError (552: refused)       deferred
    RCPT            deferred        refused (552: deferred)         deferred
    DATA            deferred        refused                         deferred
    the final dot   deferred        refused                         unknown

A reply that makes no sense is worth as much as none. To a relay that offers PIPELINING the three commands go in one
write, which has to be preceded by `before_data`; to any other they go one by one, with `before_data` right before DATA.
Either way the content goes only after the 354: a connection lost at DATA is known to have handed nothing over, and only
what is lost after the first byte of the message is unknown.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from newsletter.errors import HaltedError, RelayError
from newsletter.mail.pipeline import COMPLETED, DEPTH, GO_ON, LOST, Conversation, Reply, Transaction
from newsletter.mail.relay import Relay, Security, Timeouts, connect, line
from newsletter.model import Message, Outcome, State, Step
from newsletter.policy import replies

__all__ = ["Relay", "Security", "SmtpMailer", "Timeouts"]

_GROUP = (Step.MAIL, Step.RCPT, Step.DATA)
_GOOD = {Step.MAIL: (COMPLETED,), Step.RCPT: (COMPLETED, 251), Step.DATA: (GO_ON,), Step.DOT: (COMPLETED,)}
_TOO_LARGE = 552
_SIMPLE = re.compile(r"[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_QUOTED = re.compile(r'"(?:[^"\\\r\n]|\\.)*"')
_UNSAFE = re.compile(r'[\s<>"]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
                f"The password for {relay} would cross the network in clear: set {relay.setting('security')} to "
                f'"starttls" or "tls", or remove {relay.setting("username")}',
                step=Step.AUTH,
            )
        self._relay = relay
        self._local_hostname = local_hostname
        self._tls = tls
        self._timeouts = timeouts or Timeouts()
        self._conversation: Conversation | None = None
        self._served = 0
        self._pipelines = True
        self._halted = False
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
        return self._conversation is not None and self._conversation.connected

    @property
    def depth(self) -> int:
        """How many sends keep the open connection busy: one, or several when the relay offers PIPELINING."""
        return DEPTH if self._conversation is not None and self._conversation.pipelining and self.connected else 1

    @property
    def served(self) -> int:
        """How many messages the open connection was used for; 0 when none is open."""
        return self._served if self.connected else 0

    async def close(self) -> None:
        """Say goodbye; the next message opens a new connection."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await conversation.close()

    def halt(self) -> None:
        """Hand over nothing more: a message that is on its way is finished, every other send raises HaltedError."""
        self._halted = True
        if self._conversation is not None:
            self._conversation.halt()

    def _stop_if_halted(self) -> None:
        if self._halted:
            raise HaltedError("sending was stopped before this message")

    async def open(self) -> None:
        """Open a connection where there is none. Raises RelayError when the relay does not work as a whole."""
        if not self.connected:
            async with self._turn:
                await self._opened()

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        """Hand `message` to the relay, and say what it answered.

        `before_data` is awaited when the message is next: from then on the outcome may be unknown. With a relay that
        offers PIPELINING that is before anything of it is written, and any number of sends may be under way; the order
        in which their `before_data` end is the order on the wire. With any other relay it is right before DATA, and one
        message goes at a time. What `before_data` raises goes through, and nothing is sent. The bytes on the wire are
        those of `message`. Raises RelayError when the relay does not work as a whole; nothing was sent then.
        """
        while True:
            self._stop_if_halted()
            conversation = self._conversation
            if conversation is None or not conversation.pipelining or not conversation.connected:
                async with self._turn:
                    conversation = await self._opened()
                    if not conversation.pipelining:
                        return await self._one_by_one(conversation, message, before_data)
            if outcome := await self._pipelined(conversation, message, before_data):
                return outcome
            before_data = _noted

    async def _pipelined(
        self, conversation: Conversation, message: Message, before_data: Callable[[], Awaitable[None]]
    ) -> Outcome | None:
        """One transaction among others; None when the connection ended before it came to this one."""
        international = not _ascii(message)
        if obstacle := _obstacle(conversation, message, international):
            return Outcome(State.REFUSED, None, obstacle, Step.MAIL)
        mail = self._mail(conversation, message, international)
        try:
            rcpt = b"RCPT TO:<%b>\r\nDATA\r\n" % mailbox(message.recipient)
        except ValueError as error:
            return Outcome(State.REFUSED, None, line(str(error)), Step.RCPT)
        self._served += 1
        await before_data()
        self._stop_if_halted()
        transaction = conversation.begin(mail + rcpt, message.wire or wire(message.content))
        try:
            await transaction.ended
        except BaseException:
            conversation.abandon(transaction)
            raise
        # A relay that takes only so many messages a connection is asked again, as long as each takes some.
        begun = not transaction.passed_over and not (transaction.turned_away and conversation.completed)
        return self._result(transaction, message) if begun else None

    def _result(self, transaction: Transaction, message: Message) -> Outcome:
        """What the replies to a whole group and its content came to: the first that is no yes decides.

        "Bad sequence of commands" as the first no is about neither sender nor reader: the commands were in sequence. A
        relay that says so cannot do what it offers; from then on it gets one command at a time.
        """
        heard = transaction.replies
        if transaction.out_of_sequence:
            self._pipelines = False
            return Outcome(State.DEFERRED, None, "The relay loses its place when commands are pipelined", Step.MAIL)
        if len(heard) > 2 and 200 <= heard[2].code < 300:
            return _meaning(Step.DATA, heard[2])  # one reply too many before: none of these may be that to its command
        for step, reply in zip(_GROUP, heard, strict=False):
            if reply.code not in _GOOD[step]:
                return self._refusal(step, reply, message)
        if len(heard) < len(_GROUP) or not transaction.sent:
            return Outcome(State.DEFERRED, None, "The connection was lost before the message", Step.DATA)
        return _meaning(Step.DOT, heard[3])

    async def _one_by_one(
        self, conversation: Conversation, message: Message, before_data: Callable[[], Awaitable[None]]
    ) -> Outcome:
        """One transaction, each command after the answer to the one before."""
        international = not _ascii(message)
        if obstacle := _obstacle(conversation, message, international):
            return Outcome(State.REFUSED, None, obstacle, Step.MAIL)
        self._served += 1
        conversation.midway = True
        try:
            outcome = await self._transact(conversation, message, international, before_data)
        except Exception:
            raise
        except BaseException:
            conversation.abort("given up")  # cancelled: nobody knows where the conversation stands
            raise
        conversation.midway = outcome.state is not State.ACCEPTED
        return outcome

    async def _transact(
        self,
        conversation: Conversation,
        message: Message,
        international: bool,
        before_data: Callable[[], Awaitable[None]],
    ) -> Outcome:
        command = self._timeouts.command
        reply = await conversation.ask(self._mail(conversation, message, international), command)
        if reply.code != COMPLETED:
            return self._refusal(Step.MAIL, reply, message)
        try:
            rcpt = b"RCPT TO:<%b>\r\n" % mailbox(message.recipient)
        except ValueError as error:
            return Outcome(State.REFUSED, None, line(str(error)), Step.RCPT)
        reply = await conversation.ask(rcpt, command, _GOOD[Step.RCPT])
        if reply.code not in _GOOD[Step.RCPT]:
            return self._refusal(Step.RCPT, reply, message)
        await before_data()
        self._stop_if_halted()
        reply = await conversation.ask(b"DATA\r\n", self._timeouts.data, _GOOD[Step.DATA])
        if reply.code != GO_ON:
            return _meaning(Step.DATA, reply)
        if not conversation.connected:
            return Outcome(State.DEFERRED, None, "The connection was lost before the message", Step.DATA)
        if self._halted:
            conversation.abort("halted")  # with a content expected there is no other way out
            self._stop_if_halted()
        return _meaning(Step.DOT, await conversation.ask(message.wire or wire(message.content), self._timeouts.dot))

    def _mail(self, conversation: Conversation, message: Message, international: bool) -> bytes:
        try:
            sender = mailbox(message.sender)
        except ValueError as error:
            raise RelayError(
                f"{message.sender!r} cannot be a sender ({error}): check sender.address", step=Step.MAIL
            ) from error
        size = b" SIZE=%d" % message.size if conversation.sizes else b""
        return b"MAIL FROM:<%b>%b%b\r\n" % (sender, size, b" BODY=8BITMIME SMTPUTF8" if international else b"")

    def _refusal(self, step: Step, reply: Reply, message: Message) -> Outcome:
        """What a reply to MAIL or RCPT that is no yes means."""
        outcome = _meaning(step, reply)
        if outcome.state is not State.REFUSED or step is Step.DATA:
            return outcome
        if step is Step.MAIL and outcome.code != _TOO_LARGE:
            raise RelayError(
                f"The relay {self._relay} refuses the sender {message.sender} ({outcome.code} {outcome.text}): set "
                f"sender.address to one it may send for, or log in with {self._relay.setting('username')}",
                step=Step.MAIL,
                code=outcome.code,
            )
        if step is Step.RCPT and outcome.code == _TOO_LARGE:
            # "Too many recipients" and a full mailbox answer 552 where 452 is meant (RFC 5321 section 4.5.3.1.10).
            return _outcome(State.DEFERRED, step, reply)
        return outcome

    async def _opened(self) -> Conversation:
        """A connection on which nothing is begun. What was left midway is reset only now, so that no outcome waits."""
        conversation = self._conversation
        if conversation is not None and conversation.connected and conversation.midway and not conversation.pipelining:
            if (await conversation.ask(b"RSET\r\n", self._timeouts.connect)).code != COMPLETED:
                conversation.abort("not reset")
            conversation.midway = False
        if conversation is None or not conversation.connected:
            client = await connect(self._relay, self._local_hostname, self._tls, self._timeouts)
            conversation = self._conversation = Conversation(client, self._timeouts, pipelining=self._pipelines)
            self._served = 0
        return conversation


async def _noted() -> None:
    """What is left of `before_data` when it was awaited already."""


def wire(content: bytes) -> bytes:
    """`content` as it follows the 354: dots at the start of lines doubled, the final dot behind (RFC 5321 section
    4.5.2).

    A stray line end would be a way to smuggle commands past us; there is none in what `mime` builds, but it is made
    CRLF all the same.
    """
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    stuffed = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    return b"." + stuffed if content.startswith(b".") else stuffed


def mailbox(address: str) -> bytes:
    """`address` as it stands between the angle brackets of MAIL and RCPT, unchanged.

    Raises ValueError when it is not exactly one address, or could end the command that it stands in.
    """
    if _SIMPLE.fullmatch(address):  # nearly all are; a property test holds that the rest of this would take them, too
        return address.encode("ascii")
    if not address or parseaddr(address)[1] != address:
        raise ValueError(f"{address!r} is not one e-mail address")
    if _CONTROL.search(address) or _UNSAFE.search(_QUOTED.sub("", address, count=1) if address[0] == '"' else address):
        raise ValueError(f"{address!r} holds characters that no mailbox may hold")
    return address.encode()


def _meaning(step: Step, reply: Reply) -> Outcome:
    """The table above; a reply that makes no sense, or that never came, is unknown only after the content."""
    code = reply.code
    if code in _GOOD[step]:
        return _outcome(State.ACCEPTED, step, reply)
    if 400 <= code < 600:
        return _outcome(State.DEFERRED if code < 500 else State.REFUSED, step, reply)
    lost = State.UNKNOWN if step is Step.DOT else State.DEFERRED
    if code == LOST:
        return Outcome(lost, None, f"No answer to {step}: {reply.text}", step)
    return _outcome(lost, step, reply)


def _outcome(state: State, step: Step, reply: Reply) -> Outcome:
    code, text = reply.code, line(reply.text)
    return Outcome(
        state,
        code if code > 0 else None,
        text,
        step,
        replies.enhanced_code(code, text),
        replies.queue_id(text) if state is State.ACCEPTED else "",
        replies.retry_after(text) if state is State.DEFERRED else None,
    )


def _ascii(message: Message) -> bool:
    """Whether it takes no SMTPUTF8 (RFC 6531) to send this; only an address outside ASCII makes it so."""
    octets = message.wire or message.content
    return octets.isascii() and message.sender.isascii() and message.recipient.isascii()


def _obstacle(conversation: Conversation, message: Message, international: bool) -> str:
    """Why this relay could never take `message`, by what it said about itself; empty when it could."""
    if international and not conversation.international:
        return "The relay takes no address outside ASCII (it does not offer SMTPUTF8)"
    if 0 < conversation.largest < message.size:
        limit = conversation.largest
        return f"The message has {message.size} bytes and the relay takes at most {limit} (SIZE)"
    return ""
