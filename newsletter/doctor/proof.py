"""The proof: a real sender, killed at random, and both books compared.

    a fresh installation, its readers imported     ->  the shipped topics and papers, nothing of yours
    the failing server as a process of its own     ->  its record says what was taken, and of which bytes
    N times: `newsletter run`, SIGKILL at a random moment, the ledger looked at as the kill left it
    at last: `newsletter run` until it ends by itself
    the record against the ledger                  ->  lost, doubled, unknown, balanced

SMTP has a moment that nobody can see into: the relay has the message and its answer is not recorded yet (RFC 1047).
A kill there leaves at most one message per open connection, because each of them waits until its answer is durable
before it takes the next. `delivery.on_unknown` decides what becomes of those: "resend" may double them, byte for byte,
"hold" lists them and never sends them again.
"""

from __future__ import annotations

import asyncio
import csv
import os
import random
import shutil
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.daily.delivering import SETTLING
from newsletter.doctor.fault_server import HOST, Taken, read_record
from newsletter.errors import NewsletterError
from newsletter.mail.pipeline import DEPTH
from newsletter.model import OPEN_STATES, Delivery, Phase, State
from newsletter.settings import shipped
from newsletter.settings.loading import SETTINGS_FILE, SUBSCRIBERS_FILE, TOPICS_FILE, load
from newsletter.settings.schema import ENV_PREFIX
from newsletter.store import Store

CONNECTIONS = 5
PAUSE = 0.01
"""Seconds that the relay takes to answer a message: a relay nearby."""

WATCH = 0.002
JITTER = 0.03
"""Seconds up to which a kill comes later than the message that was its mark, so that it may hit any step."""

EARLY_SHARE, START_UP = 0.15, 1.0
"""Share of kills that come at any time of the first second, while papers are collected and deliveries planned."""

READERS_PER_KILL = 25
"""A kill leaves some deliveries unknown, and those that must not be doubled are not there for the next one."""

AT_A_TIME = 2
"""Rounds that run side by side: a sender that starts keeps one processor busy."""

LONGEST_RUN = 120.0

TROUBLE = ("refuse-rcpt", "drop-dot-once", "lost-dot-once")
TROUBLE_EVERY = 25
"""One reader in so many has each of these names, and everybody else has none."""

Said = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to prove: `readers` get one digest, and a sender is killed `kills` times, in as many rounds as it takes for
    every kill to meet one that has something to send. The same `seed` draws the same moments, as far as a machine can
    repeat them."""

    kills: int = 20
    readers: int = 200
    policy: str = "resend"
    seed: int = 0
    connections: int = CONNECTIONS

    def rounds(self) -> list[int]:
        """The kills of each round."""
        rounds = min(self.kills, max(1, -(-self.kills * READERS_PER_KILL // self.readers)))
        return [(self.kills + number) // rounds for number in range(rounds)]


@dataclass(slots=True)
class Proven:
    """What came of it, all rounds together, in numbers of deliveries but where something else is said.

    `taken` have at least one copy and `copies` counts all; `differing` have copies of different bytes or Message-IDs;
    `lost` have none although neither the relay refused them nor the ledger lists them as unknown; `wrong` are booked as
    refused and were not, or were and are not. `in_the_dark` says for each kill how many the ledger had in DATA,
    `dropped` how many answers the relay itself withheld, `unbalanced` how often the ledger did not add up.
    """

    plan: Plan
    kills: int = 0
    runs: int = 0
    in_the_dark: list[int] = field(default_factory=list)
    unbalanced: int = 0
    deliveries: int = 0
    taken: int = 0
    copies: int = 0
    refused: int = 0
    unknown: int = 0
    unknown_taken: int = 0
    open: int = 0
    dropped: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def doubled(self) -> int:
        """Copies beyond the first."""
        return self.copies - self.taken

    @property
    def bound(self) -> int:
        """The most copies beyond the first that could not be helped: one for each answer that was never recorded. Of
        those in DATA only one a connection was with the relay, and as many had answers on their way to the disk."""
        if self.plan.policy == "hold":
            return 0
        return sum(min(dark, self.plan.connections + SETTLING) for dark in self.in_the_dark) + self.dropped

    @property
    def most_dark(self) -> int:
        """The most that can be in DATA at a time: those that have a place with a connection, and those whose answer is
        on its way to the disk."""
        return self.plan.connections * DEPTH + SETTLING

    def broken(self) -> list[str]:
        """The promises that were broken, a sentence each; none when all is well."""
        dark = max(self.in_the_dark, default=0)
        promises = [
            (self.kills == self.plan.kills, f"only {self.kills} of {self.plan.kills} kills met a running sender"),
            (not self.lost, f"{len(self.lost)} were lost, the first {self.lost[:3]}"),
            (not self.wrong, f"{len(self.wrong)} are booked wrong, the first {self.wrong[:3]}"),
            (self.doubled <= self.bound, f"{self.doubled} copies too many, and only {self.bound} could not be helped"),
            (not self.differing, f"the copies differ for {len(self.differing)}, the first {self.differing[:3]}"),
            (dark <= self.most_dark, f"a kill left {dark} in DATA, where {self.most_dark} is the most there can be"),
            (not self.unbalanced, f"the ledger did not add up after {self.unbalanced} restarts"),
            (not self.open, f"{self.open} are still open after the last run"),
        ]
        return [sentence for kept, sentence in promises if not kept]


class ProofError(NewsletterError):
    """The proof could not be carried out; says nothing about the promises."""


async def prove(plan: Plan, folder: Path, said: Said = lambda step, done, total: None) -> Proven:
    """Carry out `plan` in the empty folder `folder`. Raises ProofError when the sender or the server does not start."""
    began = time.monotonic()
    proven = Proven(plan)
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(number: int, kills: int) -> None:
        async with places:
            own = folder / str(number)
            own.mkdir(parents=True)
            await _round(proven, own, kills, random.Random(f"{plan.seed} {number}"), said)

    tasks = [asyncio.create_task(one(number, kills)) for number, kills in enumerate(plan.rounds())]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    proven.seconds = time.monotonic() - began
    return proven


async def _round(proven: Proven, folder: Path, kills: int, chance: random.Random, said: Said) -> None:
    """One installation, one digest for each reader, `kills` kills; what came of it is added to `proven`."""
    plan = proven.plan
    # No mark lies where there may be nothing left to send: what is held back or refused never reaches the relay.
    end = max(1, int(plan.readers * 0.85) - kills * READERS_PER_KILL // 2)
    marks = sorted(chance.randrange(end) for _ in range(kills))
    async with _server(folder / "record") as port:
        sender = _Sender(plan, folder, port)
        await sender.set_up()
        for mark in marks:
            early = chance.uniform(0, START_UP) if chance.random() < EARLY_SHARE else None
            met = await sender.killed(mark, chance.uniform(0, JITTER), early)
            proven.runs += 1
            proven.kills += met
            said("Killing", proven.kills, plan.kills)
            rows = await _look(sender, proven)
            proven.in_the_dark.append(sum(row.state is State.SENDING and row.phase is Phase.DATA for row in rows))
        await sender.ended()
        proven.runs += 1
        _compare(proven, await _look(sender, proven), read_record(folder / "record"))


class _Sender:
    """An installation of its own in `folder`, and the command that is killed."""

    def __init__(self, plan: Plan, folder: Path, port: int) -> None:
        self._plan = plan
        self.folder = folder
        self.database = folder / "state" / "newsletter.db"
        self.record = folder / "record"
        # Nothing of the operator's own configuration: neither what to send, nor where to.
        own = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        settings = {
            "STATE_DIR": self.database.parent,
            "DATABASE__URL": f"sqlite:///{self.database}",
            "SMTP__HOST": HOST,
            "SMTP__PORT": port,
            "SMTP__SECURITY": "none",
            "SMTP__CONNECTIONS": plan.connections,
            "DELIVERY__ON_UNKNOWN": plan.policy,
        }
        self._environment = own | {f"{ENV_PREFIX}{name}": str(value) for name, value in settings.items()}

    async def set_up(self) -> None:
        """Configuration files with the shipped topics, and the readers."""
        configuration = self.folder / "config"
        configuration.mkdir()
        shutil.copy(shipped("config") / TOPICS_FILE, configuration)
        for name in (SETTINGS_FILE, SUBSCRIBERS_FILE):
            (configuration / name).touch()
        topics = [topic.slug for topic in load(shipped("config")).topics]
        readers = self.folder / "readers.csv"
        with readers.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("address", "topics"))
            for number, address in enumerate(addresses(self._plan.readers)):
                rows.writerow((address, ";".join(topics[(number + step) % len(topics)] for step in range(3))))
        await self._end(await self._start("subscribers", "import", str(readers)), {0})

    async def killed(self, mark: int, jitter: float, early: float | None) -> bool:
        """Start a run and kill it: `jitter` seconds after the relay took its message number `mark`, the first one of
        this run at the earliest; or after `early` seconds whatever happens. False when the run ended before."""
        mark = max(mark, self._taken()) + 1
        process = await self._start("run", "--date", "latest")
        began = time.monotonic()
        while process.returncode is None and time.monotonic() < began + LONGEST_RUN:
            if time.monotonic() > began + early if early is not None else self._taken() >= mark:
                break
            await asyncio.sleep(WATCH)
        await asyncio.sleep(0 if early else jitter)
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        _, said = await process.communicate()
        if process.returncode not in {-signal.SIGKILL, 0, 3}:
            raise ProofError(f"The sender failed by itself with exit code {process.returncode}: {_words(said)}")
        return process.returncode == -signal.SIGKILL

    async def ended(self) -> None:
        """Run until it ends by itself."""
        await self._end(await self._start("run", "--date", "latest"), {0, 3})

    def ledger(self, name: str) -> str:
        """The URL of a copy of the database as it is now; the next run is to find what the kill left."""
        copy = self.folder / "copies" / name
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        for suffix in ("", "-wal"):
            if (source := Path(f"{self.database}{suffix}")).exists():
                shutil.copy(source, f"{copy}{suffix}")
        return f"sqlite:///{copy}"

    def _taken(self) -> int:
        """How many messages the relay has."""
        return self.record.read_bytes().count(b"\n") if self.record.exists() else 0

    async def _start(self, *arguments: str) -> Process:
        command = [sys.executable, "-m", "newsletter", "--config", str(self.folder / "config"), *arguments]
        return await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, env=self._environment
        )

    async def _end(self, process: Process, expected: set[int]) -> None:
        try:
            _, said = await asyncio.wait_for(process.communicate(), LONGEST_RUN)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise ProofError(f"The sender did not end within {LONGEST_RUN:.0f} seconds.") from None
        if process.returncode not in expected:
            raise ProofError(f"The sender failed with exit code {process.returncode}: {_words(said)}")


def addresses(readers: int) -> list[str]:
    """The readers' addresses; most have no trouble, some have one each of the failing server's names."""
    places = dict(enumerate(TROUBLE))
    return [f"{places.get(number % TROUBLE_EVERY, 'ok')}+{number:05}@example.org" for number in range(1, readers + 1)]


@asynccontextmanager
async def _server(record: Path) -> AsyncIterator[int]:
    """The failing server as a process; yields its port."""
    module = "newsletter.doctor.fault_server"
    command = [sys.executable, "-m", module, "--record", str(record), "--pause", str(PAUSE)]
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        if not first:
            _, said = await process.communicate()
            raise ProofError(f"The failing server did not start: {_words(said)}")
        yield int(first)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _look(sender: _Sender, proven: Proven) -> list[Delivery]:
    """The ledger as it is now, its counts held against the readers."""
    if not sender.database.exists():  # killed before there was one
        return []
    async with await Store.open(sender.ledger("copy.db")) as store:
        rows = await store.ledger.deliveries()
        balanced = await store.ledger.balanced() and len(rows) in {0, proven.plan.readers}
    proven.unbalanced += not balanced
    return rows


def _compare(proven: Proven, rows: Sequence[Delivery], record: Sequence[Taken]) -> None:
    """The relay's record against the ledger, reader by reader."""
    state = {row.address: row.state for row in rows}
    copies = Counter(one.recipient for one in record)
    kinds: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in record:
        kinds[one.recipient].add((one.message_id, one.sha256))
    proven.deliveries += len(rows)
    proven.taken += len(copies)
    proven.copies += len(record)
    proven.differing += [reader for reader, seen in kinds.items() if len(seen) > 1]
    for reader in addresses(proven.plan.readers):
        known = state.get(reader)
        refused = reader.startswith("refuse-")
        proven.dropped += reader.startswith("drop-")
        proven.refused += known is State.REFUSED
        proven.unknown += known is State.UNKNOWN
        proven.unknown_taken += known is State.UNKNOWN and copies[reader] > 0
        proven.open += known in OPEN_STATES
        if not copies[reader] and not refused and known not in OPEN_STATES | {State.UNKNOWN}:
            proven.lost.append(reader)
        # We may have been killed before we heard that the relay refuses this one.
        unheard = refused and known is State.UNKNOWN
        if ((known is State.REFUSED) is not refused and not unheard) or (copies[reader] and refused):
            proven.wrong.append(reader)


def _words(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-2000:] or "it said nothing"
