"""A real SMTP server that goes wrong on purpose, and remembers what it took.

What goes wrong is named by the recipient's local part up to the first `+`, so that `drop-dot+17@example.org` is one of
many readers whose message is taken and whose answer is lost::

    name            at            what happens
    ok, any other   -             the message is taken: 250
    defer-rcpt      RCPT          451                   greylist       RCPT    451 at the first try, 250 from then on
    refuse-rcpt     RCPT          550 5.1.1             policy         RCPT    550 5.7.1
    full            RCPT          552 5.2.2             busy           RCPT    421 and the connection is closed
    drop-rcpt       RCPT          connection closed     garbage-rcpt   RCPT    an answer that is none
    slow-rcpt       RCPT          250 after a while
    defer-data      DATA          451                   refuse-data    DATA    554
    busy-data       DATA          421 and closed        drop-data      DATA    connection closed
    drop-body       in the body   connection closed     garbage-data   DATA    an answer that is none
    defer-dot       final dot     451                   refuse-dot     final dot   554
    busy-dot        final dot     421 and closed        slow           final dot   250 after a while
    drop-dot        final dot     the message is taken, then the connection closed without an answer
    lost-dot        final dot     the message is not taken, and the connection closed without an answer
    garbage-dot     final dot     the message is taken, and the answer is none

Every name may end in `-once`: then it goes wrong at the first try for each recipient only. What has no recipient yet
(greeting, EHLO, STARTTLS, AUTH, MAIL) goes wrong for everybody, by the `always` of the constructor.

Alone, as a process: `python -m newsletter.doctor.fault_server --record FILE` prints its port and serves until it is
ended. It keeps no mail and passes none on.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import signal
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from newsletter.mail.relay import Relay, Security
from newsletter.model import Step

HOST = "127.0.0.1"
ONCE = "-once"
A_WHILE = 2.0
"""Seconds that the slow ones take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does at `step` instead of the right thing.

    It says `reply` after `wait` seconds, or hangs up without a word when there is none; after a 421 it hangs up, too.
    `takes`: the recipient or the message is accepted all the same, as by a server whose answer gets lost. `in_body`:
    the 354 is given, and the connection lost while the message is on its way.
    """

    step: Step
    reply: str | None = None
    wait: float = 0.0
    takes: bool = False
    in_body: bool = False


FAULTS: dict[str, Fault] = {
    "defer-rcpt": Fault(Step.RCPT, "451 4.3.0 Out of order, try again later"),
    "refuse-rcpt": Fault(Step.RCPT, "550 5.1.1 No such mailbox"),
    "policy": Fault(Step.RCPT, "550 5.7.1 Your network has a poor reputation"),
    "full": Fault(Step.RCPT, "552 5.2.2 Mailbox full"),
    "busy": Fault(Step.RCPT, "421 4.7.0 Too many connections, closing"),
    "drop-rcpt": Fault(Step.RCPT),
    "garbage-rcpt": Fault(Step.RCPT, "Ok."),
    "slow-rcpt": Fault(Step.RCPT, wait=A_WHILE, takes=True, reply="250 2.1.5 Ok"),
    "defer-data": Fault(Step.DATA, "451 4.3.0 Out of order, try again later"),
    "refuse-data": Fault(Step.DATA, "554 5.5.1 No valid recipients"),
    "busy-data": Fault(Step.DATA, "421 4.3.2 Going down"),
    "drop-data": Fault(Step.DATA),
    "garbage-data": Fault(Step.DATA, "Ok."),
    "drop-body": Fault(Step.DATA, in_body=True),
    "defer-dot": Fault(Step.DOT, "451 4.3.0 Queue unavailable, try again later"),
    "refuse-dot": Fault(Step.DOT, "554 5.6.0 Content refused"),
    "busy-dot": Fault(Step.DOT, "421 4.3.2 Going down"),
    "slow": Fault(Step.DOT, "250 2.0.0 Ok", wait=A_WHILE, takes=True),
    "drop-dot": Fault(Step.DOT, takes=True),
    "lost-dot": Fault(Step.DOT),
    "garbage-dot": Fault(Step.DOT, "Ok.", takes=True),
    f"greylist{ONCE}": Fault(Step.RCPT, "451 4.7.1 Greylisted, try again in 1 seconds"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A message the server took for `recipient`: its Message-ID, the SHA-256 and the number of its bytes, and when."""

    recipient: str
    message_id: str
    sha256: str
    size: int
    at: datetime


def read_record(path: Path) -> list[Taken]:
    """What a server wrote into its record `path`, oldest first; nothing when there is none yet."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return [Taken(**row | {"at": datetime.fromisoformat(row["at"])}) for row in rows]


class FaultServer:
    """The server, while entered; entering gives itself, with `host` and `port`.

    `record` is a file that every taken message is appended to, flushed to the disk before the answer; `taken` has the
    same in memory. `always` are faults that hit everybody. `tls` offers STARTTLS, or speaks TLS from the first byte
    when `implicit`; `login` (user, password) are the only ones let in then. `pause` in seconds goes before the
    answer to every final dot, as if the relay was far away.
    """

    def __init__(
        self,
        record: Path | None = None,
        *,
        port: int = 0,
        always: Sequence[Fault] = (),
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        size_limit: int = 32 * 1024 * 1024,
        smtputf8: bool = True,
        pipelining: bool = True,
        pause: float = 0.0,
    ) -> None:
        self.host, self.port = HOST, port
        self.taken: list[Taken] = []
        self.connections = 0
        self.tls, self.implicit, self.login = tls, implicit, login
        self.size_limit, self.smtputf8, self.pause = size_limit, smtputf8, pause
        self.pipelining = pipelining
        self._record = record
        self.always = {fault.step: fault for fault in always}
        self._tried: set[tuple[str, str]] = set()
        self._open: set[_Conversation] = set()
        self._server: asyncio.Server | None = None

    @property
    def relay(self) -> Relay:
        """Where a sender finds it."""
        security = Security.NONE if self.tls is None else Security.TLS if self.implicit else Security.STARTTLS
        user, password = self.login or (None, None)
        return Relay(self.host, self.port, security, user, password)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        context = self.tls if self.implicit else None
        self._server = await loop.create_server(lambda: _Conversation(self), self.host, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for conversation in tuple(self._open):
            await conversation.end()
        await self._server.wait_closed()
        self._server = None

    def opened(self, conversation: _Conversation) -> None:
        """Note a connection; it comes twice where TLS begins in the middle."""
        self.connections += conversation not in self._open
        self._open.add(conversation)

    def closed(self, conversation: _Conversation) -> None:
        """Note that a connection is over."""
        self._open.discard(conversation)

    def fault(self, step: Step, recipient: str = "") -> Fault | None:
        """What goes wrong at `step` now, None when nothing does."""
        if step in self.always:
            return self.always[step]
        name = recipient.partition("@")[0].partition("+")[0].lower()
        name = f"{name}{ONCE}" if f"{name}{ONCE}" in FAULTS else name
        fault = FAULTS.get(name) or FAULTS.get(name.removesuffix(ONCE))
        if fault is None or fault.step is not step:
            return None
        if name.endswith(ONCE):
            if (name, recipient) in self._tried:
                return None
            self._tried.add((name, recipient))
        return fault

    async def take(self, recipients: Sequence[str], content: bytes) -> str:
        """Record a message for good; the name the queue gave it."""
        message_id = BytesHeaderParser(policy=policy.compat32).parsebytes(content).get("Message-ID", "")
        digest = hashlib.sha256(content).hexdigest()
        now = datetime.now(UTC)
        rows = [Taken(recipient, str(message_id), digest, len(content), now) for recipient in recipients]
        if self._record is not None:
            await asyncio.to_thread(_append, self._record, rows)
        self.taken += rows
        return f"Q{len(self.taken):07X}"

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str] | list[Fault]:
        session.host_name = hostname
        fault = self.fault(Step.EHLO)
        return [fault] if fault else [*responses[:-1], *(["250-PIPELINING"] if self.pipelining else []), responses[-1]]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | Fault:
        if fault := self.fault(Step.MAIL):
            return fault
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | Fault:
        fault = self.fault(Step.RCPT, address)
        if fault is None or fault.takes:
            envelope.rcpt_tos.append(address)
        return fault or "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str | Fault:
        fault = self.fault(Step.DOT, envelope.rcpt_tos[0])
        await asyncio.sleep(self.pause)
        if fault and not fault.takes:
            return fault
        name = await self.take(envelope.rcpt_tos, envelope.original_content or b"")
        return fault or f"250 2.0.0 Ok: queued as {name}"

    def lets_in(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, given: LoginPassword
    ) -> AuthResult:
        right = (given.login.decode(), given.password.decode()) == self.login
        return AuthResult(success=right, handled=False)


class _Conversation(SMTP):
    """One client's connection. Where it hands aiosmtpd a Fault for an answer, `push` does what the fault says."""

    def __init__(self, server: FaultServer) -> None:
        # Without a host name aiosmtpd asks the DNS for ours, and blocks the loop meanwhile.
        super().__init__(
            server,
            hostname="localhost",
            data_size_limit=server.size_limit,
            enable_SMTPUTF8=server.smtputf8,
            tls_context=None if server.implicit else server.tls,
            auth_required=server.login is not None,
            authenticator=server.lets_in,
            loop=asyncio.get_running_loop(),
        )
        # aiosmtpd knows of TLS only when it began it itself.
        self._auth_require_tls = not server.implicit
        self._faults = server
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._faults.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._faults.closed(self)

    async def end(self) -> None:
        """Close the connection and wait until the task that served it is over."""
        if isinstance(self.transport, asyncio.Transport):
            # Not close: TLS would wait for the other side to say goodbye. Before Python 3.11.5 a TLS transport that has
            # lost its connection meanwhile raises here.
            with suppress(AttributeError):
                self.transport.abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            await asyncio.wait([self._handler_coroutine])

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            status = self._faults.fault(Step.CONNECT) or status
        if not isinstance(status, Fault):
            await super().push(status)
            return
        await asyncio.sleep(status.wait)
        if status.reply is not None:
            await super().push(status.reply)
        if status.reply is None or status.reply.startswith("421"):
            self._writer.transport.abort()

    async def smtp_STARTTLS(self, arg: str) -> None:
        fault = self._faults.fault(Step.STARTTLS)
        await (self.push(fault) if fault else super().smtp_STARTTLS(arg))

    async def smtp_AUTH(self, arg: str) -> None:
        fault = self._faults.fault(Step.AUTH)
        await (self.push(fault) if fault else super().smtp_AUTH(arg))

    async def smtp_DATA(self, arg: str) -> None:
        fault = self._faults.fault(Step.DATA, self._recipient) if self._recipient else None
        if fault and fault.in_body:
            await self.push("354 Go on")
            await self._reader.readuntil()
        await (self.push(fault) if fault else super().smtp_DATA(arg))

    @property
    def _recipient(self) -> str:
        recipients = self.envelope.rcpt_tos if self.envelope else []
        return recipients[0] if recipients else ""


def _append(record: Path, rows: Sequence[Taken]) -> None:
    """One write for all, so that a reader of the file never sees half a line, and on the disk before it returns."""
    lines = "".join(json.dumps(asdict(row), default=datetime.isoformat) + "\n" for row in rows)
    handle = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, lines.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


async def _serve(record: Path, port: int, pause: float) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with FaultServer(record, port=port, pause=pause) as server:
        print(server.port, flush=True)  # noqa: T201 - who started us reads it
        await ending.wait()


def main() -> None:
    """The server as a process of its own."""
    parser = argparse.ArgumentParser(prog="fault_server", description="A failing SMTP server")
    parser.add_argument("--record", type=Path, required=True, metavar="FILE", help="where taken messages are noted")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="wait before answering a message")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.record, given.port, given.pause))


if __name__ == "__main__":
    main()
