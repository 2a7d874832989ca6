"""The archive that scores are measured against."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st
from salad import SIZE, adds_up, archive, ground, picked, readable, salad, scored, scores, topic_file

from newsletter.ranking import Background, Candidates, background, rank
from newsletter.ranking.archive import IMAGINED

DAY = [salad(number) for number in range(1000, 1018)]
AUCTIONS = topic("x", "auction", "bidder", name="Auctions", description="Equilibrium and pricing in markets.")


@pytest.mark.parametrize("size", [0, 1, 2, 10, IMAGINED - 1, IMAGINED, SIZE])
def test_an_archive_of_any_size_will_do(size: int) -> None:
    against = background(archive(size), DAY)
    for one in topic_file():
        adds_up(scored(DAY, one, against=against))
    found = scored(DAY, AUCTIONS, against=against)
    best = found.candidates.papers[found.order[0]]
    assert best.paper.categories[0] == "econ.TH"


def test_a_young_archive_takes_the_papers_of_the_day_in_and_an_old_one_does_not() -> None:
    assert background(archive(IMAGINED - 1), DAY).size == IMAGINED - 1 + len(DAY)
    assert background(archive(IMAGINED), DAY).size == IMAGINED
    assert background([]).size == 0
    assert background([], DAY).size == len(DAY)


def test_trust_grows_with_the_archive() -> None:
    trusts = [background(archive(size)).trust for size in (0, 1, 10, 100, SIZE)]
    assert trusts == sorted(trusts)
    assert trusts[0] == 0 < trusts[-1] < 1


def same(one: Background, other: Background) -> None:
    assert [paper.id for paper in one.known.papers] == [paper.id for paper in other.known.papers]
    assert one.names == other.names
    for matrix in ("saturated", "vectors"):
        this, that = getattr(one, matrix), getattr(other, matrix)
        assert (this.indptr == that.indptr).all()
        assert (this.indices == that.indices).all()
        assert (this.data == that.data).all()


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_archive_does_not_matter(order: random.Random) -> None:
    papers = list(archive(60))
    order.shuffle(papers)
    same(background(papers), background(archive(60)))


def test_papers_of_the_same_id_count_once_and_the_first_of_them_counts() -> None:
    again = replace(archive()[3], title="Another wording", abstract="Altogether.")
    same(background([*archive(), again, *archive()]), ground())
    same(background(archive(5), [again, archive(5)[1]]), background(archive(5)))


@pytest.mark.parametrize("size", [2, 30, 400])
def test_with_an_archive_a_score_means_the_same_on_a_day_of_any_size(size: int) -> None:
    alone, others = salad(1005), [salad(number) for number in range(2000, 2000 + size - 1)]
    for one in topic_file():
        assert scores(scored([alone], one))[alone.id] == scores(scored([*others, alone], one))[alone.id]


def test_a_paper_of_the_archive_can_be_ranked_and_is_no_link_of_its_own() -> None:
    known = [archive()[number] for number in (5, 11, 12)]
    candidates = Candidates(known, ground())
    links = candidates.links
    for row, number in enumerate((5, 11, 12)):
        place = ground().rows[archive()[number].id]
        assert links.neighbours[row, place] == 0
        assert links.authors[row, place] == 0
        assert links.neighbours[row].nnz > 0
    found = scored(known, AUCTIONS)
    adds_up(found)
    assert picked(found) == [archive()[5].id, archive()[11].id] or picked(found) == [archive()[11].id, archive()[5].id]


def test_what_an_archive_of_copies_of_the_paper_says_is_finite() -> None:
    copies = [replace(archive()[5], paper=replace(archive()[5].paper, id=f"copy:{n}")) for n in range(IMAGINED + 1)]
    for size in (1, 3, IMAGINED + 1):
        adds_up(scored([copies[0], *DAY], AUCTIONS, against=background(copies[:size], [copies[0], *DAY])))


def test_what_an_archive_of_nothing_says_is_finite() -> None:
    blank = [readable(f"blank:{number:03}", "", "") for number in range(IMAGINED + 1)]
    found = scored(DAY, AUCTIONS, against=background(blank))
    adds_up(found)
    assert found.candidates.papers[found.order[0]].paper.categories[0] == "econ.TH"


def test_vectors_have_length_one_or_none() -> None:
    vectors = ground().vectorise(Candidates([*DAY, readable("p:1", "Zzz", "")], ground()).counts)
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    assert lengths == pytest.approx([*[1.0] * len(DAY), 0.0], abs=1e-5)


def test_rarer_words_tell_more() -> None:
    usual = Candidates(DAY, ground())
    column = usual.counts.vocabulary
    frequency = ground().frequency
    seldom, often = column["quasar"], column["method"]
    assert frequency[seldom] < frequency[often]
    assert usual.rarity[seldom] > usual.rarity[often] > 0


def test_ranking_leaves_the_background_as_it_was() -> None:
    fresh = background(archive())
    rank(Candidates([*DAY, readable("p:1", "Frobnication", "Xyzzy")], ground()), topic_file())
    same(fresh, ground())
