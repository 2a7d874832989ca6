"""Papers in: 2,000 of them collected, merged and stored, and a year back-filled with memory that stays flat.

    python benchmarks/sources.py [--runs 5] [--days 365]

A server of its own process answers in the form of arXiv's feed and of Hugging Face's daily lists; the database
is SQLite with every commit flushed. Limits: five seconds for the 2,000, and for the year at most a quarter more memory
at its end than after its first thirty days. The first row is what parsing the same feed with lxml alone takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LIMIT_SECONDS, LIMIT_GROWTH = 5.0, 1.25
PAPERS = 2_000
A_DAY = 40
TODAY = date(2026, 8, 7)
NOW = datetime(2026, 8, 7, 9, tzinfo=UTC)
ABSTRACT = (
    "We study what a paper of ordinary length says about " + "fields of many kinds and how they are learnt, " * 28
)


def feed() -> bytes:
    """An issue of arXiv with PAPERS entries."""
    made = "Fri, 07 Aug 2026 00:00:00 -0400"
    items = "".join(
        f"<item><title>On the subject number {number}</title><link>https://arxiv.org/abs/2608.{number:05}</link>"
        f"<description>arXiv:2608.{number:05}v1 Announce Type: new \nAbstract: {ABSTRACT}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:2608.{number:05}v1</guid><category>cs.CL</category>'
        f"<pubDate>{made}</pubDate><arxiv:announce_type>new</arxiv:announce_type>"
        "<dc:creator>Ada Example (Rome), Bo Sample, Cy Third</dc:creator></item>"
        for number in range(PAPERS)
    )
    return (
        '<rss version="2.0" xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>cs.CL</title><pubDate>{made}</pubDate>{items}</channel></rss>"
    ).encode()


def daily_list(day: date) -> bytes:
    """A day of Hugging Face with A_DAY papers; today's are among those of the feed."""
    first = 0 if day == TODAY else (TODAY - day).days * A_DAY + PAPERS
    return json.dumps(
        [
            {
                "paper": {
                    "id": f"{2608 - number // 90_000:04}.{number % 90_000:05}",
                    "title": f"On the subject number {number}",
                    "summary": ABSTRACT,
                    "authors": [{"name": "Ada Example", "hidden": False}],
                    "publishedAt": f"{day}T00:00:00.000Z",
                    "submittedOnDailyAt": f"{day}T00:00:00.000Z",
                    "upvotes": number % 50,
                },
                "numComments": 2,
            }
            for number in range(first, first + A_DAY)
        ]
    ).encode()


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    whole = feed()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/rss/"):
            body = self.whole
        else:
            query = parse_qs(parts.query)
            body = daily_list(date.fromisoformat(query["date"][0])) if query["p"] == ["0"] else b"[]"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _serve(port: multiprocessing.Queue[int]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    port.put(server.server_port)
    server.serve_forever()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The address of a server in a process of its own, so that its memory is not counted."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(port,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=30)}"
    finally:
        process.terminate()
        process.join()


@contextlib.asynccontextmanager
async def installation(folder: Path, url: str) -> AsyncIterator[object]:
    """A newsletter with both sources and a database of its own."""
    from newsletter.assembly import opened_daily
    from newsletter.settings import configuration_folder, load

    habits = {"base_url": url, "pace": 0}
    hub = {"kind": "huggingface", "name": "hub", **habits}
    arxiv = {"kind": "arxiv", "name": "arxiv", "categories": ["cs.CL"], "enrich": False, "api_url": url, **habits}
    loaded = load(configuration_folder(), {"state_dir": folder, "sources": [hub, arxiv]})
    async with opened_daily(loaded, now=lambda: NOW) as daily:
        yield daily


async def two_thousand(folder: Path, url: str) -> float:
    """Seconds from the first request to the last commit."""
    async with installation(folder, url) as daily:
        begun = time.perf_counter()
        await daily.collect()
        taken = time.perf_counter() - begun
        known = await daily.store.papers.count()
        assert known == PAPERS + 4 * A_DAY, known  # today's list was merged into the feed
        return taken


def _memory() -> float:
    """The memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def a_year(folder: Path, url: str, days: int) -> tuple[float, list[float]]:
    """Seconds, and the memory after each thirty days."""
    async with installation(folder, url) as daily:
        begun, seen, held = time.perf_counter(), set(), []
        until = TODAY - timedelta(days=1)
        async for one in daily.back_fill(until - timedelta(days=days - 1), until, only=["hub"]):
            seen.add(one.batch.asked)
            if len(seen) % 30 == 0 and len(held) < len(seen) // 30:
                held.append(_memory())
        taken = time.perf_counter() - begun
        assert await daily.store.papers.count() == days * A_DAY
        return taken, held


def _lxml_alone() -> float:
    from lxml import etree

    body = feed()
    begun = time.perf_counter()
    assert len(etree.fromstring(body).findall("channel/item")) == PAPERS
    return time.perf_counter() - begun


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--days", type=int, default=365)
    chosen = arguments.parse_args()
    seconds = []
    with serving() as url:
        for _ in range(chosen.runs):
            with tempfile.TemporaryDirectory() as folder:
                seconds.append(asyncio.run(two_thousand(Path(folder), url)))
        with tempfile.TemporaryDirectory() as folder:
            year, held = asyncio.run(a_year(Path(folder), url, chosen.days))
    median = statistics.median(seconds)
    growth = held[-1] / held[0]
    rows = [
        ("lxml alone, 2,000 entries", f"{_lxml_alone():.2f} s", "", ""),
        (f"2,000 papers, median of {chosen.runs}", f"{median:.2f} s", f"{LIMIT_SECONDS:.0f} s", median / LIMIT_SECONDS),
        ("2,000 papers, slowest", f"{max(seconds):.2f} s", f"{LIMIT_SECONDS:.0f} s", max(seconds) / LIMIT_SECONDS),
        (f"{chosen.days} days of {A_DAY} papers", f"{year:.1f} s", "", ""),
        ("memory after 30 days", f"{held[0]:.0f} MB", "", ""),
        ("memory at the end", f"{held[-1]:.0f} MB", f"{held[0] * LIMIT_GROWTH:.0f} MB", growth / LIMIT_GROWTH),
    ]
    for what, measured, limit, share in [("", "measured", "limit", "share"), *rows]:
        share = f"{share:.2f}" if isinstance(share, float) else share
        sys.stdout.write(f"{what:<32}{measured:>10}{limit:>10}{share:>8}\n")


if __name__ == "__main__":
    main()
