"""What is remembered: SQLAlchemy Core tables, queries by noun, Alembic migrations."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from newsletter.store.answers import Answers
from newsletter.store.batches import Batches, BatchRecord
from newsletter.store.bounces import Bounce, Bounces
from newsletter.store.database import Database
from newsletter.store.editions import Editions
from newsletter.store.feedback import FeedbackLog
from newsletter.store.ledger import Ledger
from newsletter.store.marks import WithdrawnError
from newsletter.store.migrating import migrate
from newsletter.store.owners import Owner
from newsletter.store.paces import Paces
from newsletter.store.papers import Papers
from newsletter.store.subscribers import Subscribers
from newsletter.store.suppressions import Suppression, Suppressions
from newsletter.store.topics import Topics

__all__ = [
    "Answers",
    "BatchRecord",
    "Batches",
    "Bounce",
    "Bounces",
    "Editions",
    "FeedbackLog",
    "Ledger",
    "Owner",
    "Paces",
    "Papers",
    "Store",
    "Subscribers",
    "Suppression",
    "Suppressions",
    "Topics",
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
    suppressions: Suppressions
    bounces: Bounces
    editions: Editions
    feedback: FeedbackLog
    ledger: Ledger
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
            suppressions=Suppressions(database),
            bounces=Bounces(database),
            editions=Editions(database),
            feedback=FeedbackLog(database),
            ledger=Ledger(database),
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
