"""Marks: what a sender notes on the rows it holds. A group of them is one transaction of a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import State
from newsletter.store import tables
from newsletter.store.database import blocks
from newsletter.store.rows import UNLEASED, change, column, objection, with_standing


class WithdrawnError(StoreError):
    """This one delivery is not the sender's any more: another process took it over, or its reader has left meanwhile.

    It must not be sent, or what came of it can not be noted. The others go on.
    """


@dataclass(frozen=True, slots=True)
class Mark:
    """`columns` to be set on a row that `owner` holds; `settles` tells that it is given back with that."""

    delivery_id: int
    owner: str
    at: datetime
    columns: dict[str, object]
    settles: bool


async def write(connection: AsyncConnection, marks: Sequence[Mark]) -> list[StoreError | None]:
    """Write each mark whose row is its owner's, in order. Answers the others with the error for their caller.

    A row that is about to be sent is skipped instead when its reader must not be mailed any more.
    """
    held = await _held(connection, marks)
    good: list[Mark] = []
    errors: list[StoreError | None] = []
    for mark in marks:
        error = None
        found = held.get(mark.delivery_id)
        if found is None or found.lease_owner != mark.owner:
            error = WithdrawnError(
                f"Delivery {mark.delivery_id} is no longer held by {mark.owner}: "
                "its lease ended and another process took it."
            )
        elif not mark.settles and (reason := objection(found)):
            columns = {"state": State.SKIPPED, "reason": reason, **UNLEASED}
            await change(connection, column.id == mark.delivery_id, mark.at, **columns)
            del held[mark.delivery_id]
            error = WithdrawnError(f"Delivery {mark.delivery_id} must not go out: {reason}.")
        else:
            good.append(mark)
            if mark.settles:
                del held[mark.delivery_id]
        errors.append(error)
    # A row that begins and is settled in one group does so in this order.
    for settles in (False, True):
        await _set(connection, [mark for mark in good if mark.settles is settles])
    return errors


async def _held(connection: AsyncConnection, marks: Sequence[Mark]) -> dict[int, Row[Any]]:
    """The rows of `marks` that somebody holds, by id, with their owner and what their reader's standing is now."""
    query = with_standing(column.id, column.lease_owner).where(column.state == State.SENDING)
    held: dict[int, Row[Any]] = {}
    for block in blocks(mark.delivery_id for mark in marks):
        rows = query.where(column.id.in_(block)).with_for_update(of=tables.deliveries)
        held |= {found.id: found for found in await connection.execute(rows)}
    return held


async def _set(connection: AsyncConnection, marks: Sequence[Mark]) -> None:
    """Write marks that all set the same columns."""
    if marks:
        rows = [{"marked": mark.delivery_id, "updated_at": mark.at, **mark.columns} for mark in marks]
        await connection.execute(update(tables.deliveries).where(column.id == bindparam("marked")), rows)
