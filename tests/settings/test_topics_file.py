"""Topics as readers word them: everything a topic may say, its bounds, and a sentence for each mistake."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import PROJECT

from newsletter.cli.rows import topic_json
from newsletter.errors import Fault
from newsletter.model import Status, Subscriber, Topic
from newsletter.settings.readers import TopicTable, topics_of

WHOLE = {
    "slug": "neural-fields",
    "name": "Neural fields",
    "description": "Radiance fields.",
    "keywords": ['"radiance field"', "NeRF"],
    "exclude": ["medical"],
    "min_score": 2.5,
    "max_papers": 3,
    "categories": ["cs.CV", "math", "astro-ph.GA", "q-bio.NC", "cond-mat.mes-hall", "hep-th"],
    "authors": ["Ada Lovelace", "É. du Châtelet", "山田 太郎"],
    "institutions": ["University of Bologna"],
    "examples": ["2003.08934", "arXiv:math.GT/0309136v2", "10.1145/3592433", "A title: with “quotes”"],
    "weight": 0.5,
}


def read(**said: object) -> tuple[list[Topic], list[str]]:
    """The topics of a file with one table, and what is wrong with it."""
    faults: list[Fault] = []
    values: dict[str, Any] = {"topics": [{"slug": "x", "name": "X", **said}]}
    return topics_of(values, "topics.toml", faults), [str(fault) for fault in faults]


def test_everything_a_topic_may_say() -> None:
    [topic], faults = read(**WHOLE)
    assert faults == []
    assert json.loads(json.dumps(asdict(topic))) == WHOLE
    assert WHOLE.keys() == {field.name for field in fields(Topic)} == TopicTable.model_fields.keys()


def test_what_a_topic_need_not_say() -> None:
    assert read() == ([Topic("x", "X")], [])
    assert Topic("x", "X").min_score == 2.5
    assert Topic("x", "X").weight == 1.0


def test_the_json_of_a_topic_shows_all_of_it() -> None:
    [topic], _ = read(**WHOLE)
    readers = [
        Subscriber("ada@example.org", topics=("neural-fields", "other")),
        Subscriber("ben@example.org", topics=("neural-fields",), status=Status.LEFT),
        Subscriber("cleo@example.org"),
    ]
    assert json.loads(json.dumps(topic_json(topic, readers))) == WHOLE | {"readers": 1}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"categories": ["computer vision"]}, "topics[1].categories[1]: must be a category of arXiv like “cs.CV”"),
        ({"categories": ["cs.CV", "CS"]}, "topics[1].categories[2]: must be a category of arXiv"),
        ({"categories": ["cs."]}, "“q-bio.NC” or “math”"),
        ({"categories": [""]}, "must be a category of arXiv"),
        ({"categories": ["cs.CV\n"]}, "must be a category of arXiv"),
        ({"categories": ["a" * 100_000]}, "at most 40 characters"),
        ({"categories": "cs.CV"}, "topics[1].categories: must be a list in square brackets"),
        ({"categories": [7]}, "topics[1].categories[1]: must be text in quotes, not 7"),
        ({"authors": [""]}, "topics[1].authors[1]: must be one line of printable text with a letter or a digit in it"),
        ({"authors": [" - "]}, "topics[1].authors[1]: must be one line of"),
        ({"authors": ["Ada\r\nBcc: b"]}, "topics[1].authors[1]: must be one line"),
        ({"authors": ["a" * 201]}, "at most 200 characters"),
        ({"institutions": ["…"]}, "topics[1].institutions[1]: must be one line of"),
        ({"examples": ["a" * 501]}, "at most 500 characters"),
        ({"examples": [2003.08934]}, "topics[1].examples[1]: must be text in quotes"),
        ({"weight": 0}, "topics[1].weight: must be greater than 0, not 0"),
        ({"weight": -1.5}, "topics[1].weight: must be greater than 0"),
        ({"weight": 10.5}, "topics[1].weight: must be less than or equal to 10"),
        ({"weight": float("nan")}, "must be a finite number"),
        ({"weight": "heavy"}, "topics[1].weight: must be a number, not “heavy”"),
        ({"min_score": -0.1}, "topics[1].min_score: must be greater than or equal to 0"),
        ({"author": ["Ada"]}, "topics[1].author: there is no such setting; did you mean “authors”?"),
    ],
)
def test_a_mistake_is_one_sentence(said: dict[str, object], sentence: str) -> None:
    topics, [fault] = read(**said)
    assert fault.startswith("topics.toml: ")
    assert sentence in fault
    assert len(fault) < 200
    assert "\n" not in fault
    assert [topic.slug for topic in topics] == ["x"]  # its readers need no second complaint


@pytest.mark.parametrize(
    ("key", "one", "most"),
    [
        ("keywords", "word{}", 10_000),
        ("exclude", "word{}", 1000),
        ("categories", "cs.CV", 100),
        ("authors", "Ada {}", 200),
        ("institutions", "Bologna {}", 200),
        ("examples", "2003.{:05d}", 200),
    ],
)
def test_how_much_a_topic_may_say(key: str, one: str, most: int) -> None:
    [topic], faults = read(**{key: [one.format(n) for n in range(most)]})
    assert faults == []
    assert len(getattr(topic, key)) == most
    _, [fault] = read(**{key: [one.format(n) for n in range(most + 1)]})
    assert f"topics[1].{key}: " in fault
    assert f"at most {most} items" in fault


def test_names_are_taken_without_the_blanks_around_them() -> None:
    [topic], _ = read(authors=[" Ada Lovelace "], examples=[" 2003.08934"])
    assert (topic.authors, topic.examples) == (("Ada Lovelace",), ("2003.08934",))


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), st.recursive(st.text() | st.floats() | st.none(), st.lists)))
@settings(deadline=None, max_examples=200)
def test_whatever_a_file_says_is_a_topic_or_a_sentence(said: dict[str, Any]) -> None:
    topics, faults = read(**said)
    assert all(fault.startswith("topics.toml: ") for fault in faults)
    if not faults:
        [topic] = topics
        assert topic.weight > 0
        assert all(any(char.isalnum() for char in name) for name in (*topic.authors, *topic.institutions))


def test_the_docs_and_the_shipped_file_explain_every_key_with_its_default() -> None:
    documented = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
    shipped = (PROJECT / "config" / "topics.toml").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", documented, re.M))
    comments = dict(re.findall(r"^# (\w+) +(\S.+(?:\n#   {3,}.+)*)$", shipped, re.M))
    named = re.search(r"\*\*topics\.toml\*\* \| [^|]+ \| ([^|]+) \|", documented)
    assert named
    assert rows.keys() == TopicTable.model_fields.keys() == set(named[1].strip().split(", "))
    assert comments.keys() >= TopicTable.model_fields.keys()
    for key, field in TopicTable.model_fields.items():
        if isinstance(field.default, (int, float)):
            assert f"(default `{field.default}`)" in rows[key]
            assert f"(default {field.default}" in comments[key]


def test_the_shipped_examples_can_be_taken_as_they_are() -> None:
    """The commented lines of topics.toml, below one of its topics."""
    text = (PROJECT / "config" / "topics.toml").read_text(encoding="utf-8")
    examples = tomllib.loads("\n".join(re.findall(r"^#   (\w+ = .+)$", text, re.M)))
    assert examples.keys() == {"categories", "authors", "institutions", "examples", "weight"}
    [topic], faults = read(**examples)
    assert faults == []
    assert topic.weight == examples["weight"]
