"""A worker: takes jobs until it is told to stop, and those of workers that died.

Why a worker may die at any moment, and nothing is lost, and nothing doubled but what physics forbids to know:

- A job that is being done belongs to a worker, which gives a sign of life every `BEAT` seconds. After `STALLED` seconds
  without one the others take its jobs back (`_take_over`), and the next attempt has another number.
- What an attempt has claimed in the ledger is leased to that attempt. The next one takes it back: what was only claimed
  is sent, and what was being handed over (at most the open connections, and one group of outcomes that were not on the
  disk) is unknown, and goes out once more or is held, as `delivery.on_unknown` says.
- A worker that was only cut off, or stopped for a while, still lives. It cannot begin a message: before the DATA
  command it writes down that it is about to, and the row is not its any more. It cannot claim others: without a sign of
  life that the database has taken it stops by itself (`_stop_when_out_of_touch`), before the others take its jobs. And
  it cannot settle the job, which is not its any more (`Fenced`).
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Collection, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from procrastinate import PsycopgConnector, sql
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from sqlalchemy import text

from newsletter.daily.working import Beside, Workplace
from newsletter.errors import NewsletterError, StoreError
from newsletter.fleet import jobs as numbers
from newsletter.fleet import staff
from newsletter.fleet.jobs import Jobs, new_app
from newsletter.fleet.staff import Likeness, Standing
from newsletter.fleet.steps import Steps

QUICK = frozenset({"confirm"})
"""Queues whose jobs do not wait until one that takes long is done: they are taken beside it."""

_LOOK = 2.0
"""Seconds between two looks for jobs whose time has come; new ones are announced by the database."""

_MARGIN = 10.0
"""Seconds beyond the grace time, after which a job that was told to end is cut off."""

_PAUSES = (1.0, 2.0, 4.0, 8.0)
_ONE_AT_A_TIME = zlib.crc32(b"newsletter: jobs of dead workers")

_AWAY = (StoreError, ConnectorException, psycopg.Error)

_AS_TAKEN = """
    SELECT id FROM procrastinate_jobs
    WHERE id = %(id)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker)s AND attempts = %(attempts)s
    FOR UPDATE
"""


async def work(
    url: str,
    alike: Likeness,
    opened: Callable[[], AbstractAsyncContextManager[Workplace]],
    beside: Callable[[Workplace], Beside],
    queues: Collection[str],
    concurrency: int,
    now: Callable[[], datetime],
    say: Callable[[str], None],
    told_to_stop: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Take jobs of `queues`, `concurrency` at a time, until `told_to_stop` returns; then end within the grace time.
    `alike` is what this machine must have in common with the others.

    When the database goes away all is closed, and opened again when it is back. Raises StoreError when it is not there
    at the beginning, NewsletterError when there is nothing to do here.
    """
    stopping = asyncio.create_task(told_to_stop())
    was_open, failures = False, 0
    while not stopping.done():
        try:
            async with opened() as place:
                shift = _Shift(url, alike, place, beside(place), queues, concurrency, now, say)
                await shift.begin()
                say("the database is back" if was_open else f"ready: {', '.join(queues)}")
                was_open, failures = True, 0
                await shift.work(stopping)
        except _AWAY as error:
            if not was_open:
                raise
            if not failures and not stopping.done():
                say(f"{_words(error)} This worker waits for it.")
            await asyncio.wait([stopping], timeout=_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1
        except asyncio.CancelledError:
            stopping.cancel()
            raise
    say("stopped")


def _words(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    cause = error.__cause__ or error
    if isinstance(cause, (psycopg.OperationalError, ConnectorException)):
        return "The database cannot be reached."
    return f"The database does not do what was asked of it ({cause})."


class _Shift:
    """A worker's work, from the moment that the database is there until it is not."""

    def __init__(
        self,
        url: str,
        alike: Likeness,
        place: Workplace,
        beside: Beside,
        queues: Collection[str],
        concurrency: int,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self._place = place
        self._app = new_app(url)
        if beside.bounces is None:
            queues = [name for name in queues if name != "bounces"]
        standing = Standing(place.store, list(queues), alike)
        self._fenced = Fenced(self._app.connector, standing)
        self._app.job_manager = self._fenced
        self._jobs = Jobs(self._app, place.store)
        self._steps = Steps(self._app, self._jobs, place, beside, standing, now, say)
        quick = [name for name in queues if name in QUICK]
        others = [name for name in queues if name not in QUICK]
        self._lanes = [(names, size) for names, size in ((others, concurrency), (quick, 1)) if names]

    async def begin(self) -> None:
        """Raises NewsletterError when there is nothing that this machine can do."""
        if not self._lanes:
            raise NewsletterError("a worker for `bounces` alone needs a mailbox to look into: set bounces.mailbox")
        await self._jobs.prepare()

    async def work(self, stopping: asyncio.Task[None]) -> None:
        """Until `stopping` is done, or the database fails: then raises StoreError, or what the driver raises."""
        async with self._app.open_async():
            grace = self._place.rules.grace + _MARGIN
            lanes = [asyncio.create_task(self._lane(names, size, grace)) for names, size in self._lanes]
            beside = [
                asyncio.create_task(self._steps.broken.wait()),
                asyncio.create_task(self._stop_when_out_of_touch()),
                asyncio.create_task(self._take_over()),
            ]
            try:
                await asyncio.wait([*lanes, *beside, stopping], return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._steps.stop()
                for lane in lanes:
                    lane.cancel()  # which waits until its jobs have ended
                await asyncio.wait(lanes)
                for task in beside:
                    task.cancel()
                ended = await asyncio.gather(*lanes, *beside, return_exceptions=True)
        if stopping.done():
            return
        if self._steps.fault:
            raise self._steps.fault
        for error in ended:
            if isinstance(error, Exception):
                raise error
        raise ConnectorException("the worker ended by itself")

    async def _lane(self, queues: Collection[str], concurrency: int, grace: float) -> None:
        await self._app.run_worker_async(
            queues=queues,
            concurrency=concurrency,
            install_signal_handlers=False,
            fetch_job_polling_interval=_LOOK,
            shutdown_graceful_timeout=grace,
            update_heartbeat_interval=numbers.BEAT,
            stalled_worker_timeout=numbers.STALLED,
        )

    async def _stop_when_out_of_touch(self) -> None:
        """Returns when the others may soon take this worker for dead."""
        while (left := self._fenced.beaten + numbers.STALLED - numbers.BEAT - time.monotonic()) > 0:  # noqa: ASYNC110 - it is a clock
            await asyncio.sleep(left)

    async def _take_over(self) -> None:
        """Make jobs of workers that gave no sign of life wait for another one. One worker does so at a time: the job
        that a second one would find may be somebody's again."""
        alone = text("SELECT pg_try_advisory_xact_lock(:number)")
        while True:
            await asyncio.sleep(numbers.BEAT)
            async with self._place.store.database.write_beside() as connection:
                if await connection.scalar(alone, {"number": _ONE_AT_A_TIME}):
                    await self._fenced.prune_stalled_workers(numbers.STALLED)
                    for job in await self._fenced.get_stalled_jobs(seconds_since_heartbeat=numbers.STALLED):
                        await self._fenced.retry_job(job)


class Fenced(JobManager):
    """Changes a job only while it is still as its worker took it, takes none that sends while this worker rests, leaves
    those of other programs alone, and knows when the last sign of life was taken."""

    def __init__(self, connector: BaseConnector, standing: Standing) -> None:
        super().__init__(connector)
        assert isinstance(connector, PsycopgConnector)
        self._connector = connector
        self._standing = standing
        self.beaten = time.monotonic()

    async def register_worker(self) -> int:
        row = await self._connector.execute_query_one_async(staff.REGISTER, **self._standing.row)
        return int(row["worker_id"])

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        rows = await self._connector.execute_query_all_async(staff.DISMISS, silent=seconds_since_heartbeat)
        return [row["id"] for row in rows]

    async def get_stalled_jobs(self, *arguments: Any, **named: Any) -> Iterable[Job]:
        return [job for job in await super().get_stalled_jobs(*arguments, **named) if job.queue in numbers.QUEUES]

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        wanted = list(numbers.QUEUES if queues is None else queues)
        if "deliver" in wanted and await self._standing.rests():
            wanted.remove("deliver")
        return await super().fetch_job(wanted, worker_id) if wanted else None

    async def update_heartbeat(self, worker_id: int) -> None:
        begun = time.monotonic()
        await super().update_heartbeat(worker_id)
        self.beaten = begun

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self._changed("finish_job", job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        changes = {"new_priority": priority, "new_queue_name": queue, "new_lock": lock}
        await self._changed("retry_job", job, retry_at=retry_at or datetime.now(UTC), **changes)

    async def _changed(self, query: str, job: Job, **arguments: object) -> None:
        """Procrastinate's `query`, in the transaction in which the job's row was found as it was taken, and locked.

        When the database is away the job stays as it is, until the others find that nobody does it.
        """
        with suppress(psycopg.OperationalError):
            async with self._connector.pool.connection() as connection:
                taken = {"id": job.id, "worker": job.worker_id, "attempts": job.attempts}
                if await (await connection.execute(_AS_TAKEN, taken)).fetchone():
                    await connection.execute(sql.queries[query].encode(), {"job_id": job.id, **arguments})
