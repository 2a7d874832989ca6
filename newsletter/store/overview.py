"""An overview for the operator: counts, grouped in the database, and lists, a page at a time.

Nothing here loads a table. Days of moments are those of UTC; local dates are what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Date, Select, Table, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from newsletter.model import Delivery, State, Status, Verdict
from newsletter.store import rows, tables
from newsletter.store.batches import BatchRecord, recorded
from newsletter.store.database import Database
from newsletter.store.suppressions import Suppression

Row = TypeVar("Row")

_people, _ledger, _batches, _away = (
    tables.subscribers.c,
    tables.deliveries.c,
    tables.batches.c,
    tables.suppressions.c,
)
_READS = _people.status.in_((Status.ACTIVE, Status.PAUSED))

_GRAVE = (Verdict.BROKEN, Verdict.PARTIAL, Verdict.STALE, Verdict.QUIET, Verdict.SAME, Verdict.NEW)
"""Verdicts, the one that most wants a look first."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, how many the whole list has, and whether there are more after these."""

    rows: list[Row]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What a source answered on a day, in a word: of each document the last verdict counts (`new` if there was one, for
    later ones of the same day are `same`), of several documents the gravest."""

    source: str
    day: date
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Deferred:
    """Deliveries that wait for another try: how many, when the first is tried, and what the relay said to most of them,
    which are `alike`."""

    number: int
    next_at: datetime | None
    code: int | None
    reply: str
    alike: int


class Overview:
    """Counts and lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deliveries_by_day(self, after: date, until: date) -> dict[date, dict[State, int]]:
        """How many deliveries of the local dates in (`after`, `until`] are in each state; days and states without one
        are left out."""
        day, state = _ledger.local_date, _ledger.state
        # With the states it is answered from their index, whatever the age of the ledger.
        which = and_(state.in_(list(State)), day > after, day <= until)
        query = select(day, state, func.count()).where(which).group_by(day, state).order_by(day)
        found: dict[date, dict[State, int]] = {}
        async with self._database.read() as connection:
            for local_date, word, number in await connection.execute(query):
                found.setdefault(local_date, {})[word] = number
        return found

    async def newest_date(self) -> date | None:
        """The newest local date that has deliveries."""
        async with self._database.read() as connection:
            newest: date | None = await connection.scalar(select(func.max(_ledger.local_date)))
            return newest

    async def newest_tried(self) -> date | None:
        """The newest local date of which a delivery was tried, whatever came of it."""
        async with self._database.read() as connection:
            newest = [
                await connection.scalar(select(func.max(_ledger.local_date)).where(_ledger.state == state))
                for state in (State.ACCEPTED, State.DEFERRED, State.REFUSED, State.UNKNOWN)
            ]
        return max(filter(None, newest), default=None)

    async def last_accepted(self) -> datetime | None:
        """When the relay last took a message, of those for the newest local date that has one and the date before;
        None when it never did."""
        async with self._database.read() as connection:
            if (of_late := await _accepted_of_late(connection)) is None:
                return None
            last: datetime | None = await connection.scalar(select(func.max(_ledger.updated_at)).where(of_late))
            return last

    async def accepted_since(self, moment: datetime) -> bool:
        """Whether `last_accepted` is later than `moment`: told by the first message that is, mostly at once."""
        async with self._database.read() as connection:
            if (of_late := await _accepted_of_late(connection)) is None:
                return False
            later = select(_ledger.id).where(of_late, _ledger.updated_at > moment).limit(1)
            return await connection.scalar(later) is not None

    async def replies(self) -> dict[str, int]:
        """How many deliveries stand with a last reply of each class: `2xx` (accepted), `4xx`, `5xx`, and `none` where
        the relay's answer was lost."""
        code = _ledger.code
        others = _ledger.state.in_((State.DEFERRED, State.REFUSED, State.UNKNOWN))
        async with self._database.read() as connection:
            accepted = await _count(connection, tables.deliveries, [_ledger.state == State.ACCEPTED])
            query = select(code, func.count()).where(others).group_by(code)
            found = Counter({"2xx": accepted, "4xx": 0, "5xx": 0, "none": 0})
            for number, several in await connection.execute(query):
                found[f"{number // 100}xx" if number else "none"] += several
            return dict(found)

    async def deferred(self) -> Deferred | None:
        """The deliveries that wait for another try; None when none do."""
        waits, why = _ledger.state == State.DEFERRED, func.count()
        counted = select(func.count(), func.min(_ledger.next_at)).where(waits)
        reasons = (
            select(_ledger.code, _ledger.enhanced, func.max(_ledger.reply), why)
            .where(waits)
            .group_by(_ledger.code, _ledger.enhanced)
            .order_by(why.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            number, next_at = (await connection.execute(counted)).one()
            if not number:
                return None
            code, _, reply, several = (await connection.execute(reasons)).one()
            return Deferred(number, next_at, code, reply, several)

    async def began(self) -> datetime | None:
        """When a source was first asked: since then mail can have gone out."""
        async with self._database.read() as connection:
            first: datetime | None = await connection.scalar(select(func.min(_batches.collected_at)))
            return first

    async def editions(self) -> tuple[int, date | None]:
        """How many editions there are, and the newest day."""
        day = tables.editions.c.day
        async with self._database.read() as connection:
            number, newest = (await connection.execute(select(func.count(), func.max(day)))).one()
            return number, newest

    async def suppressed(self) -> int:
        """How many addresses are suppressed."""
        async with self._database.read() as connection:
            return await _count(connection, tables.suppressions, [])

    async def answers(self, after: date, until: date) -> list[Answers]:
        """What the sources answered on the days in (`after`, `until`] when they were asked for what is new, by source
        and day."""
        column = _batches
        day = _utc_day(column.collected_at)
        query = (
            select(column.source, day, column.document, column.verdict, func.max(column.id))
            .where(column.asked.is_(None), *_between(column.collected_at, after, until))
            .group_by(column.source, day, column.document, column.verdict)
            .order_by(column.source, day, func.max(column.id))
        )
        last: dict[tuple[str, date], dict[str, Verdict]] = {}
        async with self._database.read() as connection:
            for source, on, document, verdict, _ in await connection.execute(query):
                of_day = last.setdefault((source, on), {})
                if not (verdict is Verdict.SAME and of_day.get(document) is Verdict.NEW):
                    of_day[document] = verdict
        return [Answers(source, on, min(found.values(), key=_GRAVE.index)) for (source, on), found in last.items()]

    async def readers_by_day(self, after: date, until: date) -> list[tuple[date, int]]:
        """How many readers there were at the end of each day in (`after`, `until`]: who reads (or has paused) since
        they came, and who has left, from their coming to their suppression. Who came before that was noted was there
        all the time; of who left without a suppression nobody knows when, so they are left out."""
        came, gone = _utc_day(_people.joined_at), _utc_day(_away.since)
        start = _midnight(after + timedelta(days=1))
        left = and_(_people.status == Status.LEFT, _away.address == _people.address)
        before = or_(_people.joined_at.is_(None), _people.joined_at < start)
        active = select(came, func.count()).where(_READS).group_by(came)
        lost = select(came, func.count()).select_from(tables.subscribers.join(tables.suppressions, left)).group_by(came)
        leaving = (
            select(gone, func.count()).select_from(tables.subscribers.join(tables.suppressions, left)).group_by(gone)
        )
        during = and_(_people.joined_at >= start, _away.since >= _people.joined_at)
        changes: dict[date, int] = {}
        async with self._database.read() as connection:
            number = await _count(connection, tables.subscribers, [_READS, before])
            early = select(func.count()).select_from(tables.subscribers.join(tables.suppressions, left))
            number += await connection.scalar(early.where(before, _away.since >= start)) or 0
            for query, sign in (
                (active.where(_people.joined_at >= start), 1),
                (lost.where(during), 1),
                (leaving.where(_away.since >= start, or_(before, during)), -1),
            ):
                for day, several in await connection.execute(query):
                    changes[day] = changes.get(day, 0) + sign * several
        found = []
        for day in _days(after, until):
            number += changes.get(day, 0)
            found.append((day, number))
        return found

    async def deliveries(
        self,
        *,
        state: State | None = None,
        local_date: date | None = None,
        since: date | None = None,
        search: str = "",
        subscriber_id: int | None = None,
        before: tuple[date, int] | None = None,
        limit: int = 100,
    ) -> Page[Delivery]:
        """Deliveries in a state, of a date, from a date on, to addresses that hold `search`, of one reader: the newest
        `limit` after the one whose date and number `before` are, newest first."""
        which: list[ColumnElement[bool]] = []
        if state is not None:
            which.append(_ledger.state == state)
        if local_date is not None:
            which.append(_ledger.local_date == local_date)
        if since is not None:
            which.append(_ledger.local_date >= since)
        if subscriber_id is not None:
            which.append(_ledger.subscriber_id == subscriber_id)
        if search:
            people = select(_people.id).where(_people.address.icontains(search, autoescape=True))
            which.append(_ledger.subscriber_id.in_(people))
        here = list(which)
        if before:
            day, number = before
            here.append(or_(_ledger.local_date < day, and_(_ledger.local_date == day, _ledger.id < number)))
        async with self._database.read() as connection:
            found = await rows.deliveries(connection, and_(true(), *here), newest_first=True, limit=limit + 1)
            return _page(found, await _count(connection, tables.deliveries, which), limit)

    async def delivery(self, number: int) -> Delivery | None:
        """The delivery of that number."""
        async with self._database.read() as connection:
            return next(iter(await rows.deliveries(connection, _ledger.id == number)), None)

    async def batches(
        self,
        *,
        source: str = "",
        verdict: Verdict | None = None,
        day: date | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[tuple[int, BatchRecord]]:
        """Batches of a source, with a verdict, collected on a day, each with its number: the newest `limit` whose
        number is less than `before`."""
        which: list[ColumnElement[bool]] = []
        if source:
            which.append(_batches.source == source)
        if verdict is not None:
            which.append(_batches.verdict == verdict)
        if day is not None:
            which += _between(_batches.collected_at, day - timedelta(days=1), day)
        here = which if before is None else [*which, _batches.id < before]
        query = select(tables.batches).where(*here).order_by(_batches.id.desc()).limit(limit + 1)
        async with self._database.read() as connection:
            found = [(row.id, recorded(row)) for row in await connection.execute(query)]
            return _page(found, await _count(connection, tables.batches, which), limit)

    async def sources(self) -> list[str]:
        """The names of all sources that ever answered."""
        async with self._database.read() as connection:
            return list(await connection.scalars(select(_batches.source).distinct().order_by(_batches.source)))

    async def suppressions(
        self, *, search: str = "", after: str = "", limit: int = 100
    ) -> Page[tuple[Suppression, int | None]]:
        """The first `limit` suppressions after the address `after`, by address, that hold `search` in it or in the
        reason; each with the number of its subscriber, where it has one."""
        which: list[ColumnElement[bool]] = []
        if search:
            which.append(
                _away.address.icontains(search, autoescape=True) | _away.reason.icontains(search, autoescape=True)
            )
        query: Select[Any] = (
            select(tables.suppressions, _people.id)
            .join_from(tables.suppressions, tables.subscribers, _people.address == _away.address, isouter=True)
            .where(_away.address > after, *which)
            .order_by(_away.address)
            .limit(limit + 1)
        )
        async with self._database.read() as connection:
            found = [
                (Suppression(row.address, row.reason, row.since), row.id) for row in await connection.execute(query)
            ]
            return _page(found, await _count(connection, tables.suppressions, which), limit)

    async def readers(self, status: Status | None = None, search: str = "") -> int:
        """How many subscribers `Subscribers.page` finds in all."""
        which: list[ColumnElement[bool]] = []
        if status is not None:
            which.append(_people.status == status)
        if search:
            which.append(
                _people.address.icontains(search, autoescape=True) | _people.name.icontains(search, autoescape=True)
            )
        async with self._database.read() as connection:
            return await _count(connection, tables.subscribers, which)


class _utc_day(FunctionElement[date]):  # an SQL function, named like one
    """The day, in UTC, of a moment. SQLite keeps moments as text, in UTC; PostgreSQL would use the session's zone."""

    name = "utc_day"
    type = Date()
    inherit_cache = True


@compiles(_utc_day)
def _as_date(element: _utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)})"


@compiles(_utc_day, "postgresql")
def _as_date_in_utc(element: _utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"date(timezone('UTC', {compiler.process(element.clauses, **options)}))"


def _page(found: list[Row], total: int, limit: int) -> Page[Row]:
    return Page(found[:limit], total, len(found) > limit)


async def _accepted_of_late(connection: AsyncConnection) -> ColumnElement[bool] | None:
    """The accepted deliveries of the newest local date that has one and the date before; None where there is none."""
    accepted = _ledger.state == State.ACCEPTED
    newest = await connection.scalar(select(func.max(_ledger.local_date)).where(accepted))
    return None if newest is None else and_(accepted, _ledger.local_date >= newest - timedelta(days=1))


async def _count(connection: AsyncConnection, table: Table, which: Sequence[ColumnElement[bool]]) -> int:
    return await connection.scalar(select(func.count()).select_from(table).where(*which)) or 0


def _between(column: ColumnElement[datetime], after: date, until: date) -> list[ColumnElement[bool]]:
    """Whether a moment lies in the days (`after`, `until`]."""
    one = timedelta(days=1)
    return [column >= _midnight(after + one), column < _midnight(until + one)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days(after: date, until: date) -> list[date]:
    return [after + timedelta(days=number) for number in range(1, (until - after).days + 1)]
