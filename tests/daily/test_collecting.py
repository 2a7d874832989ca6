"""Sources asked: each on its own, none stopping the others, and only for what is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import databases
import pytest
from builders import paper

from newsletter.daily import Collected, Collecting
from newsletter.daily.collecting import answered
from newsletter.errors import SourceError, StoreError
from newsletter.model import Answered, Batch, Listing, Observation, Paper, Verdict
from newsletter.sources.base import Ask, Past, Source
from newsletter.store import Store

TODAY = date(2026, 8, 7)
NOW = datetime(2026, 8, 7, 9, tzinfo=UTC)


class Days:
    """A source with one paper a day, that fails on the days of `failing` as long as they are in there."""

    by_day = True

    def __init__(self, name: str = "days", failing: Sequence[date] = ()) -> None:
        self.name = name
        self.asked: list[Ask] = []
        self.failing = set(failing)

    async def collect(self, ask: Ask) -> list[Batch]:
        self.asked.append(ask)
        day = ask.day or ask.today
        if day in self.failing:
            raise SourceError(f"source {self.name}: no answer")
        one = paper(day.toordinal(), day=day, source=self.name)
        return [Batch(self.name, f"list {day}", day, (one,), Verdict.NEW, "one paper", kind="listing")]


class Failing:
    """A source of somebody else's, with a bug."""

    def __init__(self, error: Exception) -> None:
        self.name = "strange"
        self._error = error

    async def collect(self, ask: Ask) -> list[Batch]:
        raise self._error


class Knowing:
    """Knows how often papers are cited."""

    name = "citations"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def collect(self, ask: Ask) -> list[Batch]:
        return []

    async def enrich(self, papers: Sequence[Paper], ask: Ask) -> list[Batch]:
        self.asked.append([one.id for one in papers])
        seen = tuple(Observation(one.id, "citations", 5) for one in papers)
        notes = tuple(Paper(one.id, "", "", keys=one.keys, venue="Nature") for one in papers)
        return [Batch(self.name, "by id", None, (), Verdict.NEW, "5", kind="openalex", notes=notes, observations=seen)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as store:
        yield store


def collecting(store: Store, now: datetime = NOW, look_back: int = 7) -> Collecting:
    return Collecting(store, look_back, lambda: now, now.date, lambda step, done, total: None)


async def back_filled(
    store: Store, sources: Sequence[Source], since: date, *, hours: int = 1, again: bool = False
) -> list[Collected]:
    """A back-fill so many hours later."""
    now = NOW + timedelta(hours=hours)
    return [one async for one in collecting(store, now).back_fill(sources, since, TODAY, again=again)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SourceError("source strange: no answer; try later"), "no answer; try later"),
        (KeyError("paper"), "failed unexpectedly (KeyError: 'paper')"),
        (RuntimeError("two\nlines\x1b[31m"), "failed unexpectedly (RuntimeError: two lines [31m)"),
    ],
)
async def test_one_that_fails_does_not_stop_the_others(store: Store, error: Exception, said: str) -> None:
    collected = await collecting(store).collect([Days("a"), Failing(error), Days("b")])
    assert [(one.batch.source, one.batch.verdict) for one in collected] == [
        ("a", Verdict.NEW),
        ("strange", Verdict.BROKEN),
        ("b", Verdict.NEW),
    ]
    assert collected[1].batch.why == said
    assert [one.why for one in await store.batches.newest() if one.source == "strange"] == [said]


async def test_a_database_that_fails_stops_everything(store: Store) -> None:
    with pytest.raises(StoreError, match="full"):
        await collecting(store).collect([Failing(StoreError("the disk is full")), Days()])


async def test_a_source_learns_what_was_read_of_it(store: Store) -> None:
    source = Days()
    await collecting(store, NOW - timedelta(days=3)).collect([source])
    await collecting(store).collect([source])
    first, second = source.asked
    assert first.past == {}
    assert second.past == {"list": Past(date(2026, 8, 4), frozenset({date(2026, 8, 4)}))}
    assert (second.now, second.today, second.day, second.look_back) == (NOW, TODAY, None, 7)
    week = [date(2026, 8, 1) + timedelta(days=number) for number in range(7)]
    assert second.missed("list", week) == [date(2026, 8, 5), date(2026, 8, 6), date(2026, 8, 7)]
    assert second.missed("another", week) == first.missed("list", week) == []
    # After a long time away all that an edition could take is asked for, and nothing before.
    later = NOW + timedelta(days=20)
    await collecting(store, later).collect([source])
    days = [later.date() - timedelta(days=back) for back in range(30)]
    assert source.asked[-1].missed("list", days) == days[:7]


@pytest.mark.parametrize(
    "batch",
    [
        Batch("x", "list", TODAY, (Paper("title:1", "Lone \ud800", "", keys=("title:1",)),), Verdict.NEW, "one"),
        Batch("x", "list", "some day", (), Verdict.NEW, "one"),  # type: ignore[arg-type]  # as a stranger's may
        Batch("x", "list", TODAY, (), Verdict.NEW, None),  # type: ignore[arg-type]  # as above
        Batch("x", "list", TODAY, (), Verdict.NEW, "one", declared=10**30),
        "no batch at all",
        None,
    ],
)
async def test_an_answer_that_cannot_be_kept_stops_nobody(store: Store, batch: Batch) -> None:
    class Strange:
        name = "strange"

        async def collect(self, ask: Ask) -> list[Batch]:
            return [batch]

    collected = await collecting(store).collect([Days("a"), Strange(), Days("b")])
    assert [(one.batch.source, one.batch.verdict) for one in collected] == [
        ("a", Verdict.NEW),
        ("strange", Verdict.BROKEN),
        ("b", Verdict.NEW),
    ]
    assert collected[1].batch.why.isprintable()
    assert collected[1].batch.why


async def test_nobody_answers_in_anothers_name(store: Store) -> None:
    class Posing(Days):
        async def collect(self, ask: Ask) -> list[Batch]:
            return [replace(batch, source="arxiv") for batch in await super().collect(ask)]

    [one] = await collecting(store).collect([Posing("strange")])
    assert one.batch.source == "strange"


async def test_a_day_is_asked_for(store: Store) -> None:
    source = Days()
    [one] = await collecting(store).collect([source], date(2026, 5, 1))
    assert (one.batch.day, one.batch.asked, one.papers) == (date(2026, 5, 1), date(2026, 5, 1), 1)
    # What is asked for by hand says nothing of what is new.
    assert await store.batches.newest() == []


async def test_a_back_fill_goes_on_where_it_stopped(store: Store) -> None:
    since = TODAY - timedelta(days=9)
    source = Days(failing=[TODAY - timedelta(days=4)])
    batches = collecting(store).back_fill([source], since, TODAY)
    for _ in range(3):
        await anext(batches)
    await batches.aclose()
    assert [ask.day for ask in source.asked] == [TODAY - timedelta(days=back) for back in range(3)]
    rest = await back_filled(store, [source], since)
    assert [one.batch.asked for one in rest] == [TODAY - timedelta(days=back) for back in range(3, 10)]
    assert [one.batch.verdict for one in rest].count(Verdict.BROKEN) == 1
    source.failing.clear()
    mended = await back_filled(store, [source], since, hours=2)
    assert [one.batch.asked for one in mended] == [TODAY - timedelta(days=4)]
    assert await back_filled(store, [source], since) == []
    assert len(await back_filled(store, [source], since, again=True)) == 10
    assert await store.papers.count() == 10


async def test_a_back_fill_leaves_out_what_has_no_archive(store: Store) -> None:
    assert await back_filled(store, [Failing(ValueError("asked"))], TODAY) == []


async def test_papers_of_the_next_edition_are_completed(store: Store) -> None:
    knowing = Knowing()
    collected = await collecting(store).collect([knowing, Days(), Days("others")])
    assert [one.batch.source for one in collected] == ["days", "others", "citations"]
    [one] = await store.papers.find()
    assert (one.venue, dict(one.origins)["venue"]) == ("Nature", "openalex/citations")
    assert await store.papers.observed([one.id]) == {one.id: {"citations": 5}}
    await store.editions.freeze(TODAY, [one.id], [], [])
    await collecting(store).collect([knowing])
    assert knowing.asked == [[one.id]]


async def test_what_stands_in_the_footer(store: Store) -> None:
    await collecting(store).collect([Days("a"), Failing(ValueError("x")), Days("b")])
    listed = [one.source for known in await store.papers.find() for one in known.listings]
    newest = await store.batches.newest()
    there = (Answered("a", Verdict.NEW, 1), Answered("b", Verdict.NEW, 1))
    assert answered(newest, listed, ["a", "b", "strange"]) == (*there, Answered("strange", Verdict.BROKEN, 0))
    # What is not configured any more is told of as long as it has papers in there.
    assert answered(newest, listed, ["a"]) == there


async def test_cancelling_is_not_swallowed(store: Store) -> None:
    class Slow:
        name = "slow"

        async def collect(self, ask: Ask) -> list[Batch]:
            await asyncio.sleep(60)
            return []

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await collecting(store).collect([Slow()])


def test_listings_of_papers_name_their_source() -> None:
    assert paper(1, source="x").listings == (Listing(date(2025, 3, 12), "x", 1),)
