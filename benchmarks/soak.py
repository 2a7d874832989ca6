"""Hundreds of days in one process: do memory and file handles stay flat, is the database as large as predicted?

    python benchmarks/soak.py [--days 200] [--readers 5000] [--papers 40] [--keep 0] [--archive 150]

The clock jumps from look to look, eight a day; collecting, freezing, planning, composing and sending are the real ones,
and the relay is Postfix's smtp-sink. Each look opens everything anew, as `newsletter schedule` does. Readers live in 24
time zones and read daily. Growth counts, by the slope of a straight line, once the archive of papers that scores are
measured against is full (`--archive` is ranking.archive_days): until then there is more of it every day. `--keep` is
delivery.keep.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from relays import HOST, sink

from newsletter.assembly import DATABASE, opened_daily, opened_store
from newsletter.model import State, Subscriber, Topic
from newsletter.policy.measured import MEASURED
from newsletter.settings import Configuration, load

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
LOOKS = 8
WORDS = (
    "robot scene attention brain context knowledge memory graph radiance reconstruction dynamic perception sequence "
    "transfer sparse geometry segmentation object transformer multimodal planning grasping language speech protein"
).split()
TOPICS = tuple(Topic(word, word.title(), keywords=(word,), min_score=0.1) for word in WORDS[:12])
ZONES = tuple(f"Etc/GMT{number:+d}" for number in range(-12, 12))


@dataclass(frozen=True)
class Figures:
    """After a day: resident megabytes, open files, megabytes of the database, messages accepted, seconds of CPU."""

    memory: float
    files: int
    database: float
    accepted: int
    cpu: float


def installed(folder: Path, readers: int, keep: int, archive: int, port: int) -> Configuration:
    documents = folder / "documents"
    documents.mkdir()
    flags = {
        "state_dir": folder / "var",
        "sources": [{"kind": "listing", "name": "page", "path": str(documents), "settle": 0}],
        "secret_keys": ["a-key-for-the-benchmark"],
        "ranking": {"models": "none", "archive_days": archive},
        "delivery": {"keep": keep},
        "smtp": {"host": HOST, "port": port, "security": "none", "connections": 10},
        "logging": {"level": "error"},
    }
    configured = folder / "config"
    configured.mkdir()
    for name in ("newsletter.toml", "topics.toml", "subscribers.toml"):
        (configured / name).touch()
    loaded = replace(load(configured, flags), topics=TOPICS, subscribers=())

    async def come() -> None:
        async with opened_store(loaded, lambda: BEGIN - timedelta(days=1)) as store:
            people = [
                Subscriber(
                    f"reader{number}@example.org",
                    f"Reader {number}",
                    tuple(TOPICS[(number * step) % len(TOPICS)].slug for step in (1, 5)),
                    ZONES[number % len(ZONES)],
                    origin="web",
                )
                for number in range(readers)
            ]
            await store.subscribers.add(people, BEGIN - timedelta(days=1))

    asyncio.run(come())
    return loaded


def publish(documents: Path, day: date, papers: int, chance: random.Random) -> None:
    lines = [day.isoformat()]
    for number in range(papers):
        words = chance.choices(WORDS, k=4)
        lines.append(f"{' '.join(words).title()}: Study {day:%j}-{number}")
        several = (" and ".join(chance.choices(WORDS, k=3)) for _ in range(5))
        said = ". ".join(f"We study {one} and find that it works" for one in several)
        lines.append(f"{said}. It is better by {chance.randrange(1, 40)} % than before.")
    (documents / f"{day}.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    (documents / f"{day - timedelta(days=10)}.txt").unlink(missing_ok=True)


async def live(loaded: Configuration, documents: Path, days: int, papers: int) -> list[Figures]:
    chance, found, accepted = random.Random(1), list[Figures](), 0
    for number in range(days):
        day = BEGIN + number * timedelta(days=1)
        publish(documents, day.date(), papers, chance)
        for look in range(LOOKS):
            now = day + look * timedelta(hours=24 / LOOKS)
            async with opened_daily(loaded, now=lambda now=now: now) as daily:  # type: ignore[misc]  # the default binds it
                await daily.look()
                sent = await daily.send()
                if sent.failure:
                    raise sent.failure
                accepted += sent.attempted
                if look == 1:
                    await daily.pruning.prune(now)
        gc.collect()
        found.append(figures(loaded, accepted))
        if number % 10 == 9:
            one = found[-1]
            say(
                f"day {number + 1:>4}: {one.memory:6.0f} MB, {one.files:>3} files, database {one.database:7.1f} MB, "
                f"{one.accepted:>9,} tried, {one.cpu:7.0f} s of CPU"
            )
    return found


def figures(loaded: Configuration, accepted: int) -> Figures:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    state = loaded.settings.state_dir
    size = sum(path.stat().st_size for path in state.glob(f"{DATABASE}*"))
    return Figures(
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        len(os.listdir("/proc/self/fd")),
        size / 1e6,
        accepted,
        time.process_time(),
    )


def slope(values: list[float]) -> float:
    """How much they grow from one to the next, by least squares."""
    return float(np.polyfit(range(len(values)), values, 1)[0])


async def counted(loaded: Configuration) -> dict[State, int]:
    async with opened_store(loaded) as store:
        assert await store.ledger.balanced()
        return {state: number for state, number in (await store.ledger.counts()).items() if number}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]  # it is above
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--readers", type=int, default=5000)
    parser.add_argument("--papers", type=int, default=40)
    parser.add_argument("--keep", type=int, default=0)
    parser.add_argument("--archive", type=int, default=150)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsletter-soak-") as name, sink() as port:
        folder = Path(name)
        loaded = installed(folder, asked.readers, asked.keep, asked.archive, port)
        found = asyncio.run(live(loaded, folder / "documents", asked.days, asked.papers))
        rest = found[asked.archive + 10 :] if asked.days > asked.archive + 20 else found[asked.days // 2 :]
        states = asyncio.run(counted(loaded))
        say(f"\n{asked.days} days of {asked.readers:,} readers; deliveries: {states}")
        say(f"growth is that from day {asked.days - len(rest) + 1} on")
        memory, files = slope([one.memory for one in rest]), slope([one.files for one in rest])
        say(f"memory    {rest[0].memory:.0f} MB to {rest[-1].memory:.0f} MB, {memory:+.3f} MB a day")
        say(f"files     {rest[0].files} to {rest[-1].files}, {files:+.4f} a day")
        grown, predicted = slope([one.database for one in rest]), asked.readers * MEASURED.sqlite.row / 1e6
        say(f"database  {grown:+.3f} MB a day; predicted for the ledger {predicted:.3f}, ratio {grown / predicted:.2f}")
        say(f"CPU       {(rest[-1].cpu - rest[0].cpu) / max(len(rest) - 1, 1):.2f} s a day")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
