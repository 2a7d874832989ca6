"""What a reader never wants to see is nowhere, and everything else stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import readable_paper, topic
from hypothesis import given, settings
from hypothesis import strategies as st
from seed_days import AUTHORS, DAYS, papers

from newsletter.model import Group, Pick, Ranking, ReadablePaper
from newsletter.ranking import muted, without
from newsletter.ranking.following import same_person
from newsletter.ranking.matching import Document, term
from newsletter.ranking.muting import meant

PAPERS = papers()[DAYS[0]]


def by(*authors: str, title: str = "Paper number 1") -> ReadablePaper:
    one = readable_paper(1, title)
    return replace(one, paper=replace(one.paper, authors=authors))


@pytest.mark.parametrize(
    ("words", "authors", "paper", "why"),
    [
        (["robot"], [], by(title="Robots that dance"), ("robot",)),
        (["dancing robots"], [], by(title="Robots that dance"), ("dancing robots",)),
        (['"dancing robots"'], [], by(title="Robots that dance"), ()),
        (["robot", "dance", "shell"], [], by(title="Robots that dance"), ("robot", "dance")),
        ([], ["Ada Lovelace"], by("Alan Turing", "Ada K. Lovelace"), ("Ada Lovelace",)),
        ([], ["A. Lovelace"], by("Ada Lovelace"), ("A. Lovelace",)),
        ([], ["Ada Lovelace"], by("A. Lovelace"), ()),  # a paper's initial is no proof
        ([], ["Emilie du Chatelet"], by("Émilie du Châtelet"), ("Emilie du Chatelet",)),
        (["robot"], ["Ada Lovelace"], by("Ada Lovelace", title="Robots"), ("robot", "Ada Lovelace")),
        (["...", ""], ["", "!"], by("", "!", title="..."), ()),
    ],
)
def test_words_and_authors_hide_what_they_mean(
    words: list[str], authors: list[str], paper: ReadablePaper, why: tuple[str, ...]
) -> None:
    assert muted([paper], words, authors) == ({paper.id: why} if why else {})


words = st.sampled_from(["brain", "neural network", '"language model"', "the", "zebra", "", "3D", "?"])
names = st.one_of(st.sampled_from([*AUTHORS, "", "4", "Ada Lovelace"]), st.text(max_size=12))


@settings(deadline=None, max_examples=40)
@given(st.lists(words, max_size=3), st.lists(names, max_size=3), st.lists(names, max_size=3))
def test_the_short_way_finds_what_the_long_way_finds(those: list[str], authors: list[str], written: list[str]) -> None:
    some = [*PAPERS[:12], by(*written, title="One more")]
    for paper in some:
        said = any(found and Document(paper).find(found) for found in map(term, those))
        known = any(same_person(one, name) for one in authors for name in paper.paper.authors)
        assert (paper.id in muted([paper], those, authors)) == (said or known)
    assert set(meant(written, authors).values()) <= set(authors)


def test_rankings_are_as_if_the_papers_had_not_been_there() -> None:
    picks = tuple(Pick(f"p{number}", "t", 1.0, (("words", 1.0),), ()) for number in range(3))
    ranking = Ranking(topic("t"), picks, ("p8",), (Group(("a",), ("p0", "p1")), Group(("b",), ("p2",))))
    left = without({"t": ranking}, {"p1", "p2", "p9"})["t"]
    assert left == replace(ranking, picks=picks[:1], groups=(Group(("a",), ("p0",)),))
    assert without({"t": ranking}, ()) == {"t": ranking}
