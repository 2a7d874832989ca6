"""Answers of the network, kept word for word; whose turn it is to ask; numbers as they change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.model import Answer
from newsletter.store import Store, pruning, tables

NOW = datetime(2026, 8, 6, 7, tzinfo=UTC)
URL = "https://example.org/feed?date=2026-08-06"


def later(**span: float) -> datetime:
    return NOW + timedelta(**span)


def answer(body: bytes = b"\x00\xff papers \n", at: datetime = NOW, **headers: str) -> Answer:
    return Answer(URL, 200, body, at, headers)


async def test_an_answer_comes_back_as_it_went_in(store: Store) -> None:
    kept = answer(etag='"x"')
    assert await store.answers.latest("feed", URL) is None
    await store.answers.keep("feed", kept)
    assert await store.answers.latest("feed", URL) == replace(kept, fresh=False)
    assert await store.answers.latest("another", URL) is None
    assert await store.answers.latest("feed", f"{URL}&p=1") is None


async def test_it_is_kept_compressed_and_once(store: Store) -> None:
    body = b"the same words again and again. " * 4_000
    await store.answers.keep("feed", answer(body, etag="one"))
    await store.answers.keep("feed", answer(body, later(hours=1), etag="two"))
    async with store.database.read() as connection:
        [row] = (await connection.execute(select(tables.answers))).all()
    assert len(row.body) < len(body) / 20
    assert (row.first_at, row.fetched_at, row.headers) == (NOW, later(hours=1), {"etag": "two"})


async def test_what_was_there_before_is_found_again(store: Store) -> None:
    for hour, body in enumerate([b"one", b"two", b"one"]):
        await store.answers.keep("feed", answer(body, later(hours=hour)))
    bodies = []
    for until in (later(hours=-1), NOW, later(hours=1.5), later(hours=2), None):
        found = await store.answers.latest("feed", URL, until)
        bodies.append(found.body if found else None)
    assert bodies == [None, b"one", b"two", b"one", b"one"]


async def test_old_answers_are_forgotten(store: Store) -> None:
    await store.answers.keep("feed", answer(b"old"))
    await store.answers.keep("feed", answer(b"young", later(days=30)))
    old = pruning.answers(later(days=1))
    assert await pruning.count(store.database, old) == 1
    assert await pruning.clear(store.database, old) == 1
    found = await store.answers.latest("feed", URL)
    assert found is not None
    assert found.body == b"young"
    assert await pruning.clear(store.database, old) == 0


async def test_one_has_the_turn_and_the_next_comes_after_the_pace(store: Store) -> None:
    assert await store.paces.begin("arxiv", "a", NOW, 30) is None
    again = await store.paces.begin("arxiv", "b", NOW, 30)
    assert again is not None
    assert NOW < again <= later(seconds=1)
    await store.paces.end("arxiv", "a", later(seconds=5))
    assert await store.paces.begin("arxiv", "b", later(seconds=4.9), 30) == later(seconds=5)
    assert await store.paces.begin("arxiv", "b", later(seconds=5), 30) is None


async def test_groups_do_not_wait_for_each_other(store: Store) -> None:
    assert await store.paces.begin("arxiv", "a", NOW, 30) is None
    assert await store.paces.begin("huggingface", "a", NOW, 30) is None


async def test_the_turn_of_the_dead_is_free_when_its_lease_ends(store: Store) -> None:
    assert await store.paces.begin("arxiv", "dead", NOW, 30) is None
    assert await store.paces.begin("arxiv", "b", later(seconds=29.9), 30) == later(seconds=30)
    assert await store.paces.begin("arxiv", "b", later(seconds=30), 30) is None
    # Should it not be dead but slow, it does not take the turn away; its pace counts all the same.
    await store.paces.end("arxiv", "dead", later(seconds=36))
    assert await store.paces.begin("arxiv", "c", later(seconds=36), 30) is not None
    await store.paces.end("arxiv", "b", later(seconds=34))
    assert await store.paces.begin("arxiv", "c", later(seconds=35), 30) == later(seconds=36)
    assert await store.paces.begin("arxiv", "c", later(seconds=36), 30) is None


async def test_an_answer_that_could_not_be_read_says_so_until_the_next(store: Store) -> None:
    await store.answers.keep("feed", answer(b"<html>"))
    await store.answers.reject("feed", URL)
    found = await store.answers.latest("feed", URL)
    assert found is not None
    assert (found.body, found.rejected) == (b"<html>", True)
    for body in (b"<html>", b"good"):
        await store.answers.keep("feed", answer(body, later(hours=1)))
        found = await store.answers.latest("feed", URL)
        assert found is not None
        assert not found.rejected


async def test_a_clock_that_was_wrong_blocks_nobody_for_ever(store: Store) -> None:
    assert await store.paces.begin("arxiv", "a", later(days=700), 30) is None
    assert await store.paces.begin("arxiv", "b", NOW, 30) is None
    await store.paces.end("arxiv", "b", later(days=700))
    assert await store.paces.begin("arxiv", "c", NOW, 30) is None


@pytest.mark.parametrize("seconds", [0.0, 600.0])
async def test_whoever_was_told_to_wait_makes_all_wait(store: Store, seconds: float) -> None:
    assert await store.paces.begin("arxiv", "a", NOW, 30) is None
    await store.paces.end("arxiv", "a", later(seconds=seconds))
    told = await store.paces.begin("arxiv", "b", NOW, 30)
    assert told == (later(seconds=seconds) if seconds else None)
