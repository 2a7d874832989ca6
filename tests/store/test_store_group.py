"""Group commit: many callers, one flush; a failure stops everybody, a lost row only its caller."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from newsletter.errors import StoreError
from newsletter.model import Delivery, State, Subscriber
from newsletter.store import Store, WithdrawnError
from newsletter.store.group import GATHERING, Group

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = date(2025, 3, 11)
MESSAGE = {"message_id": "<1@example.org>", "sections": 2, "papers": 7, "size": 4321}


async def claimed(store: Store, number: int) -> list[Delivery]:
    """`number` deliveries, claimed by "me"."""
    readers = [Subscriber(f"reader{n}@example.org") for n in range(number)]
    await store.subscribers.add(readers)
    await store.ledger.plan(DAY, range(1, number + 1), NOW)
    return await store.ledger.claim(DAY, "me", NOW, timedelta(hours=1), number)


async def states(store: Store) -> list[State]:
    return [one.state for one in await store.ledger.of_date(DAY)]


class Slow:
    """Notes the groups it is given; each takes until `flush` is called."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self._turn = asyncio.Event()

    async def commit(self, group: Sequence[int]) -> list[StoreError | None]:
        self.groups.append(list(group))
        await self._turn.wait()
        self._turn.clear()
        return [WithdrawnError(f"{number}") if number < 0 else None for number in group]

    async def flush(self) -> None:
        self._turn.set()
        await asyncio.sleep(4 * GATHERING)


async def test_the_next_group_gathers_while_a_flush_is_in_flight() -> None:
    disk = Slow()
    group = Group(disk.commit)
    callers = [asyncio.create_task(group.write(1, happened=True))]
    await asyncio.sleep(0.001)
    assert disk.groups == [[1]]  # who is alone does not wait
    for number in (2, 3, -4, 5):
        callers.append(asyncio.create_task(group.write(number, happened=True)))
        await asyncio.sleep(0.001)
    assert disk.groups == [[1]]
    await disk.flush()
    assert [one.done() for one in callers] == [True, False, False, False, False]
    assert disk.groups == [[1], [2, 3, -4, 5]]
    await disk.flush()
    with pytest.raises(WithdrawnError, match="-4"):
        await callers.pop(3)
    await asyncio.gather(*callers)
    await group.close()


async def test_who_is_cancelled_announces_nothing_but_what_happened_is_written() -> None:
    disk = Slow()
    group = Group(disk.commit)
    tasks = [asyncio.create_task(group.write(number, happened=number % 2 == 0)) for number in (1, 2)]
    await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(group.write(number, happened=number % 2 == 0)) for number in (3, 4, -6)]
    await asyncio.sleep(0.001)
    for task in tasks:
        task.cancel()
    await disk.flush()
    assert disk.groups == [[1, 2], [4, -6]]
    await disk.flush()
    await group.close()
    assert all(task.cancelled() for task in tasks)


async def test_a_caller_who_is_cancelled_alone_leaves_nothing_to_write() -> None:
    disk = Slow()
    group = Group(disk.commit)
    task = asyncio.create_task(group.write(1, happened=False))
    await asyncio.sleep(0)
    task.cancel()
    await group.close()
    assert disk.groups == []
    later = asyncio.create_task(group.write(2, happened=False))
    await asyncio.sleep(0.001)
    await disk.flush()
    await later


async def test_when_a_commit_fails_everybody_stops() -> None:
    attempts = 0

    async def commit(group: Sequence[int]) -> list[StoreError | None]:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0.001)
        if 2 in group:
            raise OSError("the cable is out")
        return [None] * len(group)

    group = Group(commit)
    first = asyncio.create_task(group.write(1, happened=True))
    await asyncio.sleep(0)
    second = [asyncio.create_task(group.write(number, happened=True)) for number in (2, 3)]
    await first
    errors = await asyncio.gather(*second, return_exceptions=True)
    assert [type(error) for error in errors] == [StoreError, StoreError]
    assert errors[0] is not errors[1]
    for _ in range(2):
        with pytest.raises(StoreError, match=r"the cable is out.*sending has stopped") as error:
            await group.write(4, happened=True)
        assert isinstance(error.value.__cause__, OSError)
    assert attempts == 2
    await group.close()


async def test_who_is_cancelled_before_the_commit_fails_leaves_nothing_in_the_log() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    failing = asyncio.Event()

    async def commit(group: Sequence[int]) -> list[StoreError | None]:
        await failing.wait()
        raise StoreError("The database cannot be reached.")

    group = Group(commit)
    callers = [asyncio.create_task(group.write(number, happened=number != 3)) for number in range(5)]
    await asyncio.sleep(0.001)
    for one in callers[2:]:
        one.cancel()
    await asyncio.gather(*callers[2:], return_exceptions=True)
    failing.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in answers] == 2 * [StoreError] + 3 * [asyncio.CancelledError]
    await group.close()
    del answers, callers, one, group
    await asyncio.sleep(0.01)  # until the loop holds none of them
    gc.collect()
    assert unheard == []


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting() -> None:
    disk = Slow()
    group = Group(disk.commit)
    callers = [asyncio.create_task(group.write(number, happened=True)) for number in (1, 2)]
    await asyncio.sleep(0.001)
    [writer] = asyncio.all_tasks() - {*callers, asyncio.current_task()}
    writer.cancel()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [StoreError, StoreError]
    await group.close()


# On a real ledger


@pytest.mark.sqlite
async def test_fifty_senders_share_their_flushes(store: Store) -> None:
    """As many rows by fifty callers as by one, in a fraction of the commits, each of which is a flush."""
    todo = await claimed(store, 600)

    async def work() -> None:
        while todo:
            row = todo.pop()
            await store.ledger.begin_data(row, "me", NOW, **MESSAGE)
            await store.ledger.settle(row, "me", NOW, State.ACCEPTED, code=250)

    committed: list[Connection] = []
    for engine in store.database.engines():
        event.listen(engine, "commit", committed.append)

    async def commits(callers: int, until: int) -> int:
        rest = [todo.pop() for _ in range(until)]
        committed.clear()
        await asyncio.gather(*(work() for _ in range(callers)))
        todo.extend(rest)
        return len(committed)

    one_by_one = await commits(1, until=500) / 100
    together = await commits(50, until=0) / 500
    assert await states(store) == [State.ACCEPTED] * 600
    assert one_by_one == 2
    assert together * 10 < one_by_one, together


async def test_a_row_of_somebody_else_harms_only_its_caller(store: Store) -> None:
    rows = await claimed(store, 4)
    ledger = store.ledger
    found = await asyncio.gather(
        ledger.begin_data(rows[0], "me", NOW, **MESSAGE),
        ledger.begin_data(rows[1], "you", NOW, **MESSAGE),
        ledger.settle(rows[1], "me", NOW, State.REFUSED, code=550),
        ledger.settle(rows[2], "you", NOW, State.ACCEPTED),
        ledger.settle(replace(rows[0], id=99), "me", NOW, State.ACCEPTED),
        ledger.settle(rows[3], "me", NOW, State.ACCEPTED, code=250),
        ledger.settle(rows[3], "me", NOW, State.REFUSED, code=550),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [
        type(None),
        WithdrawnError,
        type(None),
        WithdrawnError,
        WithdrawnError,
        type(None),
        WithdrawnError,
    ]
    assert await states(store) == [State.SENDING, State.REFUSED, State.SENDING, State.ACCEPTED]
    await ledger.settle(rows[0], "me", NOW, State.ACCEPTED)  # the ledger goes on


async def test_a_group_of_more_rows_than_fit_into_one_query(store: Store) -> None:
    rows = await claimed(store, 1200)
    await asyncio.gather(*(store.ledger.settle(row, "me", NOW, State.ACCEPTED) for row in rows))
    assert (await store.ledger.counts())[State.ACCEPTED] == 1200


async def test_a_locked_database_stops_every_sender_and_a_fresh_store_goes_on(url: str, file: Path) -> None:
    async with await Store.open(url, lock_wait=0.05) as store:
        rows = await claimed(store, 6)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = (store.ledger.begin_data(row, "me", NOW, **MESSAGE) for row in rows[:5])
        errors = await asyncio.gather(*begun, return_exceptions=True)
        other.execute("ROLLBACK")
        other.close()
        assert {(type(error), str(error)) for error in errors} == {
            (
                StoreError,
                f"The database {file} is locked by another program: let that one finish, then try again.",
            )
        }
        with pytest.raises(StoreError, match="locked"):  # although it is free again: who failed once does not go on
            await store.ledger.begin_data(rows[5], "me", NOW, **MESSAGE)
        assert await states(store) == [State.SENDING] * 6
        assert await store.ledger.release("me", NOW) == 6
    async with await Store.open(url) as store:
        [one, *_] = await store.ledger.claim(DAY, "you", NOW, timedelta(hours=1), 9)
        await store.ledger.begin_data(one, "you", NOW, **MESSAGE)
        await store.ledger.settle(one, "you", NOW, State.ACCEPTED)
        assert (await states(store))[0] is State.ACCEPTED


@pytest.mark.sqlite
async def test_a_full_disk_stops_every_sender(store: Store) -> None:
    rows = await claimed(store, 50)
    async with store.database.read() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()
    await store.database.write_at_once(lambda writer: writer.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    long = {"reply": "x" * 100_000}
    settled = (store.ledger.settle(row, "me", NOW, State.REFUSED, **long) for row in rows[:40])
    errors = await asyncio.gather(*settled, return_exceptions=True)
    assert {type(error) for error in errors} == {StoreError}
    assert "disk is full" in str(errors[0])
    with pytest.raises(StoreError, match="disk is full"):
        await store.ledger.begin_data(rows[45], "me", NOW, **MESSAGE)
    assert await states(store) == [State.SENDING] * 50


async def test_closing_waits_for_what_is_being_written(url: str) -> None:
    store = await Store.open(url)
    rows = await claimed(store, 3)
    tasks = [asyncio.create_task(store.ledger.settle(row, "me", NOW, State.ACCEPTED)) for row in rows]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    async with await Store.open(url) as again:
        assert await states(again) == [State.ACCEPTED] * 3
