"""Where the installations that tests make keep their state: each in the file of its folder, or each in a database of
its own on a real PostgreSQL (NEWSLETTER_TEST_DATABASE=postgresql)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

ON_POSTGRESQL = os.environ.get("PYTEST_NEWSLETTER_TEST_DATABASE") == "postgresql"


class _Made:
    """The databases by state folder, and what drops them. `free` is that of the test, until a folder takes it."""

    def __init__(self) -> None:
        self.urls: dict[Path, str] = {}
        self.free: list[str] = []
        self.in_files = not ON_POSTGRESQL
        self.dropping = ExitStack()

    def new(self, like: str = "") -> str:
        import postgres  # which takes a while to load

        return self.dropping.enter_context(postgres.database(like=like))


_made = _Made()


@contextmanager
def of_a_test(*, in_files: bool, at_once: bool) -> Iterator[str | None]:
    """While a test runs: `in_files` all that it makes keep their state there. `at_once` gives the URL of a database for
    its first installation, else None. What fixtures that live longer have made stays."""
    lasting = _made.urls.copy(), _made.in_files, _made.dropping
    _made.in_files = in_files or not ON_POSTGRESQL
    try:
        with ExitStack() as _made.dropping:
            url = _made.new() if at_once and not _made.in_files else None
            _made.free = [url] if url else []
            yield url
    finally:
        _made.urls, _made.in_files, _made.dropping = lasting
        _made.free = []


def of(state: Path) -> str:
    """The URL of the database of the installation with the state folder `state`."""
    place = state.resolve()
    if place not in _made.urls:
        if _made.in_files:
            return f"sqlite:///{place}/newsletter.db"
        _made.urls[place] = _made.free.pop() if _made.free else _made.new()
    return _made.urls[place]


def copied(state: Path, to: Path) -> Path:
    """`to`, made a state folder with all that `state` has, its database too."""
    shutil.copytree(state, to)
    if is_server(url := of(state)):
        _made.urls[to.resolve()] = _made.new(like=url)
    return to


def drop_all() -> None:
    """What is there at the end of all tests."""
    _made.dropping.close()


def is_server(url: str) -> bool:
    """Whether it is one on PostgreSQL."""
    return url.startswith("postgresql")


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection to the database at `url`, with a transaction that is committed at the end."""
    from sqlalchemy import NullPool, create_engine, make_url

    parts = make_url(url)
    engine = create_engine(parts.set(drivername="postgresql+psycopg") if is_server(url) else parts, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of the last of `statements`, which are done as they are, in one transaction."""
    rows: list[tuple[Any, ...]] = []
    with connected(url) as connection:
        for statement in statements:
            done = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in done] if done.returns_rows else []
    return rows


def all_rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, those of the ledger as of one table."""
    from sqlalchemy import inspect

    with connected(url) as connection:
        names = [name for name in inspect(connection).get_table_names() if not name.startswith("deliveries_")]
    return {name: execute(url, f'SELECT * FROM "{name}" ORDER BY 1') for name in names}
