"""What an edition took is shown again as it was: later records of a paper change nothing that a card says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsletter.model import Batch, Link, LinkKind, Listing, Paper, Verdict
from newsletter.store import Store

DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 12, 8, tzinfo=UTC)
PLAIN = Paper("title:a", "A title", "", keys=("title:a",), listings=(Listing(DAY, "page", 1),), first_seen=DAY)
RICHER = replace(
    PLAIN,
    abstract="An abstract that came later.",
    links=(Link(LinkKind.CODE, "https://github.com/example/a"),),
    keys=("title:a", "arxiv:2503.00001"),
    listings=(Listing(date(2025, 3, 13), "other", 2),),
    venue="ICLR",
    version=2,
    votes=99,
    ai_summary="A machine says so.",
    categories=("cs.CV",),
    institutions=("A university",),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path / 'newsletter.db'}") as opened:
        await opened.batches.remember(Batch("page", "one", DAY, (PLAIN,), Verdict.NEW, ""), NOW)
        yield opened


async def remembered(store: Store) -> Paper:
    await store.batches.remember(Batch("other", "two", DAY, (RICHER,), Verdict.NEW, ""), NOW)
    return (await store.papers.get(["title:a"]))["title:a"]


async def test_a_paper_is_completed_until_an_edition_takes_it(store: Store) -> None:
    found = await remembered(store)
    assert (found.abstract, found.venue, found.votes, found.links) == (RICHER.abstract, "ICLR", 99, RICHER.links)
    assert (found.categories, found.institutions) == (RICHER.categories, RICHER.institutions)


async def test_one_that_was_taken_gains_listings_and_keys_only(store: Store) -> None:
    await store.editions.freeze(DAY, ["title:a"], [], [])
    found = await remembered(store)
    assert replace(found, keys=PLAIN.keys, listings=PLAIN.listings) == PLAIN
    assert found.keys == ("title:a", "arxiv:2503.00001")
    assert len(found.listings) == 2
