"""PostgreSQL: how transactions begin, which of them exclude each other, how tables differ, and faults in words.

What SQLite gives by having one writer, an advisory lock gives here: a transaction of `alone` has it from its first
statement to its commit (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS), so that what one
reads no other changes. The ledger's own traffic, which is nearly all there is, goes `beside` it: it locks rows.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from sqlalchemy import (
    Connection,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    create_engine,
    event,
    literal_column,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from newsletter.errors import StoreError
from newsletter.model import OPEN_STATES

_LOCK = zlib.crc32(b"newsletter: one writer")
"""The number of the advisory lock."""

_FAULTS = {
    "55P03": "is locked by another program: let that one finish, then try again",
    "40P01": "is busy: two transactions waited for each other, so try again",
    "53100": "cannot grow: the disk is full, so free some space and try again",
    "53200": "has no memory left: give the server more, or fewer connections",
    "08": "cannot be reached: check that the server runs, and its host and port in database.url",
    "22023": "cannot be connected to: an option of database.url, behind its question mark, is not one of PostgreSQL's",
    "25P03": "gave up a connection that was silent in the middle of its work: check the network, then try again",
    "40001": "is busy: another transaction came first, so try again",
    "57P05": "gave up a connection that was silent for too long: check the network, then try again",
    "53300": "takes no more connections: raise max_connections, or start fewer workers",
    "57P01": "was shut down: start the server again, then try again",
    "57P02": "crashed: look at the server's log, then try again",
    "57P03": "is starting or stopping: try again in a moment",
    "25006": "is read-only: name the primary server in database.url",
    "28P01": "does not take the password: correct it in database.url",
    "28000": "does not let this user in: check the user in database.url, and pg_hba.conf",
    "3F000": "has no schema to make tables in: create it, or correct search_path in database.url",
    "3D000": "does not exist: make it with `createdb`, or name another in database.url",
    "42501": "does not permit this: give its user the right to create tables in the schema, or name its owner",
}
"""What a person can do something about, by SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_BY_INDEX = ("enable_seqscan=off", "enable_bitmapscan=off", "enable_sort=off", "idle_in_transaction_session_timeout=5s")
"""For the ledger's own traffic: it looks rows up, in the order of an index, and takes the first. Of a day that was
planned a moment ago the server knows no statistics, and would sort a million rows for each claim of a thousand. And it
never thinks between two statements: of a client that does, the network is cut, and its locks are others' to have."""

_CUT_OFF = (
    "tcp_keepalives_idle=20",
    "tcp_keepalives_interval=10",
    "tcp_keepalives_count=3",
    "tcp_user_timeout=60s",
    "idle_in_transaction_session_timeout=2min",
)
"""How soon the server finds out that a client is cut off, in the middle of a transaction say, whose locks all others
wait for: by itself after two hours."""

_CONNECTIONS = 5
"""Connections of a process, kept open; half as many more in a rush."""


class Postgresql:
    """The engines of a database on a server."""

    def __init__(self, url: URL, lock_wait: float) -> None:
        """Prepare the engines; nothing is opened before it is needed. `lock_wait` in seconds is how long to wait for a
        lock. Raises StoreError when the driver is missing."""
        own = " ".join(url.normalized_query.get("options", ()))
        url = url.set(drivername="postgresql+psycopg").difference_update_query(["options"])
        self.place = url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "").replace(":***", "")
        self.one_writer = False
        try:
            import psycopg  # noqa: F401 - only to say what is missing
        except ImportError as error:
            raise StoreError(
                "database.url names a PostgreSQL database, which needs the extra `fleet`: "
                "pip install 'paper-newsletter[fleet]'."
            ) from error
        # A server that was restarted is not met with a connection from before.
        options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
        engine = create_async_engine(
            url,
            connect_args=_connecting(lock_wait, own),
            pool_size=_CONNECTIONS,
            max_overflow=_CONNECTIONS // 2,
            **options,
        )
        event.listen(engine.sync_engine, "begin", _begin)
        self.reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.beside = engine
        self.alone = engine.execution_options(alone=True)
        by_index = _connecting(lock_wait, own, *_BY_INDEX)
        self.direct = create_engine(url, connect_args=by_index, pool_size=1, max_overflow=0, **options)

    def fault(self, error: BaseException) -> str | None:
        """What is wrong, to stand behind the name of the database; None for what no person can mend."""
        state = _state(error)
        return _FAULTS.get(state) or (_FAULTS["08"] if state.startswith("08") else None)

    def is_away(self, error: BaseException) -> bool:
        """Whether the server, or the connection to it, is gone: what was asked of it may work in a while."""
        return _state(error)[:2] in ("08", "57") or _state(error) in ("25P03", "53300")


def _state(error: BaseException) -> str:
    """The SQLSTATE of an error of the driver; of a connection that could not be made, the one that fits best."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver, "sqlstate", None)
    if state is not None:
        return str(state)
    if type(driver).__name__ not in ("OperationalError", "ConnectionTimeout", "InterfaceError", "ProgrammingError"):
        return ""
    said = re.sub('"[^"]*"', '""', " ".join(str(driver).split()))
    return next((code for words, code in _SAID if re.search(words, said)), "08")


def _connecting(lock_wait: float, options: str, *settings: str) -> dict[str, Any]:
    """What the driver is told of a connection: `settings` of its session, and the operator's own `options`."""
    session = (f"lock_timeout={round(lock_wait * 1000)}", "timezone=UTC", "jit=off", *_CUT_OFF, *settings)
    return {
        "options": " ".join([*(f"-c {setting}" for setting in session), options]),
        "connect_timeout": max(2, round(lock_wait)),
        # Whose server went away without a word finds out in a minute, and not in two hours.
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


_SAID = (
    ("failed to resolve host", "08"),
    ('role ""', "28000"),
    ("too many connections", "53300"),
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("does not exist", "3D000"),
    ("is starting up", "57P03"),
    ("is shutting down", "57P03"),
    (r"invalid (\S+ )?value|invalid URI query parameter|invalid connection option|invalid SSL protocol", "22023"),
    ("bad value for|unrecognized configuration parameter", "22023"),
)
"""libpq gives no SQLSTATE for a connection that could not be made, only words; the first that are there count. What
they quote is taken out before: a host or a database may have any name."""


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("alone"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def tables_of_a_server(metadata: MetaData) -> MetaData:
    """`metadata` as PostgreSQL has it: deliveries in a partition for each day, so that old days are dropped and not
    deleted.

    A partitioned table's key holds what it is partitioned by. It has no foreign key: that would lock the row of every
    reader for every row planned, which the planning reads from there in the same statement.
    """
    here = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(here)
    deliveries = here.tables["deliveries"]
    for key in list(deliveries.foreign_key_constraints):
        deliveries.constraints.discard(key)
        for element in key.elements:
            deliveries.foreign_keys.discard(element)
            element.parent.foreign_keys.discard(element)
    _index(deliveries)
    deliveries.c.id.autoincrement = True
    deliveries.c.local_date.primary_key = True
    deliveries.append_constraint(PrimaryKeyConstraint("id", "local_date"))
    deliveries.dialect_options["postgresql"]["partition_by"] = "RANGE (local_date)"
    return here


def _index(deliveries: Table) -> None:
    """What is asked of the rows of a day: those that wait, in the order of their numbers; and whose a message was.

    Every change of a row is entered into every index that has it, so settled rows are in none of the first kind, and
    rows that were never sent in none of the second. A date needs none: it is a partition.
    """
    column = deliveries.c
    deliveries.indexes.clear()
    waits = column.state.in_([literal_column(f"'{state}'") for state in sorted(OPEN_STATES)])
    Index(None, column.state, column.id, postgresql_where=waits)
    Index(None, column.message_id, postgresql_where=column.message_id != literal_column("''"))
