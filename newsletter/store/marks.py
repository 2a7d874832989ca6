"""Marks: what a sender notes on the rows it holds. A group of them is one transaction of a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Row, Update, and_, bindparam, literal_column, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import State
from newsletter.store import tables
from newsletter.store.database import within
from newsletter.store.rows import UNLEASED, change, column, may_be_mailed, objection, with_standing


class WithdrawnError(StoreError):
    """This one delivery is not the sender's any more: another process took it over, or its reader has left meanwhile.

    It must not be sent, or what came of it can not be noted. The others go on.
    """


@dataclass(frozen=True, slots=True)
class Mark:
    """`columns` to be set on a row that `owner` holds; `settles` tells that it is given back with that."""

    delivery_id: int
    local_date: date
    owner: str
    at: datetime
    columns: dict[str, object]
    settles: bool


class NotOursError(Exception):
    """One of the rows is not its mark's to change: nothing was written."""


def write_all(connection: Connection, marks: Sequence[Mark]) -> None:
    """Write all of `marks`, as nearly always can be done, without looking at the rows first. Raises NotOursError where
    one of them cannot be written: the transaction must be given up then, and `write` tells which."""
    # A row that begins and is settled in one group does so in this order.
    for settles, statement in ((False, _BEGIN), (True, _SETTLE)):
        alike: dict[tuple[date, tuple[str, ...]], list[Mark]] = defaultdict(list)
        for mark in marks:
            if mark.settles is settles:
                alike[mark.local_date, tuple(mark.columns)].append(mark)
        for (local_date, names), several in alike.items():
            sql, values = _prepared(statement, connection.dialect, names, local_date)
            rows: list[Any] = [values(mark) for mark in several]
            if connection.exec_driver_sql(sql, rows).rowcount != len(rows):
                raise NotOursError


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
            await change(connection, and_(column.id == mark.delivery_id, _on([mark])), mark.at, **columns)
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
    for some in within(connection, column.id, (mark.delivery_id for mark in marks)):
        rows = query.where(some, _on(marks)).with_for_update(of=tables.deliveries)
        held |= {found.id: found for found in await connection.execute(rows)}
    return held


async def _set(connection: AsyncConnection, marks: Sequence[Mark]) -> None:
    """Write marks that all set the same columns."""
    if marks:
        rows = [
            {"marked": mark.delivery_id, "marked_on": mark.local_date, "updated_at": mark.at, **mark.columns}
            for mark in marks
        ]
        theirs = and_(column.id == bindparam("marked"), column.local_date == bindparam("marked_on"))
        await connection.execute(update(tables.deliveries).where(theirs), rows)


def _on(marks: Iterable[Mark]) -> ColumnElement[bool]:
    """Whether a row is of one of their dates: which partitions to look into, where there are partitions."""
    return column.local_date.in_({mark.local_date for mark in marks})


def _ours() -> Update:
    """An update of a row that its mark's owner holds."""
    return update(tables.deliveries).where(
        column.id == bindparam("marked"),
        column.lease_owner == bindparam("marked_by"),
        column.state == literal_column(f"'{State.SENDING}'"),
    )


_SETTLE = _ours()
_BEGIN = _ours().where(may_be_mailed())


@lru_cache(64)
def _prepared(
    statement: Update, dialect: Dialect, names: tuple[str, ...], local_date: date
) -> tuple[str, Callable[[Mark], tuple[object, ...] | dict[str, object]]]:
    """The SQL that sets the columns `names` on rows of `local_date`, and what makes its values of a mark.

    A message takes two rows of this; SQLAlchemy's own way from a mark to the driver takes as long as SQLite's.
    """
    if dialect.name == "postgresql":
        # As a literal, so that no other partition is thought of.
        statement = statement.where(column.local_date == literal_column(f"DATE '{local_date}'"))
    set_columns = (*names, "updated_at")
    compiled = statement.compile(dialect=dialect, column_keys=set_columns)
    in_order = compiled.positiontup
    written = {
        name: column[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for name in set_columns
    }

    def values(mark: Mark) -> tuple[object, ...] | dict[str, object]:
        known: dict[str, object] = {"marked": mark.delivery_id, "marked_by": mark.owner}
        for name, value in mark.columns.items():
            known[name] = written[name](value)
        known["updated_at"] = written["updated_at"](mark.at)
        return tuple([known[name] for name in in_order]) if in_order else known

    return str(compiled), values


def _as_it_is(value: object) -> object:
    return value
