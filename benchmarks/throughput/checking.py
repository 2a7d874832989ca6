"""Whether what was measured is what was promised: the ledger's books, and every byte on the wire."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from running import SESSIONS, variables

from newsletter.assembly import DATABASE, opened_daily
from newsletter.model import State
from newsletter.settings import load
from newsletter.store import Store

_MOST = 4_000_000  # bytes of a message


def settled(folder: Path, messages: int) -> None:
    """Raises SystemExit unless the ledger of that installation adds up, with all `messages` accepted."""
    asyncio.run(_settled(folder, messages))


async def _settled(folder: Path, messages: int) -> None:
    async with await Store.open(f"sqlite:///{folder / 'var' / DATABASE}") as store:
        balanced, counts = await store.ledger.balanced(), await store.ledger.counts()
    found = {state: number for state, number in counts.items() if number}
    if not balanced or found != {State.ACCEPTED: messages}:
        raise SystemExit(f"the ledger says {found}, balanced: {balanced}; {messages} should be accepted")


def identical(folder: Path, day: date, sample: int, dkim: Mapping[str, str]) -> float:
    """Send the installation's messages, signed as `dkim` sets it, to a receiver that keeps them, and hold `sample` of
    them against what composing one by one makes. Returns the mean size of a message in bytes.

    Raises SystemExit when there is a difference, or when anybody got none, or two.
    """
    return asyncio.run(_identical(folder, day, sample, dkim))


async def _identical(folder: Path, day: date, sample: int, dkim: Mapping[str, str]) -> float:
    async with opened_daily(load(folder, {"dkim": dkim})) as daily:
        readers = await daily.store.subscribers.all()
        chosen = readers[:: max(1, len(readers) // sample)]
        expected = {reader.address: (await daily.preview(reader, day)).message.content for reader in chosen}
    taken: dict[str, list[bytes]] = {}
    server = await asyncio.start_server(lambda i, o: _converse(i, o, taken), "127.0.0.1", 0, limit=_MOST)
    async with server:
        smtp = {"port": str(server.sockets[0].getsockname()[1]), "connections": str(SESSIONS)}
        ours = str(Path(__file__).with_name("ours.py"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, ours, str(folder), day.isoformat(), os.devnull),
            env=os.environ | variables(smtp=smtp, dkim=dkim),
            stdout=asyncio.subprocess.DEVNULL,
        )
        if await process.wait():
            raise SystemExit("the run whose messages were to be looked at failed; what it said stands above")
    await _settled(folder, len(readers))
    if set(taken) != {reader.address for reader in readers} or any(len(copies) != 1 for copies in taken.values()):
        raise SystemExit("not every reader got exactly one message")
    if wrong := [address for address, content in expected.items() if taken[address] != [content]]:
        raise SystemExit(
            f"{len(wrong)} of {len(expected)} messages are not what composing one by one makes: {wrong[0]}"
        )
    return sum(len(copies[0]) for copies in taken.values()) / len(taken)


async def _converse(
    incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter, taken: dict[str, list[bytes]]
) -> None:
    """A receiver of RFC 5321 that offers PIPELINING and takes everything."""
    outgoing.write(b"220 ready\r\n")
    recipient = ""
    while line := await incoming.readline():
        command = line[:4].upper()
        if command == b"EHLO":
            outgoing.write(b"250-ready\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 4000000\r\n")
        elif command == b"DATA":
            outgoing.write(b"354 go on\r\n")
            await outgoing.drain()
            wire = b"\r\n" + (await incoming.readuntil(b"\r\n.\r\n"))[: -len(b".\r\n")]
            # Section 4.5.2: the first of two dots at the start of a line is no part of the message.
            taken.setdefault(recipient, []).append(wire.replace(b"\r\n..", b"\r\n.")[2:])
            outgoing.write(b"250 taken\r\n")
        elif command == b"QUIT":
            outgoing.write(b"221 bye\r\n")
            break
        else:
            if command == b"RCPT":
                recipient = line.split(b"<")[1].split(b">")[0].decode()
            outgoing.write(b"250 ok\r\n")
        await outgoing.drain()
    outgoing.close()
