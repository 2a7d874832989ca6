"""What the ledger weighs: bytes of a delivery and its indexes, of the write-ahead log, rows and transactions a message.

    python benchmarks/footprint.py [--readers 100000] [--connections 10]

A day of so many readers is planned, claimed, begun and settled by the ledger itself, in a database of its own; nothing
is composed and nothing sent: a relay that answers after two milliseconds is a pause. Checkpoints are put off, so that
the log at the end is all that was ever written to it. Prints tables in Markdown, and the figures of
`newsletter/policy/measured.py` that come from here.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from newsletter.cli.console import go
from newsletter.model import State
from newsletter.store import Store
from newsletter.store.database import Database
from newsletter.store.ledger import Ledger

DAY, AT, LEASE, ME = date(2026, 11, 23), datetime(2026, 11, 23, 7, tzinfo=UTC), timedelta(minutes=15), "footprint-1-1"
TOGETHER = 20_000
"""Readers that are planned in one transaction, as `daily/publishing.py` does it."""

SLICE, SETTLING, ANSWER = 1_000, 32, 0.002
"""Deliveries claimed at once, answers on their way to the disk (as in `daily/delivering.py`), seconds a relay takes."""

REPLY = "2.0.0 Ok: queued as 4bFXyZ1Q2nz9sWk"


class Written:
    """What each step took and wrote: seconds by the clock, of CPU and of the one writer's turns; rows, transactions and
    bytes of the log."""

    def __init__(self, database: Path) -> None:
        self._log = database.with_name(database.name + "-wal")
        self._connections: list[Any] = []
        self._commits = 0
        self._turns = 0.0
        self.steps: dict[str, tuple[float, ...]] = {}
        event.listen(Engine, "connect", self._connected)
        event.listen(Engine, "commit", self._committed)
        changed = Database._changed  # no door leads there; a benchmark may look through the window

        def timed(database: Database, change: Callable[[Connection], Any]) -> Any:
            begun = time.perf_counter()
            try:
                return changed(database, change)
            finally:
                self._turns += time.perf_counter() - begun

        Database._changed = timed  # type: ignore[method-assign, assignment]  # a stopwatch around each turn of the one writer

    def _connected(self, connection: Any, _record: object) -> None:
        connection.execute("PRAGMA wal_autocheckpoint=0").close()
        raw = getattr(connection, "driver_connection", connection)
        self._connections.append(getattr(raw, "_conn", raw))  # aiosqlite keeps the real one behind a thread

    def _committed(self, _connection: object) -> None:
        self._commits += 1

    def _now(self) -> tuple[float, ...]:
        rows = sum(one.total_changes for one in self._connections)
        return time.perf_counter(), time.process_time(), self._turns, rows, self._commits, self._log.stat().st_size

    @asynccontextmanager
    async def during(self, step: str) -> AsyncIterator[None]:
        before = self._now()
        yield
        self.steps[step] = tuple(now - then for now, then in zip(self._now(), before, strict=True))


def people(database: Path, readers: int) -> None:
    """Readers, past the store: how they came is not what is measured."""
    rows: Iterator[tuple[str, str]] = (
        (f"reader.number{number}@mail{number % 97}.example.org", f"Reader {number}") for number in range(readers)
    )
    with sqlite3.connect(database) as connection:
        columns = "address, name, topics, timezone, hour, rhythm, status, origin"
        topics = '["language-models", "robotics", "medical-imaging"]'
        values = f"?, ?, '{topics}', 'Europe/Berlin', 7, 'daily', 'active', 'import'"
        connection.executemany(f"INSERT INTO subscribers ({columns}) VALUES ({values})", rows)
    connection.close()


async def send(ledger: Ledger, connections: int) -> None:
    """Claim, begin and settle all that is planned, as a run does it."""
    places = asyncio.Semaphore(SETTLING)
    waiting: list[int] = []
    settling: set[asyncio.Task[None]] = set()

    async def settled(number: int) -> None:
        try:
            await ledger.settle(
                number, ME, AT, State.ACCEPTED, code=250, reply=REPLY, enhanced="2.0.0", queue_id="4bFXyZ"
            )
        finally:
            places.release()

    async def worker() -> None:
        while waiting:
            number = waiting.pop()
            said = {"sections": 3, "papers": 12, "size": 55_300}
            # As real ones are: nothing in them grows with the id, so each goes to a page of its own in their index.
            name = f"<{DAY}.{sha256(str(number).encode()).hexdigest()[:20]}@papers.example.org>"
            await ledger.begin_data(number, ME, AT, message_id=name, lease=LEASE, **said)
            await asyncio.sleep(ANSWER)
            await places.acquire()
            task = asyncio.create_task(settled(number))
            settling.add(task)
            task.add_done_callback(settling.discard)

    while claimed := await ledger.claim(DAY, ME, AT, LEASE, SLICE):
        waiting[:] = [one.id for one in reversed(claimed)]
        await asyncio.gather(*(worker() for _ in range(connections)))
        await asyncio.gather(*settling)


async def day(database: Path, readers: int, connections: int) -> Written:
    """A day of `readers` in `database`, and what it wrote."""
    url = f"sqlite:///{database}"
    async with await Store.open(url):
        pass
    people(database, readers)  # and the log begins anew
    written = Written(database)
    async with await Store.open(url) as store:
        numbers = list(range(1, readers + 1))
        async with written.during("plan"):
            for start in range(0, readers, TOGETHER):
                await store.ledger.plan(DAY, numbers[start : start + TOGETHER], AT)
        async with written.during("claim, begin, settle"):
            await send(store.ledger, connections)
        counts = await store.ledger.counts(DAY)
        if counts[State.ACCEPTED] != readers or not await store.ledger.balanced():
            raise SystemExit(f"the ledger does not add up: {counts}")
    return written


def sizes(database: Path) -> dict[str, Counter[str]]:
    """Bytes of the pages of each table, its own and its indexes' apart (https://www.sqlite.org/dbstat.html)."""
    found: dict[str, Counter[str]] = {"deliveries": Counter(), "subscribers": Counter()}
    query = "SELECT m.tbl_name, m.type, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m USING (name) GROUP BY 1, 2"
    with sqlite3.connect(database) as connection:
        for table, kind, size in connection.execute(query):
            if table in found:
                found[table][kind] += size
    connection.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footprint-") as folder:
        database = Path(folder) / "newsletter.db"
        written = go(day(database, given.readers, given.connections))
        weights = sizes(database)
    heads = ("step", "µs by the clock", "µs of CPU", "µs of the writer", "rows", "transactions", "bytes of the log")
    sys.stdout.write(f"| {' | '.join(heads)} |\n| ---{' | ---:' * (len(heads) - 1)} |\n")
    for step, sums in written.steps.items():
        clock, cpu, writer, rows, commits, log = (number / given.readers for number in sums)
        times = " | ".join(f"{seconds * 1e6:.1f}" for seconds in (clock, cpu, writer))
        sys.stdout.write(f"| {step} | {times} | {rows:.2f} | {commits:.4f} | {log:,.0f} |\n")
    sys.stdout.write("\n| table | bytes a row | its indexes | together |\n| --- | ---: | ---: | ---: |\n")
    for table, parts in weights.items():
        own, indexes = (parts[kind] / given.readers for kind in ("table", "index"))
        sys.stdout.write(f"| {table} | {own:.0f} | {indexes:.0f} | {own + indexes:.0f} |\n")
    sys.stdout.write(f"\n{given.readers:,} readers, {given.connections} connections; all figures a message.\n")


if __name__ == "__main__":
    main()
