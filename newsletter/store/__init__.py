"""What is remembered: SQLAlchemy Core tables, queries by noun, Alembic migrations."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from newsletter.store.alerts import Alert, Alerts
from newsletter.store.allowances import Allowances
from newsletter.store.answers import Answers
from newsletter.store.batches import Batches, BatchRecord
from newsletter.store.bounces import Bounce, Bounces
from newsletter.store.database import Database
from newsletter.store.editions import Editions
from newsletter.store.feedback import FeedbackLog
from newsletter.store.hours import ReadersHours, Slot
from newsletter.store.ledger import Ledger
from newsletter.store.marks import WithdrawnError
from newsletter.store.migrating import migrate
from newsletter.store.moments import Moments
from newsletter.store.overview import Overview
from newsletter.store.owners import Owner
from newsletter.store.paces import Paces
from newsletter.store.papers import Papers
from newsletter.store.posts import Posts
from newsletter.store.shown import Shown, ShownDigests
from newsletter.store.sign_ups import SignUp, SignUps
from newsletter.store.steps import RUN, StepRecord, Steps
from newsletter.store.subscribers import Subscribers
from newsletter.store.summaries import Summaries
from newsletter.store.suppressions import Suppression, Suppressions
from newsletter.store.topics import Topics
from newsletter.store.votes import Voted, Votes

__all__ = [
    "RUN",
    "Alert",
    "Alerts",
    "Allowances",
    "Answers",
    "BatchRecord",
    "Batches",
    "Bounce",
    "Bounces",
    "Editions",
    "FeedbackLog",
    "Ledger",
    "Moments",
    "Overview",
    "Owner",
    "Paces",
    "Papers",
    "Posts",
    "ReadersHours",
    "Shown",
    "ShownDigests",
    "SignUp",
    "SignUps",
    "Slot",
    "StepRecord",
    "Steps",
    "Store",
    "Subscribers",
    "Summaries",
    "Suppression",
    "Suppressions",
    "Topics",
    "Voted",
    "Votes",
    "WithdrawnError",
]


@dataclass(frozen=True, slots=True)
class Store:
    """The queries of one database, by noun. `async with await Store.open(url) as store:` closes it."""

    papers: Papers
    batches: Batches
    answers: Answers
    paces: Paces
    topics: Topics
    subscribers: Subscribers
    sign_ups: SignUps
    suppressions: Suppressions
    bounces: Bounces
    editions: Editions
    summaries: Summaries
    feedback: FeedbackLog
    ledger: Ledger
    shown: ShownDigests
    votes: Votes
    posts: Posts
    allowances: Allowances
    overview: Overview
    hours: ReadersHours
    moments: Moments
    steps: Steps
    alerts: Alerts
    database: Database

    @classmethod
    async def open(cls, url: str, lock_wait: float = 30.0) -> Store:
        """The store in the database at `url` (`sqlite:////path/to/file`), made or brought up to date where needed.

        `lock_wait` in seconds is how long a query waits for a lock. Raises StoreError, one sentence, when the database
        cannot be written, is not a database, or was made by a newer version.
        """
        database = Database(url, lock_wait)
        try:
            await migrate(database)
        except BaseException:
            await database.close()
            raise
        return cls(
            papers=Papers(database),
            batches=Batches(database),
            answers=Answers(database),
            paces=Paces(database),
            topics=Topics(database),
            subscribers=Subscribers(database),
            sign_ups=SignUps(database),
            suppressions=Suppressions(database),
            bounces=Bounces(database),
            editions=Editions(database),
            summaries=Summaries(database),
            feedback=FeedbackLog(database),
            ledger=Ledger(database),
            shown=ShownDigests(database),
            votes=Votes(database),
            posts=Posts(database),
            allowances=Allowances(database),
            overview=Overview(database),
            hours=ReadersHours(database),
            moments=Moments(database),
            steps=Steps(database),
            alerts=Alerts(database),
            database=database,
        )

    async def close(self) -> None:
        """Finish what is being written and close every connection; the store cannot be used afterwards."""
        await self.ledger.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
