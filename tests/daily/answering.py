"""A relay that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiosmtpd.smtp import SMTP, Envelope, Session
from world import World


class Answering:
    """A real SMTP server whose answers to RCPT and to the final dot the test decides."""

    def __init__(self, rcpt: str = "250 ok", dot: str = "250 2.0.0 Ok: queued as 4F2A1C0D3E", delay: float = 0) -> None:
        self.rcpt, self.dot, self.delay = rcpt, dot, delay
        self.taken: list[tuple[str, str, bytes]] = []
        self.begun = asyncio.Event()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: object
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.delay)
        if self.dot.startswith("250"):
            content = bytes(envelope.original_content or b"")
            self.begun.set()
            self.taken.append((str(envelope.mail_from), envelope.rcpt_tos[0], content))
        return self.dot


@asynccontextmanager
async def relay(world: World, answers: Answering) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(answers, hostname="test", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    smtp = world.configuration.settings.smtp.model_copy(update={"host": "127.0.0.1", "port": port, "security": "none"})
    world.settings(smtp=smtp)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
