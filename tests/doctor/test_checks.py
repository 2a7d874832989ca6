"""What the doctor says about this machine, on real folders and real databases."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections import namedtuple
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from newsletter.doctor import checks
from newsletter.doctor.findings import Finding, Health
from newsletter.errors import StoreError
from newsletter.model import State, Subscriber
from newsletter.store import Store

NOW = datetime(2026, 5, 4, 7, tzinfo=UTC)
DAY = date(2026, 5, 4)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'papers.db'}"


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    async with await Store.open(url(folder), lock_wait=0.2) as store:
        yield store


async def examined(folder: Path, now: datetime = NOW) -> dict[str, Finding]:
    return {one.name: one for one in await checks.database(partial(opened, folder), now)}


async def delivered(folder: Path, *states: State, at: datetime = NOW) -> None:
    """A ledger with a delivery in each of `states`."""
    async with opened(folder) as store:
        readers = [Subscriber(f"reader{number}@example.org") for number in range(len(states))]
        await store.subscribers.add(readers)
        ids = [one.id for one in await store.subscribers.all()]
        await store.ledger.plan(DAY, ids, at)
        for row, state in zip(await store.ledger.claim(DAY, "me", at, timedelta(minutes=5), 1000), states, strict=True):
            await store.ledger.settle(row, "me", at, state)


def test_a_folder_of_ones_own_is_made(tmp_path: Path) -> None:
    found = checks.state_folder(tmp_path / "new" / "state")
    assert found.health is Health.OK
    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "new" / "state").iterdir()) == []


def test_a_folder_for_everybody(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    found = checks.state_folder(tmp_path)
    assert found.health is Health.WARN
    assert "755" in found.sentence


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        found = checks.state_folder(folder)
        assert found.health is Health.FAIL
        assert "state_dir" in found.sentence


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting needs root")
def test_a_full_disk_is_seen(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    try:
        small.chmod(0o700)
        assert checks.disk(small).health is Health.FAIL
        assert checks.state_folder(small).health is Health.OK
        with contextlib.suppress(OSError):
            (small / "full").write_bytes(bytes(10**6))
        found = checks.state_folder(small)
        assert found.health is Health.FAIL
        assert "No space left" in found.sentence
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize(
    ("free", "files", "health"),
    [(10**12, 10**6, Health.OK), (10**8, 10**6, Health.WARN), (10**6, 10**6, Health.FAIL), (10**12, 5, Health.FAIL)],
)
def test_space_and_files_left(
    free: int, files: int, health: Health, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = namedtuple("room", "f_bavail f_frsize f_files f_favail")(free // 4096, 4096, 10**7, files)
    monkeypatch.setattr(os, "statvfs", lambda folder: room)
    found = checks.disk(tmp_path)
    assert found.health is health
    assert health is Health.OK or "state_dir" in found.sentence


def test_a_disk_that_is_not_there(tmp_path: Path) -> None:
    assert checks.disk(tmp_path / "nowhere").health is Health.FAIL


def test_keys() -> None:
    assert checks.secret_keys(lambda: ["k" * 43, "k" * 16]).health is Health.OK
    short = checks.secret_keys(lambda: ["k" * 43, "k" * 15])
    assert short.health is Health.FAIL
    assert "15" in short.sentence
    assert "secret_keys" in short.sentence

    def unreadable() -> list[str]:
        raise StoreError("the signing keys in x cannot be read")

    assert checks.secret_keys(unreadable).health is Health.FAIL


def test_private_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    assert checks.private_files([secret]).health is Health.OK
    secret.touch(mode=0o600)
    assert checks.private_files([secret]).health is Health.OK
    secret.chmod(0o640)
    found = checks.private_files([secret])
    assert found.health is Health.WARN
    assert f"chmod 600 {secret}" in found.sentence


async def test_a_database_in_order(tmp_path: Path) -> None:
    await delivered(tmp_path, State.ACCEPTED, State.REFUSED)
    found = await examined(tmp_path)
    assert {name: one.health for name, one in found.items()} == dict.fromkeys(
        ("database", "ledger", "clock", "time zones"), Health.OK
    )
    assert "2 deliveries, 1 of them accepted" in found["ledger"].sentence


async def test_unknown_outcomes_wait_for_a_decision(tmp_path: Path) -> None:
    await delivered(tmp_path, State.ACCEPTED, State.UNKNOWN)
    found = (await examined(tmp_path))["ledger"]
    assert found.health is Health.WARN
    assert "newsletter resend --unknown" in found.sentence


async def test_a_row_that_vanished(tmp_path: Path) -> None:
    await delivered(tmp_path, State.ACCEPTED, State.ACCEPTED)
    with contextlib.closing(sqlite3.connect(tmp_path / "papers.db")) as connection:
        connection.execute("DELETE FROM deliveries WHERE id = 1")
        connection.commit()
    assert (await examined(tmp_path))["ledger"].health is Health.FAIL


async def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "papers.db").write_bytes(b"words and words" * 500)
    found = await examined(tmp_path)
    assert found["database"].health is Health.FAIL
    assert str(tmp_path) in found["database"].sentence
    assert list(found) == ["database"]


async def test_a_damaged_database(tmp_path: Path) -> None:
    await delivered(tmp_path, *[State.ACCEPTED] * 300)
    file = tmp_path / "papers.db"
    content = bytearray(file.read_bytes())
    with contextlib.closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_deliveries_local_date'"
        page = connection.execute(query).fetchone()[0]
    size = int.from_bytes(content[16:18], "big")
    content[(page - 1) * size + 100 : page * size] = bytes(size - 100)
    file.write_bytes(content)
    found = await examined(tmp_path)
    assert found["database"].health is Health.FAIL
    assert "damaged" in found["database"].sentence
    assert "backup" in found["database"].sentence


async def test_a_locked_database(tmp_path: Path) -> None:
    await delivered(tmp_path, State.ACCEPTED)
    with contextlib.closing(sqlite3.connect(tmp_path / "papers.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        @contextlib.asynccontextmanager
        async def writing() -> AsyncIterator[Store]:
            async with opened(tmp_path) as store, store.database.write():
                pass
            yield store

        [found] = await checks.database(writing, NOW)
        other.execute("ROLLBACK")
    assert found.health is Health.FAIL
    assert "lock" in found.sentence


@pytest.mark.parametrize(
    ("now", "health"),
    [
        (NOW - timedelta(minutes=4), Health.OK),
        (NOW - timedelta(minutes=6), Health.FAIL),
        (NOW + timedelta(days=400), Health.OK),
        (datetime(1970, 1, 1, tzinfo=UTC), Health.FAIL),
    ],
)
async def test_a_clock_that_went_back(now: datetime, health: Health, tmp_path: Path) -> None:
    await delivered(tmp_path, State.ACCEPTED)
    assert (await examined(tmp_path, now))["clock"].health is health


async def test_an_edition_of_the_future(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.editions.freeze(date(2026, 5, 6), (), (), ())
    found = (await examined(tmp_path))["clock"]
    assert found.health is Health.WARN
    assert "2026-05-06" in found.sentence
    async with opened(tmp_path) as store:
        assert (await checks.clock(store, NOW + timedelta(days=1))).health is Health.OK


def test_time_zones_of_readers() -> None:
    fine = [Subscriber("a@example.org", timezone="Europe/Berlin"), Subscriber("b@example.org")]
    assert checks.time_zones(fine).health is Health.OK
    others = [Subscriber("c@example.org", timezone="Mars/Olympus"), Subscriber("d@example.org", timezone="localtime")]
    found = checks.time_zones([*fine, *others])
    assert found.health is Health.FAIL
    assert "2 of the readers' time zones are none that tzdata has (Mars/Olympus, localtime)" in found.sentence
