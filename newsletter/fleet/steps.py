"""What a worker does for each kind of job: a step of the journey, with the code that a single process has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.daily.delivering import Delivering
from newsletter.daily.working import Beside, Workplace
from newsletter.errors import AwayError, NewsletterError, RefusalsError, RelayError, StoreError
from newsletter.fleet import jobs as numbers
from newsletter.fleet.arguments import from_json
from newsletter.fleet.jobs import Jobs, owner_of
from newsletter.fleet.staff import Standing
from newsletter.logs import without_addresses

REFUSALS, OUTAGES = 2, 20
"""Attempts at a job after which it is given up when the database refuses what it asks, or goes away under it."""

KEPT = 48
"""Hours that jobs are kept which are done."""

_log = logging.getLogger(__name__)


class GivenBackError(Exception):
    """The job is not done, and another worker is to do it: this one ends."""


class Again(BaseRetryStrategy):
    """A job is done again when it was given back or cut off, or the database was away or busy. What else went wrong
    would go wrong again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, (GivenBackError, asyncio.CancelledError)):
            return RetryDecision(retry_in={"seconds": 0})
        return RetryDecision(retry_in={"seconds": 2}) if may_pass(exception, job) else None


def may_pass(error: BaseException, job: Job) -> bool:
    """Whether `job` may go well in a while. A database that says no is asked again a few times, for it may be busy; one
    that is away, more often, for each time the job has been taken anew."""
    return isinstance(error, StoreError) and job.attempts < (OUTAGES if isinstance(error, AwayError) else REFUSALS)


class Steps:
    """The steps, as tasks of `app`. `standing` is that of this worker; `say` tells the operator something; `now` gives
    aware UTC.

    `fault` is what was said of the database when it went away, and `broken` is set: then all has to be opened anew.
    """

    def __init__(
        self,
        app: App,
        jobs: Jobs,
        place: Workplace,
        beside: Beside,
        standing: Standing,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self._app = app
        self._jobs = jobs
        self._standing = standing
        self._place = place
        self._beside = beside
        self._now = now
        self._say = say
        self._sending: set[Delivering] = set()
        self._stopping = False
        self.broken = asyncio.Event()
        self.fault: AwayError | None = None
        steps: dict[str, Callable[..., Awaitable[None]]] = {
            "confirm": self.confirm,
            "collect": self.collect,
            "freeze": self.freeze,
            "plan": self.plan,
            "bounces": self.bounces,
            "deliver": self.deliver,
            "prune": self.prune,
        }
        for name, step in steps.items():
            self._add(name, step)
        app.periodic(cron="17 * * * *", periodic_id="prune")(app.tasks["prune"])
        if beside.bounces:
            app.periodic(cron="*/5 * * * *", periodic_id="bounces", lock="bounces")(app.tasks["bounces"])

    def _add(self, name: str, step: Callable[..., Awaitable[None]]) -> None:
        async def carried_out(context: JobContext, /, **arguments: object) -> None:
            arguments.pop("timestamp", None)  # of what comes by the clock
            await self._carried_out(step, context.job, arguments)

        priority = numbers.PRIORITY[name]
        self._app.task(name=name, queue=name, priority=priority, pass_context=True, retry=Again())(carried_out)

    async def _carried_out(self, step: Callable[..., Awaitable[None]], job: Job, arguments: dict[str, object]) -> None:
        about = str(arguments.get("day") or arguments.get("source") or job.task_name)
        try:
            await step(job, **arguments)
        except GivenBackError:
            raise
        except NewsletterError as error:
            if isinstance(error, AwayError):
                self.fault = self.fault or error
                self.broken.set()
            if may_pass(error, job):
                raise
            why = without_addresses(str(error))
            self._say(f"{job.task_name} {about}: {why}")
            await self._jobs.tell(about, why, failed=True)
            raise
        except Exception as error:  # a fault of ours: it must not end unheard, and the others go on
            _log.error("%s %s failed", job.task_name, about, exc_info=error)
            await self._jobs.tell(about, f"{job.task_name} {_unheard_of(error)}", failed=True)
            raise

    def stop(self) -> None:
        """Begin nothing new: what is being handed over is finished, the rest is given back."""
        self._stopping = True
        for sending in self._sending:
            sending.stop()

    async def collect(self, job: Job, source: str) -> None:
        await self._place.daily.collect(only=[source])

    async def freeze(self, job: Job, day: str) -> None:
        await self._place.look()
        publishing = self._place.daily.publishing
        await publishing.freeze(date.fromisoformat(day))
        for alert in publishing.alerts:
            await self._jobs.tell(day, alert)

    async def plan(self, job: Job, day: str, after: int, until: int | None, due: dict[str, Any] | None = None) -> None:
        """Plan a slice of readers for `day`, or, told what is `due`, those of them whose moment has come."""

        async def and_send(connection: AsyncConnection, new: int) -> None:
            if new:
                several = [{"day": day}] * -(-new // numbers.ROWS)
                await self._jobs.defer("deliver", *several, connection=connection)

        publishing, of, among = self._place.daily.publishing, date.fromisoformat(day), (after, until)
        if due is None:
            await publishing.plan(of, among, and_send)
        else:
            occasion, slots, missed = from_json(of, due)
            await publishing.plan_due(occasion, slots, missed, among, None if missed else and_send)

    async def deliver(self, job: Job, day: str) -> None:
        of = date.fromisoformat(day)
        if job.attempts:
            # Whoever began this is dead, or knows that it is not theirs any more.
            rules = self._place.rules
            await self._jobs.recover(self._now(), rules.on_unknown, self._place.is_alive)
        await self._place.look()
        sending = self._place.delivering_as(owner_of(job))
        self._sending.add(sending)
        if self._stopping:
            sending.stop()
        try:
            attempted = await sending.deliver(of, numbers.ROWS)
        except RefusalsError:
            await self._jobs.cancel(of)  # they would come to the same end, and refuse some more
            raise
        except StoreError:
            raise
        except Exception as error:
            await self._leave_to_others(day, error)
            return
        finally:
            self._sending.discard(sending)
            for alert in sending.alerts:
                await self._jobs.tell(day, alert)
        if sending.stopped:
            raise GivenBackError
        if attempted:
            await self._standing.went_well()
        await self._follow(of, attempted, job.id or 0)

    async def _leave_to_others(self, day: str, error: Exception) -> None:
        """What is wrong here, the login, a template, the network, need not be wrong elsewhere: this worker rests, and
        another one does the job."""
        why = without_addresses(str(error))  # the relay's words name readers
        if not isinstance(error, NewsletterError):
            _log.error("deliver %s failed", day, exc_info=error)
            why = _unheard_of(error)
        passing = isinstance(error, RelayError) and error.temporary
        if failed := await self._standing.failed(why, passing=passing):
            failures, until = failed
            self._say(f"deliver {day}: {why}; this worker sends again at {until.astimezone(UTC):%H:%M:%S %Z}")
            if failures == 1:
                await self._jobs.tell(day, f"The worker {self._standing.name} leaves its mail to the others: {why}")
        await self._jobs.defer("deliver", {"day": day})

    async def _follow(self, day: date, attempted: int, ending: int) -> None:
        """See to it that what still waits has a job, now or when the relay wants to hear of it again."""
        now = self._now()
        if not await self._jobs.pending([day], ending):  # else one of those sees to it: to count the rows takes long
            await self._jobs.enough(day, now, ending)
        if (again := await self._place.store.ledger.next_at([day])) and again > now:
            if not attempted:
                await asyncio.sleep(1)  # the database's clock is ahead of ours, and it was too early
            await self._jobs.unless_deferred("deliver", f"again {day}", again, day=day.isoformat())

    async def confirm(self, job: Job) -> None:
        if again := await self._beside.confirm():
            await self._jobs.unless_deferred("confirm", "confirm", again)

    async def bounces(self, job: Job) -> None:
        if self._beside.bounces:
            await self._beside.bounces()

    async def prune(self, job: Job) -> None:
        """Take out our jobs that are done, for other programs may have theirs beside them; and what is too old to be
        kept."""
        for queue in (*numbers.QUEUES, numbers.TELL):
            await self._app.job_manager.delete_old_jobs(
                KEPT, queue, include_failed=True, include_cancelled=True, include_aborted=True
            )
        await self._place.daily.pruning.prune(self._now())


def _unheard_of(error: Exception) -> str:
    """A fault of ours, for others to read: its words may hold an address, and are in the log of this machine."""
    return f"failed with {type(error).__name__}, which should not happen: see the worker's log, and please report it"
