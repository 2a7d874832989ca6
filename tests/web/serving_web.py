"""The page as it is served: uvicorn on a free port of this machine, over an installation with two frozen days.

    installation = await installed(tmp_path)            # two editions, frozen and delivered to the local mailbox
    with serving(installation) as address:              # "http://127.0.0.1:PORT"; ended cleanly with the block
        httpx.get(f"{address}/editions/2025-03-12")

The server runs in a thread with a loop of its own, so that tests may block (Playwright's synchronous API) or be
coroutines as they like, and open the same database beside it. `conftest.py` has both as fixtures for tests that only
read: `installation` and `address`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import databases
import uvicorn
from fastapi import FastAPI

from newsletter.assembly import opened_daily
from newsletter.model import Batch, Observation, Paper, Subscriber, Topic, Verdict
from newsletter.settings import Configuration, configuration_folder, load
from newsletter.web.app import application

DAYS = (date(2025, 3, 11), date(2025, 3, 12))
NOW = datetime(2025, 3, 12, 9, tzinfo=UTC)
READER = Subscriber("ada@example.org", "Ada", topics=("neural-fields", "language-models"))

Made = TypeVar("Made")

_SERVED: dict[str, FastAPI] = {}

_PATIENCE = 20.0


def free_port() -> int:
    """A port that nobody listens on; for whoever has to name it before the server runs (`site`)."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def configured(
    folder: Path,
    *,
    site: str | None = None,
    readers: Sequence[Subscriber] = (READER,),
    topics: Sequence[Topic] | None = None,
    **flags: object,
) -> Configuration:
    """The shipped configuration with its state in `folder`; `site` is `site.url`, `flags` replace whole tables of the
    settings, `topics` the shipped ones."""
    given: dict[str, object] = {
        "state_dir": folder / "var",
        "secret_keys": ["a-key-for-the-tests-of-the-page"],
        # What the tests expect must not hang on which extras are installed.
        "ranking": {"models": "none"},
        "site": {"url": site} if site else {},
    }
    if databases.is_server(url := databases.of(folder / "var")):
        given["database"] = {"url": url}
    loaded = load(configuration_folder(), given | flags)
    return replace(loaded, subscribers=tuple(readers), topics=loaded.topics if topics is None else tuple(topics))


async def installed(
    folder: Path,
    *,
    site: str | None = None,
    readers: Sequence[Subscriber] = (READER,),
    topics: Sequence[Topic] | None = None,
    days: Sequence[date] = DAYS,
    **flags: object,
) -> Configuration:
    """The configuration of an installation in `folder` whose editions of `days` are frozen and delivered, made of the
    seeds unless `flags` name other `sources`. See `configured`."""
    configuration = configured(folder, site=site, readers=readers, topics=topics, **flags)
    for day in days:
        now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        async with opened_daily(configuration, now=lambda now=now: now) as daily:  # type: ignore[misc]  # the loop's day
            report = await daily.run(now, day)
            if report.failure:
                raise report.failure
    return configuration


async def holding(
    folder: Path, papers: Sequence[Paper], observations: Sequence[Observation] = (), **options: Any
) -> Configuration:
    """The configuration of an installation in `folder` whose one edition, of the last of DAYS, holds `papers` word for
    word: no source has cleaned them. `options` are those of `configured`."""
    configuration = configured(folder, **options)
    async with opened_daily(configuration, now=lambda: NOW) as daily:
        brought = Batch("page", "page", DAYS[-1], tuple(papers), Verdict.NEW, "new", observations=tuple(observations))
        await daily.store.batches.remember(brought, NOW)
        await daily.publishing.freeze(DAYS[-1])
    return configuration


def aside(work: Coroutine[Any, Any, Made]) -> Made:
    """The result of `work`, done in a thread: Playwright's synchronous API keeps a loop running in ours."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def serving(
    configuration: Configuration, *, port: int = 0, root: str = "", now: Callable[[], datetime] = lambda: NOW
) -> Iterator[str]:
    """Serve `configuration` on `port` (0: a free one) of 127.0.0.1; its address, without `root` and without a slash at
    its end."""
    app = application(configuration, root=root, now=now)
    # Named as TCP, because asyncio else lets the second half of every answer wait for 40 ms (Nagle's algorithm).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        _wait(lambda: server.started or not thread.is_alive())
        assert server.started, "the server did not start"
        _SERVED[address] = app
        yield address
    finally:
        _SERVED.pop(address, None)
        server.should_exit = True
        thread.join(_PATIENCE)
        listener.close()
        assert not thread.is_alive(), "the server did not end"


def served_app(address: str) -> FastAPI:
    """The application that is served at `address`."""
    return _SERVED[address]


def settle() -> None:
    """Wait until every sign-up has been answered that can be: the page answers before it sends the message."""
    for app in list(_SERVED.values()):
        _wait(lambda app=app: app.state.answering.is_idle)  # type: ignore[misc]  # the loop's application


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
