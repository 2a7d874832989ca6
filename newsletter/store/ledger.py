"""The ledger: one delivery per subscriber and local date, and the only authority on "did it go out?".

`model.delivery` draws the states. A process that sends claims rows with a lease; a row whose owner died is found by
its lease, and its phase tells whether the message can have reached the relay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, cast, false, func, null, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import SETTLED_STATES, Delivery, Phase, State, Status
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new

_row = tables.deliveries.c

_UNLEASED: dict[str, Any] = {"phase": None, "lease_owner": None, "lease_until": None}
_WAITING = (State.PLANNED, State.READY, State.DEFERRED)
_OBJECTIONS = {Status.PENDING: "has not confirmed yet", Status.PAUSED: "has paused", Status.LEFT: "has left"}


class Ledger:
    """Plans, claims and settles deliveries. Every change is durable when its method returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, local_date: date, subscriber_ids: Sequence[int], at: datetime) -> int:
        """Plan a delivery for each of `subscriber_ids` on `local_date`, as of `at`; all of them or none.

        Those that are planned already stay as they are. What still waits from earlier dates of the same subscribers is
        superseded. Returns how many rows are new.
        """
        new = 0
        async with self._database.write() as connection:
            for block in blocks(subscriber_ids):
                row = {"local_date": local_date, "state": State.READY, "updated_at": at}
                rows = [{"subscriber_id": subscriber_id, **row} for subscriber_id in block]
                added = insert_new(connection, tables.deliveries).returning(_row.id)
                new += len((await connection.scalars(added, rows)).all())
                earlier = and_(_row.subscriber_id.in_(block), _row.local_date < local_date, _row.state.in_(_WAITING))
                reason = f"the digest of {local_date} carries it"
                await _change(connection, earlier, at, state=State.SUPERSEDED, reason=reason, next_at=None)
            await _grow_audience(connection, local_date, new)
        return new

    async def recover(self, at: datetime, on_unknown: str) -> int:
        """Take back the rows whose lease ended before `at`; call it before `plan`. Returns how many rows changed.

        A row that was only claimed is ready again. One that was in DATA is unknown: nobody can say whether the relay
        has it. With `on_unknown` "resend" an unknown delivery is made ready again, once in its life; a second loss
        stays unknown, and so does the first with any other `on_unknown`.
        """
        lost = and_(_row.state == State.SENDING, _row.lease_until <= at)
        in_data = and_(lost, _row.phase == Phase.DATA)
        unknown = and_(or_(_row.state == State.UNKNOWN, in_data), _row.resent == false())
        reason = "the relay's answer was lost"
        async with self._database.write() as connection:
            changed = await _change(
                connection, and_(lost, _row.phase == Phase.CLAIMED), at, state=State.READY, **_UNLEASED
            )
            if on_unknown == "resend":
                again = {"state": State.READY, "resent": True, "reason": f"{reason}: sent once more", **_UNLEASED}
                changed += await _change(connection, unknown, at, **again)
            return changed + await _change(connection, in_data, at, state=State.UNKNOWN, reason=reason, **_UNLEASED)

    async def claim(self, local_date: date, owner: str, at: datetime, lease: timedelta, limit: int) -> list[Delivery]:
        """Claim up to `limit` deliveries of `local_date` that may go out at `at`, the oldest first.

        They are `owner`'s until `at` + `lease`. A subscriber who is suppressed or not active by now is skipped, with
        the reason; fewer than `limit` rows come back only when there are no more.
        """
        claimed: list[int] = []
        async with self._database.write() as connection:
            while rows := await _claimable(connection, local_date, at, limit - len(claimed)):
                allowed = [row.id for row in rows if not _objection(row)]
                for row in rows:
                    if reason := _objection(row):
                        await _change(
                            connection, _row.id == row.id, at, state=State.SKIPPED, reason=reason, next_at=None
                        )
                for block in blocks(allowed):
                    columns = {"phase": Phase.CLAIMED, "lease_owner": owner, "lease_until": at + lease, "next_at": None}
                    attempt = {"attempt": _row.attempt + 1}
                    await _change(connection, _row.id.in_(block), at, state=State.SENDING, **columns, **attempt)
                claimed += allowed
            return [row for block in blocks(claimed) for row in await _deliveries(connection, _row.id.in_(block))]

    async def begin_data(
        self, delivery_id: int, owner: str, at: datetime, *, message_id: str, sections: int, papers: int, size: int
    ) -> None:
        """Note, before the DATA command is sent, that from now on the relay may have the message; `size` in bytes.

        Raises StoreError when the row is not `owner`'s any more: then the message must not be sent.
        """
        message = {"message_id": message_id, "sections": sections, "papers": papers, "size": size}
        await self._change_own(delivery_id, owner, at, phase=Phase.DATA, **message)

    async def settle(
        self,
        delivery_id: int,
        owner: str,
        at: datetime,
        state: State,
        *,
        code: int | None = None,
        reply: str = "",
        reason: str = "",
        next_at: datetime | None = None,
    ) -> None:
        """Record what became of a delivery, and end its lease.

        `state` is a settled one, or deferred until `next_at` (None: at once). Raises StoreError when the row is not
        `owner`'s any more.
        """
        if state not in SETTLED_STATES | {State.DEFERRED}:
            raise ValueError(f"a delivery cannot be settled as {state}")
        outcome = {"state": state, "code": code, "reply": reply, "reason": reason, "next_at": next_at}
        await self._change_own(delivery_id, owner, at, **outcome, **_UNLEASED)

    async def release(self, owner: str, at: datetime) -> int:
        """Give back what `owner` claimed and has not begun to send, as if never claimed. Returns how many rows."""
        own = and_(_row.state == State.SENDING, _row.phase == Phase.CLAIMED, _row.lease_owner == owner)
        async with self._database.write() as connection:
            return await _change(connection, own, at, state=State.READY, attempt=_row.attempt - 1, **_UNLEASED)

    async def of_date(self, local_date: date) -> list[Delivery]:
        """The deliveries of `local_date`, by id."""
        async with self._database.read() as connection:
            return await _deliveries(connection, _row.local_date == local_date)

    async def first_planned(self) -> dict[int, date]:
        """Per subscriber, the first local date that was ever planned."""
        query = select(_row.subscriber_id, func.min(_row.local_date)).group_by(_row.subscriber_id)
        async with self._database.read() as connection:
            return dict((await connection.execute(query)).all())

    async def open_dates(self, until: date) -> list[date]:
        """The local dates up to `until` that have deliveries which still wait to be sent, ascending."""
        query = select(_row.local_date).where(_row.state.in_(_WAITING), _row.local_date <= until).distinct()
        async with self._database.read() as connection:
            return sorted((await connection.scalars(query)).all())

    async def counts(self) -> dict[State, int]:
        """How many deliveries are in each state, 0 where there are none."""
        query = select(_row.state, func.count()).group_by(_row.state)
        async with self._database.read() as connection:
            found: dict[State, int] = dict((await connection.execute(query)).all())
        return {state: found.get(state, 0) for state in State}

    async def balanced(self) -> bool:
        """Whether every local date has as many rows as were ever planned for it, each in a state we know."""
        audiences = tables.audiences.c
        plans = select(audiences.local_date, audiences.planned)
        rows = select(_row.local_date, cast(_row.state, String), func.count()).group_by(_row.local_date, _row.state)
        async with self._database.read() as connection:
            planned = dict((await connection.execute(plans)).all())
            found = dict.fromkeys(planned, 0)
            for day, state, number in await connection.execute(rows):
                if state not in set(State):
                    return False
                found[day] = found.get(day, 0) + number
        return found == planned

    async def last_settled(
        self, subscriber_ids: Sequence[int] | None = None, before: date | None = None
    ) -> dict[int, date]:
        """Per subscriber, the newest local date (earlier than `before`) up to which the reader has everything.

        That is a delivery that was accepted, is unknown, or was skipped because there was nothing new. Subscribers
        without one are left out; None means everybody.
        """
        had = or_(
            _row.state.in_((State.ACCEPTED, State.UNKNOWN)),
            and_(_row.state == State.SKIPPED, _row.reason.startswith("nothing new")),
        )
        query = select(_row.subscriber_id, func.max(_row.local_date)).where(had).group_by(_row.subscriber_id)
        if before is not None:
            query = query.where(_row.local_date < before)
        among = (
            [true()] if subscriber_ids is None else [_row.subscriber_id.in_(block) for block in blocks(subscriber_ids)]
        )
        async with self._database.read() as connection:
            return {reader: day for part in among for reader, day in await connection.execute(query.where(part))}

    async def _change_own(self, delivery_id: int, owner: str, at: datetime, **columns: object) -> None:
        own = and_(_row.id == delivery_id, _row.state == State.SENDING, _row.lease_owner == owner)
        async with self._database.write() as connection:
            if not await _change(connection, own, at, **columns):
                raise StoreError(
                    f"Delivery {delivery_id} is no longer held by {owner}: its lease ended and another process took it."
                )


async def _change(connection: AsyncConnection, which: ColumnElement[bool], at: datetime, **columns: object) -> int:
    """Set `columns` on the rows of which `which` is true. Returns how many they are."""
    change = update(tables.deliveries).where(which).values(updated_at=at, **columns)
    return (await connection.execute(change)).rowcount


async def _claimable(connection: AsyncConnection, local_date: date, at: datetime, limit: int) -> list[Row[Any]]:
    """The oldest rows that may be claimed at `at`, with what the subscriber's standing is now.

    SQLite's write transaction is alone already, and its dialect leaves the locking clause out. PostgreSQL needs it:
    there, two claimers would read the same rows.
    """
    people, suppressions = tables.subscribers, tables.suppressions
    query = (
        select(_row.id, people.c.status, suppressions.c.reason.label("suppressed"))
        .join_from(tables.deliveries, people)
        .join(suppressions, suppressions.c.address == people.c.address, isouter=True)
        .where(_row.local_date == local_date, _row.state.in_((State.READY, State.DEFERRED)))
        .where(or_(_row.next_at.is_(null()), _row.next_at <= at))
        .order_by(_row.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=tables.deliveries)
    )
    return list(await connection.execute(query))


def _objection(row: Row[Any]) -> str:
    """Why the subscriber of a claimable row must not be mailed; empty when nothing speaks against it."""
    if row.suppressed is not None:
        return f"suppressed: {row.suppressed}"
    return "" if row.status is Status.ACTIVE else f"the subscriber {_OBJECTIONS[row.status]}"


async def _grow_audience(connection: AsyncConnection, local_date: date, by: int) -> None:
    audiences = tables.audiences
    start = insert_new(connection, audiences).values(local_date=local_date, planned=0)
    await connection.execute(start)
    grown = update(audiences).where(audiences.c.local_date == local_date).values(planned=audiences.c.planned + by)
    await connection.execute(grown)


async def _deliveries(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Delivery]:
    """The deliveries of which `which` is true, by id, each with its subscriber's address."""
    query = (
        select(tables.deliveries, tables.subscribers.c.address)
        .join_from(tables.deliveries, tables.subscribers)
        .where(which)
        .order_by(_row.id)
    )
    return [
        Delivery(
            id=row.id,
            subscriber_id=row.subscriber_id,
            address=row.address,
            local_date=row.local_date,
            state=row.state,
            attempt=row.attempt,
            next_at=row.next_at,
            reason=row.reason,
            code=row.code,
            reply=row.reply,
            message_id=row.message_id,
            sections=row.sections,
            papers=row.papers,
            size=row.size,
        )
        for row in await connection.execute(query)
    ]
