"""A backup in the place of the database: what it needs, what it tells, and that nothing goes out twice unseen."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from test_upgrading import older

from newsletter.errors import StoreError
from newsletter.model import Rhythm, State, Status, Subscriber
from newsletter.policy.hours import Calendar
from newsletter.store import Owner, Store
from newsletter.store.backing_up import back_up
from newsletter.store.migrating import HEAD
from newsletter.store.owners import at_work
from newsletter.store.restoring import HELD, LOOK, Restored, restore

NOW = datetime(2025, 3, 14, 9, tzinfo=UTC)  # a Friday
LATER = NOW + timedelta(days=4)  # Tuesday
HOUR = timedelta(hours=1)
CALENDAR = Calendar(time(6), ZoneInfo("UTC"), frozenset(range(7)), 4 * HOUR, 12 * HOUR)
ADA, BEN, CYD, DOT = (Subscriber(f"{name}@example.org", origin="import") for name in ("ada", "ben", "cyd", "dot"))
WEEKLY = replace(DOT, rhythm=Rhythm.WEEKLY)


def held_in(file: Path) -> bytes:
    """What is in it; every change of it is made in the file itself, once it is closed."""
    return file.read_bytes()


def is_private(*files: Path) -> bool:
    return all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def put(file: Path, content: bytes | None) -> None:
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)


def silent(step: str, done: int, every: int) -> None:
    """Hears nothing."""


async def restored(
    file: Path,
    backup: Path,
    *,
    hold: bool = False,
    rehearse: bool = False,
    running: Sequence[str] = (),
    now: datetime = LATER,
    on_unknown: str = "resend",
) -> Restored:
    return await restore(
        f"sqlite:///{file}",
        backup,
        running,
        CALENDAR,
        now,
        silent,
        on_unknown=on_unknown,
        hold=hold,
        rehearse=rehearse,
    )


async def sent(store: Store, day: date, at: datetime, *addresses: str) -> None:
    """Plan and deliver to these."""
    people = await store.subscribers.named(addresses)
    await store.ledger.plan(day, [one.id for one in people.values()], at)
    for claimed in await store.ledger.claim(day, "me", at, timedelta(minutes=5), 9):
        await store.ledger.settle(claimed, "me", at, State.ACCEPTED, code=250)


@pytest.fixture
async def backup(file: Path, tmp_path: Path) -> Path:
    """Of Friday: two had their mail, one's waits. Since then all had Monday's and Tuesday's, and some left."""
    kept = tmp_path / "kept.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.subscribers.add([ADA, BEN, CYD, WEEKLY])
        await sent(store, NOW.date(), NOW, ADA.address, BEN.address)
        await store.ledger.plan(NOW.date(), [3], NOW)
        await back_up(f"sqlite:///{file}", kept, silent)
        later = NOW + timedelta(hours=1)
        await sent(store, NOW.date(), later, CYD.address)
        for days in (3, 4):
            at = NOW + timedelta(days=days)
            readers = [ADA.address, BEN.address, CYD.address, *([DOT.address] if days == 3 else [])]
            await sent(store, at.date(), at, *readers)
        await store.subscribers.leave(BEN.address, "one click", later)
        assert await store.subscribers.erase(CYD.address, "forgotten", later)
    return kept


async def test_what_goes_out_once_more_is_told_and_what_was_refused_since_is_not_lost(file: Path, backup: Path) -> None:
    found = await restored(file, backup)
    assert found.newest == NOW
    assert (found.read, found.refused, found.forgotten) == (True, 2, 1)
    assert found.since == {NOW.date(): 1, date(2025, 3, 17): 4, date(2025, 3, 18): 3}
    # Cyd, who waited, was forgotten; today is Tuesday: Ada is due, Dot is not, Ben has left.
    assert (found.waiting, found.due, found.held) == ({}, 1, 0)
    async with await Store.open(f"sqlite:///{file}") as store:
        assert {one.address: one.status for one in await store.subscribers.all()} == {
            ADA.address: Status.ACTIVE,
            BEN.address: Status.LEFT,
            "forgotten reader 3": Status.LEFT,
            DOT.address: Status.ACTIVE,
        }
        assert (await store.suppressions.find(CYD.address)) is not None
        assert await store.ledger.balanced()
        # And so it is, for the file cannot know better.
        assert await store.ledger.plan(LATER.date(), [1, 2, 3, 4], LATER) == 4
        claimed = await store.ledger.claim(LATER.date(), "me", LATER, timedelta(minutes=5), 9)
        assert [one.address for one in claimed] == [ADA.address, DOT.address]
    assert found.aside is not None
    with closing(sqlite3.connect(found.aside)) as there:
        assert there.execute("SELECT count(*) FROM deliveries").fetchone() == (10,)
    assert is_private(found.aside, file)
    assert sorted(path.name for path in file.parent.iterdir()) == ["backups", "newsletter.db"]


async def test_held_sends_nothing_by_itself_that_may_have_gone_out(file: Path, backup: Path) -> None:
    async with await Store.open(f"sqlite:///{backup}") as store:
        await store.ledger.plan(date(2025, 3, 15), [1], NOW + timedelta(minutes=1))
        await store.ledger.claim(date(2025, 3, 15), "gone", NOW, timedelta(minutes=5), 1)
    found = await restored(file, backup, hold=True)
    # Ada's of Saturday was in somebody's hands; today's hers, and Dot's, who was due on Monday.
    assert (found.waiting, found.due, found.held) == ({date(2025, 3, 15): 1}, 1, 3)
    async with await Store.open(f"sqlite:///{file}") as store:
        held = await store.ledger.deliveries(state=State.UNKNOWN)
        assert {(one.address, one.local_date, one.reason) for one in held} == {
            (ADA.address, date(2025, 3, 15), HELD),
            (ADA.address, LATER.date(), HELD),
            (DOT.address, LATER.date(), HELD),
        }
        # No run sends it, whatever it thinks of unknown ones, and no digest goes back behind it.
        for on_unknown in ("resend", "hold"):
            assert await store.ledger.recover(LATER + timedelta(days=1), on_unknown) == 0
        assert await store.ledger.plan(LATER.date(), [1, 4], LATER) == 0
        assert await store.ledger.claim(LATER.date(), "me", LATER, timedelta(minutes=5), 9) == []
        assert await store.ledger.last_settled([1, 4]) == {1: LATER.date(), 4: LATER.date()}
        assert await store.ledger.balanced()
        # The operator's word sends one.
        assert await store.ledger.reopen({State.UNKNOWN}, address=ADA.address, at=LATER) == 2


async def test_held_holds_those_whose_answer_was_lost_before_the_backup(file: Path, tmp_path: Path) -> None:
    """An unknown delivery that was not sent once more yet is what the next run would send."""
    kept, friday = tmp_path / "kept.db", NOW.date()
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.subscribers.add([ADA])
        await store.ledger.plan(friday, [1], NOW)
        [claimed] = await store.ledger.claim(friday, "me", NOW, timedelta(minutes=5), 9)
        await store.ledger.settle(claimed, "me", NOW, State.UNKNOWN, reason="the answer was lost")
        await back_up(f"sqlite:///{file}", kept, silent)
    assert (await restored(file, kept, rehearse=True)).waiting == {friday: 1}
    assert (await restored(file, kept, rehearse=True, on_unknown="hold")).waiting == {}
    assert (await restored(file, kept, hold=True)).held == 2  # and today's
    async with await Store.open(f"sqlite:///{file}") as store:
        assert {one.reason for one in await store.ledger.deliveries(state=State.UNKNOWN)} == {HELD}
        assert await store.ledger.recover(LATER, "resend") == 0


async def posts(store: Store, day: date, *channels: str) -> None:
    """Plan and post there."""
    at = datetime.combine(day, time(7), UTC)
    await store.posts.plan(day, dict.fromkeys(channels, day), at)
    while one := await store.posts.claim(channels, day, "me", at, timedelta(minutes=5)):
        await store.posts.settle(one, "me", at, State.ACCEPTED)


@pytest.fixture
async def posted(file: Path, tmp_path: Path) -> Path:
    """Of Friday: one channel had its post, another's waits, a third's answer was lost. Since then the first had those
    of Saturday and Monday, and the second had its own of Friday."""
    kept, friday = tmp_path / "kept.db", NOW.date()
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.editions.freeze(friday, [], [], [])
        await posts(store, friday, "lab")
        await store.posts.plan(friday, {"lost": friday}, NOW)
        lost = await store.posts.claim(["lost"], friday, "me", NOW, timedelta(minutes=5))
        assert lost
        await store.posts.settle(lost, "me", NOW, State.UNKNOWN, "the answer was lost")
        await store.posts.plan(friday, {"club": friday, "slow": friday}, NOW)
        await back_up(f"sqlite:///{file}", kept, silent)
        await posts(store, friday, "club")
        for days in (1, 3):
            await posts(store, friday + timedelta(days=days), "lab")
    return kept


async def test_held_posts_nothing_in_channels_that_may_have_been_posted(file: Path, posted: Path) -> None:
    friday, today = NOW.date(), LATER.date()
    since = {friday: 1, friday + timedelta(days=1): 1, friday + timedelta(days=3): 1}
    found = await restored(file, posted, rehearse=True)
    assert (found.newest, found.posted, found.held_posts) == (NOW, since, 0)
    found = await restored(file, posted, hold=True)
    # The slow one's, the one whose answer was lost, and today's of the lab, with the papers of Saturday and Monday.
    assert (found.posted, found.held_posts) == (since, 3)
    async with await Store.open(f"sqlite:///{file}") as store:
        there = {(one.channel, one.local_date): (one.state, one.reason) for one in await store.posts.newest(9)}
        assert there == {
            ("lab", friday): (State.ACCEPTED, ""),
            ("club", friday): (State.ACCEPTED, ""),
            ("lost", friday): (State.UNKNOWN, HELD),
            ("slow", friday): (State.UNKNOWN, HELD),
            ("lab", friday + timedelta(days=1)): (State.ACCEPTED, ""),
            ("lab", friday + timedelta(days=3)): (State.ACCEPTED, ""),
            ("lab", today): (State.UNKNOWN, HELD),
        }
        channels = ("lab", "club", "lost", "slow")
        assert await store.posts.recover(LATER, "resend") == 0
        assert await store.posts.claim(channels, today, "me", LATER, timedelta(minutes=5)) is None
        # What the backup knows an edition of was posted whole: the next post begins behind it.
        tomorrow = today + timedelta(days=1)
        last = {name: await store.posts.last_settled(name, tomorrow) for name in channels}
        assert last == {"lab": today, "club": friday, "lost": friday, "slow": friday}


async def test_without_it_channels_get_what_waits(file: Path, posted: Path) -> None:
    found = await restored(file, posted)
    assert (len(found.posted), found.held_posts) == (3, 0)
    async with await Store.open(f"sqlite:///{file}") as store:
        assert await store.posts.recover(LATER, "resend") == 1
        claimed = [await store.posts.claim(["club", "slow"], LATER.date(), "me", LATER, HOUR) for _ in range(3)]
        assert [one and one.channel for one in claimed] == ["club", "slow", None]


@pytest.mark.parametrize("version", ["0016", "0019"])
async def test_posts_of_an_older_version_are_taken_over_as_far_as_it_has_any(
    file: Path, posted: Path, version: str
) -> None:
    """What was there need not be of this version: it was put aside by an update that went wrong, say."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE posts DROP COLUMN through" if version == "0019" else "DROP TABLE posts")
        connection.commit()
    found = await restored(file, posted, hold=True)
    assert (found.read, sum(found.posted.values())) == (True, 3 if version == "0019" else 0)


async def test_where_a_scheduler_looks_each_readers_own_dates_are_held_and_no_hour_that_is_still_to_come(
    file: Path, tmp_path: Path
) -> None:
    """A backup of Sunday, half past six, with Sunday's edition; restored on Sunday, half past six in the evening."""
    sunday, kept = date(2025, 3, 16), tmp_path / "kept.db"
    at = datetime.combine(sunday, time(6, 30), UTC)
    monday, evening = sunday + timedelta(days=1), at + 12 * HOUR
    ahead = replace(ADA, timezone="Pacific/Kiritimati")  # seven o'clock of Monday is 17:00 UTC of Sunday
    behind = replace(CYD, timezone="Pacific/Honolulu")  # seven o'clock of Sunday is 17:00 UTC
    late = replace(DOT, hour=20)
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.subscribers.add([ahead, BEN, behind, late], at - 48 * HOUR)
        await store.editions.freeze(sunday, [], [], [])
        await sent(store, sunday - timedelta(days=1), at - 10 * HOUR, late.address)
        await store.moments.note(LOOK, at)
        await back_up(f"sqlite:///{file}", kept, silent)
    found = await restored(file, kept, hold=True, now=evening)
    assert (found.due, found.held) == (3, 4)
    async with await Store.open(f"sqlite:///{file}") as store:
        held = await store.ledger.deliveries(state=State.UNKNOWN)
        assert {(one.address, one.local_date, one.through) for one in held} == {
            (ahead.address, sunday, sunday - timedelta(days=1)),  # or a run of today would send it
            (ahead.address, monday, sunday),
            (BEN.address, sunday, sunday),
            (behind.address, sunday, sunday),
        }
        slots = [(one.timezone, one.hour, one.rhythm, evening) for one in (ahead, BEN, behind, late)]
        assert await store.hours.due(sunday, slots, 9) == [4]  # whose hour is still to come
    # An edition that the backup does not know is made anew, with what was sent of it: nobody has that twice.
    await restored(file, kept, hold=True, now=evening + timedelta(days=1))
    async with await Store.open(f"sqlite:///{file}") as store:
        held = await store.ledger.deliveries(state=State.UNKNOWN)
        assert {(one.address, one.local_date, one.through) for one in held} == {
            (ahead.address, monday, sunday),
            (ahead.address, monday + timedelta(days=1), monday),
            (BEN.address, monday, monday),
            (behind.address, monday, monday),
            (late.address, sunday, sunday),
        }


async def test_a_rehearsal_changes_nothing(file: Path, backup: Path) -> None:
    before = held_in(file)
    found = await restored(file, backup, hold=True, rehearse=True)
    assert (found.aside, found.held, sum(found.since.values())) == (None, 2, 8)
    assert sorted(path.name for path in file.parent.iterdir()) == ["newsletter.db"]
    with closing(sqlite3.connect(file)) as there:
        assert there.execute("SELECT count(*) FROM deliveries").fetchone() == (10,)
    assert len(before) == len(held_in(file))


async def test_where_there_is_none(file: Path, backup: Path) -> None:
    put(file, None)
    found = await restored(file, backup)
    assert (found.aside, found.read, found.refused, found.since) == (None, False, 0, {})
    assert found.waiting == {NOW.date(): 1}
    async with await Store.open(f"sqlite:///{file}") as store:
        assert len(await store.subscribers.all()) == 4


async def test_what_cannot_be_read_is_kept_aside_as_it_is(file: Path, backup: Path) -> None:
    content = os.urandom(5000)
    put(file, content)
    file.with_name("newsletter.db-wal").write_bytes(b"its log")
    found = await restored(file, backup)
    assert (found.read, found.refused) == (False, 0)
    assert found.aside is not None
    assert found.aside.read_bytes() == content
    assert found.aside.with_name(f"{found.aside.name}-wal").read_bytes() == b"its log"
    async with await Store.open(f"sqlite:///{file}") as store:
        assert len(await store.subscribers.all()) == 4


async def test_nobody_may_be_at_work(file: Path, backup: Path) -> None:
    with Owner(file.parent / "running") as owner:
        assert at_work(file.parent / "running") == [owner.name]
        with pytest.raises(StoreError, match=f"is in use by {owner.name}: stop what runs"):
            await restored(file, backup, running=at_work(file.parent / "running"))
    assert at_work(file.parent / "running") == []
    async with await Store.open(f"sqlite:///{file}") as store:
        before = await store.ledger.counts()
        with pytest.raises(StoreError, match="is in use by another process: stop it"):
            await restored(file, backup)
        assert await store.ledger.counts() == before
    assert not [path for path in file.parent.iterdir() if path.name.startswith(".")]
    assert (await restored(file, backup)).aside is not None


async def test_what_is_no_backup_of_ours_is_refused_with_a_sentence(file: Path, backup: Path, tmp_path: Path) -> None:
    before = held_in(file)
    other = tmp_path / "other"

    async def refused(content: bytes | None, match: str) -> None:
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(StoreError, match=match):
            await restored(file, other)
        other.unlink(missing_ok=True)

    whole = held_in(backup)
    await refused(None, "cannot be read .*: name a backup")
    await refused(b"", "is no SQLite database: name a backup")
    await refused(b"PGDMP\x01", "is no SQLite database: `pg_restore` reads it")
    await refused(whole[:5000], "is damaged|cannot be copied|The copy of")
    await refused(whole[:8192] + os.urandom(len(whole) - 8192), "is damaged|cannot be copied|The copy of")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE subscribers (id)")
    await refused(None, "is not a database of newsletter's")
    other.write_bytes(whole)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    await refused(None, rf"newer version of newsletter \(its revision is 0999, ours {HEAD}\)")
    with pytest.raises(StoreError, match="is the database itself"):
        await restored(file, file)
    assert held_in(file) == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["newsletter.db"]


async def test_one_of_an_older_version_is_brought_up_to_date(file: Path, backup: Path, tmp_path: Path) -> None:
    old = tmp_path / "old" / "old.db"
    await older(old, "0006")
    found = await restored(file, old)
    assert found.newest == datetime(2025, 3, 12, 7, tzinfo=UTC)
    async with await Store.open(f"sqlite:///{file}") as store:
        assert "ada@example.org" in await store.subscribers.suppressed()
    assert [path.name for path in (file.parent / "backups").iterdir()] == [found.aside.name if found.aside else ""]


async def by_its_own_program(url: str, file: Path) -> str:
    with pytest.raises(StoreError) as error:
        await restore(url, file, (), CALENDAR, NOW, silent)
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "server", "query"),
    [
        ("postgresql://news:word@db/news", "postgresql://news@db/", ""),
        ("postgresql+psycopg://news:word@db", "postgresql://news@db/", ""),
        ("postgresql://news@/live?dbname=news&host=db&password=word", "postgresql://news@/", "?host=db"),
    ],
)
async def test_a_server_has_a_program_of_its_own_and_the_live_database_is_not_named(
    url: str, server: str, query: str, tmp_path: Path
) -> None:
    dump = tmp_path / "papers.dump"
    dump.write_bytes(b"PGDMP\x01")
    said = await by_its_own_program(url, dump)
    commands = said.removeprefix("A PostgreSQL database is restored by its own program, into a new one: ")
    create, _, restoring = commands.partition("; then set database.url to it")[0].partition(" && ")
    assert shlex.split(create) == ["createdb", f"--maintenance-db={server}postgres{query}", "news_restored"]
    program, *options = shlex.split(restoring)
    assert program == "pg_restore"
    assert options == ["--exit-on-error", "--no-owner", f"--dbname={server}news_restored{query}", str(dump)]
    assert "word" not in said


async def test_only_a_dump_is_for_a_server(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    assert "other.db cannot be read" in await by_its_own_program("postgresql://db/news", other)
    for content in (b"", b"SQLite format 3\x00"):
        other.write_bytes(content)
        said = await by_its_own_program("postgresql://db/news", other)
        assert "other.db is no dump of a PostgreSQL database: name one that" in said


async def test_one_that_is_damaged_somewhere_proves_nothing(file: Path, backup: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'suppressions'")
        ((size,),) = connection.execute("PRAGMA page_size")
    content = bytearray(held_in(file))
    content[(page - 1) * size : page * size] = b"\xff" * size
    put(file, bytes(content))
    found = await restored(file, backup)
    assert (found.read, found.refused, found.since) == (False, 0, {})
    assert found.aside is not None
    assert held_in(found.aside) == content


@pytest.mark.parametrize("is_scheduled", [True, False])
async def test_time_zones_that_are_none_are_told_and_hold_up_nobody(
    file: Path, tmp_path: Path, is_scheduled: bool
) -> None:
    kept = tmp_path / "kept.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.subscribers.add([ADA, replace(BEN, timezone="Mars/Olympus"), replace(CYD, timezone="localtime")])
        if is_scheduled:
            await store.moments.note(LOOK, NOW)
        await back_up(f"sqlite:///{file}", kept, silent)
    assert (await restored(file, kept)).unplaced == ("Mars/Olympus", "localtime")
