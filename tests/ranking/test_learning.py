"""What a reader's verdicts teach: likes raise, dislikes lower, old ones fade, and nothing goes beyond its cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st
from salad import SIZE, SUBJECTS, adds_up, archive, best_first, ground, part, readable, salad, scored, scores

from newsletter.model import Opinion, ReadablePaper, Why
from newsletter.ranking import Background, Candidates, Judged, background, rank
from newsletter.ranking.learning import CAP, Learner, Taste

LIKE, DISLIKE, SHOWN = Opinion.LIKE, Opinion.DISLIKE, Opinion.SHOWN

# Nothing of a topic: what is scored is what was learnt.
BLANK = topic("x", name="", min_score=0.0)
DAY = [salad(number) for number in range(1000, 1036)]
STARS = {one.id for one in DAY if one.paper.categories[0] == "astro-ph"}
MARKETS = {one.id for one in DAY if one.paper.categories[0] == "econ.TH"}


def of(subject: str, number: int = 3, first: int = 2000) -> list[ReadablePaper]:
    return [salad(each, subject) for each in range(first, first + number)]


def said(opinion: Opinion, papers: Sequence[ReadablePaper], age: float = 0.0) -> list[Judged]:
    return [Judged(one, opinion, age) for one in papers]


def taste(judged: Sequence[Judged], papers: Sequence[ReadablePaper] = DAY, against: Background | None = None) -> Taste:
    found = Learner(Candidates(papers, against or ground())).taste(judged)
    assert found is not None
    return found


def mean(values: dict[str, float], which: set[str]) -> float:
    return float(np.mean([values[one] for one in which]))


def learned(judged: Sequence[Judged]) -> dict[str, float]:
    return part(scored(DAY, BLANK, judged), "learned")


def test_likes_raise_what_is_like_them() -> None:
    judged = said(LIKE, of("astro-ph"))
    found = learned(judged)
    for subject in SUBJECTS:
        theirs = {one.id for one in DAY if one.paper.categories[0] == subject}
        assert (mean(found, theirs) > 0) is (theirs == STARS)
    assert len(set(best_first(scored(DAY, BLANK, judged))[: len(STARS)]) & STARS) > len(STARS) / 2


def test_one_like_is_enough_to_be_heard() -> None:
    found = learned(said(LIKE, of("astro-ph", 1)))
    assert mean(found, STARS) > 0 > mean(found, MARKETS)


def test_dislikes_lower_what_is_like_them_and_raise_nothing() -> None:
    found = learned(said(DISLIKE, of("astro-ph")))
    assert mean(found, STARS) < mean(found, found.keys() - STARS) <= 0
    assert max(found.values()) <= 0


def test_likes_and_dislikes_pull_apart() -> None:
    judged = said(LIKE, of("econ.TH")) + said(DISLIKE, of("astro-ph"))
    found, liked_only = learned(judged), learned(said(LIKE, of("econ.TH")))
    assert min(found[one] for one in MARKETS) > 0 > max(found[one] for one in STARS)
    assert mean(found, STARS) < mean(liked_only, STARS)


def test_what_was_shown_and_passed_over_counts_a_little_beside_a_verdict() -> None:
    like = said(LIKE, of("econ.TH"))
    nothing, passed, refused = (
        mean(learned(like + said(opinion, papers)), STARS)
        for opinion, papers in ((SHOWN, []), (SHOWN, of("astro-ph")), (DISLIKE, of("astro-ph")))
    )
    assert refused < passed < nothing


@pytest.mark.parametrize("silent", [[], said(SHOWN, of("astro-ph"))])
def test_nothing_is_learnt_where_nothing_was_said(silent: list[Judged]) -> None:
    assert Learner(Candidates(DAY, ground())).taste(silent) is None
    assert part(scored(DAY, BLANK, silent), "learned") == dict.fromkeys((one.id for one in DAY), 0.0)


def test_taking_a_verdict_back_leaves_no_trace() -> None:
    one = topic("x", "auction")
    candidates = Candidates(DAY, ground())
    before = rank(candidates, [one])
    rank(candidates, [one], {"x": said(LIKE, of("astro-ph"))})
    assert rank(candidates, [one], {"x": []}) == before
    assert rank(candidates, [one], {"other": said(LIKE, of("astro-ph"))}) == before


def test_a_verdict_on_one_topic_says_nothing_about_another() -> None:
    topics = [topic("a", "auction"), topic("b", "galaxy")]
    candidates = Candidates(DAY, ground())
    plain, taught = rank(candidates, topics), rank(candidates, topics, {"a": said(LIKE, of("econ.TH"))})
    assert plain[1] == taught[1]
    assert plain[0] != taught[0]


def test_old_verdicts_count_less() -> None:
    fresh = [learned(said(opinion, of("astro-ph"))) for opinion in (LIKE, DISLIKE)]
    old = [learned(said(opinion, of("astro-ph"), 720.0)) for opinion in (LIKE, DISLIKE)]
    older = [learned(said(opinion, of("astro-ph"), 1440.0)) for opinion in (LIKE, DISLIKE)]
    assert mean(fresh[0], STARS) > mean(old[0], STARS) > mean(older[0], STARS) >= 0
    assert mean(fresh[1], STARS) < mean(old[1], STARS) < mean(older[1], STARS) <= 0


def test_of_two_likes_the_younger_counts_more() -> None:
    def both(stars: float, markets: float) -> dict[str, float]:
        return learned(said(LIKE, of("astro-ph"), stars) + said(LIKE, of("econ.TH"), markets))

    stars, markets = both(0.0, 720.0), both(720.0, 0.0)
    assert mean(stars, STARS) > mean(markets, STARS)
    assert mean(stars, MARKETS) < mean(markets, MARKETS)


def test_more_likes_count_more() -> None:
    few, many = learned(said(LIKE, of("astro-ph", 2))), learned(said(LIKE, of("astro-ph", 12)))
    assert mean(many, STARS) > mean(few, STARS) > 0


def test_an_example_paper_counts_as_a_like_from_the_first_day() -> None:
    examples = [Judged(one, LIKE, example=True) for one in of("astro-ph")]
    found = scored(DAY, BLANK, examples)
    assert part(found, "learned") == learned(said(LIKE, of("astro-ph")))
    row = int(found.order[0])
    assert found.candidates.papers[row].id in STARS
    named = [reason for reason in found.reasons(row) if reason.kind is Why.EXAMPLE]
    assert [reason.values[0] for reason in named] == [
        one.paper.title for one in examples if one.paper.title == named[0].values[0]
    ]


def test_an_example_that_is_only_a_title_counts_too() -> None:
    title = readable("example:x", "Stellar lensing of a quasar halo in a galaxy")
    found = learned([Judged(title, LIKE, example=True)])
    assert mean(found, STARS) > mean(found, found.keys() - STARS)


def test_a_paper_like_a_liked_one_says_so_and_an_unlike_one_does_not() -> None:
    liked = of("astro-ph", 1)
    found = scored(DAY, BLANK, said(LIKE, liked))
    close = {DAY[row].id for row in range(len(DAY)) if any(one.kind is Why.LIKED for one in found.reasons(row))}
    assert close
    assert close <= STARS
    refused = scored(DAY, BLANK, said(DISLIKE, liked))
    assert not [one for row in range(len(DAY)) for one in refused.reasons(row) if one.kind is Why.LIKED]


def test_the_author_of_liked_papers_is_liked() -> None:
    author = "Ada Abara"
    theirs = [
        replace(salad(n, "econ.TH"), paper=replace(salad(n, "econ.TH").paper, authors=(author,)))
        for n in range(3000, 3006)
    ]
    twins = [
        readable("p:1", "Xyzzy plugh", "Grue.", authors=(author,)),
        readable("p:2", "Xyzzy plover", "Grue.", authors=("Nobody Known",)),
    ]
    found = part(scored(twins, BLANK, said(LIKE, theirs)), "learned")
    assert found["p:1"] > found["p:2"]


def test_the_topic_is_never_replaced() -> None:
    """Whatever was liked, of two papers that are alike to the reader the one about the topic comes first."""
    auctions = topic("x", "frobnication", name="")
    pair = [
        readable("p:1", "Xyzzy plugh", "A study of frobnication and galaxies."),
        readable("p:2", "Xyzzy plugh", "A study of confabulation and galaxies."),
    ]
    for judged in (said(LIKE, of("astro-ph", 60)), said(DISLIKE, of("astro-ph", 60)), said(LIKE, of("econ.TH", 60))):
        found = scores(scored(pair, auctions, judged))
        assert found["p:1"] > found["p:2"]


@pytest.mark.parametrize("number", [1, 10, 500])
def test_no_number_of_verdicts_goes_beyond_the_cap(number: int) -> None:
    papers = [*DAY, readable("p:1", "galaxy " * 30, "quasar " * 500)]
    for opinion in (LIKE, DISLIKE):
        assert np.abs(taste(said(opinion, of("astro-ph", number)), papers).learned).max() <= CAP
        both = said(opinion, of("astro-ph", number)) + said(LIKE, of("econ.TH", number))
        assert np.abs(taste(both, papers).learned).max() <= CAP


judgements = st.lists(
    st.builds(
        Judged,
        st.integers(0, 1050).map(salad)
        | st.sampled_from(
            [readable("p:1", "", ""), readable("p:2", "神经网络"), readable("p:3", "Xyzzy", "plugh " * 99)]
        ),
        st.sampled_from(list(Opinion)),
        st.floats(0, 1e6),
        st.booleans(),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=30)
@given(judgements, st.sampled_from([0, 1, 10, SIZE]))
def test_whatever_was_judged_the_taste_is_finite_capped_and_the_same_again(judged: list[Judged], size: int) -> None:
    papers = DAY[:8]
    against = ground() if size == SIZE else background(archive(size), papers)
    found = Learner(Candidates(papers, against)).taste(judged)
    opinions = {one.opinion for one in judged}
    assert (found is None) == (not opinions & {LIKE, DISLIKE})
    if found:
        assert np.isfinite(found.learned).all()
        assert np.abs(found.learned).max() <= CAP
        assert all(one.opinion is LIKE for one in found.liked)
        assert LIKE in opinions or found.learned.max() <= 0
        again = Learner(Candidates(papers, against)).taste(judged)
        assert again is not None
        assert (again.learned == found.learned).all()
    adds_up(scored(papers, BLANK, judged, against))


@settings(deadline=None, max_examples=15)
@given(judgements)
def test_a_learner_that_has_learnt_before_learns_the_same(judged: list[Judged]) -> None:
    learner = Learner(Candidates(DAY[:8], ground()))
    learner.taste(said(DISLIKE, of("astro-ph")))
    this, that = learner.taste(judged), Learner(Candidates(DAY[:8], ground())).taste(judged)
    assert (this is None) == (that is None)
    if this and that:
        assert (this.learned == that.learned).all()


def test_a_dislike_of_the_paper_itself_lowers_it() -> None:
    one = topic("x", "galaxy", "quasar")
    disliked = next(paper for paper in DAY if paper.id in STARS)
    before, after = scores(scored(DAY, one)), scores(scored(DAY, one, [Judged(disliked, DISLIKE)]))
    assert after[disliked.id] < before[disliked.id]


def test_learning_is_fast_enough_for_every_reader() -> None:
    """A reader with hundreds of verdicts costs no more than those that are learnt from."""
    learner = Learner(Candidates(DAY, ground()))
    found = learner.taste(said(LIKE, of("astro-ph", 1000, 10_000)) + said(SHOWN, of("econ.TH", 1000, 10_000)))
    assert found is not None
    assert len(found.liked) < 1000
    assert found.liked[-1].paper.id == of("astro-ph", 1000, 10_000)[-1].id, "the latest count"
