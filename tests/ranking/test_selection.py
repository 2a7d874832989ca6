"""One reader's sections: homes, turns, caps, leftovers."""

from __future__ import annotations

from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Edition, Pick, Ranking
from newsletter.model.edition import TRENDING
from newsletter.ranking import Limits, digest, merge_rankings, select


def pick(paper: str, slug: str, relevance: float, trend: float = 0.0) -> Pick:
    return Pick(paper, slug, round(relevance + trend, 4), (("keywords", relevance), ("trend", trend)), ())


def ranking(slug: str, *scored: tuple[str, float], most: int = 5) -> Ranking:
    picks = sorted((pick(paper, slug, score) for paper, score in scored), key=lambda one: -one.score)
    return Ranking(topic(slug, max_papers=most), tuple(picks))


def test_a_paper_lives_in_the_topic_it_fits_best() -> None:
    selection = select([ranking("a", ("p", 1.0), ("q", 2.0)), ranking("b", ("p", 3.0))], Limits())
    assert {section.slug: [one.paper for one in section.picks] for section in selection.sections} == {
        "a": ["q"],
        "b": ["p"],
    }


def test_topics_take_turns_so_that_a_broad_one_does_not_crowd_out_a_narrow_one() -> None:
    broad = ranking("broad", *((f"b{n}", 9.0 - n / 10) for n in range(20)), most=20)
    narrow = ranking("narrow", ("n1", 1.0), ("n2", 1.1))
    selection = select([broad, narrow], Limits(max_papers=5))
    assert {section.slug: len(section.picks) for section in selection.sections} == {"broad": 3, "narrow": 2}


def test_what_does_not_fit_is_listed_and_then_counted() -> None:
    selection = select([ranking("a", *((f"p{n:02}", 20.0 - n) for n in range(20)), most=3)], Limits(12, 10, also_new=4))
    assert [one.paper for one in selection.sections[0].picks] == ["p00", "p01", "p02"]
    assert [one.paper for one in selection.also] == ["p03", "p04", "p05", "p06"]
    assert selection.left_out == 13


def test_sections_come_best_first_and_empty_topics_are_not_shown() -> None:
    selection = select([ranking("a", ("p", 1.0)), ranking("none"), ranking("b", ("q", 2.0))], Limits())
    assert [section.slug for section in selection.sections] == ["b", "a"]


def test_trending_fills_its_own_limit() -> None:
    trending = Ranking(None, tuple(pick(f"p{n}", TRENDING, 0.0, 1 - n / 100) for n in range(30)))
    selection = select([trending], Limits(12, trending_papers=10, also_new=8))
    assert [section.name for section in selection.sections] == ["Trending"]
    assert (len(selection.sections[0].picks), len(selection.also), selection.left_out) == (10, 8, 12)


def test_rankings_of_several_editions_become_one_best_first() -> None:
    merged = merge_rankings([ranking("a", ("p", 1.0), ("q", 3.0)), ranking("a", ("r", 2.0))])
    assert [one.paper for one in merged.picks] == ["q", "r", "p"]


def test_a_digest_spans_its_editions() -> None:
    from datetime import date

    editions = [
        Edition(1, date(2025, 3, 11), ("p", "q"), ("AK",)),
        Edition(2, date(2025, 3, 12), ("r",), ("AK", "others")),
    ]
    rankings = {1: {"a": ranking("a", ("p", 1.0))}, 2: {"a": ranking("a", ("r", 2.0))}}
    made = digest(date(2025, 3, 12), ["a"], editions, rankings, Limits())
    assert [one.paper for one in made.picks] == ["r", "p"]
    assert made.days == (date(2025, 3, 11), date(2025, 3, 12))
    assert made.considered == 3
    assert made.curators == ("AK", "others")
    assert digest(date(2025, 3, 12), ["b"], editions, rankings, Limits()).empty


scored = st.lists(st.tuples(st.sampled_from("pqrstuvw"), st.floats(0.1, 9)), max_size=8, unique_by=lambda one: one[0])


@settings(deadline=None, max_examples=200)
@given(
    st.lists(scored, min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(0, 5),
)
def test_every_paper_once_caps_hold_and_nothing_vanishes(
    topics: list[list[tuple[str, float]]], per_topic: int, most: int, also: int
) -> None:
    rankings = [ranking(f"t{n}", *papers, most=per_topic) for n, papers in enumerate(topics)]
    selection = select(rankings, Limits(most, 10, also))
    shown = [one.paper for section in selection.sections for one in section.picks]
    listed = [one.paper for one in selection.also]
    everything = {paper for papers in topics for paper, _ in papers}
    assert len(shown + listed) == len(set(shown + listed))
    assert len(shown) <= most
    assert all(len(section.picks) <= per_topic for section in selection.sections)
    assert len(listed) <= also
    assert len(shown) + len(listed) + selection.left_out == len(everything)
