"""Writes that callers share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from newsletter.errors import StoreError
from newsletter.web.together import Together


async def test_who_comes_while_one_group_is_written_is_of_the_next() -> None:
    groups, going = list[list[int]](), asyncio.Event()

    async def work(numbers: Sequence[int]) -> None:
        groups.append(list(numbers))
        await going.wait()

    together = Together(work)
    bringing = [asyncio.create_task(together.bring(0))]
    await asyncio.sleep(0.01)
    bringing += [asyncio.create_task(together.bring(number)) for number in range(1, 50)]
    await asyncio.sleep(0.01)
    bringing[7].cancel()  # who hangs up is written all the same
    going.set()
    done = await asyncio.gather(*bringing, return_exceptions=True)
    assert groups == [[0], list(range(1, 50))]
    assert [number for number, one in enumerate(done) if one is not None] == [7]


async def test_a_write_that_fails_is_its_groups_own() -> None:
    faults = [StoreError("locked"), None]

    async def work(_: Sequence[int]) -> None:
        if fault := faults.pop(0):
            raise fault

    together = Together(work)
    first = await asyncio.gather(*(together.bring(number) for number in range(3)), return_exceptions=True)
    assert [str(one) for one in first] == ["locked"] * 3
    await together.bring(4)
    assert faults == []
    with pytest.raises(IndexError):
        await together.bring(5)
