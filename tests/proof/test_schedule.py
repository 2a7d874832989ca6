"""A scheduler that is killed and started again around the minute at which mail is due, and two of them at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from random import Random

import pytest

from newsletter.assembly import opened_store, outbox
from newsletter.mail.local import messages
from newsletter.model import State
from newsletter.settings import Configuration, load

SCRIPT = Path(__file__).with_name("fast_schedule.py")
BEGIN = datetime(2025, 3, 12, 6, 50, tzinfo=UTC)
SPEED = 60.0
ZONES = ("UTC", "Europe/London", "Africa/Accra", "Atlantic/Reykjavik")
READERS = 12

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def installed(tmp_path: Path) -> Configuration:
    """Readers at seven o'clock, who have been there for a day; papers of two days."""
    folder, documents = tmp_path / "config", tmp_path / "documents"
    folder.mkdir()
    documents.mkdir()
    for day in (BEGIN.date(), BEGIN.date() + timedelta(days=1)):
        (documents / f"{day}.txt").write_text(
            f"{day:%b} {day.day}, {day.year}\n\nA Robot of {day:%A}\n\nWe present a robot that is quite good at it.\n"
        )
    (folder / "newsletter.toml").write_text(
        f'state_dir = "{tmp_path / "var"}"\nsecret_keys = ["a-key-for-the-tests"]\n[ranking]\nmodels = "none"\n'
        f'[[sources]]\nkind = "listing"\nname = "page"\npath = "{documents}"\nsettle = 0\n'
    )
    readers = [f'[[subscribers]]\naddress = "r{n}@example.org"\ntimezone = "{ZONES[n % 4]}"\n' for n in range(READERS)]
    (folder / "subscribers.toml").write_text("\n".join(readers))
    (folder / "topics.toml").write_text("")
    loaded = load(folder, {})

    async def were_there() -> None:
        async with opened_store(loaded, lambda: BEGIN - timedelta(days=1)):
            pass

    asyncio.run(were_there())
    return loaded


class Clock:
    """The one clock of all processes."""

    def __init__(self) -> None:
        self.epoch = time.time()

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=(time.time() - self.epoch) * SPEED)

    def arguments(self, loaded: Configuration) -> list[str]:
        return [str(loaded.folder), BEGIN.isoformat(), str(self.epoch), str(SPEED)]


Start = Callable[[Configuration, Clock], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts schedulers, none of which outlives the test."""
    with ExitStack() as stack:

        def one(loaded: Configuration, clock: Clock) -> subprocess.Popen[str]:
            process = stack.enter_context(started(loaded, clock))
            stack.callback(process.kill)
            assert process.stdout is not None  # it is a pipe
            assert process.stdout.readline() == "at work\n"
            return process

        yield one


def started(loaded: Configuration, clock: Clock) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), *clock.arguments(loaded)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})


def by_reader(loaded: Configuration) -> dict[str, dict[str, list[str]]]:
    """The Message-IDs in the mailbox, by day (as the heading says) and reader."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for content in messages(outbox(loaded.settings)):
        mail = message_from_bytes(content, policy=policy.default)
        found[mail["Message-ID"].partition(".")[0].strip("<")][mail["To"]].append(mail["Message-ID"])
    return found


def states(loaded: Configuration, day: date) -> dict[State, int]:
    async def counted() -> dict[State, int]:
        async with opened_store(loaded) as store:
            assert await store.ledger.balanced()
            return {state: number for state, number in (await store.ledger.counts(day)).items() if number}

    return asyncio.run(counted())


def wait_until_sent(loaded: Configuration, day: date, processes: Sequence[subprocess.Popen[str]]) -> None:
    found: dict[State, int] = {}
    for _ in range(120):
        assert all(one.poll() is None for one in processes)
        found = states(loaded, day)
        if found == {State.ACCEPTED: READERS}:
            return
        time.sleep(0.5)
    raise AssertionError(found)


def test_killed_around_the_minute_it_sends_one_mail_each(tmp_path: Path, start: Start) -> None:
    loaded, clock, random = installed(tmp_path), Clock(), Random(1)
    first = BEGIN.date()
    for _ in range(4):
        process = start(loaded, clock)
        time.sleep(random.uniform(0.05, 2.0))
        process.kill()
        process.communicate()
    process = start(loaded, clock)
    wait_until_sent(loaded, first, [process])
    found = by_reader(loaded)
    assert {reader: len(set(ids)) for reader, ids in found[str(first)].items()} == {
        f"r{n}@example.org": 1 for n in range(READERS)
    }

    # Two at once, on the next day: its morning is a quarter of an hour of ours away, so the clock is put forward.
    process.terminate()
    process.communicate()
    clock.epoch -= (BEGIN + timedelta(days=1) - clock.now()).total_seconds() / SPEED
    both = [start(loaded, clock), start(loaded, clock)]
    wait_until_sent(loaded, first + timedelta(days=1), both)
    for one in both:
        one.terminate()
        assert one.wait(60) == 0
        one.communicate()
    found = by_reader(loaded)
    assert {reader: len(ids) for reader, ids in found[str(first + timedelta(days=1))].items()} == {
        f"r{n}@example.org": 1 for n in range(READERS)
    }
