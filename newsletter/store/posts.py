"""The ledger of channels: one post per channel and local date, by the chart of `model.delivery`.

There are a few rows a day, so each change is a transaction of its own, alone from its first statement on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, null, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import OPEN_STATES, SETTLED_STATES, Phase, State
from newsletter.model.post import Post
from newsletter.store import tables
from newsletter.store.database import Database, insert_new
from newsletter.store.ledger import unheard_of
from newsletter.store.marks import WithdrawnError
from newsletter.store.planning import WAITING
from newsletter.store.rows import UNLEASED

_column = tables.posts.c
_FIELDS = [_column[one.name] for one in fields(Post)]
_OPEN = (State.READY, State.DEFERRED)
_NEWEST = func.coalesce(_column.through, _column.local_date)
_HAD = or_(  # it was posted, may have been, or there was nothing new
    _column.state.in_((State.ACCEPTED, State.UNKNOWN)),
    _column.resent == true(),
    and_(_column.state == State.SKIPPED, _column.reason.startswith("nothing new")),
)
_MAY_GO_OUT = or_(  # by itself: see `Posts.recover`
    _column.state.in_(OPEN_STATES), and_(_column.state == State.UNKNOWN, _column.resent == false())
)
_MISSED = (State.DEFERRED, State.REFUSED, State.SUPERSEDED, State.UNKNOWN)


class Posts:
    """Plans, claims and settles posts. Every change is durable when its method returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, local_date: date, through: Mapping[str, date], at: datetime) -> int:
        """Plan a post for `local_date` in each channel of `through`, up to the edition of that day; those that are
        planned already stay as they are. What still waits there from earlier dates is superseded, but for what may have
        been posted already. Returns how many rows are new."""
        row = {"local_date": local_date, "state": State.READY, "updated_at": at}
        new = 0
        async with self._database.write() as connection:
            for channel, newest in through.items():
                added = insert_new(connection, tables.posts).values(channel=channel, through=newest, **row)
                new += (await connection.execute(added)).rowcount
            earlier = and_(_column.channel.in_(list(through)), _column.local_date < local_date)
            waits = and_(earlier, _column.state.in_(WAITING), _column.resent == false())
            reason = f"the post of {local_date} carries it"
            await _change(connection, waits, at, state=State.SUPERSEDED, reason=reason, next_at=None)
        return new

    async def recover(self, at: datetime, on_unknown: str, alive: Callable[[str], bool | None] = unheard_of) -> int:
        """Take back the rows whose lease ended before `at`, or whose owner is not `alive`: as `Ledger.recover` does."""
        async with self._database.write() as connection:
            leased = await connection.scalars(select(_column.lease_owner).where(_column.state == State.SENDING))
            fates = {owner: alive(owner) for owner in set(leased) if owner}
            gone = [owner for owner, fate in fates.items() if fate is False]
            there = [owner for owner, fate in fates.items() if fate]
            over = and_(_column.lease_until <= at, _column.lease_owner.not_in(there))
            lost = and_(_column.state == State.SENDING, or_(over, _column.lease_owner.in_(gone)))
            in_data = and_(lost, _column.phase == Phase.DATA)
            claimed = and_(lost, _column.phase == Phase.CLAIMED)
            changed = await _change(connection, claimed, at, state=State.READY, **UNLEASED)
            reason = "the service's answer was lost"
            if on_unknown == "resend":
                unknown = and_(or_(_column.state == State.UNKNOWN, in_data), _column.resent == false())
                again = {"state": State.READY, "resent": True, "reason": f"{reason}: posted once more", **UNLEASED}
                changed += await _change(connection, unknown, at, **again)
            return changed + await _change(connection, in_data, at, state=State.UNKNOWN, reason=reason, **UNLEASED)

    async def claim(
        self, channels: Collection[str], until: date, owner: str, at: datetime, lease: timedelta
    ) -> Post | None:
        """Claim the oldest post in `channels`, of local dates up to `until`, that may go out at `at`: it is `owner`'s
        until `at` + `lease`. None when there is none."""
        due = or_(_column.next_at.is_(null()), _column.next_at <= at)
        which = and_(_column.channel.in_(channels), _column.local_date <= until, _column.state.in_(_OPEN), due)
        query = select(_column.id).where(which).order_by(_column.local_date, _column.id).limit(1)
        async with self._database.write() as connection:
            number = await connection.scalar(query.with_for_update())
            if number is None:
                return None
            this = _column.id == number
            leased = {"phase": Phase.CLAIMED, "lease_owner": owner, "lease_until": at + lease, "next_at": None}
            await _change(connection, this, at, state=State.SENDING, attempt=_column.attempt + 1, **leased)
            return next(iter(await _posts(connection, this)))

    async def begin(self, post: Post, owner: str, at: datetime, papers: int) -> None:
        """Note, before it is posted, that from now on the service may have it; it shows that many `papers`.

        Raises WithdrawnError when the row is not `owner`'s any more: it must not be posted.
        """
        await self._mark(post, owner, at, phase=Phase.DATA, papers=papers)

    async def settle(
        self, post: Post, owner: str, at: datetime, state: State, reason: str = "", next_at: datetime | None = None
    ) -> None:
        """Record what became of a post, and end its lease. `state` is a settled one, or deferred until `next_at`.

        Raises WithdrawnError when the row is not `owner`'s any more.
        """
        if state not in SETTLED_STATES | {State.DEFERRED}:
            raise ValueError(f"a post cannot be settled as {state}")
        await self._mark(post, owner, at, state=state, reason=reason, next_at=next_at, **UNLEASED)

    async def _mark(self, post: Post, owner: str, at: datetime, **columns: object) -> None:
        held = and_(_column.id == post.id, _column.state == State.SENDING, _column.lease_owner == owner)
        async with self._database.write() as connection:
            if not await _change(connection, held, at, **columns):
                raise WithdrawnError(f"The post in {post.channel} of {post.local_date} is another sender's by now.")

    async def lacking(self, others: Iterable[Post]) -> list[Post]:
        """Those of `others`, had in another database, that this one does not know to be had."""
        async with self._database.read() as connection:
            known = {(row.channel, row.local_date) for row in await connection.execute(select(*_FIELDS).where(_HAD))}
        return [one for one in others if (one.channel, one.local_date) not in known]

    async def take_over(self, others: Iterable[Post], at: datetime) -> None:
        """Know of `others`, settled in another database, as of `at`: in the place of what waits here for their date."""
        async with self._database.write() as connection:
            for one in others:
                row = {"state": one.state, "reason": one.reason, "papers": one.papers, "through": one.through}
                this = and_(_column.channel == one.channel, _column.local_date == one.local_date)
                waits = and_(this, _MAY_GO_OUT)
                if not await _change(connection, waits, at, **row, next_at=None, **UNLEASED):
                    row |= {"channel": one.channel, "local_date": one.local_date, "updated_at": at}
                    await connection.execute(insert_new(connection, tables.posts).values(row))

    async def hold(self, at: datetime, reason: str) -> int:
        """Mark what waits as what may have been posted, for `reason`. It counts as posted once more already, so that
        no run posts it, whatever `delivery.on_unknown` says. Returns how many posts that are."""
        held = {"state": State.UNKNOWN, "resent": True, "reason": reason, "next_at": None, **UNLEASED}
        async with self._database.write() as connection:
            return await _change(connection, _MAY_GO_OUT, at, **held)

    async def newest(self, limit: int, channels: Iterable[str] | None = None) -> list[Post]:
        """The newest `limit` posts, in all channels where None, the newest first."""
        query = select(*_FIELDS).order_by(_column.local_date.desc(), _column.id.desc()).limit(limit)
        if channels is not None:
            query = query.where(_column.channel.in_(list(channels)))
        async with self._database.read() as connection:
            return [Post(*row) for row in await connection.execute(query)]

    async def of_date(self, local_date: date) -> list[Post]:
        """The posts of `local_date`, in the order in which they were planned."""
        async with self._database.read() as connection:
            return await _posts(connection, _column.local_date == local_date)

    async def last_settled(self, channel: str, before: date) -> date | None:
        """The day of the newest edition up to which the channel has everything, by posts of local dates earlier than
        `before`."""
        query = select(func.max(_NEWEST)).where(_column.channel == channel, _column.local_date < before, _HAD)
        async with self._database.read() as connection:
            last: date | None = await connection.scalar(query)
            return last

    async def brought_later(self, channel: str, after: date) -> date | None:
        """The first local date later than `after` whose post brought what was new then; None without one."""
        query = select(func.min(_column.local_date)).where(_column.channel == channel, _column.local_date > after, _HAD)
        async with self._database.read() as connection:
            first: date | None = await connection.scalar(query)
            return first

    async def missed(self, channel: str, limit: int) -> tuple[date | None, list[Post]]:
        """The newest local date whose post the channel's service took, None where it took none; and the newest `limit`
        posts since then that were tried and are not known to be taken, the newest first."""
        of_channel, tried = _column.channel == channel, _column.attempt > 0
        last = select(func.max(_column.local_date)).where(of_channel, _column.state == State.ACCEPTED)
        async with self._database.read() as connection:
            taken: date | None = await connection.scalar(last)
            since = true() if taken is None else _column.local_date > taken
            query = select(*_FIELDS).where(of_channel, tried, _column.state.in_(_MISSED), since)
            found = await connection.execute(query.order_by(_column.local_date.desc()).limit(limit))
            return taken, [Post(*row) for row in found]

    async def first_planned(self, channel: str) -> date | None:
        """The first local date that was ever planned there."""
        async with self._database.read() as connection:
            query = select(func.min(_column.local_date)).where(_column.channel == channel)
            first: date | None = await connection.scalar(query)
            return first

    async def next_at(self, channels: Collection[str]) -> datetime | None:
        """When the first deferred post in `channels` is tried again; None when there is none."""
        async with self._database.read() as connection:
            waits = and_(_column.state == State.DEFERRED, _column.channel.in_(list(channels)))
            query = select(func.min(_column.next_at)).where(waits)
            earliest: datetime | None = await connection.scalar(query)
            return earliest


async def _posts(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Post]:
    query = select(*_FIELDS).where(which).order_by(_column.local_date, _column.id)
    return [Post(*row) for row in await connection.execute(query)]


async def _change(connection: AsyncConnection, which: ColumnElement[bool], at: datetime, **columns: object) -> int:
    changed = update(tables.posts).where(which).values(updated_at=at, **columns)
    return (await connection.execute(changed)).rowcount
