"""Batches and papers: what a source brought, joined to what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.model import Batch, Link, LinkKind, Listing, Paper, Problem, Verdict
from newsletter.store import Store

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = date(2025, 3, 11)


def paper(
    *keys: str,
    title: str = "A title",
    listed: tuple[Listing, ...] = (),
    abstract: str = "",
    authors: tuple[str, ...] = (),
) -> Paper:
    return Paper(keys[0], title, abstract, authors, listings=listed, keys=keys)


def on(day: int, rank: int, source: str = "seeds") -> tuple[Listing, ...]:
    return (Listing(date(2025, 3, day), source, rank),)


def batch(*papers: Paper, verdict: Verdict = Verdict.NEW) -> Batch:
    return Batch("seeds", "2025-03-11.txt", DAY, papers, verdict, f"{len(papers)} papers")


async def remember(store: Store, *papers: Paper) -> int:
    return (await store.batches.remember(batch(*papers), NOW))[1]


async def everything(store: Store) -> dict[str, Paper]:
    return {paper.id: paper for paper in await store.papers.find()}


async def test_a_paper_comes_back_as_it_went_in(store: Store) -> None:
    whole = Paper(
        "arxiv:2503.01234",
        r"\textbf{Mamba} – a title 🐍",
        "An abstract\nof two lines, with \"quotes\" and 'more'; DROP TABLE papers; --",
        ("Ada Lovelace", "Émilie du Châtelet"),
        (Link(LinkKind.CODE, "https://example.org/code"), Link(LinkKind.ABSTRACT, "https://arxiv.org/abs/2503.01234")),
        (Listing(DAY, "hugging", 4), Listing(DAY, "seeds", 3)),
        ("arxiv:2503.01234", "doi:10.1000/x", "title:mamba"),
        DAY,
        venue="NeurIPS 2025 – “spotlight”",
        published=date(2025, 3, 3),
        version=2,
        votes=0,
        ai_summary="It sees\nmore. 🐍",
        thumbnail="https://example.org/a.png?x=1&y=2",
        categories=("cs.CV", "cond-mat.mes-hall"),
        institutions=("Universität “Zürich”", "東京大学"),
    )
    assert await store.batches.remember(batch(whole), NOW) == (batch(whole), 1)
    assert await store.papers.get([whole.id]) == {whole.id: whole}
    assert await store.papers.count() == 1


async def test_get_keeps_the_order_asked_for_and_leaves_out_the_unknown(store: Store) -> None:
    await remember(store, *(paper(f"arxiv:{n}") for n in range(1200)))
    wanted = [f"arxiv:{n}" for n in range(1300, -1, -1)]
    assert list(await store.papers.get(wanted)) == wanted[101:]
    assert await store.papers.get([]) == {}


async def test_first_seen_is_the_first_listing(store: Store) -> None:
    await remember(store, paper("arxiv:1", listed=on(12, 1) + on(11, 5)))
    assert (await everything(store))["arxiv:1"].first_seen == DAY
    await remember(store, replace(paper("arxiv:1", listed=on(9, 2)), first_seen=date(2025, 3, 10)))
    known = (await everything(store))["arxiv:1"]
    assert known.first_seen == date(2025, 3, 9)
    assert [listing.day.day for listing in known.listings] == [9, 11, 12]


async def test_gaps_are_filled_and_nothing_is_lost(store: Store) -> None:
    poor = paper("title:x", title="X", listed=on(11, 2))
    rich = replace(
        paper("arxiv:1", "title:x", title="x!", listed=on(12, 1, "arxiv"), abstract="Abstract.", authors=("Ada",)),
        links=(Link(LinkKind.PDF, "https://arxiv.org/pdf/1"),),
    )
    assert await remember(store, poor) == 1
    assert await remember(store, rich) == 0
    known = await everything(store)
    assert known == {
        "title:x": Paper(
            "title:x",
            "X",
            "Abstract.",
            ("Ada",),
            rich.links,
            (*on(11, 2), *on(12, 1, "arxiv")),
            ("title:x", "arxiv:1"),
            DAY,
        )
    }
    # The better key leads to the same paper from now on, and the id stays.
    assert await remember(store, paper("arxiv:1", "doi:10.1/x", title="Renamed")) == 0
    assert (await everything(store))["title:x"].keys == ("title:x", "arxiv:1", "doi:10.1/x")
    assert (await everything(store))["title:x"].title == "X"


async def test_what_only_some_sources_know_is_filled_in_and_stays(store: Store) -> None:
    def detailed(number: int) -> Paper:
        return replace(
            paper("arxiv:1"),
            venue=f"ICLR {number}",
            published=date(2025, 3, number),
            version=number,
            votes=number,
            ai_summary=f"It is {number} times as fast.",
            thumbnail=f"https://example.org/{number}.png",
            categories=("cs.CV", f"cs.{number}"),
            institutions=(f"Institute {number}",),
        )

    await remember(store, paper("arxiv:1"))
    await remember(store, detailed(2))
    filled = (await everything(store))["arxiv:1"]
    assert filled == detailed(2)
    await remember(store, detailed(3), paper("arxiv:1"))
    assert (await everything(store))["arxiv:1"] == filled


async def test_the_order_of_the_records_does_not_lose_the_title_only_one(store: Store) -> None:
    await remember(store, paper("arxiv:1", "title:x", listed=on(12, 1)))
    assert await remember(store, paper("title:x", listed=on(11, 2))) == 0
    assert (await everything(store))["arxiv:1"].listings == on(11, 2) + on(12, 1)


@pytest.mark.parametrize("kind", ["arxiv", "doi"])
async def test_two_papers_may_share_a_title(store: Store, kind: str) -> None:
    first, second = paper(f"{kind}:1", "title:x", abstract="One"), paper(f"{kind}:2", "title:x", abstract="Two")
    assert await remember(store, first) == 1
    assert await remember(store, second) == 1
    known = await everything(store)
    assert {paper.abstract: paper.keys for paper in known.values()} == {
        "One": (f"{kind}:1", "title:x"),
        "Two": (f"{kind}:2",),
    }
    # The title stays with the first.
    assert await remember(store, paper("title:x", listed=on(11, 1))) == 0
    assert (await everything(store))[f"{kind}:1"].listings == on(11, 1)


async def test_a_twin_of_a_paper_that_goes_by_its_title(store: Store) -> None:
    await remember(store, paper("title:x"))
    await remember(store, paper("arxiv:1", "title:x"))
    twin = replace(paper("title:x", "arxiv:2"), abstract="another")
    assert await remember(store, twin) == 1
    known = await everything(store)
    assert {paper.id: paper.keys for paper in known.values()} == {
        "title:x": ("title:x", "arxiv:1"),
        "arxiv:2": ("arxiv:2",),
    }


async def test_one_arxiv_id_is_one_paper_whatever_else_differs(store: Store) -> None:
    await remember(store, paper("arxiv:1", "doi:10.1/a", "title:x"))
    assert await remember(store, paper("arxiv:1", "doi:10.1/b", "title:y")) == 0
    assert (await everything(store))["arxiv:1"].keys == ("arxiv:1", "doi:10.1/a", "title:x", "doi:10.1/b", "title:y")


async def test_the_first_key_that_is_known_decides(store: Store) -> None:
    await remember(store, paper("arxiv:1"), paper("title:x"))
    assert await remember(store, paper("arxiv:1", "title:x", abstract="mine")) == 0
    known = await everything(store)
    assert (known["arxiv:1"].abstract, known["title:x"].abstract) == ("mine", "")
    assert (known["arxiv:1"].keys, known["title:x"].keys) == (("arxiv:1",), ("title:x",))


async def test_an_id_that_is_not_among_the_keys_counts_too(store: Store) -> None:
    bare = Paper("arxiv:1", "A title", "")
    assert await remember(store, bare) == 1
    assert await remember(store, bare) == 0
    assert (await everything(store))["arxiv:1"].keys == ("arxiv:1",)


async def test_a_paper_twice_in_one_batch(store: Store) -> None:
    again = paper("arxiv:1", "title:x", abstract="Abstract", listed=on(11, 9, "hugging"))
    assert await remember(store, paper("title:x", listed=on(11, 1)), again) == 1
    known = (await everything(store))["title:x"]
    assert (known.abstract, known.listings) == ("Abstract", on(11, 9, "hugging") + on(11, 1))


async def test_the_first_rank_of_a_day_is_kept(store: Store) -> None:
    await remember(store, paper("arxiv:1", listed=on(11, 5)))
    await remember(store, paper("arxiv:1", listed=on(11, 1)))
    await remember(store, paper("arxiv:2", listed=on(11, 7) + on(11, 2)))
    known = await everything(store)
    assert (known["arxiv:1"].listings, known["arxiv:2"].listings) == (on(11, 5), on(11, 7))


async def test_a_batch_that_brings_nothing_is_the_same(store: Store) -> None:
    papers = paper("arxiv:1", listed=on(11, 1)), paper("arxiv:2", listed=on(11, 2))
    assert (await store.batches.remember(batch(*papers), NOW))[0].verdict is Verdict.NEW
    again, new = await store.batches.remember(batch(*papers), NOW)
    assert (again.verdict, new, again.papers) == (Verdict.SAME, 0, papers)
    assert "2" in again.why
    assert "known already" in again.why
    # A listing on another day is news; a partial batch stays partial.
    relisted = paper("arxiv:1", listed=on(12, 1))
    assert (await store.batches.remember(batch(relisted), NOW))[0].verdict is Verdict.NEW
    partial = batch(relisted, verdict=Verdict.PARTIAL)
    assert await store.batches.remember(partial, NOW) == (partial, 0)


async def test_the_latest_batches(store: Store) -> None:
    broken = Batch(
        "hugging", "page", None, (), Verdict.BROKEN, "Nothing could be read.", problems=(Problem("page", 3, "why"),)
    )
    await store.batches.remember(replace(batch(paper("arxiv:1")), curators="AK"), NOW)
    await store.batches.remember(broken, NOW + timedelta(hours=1))
    newest, first = await store.batches.latest()
    assert (first.source, first.document, first.day, first.papers, first.new) == ("seeds", "2025-03-11.txt", DAY, 1, 1)
    assert (first.curators, first.verdict, first.collected_at, first.problems) == ("AK", Verdict.NEW, NOW, ())
    assert (newest.verdict, newest.day, newest.why) == (Verdict.BROKEN, None, "Nothing could be read.")
    assert newest.problems == broken.problems
    assert await store.batches.latest(1) == [newest]


async def test_a_batch_is_remembered_whole_or_not_at_all(store: Store) -> None:
    spoilt = paper("arxiv:2", listed=(Listing("no day", "seeds", 1),))  # type: ignore[arg-type] # the last statement fails
    with pytest.raises(Exception, match="date"):
        await store.batches.remember(batch(paper("arxiv:1"), spoilt), NOW)
    assert await store.papers.count() == 0
    assert await store.batches.latest() == []


async def test_page_order(store: Store) -> None:
    await remember(
        store,
        paper("arxiv:old", listed=on(10, 1)),
        paper("arxiv:third", listed=on(12, 3)),
        paper("arxiv:first", listed=on(12, 1) + on(11, 50)),
        paper("arxiv:b-second", listed=on(12, 2, "zeta") + on(12, 9, "alpha")),
        paper("arxiv:a-second", listed=on(12, 2)),
        paper("arxiv:never"),
    )
    order = ["arxiv:first", "arxiv:a-second", "arxiv:b-second", "arxiv:third", "arxiv:old", "arxiv:never"]
    assert list(await everything(store)) == order
    assert [paper.id for paper in await store.papers.find(day=date(2025, 3, 11))] == ["arxiv:first"]
    assert [paper.id for paper in await store.papers.find(day=date(2025, 3, 12))] == order[:4]
    assert await store.papers.find(day=date(2025, 3, 1)) == []
    assert await store.papers.newest_day() == date(2025, 3, 12)


async def test_an_empty_archive(store: Store) -> None:
    assert await store.papers.newest_day() is None
    assert await store.papers.find() == []
    assert await store.papers.count() == 0
    assert await store.batches.latest() == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("mamba", 1),
        ("MAMBA state", 1),
        ("mamba vision", 0),
        ("ÉMILIE", 1),
        ("e\u0301milie", 1),
        ("strasse", 1),
        ("100% of_it", 1),
        ("%", 1),
        ("", 2),
        ("  ", 2),
    ],
)
async def test_search(store: Store, search: str, found: int) -> None:
    await remember(
        store,
        paper(
            "arxiv:1", title="Mamba", abstract="A state space model", authors=("Émilie du Châtelet",), listed=on(11, 1)
        ),
        paper("arxiv:2", title="Vision", abstract="Die Straße, 100% of_it", listed=on(12, 1)),
    )
    assert len(await store.papers.find(search=search)) == found


async def test_search_on_a_day(store: Store) -> None:
    await remember(
        store, paper("arxiv:1", title="Mamba", listed=on(11, 1)), paper("arxiv:2", title="Mamba", listed=on(12, 1))
    )
    assert [paper.id for paper in await store.papers.find(day=DAY, search="mamba")] == ["arxiv:1"]


async def test_untaken_papers(store: Store) -> None:
    await remember(
        store,
        paper("arxiv:before", listed=on(8, 1)),
        paper("arxiv:edge", listed=on(9, 1)),
        paper("arxiv:low", listed=on(11, 9)),
        paper("arxiv:relisted", listed=on(10, 5) + on(11, 2) + on(13, 1)),
        paper("arxiv:taken", listed=on(11, 1)),
        paper("arxiv:later", listed=on(12, 1)),
    )
    await store.editions.freeze(date(2025, 3, 10), ["arxiv:taken"], [], [])
    found = await store.papers.untaken(date(2025, 3, 8), DAY)
    assert [paper.id for paper in found] == ["arxiv:relisted", "arxiv:low", "arxiv:edge"]
    assert len(found[0].listings) == 3  # whole papers, not only what the window shows
    # What is listed after the window does not move a paper up in it.
    earlier = await store.papers.untaken(date(2025, 3, 8), date(2025, 3, 10))
    assert [paper.id for paper in earlier] == ["arxiv:relisted", "arxiv:edge"]
