"""Rows of the ledger: as values, changed, and with what their reader's standing is now."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Delivery, Status
from newsletter.store import tables

column = tables.deliveries.c
"""The columns of the ledger."""

FIELDS = tuple(tables.subscribers.c.address if one.name == "address" else column[one.name] for one in fields(Delivery))
"""What a Delivery is made from, in the order of its fields: the columns of the ledger, and its subscriber's address."""

UNLEASED: dict[str, Any] = {"phase": None, "lease_owner": None, "lease_until": None}
"""What a row that nobody holds has in its columns."""

_OBJECTIONS = {Status.PENDING: "has not confirmed yet", Status.PAUSED: "has paused", Status.LEFT: "has left"}


async def deliveries(
    connection: AsyncConnection, which: ColumnElement[bool], *, newest_first: bool = False, limit: int | None = None
) -> list[Delivery]:
    """The deliveries of which `which` is true, each with its subscriber's address: by id, or the newest first."""
    query = select(*FIELDS).join_from(tables.deliveries, tables.subscribers)
    order = (column.local_date.desc(), column.id.desc()) if newest_first else (column.id,)
    found = await connection.execute(query.where(which).order_by(*order).limit(limit))
    return [value(row) for row in found]


def value(row: Row[Any]) -> Delivery:
    """The delivery of a row that begins with FIELDS."""
    return Delivery(*row[: len(FIELDS)])


async def change(connection: AsyncConnection, which: ColumnElement[bool], at: datetime, **columns: object) -> int:
    """Set `columns` on the rows of which `which` is true. Returns how many they are."""
    changed = update(tables.deliveries).where(which).values(updated_at=at, **columns)
    return (await connection.execute(changed)).rowcount


def with_standing(*columns: ColumnElement[Any]) -> Select[Any]:
    """A query for `columns` of the ledger, and for what `objection` needs to know about each row's reader."""
    people, suppressions = tables.subscribers, tables.suppressions
    return (
        select(*columns, people.c.status, suppressions.c.reason.label("suppressed"))
        .join_from(tables.deliveries, people)
        .join(suppressions, suppressions.c.address == people.c.address, isouter=True)
    )


def objection(found: Row[Any]) -> str:
    """Why the reader of a row of `with_standing` must not be mailed; empty when nothing speaks against it."""
    if found.suppressed is not None:
        return f"suppressed: {found.suppressed}"
    return "" if found.status is Status.ACTIVE else f"the subscriber {_OBJECTIONS[found.status]}"


def may_be_mailed() -> ColumnElement[bool]:
    """Whether `objection` has nothing to say about the reader of a row, as a condition on the row."""
    people, suppressions = tables.subscribers, tables.suppressions
    suppressed = exists().where(suppressions.c.address == people.c.address)
    return exists().where(
        people.c.id == column.subscriber_id, people.c.status == literal_column(f"'{Status.ACTIVE}'"), ~suppressed
    )
