"""Suppressions and bounces: who must not be mailed, and what came back."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Status, Subscriber
from newsletter.store import Bounce, Store, Suppression

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = date(2025, 3, 11)
ADA, BEN = Subscriber("ada@example.org"), Subscriber("ben@example.org", origin="import")


async def status(store: Store, reader: Subscriber) -> Status:
    found = await store.subscribers.find(reader.address)
    assert found is not None
    return found.status


async def test_suppressing(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    later = NOW + timedelta(days=1)
    assert await store.suppressions.add("ada@example.org", "hard bounce", NOW) is True
    assert await store.suppressions.add("zoe@example.org", "operator", later) is True
    assert await store.suppressions.add("ada@example.org", "complaint", later) is False
    assert await store.suppressions.all() == [
        Suppression("ada@example.org", "hard bounce", NOW),
        Suppression("zoe@example.org", "operator", later),
    ]
    assert await store.subscribers.suppressed() == {"ada@example.org": "hard bounce", "zoe@example.org": "operator"}
    assert await status(store, ADA) is Status.LEFT
    assert await store.subscribers.leave("zoe@example.org", "one click", later) is False  # suppressed, no subscriber
    assert await store.suppressions.add("new@example.org", "", NOW) is True
    assert [one.reason for one in await store.suppressions.all()] == ["hard bounce", "", "operator"]


async def test_a_reader_of_the_file_is_back_when_the_suppression_is_lifted(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    await store.suppressions.add("ada@example.org", "hard bounce", NOW)
    assert await store.suppressions.remove("ada@example.org") is True
    assert await store.suppressions.remove("ada@example.org") is False
    assert await store.suppressions.all() == []
    assert await status(store, ADA) is Status.LEFT
    await store.subscribers.sync_file([ADA])
    assert await status(store, ADA) is Status.ACTIVE


async def test_anybody_else_has_to_ask_anew(store: Store) -> None:
    await store.subscribers.add([BEN])
    await store.suppressions.add("ben@example.org", "one click", NOW)
    await store.suppressions.remove("ben@example.org")
    assert await store.subscribers.add([BEN]) == (0, 0, ["ben@example.org"])
    assert await status(store, BEN) is Status.LEFT


async def test_lifting_a_suppression_revives_nobody_who_was_not_left(store: Store) -> None:
    await store.suppressions.add("ada@example.org", "operator", NOW)
    await store.suppressions.remove("ada@example.org")
    await store.subscribers.sync_file([ADA])
    assert await status(store, ADA) is Status.ACTIVE


async def test_one_of_many_suppresses(store: Store, url: str) -> None:
    async with await Store.open(url) as other:
        new = await asyncio.gather(
            *(each.suppressions.add("ada@example.org", "complaint", NOW) for each in [store, other] * 4)
        )
    assert sorted(new) == [False] * 7 + [True]


# Bounces


async def record(store: Store, report: str, subscriber_id: int | None = 1, at: datetime = NOW, **fields: str) -> bool:
    said = {"address": "ada@example.org", "kind": "hard", "message_id": "<1@x.org>", "enhanced": "5.1.1", "detail": "d"}
    return await store.bounces.record(report * 64, subscriber_id, received_at=at, **(said | fields))


async def test_a_report_is_noted_once(store: Store) -> None:
    await store.subscribers.add([ADA, BEN])
    assert await record(store, "b", at=NOW + timedelta(days=1), kind="soft", enhanced="4.2.2", detail="mailbox full")
    assert await record(store, "a", detail="no such user")
    assert not await record(store, "a", subscriber_id=2, detail="read a second time")
    assert await record(store, "c", subscriber_id=2)
    assert await record(store, "d", subscriber_id=None, address="", message_id="")
    assert await store.bounces.of_subscriber(1) == [
        Bounce(1, "ada@example.org", "hard", "<1@x.org>", "5.1.1", "no such user", NOW),
        Bounce(1, "ada@example.org", "soft", "<1@x.org>", "4.2.2", "mailbox full", NOW + timedelta(days=1)),
    ]
    assert [one.subscriber_id for one in await store.bounces.of_subscriber(2)] == [2]
    assert await store.bounces.of_subscriber(3) == []


async def test_two_readers_of_one_mailbox_note_a_report_once(store: Store, url: str) -> None:
    await store.subscribers.add([ADA])
    async with await Store.open(url) as other:
        new = await asyncio.gather(*(record(each, "a") for each in [store, other] * 4))
    assert sorted(new) == [False] * 7 + [True]
    assert len(await store.bounces.of_subscriber(1)) == 1


@pytest.mark.parametrize("name", ["", "1@x.org", "<2@x.org>", "<%@x.org>", "' OR 1=1 --"])
async def test_a_subscriber_is_found_by_message_id(store: Store, name: str) -> None:
    await store.subscribers.add([ADA, BEN])
    await store.ledger.plan(DAY, [1, 2], NOW)
    [one, _] = await store.ledger.claim(DAY, "me", NOW, timedelta(hours=1), 2)
    await store.ledger.begin_data(one, "me", NOW, message_id="<1@x.org>", sections=1, papers=2, size=3)
    found = await store.bounces.find_subscriber("<1@x.org>")
    assert found == (await store.ledger.of_date(DAY))[0]
    assert (found.subscriber_id, found.address) == (1, "ada@example.org")
    assert await store.bounces.find_subscriber(name) is None
