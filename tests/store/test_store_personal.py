"""What readers with feedback of their own were ranked: frozen like the editions' rankings."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from newsletter.model import Batch, Paper, Pick, Ranking, Reason, Subscriber, Topic, Verdict, Why
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
ADA, BEN = 1, 2
VISION = Topic("vision", "Vision", "Seeing.", ("image", "3D scenes"), categories=("cs.CV",), weight=2.0)
ROBOTS = Topic("robots", "Robots")


def pick(paper: str, topic: str = "vision", score: float = 0.1 + 0.2) -> Pick:
    return Pick(paper, topic, score, (("text", score - 0.1), ("learned", 0.1)), (Reason(Why.TITLE, ("image",)),))


@pytest.fixture
async def shelf(store: Store) -> Store:
    """A store with papers a to d, two readers, and two editions with rankings of two topics and *Trending*."""
    papers = tuple(Paper(name, name.upper(), "", keys=(name,)) for name in "abcd")
    await store.batches.remember(Batch("seeds", "page", NOW.date(), papers, Verdict.NEW, ""), NOW)
    await store.subscribers.add([Subscriber("ada@example.org"), Subscriber("ben@example.org")])
    for day, taken in ((11, "ab"), (12, "cd")):
        rankings = [Ranking(VISION, (pick(taken[0]),)), Ranking(ROBOTS, ()), Ranking(None, (pick(taken[1]),))]
        await store.editions.freeze(date(2025, 3, day), list(taken), [], rankings)
    return store


async def test_they_come_back_as_they_went_in(shelf: Store) -> None:
    vision = Ranking(VISION, (pick("b"), pick("a", score=1 / 3)), ("d",))
    trending = Ranking(None, (pick("a", "trending"),), None)
    second = Ranking(ROBOTS, (pick("c", "robots"),))
    await shelf.editions.freeze_personal({(ADA, 1): [vision, trending], (BEN, 2): [second]})
    assert await shelf.editions.personal([BEN, ADA], [2, 1]) == {
        (ADA, 1): {"vision": vision, "trending": trending},
        (BEN, 2): {"robots": second},
    }
    assert await shelf.editions.personal([ADA], [2]) == {}
    assert await shelf.editions.personal([BEN, 99], [1, 2, 99]) == {(BEN, 2): {"robots": second}}
    assert await shelf.editions.personal([], [1]) == await shelf.editions.personal([ADA], []) == {}
    # The edition's own rankings are nobody's in particular, and stay.
    assert (await shelf.editions.rankings(1))["vision"] == Ranking(VISION, (pick("a"),))


async def test_what_is_frozen_stays(shelf: Store) -> None:
    first = Ranking(VISION, (pick("b"),))
    await shelf.editions.freeze_personal({(ADA, 1): [first]})
    robots = Ranking(ROBOTS, (pick("a", "robots"),))
    await shelf.editions.freeze_personal({(ADA, 1): [Ranking(VISION, ()), robots], (BEN, 1): [Ranking(VISION, ())]})
    assert await shelf.editions.personal([ADA, BEN], [1]) == {
        (ADA, 1): {"vision": first, "robots": robots},
        (BEN, 1): {"vision": Ranking(VISION, ())},
    }
    await shelf.editions.freeze_personal({})
    await shelf.editions.freeze_personal({(ADA, 2): []})
    assert await shelf.editions.personal([ADA], [2]) == {}


async def test_the_topic_is_worded_as_the_edition_words_it(shelf: Store) -> None:
    reworded = Topic("vision", "Computer vision")
    await shelf.editions.freeze_personal({(ADA, 1): [Ranking(reworded, (pick("a"),))]})
    [found] = (await shelf.editions.personal([ADA], [1])).values()
    assert found["vision"] == Ranking(VISION, (pick("a"),))


async def test_none_without_a_reader(shelf: Store) -> None:
    with pytest.raises(IntegrityError):
        await shelf.editions.freeze_personal({(ADA, 2): [Ranking(VISION, ())], (99, 1): [Ranking(VISION, ())]})
    assert await shelf.editions.personal([ADA, BEN, 99], [1, 2]) == {}


@pytest.mark.parametrize(("edition", "slug"), [(99, "vision"), (1, "language")])
async def test_what_is_ranked_in_general_no_more_is_left_out(shelf: Store, edition: int, slug: str) -> None:
    rankings = [Ranking(Topic(slug, slug), ())]
    await shelf.editions.freeze_personal({(ADA, 2): [Ranking(VISION, ())], (ADA, edition): rankings})
    assert set(await shelf.editions.personal([ADA, BEN], [1, 2, edition])) == {(ADA, 2)}


async def test_two_who_freeze_at_once_read_the_same(shelf: Store, url: str) -> None:
    async with await Store.open(url) as other:

        async def freeze(store: Store, paper: str) -> object:
            await store.editions.freeze_personal({(ADA, 1): [Ranking(VISION, (pick(paper),))]})
            return await store.editions.personal([ADA], [1])

        one, two = await asyncio.gather(freeze(shelf, "a"), freeze(other, "b"))
    assert one == two


async def test_many_readers(shelf: Store) -> None:
    await shelf.subscribers.add([Subscriber(f"reader{n}@example.org") for n in range(1100)])
    rows = {(reader, edition): [Ranking(VISION, (pick("a"),))] for reader in range(3, 1103) for edition in (1, 2)}
    await shelf.editions.freeze_personal(rows)
    assert (await shelf.editions.personal(range(1200), range(600))).keys() == rows.keys()
