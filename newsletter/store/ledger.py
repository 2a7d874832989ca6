"""The ledger: one delivery per subscriber and local date, and the only authority on "did it go out?".

`model.delivery` draws the states. A process that sends claims rows with a lease; a row whose owner died is found by
its lease, and its phase tells whether the message can have reached the relay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, cast, false, func, null, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import SETTLED_STATES, Delivery, Phase, State
from newsletter.store import marks, tables
from newsletter.store.database import Database, blocks, insert_new
from newsletter.store.group import Group
from newsletter.store.marks import Mark
from newsletter.store.rows import UNLEASED, change, column, deliveries, objection, with_standing

_WAITING = (State.PLANNED, State.READY, State.DEFERRED)
_REOPENED = frozenset({State.UNKNOWN, State.REFUSED, State.SKIPPED, State.ACCEPTED})
_ANSWERS = frozenset({State.ACCEPTED, State.REFUSED})


def unheard_of(owner: str) -> bool | None:
    """The judgement of who knows nobody: it may be at work or not."""
    return None


class Ledger:
    """Plans, claims and settles deliveries. Every change is durable when its method returns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group = Group(self._write_marks)

    async def close(self) -> None:
        """Returns when nothing is being written any more."""
        await self._group.close()

    async def plan(self, local_date: date, subscriber_ids: Sequence[int], at: datetime) -> int:
        """Plan a delivery for each of `subscriber_ids` on `local_date`, as of `at`; all of them or none.

        Those that are planned already stay as they are. What still waits from earlier dates of the same subscribers is
        superseded; not so a message that the relay may have taken already: it goes out once more as it was, for inside
        a later digest nobody could tell the copy. Returns how many rows are new.
        """
        new = 0
        async with self._database.write() as connection:
            for block in blocks(subscriber_ids):
                row = {"local_date": local_date, "state": State.READY, "updated_at": at, "planned_at": at}
                rows = [{"subscriber_id": subscriber_id, **row} for subscriber_id in block]
                added = insert_new(connection, tables.deliveries).returning(column.id)
                new += len((await connection.scalars(added, rows)).all())
                waits = and_(column.state.in_(_WAITING), column.resent == false())
                earlier = and_(column.subscriber_id.in_(block), column.local_date < local_date, waits)
                reason = f"the digest of {local_date} carries it"
                await change(connection, earlier, at, state=State.SUPERSEDED, reason=reason, next_at=None)
            await _grow_audience(connection, local_date, new)
        return new

    async def recover(self, at: datetime, on_unknown: str, alive: Callable[[str], bool | None] = unheard_of) -> int:
        """Take back the rows whose lease ended before `at`; call it before `plan`. Returns how many rows changed.

        An owner that is not `alive` has lost its leases, however long they were; one that is keeps them, whatever the
        clock says: it slept, or the clock was set. A row that was only claimed is ready again. One that was in DATA is
        unknown: nobody can say whether the relay has it. With `on_unknown` "resend" an unknown delivery is made ready
        again, once in its life; a second loss stays unknown, and so does the first with any other `on_unknown`.
        """
        async with self._database.write() as connection:
            leased = await connection.scalars(
                select(column.lease_owner).where(column.state == State.SENDING).distinct()
            )
            fates = {owner: alive(owner) for owner in leased}
            gone = [owner for owner, fate in fates.items() if fate is False]
            there = [owner for owner, fate in fates.items() if fate]
            over = and_(column.lease_until <= at, column.lease_owner.not_in(there))
            lost = and_(column.state == State.SENDING, or_(over, column.lease_owner.in_(gone)))
            in_data = and_(lost, column.phase == Phase.DATA)
            claimed = and_(lost, column.phase == Phase.CLAIMED)
            changed = await change(connection, claimed, at, state=State.READY, **UNLEASED)
            reason = "the relay's answer was lost"
            if on_unknown == "resend":
                unknown = and_(or_(column.state == State.UNKNOWN, in_data), column.resent == false())
                again = {"state": State.READY, "resent": True, "reason": f"{reason}: sent once more", **UNLEASED}
                changed += await change(connection, unknown, at, **again)
            return changed + await change(connection, in_data, at, state=State.UNKNOWN, reason=reason, **UNLEASED)

    async def claim(self, local_date: date, owner: str, at: datetime, lease: timedelta, limit: int) -> list[Delivery]:
        """Claim up to `limit` deliveries of `local_date` that may go out at `at`, the oldest first.

        They are `owner`'s until `at` + `lease`. A subscriber who is suppressed or not active by now is skipped, with
        the reason; fewer than `limit` rows come back only when there are no more.
        """
        claimed: list[int] = []
        async with self._database.write() as connection:
            while rows := await _claimable(connection, local_date, at, limit - len(claimed)):
                allowed = [found.id for found in rows if not objection(found)]
                for found in rows:
                    if reason := objection(found):
                        skipped = {"state": State.SKIPPED, "reason": reason, "next_at": None}
                        await change(connection, column.id == found.id, at, **skipped)
                for block in blocks(allowed):
                    columns = {"phase": Phase.CLAIMED, "lease_owner": owner, "lease_until": at + lease, "next_at": None}
                    attempt = {"attempt": column.attempt + 1}
                    await change(connection, column.id.in_(block), at, state=State.SENDING, **columns, **attempt)
                claimed += allowed
            return [one for block in blocks(claimed) for one in await deliveries(connection, column.id.in_(block))]

    async def begin_data(
        self,
        delivery_id: int,
        owner: str,
        at: datetime,
        *,
        message_id: str,
        sections: int,
        papers: int,
        size: int,
        lease: timedelta | None = None,
    ) -> None:
        """Note, before the DATA command is sent, that from now on the relay may have the message; `size` in bytes.

        With `lease` the lease begins anew: RFC 5321 section 4.5.3.2.6 lets the answer take ten minutes.

        Raises WithdrawnError when this one message must not be sent: the row is not `owner`'s any more, or its reader
        has left or is suppressed since it was claimed, and it is settled as skipped. Raises StoreError when nothing
        may be sent any more, for the ledger cannot be written.
        """
        message = {"message_id": message_id, "sections": sections, "papers": papers, "size": size}
        begun = {"phase": Phase.DATA, **message} | ({"lease_until": at + lease} if lease else {})
        mark = Mark(delivery_id, owner, at, begun, settles=False)
        await self._group.write(mark, happened=False)

    async def settle(
        self,
        delivery_id: int,
        owner: str,
        at: datetime,
        state: State,
        *,
        code: int | None = None,
        reply: str = "",
        enhanced: str = "",
        queue_id: str = "",
        reason: str = "",
        next_at: datetime | None = None,
    ) -> None:
        """Record what became of a delivery, and end its lease.

        `state` is a settled one, or deferred until `next_at` (None: at once). Raises WithdrawnError when the row is not
        `owner`'s any more, StoreError when the ledger cannot be written. It is recorded even if the caller is cancelled
        while it waits.
        """
        if state not in SETTLED_STATES | {State.DEFERRED}:
            raise ValueError(f"a delivery cannot be settled as {state}")
        said = {"code": code, "reply": reply, "enhanced": enhanced, "queue_id": queue_id}
        outcome = {"state": state, "reason": reason, "next_at": next_at, **said, **UNLEASED}
        await self._group.write(Mark(delivery_id, owner, at, outcome, settles=True), happened=True)

    async def settle_unknown(
        self, message_id: str, state: State, *, code: int | None, reply: str, queue_id: str, at: datetime
    ) -> bool:
        """Settle the delivery of `message_id` (angle brackets included) by what the relay's own log says of it.

        `state` is accepted or refused. Only a delivery whose answer was lost is touched: unknown, or in DATA with a
        lease that ended before `at`. Returns whether there was one; a second time there is none.
        """
        if state not in _ANSWERS:
            raise ValueError(f"a relay's log cannot settle a delivery as {state}")
        cut_off = and_(column.state == State.SENDING, column.phase == Phase.DATA, column.lease_until <= at)
        named = and_(column.message_id == message_id, column.message_id != "")
        lost = and_(named, or_(column.state == State.UNKNOWN, cut_off))
        outcome = {"state": state, "code": code, "reply": reply, "queue_id": queue_id}
        async with self._database.write() as connection:
            return await change(connection, lost, at, reason="settled by the relay's log", **outcome, **UNLEASED) > 0

    async def reopen(
        self, states: AbstractSet[State], *, local_date: date | None = None, address: str | None = None, at: datetime
    ) -> int:
        """Make deliveries that ended in one of `states` ready again, to go out once more. Returns how many rows.

        They go out as they were, for their own date; no later digest supersedes them, nor carries their papers.

        `states` are among unknown, refused and skipped; for one `address`, accepted too. Who has left is skipped again
        when it is claimed. Raises ValueError for other states.
        """
        allowed = _REOPENED if address is not None else _REOPENED - {State.ACCEPTED}
        if wrong := states - allowed:
            raise ValueError(f"{' and '.join(sorted(wrong))} deliveries cannot be opened again")
        which = and_(column.state.in_(states), *_narrowed(local_date, address))
        async with self._database.write() as connection:
            again = {"state": State.READY, "attempt": 0, "next_at": None, "resent": True, "reason": "asked again"}
            return await change(connection, which, at, **again)

    async def release(self, owner: str, at: datetime) -> int:
        """Give back what `owner` still holds, when it sends nothing any more. Returns how many rows.

        What was only claimed is ready, as if never claimed. What was in DATA is unknown: its answer was not waited for.
        """
        await self._group.close()  # an outcome that is on its way to the disk counts
        held = and_(column.state == State.SENDING, column.lease_owner == owner)
        claimed, in_data = (and_(held, column.phase == phase) for phase in (Phase.CLAIMED, Phase.DATA))
        async with self._database.write() as connection:
            ready = {"state": State.READY, "attempt": column.attempt - 1}
            unknown = {"state": State.UNKNOWN, "reason": "the relay's answer was not waited for"}
            given_back = await change(connection, claimed, at, **ready, **UNLEASED)
            return given_back + await change(connection, in_data, at, **unknown, **UNLEASED)

    async def of_date(self, local_date: date) -> list[Delivery]:
        """The deliveries of `local_date`, by id."""
        async with self._database.read() as connection:
            return await deliveries(connection, column.local_date == local_date)

    async def deliveries(
        self,
        *,
        local_date: date | None = None,
        state: State | None = None,
        address: str | None = None,
        limit: int | None = None,
    ) -> list[Delivery]:
        """The deliveries of a date, in a state, to an address: of all where None. The newest `limit`, newest first."""
        which = and_(true() if state is None else column.state == state, *_narrowed(local_date, address))
        async with self._database.read() as connection:
            return await deliveries(connection, which, newest_first=True, limit=limit)

    async def first_planned(self) -> dict[int, date]:
        """Per subscriber, the first local date that was ever planned."""
        query = select(column.subscriber_id, func.min(column.local_date)).group_by(column.subscriber_id)
        async with self._database.read() as connection:
            return dict((await connection.execute(query)).all())

    async def planned(self, local_date: date) -> dict[int, datetime]:
        """Per subscriber with a delivery on `local_date`, when it was planned."""
        query = select(column.subscriber_id, column.planned_at).where(
            column.local_date == local_date, column.planned_at.is_not(None)
        )
        async with self._database.read() as connection:
            return dict((await connection.execute(query)).all())

    async def open_dates(self, until: date) -> list[date]:
        """The local dates up to `until` that have deliveries which still wait to be sent, ascending."""
        query = select(column.local_date).where(column.state.in_(_WAITING), column.local_date <= until).distinct()
        async with self._database.read() as connection:
            return sorted((await connection.scalars(query)).all())

    async def counts(self) -> dict[State, int]:
        """How many deliveries are in each state, 0 where there are none."""
        query = select(column.state, func.count()).group_by(column.state)
        async with self._database.read() as connection:
            found: dict[State, int] = dict((await connection.execute(query)).all())
        return {state: found.get(state, 0) for state in State}

    async def balanced(self) -> bool:
        """Whether every local date has as many rows as were ever planned for it, each in a state we know."""
        audiences = tables.audiences.c
        plans = select(audiences.local_date, audiences.planned)
        rows = select(column.local_date, cast(column.state, String), func.count()).group_by(
            column.local_date, column.state
        )
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
            column.state.in_((State.ACCEPTED, State.UNKNOWN)),
            column.resent == true(),  # the relay may have taken the first copy
            and_(column.state == State.SKIPPED, column.reason.startswith("nothing new")),
        )
        query = select(column.subscriber_id, func.max(column.local_date)).where(had).group_by(column.subscriber_id)
        if before is not None:
            query = query.where(column.local_date < before)
        some = [None] if subscriber_ids is None else blocks(subscriber_ids)
        among = [true() if block is None else column.subscriber_id.in_(block) for block in some]
        async with self._database.read() as connection:
            return {reader: day for part in among for reader, day in await connection.execute(query.where(part))}

    async def _write_marks(self, group: Sequence[Mark]) -> Sequence[StoreError | None]:
        async with self._database.write() as connection:
            return await marks.write(connection, group)


def _narrowed(local_date: date | None, address: str | None) -> list[ColumnElement[bool]]:
    people = tables.subscribers.c
    of_address = column.subscriber_id.in_(select(people.id).where(people.address == address))
    return [
        true() if local_date is None else column.local_date == local_date,
        true() if address is None else of_address,
    ]


async def _claimable(connection: AsyncConnection, local_date: date, at: datetime, limit: int) -> list[Row[Any]]:
    """The oldest rows that may be claimed at `at`, with what the subscriber's standing is now.

    SQLite's write transaction is alone already, and its dialect leaves the locking clause out. PostgreSQL needs it:
    there, two claimers would read the same rows.
    """
    query = (
        with_standing(column.id)
        .where(column.local_date == local_date, column.state.in_((State.READY, State.DEFERRED)))
        .where(or_(column.next_at.is_(null()), column.next_at <= at))
        .order_by(column.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=tables.deliveries)
    )
    return list(await connection.execute(query))


async def _grow_audience(connection: AsyncConnection, local_date: date, by: int) -> None:
    audiences = tables.audiences
    start = insert_new(connection, audiences).values(local_date=local_date, planned=0)
    await connection.execute(start)
    grown = update(audiences).where(audiences.c.local_date == local_date).values(planned=audiences.c.planned + by)
    await connection.execute(grown)
