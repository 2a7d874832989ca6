"""Days that are made up for: what a later digest has brought already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import and_, exists, func, or_, select

from newsletter.model import State
from newsletter.store import tables
from newsletter.store.database import Database, within

_HAD = (State.ACCEPTED, State.UNKNOWN)


async def brought_later(database: Database, subscriber_ids: Iterable[int], day: date) -> dict[int, date]:
    """Per subscriber, the first local date after `day` whose digest has reached them, as far as anybody knows, and was
    planned when none was for `day`: it brought what was new then. Those without one are left out."""
    later, own = tables.deliveries.alias("later").c, tables.deliveries.alias("own").c
    before = exists().where(
        own.subscriber_id == later.subscriber_id,
        own.local_date == day,
        or_(own.planned_at.is_(None), own.planned_at <= later.planned_at),
    )
    nothing = and_(later.state == State.SKIPPED, later.reason.startswith("nothing new"))
    query = select(later.subscriber_id, func.min(later.local_date)).group_by(later.subscriber_id)
    # Of old rows nobody noted when they were planned: most likely in the order of their dates.
    query = query.where(later.local_date > day, later.planned_at.is_not(None))
    query = query.where(or_(later.state.in_(_HAD), nothing), ~before)
    async with database.read() as connection:
        # Nearly always there is no later day, which is soon seen.
        planned = select(exists().where(tables.audiences.c.local_date > day))
        if not await connection.scalar(planned):
            return {}
        some = within(connection, later.subscriber_id, subscriber_ids)
        return {reader: first for one in some for reader, first in await connection.execute(query.where(one))}
