"""Messages a second to a relay far away, against connections: this project, plain aiosmtplib, Postfix's smtp-source.

    python benchmarks/latency.py [--delays 10,50] [--connections 1,10,50] [--seconds 2] [--rounds 3]

Postfix's smtp-sink takes the mail, at the other end of a wire on which every answer is that many milliseconds under way
(benchmarks/relays.py). A message is 44 kB. The three take turns in every round; a figure is the median of the rounds, a
ratio the median of the ratios within a round. None of the times holds the opening of connections: aiosmtplib and this
project have them open before the clock starts, smtp-source's are taken off as so many answers.

This project begins with five connections and adds one for every twenty messages that are accepted, so it sends until it
uses all of them before its clock starts. Plain aiosmtplib is one client a connection and `sendmail` for each message.
The limit that the project set itself: four times plain aiosmtplib with 50 connections and 10 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiosmtplib import SMTP
from relays import HOST, delayed, sink, smtp_source

from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.model import Message, State

SIZE = 44_000
SENDER, RECIPIENT = "papers@example.org", "reader@example.org"
LIMIT, LIMIT_CONNECTIONS, LIMIT_MILLISECONDS = 4.0, 50, 10
ANSWERS = 4  # to MAIL, RCPT, DATA and the final dot: the round trips of who waits for each
GREETINGS = 2  # the 220 and the answer to HELO
WARMING = 25  # messages for each connection, until all of them are in use


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second, and the sender's milliseconds of CPU for each."""

    messages: float
    cpu: float


def content() -> bytes:
    """A message of SIZE bytes, some of whose lines begin with a dot, as those of quoted-printable texts do."""
    head = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: Papers\r\n\r\n".encode()
    lines = [b".leading dot\r\n", *[b"x" * 74 + b"\r\n"] * 40]
    body = b"".join(lines) * (SIZE // sum(map(len, lines)) + 1)
    return head + body[: SIZE - len(head) - 2] + b"\r\n"


async def sent_by_aiosmtplib(port: int, connections: int, seconds: float) -> Rate:
    """The way of its documentation: connect, then `sendmail` for each message."""
    body = content()
    clients = [SMTP(hostname=HOST, port=port, local_hostname="localhost", start_tls=False) for _ in range(connections)]
    await asyncio.gather(*(client.connect() for client in clients))

    def sender(client: SMTP) -> Callable[[], Awaitable[object]]:
        return lambda: client.sendmail(SENDER, [RECIPIENT], body)

    rate = await measured([sender(client) for client in clients], seconds)
    await asyncio.gather(*(client.quit() for client in clients))
    return rate


async def sent_by_pool(port: int, connections: int, seconds: float) -> Rate:
    """This project's mailer, with messages that are ready and nothing to write down before DATA."""
    plain = content()
    wire = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in plain.split(b"\r\n")) + b".\r\n"
    message = Message("<1@example.org>", SENDER, RECIPIENT, plain, SIZE, wire)
    relay = Relay(HOST, port, Security.NONE)

    async def nothing_to_write() -> None:
        pass

    async with Pool(relay, "localhost", connections=connections, messages_per_connection=sys.maxsize) as pool:
        accepted = 0

        async def send() -> None:
            nonlocal accepted
            outcome = await pool.send(message, nothing_to_write)
            if outcome.state is not State.ACCEPTED:
                raise SystemExit(f"the relay did not accept: {outcome}")
            accepted += 1

        senders = [send] * pool.most
        while accepted < WARMING * connections:
            await measured(senders, 0.2)
        return await measured(senders, seconds)


async def measured(senders: list[Callable[[], Awaitable[object]]], seconds: float) -> Rate:
    """Each of `senders` called again and again, next to each other, for `seconds`; what was begun is finished."""
    sent, end = 0, time.perf_counter() + seconds

    async def keep_sending(send: Callable[[], Awaitable[object]]) -> None:
        nonlocal sent
        while time.perf_counter() < end:
            await send()
            sent += 1

    begun, cpu = time.perf_counter(), cpu_seconds()
    await asyncio.gather(*(keep_sending(send) for send in senders))
    return Rate(sent / (time.perf_counter() - begun), 1000 * (cpu_seconds() - cpu) / sent)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sent_by_smtp_source(port: int, connections: int, seconds: float, milliseconds: float) -> Rate:
    """As many messages as it gets through in about `seconds`; waiting for answers is all it does."""
    messages = max(connections, round(connections * seconds / (ANSWERS * milliseconds / 1000)))
    taken, cpu = smtp_source(port, messages, connections, SIZE)
    return Rate(messages / (taken - GREETINGS * milliseconds / 1000), 1000 * cpu / messages)


def run(coroutine: Awaitable[Rate]) -> Rate:
    """On uvloop where it is installed, as the commands do; both senders in Python alike."""
    try:
        from uvloop import run as on_loop
    except ImportError:
        from asyncio import run as on_loop
    rate: Rate = on_loop(coroutine)
    return rate


def row(milliseconds: float, connections: int, rounds: list[tuple[Rate, Rate, Rate]]) -> str:
    """One line of the table."""
    rates = [statistics.median(rate.messages for rate in rates) for rates in zip(*rounds, strict=True)]
    cpus = [statistics.median(rate.cpu for rate in rates) for rates in zip(*rounds, strict=True)]
    to_source = statistics.median(ours.messages / source.messages for source, _, ours in rounds)
    to_plain = statistics.median(ours.messages / plain.messages for _, plain, ours in rounds)
    limit = ""
    if (milliseconds, connections) == (LIMIT_MILLISECONDS, LIMIT_CONNECTIONS):
        limit = f">= {LIMIT:.0f}: {'holds' if to_plain >= LIMIT else 'MISSED'}"
    figures = "".join(f"{rate:>10.0f}{cpu:>7.3f}" for rate, cpu in zip(rates, cpus, strict=True))
    return f"{milliseconds:>5g}{connections:>8}{figures}{to_source:>11.2f}{to_plain:>12.2f}  {limit}".rstrip() + "\n"


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--delays", type=numbers, default=[10, 50, 100], help="milliseconds of each answer")
    arguments.add_argument("--connections", type=numbers, default=[10, 50, 200])
    arguments.add_argument("--seconds", type=float, default=1.5, help="for each sender and round")
    arguments.add_argument("--rounds", type=int, default=1)
    given = arguments.parse_args()
    titles = "".join(f"{name:>10}{'CPU':>7}" for name in ("source", "plain", "ours"))
    sys.stdout.write(
        "messages a second, and the sender's ms of CPU a message; source: smtp-source -d; plain: aiosmtplib\n"
        f"{'ms':>5}{'connect.':>8}{titles}{'of source':>11}{'times plain':>12}\n"
    )
    for milliseconds, connections in itertools.product(given.delays, given.connections):
        rounds = []
        with sink() as near, delayed(near, milliseconds) as port:
            for _ in range(given.rounds):
                source = sent_by_smtp_source(port, connections, given.seconds, milliseconds)
                plain = run(sent_by_aiosmtplib(port, connections, given.seconds))
                rounds.append((source, plain, run(sent_by_pool(port, connections, given.seconds))))
        sys.stdout.write(row(milliseconds, connections, rounds))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
