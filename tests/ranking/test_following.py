"""Authors and institutions that a reader follows: always in, marked, and nobody else taken for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st
from salad import SIZE, adds_up, archive, ground, picked, readable, salad, scored

from newsletter.model import Opinion, Paper, ReadablePaper, Reason, Topic, Why
from newsletter.ranking import Candidates, Judged, background, rank
from newsletter.ranking.following import Names, agree, folded, letters, same_person, stands_in


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Yann LeCun", "Yann LeCun"),
        ("yann lecun", "Yann LeCun"),
        ("Yann  LeCun.", "Yann\u00a0LeCun"),
        ("Y. LeCun", "Yann LeCun"),
        ("Y LeCun", "Yann LeCun"),
        ("Y. LeCun", "Y. LeCun"),
        ("Y. LeCun", "Yves LeCun"),  # whoever writes an initial means everybody it fits
        ("LeCun, Yann", "Yann LeCun"),
        ("Yann LeCun", "LeCun, Yann"),
        ("LeCun, Y.", "Yann LeCun"),
        ("Rossi, Anna", "Anna Rossi"),
        ("Rossi, Anna", "Anna Maria Rossi"),
        ("Anna M. Rossi", "Anna Maria Rossi"),
        ("Anna Maria Rossi", "Anna M. Rossi"),
        ("Anna Maria Rossi", "Anna Rossi"),
        ("José García", "Jose Garcia"),
        ("Jose Garcia", "José Garci\u0301a"),
        ("Bernhard Schölkopf", "Bernhard Scholkopf"),
        ("Jürgen Schmidhuber", "JÜRGEN SCHMIDHUBER"),
        ("Jean-Pierre Serre", "Jean Pierre Serre"),
        ("Fei-Fei Li", "Fei-Fei Li"),
        ("李明", "李明"),
        ("Дмитрий Иванов", "дмитрий иванов"),
        ("Aristotle", "Aristotle"),
    ],
)
def test_the_same_person_however_the_name_is_written(followed: str, author: str) -> None:
    assert same_person(followed, author)


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Yann LeCun", "Y. LeCun"),  # a paper's initial is no proof
        ("Yann LeCun", "Yves LeCun"),
        ("Yann LeCun", "Yan LeCun"),
        ("Yann LeCun", "LeCun"),
        ("LeCun", "Yann LeCun"),  # one name alone would be everybody's
        ("Li", "Fei-Fei Li"),
        ("Y. LeCun", "Anna LeCun"),
        ("Y. LeCun", "Yann LeCunha"),
        ("Anna Rossi", "Rossi Anna"),
        ("Anna Rossi", "Giovanna Rossi"),
        ("Anna Rossi", "Annabella Rossi"),
        ("Anna B. Rossi", "Anna C. Rossi"),
        ("Anna Rossi", "Anna Rossini"),
        ("Anna Rossi", "Anna De"),
        ("Wei Wang", "Wei Zhang"),
        ("李明", "李明华"),
        ("", "Anna Rossi"),
        ("Anna Rossi", ""),
        ("", ""),
        (".", "."),
        ("1", "1"),
        (",", ","),
    ],
)
def test_other_people(followed: str, author: str) -> None:
    assert not same_person(followed, author)


names = st.text(max_size=20) | st.sampled_from(
    ["Anna Rossi", "Rossi, Anna", "A. Rossi", "Ångström", ",,", "J.-P. Serre"]
)


@settings(deadline=None, max_examples=300)
@given(names, names)
def test_any_two_names_can_be_compared(one: str, other: str) -> None:
    assert same_person(one, other) in (True, False)
    if same_person(one, other):
        assert same_person(one.upper(), other.lower()) or one.upper().casefold() != one.casefold()


@given(names)
def test_everybody_who_has_a_name_of_letters_is_themselves(name: str) -> None:
    letters = unicodedata.normalize("NFKD", name)  # ㈀ is a letter in brackets
    assert same_person(name, name) == any(char.isalpha() for char in letters)


PEOPLE = [
    "Ada Lovelace",
    "A. Lovelace",
    "Lovelace, Ada",
    "Anna Maria Rossi",
    "Rossi, Anna",
    "rossi",
    "",
    ".",
    "J. P. Li",
]


def by(*authors: str, institutions: tuple[str, ...] = ()) -> Paper:
    return Paper("p:1", "Cooking", "Rice.", authors, institutions=institutions)


def followed_author(one: Topic, paper: Paper) -> str | None:
    return Names([paper.authors], folded, agree).followed(one.authors).get(0)


def followed_institution(one: Topic, paper: Paper) -> str | None:
    return Names([paper.institutions], letters, stands_in).followed(one.institutions).get(0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(PEOPLE), max_size=4), max_size=5), st.lists(st.sampled_from(PEOPLE), max_size=3)
)
def test_many_papers_are_searched_as_each_alone(papers: list[list[str]], followed: list[str]) -> None:
    found = Names(papers, folded, agree).followed(followed)
    one_by_one = [
        next((name for name in own if any(same_person(one, name) for one in followed)), None) for own in papers
    ]
    assert found == {row: name for row, name in enumerate(one_by_one) if name is not None}


def test_the_name_is_given_as_the_paper_writes_it() -> None:
    one = topic("x", authors=("Nobody Known", "garcia, jose"))
    assert followed_author(one, by("Ada Lovelace", "José García")) == "José García"
    assert followed_author(one, by("Ada Lovelace")) is None
    assert followed_author(one, by()) is None
    assert followed_author(topic("x"), by("José García")) is None


@pytest.mark.parametrize(
    ("followed", "institution"),
    [
        ("ETH Zürich", "ETH Zurich, Switzerland"),
        ("mit", "MIT CSAIL"),
        ("University of Tübingen", "Max Planck Institute and University of Tübingen"),
        ("École Polytechnique", "Ecole polytechnique (France)"),
    ],
)
def test_an_institution_is_followed_word_by_word(followed: str, institution: str) -> None:
    one = topic("x", institutions=("Nowhere", followed))
    assert followed_institution(one, by("Ada", institutions=("Elsewhere", institution))) == institution


@pytest.mark.parametrize(
    ("followed", "institution"),
    [("MIT", "Mitsubishi Electric"), ("ETH", "Bethel University"), ("University of York", "University of New York"),
     ("", "MIT"), (".", "MIT"), ("MIT CSAIL", "MIT")],
)  # fmt: skip
def test_no_other_institution_is_taken_for_it(followed: str, institution: str) -> None:
    assert followed_institution(topic("x", institutions=(followed,)), by("Ada", institutions=(institution,))) is None


# In the ranking

HERS = readable("p:1", "Cooking rice", "Nothing of the kind.", authors=("Ada Lovelace", "Anna Rossi"))
NAMESAKES = [
    readable(f"p:{n}", f"Cooking {what}", f"Nothing of the {what}.", authors=(name,))
    for n, (what, name) in enumerate({"beans": "A. Rossi", "soup": "Maria Rossi", "cake": "Anna Bianchi"}.items(), 2)
]
FOLLOWING = topic("x", "galaxy", name="Galaxies", authors=("Rossi, Anna",), min_score=3.0)


def checked(papers: Sequence[ReadablePaper], one: Topic, judged: Sequence[Judged] = ()) -> None:
    """Her paper is a pick that says why first, and nobody else's says so."""
    [ranking, _] = rank(Candidates(papers, ground()), [one], {one.slug: judged} if judged else None)
    picks = {pick.paper: pick for pick in ranking.picks}
    assert HERS.id in picks
    assert picks[HERS.id].reasons[0] == Reason(Why.AUTHOR, ("Anna Rossi",))
    for number, pick in picks.items():
        assert number == HERS.id or Why.AUTHOR not in {reason.kind for reason in pick.reasons}
    adds_up(scored(papers, one, judged))


def test_a_followed_author_is_in_whatever_the_score_and_says_so() -> None:
    day = [salad(number) for number in range(1000, 1030)]
    checked([*day, *NAMESAKES, HERS], FOLLOWING)
    checked([*day, *NAMESAKES, HERS], replace(FOLLOWING, min_score=1000.0))
    checked([*day, *NAMESAKES, HERS], replace(FOLLOWING, categories=("cs.CV",)))
    checked([HERS], topic("x", name="", authors=("Anna Rossi",)))


@pytest.mark.parametrize("size", [10, SIZE, 4 * SIZE])
def test_a_followed_author_is_in_however_many_papers_fit_better(size: int) -> None:
    """The larger the archive, the further above an ordinary paper stands one that says what no other ever said."""
    crowd = [
        readable(f"q:{n:03}", f"Frobnication {salad(n).title}", f"Frobnication of {salad(n).abstract[:80]}")
        for n in range(5000, 5100)
    ]
    papers = [*crowd, HERS]
    against = background(archive(size), papers)
    one = replace(FOLLOWING, keywords=("frobnication",), name="")
    assert HERS.id in picked(scored(papers, one, against=against))
    [ranking, _] = rank(Candidates(papers, against), [one])
    assert HERS.id in [pick.paper for pick in ranking.picks]


@pytest.mark.parametrize("opinion", [Opinion.DISLIKE, Opinion.SHOWN])
def test_one_dislike_never_hides_a_followed_author(opinion: Opinion) -> None:
    day = [salad(number) for number in range(1000, 1030)]
    checked([*day, HERS], FOLLOWING, [Judged(HERS, opinion)])
    another = readable("p:9", "Cooking rice", "Nothing of the kind at all.", authors=("Anna Rossi",))
    checked([*day, HERS], FOLLOWING, [Judged(another, opinion)])
    checked([*day, HERS], FOLLOWING, [Judged(salad(3), Opinion.LIKE), Judged(another, opinion)])


def test_many_dislikes_do_not_hide_one_either() -> None:
    day = [salad(number) for number in range(1000, 1030)]
    checked([*day, HERS], FOLLOWING, [Judged(replace(HERS, abstract=f"No {n}."), Opinion.DISLIKE) for n in range(50)])


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(list(Opinion)), st.floats(0, 900)), max_size=8),
    st.floats(-10, 1000),
    st.sampled_from(["", "galaxy", "auction", "cooking", "frobnication"]),
)
def test_a_followed_author_is_always_in(said: list[tuple[int, Opinion, float]], least: float, keyword: str) -> None:
    judged = [Judged(salad(number), opinion, age) for number, opinion, age in said]
    checked([salad(1000), HERS, salad(1001)], replace(FOLLOWING, keywords=(keyword,), min_score=least), judged)


def test_near_duplicates_of_hers_are_shown_once() -> None:
    again = readable("p:8", HERS.title, HERS.abstract, authors=HERS.paper.authors)
    assert picked(scored([HERS, again], FOLLOWING)) == [HERS.id]
    copied = readable("p:8", HERS.title, HERS.abstract)
    assert picked(scored([copied, HERS], FOLLOWING)) == [HERS.id]


def test_a_followed_institution_is_in_and_says_so() -> None:
    theirs = readable("p:1", "Cooking rice", "Nothing.", institutions=("Dept. of Food, ETH Zürich",))
    found = scored([salad(1000), theirs], topic("x", "galaxy", institutions=("ETH Zurich",), min_score=9.0))
    assert picked(found) == [theirs.id]
    assert found.reasons(1)[0] == Reason(Why.INSTITUTION, ("Dept. of Food, ETH Zürich",))


@pytest.mark.parametrize("size", [0, 1, 10, SIZE])
def test_an_author_is_followed_with_an_archive_of_any_size(size: int) -> None:
    papers = [salad(1000), HERS, *NAMESAKES]
    found = scored(papers, replace(FOLLOWING, keywords=()), against=background(archive(size), papers))
    assert HERS.id in picked(found)
    assert not {one.id for one in NAMESAKES} & set(picked(found))
