"""One reader's sections: homes, turns, caps, leftovers, the top pick and the one from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import pytest
from builders import readable_paper, topic
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import ALSO_TRENDING, Digest, Edition, Group, Pick, Ranking, ReadablePaper, Topic
from newsletter.model.edition import TRENDING
from newsletter.ranking import Candidates, Limits, background, digest, rank, select
from newsletter.ranking.selection import LEAST_FOR_TOP, Selection, outside
from newsletter.ranking.spanning import Span
from newsletter.ranking.standings import Standings

TODAY = date(2025, 3, 12)


def pick(paper: str, slug: str, relevance: float, trend: float = 0.0) -> Pick:
    return Pick(paper, slug, round(relevance + trend, 4), (("keywords", relevance), ("trend", trend)), ())


def ranking(slug: str, *scored: tuple[str, float], most: int = 5) -> Ranking:
    picks = sorted((pick(paper, slug, score) for paper, score in scored), key=lambda one: -one.score)
    return Ranking(topic(slug, max_papers=most), tuple(picks))


def ranked_by(papers: Sequence[ReadablePaper], topics: Sequence[Topic]) -> dict[str, Ranking]:
    """The rankings of a first day, by slug."""
    return {one.slug: one for one in rank(Candidates(papers, background([], papers)), topics)}


def page(*papers: str) -> Ranking:
    """The ranking of *Trending* with the papers in this order."""
    return Ranking(None, tuple(pick(paper, TRENDING, 0.0, 1 - n / 100) for n, paper in enumerate(papers)))


def shown(selection: Selection) -> dict[str, list[str]]:
    """The papers shown in full, by section; the top pick is the first of its own."""
    found = {selection.top.topic: [selection.top.paper]} if selection.top else {}
    for section in selection.sections:
        found.setdefault(section.slug, []).extend(one.paper for one in section.picks)
    return found


def test_a_paper_lives_in_the_topic_it_fits_best() -> None:
    selection = select([ranking("a", ("p", 1.0), ("q", 2.0)), ranking("b", ("p", 3.0))], Limits())
    assert shown(selection) == {"a": ["q"], "b": ["p"]}


def test_topics_take_turns_so_that_a_broad_one_does_not_crowd_out_a_narrow_one() -> None:
    broad = ranking("broad", *((f"b{n}", 9.0 - n / 10) for n in range(20)), most=20)
    narrow = ranking("narrow", ("n1", 1.0), ("n2", 1.1))
    selection = select([broad, narrow], Limits(max_papers=5))
    assert shown(selection) == {"broad": ["b0", "b1", "b2"], "narrow": ["n2", "n1"]}


def test_what_does_not_fit_is_listed_and_then_counted() -> None:
    selection = select([ranking("a", *((f"p{n:02}", 20.0 - n) for n in range(20)), most=3)], Limits(12, 10, also_new=4))
    assert [one.paper for one in selection.sections[0].picks] == ["p00", "p01", "p02"]
    assert [one.paper for one in selection.also] == ["p03", "p04", "p05", "p06"]
    assert selection.left_out == 13


def test_sections_come_best_first_and_empty_topics_are_not_shown() -> None:
    selection = select([ranking("a", ("p", 1.0)), ranking("none"), ranking("b", ("q", 2.0))], Limits())
    assert [section.slug for section in selection.sections] == ["b", "a"]


def test_trending_fills_its_own_limit() -> None:
    selection = select([page(*(f"p{n}" for n in range(30)))], Limits(12, trending_papers=10, also_new=8))
    assert [section.name for section in selection.sections] == ["Trending"]
    assert shown(selection) == {TRENDING: [f"p{n}" for n in range(10)]}
    assert [one.paper for one in selection.also] == [f"p{n}" for n in range(10, 18)]
    assert selection.left_out == 12


def merged(editions: Sequence[Edition], rankings: Mapping[int, Mapping[str, Ranking]]) -> dict[str, Ranking]:
    """The rankings of a span of which nobody has voted for any paper."""
    whole = Span(tuple(editions), Standings(editions[-1].day))
    slugs = {slug for own in rankings.values() for slug in own}
    return {slug: one for slug in slugs if (one := whole.merge(rankings, slug))}


GROUPS = (
    Group(("fMRI", "cortex"), ("p1", "p20", "p6")),
    Group(("neural fields",), ("p3", "p4")),
    Group(("lonely",), ("p5", "p25")),
    Group((), ("p0", "p2")),
)


def test_a_long_trending_is_grouped_by_what_its_cards_are_about() -> None:
    long = replace(page(*(f"p{n}" for n in range(30))), groups=GROUPS)
    selection = select([long], Limits(12, trending_papers=10, also_new=8))
    assert selection.top
    assert selection.top.paper == "p0"
    found = [(one.slug, one.name, [pick.paper for pick in one.picks]) for one in selection.sections]
    assert found == [
        (f"{TRENDING}:fMRI, cortex", "fMRI, cortex", ["p1", "p6"]),
        (f"{TRENDING}:Neural fields", "Neural fields", ["p3", "p4"]),
        (ALSO_TRENDING, "Also trending", ["p2", "p5", "p7", "p8", "p9"]),
    ]


def test_a_short_trending_is_not_grouped() -> None:
    short = replace(page("p0", "p1", "p3", "p4", "p6"), groups=GROUPS)
    assert [section.name for section in select([short], Limits()).sections] == ["Trending"]


def test_a_topic_of_more_weight_is_home_and_comes_first() -> None:
    light, heavy = ranking("a", ("p", 3.0), ("q", 2.0)), ranking("b", ("p", 2.0), ("r", 1.5))
    heavy = replace(heavy, topic=topic("b", weight=2.0))
    found = select([light, heavy], Limits())
    assert shown(found) == {"b": ["p", "r"], "a": ["q"]}
    assert [section.slug for section in found.sections] == ["b", "a"]


def test_of_near_duplicates_only_the_first_is_shown() -> None:
    text = " ".join(f"word{n} shell" for n in range(40))
    first = readable_paper(1, "Shells on the beach", f"A study of shells. {text}", 1)
    again = readable_paper(2, "Shells on the beach, revisited", f"A study of shells. {text} Revised.", 2)
    other = readable_paper(3, "Shells in the sea", "What lives in shells, and why they are thick.", 3)
    found = ranked_by([first, again, other], [topic("shell", "shell", min_score=0.5)])
    for slug in ("shell", TRENDING):
        assert {pick.paper for pick in found[slug].picks} == {first.id, other.id}
        assert found[slug].excluded == (again.id,)


def test_a_near_duplicate_is_shown_where_the_first_is_excluded() -> None:
    text = " ".join(f"word{n} shell" for n in range(40))
    first = readable_paper(1, "Shells on the beach", f"A study of shells by coin. {text}", 1)
    again = readable_paper(2, "Shells on the beach, revisited", f"A study of shells. {text}", 2)
    found = ranked_by([first, again], [topic("shell", "shell", exclude=("coin",), min_score=0.5)])
    assert [pick.paper for pick in found["shell"].picks] == [again.id]


def test_a_digest_spans_its_editions() -> None:
    editions = [
        Edition(1, date(2025, 3, 11), ("p", "q"), ("AK",)),
        Edition(2, date(2025, 3, 12), ("r",), ("AK", "others")),
    ]
    rankings = {1: {"a": ranking("a", ("p", 1.0))}, 2: {"a": ranking("a", ("r", 2.0))}}
    made = digest(date(2025, 3, 12), ["a"], editions, merged(editions, rankings), Limits())
    assert [one.paper for one in made.picks] == ["r", "p"]
    assert made.days == (date(2025, 3, 11), date(2025, 3, 12))
    assert made.considered == 3
    assert made.curators == ("AK", "others")
    assert digest(date(2025, 3, 12), ["b"], editions, merged(editions, rankings), Limits()).empty


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
    cards = shown(selection)
    full = [paper for papers in cards.values() for paper in papers]
    listed = [one.paper for one in selection.also]
    everything = {paper for papers in topics for paper, _ in papers}
    assert len(full + listed) == len(set(full + listed))
    assert len(full) <= most
    assert all(len(papers) <= per_topic for papers in cards.values())
    assert all(section.picks for section in selection.sections)
    assert len(listed) <= also
    assert len(full) + len(listed) + selection.left_out == len(everything)
    assert bool(selection.top) is (len(full) >= LEAST_FOR_TOP)
    if selection.top:
        assert selection.top.score >= max(one.score for section in selection.sections for one in section.picks)


@pytest.mark.parametrize("cards", range(7))
def test_a_top_pick_is_set_apart_from_four_cards_on(cards: int) -> None:
    papers = [f"p{n}" for n in range(cards)]
    for one in (ranking("a", *((paper, 9.0 - n) for n, paper in enumerate(papers)), most=9), page(*papers)):
        selection = select([one], Limits())
        assert (selection.top.paper if selection.top else None) == ("p0" if cards >= 4 else None)
        rest = papers[1:] if cards >= 4 else papers
        assert [each.paper for section in selection.sections for each in section.picks] == rest


def test_the_top_pick_is_the_best_of_all_and_its_section_goes_if_it_had_no_other() -> None:
    narrow, broad = ranking("narrow", ("best", 9.0)), ranking("broad", ("p", 3.0), ("q", 2.0), ("r", 1.0))
    selection = select([broad, narrow], Limits())
    assert selection.top == narrow.picks[0]
    assert [section.slug for section in selection.sections] == ["broad"]


def test_papers_of_the_compact_list_do_not_make_a_top_pick() -> None:
    selection = select([ranking("a", ("p", 4.0), ("q", 3.0), ("r", 2.0), ("s", 1.0), most=3)], Limits())
    assert (selection.top, len(selection.also)) == (None, 1)


def made(*topics: str, limits: Limits | None = None, **rankings: Ranking) -> Digest:
    """The digest of a reader of `topics` from one edition with these rankings."""
    by_slug = {one.slug: one for one in rankings.values()}
    papers = tuple(dict.fromkeys(each.paper for one in rankings.values() for each in one.picks))
    return digest(TODAY, topics, [Edition(1, TODAY, papers)], by_slug, limits or Limits())


def test_the_pick_from_outside_is_the_best_that_no_topic_picked() -> None:
    one = made("a", a=ranking("a", ("p", 2.0), ("q", 1.0)), page=page("p", "x", "q", "y"))
    assert one.outside == pick("x", TRENDING, 0.0, 0.99)
    assert one.picks[-1] == one.outside


def test_what_only_the_compact_list_or_nothing_shows_is_not_from_outside() -> None:
    a = ranking("a", ("p", 3.0), ("q", 2.0), ("r", 1.0), most=1)
    one = made("a", a=a, page=page("r", "q", "p", "x"), limits=Limits(also_new=1))
    assert (one.left_out, [each.paper for each in one.also]) == (1, ["q"])
    assert one.outside is not None
    assert one.outside.paper == "x"


def test_what_a_word_of_hers_excludes_is_not_brought_in_from_outside() -> None:
    papers = [
        readable_paper(1, "Mining coins", "A blockchain."),
        readable_paper(2, "Walking", "A robot walks."),
        readable_paper(3, "Cooking", "Soup."),
    ]
    topics = [topic("robots", "robot"), topic("money", "bank", exclude=("blockchain",))]
    edition, ranked = Edition(1, TODAY, tuple(paper.id for paper in papers)), ranked_by(papers, topics)
    found = {}
    for follows in (("robots",), ("robots", "money")):
        one = digest(TODAY, follows, [edition], ranked, Limits())
        found[follows] = one.outside.paper if one.outside else None
    assert found == {("robots",): papers[0].id, ("robots", "money"): papers[2].id}


def test_nothing_comes_from_outside_where_it_is_not_wanted() -> None:
    a, trending = ranking("a", ("p", 2.0)), page("x", "p")
    assert made("a", a=a, page=trending).outside is not None
    assert made("a", a=a, page=trending, limits=Limits(outside=False)).outside is None
    assert made(a=a, page=trending).outside is None, "a reader of Trending has no usual"
    assert made("a", a=ranking("a"), page=trending).outside is None, "an empty digest stays empty"
    assert made("a", a=ranking("a"), page=trending).empty
    assert made("a", a=a, page=page("p")).outside is None, "there is no other paper"
    assert made("a", a=a).outside is None


def test_outside_looks_at_all_the_editions_of_a_digest() -> None:
    editions = [Edition(1, date(2025, 3, 11), ("p", "x")), Edition(2, TODAY, ("q", "y"))]
    first = Ranking(topic("a"), (pick("p", "a", 1.0),), ("x",))
    rankings = {
        1: {"a": first, TRENDING: page("x", "p")},
        2: {"a": ranking("a", ("q", 1.0)), TRENDING: page("q", "y")},
    }
    one = digest(TODAY, ["a"], editions, merged(editions, rankings), Limits())
    assert one.outside is not None
    assert one.outside.paper == "y"
    rankings[2]["a"] = Ranking(topic("a"), (), ("z", "x"))
    assert merged(editions, rankings)["a"].excluded == ("x", "z")


words = st.lists(st.sampled_from("robot field brain coin soup".split()), min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(words, max_size=12),
    st.lists(st.tuples(words, words), min_size=1, max_size=3),
    st.integers(1, 6),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_digest_shows_no_paper_twice_and_accounts_for_all(
    titles: list[list[str]], wishes: list[tuple[list[str], list[str]]], most: int, also: int, wanted: bool
) -> None:
    papers = [readable_paper(n, " ".join(title), "Nothing more is known.") for n, title in enumerate(titles, 1)]
    topics = [
        topic(f"t{n}", *keywords, exclude=tuple(exclude), min_score=0) for n, (keywords, exclude) in enumerate(wishes)
    ]
    ranked = ranked_by(papers, topics)
    edition = Edition(1, TODAY, tuple(paper.id for paper in papers))
    slugs = [one.slug for one in topics]
    one = digest(TODAY, slugs, [edition], ranked, Limits(most, 10, also, wanted))
    ids = [each.paper for each in one.picks]
    assert len(ids) == len(set(ids))
    usual = {each.paper for slug in slugs for each in ranked[slug].picks}
    never = {paper for slug in slugs for paper in ranked[slug].excluded or ()}
    assert len(set(ids) & usual) + one.left_out == len(usual)
    assert set(ids) - usual == ({one.outside.paper} if one.outside else set())
    from_outside = [each for each in ranked[TRENDING].picks if each.paper not in usual | never]
    assert one.outside == (from_outside[0] if from_outside and usual and wanted else None)
    assert one.empty is (not usual)
    assert outside([ranked[slug] for slug in slugs], ranked[TRENDING]) == (from_outside[0] if from_outside else None)


def test_a_paper_kept_out_by_a_word_is_named_once_and_in_order() -> None:
    papers = [readable_paper(n, f"Coins and soup {n}", "Coins.") for n in (3, 1, 2)]
    refusing = ranked_by(papers, [topic("x", "robot", exclude=("coin", "soup", "nothing"))])
    assert refusing["x"].excluded == tuple(sorted(paper.id for paper in papers))
    assert ranked_by(papers, [topic("x", "coin")])["x"].excluded == ()
    assert ranked_by(papers, [])[TRENDING].excluded == ()


def test_where_nobody_noted_what_was_excluded_nothing_comes_from_outside() -> None:
    noted, unknown = Ranking(topic("a"), (), ("x",)), Ranking(topic("b"), (), None)
    trending = Ranking(None, (Pick("y", TRENDING, 1.0, (("trend", 1.0),), ()),))
    assert outside([noted], trending) == trending.picks[0]
    assert outside([noted, unknown], trending) is None
    editions = [Edition(1, date(2025, 3, 11), ("x",)), Edition(2, TODAY, ())]
    assert merged(editions, {1: {"a": noted}, 2: {"a": replace(unknown, topic=topic("a"))}})["a"].excluded is None
