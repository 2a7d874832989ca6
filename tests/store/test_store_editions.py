"""Editions: frozen once, and a paper is in one of them only."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from newsletter.model import Batch, Edition, Paper, Pick, Ranking, Reason, Topic, Verdict, Why
from newsletter.store import Store, tables

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = date(2025, 3, 11)
REASONS = (
    Reason(Why.TITLE, ("image", "3D “scenes”")),
    Reason(Why.PLACE, (1, 53, "2025-03-11")),
    Reason(Why.AGAIN, (2,)),
)
VISION = Topic("vision", "Vision", "Seeing.", ("image", "3D scenes"), ("medical",), 1.5, 3)


def pick(paper: str, topic: str = "vision", score: float = 0.1 + 0.2) -> Pick:
    return Pick(paper, topic, score, (("title", score - 0.1), ("trend", 0.1)), REASONS)


@pytest.fixture
async def shelf(store: Store) -> Store:
    """A store with papers a to f."""
    papers = tuple(Paper(name, name.upper(), "", keys=(name,)) for name in "abcdef")
    await store.batches.remember(Batch("seeds", "page", DAY, papers, Verdict.NEW, "6 papers"), NOW)
    return store


async def test_freezing(shelf: Store) -> None:
    rankings = [
        Ranking(VISION, (pick("c"), pick("a")), ("b", "nowhere")),
        Ranking(None, (pick("b", "trending", 1 / 3),)),
    ]
    edition = await shelf.editions.freeze(DAY, ["c", "a", "b"], ["AK", "the research community"], rankings)
    assert edition == Edition(1, DAY, ("c", "a", "b"), ("AK", "the research community"))
    assert await shelf.editions.find(DAY) == edition
    assert await shelf.editions.rankings(edition.id) == {"trending": rankings[1], "vision": rankings[0]}


async def test_reasons_that_were_sentences_once_are_sentences_still(shelf: Store) -> None:
    """As editions hold them that were frozen before reasons were facts: without `excluded`, too."""
    edition = await shelf.editions.freeze(DAY, ["a"], [], [Ranking(VISION, (pick("a"),), ("b",))])
    sentences = ["title says “image”", "no. 1 of 53 on the page of 11 March"]
    old = {"paper": "a", "topic": "vision", "score": 1.5, "parts": [["keywords", 1.5]], "reasons": sentences}
    async with shelf.database.write() as connection:
        await connection.execute(update(tables.rankings).values(picks=[old], excluded=[]))
    [ranking] = (await shelf.editions.rankings(edition.id)).values()
    reasons = tuple(Reason(Why.TEXT, (said,)) for said in sentences)
    assert ranking == Ranking(VISION, (Pick("a", "vision", 1.5, (("keywords", 1.5),), reasons),), ())


async def test_a_day_is_frozen_once(shelf: Store) -> None:
    first = await shelf.editions.freeze(DAY, ["a"], ["AK"], [Ranking(VISION, (pick("a"),))])
    again = await shelf.editions.freeze(DAY, ["b"], ["somebody"], [Ranking(None, (pick("b"),))])
    assert again == first
    assert list(await shelf.editions.rankings(first.id)) == ["vision"]
    assert (await shelf.editions.freeze(date(2025, 3, 12), ["b"], [], [])).papers == ("b",)


async def test_a_paper_is_taken_once(shelf: Store) -> None:
    await shelf.editions.freeze(DAY, ["b", "d"], [], [])
    rankings = [Ranking(VISION, (pick("b"), pick("c"), pick("d"), pick("a")))]
    later = await shelf.editions.freeze(date(2025, 3, 12), ["a", "b", "c", "d", "a"], [], rankings)
    assert later.papers == ("a", "c")
    assert (await shelf.editions.rankings(later.id))["vision"].picks == (pick("c"), pick("a"))


async def test_an_edition_without_papers(shelf: Store) -> None:
    assert await shelf.editions.freeze(DAY, [], [], []) == Edition(1, DAY, ())
    assert await shelf.editions.find(DAY) == Edition(1, DAY, ())
    assert await shelf.editions.rankings(1) == {}


async def test_an_edition_with_an_unknown_paper_is_not_made(shelf: Store) -> None:
    with pytest.raises(IntegrityError):
        await shelf.editions.freeze(DAY, ["a", "nowhere"], [], [])
    assert await shelf.editions.find(DAY) is None


async def test_between(shelf: Store) -> None:
    days = [date(2025, 3, day) for day in (12, 9, 11, 10)]
    for day, paper in zip(days, "abcd", strict=True):
        await shelf.editions.freeze(day, [paper], [], [])
    assert await shelf.editions.all_days() == sorted(days)
    found = await shelf.editions.between(date(2025, 3, 9), DAY)
    assert [(edition.day.day, edition.papers) for edition in found] == [(10, ("d",)), (11, ("c",))]
    assert await shelf.editions.between(DAY, DAY) == []
    assert await shelf.editions.find(date(2025, 3, 1)) is None


async def test_what_is_frozen_stays(shelf: Store) -> None:
    edition = await shelf.editions.freeze(DAY, ["a", "b"], [], [Ranking(VISION, (pick("a"),))])
    other = Ranking(Topic("robots", "Robots"), (pick("b", "robots"),))
    await shelf.editions.add_rankings(edition.id, [Ranking(VISION, (pick("b"),)), other])
    assert await shelf.editions.rankings(edition.id) == {"vision": Ranking(VISION, (pick("a"),)), "robots": other}
    await shelf.editions.add_rankings(edition.id, [])


async def test_the_topic_is_kept_as_it_was_worded_then(shelf: Store) -> None:
    await shelf.topics.sync([VISION])
    edition = await shelf.editions.freeze(DAY, ["a"], [], [Ranking(VISION, ())])
    await shelf.topics.sync([])
    assert (await shelf.editions.rankings(edition.id))["vision"].topic == VISION


async def test_two_freezers_of_one_day(shelf: Store, url: str) -> None:
    async with await Store.open(url) as other:
        for day in range(1, 7):
            one, two = await asyncio.gather(
                shelf.editions.freeze(date(2025, 4, day), ["abcdef"[day - 1]], ["one"], [Ranking(VISION, ())]),
                other.editions.freeze(date(2025, 4, day), ["abcdef"[day - 1]], ["two"], [Ranking(None, ())]),
            )
            assert one == two
            assert one.papers == ("abcdef"[day - 1],)
            assert len(await shelf.editions.rankings(one.id)) == 1


async def test_two_days_frozen_at_once_share_no_paper(shelf: Store, url: str) -> None:
    async with await Store.open(url) as other:
        editions = await asyncio.gather(
            *(
                each.editions.freeze(date(2025, 4, day), list("abcdef"), [], [])
                for day, each in enumerate([shelf, other] * 3, 1)
            )
        )
    assert sorted(paper for edition in editions for paper in edition.papers) == list("abcdef")


async def test_a_few_of_very_many_rankings(store: Store) -> None:
    topics = [Topic(f"topic-{number:04}", "A topic") for number in range(3_000)]
    edition = await store.editions.freeze(date(2025, 3, 11), [], [], [Ranking(topic, ()) for topic in topics])
    wanted = [topic.slug for topic in topics[::2]]
    assert list(await store.editions.rankings(edition.id, reversed(wanted))) == wanted
    assert await store.editions.rankings(edition.id, ["nowhere"]) == {}
    assert await store.editions.rankings(edition.id, []) == {}
