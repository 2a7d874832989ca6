"""Deliveries that are planned and have not gone out, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, false, func, or_, select

from newsletter.model import OPEN_STATES, State
from newsletter.store.database import Database
from newsletter.store.rows import column, may_be_mailed


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many deliveries of a local date are in a `state`; the `first` and the `last` moment at which one of them is
    tried again, None where none is named."""

    local_date: date
    state: State
    number: int
    first: datetime | None
    last: datetime | None


async def waiting(database: Database, *, holds: bool) -> list[Waiting]:
    """What of all local dates is not settled, or unknown and not sent once more yet; where the operator `holds` what is
    unknown, all of that. Who may not be mailed any more is left out."""
    again = column.state == State.UNKNOWN if holds else and_(column.state == State.UNKNOWN, column.resent == false())
    query = select(column.local_date, column.state, func.count(), func.min(column.next_at), func.max(column.next_at))
    query = query.where(or_(column.state.in_(OPEN_STATES), again), may_be_mailed())
    async with database.read() as connection:
        found = await connection.execute(
            query.group_by(column.local_date, column.state).order_by(column.local_date, column.state)
        )
        return [Waiting(*row) for row in found]
