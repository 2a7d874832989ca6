"""A backup of a file, put back in its place.

the file           whole, ours, not newer than we are?
who is at work     nobody may have the present database open: it would go on writing where nobody reads
a draft            a copy of the file, brought to the tables of this version
what was refused   suppressions of the present database are taken over; who was forgotten since is forgotten again
what was sent      cannot be known from the file: it is told, and with `hold` nothing of it goes out by itself; posts in
                   channels that the present database knows of are taken over then
the change         the present database is put aside, the draft takes its place, in one step each
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import URL, and_, false, func, make_url, or_, select

from newsletter import timezones
from newsletter.errors import StoreError
from newsletter.model import OPEN_STATES, State
from newsletter.model.post import Post
from newsletter.policy.due import reads_on
from newsletter.policy.hours import Calendar, Hours, Turn, turns
from newsletter.store import Slot, Store
from newsletter.store.backing_up import FOLDER, Progress, copy_file
from newsletter.store.database import Database
from newsletter.store.forgetting import erase
from newsletter.store.migrating import migrate, refuse
from newsletter.store.opening import LOCK_WAIT, file_of, without_password
from newsletter.store.restoring_posts import had_posts, hold_posts
from newsletter.store.rows import UNLEASED, change, column
from newsletter.store.suppressions import Suppression, forgotten_among, take_over

HELD = "held: the database was restored, and this may have gone out before"

_MAGIC = b"SQLite format 3\x00"
_DUMP = b"PGDMP"
"""What a file that `pg_dump --format=custom` wrote begins with."""

_MOMENTS = (
    ("deliveries", "updated_at"),
    ("posts", "updated_at"),
    ("batches", "collected_at"),
    ("answers", "fetched_at"),
    ("bounces", "received_at"),
    ("feedback", "given"),
    ("suppressions", "since"),
    ("subscribers", "joined_at"),
    ("subscribers", "asked_at"),
)
"""What tells how far a database had come."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it. The file knows nothing later than `newest`. `aside` is where the database is that was there, and
    `read` whether it could be read; from it come `refused`, how many suppressions are new to the file, and `since`, how
    many messages were accepted that the file does not know of, by local date.

    `waiting` are deliveries of the file that the next run sends, by local date: those that were not settled and, where
    that is the rule, those whose answer was lost. `due` is how many readers are due today and have no delivery there;
    `held` how many deliveries stay where they are until somebody says otherwise. `posted` are posts in channels that
    the file does not know to be had, by local date, and `held_posts` how many are never posted. `unplaced` are the
    readers' time zones that are none: on a machine that does not know them either, they wait.
    """

    place: Path
    newest: datetime
    aside: Path | None
    read: bool
    refused: int
    forgotten: int
    since: Mapping[date, int]
    waiting: Mapping[date, int]
    due: int
    held: int
    posted: Mapping[date, int]
    held_posts: int
    unplaced: tuple[str, ...] = ()


LOOK = "look"
"""The moment that a scheduler notes: where there is none, mail goes out by `newsletter run`, whatever the hour."""

EVERYBODY = 2**31 - 1
"""More readers than there are."""

Came = Mapping[tuple[date, date | None], Sequence[int]]
"""By local date, and the day of the edition up to which the digest went (None: of that date), the ids of readers."""


async def restore(
    url: str,
    file: Path,
    at_work: Sequence[str],
    calendar: Calendar,
    now: datetime,
    progress: Progress,
    *,
    on_unknown: str = "resend",
    hold: bool = False,
    rehearse: bool = False,
) -> Restored:
    """Put what is in `file` where the database at `url` is; to `rehearse`, only find out what that would come to.

    `at_work` are the names of processes that use the database; `on_unknown` is `delivery.on_unknown`. To `hold` is to
    mark what waits in the file, and the last digest of everybody whose moment came since then, as *unknown*, which
    nobody sends again but the operator.
    Raises StoreError, one sentence, with everything as it was.
    """
    target = file_of(url)
    if target is None:
        raise StoreError(_by_its_own_program(url, file))
    if at_work:
        raise StoreError(f"{target} is in use by {at_work[0]}: stop what runs, schedules or serves, then try again.")
    _verify(file, target)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with _alone(target) as present:
            await asyncio.to_thread(copy_file, file, draft, progress)
            found = await _made(draft, target, present, calendar, now, on_unknown, hold=hold)
            if rehearse:
                return found
            return _changed(found, draft, now)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be replaced ({error.strerror}): check its folder and the disk, then try again."
        ) from error
    finally:
        for path in _files(draft):
            path.unlink(missing_ok=True)


def _by_its_own_program(url: str, file: Path) -> str:
    """How the dump `file` gets into a new database beside the one at `url`, which stays as it is. Raises StoreError."""
    if not _beginning(file).startswith(_DUMP):
        raise StoreError(f"{file} is no dump of a PostgreSQL database: name one that `newsletter db backup` made.")
    parts = make_url(without_password(url))
    present = parts.normalized_query.get("dbname", (parts.database or parts.username or "newsletter",))[-1]
    server, name = parts.difference_update_query(["dbname"]), f"{present}_restored"
    new = server.set(database=name).render_as_string()
    create = ["createdb", f"--maintenance-db={server.set(database='postgres').render_as_string()}", name]
    restore = ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={new}", str(file)]
    return (
        f"A PostgreSQL database is restored by its own program, into a new one: {shlex.join(create)} && "
        f"{shlex.join(restore)}; then set database.url to it, and before anything starts follow docs/keeping.md, "
        "“Restoring on PostgreSQL”."
    )


def _verify(file: Path, target: Path) -> None:
    """Whether it can be put there at all; what its pages hold is looked at when they are copied."""
    try:
        if file.samefile(target):
            raise StoreError(f"{file} is the database itself: name a backup of it.")
    except OSError:
        pass
    magic = _beginning(file)
    if magic != _MAGIC:
        remedy = "`pg_restore` reads it" if magic.startswith(_DUMP) else "name a backup of the database"
        raise StoreError(f"{file} is no SQLite database: {remedy}.")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "subscribers", "deliveries"} <= names:
                raise StoreError(f"{file} is not a database of newsletter's: name a backup of one.")
            ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
    except (sqlite3.Error, ValueError) as error:
        raise StoreError(f"{file} is damaged ({error}): name another backup.") from error
    refuse(version, str(file))


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(f"{file} cannot be read ({error.strerror}): name a backup of the database.") from error


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The database that is there, with nobody else in it until the end; None when there is none, or none that can be
    read. All of it is in its one file then, for the log beside it ends with the last who uses it."""
    if not path.exists():
        yield None
        return
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("SELECT count(*) FROM deliveries, suppressions WHERE 0")
            is_readable = True
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(f"{path} is in use by another process: stop it, then try again.") from error
            is_readable = False
        yield connection if is_readable else None


async def _made(
    draft: Path,
    target: Path,
    present: sqlite3.Connection | None,
    calendar: Calendar,
    now: datetime,
    on_unknown: str,
    *,
    hold: bool,
) -> Restored:
    """Make the copy what it is to be, and tell what it does not know."""
    url = URL.create("sqlite", database=str(draft)).render_as_string()
    database = Database(url, LOCK_WAIT)
    try:
        await migrate(database, copied=True)
    finally:
        await database.close()
    newest = _newest(draft) or now
    told = _told(present, newest)
    others, since, had = told or ([], {}, [])
    async with await Store.open(url) as store:
        async with store.database.write() as connection:
            refused = await take_over(connection, others)
        forgotten = await _forgotten_again(store, now)
        waiting = await _waiting(store, on_unknown)
        is_scheduled = await store.moments.last(LOOK) is not None
        due, came = await (_by_the_hour if is_scheduled else _by_the_day)(store, calendar, newest, now)
        held = await _held(store, came, now) if hold else 0
        posted = await store.posts.lacking(had)
        today = now.astimezone(calendar.timezone).date()
        upcoming = (calendar.latest(now), calendar.newest(now)) if is_scheduled else (today, today)
        held_posts = await hold_posts(store, posted, *upcoming, now, HELD) if hold else 0
        unplaced = tuple(sorted({zone for zone, _, _ in await store.hours.all()} - timezones.names()))
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all of it in one file, which is moved
    return Restored(
        target,
        newest,
        None,
        told is not None,
        refused,
        forgotten,
        since,
        waiting,
        due,
        held,
        dict(sorted(Counter(one.local_date for one in posted).items())),
        held_posts,
        unplaced,
    )


def _newest(draft: Path) -> datetime | None:
    with closing(sqlite3.connect(draft)) as connection:
        moments = [connection.execute(f"SELECT max({name}) FROM {table}").fetchone()[0] for table, name in _MOMENTS]
    return max((_moment(one) for one in moments if one), default=None)


def _told(
    present: sqlite3.Connection | None, newest: datetime
) -> tuple[list[Suppression], dict[date, int], list[Post]] | None:
    """What the present database suppresses, how many messages were accepted after `newest`, by local date, and the
    posts that channels had, or may have had; None when it cannot be read."""
    if present is None:
        return None
    accepted = (
        "SELECT local_date, count(*) FROM deliveries WHERE state IN ('accepted', 'unknown') AND updated_at > ?"
        " GROUP BY local_date ORDER BY local_date"
    )
    try:
        kept = [
            Suppression(address, reason, _moment(since))
            for address, reason, since in present.execute("SELECT address, reason, since FROM suppressions")
        ]
        after = newest.replace(tzinfo=None).isoformat(" ", "microseconds")
        since = {date.fromisoformat(day): number for day, number in present.execute(accepted, (after,))}
        return kept, since, had_posts(present)
    except (sqlite3.Error, ValueError, TypeError):
        return None  # damaged somewhere: what can be read of it proves nothing


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def _forgotten_again(store: Store, now: datetime) -> int:
    """Forget the readers of the file who were forgotten later."""
    number = 0
    async for readers in store.subscribers.slices():
        async with store.database.write() as connection:
            for one in (await forgotten_among(connection, (reader.address for reader in readers))).values():
                await erase(connection, one.address, one.reason, now)
                number += 1
    return number


_IS_OPEN = column.state.in_(OPEN_STATES)
_MAY_GO_OUT = or_(_IS_OPEN, and_(column.state == State.UNKNOWN, column.resent == false()))
"""What a run may send: `Ledger.recover` takes up an unknown delivery once, where `delivery.on_unknown` is "resend"."""


async def _waiting(store: Store, on_unknown: str) -> dict[date, int]:
    which = _MAY_GO_OUT if on_unknown == "resend" else _IS_OPEN
    query = select(column.local_date, func.count()).where(which).group_by(column.local_date)
    async with store.database.read() as connection:
        return dict((await connection.execute(query.order_by(column.local_date))).all())


async def _by_the_hour(store: Store, calendar: Calendar, newest: datetime, now: datetime) -> tuple[int, Came]:
    """How many readers the next look sends something to; and by their own local dates, those whose moment came after
    `newest`. The last such date is enough for a look, which plans no earlier one; a run plans today's all the same. An
    edition that the file does not know is made anew, as the newest: what was sent of it went up to there."""
    latest, today = calendar.newest(now), now.astimezone(calendar.timezone).date()
    made = await store.editions.newest(latest)
    slots: dict[tuple[date, date, bool], list[Slot]] = defaultdict(list)
    for slot in await store.hours.all():
        try:
            found = turns(Hours(*slot), now, calendar, lambda _: True, newest)
        except ZoneInfoNotFoundError:  # as every look passes them over
            continue
        for one in found:
            if one is found[-1] or one.day >= today:
                through = one.awaits if made and one.awaits <= made.day else latest
                is_sent = one is found[-1] and one.turn is not Turn.MISSED
                slots[one.day, through, is_sent].append((*slot, one.begins))
    came, due = defaultdict[tuple[date, date | None], list[int]](list), 0
    for (day, through, is_sent), several in sorted(slots.items()):
        ids = await store.hours.due(day, several, EVERYBODY)
        came[day, through] += ids
        due += len(ids) if is_sent else 0
    return due, came


async def _by_the_day(store: Store, calendar: Calendar, newest: datetime, now: datetime) -> tuple[int, Came]:
    """How many readers the next run sends something to; and those who read on a day from that of `newest` to today, all
    of today: a run made then takes up what was sent in between."""
    first, today = (moment.astimezone(calendar.timezone).date() for moment in (newest, now))
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)] or [today]
    due, came = 0, list[int]()
    for slot in await store.hours.all():
        read = [day for day in days if reads_on(slot[2], day, weekly_on=calendar.weekly_on).due]
        ids = await store.hours.due(today, [(*slot, now)], EVERYBODY) if read else []
        came += ids
        due += len(ids) if today in read else 0
    return due, {(today, None): came}


async def _held(store: Store, came: Came, now: datetime) -> int:
    """Mark what waits, and what of each date goes to those who `came`, as what may have gone out: the next digest
    begins after it.

    It counts as sent once more already, so that no run sends it by itself, whatever `delivery.on_unknown` says.
    """
    held = {"state": State.UNKNOWN, "resent": True, "reason": HELD, "next_at": None, **UNLEASED}
    async with store.database.write() as connection:
        number = await change(connection, _MAY_GO_OUT, now, **held)
    for (day, through), ids in came.items():
        await store.ledger.plan(day, ids, now, through=through)
        async with store.database.write() as connection:  # before a later date supersedes it
            number += await change(connection, _MAY_GO_OUT, now, **held)
    return number


def _changed(found: Restored, draft: Path, now: datetime) -> Restored:
    """Put the present database aside, and the draft in its place. There is always one of the two."""
    target, aside = found.place, None
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    if target.exists():
        aside = target.parent / FOLDER / f"{target.stem}-before-restore-{now:%Y%m%dT%H%M%S%fZ}.db"
        aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.link(target, aside)
        for path in _files(target)[1:]:  # of one that could not be read
            if path.exists():
                path.rename(aside.with_name(aside.name + path.name.removeprefix(target.name)))
    draft.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return replace(found, aside=aside)


def _files(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))]
