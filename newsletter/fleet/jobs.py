"""The jobs in the database: deferred, counted, taken back, and what they have to tell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager
from sqlalchemy import func, or_, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.fleet import staff
from newsletter.fleet.staff import Member
from newsletter.logs import without_addresses
from newsletter.model import State
from newsletter.store import Store, tables

ROWS = 2_000
"""Deliveries that one job sends at the most: some seconds' work, so that all workers have some to the end."""

READERS = 20_000
"""Readers that one job plans: one transaction of the ledger."""

BEAT = 5.0
"""Seconds between two signs of life of a worker."""

STALLED = 15.0
"""Seconds without one after which its jobs go to the others."""

PRIORITY = {"confirm": 100, "collect": 60, "freeze": 50, "plan": 40, "bounces": 30, "deliver": 20, "prune": 10}
"""Of two jobs that wait, the one with more goes first: who signs up looks at the mailbox now."""

QUEUES = tuple(PRIORITY)
"""Named after the steps."""

_ROUNDED = 15
"""Deliveries that are put off come again together, in steps of so many seconds."""

TELL = "tell"
"""The queue of what workers have to say."""

_OWNER = "job:"

_VERSION = """
    SELECT coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class
    WHERE relname = 'procrastinate_jobs' AND relnamespace = current_schema()::regnamespace
"""
"""The newest migration that the tables have, which stands in a comment; NULL when there are none. Not by `to_regclass`:
what that knows may be from before another one's commit that this one has waited for."""

_READY = """
    SELECT count(*) FROM pg_class
    WHERE relname = 'newsletter_workers' AND relnamespace = current_schema()::regnamespace
"""
_STATES = "SELECT id, status::text FROM procrastinate_jobs WHERE id = ANY(:ids)"
_QUEUED = "SELECT DISTINCT queue_name FROM procrastinate_jobs WHERE id = ANY(:ids) AND status = 'todo'"
_PENDING = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE task_name = 'deliver' AND args ->> 'day' = ANY(:days)
      AND CASE status WHEN 'doing' THEN id > :ending WHEN 'todo' THEN
          attempts > 0 OR scheduled_at IS NULL OR scheduled_at <= now() ELSE false END
"""
"""Those that were put off until a relay wants to hear of them again are left out."""

_WAITING = "SELECT id FROM procrastinate_jobs WHERE task_name = 'deliver' AND status = 'todo' AND args ->> 'day' = :day"
_FATES = "SELECT id, status::text, attempts FROM procrastinate_jobs WHERE task_name = 'deliver'"
_TOLD = """
    SELECT id, args FROM procrastinate_jobs
    WHERE task_name = 'tell' AND id > :after AND args ->> 'about' = ANY(:about) ORDER BY id
"""
_NEWEST = "SELECT coalesce(max(id), 0) FROM procrastinate_jobs"


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence of a worker; with `failed`, why a job was given up."""

    id: int
    sentence: str
    failed: bool


def new_app(url: str) -> App:
    """Procrastinate in the database of `url` (as SQLAlchemy writes it); it connects when it is opened."""
    _quieten()
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    cut_off = {"connect_timeout": 10, "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5}
    connector = PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4, timeout=STALLED / 2, kwargs=cut_off)
    return App(connector=connector)


def _quieten() -> None:
    """Of jobs as they come and go nobody is to hear, and what is to be said of a failing database we say once, in a
    sentence."""
    for name in ("procrastinate", "psycopg"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def owner_of(job: Job) -> str:
    """The name of an attempt at `job` in the ledger's leases. Whoever takes the job over knows by it that what the
    attempts before hold is nobody's any more."""
    return f"{_OWNER}{job.id}:{job.attempts}"


class Jobs:
    """Jobs in the database of `store`. `app` needs not be opened for what is asked of it here."""

    def __init__(self, app: App, store: Store) -> None:
        self._app = app
        self._store = store

    async def prepare(self) -> None:
        """Make Procrastinate's tables and that of the workers, or bring them to the version that is installed. Raises
        StoreError."""
        scripts = _migrations()
        newest = scripts[-1].name
        async with self._store.database.read() as reading:
            if await reading.scalar(text(_VERSION)) == newest and await reading.scalar(text(_READY)):
                return
        async with self._store.database.write() as connection:
            version = await connection.scalar(text(_VERSION))  # once more, now that nobody else can change it
            # Tables without a note of ours were made by hand, by the program that is installed.
            later = [script for script in scripts if version and script.name > version]
            texts = [SchemaManager.get_schema()] if version is None else [one.read_text("utf-8") for one in later]
            try:
                driver = await _driver(connection)
                for script in [*texts, f"COMMENT ON TABLE procrastinate_jobs IS '{newest}'", staff.TABLE]:
                    await driver.execute(script.encode())
            except psycopg.Error as error:
                raise StoreError(
                    f"The tables of Procrastinate cannot be made in {self._store.database.place} ({error}): "
                    "give its user the right to create tables, types and functions."
                ) from error

    async def defer(
        self,
        task: str,
        *several: dict[str, Any],
        connection: AsyncConnection | None = None,
        lock: str | None = None,
        once: str | None = None,
        at: datetime | None = None,
    ) -> list[int]:
        """Defer a job of `task` for each of `several` (its arguments), to be done from `at` on; their numbers.

        With `connection` that is part of its transaction. Of jobs with one `lock` only one is done at a time; of those
        with the same `once` that wait, there is one: the second is not made, and the transaction has failed.
        """
        if connection is None:
            async with self._store.database.write_beside() as own:
                return await self.defer(task, *several, connection=own, lock=lock, once=once, at=at)
        configured = self._app.configure_task(
            task,
            queue=task,
            priority=PRIORITY.get(task, 0),
            lock=lock,
            queueing_lock=once,
            schedule_at=at,
            connection=await _driver(connection),
        )
        return await configured.batch_defer_async(*several)

    async def unless_deferred(self, task: str, once: str, at: datetime, **arguments: Any) -> None:
        """Defer a job that is done once, at some moment, however many ask for it."""
        rounded = datetime.fromtimestamp(-(-at.timestamp() // _ROUNDED) * _ROUNDED, UTC)
        try:
            await self.defer(task, arguments, once=f"{once} {rounded.isoformat()}", at=rounded)
        except AlreadyEnqueued:
            return

    async def enough(self, day: date, now: datetime, ending: int = 0) -> int:
        """Have as many jobs for `day` as the deliveries are worth that may go out at `now`; how many were missing.
        `ending` is the job that asks (see `pending`)."""
        wanted = -(-await self._due(day, now) // ROWS)
        missing = wanted - await self.pending([day], ending)
        if missing > 0:
            await self.defer("deliver", *[{"day": day.isoformat()}] * missing)
        return max(missing, 0)

    async def _due(self, day: date, now: datetime) -> int:
        """How many deliveries of `day` may be claimed at `now`."""
        open_ = await self._store.ledger.open_counts(day)
        if not open_[State.DEFERRED]:
            return open_[State.READY]
        async with self._store.database.read() as connection:
            column = tables.deliveries.c
            its_time = or_(column.next_at.is_(None), column.next_at <= now)
            query = select(func.count()).where(column.local_date == day, column.state == State.DEFERRED, its_time)
            return open_[State.READY] + (await connection.scalar(query) or 0)

    async def states(self, ids: Collection[int]) -> dict[int, str]:
        """The states of the jobs `ids`: `todo`, `doing`, `succeeded`, `failed`, `cancelled` or `aborted`."""
        async with self._store.database.read() as connection:
            return dict((await connection.execute(text(_STATES), {"ids": list(ids)})).all())

    async def queued(self, ids: Collection[int]) -> list[str]:
        """The queues in which those of the jobs `ids` are that nobody has begun."""
        async with self._store.database.read() as connection:
            return list(await connection.scalars(text(_QUEUED), {"ids": list(ids)}))

    async def pending(self, days: Sequence[date], ending: int = 0) -> int:
        """How many jobs there are to send something for `days` now.

        A job that is `ending` looks for what it leaves behind. It counts neither itself nor, of those that are being
        done, the earlier ones: when several end at once the latest sees to it, and they do not rely on each other.
        """
        return int(await self._number(_PENDING, days=[day.isoformat() for day in days], ending=ending))

    async def workers(self) -> list[Member]:
        """Those that have given a sign of life of late."""
        return await staff.at_work(self._store, STALLED)

    async def newest(self) -> int:
        """The number of the job that was deferred last."""
        return int(await self._number(_NEWEST))

    async def _number(self, query: str, **values: object) -> int:
        async with self._store.database.read() as connection:
            return await connection.scalar(text(query), values) or 0

    async def cancel(self, day: date) -> None:
        """Take back the jobs for `day` that nobody has begun."""
        async with self._store.database.write_beside() as connection:
            waiting = await connection.scalars(text(_WAITING), {"day": day.isoformat()})
            await self._cancel(connection, list(waiting))

    async def tell(self, about: str, sentence: str, *, failed: bool = False) -> None:
        """Leave a sentence for the runs that wait for the jobs about a day, or about a source.

        It is a job that is cancelled as it is made: so it lies where everything else about the jobs does, and goes with
        the old ones. It is kept and read where nobody looks for readers to be forgotten, so it names no address.
        """
        async with self._store.database.write_beside() as connection:
            row = {"about": about, "sentence": without_addresses(sentence), "failed": failed}
            await self._cancel(connection, await self.defer(TELL, row, connection=connection))

    async def _cancel(self, connection: AsyncConnection, ids: Sequence[int]) -> None:
        driver = await _driver(connection)
        for number in ids:
            await self._app.job_manager.cancel_job_by_id_async(number, connection=driver)

    async def told(self, about: Sequence[str], after: int) -> list[Told]:
        """What was told about days and sources since the job `after`, in order."""
        async with self._store.database.read() as connection:
            rows = await connection.execute(text(_TOLD), {"about": list(about), "after": after})
            return [Told(number, told["sentence"], told["failed"]) for number, told in rows]

    async def judging(self, otherwise: Callable[[str], bool | None]) -> Callable[[str], bool | None]:
        """Whether the owner of a lease is at work, as `Ledger.recover` asks: of jobs as they are now, of others as
        `otherwise` says.

        An attempt is over when the job is done, or at a later attempt: that stays so. One that had not begun when we
        looked may have since, so nothing is said of it.
        """
        async with self._store.database.read() as connection:
            rows = (await connection.execute(text(_FATES))).all()
        known = {number: (state, attempts) for number, state, attempts in rows}

        def is_alive(owner: str) -> bool | None:
            if not owner.startswith(_OWNER):
                return otherwise(owner)
            number, _, attempt = owner.removeprefix(_OWNER).partition(":")
            state, attempts = known.get(int(number), ("", 0))
            if state and (attempts > int(attempt) or state not in ("todo", "doing")):
                return False
            return True if state == "doing" else None

        return is_alive

    async def recover(self, now: datetime, on_unknown: str, otherwise: Callable[[str], bool | None]) -> None:
        """Take back what dead senders held, jobs and others (see `Ledger.recover`)."""
        await self._store.ledger.recover(now, on_unknown, await self.judging(otherwise))


def _migrations() -> list[Path]:
    """Those of the Procrastinate that is installed, in their order."""
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


async def _driver(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The driver's connection, with the transaction that is open on it."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver
