"""Feedback: what readers said. Nothing is deleted: what was taken back, or said anew, is undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Feedback, Opinion
from newsletter.store import tables
from newsletter.store.database import Database, insert_new, within

_column = tables.feedback.c
_standing = _column.undone.is_(None)


class FeedbackLog:
    """Records opinions and takes them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, subscriber_id: int, topic: str, paper_id: str, opinion: Opinion, at: datetime) -> bool:
        """Note what a known reader says `at` about a known paper as a pick of `topic`, a slug.

        It replaces what the reader said before about both, which is undone `at` the same moment. Returns False, and
        changes nothing, when that was the same. Raises ValueError for SHOWN, which is nothing that a reader says.
        """
        if opinion is Opinion.SHOWN:
            raise ValueError(f"“{opinion}” follows from what was sent and is never recorded: say “like” or “dislike”")
        same = {"subscriber_id": subscriber_id, "topic": topic, "paper_id": paper_id}
        row = same | {"opinion": opinion, "given": at}
        earlier = (_column[name] == value for name, value in same.items())
        async with self._database.write() as connection:
            await _undo(connection, *earlier, _column.opinion != opinion, at=at)
            # What stands now can only be the same opinion: the unique index keeps this one out then.
            added = await connection.execute(insert_new(connection, tables.feedback).values(row))
            return added.rowcount > 0

    async def undo(self, subscriber_id: int, feedback_id: int, at: datetime) -> Feedback | None:
        """Take back one entry of a reader; returns it undone, None when this reader has no such entry that stands."""
        async with self._database.write() as connection:
            undone = await _undo(connection, _column.subscriber_id == subscriber_id, _column.id == feedback_id, at=at)
        return next(iter(undone), None)

    async def reset(self, subscriber_id: int, at: datetime, topic: str | None = None) -> int:
        """Take back everything a reader said, or all of it about `topic`; returns how many entries stood till then."""
        which = [_column.subscriber_id == subscriber_id] + ([_column.topic == topic] if topic is not None else [])
        async with self._database.write() as connection:
            return len(await _undo(connection, *which, at=at))

    async def standing(
        self, subscriber_ids: Iterable[int], at: Mapping[int, datetime] | None = None
    ) -> dict[int, list[Feedback]]:
        """What stands of each reader, oldest first, by subscriber id; readers without any are left out.

        For a reader who is in `at`, what stood at that moment: what was said later does not count, what was taken back
        later does.
        """
        found: dict[int, list[Feedback]] = {}
        async with self._database.read() as connection:
            for some in within(connection, _column.subscriber_id, subscriber_ids):
                which = select(tables.feedback).where(some)
                for row in await connection.execute(which.order_by(_column.given, _column.id)):
                    moment = (at or {}).get(row.subscriber_id)
                    stands = row.undone is None or (moment is not None and row.undone > moment)
                    if stands and (moment is None or row.given <= moment):
                        found.setdefault(row.subscriber_id, []).append(_feedback(row))
        return found

    async def speakers(self, subscriber_ids: Iterable[int]) -> set[int]:
        """Those of `subscriber_ids` who ever said anything, undone by now or not."""
        found: set[int] = set()
        async with self._database.read() as connection:
            for some in within(connection, _column.subscriber_id, subscriber_ids):
                spoke = select(_column.subscriber_id).where(some).distinct()
                found.update(await connection.scalars(spoke))
        return found

    async def history(self, subscriber_id: int) -> list[Feedback]:
        """Everything a reader ever said, newest first, with what was undone."""
        which = select(tables.feedback).where(_column.subscriber_id == subscriber_id)
        async with self._database.read() as connection:
            newest_first = await connection.execute(which.order_by(_column.given.desc(), _column.id.desc()))
            return [_feedback(row) for row in newest_first]


async def _undo(connection: AsyncConnection, *which: ColumnElement[bool], at: datetime) -> list[Feedback]:
    """Undo the standing entries of which all of `which` is true; returns them."""
    undone = update(tables.feedback).where(_standing, *which).values(undone=at).returning(tables.feedback)
    return [_feedback(row) for row in await connection.execute(undone)]


def _feedback(row: Row[Any]) -> Feedback:
    return Feedback(
        subscriber=row.subscriber_id,
        topic=row.topic,
        paper=row.paper_id,
        opinion=row.opinion,
        given=row.given,
        id=row.id,
        undone=row.undone,
    )
