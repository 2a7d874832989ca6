"""Which papers a topic picks, in which order, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from builders import DAY, readable_paper, topic
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Listing, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.model.edition import TRENDING
from newsletter.ranking import rank

NERF = readable_paper(1, "Neural Fields in Robotics", "A survey of radiance fields for robots.", 5)
BRAIN = readable_paper(2, "Decoding the Brain", "We read images from fMRI recordings of the visual cortex.", 1)
BERT = readable_paper(3, "Sequential Recommendation", "A recommender with transformers; radiance is not its field.", 2)
PAPERS = [NERF, BRAIN, BERT]


def ids(papers: list[ReadablePaper], one: Topic) -> list[str]:
    return [pick.paper for pick in rank(papers, [one])[0].picks]


def test_a_keyword_finds_its_paper_in_any_form_of_the_word() -> None:
    assert ids(PAPERS, topic("x", "robotic")) == [NERF.id]
    assert ids(PAPERS, topic("x", "recorded", min_score=0.5)) == [BRAIN.id]


def test_the_plural_of_an_acronym_is_the_same_word() -> None:
    scans = readable_paper(1, "Brain MRIs", "We compare LLMs with scans.")
    assert ids([scans], topic("x", "MRI")) == ids([scans], topic("x", "LLM", min_score=0)) == [scans.id]


def test_a_quoted_phrase_must_stand_in_one_piece() -> None:
    assert ids(PAPERS, topic("x", '"radiance field"')) == [NERF.id]


def test_several_words_must_all_occur_and_side_by_side_is_stronger() -> None:
    picks = rank(PAPERS, [topic("x", "radiance field", min_score=0)])[0].picks
    relevance = {pick.paper: pick.relevance for pick in picks}
    assert relevance[NERF.id] > relevance[BERT.id] > 0
    assert BRAIN.id not in relevance
    assert ids(PAPERS, topic("x", "radiance fMRI", min_score=0)) == []


def test_an_excluded_word_excludes_whatever_the_score() -> None:
    assert ids(PAPERS, topic("x", "radiance", exclude=("robotics",), min_score=0)) == [BERT.id]
    assert ids(PAPERS, topic("x", "radiance", exclude=('"radiance field"',), min_score=0)) == [BERT.id]


def test_a_hit_in_the_title_counts_more_than_one_in_the_abstract() -> None:
    titled = readable_paper(1, "Gradient boosting", "A study of something else altogether.", 2)
    mentioned = readable_paper(2, "A study of something else", "It compares with gradient boosting altogether.", 1)
    assert ids([mentioned, titled], topic("x", '"gradient boosting"')) == [titled.id, mentioned.id]


def test_the_description_counts_a_little_and_its_filler_words_nothing() -> None:
    described = topic("x", description="Interesting new papers about fMRI recordings", name="x", min_score=0)
    assert ids(PAPERS, described) == [BRAIN.id]
    filler = topic(
        "x", description="All the latest interesting new papers and studies of research", name="x", min_score=0
    )
    assert ids(PAPERS, filler) == []


def test_min_score_is_held_against_the_relevance_and_not_the_trend() -> None:
    for pick in rank(PAPERS, [topic("x", "radiance", min_score=0)])[0].picks:
        floor = pick.relevance
        assert pick.paper in ids(PAPERS, topic("x", "radiance", min_score=floor))
        assert pick.paper not in ids(PAPERS, topic("x", "radiance", min_score=floor + 0.001))
        assert pick.score > floor


def test_the_page_order_decides_between_equals() -> None:
    twins = [readable_paper(n, "Spiking networks", "Spikes.", rank=n) for n in (3, 1, 2)]
    assert ids(twins, topic("x", "spiking")) == [twins[1].id, twins[2].id, twins[0].id]


def test_reasons_quote_what_is_really_there() -> None:
    [pick] = rank(PAPERS, [topic("x", "robot", '"radiance field"')])[0].picks
    assert pick.reasons == (Reason(Why.TITLE, ("Robotics",)), Reason(Why.ABSTRACT, ("radiance fields",)))


def test_trending_is_the_page_order_and_says_the_place() -> None:
    ranking = rank(PAPERS, [])[-1]
    assert ranking.slug == TRENDING
    assert [pick.paper for pick in ranking.picks] == [BRAIN.id, BERT.id, NERF.id]
    assert ranking.picks[0].reasons == (Reason(Why.PLACE, (1, 5, "2025-03-12")),)


def test_a_paper_listed_on_two_days_trends_more() -> None:
    once, again = readable_paper(1, rank=4), readable_paper(2, rank=5)
    listings = (Listing(DAY - timedelta(days=1), "page", 9), *again.paper.listings)
    twice = replace(again, paper=replace(again.paper, listings=listings))
    ranking = rank([readable_paper(3, rank=9), once, twice], [])[-1]
    assert [pick.paper for pick in ranking.picks] == [twice.id, once.id, f"title:{3:020x}"]
    assert Reason(Why.AGAIN, (2,)) in ranking.picks[0].reasons


@pytest.mark.parametrize("size", [1, 107, 1000])
def test_a_score_means_the_same_on_a_day_of_any_size(size: int) -> None:
    others = [readable_paper(n + 2, f"Title {n}", f"Abstract {n}") for n in range(size - 1)]
    [pick] = rank([BRAIN, *others], [topic("x", "cortex")])[0].picks
    assert 1.0 < pick.relevance < 1.6


@pytest.mark.parametrize("size", [1, 20, 400, 2000])
def test_a_day_full_of_a_topic_does_not_come_out_empty(size: int) -> None:
    full = [readable_paper(n + 1, f"NeRF variant {n}", "We improve NeRF in one more way.") for n in range(size)]
    assert len(rank(full, [topic("x", "NeRF")])[0].picks) == min(size, 200)


HOSTILE = [
    topic("empty", name=""),
    topic("stop", "the", "of", "and", name="the of"),
    topic("regex", "(((", "[a-z]+", "\\", '"', '""', "*", name="(?P<x>"),
    topic("many", *[f"word{n}" for n in range(10_000)]),
    topic("script", "нейронные сети", "神经网络", "شبكة", name="神经"),
]


@pytest.mark.parametrize("one", HOSTILE, ids=lambda one: one.slug)
def test_hostile_topics_give_sensible_rankings(one: Topic) -> None:
    ranking = rank(PAPERS, [one])[0]
    assert isinstance(ranking, Ranking)
    assert len(ranking.picks) <= len(PAPERS)


def test_other_scripts_match_themselves() -> None:
    russian = readable_paper(1, "Нейронные сети", "Обзор нейронных сетей.")
    assert ids([russian], topic("x", "нейронные")) == [russian.id]


words = st.lists(st.sampled_from("neural field brain robot cortex of the we learn 3D café 网络".split()), max_size=12)
papers = st.lists(st.tuples(words, words), max_size=12)
topics = st.builds(
    lambda keys, exclude, name: topic("x", *keys, exclude=tuple(exclude), name=" ".join(name), min_score=0),
    st.lists(words.map(" ".join).map(lambda text: f'"{text}"') | words.map(" ".join), max_size=4),
    st.lists(words.map(" ".join), max_size=2),
    words,
)


@settings(deadline=None, max_examples=150)
@given(papers, topics)
def test_parts_add_up_order_is_by_score_and_reasons_are_true(
    texts: list[tuple[list[str], list[str]]], one: Topic
) -> None:
    made = [readable_paper(n + 1, " ".join(t) or "x", " ".join(a) or "y") for n, (t, a) in enumerate(texts)]
    by_id = {paper.id: paper for paper in made}
    first = rank(made, [one])
    assert first == rank(made, [one])
    for ranking in first:
        scores = [pick.score for pick in ranking.picks]
        assert scores == sorted(scores, reverse=True)
        assert len({pick.paper for pick in ranking.picks}) == len(ranking.picks)
        for pick in ranking.picks:
            assert pick.score == pytest.approx(sum(value for _, value in pick.parts))
            assert all(value >= 0 for _, value in pick.parts)
            paper = by_id[pick.paper]
            both = f"{paper.title} {paper.abstract}"
            fields = {Why.TITLE: paper.title, Why.ABSTRACT: paper.abstract, Why.BOTH: both}
            for reason in pick.reasons:
                if reason.kind is Why.PLACE:
                    [listing] = paper.paper.listings
                    assert reason.values == (listing.rank, len(made), listing.day.isoformat())
                    continue
                assert reason.values
                for quoted in map(str, reason.values):
                    assert all(word in fields[reason.kind] for word in quoted.split(" … "))


def test_the_imagined_background_does_not_let_an_irrelevant_paper_reorder_the_others() -> None:
    one = topic("x", "radiance", "robot", "image", min_score=0)
    before = ids(PAPERS, one)
    after = ids([*PAPERS, readable_paper(9, "Cooking", "Nothing of the kind.", 3)], one)
    assert before == after


def test_days_may_come_from_different_pages() -> None:
    other = date(2025, 3, 11)
    mixed = [readable_paper(1, rank=1), readable_paper(2, rank=2)]
    moved = replace(mixed[1], paper=replace(mixed[1].paper, listings=(Listing(other, "other", 1),)))
    ranking = rank([mixed[0], moved], [])[-1]
    assert [pick.reasons[0] for pick in ranking.picks] == [
        Reason(Why.PLACE, (1, 1, "2025-03-12")),
        Reason(Why.PLACE, (1, 1, "2025-03-11")),
    ]
