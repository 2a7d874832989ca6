"""Topics in readers' own words: read, refused in a sentence, known again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import paper
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Subscriber, Topic
from newsletter.model.subscriber import OWN
from newsletter.ranking.following import folded
from newsletter.subscribing.preferring import AUTHORS_OFFERED, GONE, authors_of, topic_name, topic_names
from newsletter.subscribing.wording import (
    LONGEST_DESCRIPTION,
    MOST_TERMS,
    MOST_TOPICS,
    Worded,
    own_topics,
    straight,
    term_fault,
    terms,
)
from newsletter.text import clean

BRAINS = Worded("Brains", "Maps of brains.", ("brain", "“neural code”"), ("survey",), ("Ada Lovelace",))


def read(*worded: Worded, known: tuple[str, ...] = ()) -> tuple[tuple[Topic, ...], dict[str, str]]:
    faults: dict[str, str] = {}
    return own_topics(worded, known, faults), faults


def test_a_topic_is_what_was_typed_and_keeps_its_slug() -> None:
    [made], faults = read(BRAINS)
    assert faults == {}
    assert made.slug.startswith(OWN)
    assert Worded.of(made) == replace(BRAINS, slug=made.slug)
    again, _ = read(Worded.of(replace(made, name="Minds")), Worded.of(made), Worded(slug=made.slug), known=(made.slug,))
    assert [one.name for one in again] == ["Minds", "Brains"]  # nothing typed is no topic
    assert again[0].slug == made.slug != again[1].slug  # one slug is one topic's
    [foreign], _ = read(Worded.of(made))
    assert foreign.slug != made.slug  # nobody takes a topic of somebody else's


@pytest.mark.parametrize(
    ("worded", "field", "words"),
    [
        (replace(BRAINS, name=""), "name", "needs a name"),
        (replace(BRAINS, name="..."), "name", "needs a name"),
        (replace(BRAINS, name="x" * 101), "name", "at most 100 characters"),
        (replace(BRAINS, description="x" * (LONGEST_DESCRIPTION + 1)), "description", "at most 1000"),
        (replace(BRAINS, keywords=["x" * 101]), "keywords", "longer than 100"),
        (replace(BRAINS, exclude=["?"]), "exclude", "neither a letter nor a digit"),
        (replace(BRAINS, authors=[f"A{n}" for n in range(MOST_TERMS + 1)]), "authors", "these are 31"),
        (replace(BRAINS, authors=["Lovelace, Ada"]), "authors", "comma"),
        (Worded("Brains"), "keywords", "say what it is about"),
        (Worded("Brains", "?", exclude=("survey",)), "keywords", "say what it is about"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(worded: Worded, field: str, words: str) -> None:
    _, faults = read(Worded(), worded)
    assert list(faults) == [f"own-1-{field}"]
    assert words in faults[f"own-1-{field}"]


def test_there_are_not_too_many() -> None:
    made, faults = read(*[BRAINS] * (MOST_TOPICS + 1))
    assert (len(made), list(faults)) == (MOST_TOPICS, ["own"])


worded = st.builds(
    Worded, *(st.text(max_size=15) for _ in range(2)), *(st.lists(st.text(max_size=9), max_size=3) for _ in range(3))
)


@settings(deadline=None, max_examples=100)
@given(st.lists(worded, max_size=7))
def test_whatever_is_typed_becomes_topics_or_faults(those: list[Worded]) -> None:
    made, faults = read(*those)
    assert all(one.slug.startswith(OWN) for one in made)
    assert len({one.slug for one in made}) == len(made)
    assert faults or all(one.name and (one.keywords or one.authors or one.description) for one in made)
    assert all(len(sentence.splitlines()) == 1 for sentence in faults.values())
    # What a form shows of it is read as the same topic, unless something was wrong.
    shown = [replace(Worded.of(one), keywords=terms(", ".join(one.keywords))) for one in made]
    assert faults or read(*shown, known=tuple(one.slug for one in made)) == (made, {})


def test_commas_and_new_lines_stand_between_terms() -> None:
    assert terms(' a b,, "c d"\r\n\n e , a b') == ("a b", '"c d"', "e")
    assert term_fault(terms("x, y" * 3)) == ""


@given(st.text(max_size=20))
def test_a_name_that_is_turned_round_is_the_same_name(name: str) -> None:
    assert "," not in straight(name)
    assert name.count(",") > 1 or folded(straight(name)) == folded(clean(name))


def test_own_topics_go_by_their_names() -> None:
    reader = Subscriber("ada@example.org", own=(Topic(f"{OWN}1", "Mine"),))
    names = topic_names([Topic("robots", "Robots")], reader)
    assert [topic_name(slug, names) for slug in ("robots", f"{OWN}1", f"{OWN}2", "shells")] == [
        "Robots",
        "Mine",
        GONE,
        "shells",
    ]


def test_the_first_the_last_and_some_between_can_be_muted_and_whoever_is_can_be_unmuted() -> None:
    names = [f"Ada Name{letter}" for letter in "abcdefghijkl"]
    one = replace(paper(), authors=("Rossi, Anna", *names, "?", "x" * 101, "Carla $\\alpha$ Last"))
    reader = Subscriber("ada@example.org", muted_authors=("Ada Nameh",))
    offered = authors_of(one, reader)
    assert [found.name for found in offered] == ["Anna Rossi", *names[:AUTHORS_OFFERED], names[7], one.authors[-1]]
    assert [found.name for found in offered if found.muted] == ["Ada Nameh"]
    assert (offered[0].shown, offered[-1].shown) == ("Rossi, Anna", "Carla α Last")
    assert authors_of(paper(), reader) == []
