"""Summaries: what a language model answered, and what that cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from newsletter.model.summary import Summary
from newsletter.store import tables
from newsletter.store.database import Database, insert_new, within


class Summaries:
    """Keeps answers for ever; which of them an edition shows is frozen with it (`Editions.freeze`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, papers: Iterable[str], model: str, prompt: int) -> dict[tuple[str, str], Summary]:
        """What `model` answered to that wording of the prompt about `papers`, by paper and hash of the abstract."""
        column = tables.summaries.c
        query = select(tables.summaries).where(column.model == model, column.prompt == prompt)
        found = {}
        async with self._database.read() as connection:
            for some in within(connection, column.paper_id, papers):
                for row in await connection.execute(query.where(some)):
                    found[row.paper_id, row.abstract] = Summary(*row)
        return found

    async def keep(self, one: Summary) -> None:
        """Keep an answer; the first to the same question stays."""
        row = {
            "paper_id": one.paper,
            "model": one.model,
            "prompt": one.prompt,
            "abstract": one.abstract,
            "text": one.text,
            "flaw": one.flaw,
            "tokens": one.tokens,
            "written_at": one.written_at,
        }
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, tables.summaries).values(row))

    async def spent(self, since: datetime) -> int:
        """The tokens of all answers that came since that moment."""
        column = tables.summaries.c
        query = select(func.coalesce(func.sum(column.tokens), 0)).where(column.written_at >= since)
        async with self._database.read() as connection:
            return int(await connection.scalar(query) or 0)
