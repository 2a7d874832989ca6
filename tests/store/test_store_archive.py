"""The archive that rankings compare with, and finding the paper that somebody means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from newsletter.model import Batch, Listing, Paper, Verdict
from newsletter.store import Store
from newsletter.text import fingerprint, identity_keys

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)


def on(day: int) -> date:
    return date(2025, 3, day)


def paper(name: str, day: int | None = None) -> Paper:
    listings = (Listing(on(day), "page", 1),) if day else ()
    return Paper(name, name.upper(), f"About {name}.", listings=listings, keys=(name,))


def titled(title: str, arxiv: str = "", doi: str = "", day: int = 1) -> Paper:
    keys = identity_keys(title, arxiv, doi)
    return Paper(keys[0], title, "", keys=keys, listings=(Listing(on(day), "page", 1),))


async def remember(store: Store, *papers: Paper) -> None:
    await store.batches.remember(Batch("page", "page", None, papers, Verdict.NEW, ""), NOW)


async def ids(store: Store, after: int, before: int) -> list[str]:
    return [one.id for one in await store.papers.archive(on(after), on(before))]


async def test_the_archive_of_a_day(store: Store) -> None:
    await remember(
        store,
        paper("z-taken-early", 3),
        paper("taken-late", 4),
        paper("y-never-taken", 6),
        paper("taken-on-the-day", 7),
        paper("before", 4),
        paper("on-the-day", 8),
        paper("never-listed"),
    )
    await store.editions.freeze(on(4), ["z-taken-early"], [], [])
    await store.editions.freeze(on(5), ["taken-late"], [], [])
    await store.editions.freeze(on(8), ["taken-on-the-day", "on-the-day"], [], [])
    # By the day of the edition where there is one, by that of the first sight otherwise; the last day is left out.
    assert await ids(store, 5, 8) == ["taken-late", "taken-on-the-day", "y-never-taken"]
    assert await ids(store, 4, 9) == [
        "before",
        "on-the-day",
        "taken-late",
        "taken-on-the-day",
        "y-never-taken",
        "z-taken-early",
    ]
    assert await ids(store, 8, 8) == await ids(store, 9, 5) == []


async def test_freezing_the_day_does_not_change_its_archive(store: Store) -> None:
    """What is ranked for an edition later sees what its first rankings saw."""
    await remember(store, paper("late", 6), paper("today", 8), paper("other", 5))
    before = await store.papers.archive(on(1), on(8))
    assert [one.id for one in before] == ["late", "other"]
    await store.editions.freeze(on(8), ["late", "today"], [], [])
    assert await store.papers.archive(on(1), on(8)) == before


async def test_the_archive_holds_whole_papers(store: Store) -> None:
    many = [replace(paper(f"p{n:04d}", 6), authors=("Ada",), categories=("cs.CV",)) for n in range(1200)]
    await remember(store, *many)
    await store.editions.freeze(on(6), [one.id for one in many[::2]], [], [])
    found = await store.papers.archive(on(6), on(7))
    assert found == [replace(one, first_seen=on(6)) for one in many]


NERF = titled("NeRF: Representing Scenes as Neural Radiance Fields", "2003.08934", "10.1145/3503250", day=2)
MAMBA = titled(r"\textbf{Mamba}: Linear-Time $O(N)$ Modeling", "2312.00752", day=3)
OLD = titled("On the Monopole", "math/0309136", day=1)
BARE = titled("Scenes without an identifier", day=4)
ACCENTS = titled("Étude der Straße im Raum", "2501.00001", day=5)


@pytest.fixture
async def library(store: Store) -> Store:
    await remember(store, NERF, MAMBA, OLD, BARE, ACCENTS)
    return store


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("arxiv:2003.08934", NERF),
        ("2003.08934", NERF),
        (" arXiv:2003.08934v2 \n", NERF),
        ("https://arxiv.org/pdf/2003.08934v1", NERF),
        ("10.1145/3503250", NERF),
        ("https://doi.org/10.1145/3503250", NERF),
        ("doi:10.1145/3503250.", NERF),
        ("10.48550/arXiv.2312.00752", MAMBA),
        ("math.GT/0309136", OLD),
        (BARE.id, BARE),
        (BARE.id.upper(), BARE),
        ("nerf - representing scenes as neural radiance FIELDS!", NERF),
        (MAMBA.title, MAMBA),
        ("Mamba: Linear-Time O(N) Modeling", MAMBA),
        ("textbf", None),
        ("radiance nerf", NERF),
        ("strasse ÉTUDE", ACCENTS),
        ("identifier", BARE),
        ("2003.08935", None),
        ("no such words", None),
        ("%", None),
        ("title:", None),
        ("", None),
        ("  \n ", None),
        ("\x00", None),
        ("\udcff", None),
        ("2003.08934" * 10_000, None),
    ],
)
async def test_the_paper_somebody_means(library: Store, words: str, wanted: Paper | None) -> None:
    assert [one.id for one in await library.papers.resolve(words)] == ([wanted.id] if wanted else [])


async def test_words_that_several_titles_hold(library: Store) -> None:
    await remember(
        library, titled("A scene", day=1), titled("Scene graphs", day=9), titled("Scene graphs, again", day=9)
    )
    found = [one.title for one in await library.papers.resolve("scene")]
    same_day = sorted(["Scene graphs", "Scene graphs, again"], key=fingerprint)
    assert found == [*same_day, BARE.title, NERF.title, "A scene"]
    assert [one.title for one in await library.papers.resolve("Scene Graphs")] == ["Scene graphs"]


async def test_two_papers_of_one_title_are_both_meant(library: Store) -> None:
    await remember(library, titled("Attention", "1706.00001", day=6))
    await remember(library, titled("Attention.", "1807.00002", day=7), titled("Attention to scenes", day=8))
    found = await library.papers.resolve("attention")
    assert [one.id for one in found] == ["arxiv:1706.00001", "arxiv:1807.00002"]
    assert [one.id for one in await library.papers.resolve("1807.00002")] == ["arxiv:1807.00002"]


async def test_at_most_twenty(store: Store) -> None:
    await remember(store, *(titled(f"Scene {n}", day=n) for n in range(1, 29)))
    found = await store.papers.resolve("scene")
    assert [one.title for one in found] == [f"Scene {n}" for n in range(28, 8, -1)]
