"""Owners: alive while they hold their lock, dead as soon as their process is, by whatever means."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.errors import StoreError
from newsletter.model import State, Subscriber
from newsletter.store import Owner, Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = date(2025, 3, 11)

ENTER = """
import sys
from pathlib import Path
from newsletter.store import Owner
with Owner(Path(sys.argv[1])) as owner:
    print(owner.name, flush=True)
    sys.stdin.read()
"""

SEND = """
import asyncio, sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from newsletter.store import Owner, Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)

async def main():
    async with await Store.open(sys.argv[2]) as store:
        with Owner(Path(sys.argv[1])) as owner:
            one, *_ = await store.ledger.claim(date(2025, 3, 11), owner.name, NOW, timedelta(hours=9), 3)
            await store.ledger.begin_data(one, owner.name, NOW, message_id="<1@x.org>", sections=1, papers=1, size=1)
            print(owner.name, flush=True)
            sys.stdin.read()

asyncio.run(main())
"""


@contextmanager
def process(script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that runs `script`, and the first line it prints."""
    command = [sys.executable, "-c", script, *arguments]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_owner_is_alive_until_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "running"
    observer = Owner(folder)
    with Owner(folder) as owner:
        host, process_id, token = owner.name.split(":")
        assert (host, process_id, len(token)) == (socket.gethostname(), str(os.getpid()), 8)
        assert not observer.is_dead(owner.name)
        assert not owner.is_dead(owner.name)
        assert len(files(folder)) == 1
        assert not set("/:") & set(files(folder)[0])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not observer.is_dead(owner.name)  # it gave back what it held, and its file is gone
    assert files(folder) == []


def test_an_owner_that_ends_with_an_error_is_dead_at_once(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Owner(tmp_path) as owner:
        raise ZeroDivisionError
    assert Owner(tmp_path).is_dead(owner.name)
    with Owner(tmp_path) as later:
        assert later.is_dead(owner.name)


def test_two_owners_of_one_process_are_two(tmp_path: Path) -> None:
    with Owner(tmp_path) as one, Owner(tmp_path) as two:
        assert one.name != two.name
        assert not one.is_dead(two.name)
        assert not two.is_dead(one.name)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_process_that_is_killed_is_dead_at_once(tmp_path: Path, end: signal.Signals) -> None:
    observer = Owner(tmp_path)
    with process(ENTER, str(tmp_path)) as (running, owner):
        assert not observer.is_dead(owner)
        running.send_signal(end)
        running.wait(10)
        assert observer.is_dead(owner)
        assert observer.is_dead(owner)  # a recovery that fails may ask again


def test_a_process_that_ends_well_leaves_nothing(tmp_path: Path) -> None:
    with process(ENTER, str(tmp_path)) as (running, owner):
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(10) == 0
        assert not Owner(tmp_path).is_dead(owner)
        assert files(tmp_path) == []


def test_a_program_started_by_the_owner_does_not_keep_it_alive(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    children: list[subprocess.Popen[bytes]] = []

    def work() -> None:
        with owner:
            children.append(subprocess.Popen(["sleep", "60"], close_fds=False))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    try:
        assert Owner(tmp_path).is_dead(owner.name)
    finally:
        children[0].kill()
        children[0].wait(10)


def test_only_what_can_be_known_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "running"
    assert not Owner(folder).is_dead(f"{socket.gethostname()}:1:00000000")  # not even a folder
    with pytest.raises(ZeroDivisionError), Owner(folder) as owner:
        raise ZeroDivisionError
    [left] = folder.iterdir()
    elsewhere = owner.name.replace(socket.gethostname(), "elsewhere", 1)
    left.with_name(left.name.replace(socket.gethostname(), "elsewhere", 1)).touch()
    for name in (elsewhere, "", "..", "/", "a/../b", "x" * 300, f"{socket.gethostname()}:../../x:y", "\0", "ä:1:2"):
        assert not Owner(folder).is_dead(name), name
    assert Owner(folder).is_dead(owner.name)


def test_two_observers_do_not_take_each_other_for_the_owner(tmp_path: Path) -> None:
    import fcntl

    with pytest.raises(ZeroDivisionError), Owner(tmp_path) as owner:
        raise ZeroDivisionError
    [left] = tmp_path.iterdir()
    with left.open() as observed:
        fcntl.flock(observed, fcntl.LOCK_SH)  # as another observer does for a moment
        assert Owner(tmp_path).is_dead(owner.name)


def test_old_files_of_the_dead_are_cleared(tmp_path: Path) -> None:
    long_ago = (NOW - timedelta(days=30)).timestamp()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), Owner(tmp_path):
            raise ZeroDivisionError
    old, new = tmp_path.iterdir()
    os.utime(old, (long_ago, long_ago))
    stranger = tmp_path / "notes.txt"
    stranger.touch()
    os.utime(stranger, (long_ago, long_ago))
    with Owner(tmp_path) as alive:
        [mine] = {*tmp_path.iterdir()} - {old, new, stranger}
        os.utime(mine, (long_ago, long_ago))  # a process may run for months
        with Owner(tmp_path):
            assert old.exists()  # the run may ask for it still
        assert sorted(tmp_path.iterdir()) == sorted([new, stranger, mine])
        assert not Owner(tmp_path).is_dead(alive.name)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be made or locked \(.*\): check its folder.*state_dir\.$"):
        Owner(tmp_path / "file" / "running").__enter__()


async def test_a_run_right_after_a_kill_goes_on_at_once(store: Store, url: str, tmp_path: Path) -> None:
    """The lease would hold for nine hours."""
    await store.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(4)])
    await store.ledger.plan(DAY, [1, 2, 3, 4], NOW)
    folder = tmp_path / "running"

    def kill_a_sender() -> str:
        with process(SEND, str(folder), url) as (running, name):
            running.kill()
            running.wait(10)
        return name

    killed = await asyncio.to_thread(kill_a_sender)
    with Owner(folder) as owner:
        [alive] = await store.ledger.claim(DAY, owner.name, NOW, timedelta(hours=9), 9)
        assert await store.ledger.recover(NOW, "hold") == 0
        assert await store.ledger.recover(NOW, "hold", owner.is_alive) == 3
        assert owner.is_dead(killed)
        found = [one.state for one in await store.ledger.of_date(DAY)]
        assert found == [State.UNKNOWN, State.READY, State.READY, State.SENDING]
        await store.ledger.settle(alive, owner.name, NOW, State.ACCEPTED)
    assert await store.ledger.balanced()
