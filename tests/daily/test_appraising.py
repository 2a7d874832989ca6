"""The archive, examples and many topics, brought to the ranking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import databases
import numpy as np
import pytest
from builders import subscriber, topic
from salad import archive, salad

from newsletter.daily import Appraising, many
from newsletter.model import Batch, Edition, Listing, Opinion, Paper, Ranking, Topic, Verdict
from newsletter.ranking import Background, Candidates, background, extended, rank
from newsletter.ranking.records import of_record
from newsletter.store import Store
from newsletter.store.backgrounds import Backgrounds

MONDAY = date(2026, 3, 9)
THURSDAY = MONDAY + timedelta(3)
NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)
MARKETS = topic("markets", "auction", "bidder", name="Auctions", min_score=0.5)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as opened:
        yield opened


@pytest.fixture
def appraising(store: Store, tmp_path: Path) -> Appraising:
    return Appraising(store, Backgrounds(tmp_path / "archives"), archive_days=150)


async def remember(store: Store, papers: Sequence[Paper], day: date) -> tuple[str, ...]:
    listed = [replace(one, id=f"title:{one.id}", keys=(f"title:{one.id}",), first_seen=day) for one in papers]
    seen = tuple(replace(one, listings=(Listing(day, "x", at),)) for at, one in enumerate(listed, start=1))
    await store.batches.remember(Batch("x", str(day), day, seen, Verdict.NEW, "new"), NOW)
    return tuple(one.id for one in seen)


async def filled(store: Store, size: int = 260) -> Edition:
    """An archive of before Monday, eleven papers of Tuesday, and the edition of Thursday."""
    await remember(store, [one.paper for one in archive(size)], MONDAY - timedelta(7))
    await remember(store, [salad(number).paper for number in range(900, 911)], MONDAY + timedelta(1))
    ids = await remember(store, [salad(number).paper for number in range(1000, 1018)], THURSDAY)
    return Edition(0, THURSDAY, ids)


async def test_the_archive_is_of_the_days_before(store: Store, appraising: Appraising) -> None:
    edition = await filled(store)
    ground = (await appraising.candidates(edition)).background
    assert ground.size == 260 + 11
    assert not set(ground.rows) & set(edition.papers)
    assert not ground.known.borrowed


async def test_a_young_archive_borrows(store: Store, appraising: Appraising) -> None:
    edition = await filled(store, size=20)
    ground = (await appraising.candidates(edition)).background
    assert set(edition.papers) <= set(ground.rows)
    assert len(ground.own) == 20 + 11


async def test_a_counted_archive_is_found_again_and_ranks_alike(
    store: Store, appraising: Appraising, tmp_path: Path
) -> None:
    edition = await filled(store)
    first = await appraising.rank(edition, [MARKETS])
    [kept] = (tmp_path / "archives").iterdir()
    written = kept.stat().st_mtime_ns
    again = await Appraising(store, Backgrounds(tmp_path / "archives"), 150).rank(edition, [MARKETS])
    assert again == first
    assert first[0].picks
    assert kept.stat().st_mtime_ns == written, "it was read, not counted again"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nonsense", None])
async def test_a_damaged_file_loses_nothing_but_time(
    store: Store, appraising: Appraising, tmp_path: Path, damage: bytes | None
) -> None:
    edition = await filled(store)
    first = await appraising.rank(edition, [MARKETS])
    [kept] = (tmp_path / "archives").iterdir()
    kept.write_bytes(kept.read_bytes()[:5000] if damage is None else damage)
    assert await Appraising(store, Backgrounds(tmp_path / "archives"), 150).rank(edition, [MARKETS]) == first


async def test_a_folder_that_cannot_be_written_is_no_trouble(store: Store, tmp_path: Path) -> None:
    edition = await filled(store)
    (tmp_path / "archives").write_text("a file where the folder should be")
    assert (await Appraising(store, Backgrounds(tmp_path / "archives"), 150).rank(edition, [MARKETS]))[0].picks


async def test_one_paper_completed_makes_another_archive(store: Store) -> None:
    await filled(store)
    span = (MONDAY - timedelta(150), MONDAY)
    before = await store.papers.archive_key(*span)
    assert before == await store.papers.archive_key(*span)
    await remember(store, [replace(salad(5000).paper, abstract="")], MONDAY - timedelta(2))
    empty = await store.papers.archive_key(*span)
    await remember(store, [salad(5000).paper], MONDAY - timedelta(1))
    assert len({before, empty, await store.papers.archive_key(*span)}) == 3


def test_an_extended_archive_counts_as_one_of_all() -> None:
    papers = archive(300)
    late = papers[250:]
    whole, grown = background(papers), Background(extended(background(papers[:250]).known, late))
    assert set(grown.rows) == set(whole.rows)
    shared = sorted(set(whole.vocabulary) & set(grown.vocabulary))
    stems = [term for term in shared if " " not in term]
    for term in stems[::7]:
        assert whole.frequency[whole.vocabulary[term]] == grown.frequency[grown.vocabulary[term]]
    day = [salad(number) for number in range(1000, 1018)]
    one, other = (rank(Candidates(day, ground), [MARKETS])[0] for ground in (whole, grown))
    assert [pick.paper for pick in one.picks][:3] == [pick.paper for pick in other.picks][:3]
    assert np.allclose([pick.score for pick in one.picks][:3], [pick.score for pick in other.picks][:3], atol=0.3)
    assert extended(grown.known, late) is grown.known


async def examples_of(appraising: Appraising, edition: Edition, *examples: str) -> Ranking:
    one = topic("x", name="Whatever", examples=examples, min_score=-1.0)
    return (await appraising.rank(edition, [replace(one, min_score=0.0)]))[0]


async def test_examples_count_from_the_first_day_by_id_and_by_title(store: Store, appraising: Appraising) -> None:
    edition = await filled(store)
    known = next(one for one in archive(260) if one.paper.categories[0] == "econ.TH")
    markets = {f"title:{salad(n).id}" for n in range(1000, 1018) if salad(n).paper.categories[0] == "econ.TH"}
    assert (await examples_of(appraising, edition)).picks == ()
    by_id = await examples_of(appraising, edition, f"title:{known.id}")
    assert {pick.paper for pick in by_id.picks[: len(markets)]} == markets
    assert any(name == "learned" for name, _ in by_id.picks[0].parts)
    by_title = await examples_of(appraising, edition, "An auction with one bidder and a lottery of contracts")
    assert by_title.picks[0].paper in markets


async def test_an_example_that_nobody_knows_by_its_id_counts_nothing(store: Store, appraising: Appraising) -> None:
    edition = await filled(store)
    assert (await examples_of(appraising, edition, "2501.99999")).picks == ()


async def test_excluded_words_and_followed_authors_hold_in_the_pipeline(store: Store, appraising: Appraising) -> None:
    edition = await filled(store)
    one = replace(MARKETS, authors=("Ada Bello",), exclude=("protein",))
    [found, _] = await appraising.rank(edition, [one])
    papers = await appraising.papers(edition.papers, edition.day)
    followed = {number for number, paper in papers.items() if "Ada Bello" in paper.authors}
    out = {number for number, paper in papers.items() if "protein" in f"{paper.title} {paper.abstract}".split()}
    assert followed - out <= {pick.paper for pick in found.picks}
    assert not out & {pick.paper for pick in found.picks}


@pytest.mark.slow
def test_many_topics_on_all_cores_rank_as_on_one() -> None:
    words = "auction bidder galaxy protein camera token gripper welfare folding".split()
    topics: list[Topic] = [
        topic(f"t{number}", words[number % 9], words[(number // 9) % 9], min_score=1.0) for number in range(many.MANY)
    ]
    candidates = Candidates([salad(number) for number in range(1000, 1040)], background(archive(220)))
    ranked = rank(candidates, topics)
    assert many.rank(candidates, topics, {}, ()) == ranked
    assert [of_record(one) for one in many.Spool(many.records(candidates, topics, {}, ()))] == ranked


def test_records_are_those_of_the_rankings() -> None:
    candidates = Candidates([salad(number) for number in range(1000, 1040)], background(archive(220)))
    spool = many.Spool(many.records(candidates, [MARKETS], {}, ()))
    for _ in range(2):
        assert [of_record(one) for one in spool] == rank(candidates, [MARKETS])


async def test_readers_together_are_ranked_as_each_alone(store: Store, appraising: Appraising) -> None:
    """To the last bit: a reader's digest must not depend on who else asks."""
    edition = await filled(store)
    space = topic("space", "galaxy", "quasar", name="Space", min_score=0.5)
    common = {one.slug: one for one in await appraising.rank(edition, [MARKETS, space])}
    await store.subscribers.add([subscriber(f"reader{n}@example.org", "markets", "space") for n in range(7)], NOW)
    readers = [one for one in await store.subscribers.all() if one.id]
    archived = [f"title:{one.id}" for one in archive(260)]
    for reader in readers:
        for number in range(reader.id % 4):
            opinion = list(Opinion)[(reader.id + number) % 2]
            await store.feedback.record(reader.id, "markets", archived[7 * reader.id + number], opinion, NOW)
            await store.feedback.record(reader.id, "space", archived[5 * reader.id + 3 * number], opinion, NOW)
    later = replace(edition, day=THURSDAY + timedelta(1))
    together = await appraising.personal(later, common, readers)
    alone: dict[int, list[Ranking]] = {}
    for reader in readers:
        alone |= await appraising.personal(later, common, [reader])
    assert together == alone
    assert len({repr(own) for own in together.values()}) > 2
