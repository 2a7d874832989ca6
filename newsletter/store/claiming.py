"""Claiming: rows that may go out become one sender's, for a while."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, null, or_, update

from newsletter.model import Delivery, Phase, State
from newsletter.store import tables
from newsletter.store.database import within
from newsletter.store.rows import FIELDS, column, objection, with_standing

_Found = tuple[Delivery, tuple[State, str] | None]

_NAMES = tuple(one.name for one in fields(Delivery))


def claim(
    connection: Connection, local_date: date, owner: str, at: datetime, lease: timedelta, limit: int
) -> list[Delivery]:
    """See `Ledger.claim`."""
    claimed: list[Delivery] = []
    leased = {"phase": Phase.CLAIMED, "lease_owner": owner, "lease_until": at + lease}
    while (room := limit - len(claimed)) and (found := _claimable(connection, local_date, at, room)):
        allowed = [one for one, passed_over in found if not passed_over]
        skipped = [
            {"marked": one.id, "state": passed_over[0], "reason": passed_over[1], "next_at": None, "updated_at": at}
            for one, passed_over in found
            if passed_over
        ]
        if skipped:
            these = and_(column.id == bindparam("marked"), column.local_date == local_date)
            connection.execute(update(tables.deliveries).where(these), skipped)
        for some in within(connection, column.id, [one.id for one in allowed]):
            columns = {"state": State.SENDING, "next_at": None, "attempt": column.attempt + 1, "updated_at": at}
            theirs = and_(some, column.local_date == local_date)
            connection.execute(update(tables.deliveries).where(theirs).values(columns | leased))
        claimed += allowed
    return claimed


def _claimable(connection: Connection, local_date: date, at: datetime, limit: int) -> list[_Found]:
    """The oldest rows that may be claimed at `at`, and the state and reason of those that must not be sent.

    One state after the other: so the index has them in the order of their ids, and no settled row is looked at.
    SQLite's write transaction is alone already, and its dialect leaves the locking clause out. PostgreSQL needs it:
    there, two claimers would read the same rows.
    """
    found: list[_Found] = []
    for state in (State.READY, State.DEFERRED):
        query = (
            with_standing(*FIELDS)
            .add_columns(_has_later(local_date).label("later"))
            .where(column.local_date == local_date, column.state == state)
            .where(or_(column.next_at.is_(null()), column.next_at <= at))
            .order_by(column.state, column.id)  # as an index has them, whichever rows are settled
            .limit(limit - len(found))
            .with_for_update(skip_locked=True, of=tables.deliveries)
        )
        found += [(_claimed(row, at), _passed_over(row)) for row in connection.execute(query)]
    return found


def _has_later(local_date: date) -> ColumnElement[bool]:
    """Whether the reader of a row has one on a later date that was planned after it. That superseded all that waited; a
    row that was in somebody's hands just then, and was given back or put off, is found here."""
    later = tables.deliveries.alias()
    planned_after = and_(later.c.local_date > local_date, later.c.id > column.id)
    return exists().where(later.c.subscriber_id == column.subscriber_id, planned_after)


def _passed_over(row: Row[Any]) -> tuple[State, str] | None:
    if reason := objection(row):
        return State.SKIPPED, reason
    if row.later and not row.resent:
        return State.SUPERSEDED, "a later digest carries it"
    return None


def _claimed(row: Row[Any], at: datetime) -> Delivery:
    """The delivery of a row that begins with FIELDS, as claiming makes it."""
    found = dict(zip(_NAMES, row, strict=False))
    found |= {
        "state": State.SENDING,
        "phase": Phase.CLAIMED,
        "attempt": row.attempt + 1,
        "next_at": None,
        "updated_at": at,
    }
    return Delivery(**found)
