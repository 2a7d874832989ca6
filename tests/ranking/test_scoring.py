"""Which papers a topic picks, in which order, and why: what holds however much each part weighs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from builders import DAY, readable_paper, topic
from crossing import crossed
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SEEDS
from salad import (
    COMMON,
    RARE,
    SIZE,
    SUBJECTS,
    adds_up,
    archive,
    best_first,
    ground,
    part,
    picked,
    readable,
    salad,
    scored,
    scores,
    topic_file,
)

from newsletter.model import TRENDING, Listing, Opinion, Ranking, ReadablePaper, Reason, Topic, Why
from newsletter.ranking import Background, Candidates, Judged, background, rank, score
from newsletter.settings import configuration_folder, load
from newsletter.sources.listing.parser import parse_listing
from newsletter.text import readable as to_readable

NERF = readable("p:1", "Neural Fields in Robotics", "A survey of radiance fields for robots.")
BRAIN = readable("p:2", "Decoding the Brain", "We read images from fMRI recordings of the visual cortex.")
COFFEE = readable("p:3", "Sequential Brewing", "A barista with espressos; radiance is rarely a crowded field.")
PAPERS = [NERF, BRAIN, COFFEE]

FILLING = "dor gul kas mon pri tuv bel fim".split()


def says(text: str, identity: str = "p:1", length: int = 8) -> ReadablePaper:
    """A paper that says `text` in its abstract, and otherwise what no paper of the archive says."""
    filling = FILLING[: length - len(text.split())]
    return readable(identity, "Xyzzy plugh", " ".join([*text.split(), *filling]))


def first_wins(one: Topic, better: str, worse: str) -> None:
    """Of two papers that are alike but for some words of the abstract, the first scores higher wherever it stands."""
    this, other = says(better, "p:1"), says(worse, "p:2")
    for papers in ([this, other], [other, this]):
        found = scores(scored(papers, one))
        assert found["p:1"] > found["p:2"]


# Words


@pytest.mark.parametrize(
    ("keyword", "said", "not_said"),
    [
        ("robotic", "robotics", "cookery"),
        ("Recorded", "recordings", "records-free"),
        ("MRI", "MRIs", "MR"),
        ("LLMs", "LLM", "LL"),
        ("LLM", "LLMs", "llms2"),
        ("CAFÉ", "café", "cafétéria"),
        ("3d", "3D", "2D"),
        ("нейронные", "НЕЙРОННЫЕ", "сети"),
        ("神经网络", "神经网络", "网络"),
        ("mind's", "mind’s", "lung’s"),
    ],
)
def test_a_keyword_finds_the_word_in_any_form(keyword: str, said: str, not_said: str) -> None:
    first_wins(topic("x", keyword, name=""), said, not_said)


def test_a_quoted_phrase_wants_its_words_side_by_side() -> None:
    quoted = topic("x", '"radiance field"', name="")
    first_wins(quoted, "radiance fields", "radiance guides crowded fields")
    first_wins(quoted, "radiance fields", "field radiance")


def test_several_words_are_stronger_together_and_strongest_side_by_side() -> None:
    one = topic("x", "radiance field", name="")
    first_wins(one, "radiance field belongs", "radiance belongs field")
    first_wins(one, "radiance belongs field", "radiance belongs nowhere")
    first_wins(one, "radiance belongs field", "field belongs nowhere")
    first_wins(one, "radiance belongs nowhere", "nothing belongs nowhere")


words = st.lists(st.sampled_from([*SUBJECTS["cs.CV"], *COMMON, *FILLING]), min_size=2, max_size=6, unique=True)


@settings(deadline=None, max_examples=25)
@given(words, st.sampled_from(["frobnication", "auction", '"quantum frobnication"']))
def test_a_hit_in_the_title_counts_more_than_one_in_the_abstract(others: list[str], keyword: str) -> None:
    said, text = keyword.strip('"'), " ".join(others)
    size = len(said.split())
    # Both titles, and both abstracts, are of the same length.
    rest, swapped = " ".join(FILLING[:size]), " ".join(FILLING[-size:])
    titled = readable("p:1", f"{said} {text}", f"{rest} {swapped}")
    mentioned = readable("p:2", f"{rest} {text}", f"{said} {swapped}")
    found = scored([mentioned, titled], topic("x", keyword, name=""))
    assert part(found, "words")["p:1"] > part(found, "words")["p:2"]


def test_the_filler_words_of_a_description_count_nothing() -> None:
    papers = [*PAPERS, readable("p:9", "All the latest interesting new papers", "Studies of research; a survey of it.")]
    plain = topic("x", name="Cortex", description="fMRI recordings")
    wordy = replace(plain, description="All the latest interesting new papers and studies about fMRI recordings")
    assert scores(scored(papers, plain)) == scores(scored(papers, wordy))
    filler = topic("x", name="x", description="All the latest interesting new papers and studies of research")
    assert picked(scored(papers, replace(filler, min_score=0.0))) == []


# Hard rules


def test_an_excluded_word_excludes_whatever_the_score() -> None:
    wanted = topic(
        "x",
        "radiance",
        exclude=("ROBOT",),
        authors=("Anna Rossi",),
        categories=("cs.CV",),
        min_score=-100.0,
    )
    hers = replace(NERF, paper=replace(NERF.paper, authors=("Anna Rossi",), categories=("cs.CV",), votes=1000))
    likes = [Judged(hers, Opinion.LIKE)] * 5
    for one in (NERF, hers):
        found = scored([one, BRAIN, COFFEE], wanted, likes)
        assert NERF.id not in picked(found)
        assert NERF.id not in best_first(found)
        assert found.excluded == {0: "ROBOT"}
        [made, _] = rank(Candidates([one, BRAIN, COFFEE], ground()), [wanted], {"x": likes})
        assert made.excluded is not None
        assert NERF.id in made.excluded


def test_an_excluded_phrase_excludes_what_says_it_in_one_piece_only() -> None:
    assert scored(PAPERS, topic("x", exclude=('"radiance field"',))).excluded.keys() == {0}
    assert scored(PAPERS, topic("x", exclude=("radiance field",))).excluded.keys() == {0, 2}
    assert scored(PAPERS, topic("x", exclude=('"visual cortex"', "", '""', "the of"))).excluded.keys() == {1}
    twice = readable("p:4", "Radiance", "Fields of it.")
    assert scored([twice], topic("x", exclude=('"radiance field"',))).excluded == {}, "no phrase spans title and text"


def test_min_score_is_held_against_the_relevance_and_not_the_trend() -> None:
    top = replace(NERF, paper=replace(NERF.paper, listings=(Listing(DAY, "page", 1),)))
    one = topic("x", "radiance")
    [relevance] = scored([top], one).relevance
    [plain] = scored([NERF], one).score
    assert relevance == plain
    assert picked(scored([top], replace(one, min_score=float(relevance)))) == [NERF.id]
    assert picked(scored([top], replace(one, min_score=float(relevance) + 0.0001))) == []
    assert scored([top], one).score[0] > relevance


@pytest.mark.parametrize("least", [0.0, -5.0])
def test_a_paper_that_is_no_better_than_an_ordinary_one_is_no_pick(least: float) -> None:
    papers = [salad(number) for number in range(1000, 1030)]
    found = scored(papers, topic("x", "auction", "lottery", min_score=least))
    assert all(found.score[row] > 0 for row in found.picked)
    assert 0 < len(found.picked) < len(papers)


def test_categories_are_soft() -> None:
    papers = [replace(says("frobnication", f"p:{n}")) for n in range(4)]
    filed = [(), ("cs.CV",), ("math.AG",), ("astro-ph", "cs.CV")]
    papers = [
        replace(one, paper=replace(one.paper, categories=where)) for one, where in zip(papers, filed, strict=True)
    ]
    neutral = scores(scored(papers, topic("x", "frobnication")))
    wishes = topic("x", "frobnication", categories=("cs.CV",), min_score=0.5)
    soft = scored(papers, wishes)
    gained = {number: scores(soft)[number] - neutral[number] for number in neutral}
    assert gained["p:1"] > gained["p:0"] == 0 > gained["p:2"]
    assert gained["p:3"] == gained["p:1"]
    assert set(best_first(soft)) == {one.id for one in papers}
    whole = scored(papers, replace(wishes, categories=("math",)))
    assert scores(whole)["p:2"] > neutral["p:2"], "an archive means all its categories"
    # Another paper says so much that being filed elsewhere does not keep it out.
    loud = replace(papers[2], abstract="frobnication " * 8, title="Frobnication")
    assert loud.id in picked(scored([loud], wishes))


# Order


def test_equals_keep_the_order_they_came_in() -> None:
    twins = [readable(f"p:{n}", f"Spiking networks {FILLING[n]}", f"Spikes {RARE[n]}xx.") for n in (2, 0, 3, 1)]
    found = scored(twins, topic("x", "spiking"))
    assert len(set(scores(found).values())) == 1
    assert best_first(found) == picked(found) == [one.id for one in twins]


def test_the_page_decides_between_papers_that_fit_alike() -> None:
    listed = [
        replace(one, paper=replace(one.paper, listings=(Listing(DAY, "page", place),)))
        for place, one in [(n, readable(f"p:{n}", f"Spiking {FILLING[n]}", "Spikes.")) for n in (3, 1, 2)]
    ]
    assert best_first(scored(listed, topic("x", "spiking"))) == ["p:1", "p:2", "p:3"]


MARKETS = topic("x", "auction", "bidder", name="Auctions", description="Equilibrium, welfare and pricing in markets.")


def test_papers_are_picked_when_they_are_about_the_topic_and_no_others_are() -> None:
    papers = [salad(number) for number in range(1000, 1036)]
    found = scored(papers, MARKETS)
    about = {paper.id for paper in papers if paper.paper.categories[0] == "econ.TH"}
    assert set(best_first(found)[: len(about)]) == about
    assert picked(found)
    assert set(picked(found)) <= about


def test_a_day_without_anything_for_a_topic_comes_out_empty() -> None:
    papers = [salad(number) for number in range(1000, 1036) if salad(number).paper.categories[0] != "econ.TH"]
    assert picked(scored(papers, MARKETS)) == []


@pytest.mark.parametrize("size", [1, 20, 300])
def test_a_day_full_of_a_topic_does_not_come_out_empty(size: int) -> None:
    full = [salad(number, "econ.TH") for number in range(1000, 1000 + size)]
    found = scored(full, MARKETS)
    [ranking, _] = rank(Candidates(full, ground()), [MARKETS])
    shown = [pick.paper for pick in ranking.picks]
    assert shown
    assert shown == picked(found)[: len(shown)]
    assert ranking.excluded is not None
    assert set(picked(found)) - set(shown) == set(ranking.excluded), "what did not fit is named"


# Sums


def some_papers() -> list[ReadablePaper]:
    """A day of every kind: of the subjects, on pages, with votes, near-duplicates, of another world."""
    papers = [salad(number) for number in range(1000, 1012)]
    papers[3] = replace(papers[3], paper=replace(papers[3].paper, listings=(Listing(DAY, "page", 2),)))
    papers[4] = replace(papers[4], paper=replace(papers[4].paper, votes=12))
    papers[5] = replace(papers[5], paper=replace(papers[5].paper, votes=40, first_seen=DAY))
    return [*papers, NERF, BRAIN, COFFEE, readable("p:7", NERF.title, NERF.abstract), salad(7)]


SAID = [word for several in SUBJECTS.values() for word in several[:3]]
SAID += [*COMMON[:4], "radiance field", "of the", "fMRI", "網絡"]
texts = st.lists(st.sampled_from(SAID), max_size=4).map(" ".join)
names = st.sampled_from(sorted({name for one in archive()[:30] for name in one.paper.authors}))
topics = st.builds(
    lambda name, description, keywords, exclude, authors, categories, least: topic(
        "x",
        *keywords,
        name=name,
        description=description,
        exclude=tuple(exclude),
        authors=tuple(authors),
        categories=tuple(categories),
        min_score=least,
    ),
    texts,
    texts,
    st.lists(texts | texts.map('"{}"'.format), max_size=4),
    st.lists(texts, max_size=1),
    st.lists(names, max_size=2),
    st.lists(st.sampled_from([*SUBJECTS, "cs"]), max_size=2),
    st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)
verdicts = st.lists(
    st.builds(
        Judged,
        st.integers(0, 400).map(salad) | st.sampled_from(PAPERS),
        st.sampled_from(list(Opinion)),
        st.floats(0, 1000),
        st.booleans(),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(topics, verdicts, st.sampled_from([0, 1, 10, SIZE]))
def test_parts_add_up_to_the_score_and_the_order_follows_it(one: Topic, judged: list[Judged], size: int) -> None:
    papers = some_papers()
    against = ground() if size == SIZE else background(archive(size), papers)
    found = scored(papers, one, judged, against)
    adds_up(found)
    assert set(picked(found)) <= set(best_first(found))
    assert len(found.order) == len(papers) - len(found.excluded)
    likes = {each.paper.title for each in judged if each.opinion is Opinion.LIKE}
    for row in range(len(papers)):
        true_reasons(found.reasons(row), papers[row], one, likes)
        relevant = found.relevance[row] >= max(one.min_score, 0.0001) or row in found.followed
        assert relevant or row not in found.picked


def true_reasons(reasons: Sequence[Reason], paper: ReadablePaper, one: Topic, likes: set[str]) -> None:
    """Everything that `reasons` say is so."""
    title, abstract = paper.title, paper.abstract
    for reason in reasons:
        assert reason.values
        match reason.kind:
            case Why.TITLE | Why.ABSTRACT:
                field = title if reason.kind is Why.TITLE else abstract
                for quoted in map(str, reason.values):
                    assert all(each in field for each in quoted.split(" … "))
            case Why.BOTH:
                for quoted in map(str, reason.values):
                    pieces = quoted.split(" … ")
                    assert all(each in title or each in abstract for each in pieces)
                    assert any(each in title for each in pieces)
                    assert any(each in abstract for each in pieces)
            case Why.RELATED:
                assert all(str(each) in f"{title}\n{abstract}" for each in reason.values)
            case Why.AUTHOR:
                assert reason.values[0] in paper.paper.authors
                assert one.authors
            case Why.LIKED | Why.EXAMPLE:
                assert reason.values[0] in likes
            case Why.VOTES:
                assert reason.values[0] == paper.paper.votes
            case Why.PLACE:
                assert reason.values[0] in {each.rank for each in paper.paper.listings}
                assert reason.values[2] in {each.day.isoformat() for each in paper.paper.listings}
            case _:
                raise AssertionError(reason)


def test_every_reason_on_the_seeds_is_true() -> None:
    """One seed is the day and the other the archive, and the other way round; a day alone; with likes and without."""
    days = {
        path.name: [
            to_readable(one)
            for one in parse_listing(
                path.read_bytes(), document=path.name, source="page", year=2025, today=date(2025, 3, 12)
            ).papers
        ]
        for path in SEEDS.glob("0*.txt")
    }
    assert len(days) == 2
    followed = ("Nobody Known", "ada abara")
    asked = [replace(one, authors=followed, min_score=0.0) for one in load(configuration_folder(), {}).topics]
    assert asked
    for name, day in days.items():
        [before] = [papers for other, papers in days.items() if other != name]
        likes = {one.slug: [Judged(before[place], Opinion.LIKE)] for place, one in enumerate(asked)}
        day = [*day, salad(30)]
        for archived, judged in ((before, likes), (before, {}), ([], likes), ([*before, *archive()], likes)):
            kinds = set()
            for found in score(Candidates(day, background(archived, day)), asked, judged):
                adds_up(found)
                titles = {one.paper.title for one in judged.get(found.topic.slug, ())}
                for row in range(len(day)):
                    reasons = found.reasons(row)
                    true_reasons(reasons, day[row], found.topic, titles)
                    kinds |= {reason.kind for reason in reasons}
            assert {Why.TITLE, Why.ABSTRACT, Why.PLACE, Why.AUTHOR} <= kinds
            assert (Why.LIKED in kinds) is bool(judged)


def test_reasons_quote_what_is_really_there() -> None:
    found = scored([NERF], topic("x", "robot", '"radiance field"'))
    assert set(found.reasons(0)) == {Reason(Why.TITLE, ("Robotics",)), Reason(Why.ABSTRACT, ("radiance fields",))}


def test_words_that_the_paper_says_apart_are_not_quoted_as_a_phrase() -> None:
    assert scored([COFFEE], topic("x", '"radiance field"', name="")).reasons(0) == ()


# The same everywhere

PROGRAM = """
import json, random, sys
from salad import archive, salad, topic_file
from newsletter.model import Opinion
from newsletter.ranking import Candidates, Judged, background, rank

order = random.Random(int(sys.argv[1]))
before, topics = list(archive()), topic_file()
order.shuffle(before)
order.shuffle(topics)
papers = [salad(number) for number in range(1000, 1024)]
judged = {
    "auctions": [Judged(salad(5), Opinion.LIKE), Judged(salad(1), Opinion.DISLIKE, 3.0)],
    "galaxies": [Judged(salad(2003), Opinion.DISLIKE), Judged(salad(9), Opinion.SHOWN)],
}
rankings = rank(Candidates(papers, background(before)), topics, judged)
print(json.dumps({one.slug: repr((one.picks, one.excluded)) for one in rankings}, sort_keys=True))
"""


def test_the_same_ranking_whatever_the_order_of_archive_and_topics_and_the_hash_seed() -> None:
    here = Path(__file__).parent
    printed = []
    for seed in ("0", "1", "4711"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), str(here.parents[1])]),
        }
        made = subprocess.run(
            [sys.executable, "-c", PROGRAM, seed], env=environment, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        printed.append(made.stdout)
    assert printed[0] == printed[1] == printed[2]
    assert '"auctions"' in printed[0]
    assert "salad:001005" in printed[0]


def test_a_topic_scores_the_same_alone_and_among_others() -> None:
    candidates = Candidates(some_papers(), ground())
    topics = topic_file()
    together = rank(candidates, topics)
    assert together == rank(candidates, topics)
    for one, ranking in zip(topics, together, strict=False):
        assert rank(candidates, [one])[0] == ranking


IRRELEVANT = [*COMMON, *RARE, *SUBJECTS["astro-ph"], *SUBJECTS["q-bio.BM"], "the", "of", "2.0"]
others = st.lists(st.sampled_from(IRRELEVANT) | st.text(max_size=9), max_size=30).map(" ".join)


def unchanged_by(extra: ReadablePaper, one: Topic, judged: Sequence[Judged] = ()) -> None:
    papers = some_papers()
    before, after = scored(papers, one, judged), scored([*papers, extra], one, judged)
    assert scores(after) == scores(before) | {extra.id: scores(after)[extra.id]}
    for name in {*before.parts, *after.parts}:
        assert part(after, name) == part(before, name) | {extra.id: part(after, name)[extra.id]}
    assert [number for number in best_first(after) if number != extra.id] == best_first(before)
    assert [number for number in picked(after) if number != extra.id] == picked(before)


@settings(deadline=None, max_examples=25)
@given(others, others, st.lists(names, max_size=2), topics, verdicts)
def test_one_paper_more_changes_nothing_for_the_others(
    title: str, abstract: str, authors: list[str], one: Topic, judged: list[Judged]
) -> None:
    unchanged_by(readable("zzz", title, abstract, authors=tuple(authors), categories=("cs.LG",)), one, judged)


def test_nor_does_one_that_says_what_only_the_topic_knows() -> None:
    """A word of the topic that no paper of the archive has is not rarer or more usual for being said today."""
    one = topic("x", "frobnication", "auction", name="", min_score=0.0)
    unchanged_by(readable("zzz", "Frobnication", "Frobnication for everyone."), one)


# Whatever comes

HOSTILE = [
    topic("empty", name=""),
    topic("blank", "", " ", '" "', name=" \n", description="\t", exclude=("", '""')),
    topic("stop", "the", "of", "and", name="the of", description="This is about it."),
    topic("regex", "(((", "[a-z]+", "\\", '"', '""', "*", "a|b", "$^", name="(?P<x>", exclude=("(", ".*", "\\b")),
    topic("many", *[f"word{n}" for n in range(9_000)], *[f'"two words {n}"' for n in range(1_000)]),
    topic("script", "нейронные сети", "神经网络", "شبكة", '"神经 网络"', name="神经", description="ニューラル 🧠"),
    topic("quotes", '"unmatched', 'quote"', "“curly phrase”", "'single'", '"a" b "c"', name='"'),
    topic("long", "radiance " * 200, '"scene depth"' * 50, name="scene " * 500, description="depth " * 500),
    topic("wordy", name=" ".join(RARE), description=" ".join(f"word{n}" for n in range(5_000))),
    topic("nobody", authors=("", ".", "?", "1", "al"), institutions=("", "."), categories=("", ".", "cs.")),
]


def strange_papers() -> list[ReadablePaper]:
    return [
        readable("s:1", "No abstract", ""),
        readable("s:2", "神经网络的辐射场", "我们提出了一种新的方法。"),
        readable("s:3", "", "Nothing but radiance."),
        readable("s:4", "", ""),
        readable("s:5", "A very long one", "radiance field scene the " * 10_000),
        readable("s:6", "?!… 🧠", "((( [a-z]+ \\ \" '' \x00 \u202e"),
        readable("s:7", "the of and", "it is what it is"),
        readable("s:8", "x" * 10_000, "y" * 10_000),
        readable("s:9", "Nobody", "wrote this.", authors=("", " ", ".", "李明"), institutions=("",), categories=("",)),
        readable("s:10", "Everybody", "wrote this.", authors=tuple(f"A{n} B{n}" for n in range(3_000)), votes=10**12),
    ]


@pytest.mark.parametrize(("one", "size"), crossed(HOSTILE, [0, 10, SIZE]))
def test_hostile_topics_and_papers_give_finite_scores(one: Topic, size: int) -> None:
    papers = [*strange_papers(), *PAPERS, salad(1000)]
    against = ground() if size == SIZE else background(archive(size), papers)
    judged = [Judged(paper, Opinion.LIKE) for paper in papers[:4]] + [Judged(papers[5], Opinion.DISLIKE)]
    for said in ((), judged):
        found = scored(papers, replace(one, min_score=0.0), said, against)
        adds_up(found)
        likes = {paper.title for paper in papers[:4]}
        for row in range(len(papers)):
            true_reasons(found.reasons(row), papers[row], one, likes)


def test_a_topic_that_asks_for_nothing_finds_nothing() -> None:
    for one in HOSTILE[:3]:
        assert picked(scored([*strange_papers(), *some_papers()], replace(one, min_score=0.0))) == []


def test_other_scripts_match_themselves() -> None:
    papers = [readable("s:1", "Нейронные сети", "Обзор нейронных сетей."), *PAPERS, salad(1000)]
    assert best_first(scored(papers, topic("x", "нейронные", name="")))[0] == "s:1"


@pytest.mark.parametrize("size", [0, 1, 10, SIZE])
def test_no_papers_make_empty_rankings(size: int) -> None:
    candidates = Candidates([], background(archive(size)))
    judged = {"x": [Judged(NERF, Opinion.LIKE)]}
    assert [one.picks for one in rank(candidates, [topic("x", "robot", authors=("Ada",))], judged)] == [(), ()]


def test_no_topics_make_no_ranking_but_trending() -> None:
    assert [one.slug for one in rank(Candidates(PAPERS, ground()), [])] == [TRENDING]
    assert list(score(Candidates(PAPERS, ground()), [])) == []


@pytest.mark.parametrize("size", [1, 107, 1000])
def test_without_an_archive_a_paper_is_picked_on_a_day_of_any_size(size: int) -> None:
    others = [salad(number) for number in range(1000, 1000 + size - 1)]
    found = scored([BRAIN, *others], topic("x", "cortex", name="x"), against=background([], [BRAIN, *others]))
    assert picked(found) == [BRAIN.id]


@pytest.mark.parametrize("size", [1, 20, 400])
def test_without_an_archive_a_day_full_of_a_topic_does_not_come_out_empty(size: int) -> None:
    full = [salad(number) for number in range(1000, 1000 + size)]
    full = [replace(one, title=f"NeRF {one.title}", abstract=f"A NeRF. {one.abstract}") for one in full]
    assert picked(scored(full, topic("x", "NeRF"), against=background([], full)))


# Trending


def page(*places: int) -> list[ReadablePaper]:
    return [readable_paper(number, rank=place) for number, place in enumerate(places, 1)]


def trending(papers: Sequence[ReadablePaper], against: Background | None = None) -> Ranking:
    return rank(Candidates(papers, against or ground()), [])[-1]


def test_trending_is_the_page_order_and_says_the_place() -> None:
    found = trending(page(5, 1, 2))
    assert found.slug == TRENDING
    assert [pick.paper for pick in found.picks] == [f"title:{number:020x}" for number in (2, 3, 1)]
    assert found.picks[0].reasons == (Reason(Why.PLACE, (1, 5, "2025-03-12")),)
    for pick in found.picks:
        assert pick.score == round(sum(value for _, value in pick.parts), 4)


def test_a_paper_listed_on_two_days_trends_more() -> None:
    last, once, again = page(9, 4, 5)
    listings = (Listing(DAY - timedelta(days=1), "page", 9), *again.paper.listings)
    twice = replace(again, paper=replace(again.paper, listings=listings))
    found = trending([last, once, twice])
    assert [pick.paper for pick in found.picks] == [twice.id, once.id, last.id]
    assert Reason(Why.AGAIN, (2,)) in found.picks[0].reasons


def test_days_may_come_from_different_pages() -> None:
    first, second = page(1, 2)
    other = DAY - timedelta(days=1)
    moved = replace(second, paper=replace(second.paper, listings=(Listing(other, "other", 1),)))
    assert [pick.reasons[0] for pick in trending([first, moved]).picks] == [
        Reason(Why.PLACE, (1, 1, "2025-03-12")),
        Reason(Why.PLACE, (1, 1, "2025-03-11")),
    ]
