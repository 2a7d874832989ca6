"""What a topic asks for, from the way it is worded."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from builders import topic
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Topic
from newsletter.ranking.matching import Term
from newsletter.ranking.query import MOST, query
from newsletter.ranking.words import BOILERPLATE, STOP_WORDS, stems


def weights(*keywords: str, name: str = "", description: str = "") -> dict[str, float]:
    return dict(query(topic("x", *keywords, name=name, description=description)).weights)


def test_name_keywords_and_description_are_asked_for_by_their_stems() -> None:
    found = weights("robotics", name="Neural fields", description="Rendering scenes.")
    assert found.keys() == {"robot", "neural", "field", "render", "scene"}
    assert found["robot"] == found["neural"] > found["render"] > 0


def test_a_quoted_phrase_asks_for_its_words_side_by_side_only() -> None:
    assert weights('"radiance field"').keys() == {"radianc field"}
    assert weights('"neural radiance field"').keys() == {"neural radianc", "radianc field"}
    assert weights('"chain of thought"').keys() == {"chain thought"}


def test_several_words_ask_for_each_and_for_them_side_by_side() -> None:
    assert weights("radiance field").keys() == {"radianc", "field", "radianc field"}
    assert weights('"unmatched field').keys() == {"unmatch", "field", "unmatch field"}


def test_a_phrase_of_one_word_is_that_word() -> None:
    assert weights('"robotics"') == weights("robotics") == weights('"the robotics"')


def test_a_keyword_of_many_words_asks_for_no_more_than_one_of_few() -> None:
    for keyword in ("one", "one two", "one two three four", "one two three four five six seven eight"):
        assert sum(weight for term, weight in weights(keyword).items() if " " not in term) == pytest.approx(
            weights("one")["one"]
        )


@pytest.mark.parametrize("filler", ["New papers about", "A survey of the latest studies:", "Everything on", "of the"])
def test_filler_words_of_a_description_ask_for_nothing(filler: str) -> None:
    one = topic("x", name="x", description="neural fields")
    assert query(replace(one, description=f"{filler} neural fields")).weights == query(one).weights
    assert query(replace(one, description=filler)).described == ()


@pytest.mark.parametrize("keyword", ["", " ", '"', '""', '" "', "the", '"of the"', "(((", "*", "\\", "—", "🧠", "_"])
def test_keywords_without_a_word_ask_for_nothing(keyword: str) -> None:
    asked = query(topic("x", keyword, name=""))
    assert not asked.weights
    assert asked.named == asked.described == ()


def test_a_keyword_may_be_a_word_that_says_nothing_in_a_description() -> None:
    assert weights("survey").keys() == {"survey"}


words = (
    st.sampled_from(["neural", "Fields", "the", "papers", "of", "3D", "café", "网络", '"', "(", "LLMs", "…"])
    | st.text()
)
texts = st.lists(words, max_size=12).map(" ".join)
topics = st.builds(Topic, st.just("x"), texts, texts, st.lists(texts, max_size=6).map(tuple))


@settings(deadline=None, max_examples=100)
@given(topics)
def test_weights_are_bounded_and_terms_are_there(one: Topic) -> None:
    asked = query(one)
    assert all(0 < weight <= MOST for weight in asked.weights.values())
    said = set(stems(" ".join([one.name, one.description]))) | {
        stem for keyword in one.keywords for stem in stems(keyword)
    }
    for term in asked.weights:
        assert set(term.split(" ")) <= said
        assert not set(term.split(" ")) & STOP_WORDS
    for wanted in (*asked.named, *asked.described):
        assert wanted.stems
        assert set(wanted.stems) <= said
    assert not set(asked.named) & set(asked.described)
    assert len(set(asked.named)) == len(asked.named)
    assert asked == query(one)


@settings(deadline=None, max_examples=30)
@given(topics, st.integers(2, 50))
def test_saying_a_thing_often_asks_for_it_within_limits(one: Topic, times: int) -> None:
    once, often = query(one).weights, query(replace(one, keywords=one.keywords * times)).weights
    assert often.keys() == once.keys()
    assert all(once[term] <= often[term] <= MOST for term in once)


@settings(deadline=None, max_examples=30)
@given(topics, st.randoms(use_true_random=False))
def test_the_order_of_keywords_does_not_matter(one: Topic, order: object) -> None:
    keywords = list(one.keywords)
    order.shuffle(keywords)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    shuffled = query(replace(one, keywords=tuple(keywords))).weights
    assert shuffled == pytest.approx(dict(query(one).weights))


def test_what_can_be_a_reason_is_a_phrase_before_it_is_a_word() -> None:
    asked = query(
        topic("x", '"radiance field"', "fast robots", name="Neural scene rendering", description="Of mirrors.")
    )
    assert Term(("radianc", "field")) in asked.named
    assert Term(("fast", "robot"), anywhere=True) in asked.named
    assert Term(("neural", "scene", "render")) in asked.named
    assert Term(("mirror",)) in asked.described
    assert all(len(one.stems) > 1 or one.stems[0] not in BOILERPLATE for one in asked.named)


def test_ten_thousand_keywords_and_a_long_description_are_read_in_no_time() -> None:
    """In time that grows with the words, not with their square."""
    many = topic(
        "x", *[f"word{n}" for n in range(10_000)], name="x", description=" ".join(f"w{n}" for n in range(5_000))
    )
    begun = time.process_time()
    assert len(query(many).weights) == 15_000
    assert time.process_time() - begun < 5
