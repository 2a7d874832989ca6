"""What works through the sign-ups goes on, whatever one of them comes to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import databases
import pytest
from sqlalchemy import text

from newsletter.model import Subscriber
from newsletter.store import SignUp, Store
from newsletter.web import answering

NOW = datetime(2025, 3, 11, 8, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as opened:
        yield opened


async def note(store: Store, name: str) -> None:
    assert await store.sign_ups.note(Subscriber(f"{name}@example.org", hour=9), "https://papers.example", NOW, 100)


async def worked_through(store: Store, answered: answering.Answering) -> None:
    async with asyncio.timeout(10):
        while await store.sign_ups.next_at() is not None:
            await asyncio.sleep(0.01)
            answered.wake()


async def test_one_that_cannot_be_read_and_one_that_fails_keep_nobody_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answering, "PAUSES", ())
    for name in ("broken", "strange", "ada", "bea"):
        await note(store, name)
    async with store.database.write() as connection:
        broken = text("UPDATE sign_ups SET wishes = :wishes WHERE address = :address")
        await connection.execute(broken, {"wishes": '{"topics": 7}', "address": "broken@example.org"})
        await connection.execute(broken, {"wishes": "3", "address": "strange@example.org"})
    told: list[SignUp] = []

    async def answer(one: SignUp) -> bool:
        if one.reader.address.startswith("ada"):
            raise LookupError("a fault of ours")
        told.append(one)
        return True

    async with answering.answering(store, 5, answer) as answered:
        await worked_through(store, answered)
    assert [(one.reader.address, one.reader.hour, one.attempts) for one in told] == [("bea@example.org", 9, 1)]
    assert "a fault of ours" in caplog.text


async def test_a_fault_of_the_queue_itself_does_not_end_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_AFTER_FAULT", 0.01)
    claim, faults = store.sign_ups.claim, iter([RuntimeError("out of the blue")])

    async def faulty(at: datetime, until: datetime, limit: int) -> list[SignUp]:
        for fault in faults:
            raise fault
        return await claim(at, until, limit)

    monkeypatch.setattr(store.sign_ups, "claim", faulty)
    told: list[str] = []

    async def answer(one: SignUp) -> bool:
        told.append(one.reader.address)
        return True

    await note(store, "ada")
    async with answering.answering(store, 5, answer) as answered:
        await worked_through(store, answered)
    assert told == ["ada@example.org"]


async def test_two_who_claim_at_once_share(store: Store) -> None:
    for number in range(12):
        await note(store, f"reader{number}")
    several = await asyncio.gather(*(store.sign_ups.claim(NOW, NOW + timedelta(minutes=1), 4) for _ in range(4)))
    claimed = [one.id for those in several for one in those]
    assert sorted(claimed) == list(range(1, 13))
    assert await store.sign_ups.claim(NOW, NOW, 4) == []
    assert len(await store.sign_ups.claim(NOW + timedelta(minutes=1), NOW + timedelta(minutes=2), 4)) == 4
