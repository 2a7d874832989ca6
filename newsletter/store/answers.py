"""Answers: what sources on the network answered, compressed."""

from __future__ import annotations

import zlib
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, insert, select, update

from newsletter.model import Answer
from newsletter.store import tables
from newsletter.store.database import Database

_LEVEL = 6


class Answers:
    """Keeps answers and finds them again, for conditional requests and for reading a day once more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(self, source: str, request: str, until: datetime | None = None) -> Answer | None:
        """What `source` answered to `request` last, no later than `until`; None when nothing is kept."""
        column = tables.answers.c
        query = select(tables.answers).where(column.source == source, column.request == request)
        if until is not None:
            query = query.where(column.first_at <= until)
        query = query.order_by(column.fetched_at.desc(), column.id.desc()).limit(1)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).first()
        if found is None:
            return None
        return Answer(
            request,
            found.status,
            zlib.decompress(found.body),
            found.fetched_at,
            found.headers,
            fresh=False,
            rejected=found.rejected,
        )

    async def keep(self, source: str, answer: Answer) -> None:
        """Keep `answer`. Of one whose body is that of the last, only the headers and the time are noted."""
        column, digest = tables.answers.c, sha256(answer.body).hexdigest()
        query = select(column.id, column.sha256).where(column.source == source, column.request == answer.request)
        async with self._database.write() as connection:
            last = (await connection.execute(query.order_by(column.id.desc()).limit(1))).first()
            seen = {"fetched_at": answer.fetched_at, "headers": dict(answer.headers), "rejected": False}
            if last and last.sha256 == digest:
                await connection.execute(update(tables.answers).where(column.id == last.id).values(**seen))
                return
            whole = {
                "source": source,
                "request": answer.request,
                "status": answer.status,
                "sha256": digest,
                "body": zlib.compress(answer.body, _LEVEL),
                "first_at": answer.fetched_at,
                **seen,
            }
            await connection.execute(insert(tables.answers).values(**whole))

    async def reject(self, source: str, request: str) -> None:
        """Note that what `source` answered to `request` last could not be read."""
        column = tables.answers.c
        newest = select(func.max(column.id)).where(column.source == source, column.request == request)
        change = update(tables.answers).where(column.id == newest.scalar_subquery()).values(rejected=True)
        async with self._database.write() as connection:
            await connection.execute(change)
