"""A real SMTP server that follows a script, for the tests of everything that talks to a relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.mail.smtp import Relay, Security, SmtpMailer, Timeouts
from newsletter.model import Message, Outcome

HOST = "127.0.0.1"
CONTENT = b"Subject: hello\r\n\r\n.\r\n..two\r\n.lead\r\n" + b"x" * 998 + b"\r\nend\r\n"
MESSAGE = Message("<1@papers.example.org>", "news@papers.example.org", "ann@example.org", CONTENT, 0)
IMPATIENT = Timeouts(0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
DROP, HANG, SLOW = "drop", "hang", "slow"
DOT, BODY = ".", "body"

Answer = str | bytes
"""A reply, raw bytes instead of one, or DROP, HANG, SLOW."""


@dataclass
class Script:
    """What a relay answers at each step (once, then as usual), what it always answers, and what it saw."""

    answers: dict[str, Answer] = field(default_factory=dict)
    always: dict[str, Answer] = field(default_factory=dict)
    pause: float = 0  # seconds before each final answer
    seen: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    connections: int = 0
    goodbyes: int = 0
    open: set[object] = field(default_factory=set)
    most_open: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    drop_now: Callable[[], None] = lambda: None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.seen.append(DOT)
        content, sender = envelope.original_content, envelope.mail_from
        assert content is not None
        assert sender is not None
        await asyncio.sleep(self.pause)
        answer = await self.play(DOT, server)
        if answer is not None:
            return answer
        self.contents.append(content)
        self.envelopes.append((sender, envelope.rcpt_tos, envelope.mail_options))
        return "250 2.0.0 Ok: queued as 42"

    async def play(self, step: str, server: SMTP) -> str | None:
        """The answer that the script has for `step`; None when the usual one is due."""
        answer = self.answers.pop(step, self.always.get(step))
        assert isinstance(server.transport, asyncio.Transport)
        if answer == SLOW:
            await asyncio.sleep(0.1)
            return None
        if isinstance(answer, str) and answer not in (DROP, HANG):
            return answer
        if answer is not None:
            if isinstance(answer, bytes):
                server.transport.write(answer)
            elif answer == DROP:
                server.transport.abort()
            self.hanging.set()
            await asyncio.sleep(60)  # ended when the connection is
        return None


class ScriptedRelay(SMTP):
    """aiosmtpd with a script."""

    def __init__(self, script: Script, **options: Any) -> None:
        super().__init__(script, hostname="relay.example.org", loop=asyncio.get_running_loop(), **options)
        self.script = script

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:  # it is made a second time after STARTTLS
            self.script.connections += 1
            self.script.open.add(self)
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self.script.drop_now = transport.abort

    def connection_lost(self, error: Exception | None) -> None:
        self.script.open.discard(self)
        super().connection_lost(error)

    async def _or_as_usual(self, step: str, usual: Callable[[Any], Any], argument: Any) -> None:
        self.script.seen.append(step)
        # Counted here and not when a connection is made: by now every older one that was closed is known to be.
        self.script.most_open = max(self.script.most_open, len(self.script.open))
        answer = await self.script.play(step, self)
        if answer is not None:
            await self.push(answer)
        else:
            await usual(argument)

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._or_as_usual("EHLO", super().smtp_EHLO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        await self._or_as_usual("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:
        await self._or_as_usual("AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._or_as_usual("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._or_as_usual("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:
        if BODY in self.script.answers:
            await self.push("354 go on")
            assert self._reader is not None
            await self._reader.readline()
            await self.script.play(BODY, self)
        await self._or_as_usual("DATA", super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:
        await self._or_as_usual("RSET", super().smtp_RSET, arg)

    async def smtp_QUIT(self, arg: str) -> None:
        self.script.goodbyes += 1
        await super().smtp_QUIT(arg)


@asynccontextmanager
async def listening(conversation: Callable[[], asyncio.BaseProtocol], **options: Any) -> AsyncIterator[int]:
    """The port of a server whose conversations are over, tasks and all, when the block is left."""
    before = asyncio.all_tasks()
    server = await asyncio.get_running_loop().create_server(conversation, HOST, 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in (left := asyncio.all_tasks() - before):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def nothing() -> None:
    pass


@asynccontextmanager
async def mailing(script: Script, timeouts: Timeouts | None = None, **options: Any) -> AsyncIterator[SmtpMailer]:
    """A mailer that talks in clear to a scripted relay."""
    async with (
        listening(lambda: ScriptedRelay(script, **options)) as port,
        SmtpMailer(Relay(HOST, port, Security.NONE), timeouts=timeouts) as mailer,
    ):
        yield mailer


async def send(mailer: SmtpMailer, message: Message = MESSAGE) -> tuple[Outcome, bool]:
    """The outcome, and whether we were told that DATA is next."""
    told = False

    async def before_data() -> None:
        nonlocal told
        told = True

    return await mailer.send(message, before_data), told
