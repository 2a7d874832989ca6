"""What is always the same and takes long to make, made once in a process: thousands of tests need it anew."""

from __future__ import annotations

import os
import ssl
from functools import cache, wraps
from types import CodeType
from typing import Any

import httpx
import httpx._transports.default
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy import Connection, event
from sqlalchemy.util import await_only


class _Compiled(BytecodeCache):
    """What was made of each file of each content."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


def templates() -> None:
    """From now on let all Jinja2 environments of this process that have no cache of their own share one: compiling the
    shipped templates takes a tenth of a second."""
    begin, shared = Environment.__init__, _Compiled()

    @wraps(begin)
    def begin_sharing(self: Environment, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self.bytecode_cache = self.bytecode_cache or shared

    Environment.__init__ = begin_sharing  # type: ignore[method-assign]  # there is no other place to say it for all


def certificates() -> None:
    """From now on let httpx read the authorities' certificates once for each place where they may lie, and not for each
    client: they are hundreds."""
    make = httpx.create_ssl_context

    @cache
    def made(place: tuple[str | None, ...], *given: Any, **named: Any) -> ssl.SSLContext:
        return make(*given, **named)

    @wraps(make)
    def remembered(*given: Any, **named: Any) -> ssl.SSLContext:
        return made(tuple(map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))), *given, **named)

    for place in (httpx, httpx._transports.default):
        place.create_ssl_context = remembered  # type: ignore[attr-defined]  # the second has it by import


def tables() -> None:
    """From now on let the statements that gave one new SQLite database its tables do so for all of this process, in one
    go: wording them again, and waiting for each, takes three quarters of the time that opening a new one does."""
    from newsletter.store import migrating  # which not every process of a test needs

    make = migrating._make
    statements: dict[str, list[tuple[str, Any]]] = {}

    @wraps(make)
    def make_again(connection: Connection) -> None:
        if connection.dialect.driver != "aiosqlite":
            make(connection)
        elif known := statements.get(migrating.HEAD):
            await_only(_carry_out(known, connection.connection.driver_connection))
        else:
            said: list[tuple[str, Any]] = []

            def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
                said.append((statement, parameters))

            event.listen(connection, "before_cursor_execute", hear)
            make(connection)
            event.remove(connection, "before_cursor_execute", hear)
            statements[migrating.HEAD] = said

    migrating._make = make_again


async def _carry_out(statements: list[tuple[str, Any]], connection: Any) -> None:
    """Do them in the thread of an aiosqlite `connection`, which has no public way to do several."""

    def work() -> None:
        for statement, parameters in statements:
            connection._conn.execute(statement, parameters)

    await connection._execute(work)
