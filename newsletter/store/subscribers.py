"""Subscribers. Who is suppressed stays away, whatever a file says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, String, and_, cast, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Rhythm, Status, Subscriber, Topic
from newsletter.store import tables
from newsletter.store.database import Database
from newsletter.store.forgetting import drop, erase, forget, stay_forgotten
from newsletter.store.readers import columns, granted, readers, readers_at, readers_of, write
from newsletter.store.suppressions import lift, suppress, suppression, suppressions, suppressions_among
from newsletter.store.topics import topic

FILE, WEB = "file", "web"

_column = tables.subscribers.c
_READS = _column.status.in_((Status.ACTIVE, Status.PAUSED))


class Confirmed(StrEnum):
    """What came of a confirmation."""

    NOW = "now"
    BEFORE = "before"  # the reader was there already
    NOT = "not"  # nobody waits for one at this address, or it must not be mailed


class Subscribers:
    """Queries for subscribers. Nothing here revives an address that is suppressed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sync_file(self, subscribers: Sequence[Subscriber], at: datetime | None = None) -> None:
        """Take over the readers of `subscribers.toml`, which has the last word on everything but leaving and pausing.

        An imported reader who is in the file from now on belongs to it. A reader who is no longer in the file has left,
        without a suppression: it comes back with its line. `at` is when that is, for those who are new.
        """
        async with self._database.write() as connection:
            rows = {reader.address: columns(reader) | {"origin": FILE} for reader in subscribers}
            known = {one.address: one for one in await readers(connection, _column.origin == FILE)}
            known |= await readers_at(connection, rows)
            suppressed = await suppressions_among(connection, rows)
            # Who is suppressed and has no row was forgotten, or never had one: the file does not bring them back.
            rows = {address: row for address, row in rows.items() if address in known or address not in suppressed}
            for address, row in rows.items():
                before = known.get(address)
                if address in suppressed:
                    # One who left and signs up again on the page waits for the confirmation, as anybody does.
                    waits = before is not None and before.status is Status.PENDING
                    row["status"] = Status.PENDING if waits else Status.LEFT
                elif before and before.status is Status.PAUSED:
                    row["status"] = Status.PAUSED
            for address, reader in known.items():
                if reader.origin == FILE and address not in rows:
                    # No file's any more. Who has left and signed up on the page since still waits.
                    status = Status.PENDING if reader.status is Status.PENDING else Status.LEFT
                    rows[address] = columns(reader) | {"status": status, "origin": WEB}
            await write(connection, known, rows, at)

    async def add(
        self,
        subscribers: Sequence[Subscriber],
        at: datetime | None = None,
        said: Mapping[str, Collection[str]] | None = None,
    ) -> tuple[int, int, list[str]]:
        """Import `subscribers` `at` a moment: new ones as they are, known ones with their status and origin kept, and
        only those fields changed that were `said` of their address, where that is given.

        Returns how many were added, how many were known, and the addresses that were refused because they have left
        or are suppressed.
        """
        async with self._database.write() as connection:
            known = await readers_at(connection, (reader.address for reader in subscribers))
            suppressed = await suppressions_among(connection, (reader.address for reader in subscribers))
            rows: dict[str, dict[str, object]] = {}
            refused: list[str] = []
            for reader in subscribers:
                before = known.get(reader.address)
                if reader.address in suppressed or (before and before.status is Status.LEFT):
                    refused.append(reader.address)
                elif before:
                    new = columns(reader)
                    kept = {"status", "origin"} if said is None else new.keys() - said[reader.address]
                    rows[reader.address] = new | {
                        name: value for name, value in columns(before).items() if name in kept
                    }
                else:
                    rows[reader.address] = columns(reader)
            await write(connection, known, rows, at)
        updated = len(rows.keys() & known.keys())
        return len(rows) - updated, updated, refused

    async def sign_up(self, reader: Subscriber, at: datetime, revivable: Collection[str]) -> Subscriber | None:
        """Note that `reader`, from the page, asks for mail `at`; they wait for a confirmation from then on.

        Returns the row: that of a reader who gets mail already (or has paused) stays as it is. Of one who has left, all
        is kept until they confirm, for anybody may type an address; the wishes are noted apart. None, and nothing
        changes, for an address that is suppressed for a reason that is not in `revivable`.
        """
        own = {"own": [asdict(topic) for topic in reader.own]}
        row = columns(reader) | own | {"status": Status.PENDING, "origin": WEB, "asked_at": at}
        async with self._database.write() as connection:
            stays = await suppression(connection, reader.address)
            if stays and stays.reason not in revivable:
                return None
            known = (await readers_at(connection, [reader.address])).get(reader.address)
            if known is None:
                await connection.execute(insert(tables.subscribers).values(row | {"joined_at": at}))
            elif known.status in (Status.PENDING, Status.LEFT):
                mine = update(tables.subscribers).where(_column.id == known.id)
                past = await connection.scalar(select(_column.wishes).where(_column.id == known.id))
                if known.status is Status.LEFT or past is not None:
                    kept = {name: row[name] for name in _WISHES}
                    row = {"status": Status.PENDING, "asked_at": at, "paused_until": None, "wishes": kept}
                await connection.execute(mine.values(row))
            return (await readers_at(connection, [reader.address]))[reader.address]

    async def confirm(self, subscriber_id: int, address: str, revivable: Collection[str]) -> Confirmed:
        """Make a reader who waits for it one who gets mail, and lift a suppression of `address` whose reason is in
        `revivable`. Of two that ask at once, one is told NOW."""
        mine = and_(_column.id == subscriber_id, _column.address == address)
        async with self._database.write() as connection:
            stays = await suppression(connection, address)
            reader = next(iter(await readers(connection, mine)), None)
            if reader is None or (stays and stays.reason not in revivable):
                return Confirmed.NOT
            if reader.status is not Status.PENDING:
                return Confirmed.NOT if reader.status is Status.LEFT else Confirmed.BEFORE
            await lift(connection, address)
            wishes = await connection.scalar(select(_column.wishes).where(mine))
            back: dict[str, object] = {"status": Status.ACTIVE, "paused_until": None, "wishes": None}
            if wishes:
                back |= _theirs(reader, wishes)
                await drop(connection, [one.slug for one in reader.own])
            await connection.execute(update(tables.subscribers).where(mine).values(back))
            return Confirmed.NOW

    async def change(
        self,
        subscriber_id: int,
        *,
        topics: Sequence[str],
        timezone: str,
        hour: int,
        rhythm: Rhythm,
        locale: str,
        own: Sequence[Topic],
    ) -> bool:
        """Set what a reader follows and when they read; of a reader of the file, which has the last word on the rest,
        only `own`. False, and nothing changes, for one who does not get mail.

        What was ranked for those of their own topics that are gone is deleted: it holds the reader's words.
        """
        wishes = {"topics": list(topics), "timezone": timezone, "hour": hour, "rhythm": rhythm, "locale": locale}
        here = and_(_column.id == subscriber_id, _READS)
        async with self._database.write() as connection:
            reader = next(iter(await readers(connection, here)), None)
            if reader is None:
                return False
            kept = {topic.slug for topic in own}
            await drop(connection, [topic.slug for topic in reader.own if topic.slug not in kept])
            values = _theirs(reader, wishes | {"own": [asdict(topic) for topic in own]})
            values["origin"] = reader.origin
            await connection.execute(update(tables.subscribers).where(here).values(values))
        return True

    async def read_weekly(self, subscriber_id: int) -> bool:
        """Set the rhythm of a reader who gets mail, and is not of the file; False for others."""
        here = and_(_column.origin != FILE, _READS)
        return await self._update(subscriber_id, here, {"rhythm": Rhythm.WEEKLY})

    async def mute(self, subscriber_id: int, words: Sequence[str], authors: Sequence[str]) -> bool:
        """Set what a reader, of the file too, never wants to read of. False for one who does not get mail."""
        return await self._update(subscriber_id, _READS, {"muted_words": list(words), "muted_authors": list(authors)})

    async def mute_authors(self, subscriber_id: int, changed: Callable[[tuple[str, ...]], Sequence[str]]) -> bool:
        """Set the muted authors to what `changed` makes of those there are now. Raises what it raises."""
        here = and_(_column.id == subscriber_id, _READS)
        async with self._database.write() as connection:
            reader = next(iter(await readers(connection, here)), None)
            if reader is None:
                return False
            values = {"muted_authors": list(changed(reader.muted_authors))}
            await connection.execute(update(tables.subscribers).where(here).values(values))
        return True

    async def own_topics(self) -> list[Topic]:
        """The topics that readers who get mail worded themselves, by reader."""
        query = select(_column.own).where(_READS, cast(_column.own, String) != "[]").order_by(_column.id)
        async with self._database.read() as connection:
            return [topic(one) for several in await connection.scalars(query) for one in several]

    async def pause(self, subscriber_id: int, until: date) -> bool:
        """No mail till `until`, the first day that is read again. False for a reader who does not get mail."""
        return await self._update(subscriber_id, _READS, {"status": Status.PAUSED, "paused_until": until})

    async def resume(self, subscriber_id: int) -> bool:
        """End a pause; False when there was none."""
        back = {"status": Status.ACTIVE, "paused_until": None}
        return await self._update(subscriber_id, _column.status == Status.PAUSED, back)

    async def _update(self, subscriber_id: int, which: ColumnElement[bool], values: Mapping[str, object]) -> bool:
        mine = update(tables.subscribers).where(_column.id == subscriber_id, which).values(values)
        async with self._database.write() as connection:
            return (await connection.execute(mine)).rowcount > 0

    async def wake(self, day: date) -> int:
        """End the pauses that were to last until `day` or an earlier one; how many."""
        over = and_(_column.status == Status.PAUSED, _column.paused_until <= day)
        back = update(tables.subscribers).where(over).values(status=Status.ACTIVE, paused_until=None)
        async with self._database.write() as connection:
            return (await connection.execute(back)).rowcount

    async def unconfirmed(self, before: datetime) -> int:
        """How many `give_up` would take out."""
        late = and_(_column.status == Status.PENDING, _column.asked_at < before)
        async with self._database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(tables.subscribers).where(late)) or 0

    async def give_up(self, before: datetime) -> int:
        """Take out who signed up on the page before that moment and never confirmed it; how many.

        One with a past (deliveries, feedback) has left instead: the ledger keeps its rows.
        """
        late = and_(_column.status == Status.PENDING, _column.asked_at < before)
        async with self._database.write() as connection:
            waiting = set((await connection.scalars(select(_column.id).where(late))).all())
            if not waiting:
                return 0
            # Those of whom there was a row before are what they were: readers who have left.
            before_that = select(_column.id).where(late, _column.wishes.is_not(None))
            known = set((await connection.scalars(before_that)).all())
            for table in (tables.deliveries, tables.feedback, tables.personal_rankings, tables.bounces):
                of = table.c.subscriber_id
                known |= set((await connection.scalars(select(of).where(of.in_(select(_column.id).where(late))))).all())
            for number in waiting & known:
                left = update(tables.subscribers).where(_column.id == number)
                await connection.execute(left.values(status=Status.LEFT, asked_at=None, wishes=None))
            await connection.execute(delete(tables.subscribers).where(late))
        return len(waiting)

    async def forget(self, subscriber_id: int, reason: str, at: datetime) -> bool:
        """Take out of every table what tells who a reader is; False when there is no such reader, or not any more.

        What stays: the row itself, for its number stands in the ledger, with words in place of the address; the
        deliveries, so that the counts go on adding up, without the relay's words, which often name the mailbox; the
        kinds and days of bounces; and a suppression of the address's hash for `reason`, so that no list, file or import
        can bring it back. The reason of an earlier suppression stays.
        """
        async with self._database.write() as connection:
            return await forget(connection, subscriber_id, reason, at)

    async def erase(self, address: str, reason: str, at: datetime) -> bool:
        """The same for whoever is or was at `address`, reader or not, now and as often as it is asked for; `reason`
        takes the place of an earlier one. Returns whether there was a reader."""
        async with self._database.write() as connection:
            return await erase(connection, address, reason, at)

    async def stay_forgotten(self) -> None:
        """Take out what a relay said about forgotten readers afterwards: its words often name the mailbox."""
        async with self._database.write() as connection:
            await stay_forgotten(connection)

    async def leave(self, address: str, reason: str, at: datetime) -> bool:
        """Suppress `address` for `reason` from `at` on, whether it is known or not; a second time changes nothing.

        Returns whether there is such a subscriber.
        """
        async with self._database.write() as connection:
            _, known = await suppress(connection, address, reason, at)
            return known

    async def leave_together(self, addresses: Iterable[str], reason: str, at: datetime) -> None:
        """The same for many, in one write: all of them, or none."""
        async with self._database.write() as connection:
            for address in addresses:
                await suppress(connection, address, reason, at)

    async def all(self) -> list[Subscriber]:
        """Every subscriber there ever was, by id; `slices` holds less of them at a time."""
        async with self._database.read() as connection:
            return await readers(connection)

    async def of(self, ids: Iterable[int]) -> dict[int, Subscriber]:
        """The subscribers of `ids`, by id; one that is not there is left out."""
        async with self._database.read() as connection:
            return {one.id: one for one in await readers_of(connection, ids)}

    async def slices(
        self, size: int = 1000, after: int = 0, until: int | None = None
    ) -> AsyncIterator[list[Subscriber]]:
        """Every subscriber there ever was whose id is more than `after`, up to `until` (None: whoever there is), by id,
        at most `size` at a time. Nothing stays open between two slices: who comes meanwhile is in the last one."""
        while found := await self.page(after=after, until=until, limit=size):
            yield found
            after = found[-1].id

    async def ranges(self, size: int) -> list[tuple[int, int | None]]:
        """Ranges of ids, each as `slices` takes it, that have at most `size` ids and everybody among them. The last one
        has no end, so that it has those who come meanwhile."""
        async with self._database.read() as connection:
            newest = await connection.scalar(select(func.max(_column.id))) or 0
        starts = range(0, max(newest, 1), size)
        return [(start, start + size if start + size < newest else None) for start in starts]

    async def page(
        self,
        *,
        status: Status | None = None,
        search: str = "",
        after: int = 0,
        until: int | None = None,
        limit: int = 100,
    ) -> list[Subscriber]:
        """The first `limit` subscribers whose id is more than `after` and at most `until`, by id: of a status, and with
        `search` in the address or the name, where they are given."""
        which = [_column.id > after]
        if until is not None:
            which.append(_column.id <= until)
        if status is not None:
            which.append(_column.status == status)
        if search:
            which.append(
                _column.address.icontains(search, autoescape=True) | _column.name.icontains(search, autoescape=True)
            )
        async with self._database.read() as connection:
            return await readers(connection, and_(*which), limit)

    async def counts(self) -> dict[Status, int]:
        """How many subscribers have each status, 0 where there are none."""
        query = select(_column.status, func.count()).group_by(_column.status)
        async with self._database.read() as connection:
            found: dict[Status, int] = dict((await connection.execute(query)).all())
        return {status: found.get(status, 0) for status in Status}

    async def named(self, addresses: Iterable[str]) -> dict[str, Subscriber]:
        """The subscribers of those of `addresses` that are one's, by address."""
        async with self._database.read() as connection:
            return await readers_at(connection, addresses)

    async def find(self, address: str) -> Subscriber | None:
        """The subscriber of `address`."""
        return (await self.named([address])).get(address)

    async def get(self, subscriber_id: int) -> Subscriber | None:
        """The subscriber of that number."""
        async with self._database.read() as connection:
            return next(iter(await readers(connection, _column.id == subscriber_id)), None)

    async def as_asked(self, subscriber_id: int) -> Subscriber | None:
        """The subscriber of that number as they are once they confirm what they asked for."""
        mine = _column.id == subscriber_id
        async with self._database.read() as connection:
            found = next(iter(await readers(connection, mine)), None)
            wishes = await connection.scalar(select(_column.wishes).where(mine))
        if not found or not wishes:
            return found
        return granted(found, wishes if found.origin != FILE else {"own": wishes["own"]})

    async def suppressed(self) -> dict[str, str]:
        """The reason of every suppressed address, by address."""
        async with self._database.read() as connection:
            return await _suppressed(connection)


_WISHES = ("name", "topics", "timezone", "hour", "rhythm", "locale", "own")


async def _suppressed(connection: AsyncConnection) -> dict[str, str]:
    return {one.address: one.reason for one in await suppressions(connection)}


def _theirs(reader: Subscriber, wishes: Mapping[str, object]) -> dict[str, object]:
    """What of `wishes` is the reader's to decide: all, or what a file cannot say."""
    return {"own": wishes["own"]} if reader.origin == FILE else {**wishes, "origin": WEB}
