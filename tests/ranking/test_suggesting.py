"""What feedback supports, with counts that anybody can check."""

from __future__ import annotations

import re
from dataclasses import replace

from builders import readable_paper, topic
from hypothesis import given, settings
from hypothesis import strategies as st
from seed_days import DAYS, papers

from newsletter.model import Opinion, ReadablePaper, Topic
from newsletter.ranking.following import same_person
from newsletter.ranking.matching import Document, term
from newsletter.ranking.suggesting import Evidence, suggest

ALL = [*papers()[DAYS[0]], *(one for one in papers()[DAYS[1]] if one not in papers()[DAYS[0]])]
VISION = topic("vision", "camera", name="Vision")


def evidence(
    liked: list[ReadablePaper],
    disliked: list[ReadablePaper],
    others: list[ReadablePaper],
    one: Topic = VISION,
    shown: list[tuple[float, Opinion]] | None = None,
) -> Evidence:
    return Evidence(one, tuple(liked), tuple(disliked), tuple(others), tuple(shown or ()))


def saying(*words: str, count: int = 4, first: int = 1) -> list[ReadablePaper]:
    titles = [f"Study {n} of {words[n % len(words)]}" for n in range(count)]
    return [readable_paper(first + n, title, f"We look at matter {n}.") for n, title in enumerate(titles)]


OTHERS = saying("cooking", "weather", "chess", count=40, first=100)


def test_a_word_of_the_liked_papers_is_proposed_with_its_counts() -> None:
    found = suggest(evidence(saying("Gaussian splatting", count=5), saying("weather", first=50), OTHERS))
    [keyword] = found.keywords
    assert (keyword.text, keyword.liked, keyword.disliked, keyword.others) == ('"Gaussian splatting"', 5, 0, 0)


def test_a_word_of_the_disliked_papers_that_no_liked_one_says_is_to_be_excluded() -> None:
    liked, disliked = saying("radiance"), saying("medicine", first=50)
    assert [one.text for one in suggest(evidence(liked, disliked, OTHERS)).exclude] == ["medicine"]
    mixed = [*liked, *saying("medicine", count=1, first=70)]
    assert not suggest(evidence(mixed, disliked, OTHERS)).exclude
    assert not suggest(evidence([], disliked, OTHERS)).exclude


def test_what_the_topic_says_already_and_what_everybody_says_is_not_proposed() -> None:
    known = topic("x", '"gaussian splatting"', exclude=("medicine",), name="x")
    found = suggest(evidence(saying("Gaussian splatting"), saying("medicine", first=50), OTHERS, known))
    assert found.empty
    assert suggest(evidence(saying("weather"), [], OTHERS)).empty


def test_two_papers_are_too_few() -> None:
    found = suggest(evidence(saying("radiance", count=2), [], OTHERS))
    assert not found.keywords
    assert suggest(evidence([], [], [])).empty


def by(names: list[str], number: int) -> ReadablePaper:
    one = readable_paper(number, f"Title {number}", "Text.")
    return replace(one, paper=replace(one.paper, authors=tuple(names)))


def test_authors_of_two_liked_papers_are_proposed_unless_they_are_followed() -> None:
    liked = [by(["Ada Lovelace", "Y. LeCun", "Plato"], 1), by(["Lovelace, Ada", "Y. LeCun", "Plato"], 2)]
    [author] = suggest(evidence(liked, [], OTHERS)).authors
    assert (author.text, author.liked, author.disliked) == ("Ada Lovelace", 2, 0)
    assert not suggest(evidence(liked, [], OTHERS, replace(VISION, authors=("Ada Lovelace",)))).authors
    assert not suggest(evidence(liked, [by(["Ada Lovelace"], number) for number in (3, 4)], OTHERS)).authors


LIKE, DISLIKE, SHOWN = Opinion.LIKE, Opinion.DISLIKE, Opinion.SHOWN


def test_a_threshold_keeps_every_liked_paper_and_drops_the_others() -> None:
    shown = [(score, LIKE) for score in (3.47, 4.0, 5.0, 6.0, 7.0)]
    shown += [(2.1, SHOWN), (2.5, SHOWN), (3.39, DISLIKE), (3.4, SHOWN), (8.0, DISLIKE)]
    found = suggest(evidence([], [], [], replace(VISION, min_score=2.0), shown)).threshold
    assert found
    assert (found.min_score, found.before) == (3.4, 2.0)
    assert (found.kept, found.liked, found.dropped, found.disliked, found.silenced, found.passed) == (5, 5, 1, 2, 2, 3)
    assert suggest(evidence([], [], [], VISION, shown[:4] + shown[5:])).threshold is None
    assert suggest(evidence([], [], [], replace(VISION, min_score=3.4), shown)).threshold is None


def test_one_liked_paper_in_ten_may_go_where_nothing_else_helps() -> None:
    shown = [(2.0, LIKE), *((5.0 + n, LIKE) for n in range(9)), *((3.0, SHOWN) for _ in range(4))]
    found = suggest(evidence([], [], [], replace(VISION, min_score=2.0), shown)).threshold
    assert found
    assert (found.min_score, found.kept, found.liked, found.silenced) == (5.0, 9, 10, 4)


numbers = st.sets(st.integers(0, len(ALL) - 1), max_size=12)


def some_of(several: list[ReadablePaper], chosen: set[int]) -> list[ReadablePaper]:
    return [one for number, one in enumerate(several) if number in chosen]


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_every_count_is_true_on_the_seeds(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(["brain", "3D", "language", "segment", "survey", "robot"]), max_size=2))
    about = [one for one in ALL if any(word in f"{one.title} {one.abstract}" for word in words)]
    # Drawn by number: a paper in full would bury what a failure says.
    liked = some_of(about or ALL, data.draw(numbers))
    rest = [one for one in ALL if one not in liked]
    disliked = some_of(rest, data.draw(numbers))
    others = [one for one in rest if one not in disliked]
    opinions = st.tuples(st.floats(0, 12), st.sampled_from([LIKE, DISLIKE, SHOWN]))
    shown = data.draw(st.lists(opinions, max_size=30))
    own = replace(VISION, authors=data.draw(st.sampled_from([(), ("Ada Lovelace",)])))
    given = evidence(liked, disliked, others, own, shown)
    found = suggest(given)
    assert found == suggest(given)
    for one in (*found.keywords, *found.exclude):
        wanted = term(one.text)
        assert wanted
        for number, several in ((one.liked, liked), (one.disliked, disliked), (one.others, others)):
            assert number == sum(Document(paper).find(wanted) is not None for paper in several)
        said = " ".join(f"{paper.title} {paper.abstract}" for paper in (*liked, *disliked))
        assert re.search(re.escape(one.text.strip('"')), said)
    assert all(one.liked >= 3 and one.disliked * 5 * len(liked) <= one.liked * len(disliked) for one in found.keywords)
    assert all(one.disliked >= 3 and not one.liked and len(liked) >= 3 for one in found.exclude)
    for one in found.authors:
        assert not any(same_person(name, one.text) for name in own.authors)
        for number, several in ((one.liked, liked), (one.disliked, disliked), (one.others, others)):
            written = [paper for paper in several if any(same_person(one.text, name) for name in paper.paper.authors)]
            assert number == len(written)
        assert one.liked >= 2
    if least := found.threshold:
        scores = {which: [score for score, opinion in shown if opinion is which] for which in (LIKE, DISLIKE, SHOWN)}
        assert least.kept == sum(score >= least.min_score for score in scores[LIKE]) >= 0.9 * least.liked
        assert least.dropped == sum(score < least.min_score for score in scores[DISLIKE])
        assert least.silenced == sum(score < least.min_score for score in scores[SHOWN])
        assert (least.liked, least.disliked, least.passed) == tuple(len(scores[one]) for one in (LIKE, DISLIKE, SHOWN))
        assert least.min_score > least.before == own.min_score
    assert found.topic.min_score >= own.min_score
    assert set(own.keywords) <= set(found.topic.keywords)
