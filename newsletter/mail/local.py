"""The local mailbox: a real SMTP server on this machine whose every message ends up in a Maildir.

It stands in where no relay is configured, so that the same path runs everywhere and no stranger is mailed by accident.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path
from types import TracebackType

from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.errors import RelayError
from newsletter.mail.relay import Relay, Security

HOST = "127.0.0.1"
_FOLDERS = ("tmp", "new", "cur")
_count = itertools.count(1)


class LocalMailbox:
    """An SMTP server on a free loopback port while entered; entering gives its `Relay`.

    What it accepts lies in the Maildir `folder`, flushed to the disk before the 250: exactly the bytes received, with
    the line ends of the file system and no header added. A disk that refuses makes it answer 452, so that the delivery
    is tried again. Raises RelayError when the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._conversations: set[_Conversation] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Relay:
        try:
            for name in ("", *_FOLDERS):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RelayError(
                f"The local mailbox {self._folder} cannot be made ({error.strerror}): set state_dir to a folder that "
                "can be written, or smtp.host to a relay"
            ) from error
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Conversation(self, self._conversations), HOST, 0)
        return Relay(HOST, self._server.sockets[0].getsockname()[1], Security.NONE)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for conversation in tuple(self._conversations):
            await conversation.end()
        await self._server.wait_closed()
        self._server = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """What aiosmtpd calls with a whole message; the answer to the final dot."""
        content: bytes = envelope.original_content or b""
        try:
            await asyncio.to_thread(_store, self._folder, _file_name(), content.replace(b"\r\n", b"\n"))
        except OSError as error:
            return f"452 4.3.1 {self._folder} cannot be written: {error.strerror}"
        return "250 2.0.0 stored"


def messages(folder: Path) -> list[bytes]:
    """The messages in the Maildir `folder`, read or not, oldest first; none when there is no such folder."""
    files = [file for name in ("new", "cur") for file in (folder / name).glob("*")]
    return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]


class _Conversation(SMTP):
    """One client's connection, which can be ended so that nothing of it is left in the loop."""

    def __init__(self, mailbox: LocalMailbox, open_ones: set[_Conversation]) -> None:
        # Without a host name aiosmtpd asks the DNS for ours, and blocks the loop meanwhile.
        super().__init__(mailbox, enable_SMTPUTF8=True, hostname="localhost", loop=asyncio.get_running_loop())
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open_ones.discard(self)

    async def end(self) -> None:
        """Close the connection and wait until the task that served it is over."""
        if self.transport is not None:
            self.transport.close()  # which cancels the task
        if self._handler_coroutine is not None:
            await asyncio.wait([self._handler_coroutine])


def _file_name() -> str:
    """A Maildir name, unique on this machine and ascending: seconds, microseconds, process, count."""
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{seconds}.M{microseconds:06}P{os.getpid()}Q{next(_count)}.localhost"


def _store(folder: Path, name: str, content: bytes) -> None:
    """Write a message whole or not at all: into `tmp`, flushed, then moved into `new` (the Maildir protocol)."""
    draft = folder / "tmp" / name
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder / "new" / name)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _flush_folder(folder / "new")


def _flush_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
