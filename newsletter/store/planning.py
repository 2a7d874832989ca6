"""New rows for the ledger: a day's audience, in a few statements that the database carries out by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import ColumnElement, String, and_, cast, false, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import State
from newsletter.store import tables
from newsletter.store.database import insert_new, within
from newsletter.store.partitions import is_dropped
from newsletter.store.rows import change, column

WAITING = (State.PLANNED, State.READY, State.DEFERRED)


async def plan(
    connection: AsyncConnection,
    local_date: date,
    subscriber_ids: Iterable[int],
    at: datetime,
    through: date | None = None,
    missed: str = "",
) -> int:
    """See `Ledger.plan`."""
    if await is_dropped(connection, local_date):
        raise StoreError(
            f"The deliveries of {local_date} are not kept any more (delivery.keep), so nobody can tell who had that "
            "day's mail: it is not sent again. For a day that is kept, name another date."
        )
    ids = list(subscriber_ids)
    state = State.SUPERSEDED if missed else State.READY
    row = {"local_date": local_date, "state": state, "reason": missed, "updated_at": at, "planned_at": at}
    new = 0
    for some in within(connection, tables.subscribers.c.id, ids):
        new += await _add(connection, row | {"through": through}, some)
    carrier = "next digest" if missed else f"digest of {local_date}"
    await _supersede(connection, local_date, ids, at, f"the {carrier} carries it")
    await _grow_audience(connection, local_date, new)
    return new


async def _add(connection: AsyncConnection, row: Mapping[str, object], some: ColumnElement[bool]) -> int:
    """Add a row for each of `some` subscribers that has none on its local date. Returns how many."""
    people = tables.subscribers.c.id
    values = [literal(value, column[name].type) for name, value in row.items()]
    rows = select(people, *values).where(some).order_by(people)
    added = insert_new(connection, tables.deliveries).from_select(["subscriber_id", *row], rows)
    return (await connection.execute(added)).rowcount


async def _supersede(
    connection: AsyncConnection, local_date: date, ids: Iterable[int], at: datetime, reason: str
) -> None:
    """Supersede what of the subscribers `ids` still waits from dates before `local_date`."""
    waits = and_(column.state.in_(WAITING), column.local_date < local_date)
    earlier = (await connection.scalars(select(column.local_date).where(waits).distinct())).all()
    if not earlier:
        return
    for some in within(connection, column.subscriber_id, ids):
        theirs = and_(some, column.local_date.in_(earlier))
        # The state as text, so that the readers' rows are looked up, not all that wait.
        carried = and_(theirs, cast(column.state, String).in_(WAITING), column.resent == false())
        await change(connection, carried, at, state=State.SUPERSEDED, reason=reason, next_at=None)


async def _grow_audience(connection: AsyncConnection, local_date: date, by: int) -> None:
    audiences = tables.audiences
    start = insert_new(connection, audiences).values(local_date=local_date, planned=0)
    await connection.execute(start)
    grown = update(audiences).where(audiences.c.local_date == local_date).values(planned=audiences.c.planned + by)
    await connection.execute(grown)
