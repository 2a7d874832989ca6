"""What was measured, and on which day: the only place of the figures that capacity is reckoned from. Pure.

Whoever measures anew writes it here, and `newsletter plan-capacity` and the table of docs/scaling.md follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Signing(StrEnum):
    """Who signs the messages, and how: the relay (none here), or the sender with one of two keys."""

    NONE = "none"
    ED25519 = "ed25519"
    RSA = "rsa"


@dataclass(frozen=True, slots=True)
class Sender:
    """What one sending process does: seconds of CPU a message, and messages a second."""

    cpu: float
    rate: float


@dataclass(frozen=True, slots=True)
class Engine:
    """What one message costs a database, from being planned to being settled.

    `partitioned` tells that each day is a table of its own. `rows` are written, and `log` bytes of write-ahead log;
    `flushed` bytes more are a transaction's (SQLite logs whole pages, which messages of one transaction share). `row`
    and `reader` are bytes of a delivery and of a subscriber on disk, with their indexes. `rate` is the most messages a
    second that were seen to pass through its one writer (infinite: it has many, and its cores decide), `cpu` the
    server's seconds of CPU a message (0: it has none, the sender's process does the work), `planned` the rows that one
    process plans a second, `connections` those of one process.
    """

    name: str
    partitioned: bool
    rows: float
    row: float
    reader: float
    log: float
    flushed: float
    rate: float
    planned: float
    cpu: float
    connections: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a machine: by how messages are signed, what a process does; `answered` and `pipelined` are the replies
    that a connection waits for with each message, `between` the seconds that it takes beyond them; `message` and
    `memory` are bytes of one message and of one process; `gathering` is the seconds between two transactions of one
    process, if there are more to be written than one."""

    senders: Mapping[Signing, Sender]
    pipelined: int
    answered: int
    between: float
    message: int
    memory: float
    gathering: float
    sqlite: Engine
    postgresql: Engine


MEASURED = Measured(
    # docs/performance.md, Throughput: 20,000 readers, 10 connections, the ledger in SQLite, smtp-sink on the same two
    # cores, 2026-11-22.
    senders={
        Signing.NONE: Sender(cpu=0.000360, rate=2450),
        Signing.ED25519: Sender(cpu=0.000506, rate=1890),
        Signing.RSA: Sender(cpu=0.000737, rate=1326),
    },
    # docs/performance.md, Latency, 10 connections and 10 ms a reply: 850 messages a second with one reply to wait for
    # (RFC 2920), 223 with four (MAIL, RCPT, DATA and the message; RFC 5321 section 3.3), 2026-11-22.
    pipelined=1,
    answered=4,
    between=10 / 850 - 0.010,
    # docs/performance.md: Throughput, 12 papers; Scaling, the most that a run of 1,000,000 readers had, 2026-11-22.
    message=55_300,
    memory=213e6,
    # newsletter/store/group.py: GATHERING, which is set and not measured.
    gathering=0.003,
    # benchmarks/footprint.py, 100,000 readers, 10 connections: 9,930 bytes of log and 0.103 transactions a message. How
    # much a transaction adds: 20,000 readers with 10 connections (9,257 and 0.103) and with one (26,057 and 1.147).
    # The rate: docs/performance.md, Throughput, 50 connections, the most that was tried. Planned: Scaling, 1,000,000 in
    # 24.7 s. All 2026-11-22.
    sqlite=Engine(
        name="SQLite",
        partitioned=False,
        rows=4.0,
        row=379,
        reader=231,
        log=8_270,
        flushed=16_100,
        rate=3_023,
        planned=40_500,
        cpu=0.0,
        connections=2,
    ),
    # Provisional, 2026-11-22: the same columns and indexes, partitioned by day, on PostgreSQL 18.4 as it is shipped but
    # with a checkpoint each 30 s; 100,000 messages through one session with statements like the ledger's, 15 messages a
    # transaction, no sender beside it. `cpu` is of all the server's processes; `flushed` is an estimate.
    # Not provisional, 2026-11-22, on the same two cores: planned is benchmarks/ledger.py, 1,000,000 readers in 42.8 s.
    # One worker had 7 connections at its peak, and `connections` has one to spare: a pool of 5, and 2 in a rush, one
    # for what is written at once, up to 4 of the queue's (Procrastinate), not all of them at the same time.
    postgresql=Engine(
        name="PostgreSQL",
        partitioned=True,
        rows=4.0,
        row=549,
        reader=328,
        log=3_110,
        flushed=100,
        rate=math.inf,
        planned=23_400,
        cpu=0.000182,
        connections=8,
    ),
)
