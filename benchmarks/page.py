"""The page: how heavy its front is, how soon it is drawn, whom it asks, and how many of it a second can be had.

    python benchmarks/page.py [--runs 7] [--rounds 9] [--seconds 1] [--json]

Served is the newest edition of the seeds, as `newsletter serve` does it. Chromium (`pip install playwright` and the
system's own browser) opens it anew each time, with nothing kept. Requests are counted against a bare Starlette page
whose body has the same size: three servers, each a process of its own; one client, the same connections, and in every
round each server in turn; a ratio is of two neighbours in a round. "uncached" is the same server that keeps no answer.
Limits: 50 kB for all that the first page needs, not compressed, and nobody else is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request
    from starlette.types import ASGIApp

    from newsletter.settings import Configuration

LIMIT_BYTES = 50_000
NOW = datetime(2025, 3, 12, 12, tzinfo=UTC)
CONNECTIONS = 8
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
IS_PAINTED = "performance.getEntriesByName('first-contentful-paint').length"
TIMES = """[
    performance.getEntriesByName('first-contentful-paint')[0].startTime,
    performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
]"""


def installation(folder: Path) -> Configuration:
    """An installation in `folder`, of nobody's state and nobody's environment."""
    from newsletter.settings import configuration_folder, load

    return load(configuration_folder(), {"state_dir": folder, "secret_keys": ["a-key-for-a-benchmark"]})


async def freeze(folder: Path) -> None:
    """Make the edition of the newest day of the seeds."""
    from newsletter.assembly import opened_daily

    async with opened_daily(installation(folder), now=lambda: NOW) as daily:
        await daily.collect()
        await daily.publishing.freeze(date(2025, 3, 12))


def _page(folder: Path, *, kept: bool) -> ASGIApp:
    from newsletter.web import shelf
    from newsletter.web.app import application

    if not kept:
        shelf._MOST_KEPT = 0
    return application(installation(folder), now=lambda: NOW)


def _bare(size: int) -> ASGIApp:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    body = "x" * size

    async def front(_: object) -> HTMLResponse:
        return HTMLResponse(body)

    return Starlette(routes=[Route("/", front)])


def _serve(kind: str, folder: Path, size: int, port: multiprocessing.Queue[int]) -> None:
    import uvicorn

    from newsletter.listening import listening

    app = _bare(size) if kind == "bare" else _page(folder, kept=kind == "cached")
    listener = listening("127.0.0.1", 0, "the page")
    port.put(listener.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="error", access_log=False, server_header=False))
    asyncio.run(server.serve([listener]))


@contextlib.contextmanager
def serving(kind: str, folder: Path, size: int = 0) -> Iterator[int]:
    """The port of a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(kind, folder, size, port), daemon=True)
    process.start()
    try:
        yield port.get(timeout=60)
    finally:
        process.terminate()
        process.join()


async def answers(port: int, seconds: float) -> float:
    """Answers per second to CONNECTIONS connections that each ask again as soon as they have an answer."""
    until = time.perf_counter() + seconds

    async def asking() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = 0
        while time.perf_counter() < until:
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            number += 1
        writer.close()
        return number

    begun = time.perf_counter()
    return sum(await asyncio.gather(*(asking() for _ in range(CONNECTIONS)))) / (time.perf_counter() - begun)


def _opened(page: Page, address: str) -> tuple[list[float], list[Request]]:
    """When it was painted and ready, in milliseconds, and what it asked for."""
    asked = list["Request"]()
    page.on("request", lambda one: asked.append(one))
    page.goto(address, wait_until="networkidle")
    page.wait_for_function(IS_PAINTED)
    return page.evaluate(TIMES), asked


def drawn(port: int, runs: int) -> dict[str, float]:
    """What Chromium fetches for the front page, from whom, and when it has drawn it, in milliseconds."""
    from playwright.sync_api import sync_playwright

    here = f"http://127.0.0.1:{port}/"
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    times, bodies, others = list[list[float]](), dict[str, bytes](), set[str]()
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(runs + 1):  # the first one wakes everything up
            with contextlib.closing(browser.new_context(viewport={"width": 1280, "height": 800})) as context:
                taken, asked = _opened(context.new_page(), here)
                times.append(taken)
                others |= {one.url for one in asked if not one.url.startswith(here)}
                for one in asked:
                    answer = one.response()
                    bodies[one.url] = answer.body() if answer else b""
        browser.close()
    painted, ready = (statistics.median(one) for one in zip(*times[1:], strict=True))
    return {
        "requests": len(bodies),
        "requests_to_others": len(others),
        "html_bytes": len(bodies[here]),
        "bytes": sum(map(len, bodies.values())),
        "gzip_bytes": sum(len(gzip.compress(one, 6)) for one in bodies.values()),
        "first_paint_ms": painted,
        "dom_ready_ms": ready,
    }


def rates(ports: dict[str, int], rounds: int, seconds: float) -> dict[str, float]:
    """Answers per second, medians of all rounds, and each server's share of the bare page's in the same round."""
    found: dict[str, list[float]] = {kind: [] for kind in ports}
    for kind in ports:
        asyncio.run(answers(ports[kind], min(seconds, 0.5)))
    for one in range(rounds):
        for kind in list(ports)[:: 1 if one % 2 else -1]:
            found[kind].append(asyncio.run(answers(ports[kind], seconds)))
    shares = {
        f"{kind}_of_bare": statistics.median(x / y for x, y in zip(found[kind], found["bare"], strict=True))
        for kind in ports
        if kind != "bare"
    }
    return {f"{kind}_per_second": statistics.median(one) for kind, one in found.items()} | shares


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=7, help="how often Chromium opens the page")
    arguments.add_argument("--rounds", type=int, default=9, help="how often each server is asked")
    arguments.add_argument("--seconds", type=float, default=1.0, help="for how long, each time")
    arguments.add_argument("--json", action="store_true", help="print numbers for a program")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as open_servers:
        folder = Path(name)
        asyncio.run(freeze(folder))
        ports = {"cached": open_servers.enter_context(serving("cached", folder))}
        page = drawn(ports["cached"], chosen.runs)
        ports["uncached"] = open_servers.enter_context(serving("uncached", folder))
        ports["bare"] = open_servers.enter_context(serving("bare", folder, int(page["html_bytes"])))
        measured = page | rates(ports, chosen.rounds, chosen.seconds)
    if chosen.json:
        sys.stdout.write(json.dumps(measured, indent=2) + "\n")
        return
    kilobytes = measured["bytes"] / LIMIT_BYTES
    rows = [
        (
            "first page, all it needs",
            f"{measured['bytes'] / 1e3:.1f} kB",
            f"{LIMIT_BYTES / 1e3:.0f} kB",
            f"{kilobytes:.2f}",
        ),
        ("the same, gzip", f"{measured['gzip_bytes'] / 1e3:.1f} kB", "", ""),
        ("requests to us", f"{measured['requests']}", "", ""),
        ("requests to others", f"{measured['requests_to_others']}", "0", ""),
        (f"first paint, median of {chosen.runs}", f"{measured['first_paint_ms']:.0f} ms", "", ""),
        ("DOM ready", f"{measured['dom_ready_ms']:.0f} ms", "", ""),
        ("bare Starlette page", f"{measured['bare_per_second']:.0f} /s", "", "1"),
        ("front page, cached", f"{measured['cached_per_second']:.0f} /s", "", f"{measured['cached_of_bare']:.2f}"),
        (
            "front page, uncached",
            f"{measured['uncached_per_second']:.0f} /s",
            "",
            f"{measured['uncached_of_bare']:.3f}",
        ),
    ]
    for what, value, limit, share in [("", "measured", "limit", "share"), *rows]:
        sys.stdout.write(f"{what:<32}{value:>12}{limit:>8}{share:>8}\n")


if __name__ == "__main__":
    main()
