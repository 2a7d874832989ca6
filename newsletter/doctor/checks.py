"""What this machine can say about itself: folder, disk, keys, database, ledger, clock, time zones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter import timezones
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.errors import NewsletterError
from newsletter.model import State, Status, Subscriber
from newsletter.store import Store

LITTLE_SPACE, TOO_LITTLE_SPACE = 500_000_000, 50_000_000
FEW_FILES = 100
SHORT_KEY = 16
BUILT = date(2025, 1, 1)
"""A clock that says an earlier day has lost its battery."""

TOLERANCE = timedelta(minutes=5)

Opened = Callable[[], AbstractAsyncContextManager[Store]]


def state_folder(folder: Path) -> Finding:
    """Whether we can write into the state folder and nobody else can look into it. It is made where there is none."""
    name, remedy = "state folder", "set state_dir (NEWSLETTER_STATE_DIR) to a folder of your own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return fail(name, f"{folder} cannot be written ({error.strerror}): {remedy}.")
    if (mode := folder.stat().st_mode & 0o777) & 0o077:
        return warn(name, f"Others on this machine may look into {folder} (mode {mode:o}): chmod 700, or {remedy}.")
    return ok(name, f"{folder} can be written, and by nobody else.")


def disk(folder: Path) -> Finding:
    """Whether there is room for a day's work in `folder`."""
    try:
        room = os.statvfs(folder)
    except OSError as error:
        return fail("disk", f"The space in {folder} cannot be told ({error.strerror}): check state_dir.")
    free = room.f_bavail * room.f_frsize
    words = f"{free / 1e9:,.1f} GB are free in {folder}"
    if room.f_files and room.f_favail < FEW_FILES:
        return fail("disk", f"No more files fit into {folder}: remove some, or set state_dir to another disk.")
    if free < TOO_LITTLE_SPACE:
        return fail(
            "disk", f"Only {words}: free some space, or set state_dir to another disk; sending stops when full."
        )
    if free < LITTLE_SPACE:
        return warn("disk", f"Only {words}: free some space, or set state_dir to another disk.")
    return ok("disk", f"{words}.")


def secret_keys(known: Callable[[], Sequence[str]]) -> Finding:
    """Whether the keys that sign links are there and long enough to be forged by nobody."""
    try:
        keys = known()
    except NewsletterError as error:
        return fail("secret keys", str(error))
    short = [len(key) for key in keys if len(key) < SHORT_KEY]
    if short:
        remedy = f"put a random one of {2 * SHORT_KEY} in front of secret_keys"
        return fail("secret keys", f"A key has only {min(short)} characters, so that links can be forged: {remedy}.")
    return ok("secret keys", f"{len(keys)} in use, the shortest of {min(map(len, keys))} characters.")


def private_files(files: Sequence[Path]) -> Finding:
    """Whether those of `files` that exist are their owner's alone; a group may be meant, so it only warns."""
    open_ones = [file for file in files if file.exists() and file.stat().st_mode & 0o077]
    if open_ones:
        listed = " ".join(map(str, open_ones))
        return warn("private files", f"Others on this machine may read secrets or addresses (chmod 600 {listed}).")
    return ok("private files", "Keys and database are for their owner's eyes only.")


async def database(opened: Opened, now: datetime) -> list[Finding]:
    """The database, and what can be asked only when it opens: ledger, clock, time zones.

    It is opened as every command opens it, so the topics and readers of the files are in it afterwards.
    """
    try:
        async with opened() as store:
            if not store.database.is_server:  # which looks after its pages itself
                async with store.database.read() as connection:
                    said = (await connection.exec_driver_sql("PRAGMA quick_check")).scalars().all()
                if said != ["ok"]:
                    damaged = f"{store.database.place} is damaged ({said[0]}): restore it from a backup."
                    return [fail("database", damaged)]
            readers = await store.subscribers.all()
            fine = ok("database", f"{store.database.place} opens, is whole and can be written.")
            return [fine, await ledger(store), await clock(store, now), time_zones(readers)]
    except NewsletterError as error:
        return [fail("database", str(error))]


async def ledger(store: Store) -> Finding:
    """Whether the counts add up, and what waits for a decision."""
    if not await store.ledger.balanced():
        return fail("ledger", "Deliveries that were planned are missing: restore the database from a backup.")
    counts = await store.ledger.counts()
    if unknown := counts[State.UNKNOWN]:
        remedy = (
            "`newsletter reconcile` settles them by the relay's log, `newsletter resend --unknown` sends them again"
        )
        return warn("ledger", f"Balanced; for {unknown} the relay's answer was lost: {remedy}.")
    return ok("ledger", f"Balanced: {sum(counts.values())} deliveries, {counts[State.ACCEPTED]} of them accepted.")


async def clock(store: Store, now: datetime) -> Finding:
    """Whether the system clock can be right, by what was written before and by the day of the newest edition."""
    shown = f"{now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    remedy = "set it, and keep it right with NTP"
    if now.date() < BUILT:
        return fail("clock", f"The system clock says {shown}, which is long ago: {remedy}.")
    written = [batch.collected_at for batch in await store.batches.latest(1)]
    written += [one.updated_at for one in await store.ledger.deliveries(limit=1) if one.updated_at]
    if written and max(written) > now + TOLERANCE:
        latest = f"{max(written):%Y-%m-%d %H:%M} UTC"
        return fail("clock", f"The system clock says {shown}, and the database was written at {latest}: {remedy}.")
    days = await store.editions.all_days()
    if days and days[-1] > now.date() + timedelta(days=1):
        return warn("clock", f"It is {shown}, and there is an edition of {days[-1]}: check clock and sources.year.")
    return ok("clock", f"It is {shown}.")


def time_zones(readers: Sequence[Subscriber]) -> Finding:
    """Whether the time zones of everybody who reads are known, here and on every machine."""
    names = {reader.timezone for reader in readers if reader.status is not Status.LEFT}
    if missing := sorted(names - timezones.names()):
        few = ", ".join(missing[:3])
        remedy = "update the package tzdata, or change the readers' timezone"
        what = f"{len(missing)} of the readers' time zones are none that tzdata has ({few})"
        return fail("time zones", f"{what}: {remedy}.")
    return ok("time zones", f"All {len(names)} time zones of {len(readers)} readers are known.")
