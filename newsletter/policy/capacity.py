"""What a day of so many readers takes, and where it stops: arithmetic on measured figures, each answer with its reason.

Everything here is in proportion to the messages a second, so each limit is also a number of readers: the one with the
fewest is met first. Seconds, bytes and bits throughout; sizes are decimal (1 kB is 1,000 bytes).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from newsletter.policy.measured import MEASURED, Engine, Measured, Signing

DAY = 86_400.0
PEOPLE = 10_000_000_000
"""More readers than there are people."""

LEAST = 1e-9
"""The least share of readers that is reckoned with: one in a billion."""

HEADROOM = 0.7
"""The share of what was measured that a plan counts on. Waiting grows with 1/(1 - share) (the M/M/1 queue; Kleinrock,
Queueing Systems I, section 3.2): at 0.7 it is three times that of an idle machine, at 0.95 twenty times. And it leaves
room for a worker that dies, and for what is sent once more."""

WIRE = 1538 / 1448
"""Bytes on an Ethernet for each of ours: a frame of 1,538 (IEEE 802.3: 1,500 and 38 of preamble, header, check and gap)
carries 1,448 beside the headers of IPv4 and TCP with timestamps (RFC 791, RFC 9293, RFC 7323)."""

RELAY_CONNECTIONS = 200
"""What `smtp.connections` may be at the most. Postfix, as it is shipped, takes 50 from one client
(`smtpd_client_connection_count_limit`) and 100 in all (`default_process_limit`): ask the relay's operator."""

NETWORK = 1e9
"""Bits a second of the line to the relay: gigabit Ethernet."""

SQLITE_FILE = 100e9
"""Bytes beyond which one file is no good home for the ledger: days are deleted from it row by row, and a copy of it
reads it whole, some ten minutes at 200 MB/s. (SQLite itself goes up to 281 TB, https://www.sqlite.org/limits.html.)"""

POSTGRESQL_CONNECTIONS = 97
"""Connections that PostgreSQL takes as it is shipped: `max_connections` 100, less 3 that are the superuser's."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked: so many `subscribers`, of whom the share `due` gets a message within `window` seconds a day.

    The relay takes `relay_latency` seconds for each reply, and offers PIPELINING or not; `message` is a message's size
    in bytes. `domain_pace` messages a second may go to one recipient domain (0: as many as one likes), and the largest
    one has the share `domain_share` of the readers. The ledger keeps `keep` days. A machine has `cores`.

    Raises ValueError, one sentence, for what cannot be.
    """

    subscribers: int
    window: float
    due: float = 1.0
    relay_latency: float = 0.05
    pipelining: bool = True
    message: int = MEASURED.message
    signing: Signing = Signing.RSA
    domain_pace: float = 0.0
    domain_share: float = 0.3
    keep: int = 90
    cores: int = 8

    def __post_init__(self) -> None:
        for allowed, sentence in (
            (1 <= self.subscribers <= PEOPLE, f"there must be one subscriber at least, and at most {PEOPLE:,}"),
            (1 <= self.window <= DAY, "the window must be one second (1s) at least, and at most a day (24h)"),
            (LEAST <= self.due <= 1, f"the share of readers who are due must be from {LEAST:g} to 1"),
            (0 <= self.relay_latency <= 600, "the relay's latency must be from 0 ms to ten minutes (600000)"),
            (1 <= self.message <= 1e9, "a message must have one byte at least, and at most 1 GB"),
            (0 <= self.domain_pace <= 1e9, "the pace to one domain must be from 0 to a billion a second"),
            (LEAST <= self.domain_share <= 1, f"the share of the largest domain must be from {LEAST:g} to 1"),
            (1 <= self.keep <= 36_500, "the ledger must keep one day at least, and at most a hundred years"),
            (1 <= self.cores <= 10_000, "a machine must have one core at least, and at most 10,000"),
        ):
            if not allowed:
                raise ValueError(sentence)

    @property
    def messages(self) -> int:
        """Messages a day."""
        return _whole(self.subscribers * self.due)

    @property
    def rate(self) -> float:
        """Messages a second, in the window."""
        return self.messages / self.window


@dataclass(frozen=True, slots=True)
class Need:
    """So much of something, and why. `unit` is empty for what is counted."""

    amount: float
    unit: str
    because: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that bears `subscribers` and no more, why, and what to change `then`; `reached` if they are more."""

    what: str
    subscribers: int
    reached: bool
    because: str
    then: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What `load` needs, by name; the engine of the database, and why; the limits, that of the fewest readers first."""

    load: Load
    needs: Mapping[str, Need]
    engine: str
    because: str
    limits: tuple[Limit, ...]


def plan(load: Load, measured: Measured = MEASURED) -> Plan:
    """The plan for `load`, on machines like the one that was `measured`."""
    limits = tuple(sorted(_limits(load, measured), key=lambda one: one.subscribers))
    first = next(one for one in limits if one.what in _OF_ONE_MACHINE)
    engine = measured.postgresql if first.reached else measured.sqlite
    verdict = "does not suffice: its" if first.reached else "suffices: its first"
    because = f"SQLite on one machine {verdict} limit is {first.what}, {first.because}"
    return Plan(load, {**_sending(load, measured), **_storing(load, measured, engine)}, engine.name, because, limits)


def in_flight(load: Load, measured: Measured = MEASURED) -> float:
    """Seconds for which a message occupies a connection: the replies that are waited for, and what was measured beside
    them. With PIPELINING (RFC 2920) the commands of the next message go out behind this one: one reply is left."""
    replies = measured.pipelined if load.pipelining else measured.answered
    return replies * load.relay_latency + measured.between


def _sending(load: Load, measured: Measured) -> dict[str, Need]:
    """What the senders need.

    Connections are by Little's law, L = lambda W (J. D. C. Little, Operations Research 9, 1961, p. 383-387): messages
    under way are messages a second times the seconds that each is under way. Cores are the same law, with the seconds
    of CPU; both with headroom.
    """
    rate, sender, flight = load.rate, measured.senders[load.signing], in_flight(load, measured)
    processes = _whole(rate / (HEADROOM * sender.rate))
    cores = _whole(rate * sender.cpu / HEADROOM)
    connections = _whole(rate * flight / HEADROOM)
    bits = rate * _bits(load)
    relays = max(_whole(connections / RELAY_CONNECTIONS), _whole(bits / (HEADROOM * NETWORK)))
    machines = _whole(cores / load.cores)
    spare = f"{HEADROOM:.0%}"
    return {
        "messages": Need(load.messages, "a day", f"{load.subscribers:,} readers, {_percent(load.due)} of them due"),
        "rate": Need(rate, "/s", f"{load.messages:,} in {load.window:,.0f} s"),
        "processes": Need(
            processes, "", f"one sends {sender.rate:,.0f}/s (signing: {load.signing}); {spare} counted on"
        ),
        "cores": Need(cores, "", f"{sender.cpu * 1e3:.2f} ms of CPU a message, {spare} of a core counted on"),
        "machines": Need(machines, "", f"of {load.cores} cores"),
        "memory": Need(
            processes * measured.memory, "B", f"{measured.memory / 1e6:.0f} MB a process, whatever the readers"
        ),
        "connections": Need(
            connections,
            "",
            f"Little's law: {rate:,.1f}/s, each {flight * 1e3:.1f} ms under way "
            f"({'pipelined' if load.pipelining else 'not pipelined'}); {spare} counted on",
        ),
        "relays": Need(
            relays, "", f"{RELAY_CONNECTIONS} connections and {spare} of {NETWORK / 1e9:.0f} Gbit/s for each"
        ),
        "bandwidth": Need(bits, "bit/s", f"messages of {load.message / 1e3:.1f} kB, and {WIRE - 1:.0%} for TCP and IP"),
    }


def _storing(load: Load, measured: Measured, engine: Engine) -> dict[str, Need]:
    """What the database needs: each is a figure of one message, times messages, or messages a second.

    Transactions are at their most: `store/group.py` writes a mark that comes alone at once, and those that come while
    one is being written together, after a moment of gathering.
    """
    rate, messages = load.rate, load.messages
    processes = _whole(rate / (HEADROOM * measured.senders[load.signing].rate))
    changes = engine.rows - 1
    transactions = min(_MARKS * rate, processes / measured.gathering)
    day = messages * engine.row
    return {
        "rows": Need(messages, "a day", "one delivery for each message"),
        "planning": Need(messages / engine.planned, "s", f"one process plans {engine.planned:,.0f} rows a second"),
        "writes": Need(rate * changes, "/s", f"{changes:g} changes of a row a message: claimed, begun, settled"),
        "transactions": Need(
            transactions,
            "/s",
            f"at most: two a message, and a process gathers for {measured.gathering * 1e3:g} ms",
        ),
        "log": Need(
            rate * engine.log + transactions * engine.flushed,
            "B/s",
            f"{engine.log:,} bytes of write-ahead log a message, {engine.flushed:,} a transaction",
        ),
        "day": Need(day, "B", f"{engine.row:,.0f} bytes a delivery, with its indexes"),
        "kept": Need(
            load.keep * day + load.subscribers * engine.reader,
            "B",
            f"{load.keep} days, and {engine.reader:,.0f} bytes a reader",
        ),
        "partitions": Need(
            load.keep if engine.partitioned else 0,
            "",
            "one for each day that is kept" if engine.partitioned else "old days are deleted row by row",
        ),
        "sessions": Need(
            processes * engine.connections, "", f"{engine.connections} for each of {processes:,} processes"
        ),
        "server": Need(
            _whole(rate * engine.cpu / HEADROOM),
            "",
            f"{engine.cpu * 1e3:.2f} ms of the server's CPU a message" if engine.cpu else "the senders' own do it",
        ),
    }


def _limits(load: Load, measured: Measured) -> Iterator[Limit]:
    """Every limit, as the readers that it bears in this window."""
    sender, flight = measured.senders[load.signing], in_flight(load, measured)
    sqlite, postgresql = measured.sqlite, measured.postgresql

    def by_rate(what: str, rate: float, because: str, then: str) -> Limit:
        bears = math.floor(round(rate * load.window / load.due, 6))
        return Limit(what, bears, load.subscribers > bears, f"{rate:,.0f}/s ({because})", then)

    spare = f"{HEADROOM:.0%} of"
    yield by_rate(
        "one sending process",
        HEADROOM * sender.rate,
        f"{spare} {sender.rate:,.0f}",
        f"more of them: delivery.processes, up to the machine's {load.cores} cores",
    )
    yield by_rate(
        _CORES,
        HEADROOM * load.cores / sender.cpu,
        f"{spare} {load.cores}, {sender.cpu * 1e3:.2f} ms a message",
        f"{postgresql.name}, and `newsletter worker` on more machines",
    )
    yield by_rate(
        _WRITER,
        HEADROOM * sqlite.rate,
        f"{spare} the {sqlite.rate:,.0f} that were measured",
        f'{postgresql.name}: database.url = "postgresql+psycopg://..."',
    )
    bears = math.floor(SQLITE_FILE / (load.keep * load.due * sqlite.row + sqlite.reader))
    yield Limit(
        _FILE,
        bears,
        load.subscribers > bears,
        f"{SQLITE_FILE / 1e9:.0f} GB with {load.keep} days",
        f"keep fewer days, or {postgresql.name}, where a day is a partition that is dropped",
    )
    yield by_rate(
        "one relay's connections",
        HEADROOM * RELAY_CONNECTIONS / flight,
        f"{spare} {RELAY_CONNECTIONS}, {flight * 1e3:.1f} ms each",
        "several relays, with weights"
        if load.pipelining
        else "a relay that offers PIPELINING, or several, with weights",
    )
    yield by_rate(
        "one relay's line",
        HEADROOM * NETWORK / _bits(load),
        f"{spare} {NETWORK / 1e9:.0f} Gbit/s",
        "several relays, each at a line of its own; or smaller messages",
    )
    yield by_rate(
        f"{postgresql.name}'s connections",
        POSTGRESQL_CONNECTIONS // postgresql.connections * HEADROOM * sender.rate,
        f"{POSTGRESQL_CONNECTIONS}, {postgresql.connections} a process",
        "raise max_connections",
    )
    yield by_rate(
        f"{postgresql.name}'s cores",
        HEADROOM * min(load.cores / postgresql.cpu, postgresql.rate),
        f"{spare} {load.cores}, {postgresql.cpu * 1e3:.2f} ms a message",
        "a larger machine for the database, or an installation for each part of the readers",
    )
    if load.domain_pace:
        yield by_rate(
            "the pace to one domain",
            load.domain_pace / load.domain_share,
            f"{load.domain_pace:g}/s to a domain that {_percent(load.domain_share)} read at",
            "a longer window: nothing of ours can change what a receiver takes",
        )


_MARKS = 2
"""Transactions of a message that shares none: before DATA, and after the relay's answer (docs/delivery.md)."""

_CORES, _WRITER, _FILE = "one machine's cores", "SQLite's one writer", "SQLite's one file"
_OF_ONE_MACHINE = frozenset({_CORES, _WRITER, _FILE})
"""The limits that only another database lifts."""


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _bits(load: Load) -> float:
    """Bits on the wire for one message."""
    return 8 * load.message * WIRE


def _whole(amount: float) -> int:
    """So many that `amount` has room in them; what is only a computer's rounding asks for no further one."""
    return math.ceil(round(amount, 9))
