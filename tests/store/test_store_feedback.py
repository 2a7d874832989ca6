"""What readers say: one opinion at a time, everything remembered, everything taken back when they want it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from newsletter.model import Batch, Feedback, Opinion, Paper, Subscriber, Verdict
from newsletter.store import Store, tables

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
LIKE, DISLIKE = Opinion.LIKE, Opinion.DISLIKE
ADA, BEN = 1, 2


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def furnish(store: Store) -> None:
    """Papers a to d, and two readers."""
    papers = tuple(Paper(name, name.upper(), "", keys=(name,)) for name in "abcd")
    await store.batches.remember(Batch("seeds", "page", NOW.date(), papers, Verdict.NEW, ""), NOW)
    await store.subscribers.add([Subscriber("ada@example.org"), Subscriber("ben@example.org")])


@pytest.fixture
async def shelf(store: Store) -> Store:
    await furnish(store)
    return store


async def test_what_was_said_comes_back(shelf: Store) -> None:
    assert await shelf.feedback.record(ADA, "vision", "a", LIKE, NOW) is True
    assert await shelf.feedback.record(ADA, "vision", "b", DISLIKE, later(1)) is True
    assert await shelf.feedback.record(ADA, "robots", "a", DISLIKE, later(2)) is True
    said = [
        Feedback(ADA, "vision", "a", LIKE, NOW, 1),
        Feedback(ADA, "vision", "b", DISLIKE, later(1), 2),
        Feedback(ADA, "robots", "a", DISLIKE, later(2), 3),
    ]
    assert await shelf.feedback.standing([BEN, ADA, 99]) == {ADA: said}
    assert await shelf.feedback.history(ADA) == said[::-1]
    assert await shelf.feedback.history(BEN) == []
    assert await shelf.feedback.standing([]) == {}
    assert said[0].given.tzinfo is UTC


async def test_the_same_again_changes_nothing(shelf: Store) -> None:
    assert await shelf.feedback.record(ADA, "vision", "a", LIKE, NOW)
    assert await shelf.feedback.record(ADA, "vision", "a", LIKE, later(1)) is False
    assert await shelf.feedback.history(ADA) == [Feedback(ADA, "vision", "a", LIKE, NOW, 1)]


async def test_another_opinion_replaces_the_earlier_one(shelf: Store) -> None:
    await shelf.feedback.record(ADA, "vision", "a", LIKE, NOW)
    await shelf.feedback.record(BEN, "vision", "a", LIKE, NOW)
    assert await shelf.feedback.record(ADA, "vision", "a", DISLIKE, later(1)) is True
    new, old = await shelf.feedback.history(ADA)
    assert (old.opinion, old.undone) == (LIKE, later(1))
    assert (new.opinion, new.undone) == (DISLIKE, None)
    assert await shelf.feedback.standing([ADA]) == {ADA: [new]}
    assert len((await shelf.feedback.standing([BEN]))[BEN]) == 1


async def test_nobody_says_that_a_paper_was_shown(shelf: Store) -> None:
    with pytest.raises(ValueError, match="never recorded"):
        await shelf.feedback.record(ADA, "vision", "a", Opinion.SHOWN, NOW)
    assert await shelf.feedback.history(ADA) == []


@pytest.mark.parametrize(("reader", "paper"), [(99, "a"), (ADA, "nowhere")])
async def test_strangers_and_unknown_papers_are_refused_without_a_trace(shelf: Store, reader: int, paper: str) -> None:
    with pytest.raises(IntegrityError):
        await shelf.feedback.record(reader, "vision", paper, LIKE, NOW)
    assert await shelf.feedback.history(reader) == []


async def test_undoing(shelf: Store) -> None:
    await shelf.feedback.record(ADA, "vision", "a", LIKE, NOW)
    said = Feedback(ADA, "vision", "a", LIKE, NOW, 1)
    assert await shelf.feedback.undo(BEN, 1, later(1)) is None
    assert await shelf.feedback.undo(ADA, 2, later(1)) is None
    assert await shelf.feedback.standing([ADA]) == {ADA: [said]}
    undone = Feedback(ADA, "vision", "a", LIKE, NOW, 1, later(2))
    assert await shelf.feedback.undo(ADA, 1, later(2)) == undone
    assert await shelf.feedback.undo(ADA, 1, later(3)) is None
    assert await shelf.feedback.standing([ADA]) == {}
    assert await shelf.feedback.history(ADA) == [undone]
    # It can be said once more, and is another entry then.
    assert await shelf.feedback.record(ADA, "vision", "a", LIKE, later(4)) is True
    assert [one.id for one in await shelf.feedback.history(ADA)] == [2, 1]


async def test_undoing_a_second_thought_does_not_bring_the_first_one_back(shelf: Store) -> None:
    await shelf.feedback.record(ADA, "vision", "a", LIKE, NOW)
    await shelf.feedback.record(ADA, "vision", "a", DISLIKE, later(1))
    assert await shelf.feedback.undo(ADA, 2, later(2))
    assert await shelf.feedback.standing([ADA]) == {}


async def test_starting_anew(shelf: Store) -> None:
    for paper in "abc":
        await shelf.feedback.record(ADA, "vision", paper, LIKE, NOW)
    await shelf.feedback.record(ADA, "robots", "d", LIKE, NOW)
    await shelf.feedback.record(BEN, "vision", "a", LIKE, NOW)
    await shelf.feedback.undo(ADA, 1, later(1))
    assert await shelf.feedback.reset(ADA, later(2), "vision") == 2
    assert await shelf.feedback.reset(ADA, later(3), "vision") == 0
    assert [one.topic for one in (await shelf.feedback.standing([ADA]))[ADA]] == ["robots"]
    assert await shelf.feedback.reset(ADA, later(4)) == 1
    assert [one.undone for one in await shelf.feedback.history(ADA)] == [later(4), later(2), later(2), later(1)]
    assert len((await shelf.feedback.standing([ADA, BEN]))[BEN]) == 1
    assert await shelf.feedback.reset(ADA, later(5), "") == 0


async def test_oldest_first_whatever_the_order_of_the_clicks(shelf: Store) -> None:
    """Clicks that waited in a queue keep their moment."""
    for paper, minutes in (("a", 5), ("b", 1), ("c", 3), ("d", 3)):
        await shelf.feedback.record(ADA, "vision", paper, LIKE, later(minutes))
    assert [one.paper for one in (await shelf.feedback.standing([ADA]))[ADA]] == ["b", "c", "d", "a"]
    assert [one.paper for one in await shelf.feedback.history(ADA)] == ["a", "d", "c", "b"]


async def test_many_readers(shelf: Store) -> None:
    await shelf.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(1200)])
    row = {"topic": "vision", "paper_id": "a", "opinion": LIKE, "given": NOW}
    async with shelf.database.write() as connection:
        await connection.execute(insert(tables.feedback), [row | {"subscriber_id": n} for n in range(3, 1203)])
    found = await shelf.feedback.standing(range(1300))
    assert sorted(found) == list(range(3, 1203))
    assert all([one.subscriber for one in said] == [reader] for reader, said in found.items())


async def test_two_who_say_it_at_once_say_it_once(shelf: Store, url: str) -> None:
    async with await Store.open(url) as other:
        for number, paper in enumerate("abcd", start=1):
            told = await asyncio.gather(
                *(each.feedback.record(ADA, "vision", paper, LIKE, NOW) for each in (shelf, other, shelf, other))
            )
            assert sorted(told) == [False, False, False, True]
            assert len(await shelf.feedback.history(ADA)) == number


readers, topics = st.sampled_from([ADA, BEN]), st.sampled_from(["vision", "robots"])
deeds = st.one_of(
    st.tuples(st.just("say"), readers, topics, st.sampled_from("ab"), st.sampled_from([LIKE, DISLIKE])),
    st.tuples(st.just("undo"), readers, st.just(""), st.just(""), st.integers(0, 9)),
    st.tuples(st.just("reset"), readers, topics | st.none(), st.just(""), st.none()),
)


@given(deeds=st.lists(deeds, max_size=25))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_last_word_stands(url: str, deeds: list[tuple[str, int, str, str, Any]]) -> None:
    """Held against a dictionary of last words; nothing that was ever said is lost."""
    asyncio.run(_held_against_a_dictionary(url, deeds))


async def _held_against_a_dictionary(url: str, deeds: list[tuple[str, int, str, str, Any]]) -> None:
    last: dict[tuple[int, str, str], Opinion] = {}
    said = 0
    async with await Store.open(url) as store:
        await furnish(store)
        async with store.database.write() as connection:
            await connection.execute(delete(tables.feedback))
        for minute, (deed, reader, topic, paper, what) in enumerate(deeds):
            if deed == "say":
                news = last.get((reader, topic, paper)) is not what
                assert await store.feedback.record(reader, topic, paper, what, later(minute)) is news
                last[reader, topic, paper] = what
                said += news
            elif deed == "reset":
                gone = [key for key in last if key[0] == reader and topic in (None, key[1])]
                assert await store.feedback.reset(reader, later(minute), topic) == len(gone)
                last = {key: opinion for key, opinion in last.items() if key not in gone}
            elif ever := [*await store.feedback.history(ADA), *await store.feedback.history(BEN)]:
                one = ever[what % len(ever)]
                undone = await store.feedback.undo(reader, one.id, later(minute))
                mine = one.subscriber == reader and one.undone is None
                assert undone == (replace(one, undone=later(minute)) if mine else None)
                if undone:
                    del last[reader, undone.topic, undone.paper]
        found = [one for each in (await store.feedback.standing([ADA, BEN])).values() for one in each]
        assert len(found) == len(last)
        assert {(one.subscriber, one.topic, one.paper): one.opinion for one in found} == last
        assert len(await store.feedback.history(ADA)) + len(await store.feedback.history(BEN)) == said
