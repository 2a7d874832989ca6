"""Turns that are reserved in the database: in order, each once, whoever asks and whatever the clock does."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from newsletter.errors import StoreError
from newsletter.store import Store, tables
from newsletter.store.allowances import FAR, FAR_TURNS

SLACK = 5.0
"""Seconds that a busy machine may take for what a test does; what is compared is further apart."""


async def rows(store: Store) -> dict[str, float]:
    async with store.database.read() as connection:
        found = await connection.execute(select(tables.allowances))
        return {row.key: row.next_at for row in found}


async def put(store: Store, key: str, next_at: float) -> None:
    async with store.database.write() as connection:
        await connection.execute(insert(tables.allowances).values(key=key, next_at=next_at))


async def test_turns_follow_each_other_for_each_key_apart(store: Store) -> None:
    started = time.time()
    assert await store.allowances.take("one", 3, 100) < 0.001
    assert 300 - SLACK < await store.allowances.take("one", 1, 100) <= 300
    assert 400 - SLACK < await store.allowances.take("one", 1, 100) <= 400
    assert await store.allowances.take("one example.org", 1, 100) < 0.001
    found = await rows(store)
    assert found.keys() == {"one", "one example.org"}
    assert 500 <= found["one"] - started < 500 + SLACK


async def test_what_is_asked_together_goes_together_and_each_gets_turns_of_its_own(url: str) -> None:
    async with await Store.open(url) as one, await Store.open(url) as other:
        asks = [(store, key) for _ in range(10) for store in (one, other) for key in ("a", "b")]
        waits = await asyncio.gather(*(store.allowances.take(key, 2, 100) for store, key in asks))
        for key in ("a", "b"):
            mine = sorted(wait for wait, (_, asked) in zip(waits, asks, strict=True) if asked == key)
            assert all(200 * n - SLACK < wait <= 200 * n for n, wait in enumerate(mine))


async def test_a_key_with_two_intervals_keeps_both(store: Store) -> None:
    waits = await asyncio.gather(*(store.allowances.take("one", 1, interval) for interval in (100, 1000)))
    assert 100 - SLACK < max(waits) <= 100  # the shorter interval comes first
    assert 1100 - SLACK < await store.allowances.take("one", 1, 100) <= 1100


async def test_what_was_not_used_in_time_is_not_made_up_for(store: Store) -> None:
    await put(store, "one", time.time() - 3000)
    assert await store.allowances.take("one", 1, 100) < 0.001
    assert 100 - SLACK < await store.allowances.take("one", 1, 100) <= 100


@pytest.mark.parametrize("interval", [0.005, 10.0])
async def test_a_clock_that_jumps_back_holds_nobody_up_for_long(store: Store, interval: float) -> None:
    far = max(FAR, FAR_TURNS * interval)
    await put(store, "near", time.time() + far - SLACK)
    await put(store, "far", time.time() + far + SLACK)
    assert far - 2 * SLACK < await store.allowances.take("near", 1, interval) < far
    assert await store.allowances.take("far", 1, interval) < 0.001
    assert (await rows(store))["far"] < time.time() + interval


async def test_rows_that_mean_nothing_are_taken_out_now_and_then(store: Store) -> None:
    await put(store, "old", time.time() - FAR - SLACK)
    await put(store, "new", time.time())
    await store.allowances.take("one", 1, 100)
    assert (await rows(store)).keys() == {"new", "one"}
    async with store.database.write() as connection:
        await connection.execute(update(tables.allowances).values(next_at=1.0))
    await store.allowances.take("two", 1, 100)  # it was looked a moment ago
    assert (await rows(store)).keys() == {"new", "one", "two"}


async def test_who_gives_up_costs_the_others_nothing(store: Store) -> None:
    asks = [asyncio.create_task(store.allowances.take("one", 1, 100)) for _ in range(6)]
    await asyncio.sleep(0)
    asks[0].cancel()  # the one that went to the database for all
    asks[3].cancel()
    waits = await asyncio.gather(*asks, return_exceptions=True)
    good = sorted(wait for wait in waits if isinstance(wait, float))
    assert len(good) == 4
    assert all(later - earlier > 100 - SLACK for earlier, later in pairwise(good))
    assert isinstance(await store.allowances.take("one", 1, 100), float)


async def test_a_database_that_cannot_be_written_says_so_to_all(url: str, file: Path) -> None:
    async with await Store.open(url) as holding, await Store.open(url, lock_wait=0.05) as store:
        async with holding.database.write():
            waits = await asyncio.gather(
                *(store.allowances.take("one", 1, 1) for _ in range(3)), return_exceptions=True
            )
        assert all(isinstance(wait, StoreError) and "locked" in str(wait) for wait in waits)
        assert await store.allowances.take("one", 1, 100) < 0.001


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 50), st.sampled_from([100.0, 250.0])), max_size=12))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_it_is_the_rule(store: Store, asks: list[tuple[str, int, float]]) -> None:
    async with store.database.write() as connection:
        await connection.execute(tables.allowances.delete())
    began = time.time()
    next_at = {"a": 0.0, "b": 0.0}
    for key, number, interval in asks:
        wait = await store.allowances.take(key, number, interval)
        if next_at[key] > FAR_TURNS * interval - SLACK:  # on either side of what is believed
            next_at[key] = time.time() - began + wait
        else:
            assert next_at[key] - SLACK < wait <= next_at[key] + 1e-3
        next_at[key] += number * interval
