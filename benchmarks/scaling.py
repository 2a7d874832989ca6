"""How time and memory grow with readers, papers and topics: a `newsletter run` of each size, in a process of its own.

    python benchmarks/scaling.py [--full] [--only readers|papers|topics] [--most N]

A run collects papers from a file, ranks them for the topics and freezes the edition, plans the readers and delivers to
Postfix's smtp-sink, all as `newsletter run` does it. The papers are the shipped ones, their sentences dealt anew; the
readers follow one to three topics each, in a hundred combinations, and are there before the clock starts. `--full` has
a million readers and ten thousand topics as well.

A table for each: seconds by the clock, seconds of CPU, and the most memory that the process ever had by the end of a
step. What a run costs whatever its size (imports, connections, cards) is what the smallest one costs; the exponent is
the slope of what the others cost beyond it, on logarithmic scales: 1 is time in proportion, 0 is time that stays.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from relays import HOST, sink

STEPS = ("collect", "rank and freeze", "plan", "deliver", "the whole run")
READERS, MANY_READERS = (100, 1_000, 10_000, 100_000), (1_000_000,)
PAPERS, TOPICS, MANY_TOPICS = (10, 100, 1_000, 2_000), (1, 100, 1_000), (10_000,)
PLAIN = {"readers": 100, "papers": 200, "topics": 40}
"""The sizes that stay the same while one grows."""

COMBINATIONS = 100
MEGABYTE = 1024  # ru_maxrss counts in kilobytes
SETTINGS = """\
state_dir = "var"
secret_keys = ["a key of sixteen or more characters"]
[[sources]]
kind = "jsonl"
name = "made-up"
path = "papers.jsonl"
settle = 0
[site]
url = "https://papers.example.org"
[ranking]
models = "none"
[smtp]
host = "{host}"
port = {port}
security = "none"
messages_per_connection = 100000
[dkim]
by_relay = true
"""


def make(folder: Path, sizes: dict[str, int], port: int) -> None:
    """An installation in `folder`, ready to run today."""
    draw = random.Random(f"{sizes}")
    titles, sentences = _words_of_the_seeds()
    (folder / "newsletter.toml").write_text(SETTINGS.format(host=HOST, port=port), encoding="utf-8")
    (folder / "subscribers.toml").write_text("", encoding="utf-8")
    words = sorted({word.lower() for title in titles for word in re.findall(r"[A-Za-z]{5,}", title)})
    tables = (
        f'[[topics]]\nslug = "topic-{number}"\nname = "Topic {number}"\n'
        f"keywords = {json.dumps(draw.sample(words, 5))}\nmin_score = 0.5\n"
        for number in range(sizes["topics"])
    )
    (folder / "topics.toml").write_text("\n".join(tables), encoding="utf-8")
    with (folder / "papers.jsonl").open("w", encoding="utf-8") as file:
        for number in range(sizes["papers"]):
            file.write(json.dumps(_paper(number, titles, sentences, draw)) + "\n")
    asyncio.run(_migrated(folder))
    _add_readers(folder / "var" / "newsletter.db", sizes["readers"], sizes["topics"], draw)


def _words_of_the_seeds() -> tuple[list[str], list[str]]:
    from newsletter.settings import shipped
    from newsletter.sources.listing.parser import parse_listing

    found = [
        paper
        for path in sorted(shipped("seeds").glob("*.txt"))
        for paper in parse_listing(
            path.read_bytes(), document=path.name, source="seeds", year=2025, today=date(2025, 3, 14)
        ).papers
    ]
    sentences = [one for paper in found for one in re.split(r"(?<=[.])\s+", paper.abstract) if len(one) > 30]
    return [paper.title for paper in found], sentences


def _paper(number: int, titles: Sequence[str], sentences: Sequence[str], draw: random.Random) -> dict[str, object]:
    first, last = (draw.choice(titles).split() for _ in range(2))
    return {
        "title": " ".join([*first[: len(first) // 2 + 1], *last[len(last) // 2 :], f"({number})"]),
        "abstract": " ".join(draw.sample(sentences, 6)),
        "authors": [f"Ada Example {draw.randrange(400)}", f"Bo Sample {draw.randrange(400)}"],
        "links": [{"kind": "abstract", "url": f"https://papers.example.org/abs/{number}"}],
        "votes": draw.randrange(200),
    }


async def _migrated(folder: Path) -> None:
    from newsletter.assembly import opened_store
    from newsletter.settings import load

    async with opened_store(load(folder)):
        pass


def _add_readers(database: Path, readers: int, topics: int, draw: random.Random) -> None:
    """In one statement, past the store: how they came is not what is measured."""
    names = [f"topic-{number}" for number in range(topics)]
    follows = [json.dumps(draw.sample(names, draw.randint(1, min(3, topics)))) for _ in range(COMBINATIONS)]
    columns = "address, name, topics, timezone, hour, rhythm, status, origin"
    rows: Iterator[tuple[str, str, str]] = (
        (f"reader{number}@example.org", f"Reader {number}", follows[number % COMBINATIONS]) for number in range(readers)
    )
    with sqlite3.connect(database) as connection:
        values = "?, ?, ?, 'UTC', 7, 'daily', 'active', 'import'"
        connection.executemany(f"INSERT INTO subscribers ({columns}) VALUES ({values})", rows)
    connection.close()


def run(folder: Path) -> dict[str, list[float]]:
    """One `newsletter run`: by step, seconds by the clock, seconds of CPU and megabytes."""
    from newsletter.assembly import opened_daily, utc_now
    from newsletter.daily import Collecting, Delivering, Publishing
    from newsletter.settings import load

    taken: dict[str, list[float]] = {}
    for owner, name, step in (
        (Collecting, "collect", STEPS[0]),
        (Publishing, "freeze", STEPS[1]),
        (Publishing, "plan", STEPS[2]),
        (Delivering, "deliver", STEPS[3]),
    ):
        setattr(owner, name, _timed(step, getattr(owner, name), taken))

    async def whole() -> None:
        async with opened_daily(load(folder)) as daily:
            report = await daily.run(utc_now())
        if report.failure or len(report.counts) != 1:
            raise SystemExit(f"the run did not come to its end: {dict(report.counts)} {report.failure or ''}")

    asyncio.run(_timed(STEPS[4], whole, taken)())
    return taken


def _timed(
    step: str, work: Callable[..., Coroutine[Any, Any, Any]], taken: dict[str, list[float]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def measured(*arguments: object) -> Any:
        begun, used = time.perf_counter(), _cpu()
        found = await work(*arguments)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
        taken[step] = [time.perf_counter() - begun, _cpu() - used, peak]
        return found

    return measured


def _cpu() -> float:
    """Seconds of CPU of this process and of those it waited for."""
    return float(sum(os.times()[:4]))


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of least squares through (log size, log seconds), both beyond the first; nan where nothing grew."""
    points = [
        (math.log(size - sizes[0]), math.log(taken - seconds[0]))
        for size, taken in zip(sizes[1:], seconds[1:], strict=True)
        if taken > seconds[0]
    ]
    if len(points) < 2:
        return math.nan
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def measured(what: str, sizes: Sequence[int], port: int) -> None:
    """Print the table of one quantity that grows."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for stage in ("make", "run"):
                arguments = [json.dumps(PLAIN | {what: size}), str(port)]
                command = [sys.executable, __file__, "--stage", stage, str(folder), *arguments]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            found.append(json.loads(output))
    heads = "".join(f"{size:>22,}" for size in sizes)
    others = ", ".join(f"{number} {name}" for name, number in PLAIN.items() if name != what)
    sys.stdout.write(f"\n{what} ({others}): seconds, of CPU, peak MB\n{'':<16}{heads}   exponent, of CPU\n")
    for step in STEPS:
        cells = "".join(f"{one[step][0]:>9.2f}{one[step][1]:>8.2f}{one[step][2]:>5.0f}" for one in found)
        slopes = (exponent(sizes, [one[step][column] for one in found]) for column in (0, 1))
        sys.stdout.write(f"{step:<16}{cells}   {'  '.join(f'{slope:8.2f}' for slope in slopes)}\n")
    sys.stdout.flush()


def main() -> None:
    if sys.argv[1:2] == ["--stage"]:
        stage, folder, asked_for, relay = sys.argv[2:]
        if stage == "make":
            make(Path(folder), json.loads(asked_for), int(relay))
        else:
            sys.stdout.write(json.dumps(run(Path(folder))))
        return
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="a million readers and ten thousand topics as well")
    arguments.add_argument("--only", choices=list(PLAIN), help="let one quantity grow, not all three")
    arguments.add_argument("--most", type=int, default=10**9, help="no size beyond this one")
    asked = arguments.parse_args()
    grown: dict[str, tuple[int, ...]] = {
        "readers": READERS + (MANY_READERS if asked.full else ()),
        "papers": PAPERS,
        "topics": TOPICS + (MANY_TOPICS if asked.full else ()),
    }
    with sink() as port:
        for what, sizes in grown.items():
            if asked.only in (None, what):
                measured(what, [size for size in sizes if size <= asked.most], port)


if __name__ == "__main__":
    main()
