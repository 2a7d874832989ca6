"""The ledger: one delivery per subscriber and local date, and the only authority on "did it go out?".

`model.delivery` draws the states. A process that sends claims rows with a lease; a row whose owner died is found by
its lease, and its phase tells whether the message can have reached the relay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import StoreError
from newsletter.model import OPEN_STATES, SETTLED_STATES, Delivery, Phase, State
from newsletter.store import marks, tables
from newsletter.store.claiming import claim
from newsletter.store.database import Database, within
from newsletter.store.group import Group
from newsletter.store.marks import Mark
from newsletter.store.partitions import Partitions
from newsletter.store.planning import WAITING, plan
from newsletter.store.rows import UNLEASED, change, column, deliveries
from newsletter.store.settled import Settled

# An attempt was begun, and the relay said yes to it, or nothing that we heard.
_MAY_BE_THERE = and_(column.message_id != "", or_(column.code.is_(None), column.code < 400))
_NEWEST = func.coalesce(column.through, column.local_date)
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
        self._partitions = Partitions(database)
        self._settled = Settled()

    async def close(self) -> None:
        """Returns when nothing is being written any more."""
        await self._group.close()
        self._settled.say()

    async def plan(
        self,
        local_date: date,
        subscriber_ids: Sequence[int],
        at: datetime,
        and_then: Callable[[AsyncConnection, int], Awaitable[None]] | None = None,
        *,
        through: date | None = None,
        missed: str = "",
    ) -> int:
        """Plan a delivery for each of `subscriber_ids` on `local_date`, as of `at`; all of them or none.

        Those that are planned already stay as they are; ids that are no subscriber's (any more) are left out. What
        still waits from earlier dates of the same subscribers is superseded; not so a message that the relay may have
        taken already: it goes out once more as it was, for inside a later digest nobody could tell the copy. Returns
        how many rows are new. `and_then` is told so in the same transaction: what it writes is there with the rows, or
        neither is. They span editions up to that of the day `through`, None for the date itself. `missed` is why they
        are not sent any more: they are superseded at once. Raises StoreError for a date that was dropped.
        """
        await self._partitions.make(local_date)
        async with self._database.write_beside() as connection:
            new = await plan(connection, local_date, subscriber_ids, at, through, missed)
            if and_then:
                await and_then(connection, new)
            return new

    async def drop(self, before: date) -> int:
        """Keep no deliveries of local dates before that one. Returns how many dates went, which are never planned
        again. Raises StoreError when they are in use just now."""
        return await self._partitions.drop(before)

    async def droppable(self, before: date) -> int:
        """How many deliveries `drop` would let go."""
        return await self._partitions.droppable(before)

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
        """Claim up to `limit` deliveries of `local_date` that may go out at `at`: the oldest first, deferred ones last.

        They are `owner`'s until `at` + `lease`. A subscriber who is suppressed or not active by now is skipped, with
        the reason; fewer than `limit` rows come back only when there are no more.
        """
        return await self._database.write_at_once(
            lambda connection: claim(connection, local_date, owner, at, lease, limit)
        )

    async def begin_data(
        self,
        delivery: Delivery,
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
        # What the relay said of an attempt before is not what it says of this one.
        begun = {"phase": Phase.DATA, "code": None, **message} | ({"lease_until": at + lease} if lease else {})
        mark = Mark(delivery.id, delivery.local_date, owner, at, begun, settles=False)
        await self._group.write(mark, happened=False)
        self._settled.began(delivery, message_id, size)

    async def not_begun(self, delivery: Delivery, owner: str, at: datetime) -> None:
        """Take back what `begin_data` noted: the relay failed before anything was sent. The row is only claimed again.

        Raises as `settle` does.
        """
        claimed: dict[str, object] = {"phase": Phase.CLAIMED, "message_id": ""}
        await self._group.write(Mark(delivery.id, delivery.local_date, owner, at, claimed, settles=True), happened=True)

    async def settle(
        self,
        delivery: Delivery,
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
        await self._group.write(Mark(delivery.id, delivery.local_date, owner, at, outcome, settles=True), happened=True)
        self._settled.ended(delivery, state, code, reply or reason, queue_id)

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
            # What the relay refused is not there.
            message_id = case((column.state == State.REFUSED, ""), else_=column.message_id)
            return await change(connection, which, at, **again, message_id=message_id)

    async def release(self, owner: str, at: datetime) -> int:
        """Give back what `owner` still holds, when it sends nothing any more. Returns how many rows.

        What was only claimed is ready, as if never claimed. What was in DATA is unknown: its answer was not waited for.
        """
        await self._group.close()  # an outcome that is on its way to the disk counts
        self._settled.say()
        held = and_(column.state == State.SENDING, column.lease_owner == owner)
        claimed, in_data = (and_(held, column.phase == phase) for phase in (Phase.CLAIMED, Phase.DATA))
        async with self._database.write_beside() as connection:
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
        after: tuple[date, int] | None = None,
    ) -> list[Delivery]:
        """The deliveries of a date, in a state, to an address: of all where None. The newest `limit`, newest first;
        those behind the one of the local date and id `after`."""
        which = and_(true() if state is None else column.state == state, *_narrowed(local_date, address))
        if after is not None:
            day, number = after
            same = and_(column.local_date == day, column.id < number)
            which = and_(which, or_(column.local_date < day, same))
        async with self._database.read() as connection:
            return await deliveries(connection, which, newest_first=True, limit=limit)

    async def waiting(self, local_dates: Collection[date], limit: int) -> list[int]:
        """The ids of at most `limit` deliveries of `local_dates` that are not settled."""
        query = select(column.id).where(column.state.in_(OPEN_STATES), column.local_date.in_(local_dates)).limit(limit)
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    async def first(self, local_date: date, limit: int, before: Iterable[int] = ()) -> list[Delivery]:
        """At most `limit` deliveries: those of the ids `before`, by date and id, then the first of `local_date`."""
        async with self._database.read() as connection:
            some = within(connection, column.id, before)
            found = [one for which in some for one in await deliveries(connection, which)]
            found.sort(key=lambda one: (one.local_date, one.id))
            of_day = await deliveries(connection, column.local_date == local_date, limit=max(limit - len(found), 0))
        return [*found, *of_day][:limit]

    async def first_planned(self, subscriber_ids: Iterable[int] | None = None) -> dict[int, date]:
        """Per subscriber, the day of the newest edition of what was planned first; None means everybody."""
        query = select(column.subscriber_id, func.min(_NEWEST)).group_by(column.subscriber_id)
        return await self._by_subscriber(query, subscriber_ids)

    async def planned(self, local_date: date, subscriber_ids: Iterable[int] | None = None) -> dict[int, datetime]:
        """Per subscriber with a delivery on `local_date`, when it was planned; None means everybody."""
        query = select(column.subscriber_id, column.planned_at)
        query = query.where(column.local_date == local_date, column.planned_at.is_not(None))
        return await self._by_subscriber(query, subscriber_ids)

    async def readers(self, local_date: date) -> set[int]:
        """The ids of the subscribers who have a delivery on `local_date`."""
        async with self._database.read() as connection:
            query = select(column.subscriber_id).where(column.local_date == local_date)
            return set(await connection.scalars(query))

    async def _by_subscriber(self, query: Select[int, Any], subscriber_ids: Iterable[int] | None) -> dict[int, Any]:
        """The second column of `query` by the first, a subscriber's id; None means everybody."""
        async with self._database.read() as connection:
            some = [true()] if subscriber_ids is None else within(connection, column.subscriber_id, subscriber_ids)
            return {reader: found for part in some for reader, found in await connection.execute(query.where(part))}

    async def next_at(self, local_dates: Collection[date]) -> datetime | None:
        """When the first deferred delivery of `local_dates` is tried again; None when there is none."""
        deferred = and_(column.state == State.DEFERRED, column.local_date.in_(local_dates))
        async with self._database.read() as connection:
            earliest: datetime | None = await connection.scalar(select(func.min(column.next_at)).where(deferred))
            return earliest

    async def open_dates(self, until: date) -> list[date]:
        """The local dates up to `until` that have deliveries which still wait to be sent, ascending."""
        query = select(column.local_date).where(column.state.in_(WAITING), column.local_date <= until).distinct()
        async with self._database.read() as connection:
            return sorted((await connection.scalars(query)).all())

    async def counts(self, local_date: date | None = None) -> dict[State, int]:
        """How many deliveries, of `local_date` or of all, are in each state, 0 where there are none."""
        # With the states a date is answered from their index, whatever the age of the ledger.
        of_date = [] if local_date is None else [column.state.in_(list(State)), column.local_date == local_date]
        found = await self._counted(*of_date)
        return {state: found.get(state, 0) for state in State}

    async def open_counts(self, local_date: date) -> dict[State, int]:
        """How many deliveries of `local_date` are in each of the open states, 0 where there are none: never looks at
        those that are settled."""
        found = await self._counted(column.state.in_(OPEN_STATES), column.local_date == local_date)
        return {state: found.get(state, 0) for state in State if state in OPEN_STATES}

    async def _counted(self, *which: ColumnElement[bool]) -> dict[State, int]:
        query = select(column.state, func.count()).where(*which).group_by(column.state)
        async with self._database.read() as connection:
            return dict((await connection.execute(query)).all())

    async def balanced(self) -> bool:
        """Whether every local date has as many rows as were ever planned for it, each in a state we know."""
        audiences = tables.audiences.c
        plans = select(audiences.local_date, audiences.planned).where(audiences.dropped == false())
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
        self, subscriber_ids: Iterable[int] | None = None, before: date | None = None, after: date | None = None
    ) -> dict[int, date]:
        """Per subscriber, the day of the newest edition up to which the reader has everything, by deliveries of local
        dates earlier than `before` and later than `after`.

        That is a delivery that was accepted, is unknown, or was skipped because there was nothing new. Subscribers
        without one are left out; None means everybody.
        """
        had = or_(
            column.state.in_((State.ACCEPTED, State.UNKNOWN)),
            # The relay may have taken the first copy. Of one that is skipped it has, if there was an attempt that it
            # did not refuse.
            and_(column.resent == true(), or_(column.state != State.SKIPPED, _MAY_BE_THERE)),
            and_(column.state == State.SKIPPED, column.reason.startswith("nothing new")),
        )
        query = select(column.subscriber_id, func.max(_NEWEST)).where(had).group_by(column.subscriber_id)
        if before is not None:
            query = query.where(column.local_date < before)
        if after is not None:
            query = query.where(column.local_date > after)
        return await self._by_subscriber(query, subscriber_ids)

    async def _write_marks(self, group: Sequence[Mark]) -> Sequence[StoreError | None]:
        try:
            await self._database.write_at_once(lambda connection: marks.write_all(connection, group))
        except marks.NotOursError:
            async with self._database.write_beside() as connection:
                return await marks.write(connection, group)
        return [None] * len(group)


def _narrowed(local_date: date | None, address: str | None) -> list[ColumnElement[bool]]:
    people = tables.subscribers.c
    of_address = column.subscriber_id.in_(select(people.id).where(people.address == address))
    return [
        true() if local_date is None else column.local_date == local_date,
        true() if address is None else of_address,
    ]
