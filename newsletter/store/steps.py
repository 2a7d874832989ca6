"""Steps: how often each was done, how long it took, and when it last went well. One row for each, however old it gets.

Any process may write and any may read: so one that serves the page can tell how the last run of another one was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Column, Date, Float, Integer, Table, Text, select, update

from newsletter.store.columns import UtcDateTime, metadata
from newsletter.store.database import Database, insert_new

RUN = "run"
"""The step that is all of them: a run, as its report tells."""

table = Table(
    "steps",
    metadata,
    Column("step", Text, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    # Of all the times together, and of the last.
    Column("seconds", Float, nullable=False),
    Column("last_seconds", Float, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    # When, and for which day, it last went well.
    Column("good_at", UtcDateTime),
    Column("good_day", Date),
    # Why it last did not.
    Column("failed_at", UtcDateTime),
    Column("why", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What is known of a step. `failures` of its `times` went wrong, the last one at `failed_at` because of `why`;
    `seconds` are those of all times together."""

    step: str
    times: int
    failures: int
    seconds: float
    last_seconds: float
    ended_at: datetime
    good_at: datetime | None
    good_day: date | None
    failed_at: datetime | None
    why: str


class Steps:
    """Notes and tells."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, step: str, at: datetime, seconds: float = 0.0, *, day: date | None = None, why: str = ""
    ) -> None:
        """`step` ended `at`, after `seconds`, for `day` where it was for one; `why` it failed, empty where it went
        well."""
        column = table.c
        first = {
            "step": step,
            "times": 0,
            "failures": 0,
            "seconds": 0.0,
            "last_seconds": 0.0,
            "ended_at": at,
            "why": "",
        }
        ended = {
            "times": column.times + 1,
            "seconds": column.seconds + seconds,
            "last_seconds": seconds,
            "ended_at": at,
        }
        how = (
            {"failures": column.failures + 1, "failed_at": at, "why": why} if why else {"good_at": at, "good_day": day}
        )
        async with self._database.write_beside() as connection:
            await connection.execute(insert_new(connection, table).values(**first))
            await connection.execute(update(table).where(column.step == step).values(**ended, **how))

    async def all(self) -> dict[str, StepRecord]:
        """What is known of each step, by name."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(table).order_by(table.c.step))).all()
        return {row.step: StepRecord(*row) for row in rows}
