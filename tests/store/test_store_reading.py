"""What the pages ask the store: papers by words and identities, days, and whether anything is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import paper

from newsletter.model import Batch, Observation, Paper, Pick, Ranking, Topic, Verdict
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAYS = [date(2025, 3, day) for day in (10, 11, 12)]


async def remember(
    store: Store, *papers: Paper, observations: tuple[Observation, ...] = (), at: datetime = NOW
) -> None:
    brought = Batch("page", "page", DAYS[-1], papers, Verdict.NEW, "new", observations=observations)
    await store.batches.remember(brought, at)


async def found(store: Store, words: str, limit: int = 100) -> list[str]:
    return [one.title for one in await store.papers.search(words, limit)]


async def test_every_word_must_be_there_wherever_it_stands(store: Store) -> None:
    await remember(
        store,
        replace(paper(1, "Maps of Brains", "We draw them."), authors=("Émilie du Châtelet",)),
        paper(2, "Maps of Towns", "Brains drew them."),
        paper(3, "ÜBER GRÖSSE", "东京大学"),
    )
    assert await found(store, "maps BRAINS") == ["Maps of Brains", "Maps of Towns"]
    assert await found(store, "châtelet") == ["Maps of Brains"]
    assert await found(store, "ÉMILIE maps") == ["Maps of Brains"]
    assert await found(store, "größe") == ["ÜBER GRÖSSE"]
    assert await found(store, "über grösse") == ["ÜBER GRÖSSE"]
    assert await found(store, "东京") == ["ÜBER GRÖSSE"]
    assert await found(store, "maps rivers") == []
    assert await found(store, "") == await found(store, " \n ") == []


@pytest.mark.parametrize("sign", ["%", "_", "/", "\\", "'", '"', "[", "*", "?", ";--"])
async def test_signs_stand_for_themselves(store: Store, sign: str) -> None:
    await remember(store, paper(1, f"With {sign} in it", "a"), paper(2, "Without", "b"))
    assert await found(store, sign) == [f"With {sign} in it"]
    assert await found(store, f"w{sign}t") == []


async def test_no_escape_of_json_is_found_in_names(store: Store) -> None:
    await remember(store, replace(paper(1), authors=("Émilie",)))
    assert await found(store, "u00c9") == []


async def test_a_search_shows_the_newest_first_and_no_more_than_asked_for(store: Store) -> None:
    for number in range(6):
        day = DAYS[0] + timedelta(days=number % 3)
        await remember(store, replace(paper(number, f"Map {number}", day=day), first_seen=day))
    assert await found(store, "map", 4) == ["Map 2", "Map 5", "Map 1", "Map 4"]
    assert len(await found(store, " ".join(f"{letter}" for letter in "map" * 2_000))) == 6


async def test_a_paper_is_known_by_its_identities_but_not_by_its_title(store: Store) -> None:
    whole = Paper("arxiv:2503.01234", "Maps", "", keys=("arxiv:2503.01234", "doi:10.1000/x"))
    fed = Paper("url:https://Example.org/A?b", "Fed", "", keys=("url:https://Example.org/A?b",))
    await remember(store, whole, fed)
    for words in ("2503.01234", "arXiv:2503.01234v2", "https://arxiv.org/abs/2503.01234", "10.1000/X", "doi:10.1000/x"):
        assert (await store.papers.identified(words)).id == whole.id  # type: ignore[union-attr]  # that is the test
    assert (await store.papers.identified(fed.id)).title == "Fed"  # type: ignore[union-attr]  # that is the test
    for words in ("Maps", "", "\x00", "2503.99999", "url:https://example.org"):
        assert await store.papers.identified(words) is None


async def test_numbers_are_the_last_that_each_source_told(store: Store) -> None:
    one = paper(1)
    for hours, votes in ((0, 3), (2, 5), (1, 4)):
        at = NOW + timedelta(hours=hours)
        await remember(store, one, observations=(Observation(one.id, "votes", votes),), at=at)
    await remember(store, one, observations=(Observation(one.id, "comments", 7),))
    said = [(number.what, number.value, source, at) for number, source, at in await store.papers.numbers(one.id)]
    assert said == [("comments", 7, "page", NOW), ("votes", 5, "page", NOW + timedelta(hours=2))]
    assert await store.papers.numbers("nothing") == []


async def test_days_and_the_rankings_of_a_topic(store: Store) -> None:
    assert await store.editions.newest(DAYS[-1]) is None
    assert await store.editions.taken_on("nothing") is None
    topic = Topic("maps", "Maps")
    for number, day in enumerate(DAYS):
        one = paper(number)
        await remember(store, one)
        rankings = [Ranking(topic, (Pick(one.id, "maps", 1.0, (), ()),))] if number != 1 else []
        await store.editions.freeze(day, [one.id], [], rankings)
        assert await store.editions.taken_on(one.id) == day
    for day in DAYS:
        newest = await store.editions.newest(day)
        assert newest is not None
        assert (newest.day, len(newest.papers)) == (day, 1)
    assert await store.editions.newest(date(2025, 3, 9)) is None

    async def ranked(until: date, limit: int) -> list[date]:
        return [day for day, ranking in await store.editions.ranked("maps", until, limit) if ranking.topic == topic]

    assert await ranked(DAYS[2], 10) == [DAYS[2], DAYS[0]]
    assert await ranked(DAYS[2], 1) == [DAYS[2]]
    assert await ranked(DAYS[1], 10) == [DAYS[0]]
    assert await store.editions.ranked("nothing", DAYS[2], 10) == []


async def test_the_state_changes_with_whatever_pages_show(store: Store) -> None:
    seen = [await store.editions.state()]
    assert await store.editions.state() == seen[0]
    await remember(store, paper(1))
    seen.append(await store.editions.state())
    edition = await store.editions.freeze(DAYS[0], [paper(1).id], [], [])
    seen.append(await store.editions.state())
    await store.editions.add_rankings(edition.id, [Ranking(Topic("maps", "Maps"), ())])
    seen.append(await store.editions.state())
    assert len(set(seen)) == 4
