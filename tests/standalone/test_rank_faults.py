"""Records that cannot be read, and records from hostile hands."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standalone_records import BRAIN, FIELDS, NERF, PAPERS, Record

from newsletter.errors import ConfigurationError
from newsletter.standalone import Records, rank_records, ranked

LIKE = {"topic": "fields", "paper": NERF["id"], "verdict": "like"}


def fault(**given_records: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        rank_records(**({"papers": PAPERS, "topics": [FIELDS]} | given_records))
    return str(raised.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": None}, "the paper has no “id”"),
        ({"id": "  "}, "“id” must be text or a whole number; put it in quotes"),
        ({"id": 2503.0123}, "“id” must be text or a whole number; put it in quotes"),
        ({"id": True}, "“id” must be text or a whole number; put it in quotes"),
        ({"title": 7}, "“title” must be text, not a number"),
        ({"abstract": ["x"]}, "“abstract” must be text, not a list"),
        ({"authors": "Ada, Grace"}, "“authors” must be a list of texts, not text"),
        ({"authors": {"name": "Ada"}}, "“authors” must be a list of texts, not an object"),
        ({"authors": ["Ada", {"name": "Grace"}]}, "“authors” must be a list of texts; an object is in it"),
        ({"categories": 3}, "“categories” must be a list of texts, not a number"),
        ({"day": "12 March"}, "“day” must be a day like 2025-03-12, not “12 March”"),
        ({"day": "x" * 500}, f"“day” must be a day like 2025-03-12, not “{'x' * 39}…”"),
        ({"day": 20250312}, "“day” must be text, not a number"),
        ({"votes": -1}, "“votes” must be a whole number, 0 or more"),
        ({"votes": 1.5}, "“votes” must be a whole number, 0 or more"),
        ({"votes": "12"}, "“votes” must be a whole number, 0 or more"),
        ({"votes": 10**400}, "“votes” must be a whole number, 0 or more"),
    ],
)
def test_a_paper_that_cannot_be_read_is_named_with_what_is_wrong(change: Record, sentence: str) -> None:
    assert fault(papers=[BRAIN, {**NERF, **change}]) == f"papers:2: {sentence}"
    assert fault(archive=[{**NERF, **change}]) == f"archive:1: {sentence}"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slug": None}, "the topic has no “slug”"),
        ({"name": 7}, "“name” must be text, not a number"),
        ({"keywords": "radiance"}, "“keywords” must be a list of texts, not text"),
        ({"min_score": "high"}, "“min_score” must be a number"),
        ({"weight": 0}, "“weight” must be a number above 0"),
        ({"max_papers": 0}, "“max_papers” must be a whole number, 1 or more"),
    ],
)
def test_a_topic_that_cannot_be_read_is_named_with_what_is_wrong(change: Record, sentence: str) -> None:
    assert fault(topics=[{**FIELDS, **change}]) == f"topics:1: {sentence}"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"topic": None}, "the verdict has no “topic”"),
        ({"paper": ""}, "the verdict has no “paper”"),
        ({"verdict": "love"}, "“verdict” must be like, dislike, shown, not “love”"),
        ({"verdict": None}, "“verdict” must be like, dislike, shown, not “”"),
        ({"at": "yesterday"}, "“at” must be a day like 2025-03-12, not “yesterday”"),
    ],
)
def test_a_verdict_that_cannot_be_read_is_named_with_what_is_wrong(change: Record, sentence: str) -> None:
    assert fault(feedback=[{**LIKE, **change}]) == f"feedback:1: {sentence}"


def test_all_faults_are_told_at_once_but_not_thousands() -> None:
    said = fault(papers=[{}] * 30, topics=[3, FIELDS]).splitlines()
    assert said[0] == "topics:1: holds a number; write one JSON object, {…}, for each"
    assert said[1:20] == [f"papers:{number}: the paper has no “id”" for number in range(1, 20)]
    assert said[20:] == ["and: 11 more like these"]


def of_lines(content: bytes) -> list[Any]:
    nothing = Records("nothing", ())
    topics = Records("T.jsonl", [json.dumps(FIELDS).encode()])
    found = list(ranked(Records("P.jsonl", content.split(b"\n")), topics, nothing, nothing, (), lambda sentence: None))
    return sorted(str(one.id) for one in found[0].given)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"nonsense", "is not JSON (Expecting value, column 1); write one object, {…}, a line"),
        (b'{"id": "x"', "is not JSON (Expecting ',' delimiter, column 11); write one object, {…}, a line"),
        (b'["x"]', "holds a list; write one JSON object, {…}, for each"),
        (b"null", "holds null; write one JSON object, {…}, for each"),
        (b'{"id": "caf\xe9"}', "is not UTF-8 (byte 12); save the file as UTF-8"),
        (b"[" * 200_000, "is JSON that cannot be read: nested too deep, or with a number too long"),
        (b'{"id": ' + b"9" * 5000 + b"}", "is JSON that cannot be read: nested too deep, or with a number too long"),
    ],
    ids=["words", "half", "list", "null", "latin-1", "deep", "long"],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(line: bytes, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        of_lines(b'{"id": "a"}\n\n' + line + b"\n")
    assert str(raised.value) == f"P.jsonl:3: {sentence}"


def test_lines_may_have_a_mark_of_their_order_returns_and_nothing_in_them() -> None:
    assert of_lines(b'\xef\xbb\xbf{"id": "a"}\r\n\r\n  \r\n{"id": "b"}\r\n') == ["a", "b"]
    assert of_lines(b"\xef\xbb\xbf") == of_lines(b"") == []


def test_nan_means_that_nothing_is_known() -> None:
    line = b'{"id": "a", "title": "T", "abstract": NaN, "votes": NaN, "day": NaN, "authors": NaN, "other": -Infinity}'
    assert of_lines(line) == ["a"]
    nan = dict.fromkeys(("abstract", "votes", "day", "authors", "categories", "institutions"), math.nan)
    papers = [{"id": "a", "title": "Radiance fields", **nan}, BRAIN]
    bare = [{"id": "a", "title": "Radiance fields", "more": object()}, BRAIN]
    assert rank_records(papers, [FIELDS]) == rank_records(bare, [FIELDS])


def test_a_megabyte_of_title_and_ten_thousand_keywords_are_ranked() -> None:
    papers = [{**NERF, "id": "long", "title": "radiance field " * 70_000}, *PAPERS]
    topic = {**FIELDS, "keywords": [f"radiance word{number}" for number in range(10_000)], "exclude": ["(", ".*", ""]}
    entries = rank_records(papers, [topic])["fields"]
    assert len(entries) == len(papers)
    assert all(len(reason) < 1000 for entry in entries for reason in entry["reasons"])


TEXTS = (
    st.none() | st.text(max_size=30) | st.sampled_from(["radiance field", "深度 学习", "\ud800", "(.*", "$\\alpha$"])
)
NAMES = st.none() | st.lists(st.text(max_size=12), max_size=3)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
PAPER = st.fixed_dictionaries(
    {"id": st.text(min_size=1, max_size=4) | st.integers(0, 9)},
    optional={"title": TEXTS, "abstract": TEXTS, "authors": NAMES, "votes": VALUES, "day": VALUES, "categories": NAMES},
)
TOPIC = st.fixed_dictionaries(
    {"slug": st.text(min_size=1, max_size=4)},
    optional={"name": TEXTS, "description": TEXTS, "keywords": NAMES, "exclude": NAMES, "examples": NAMES}
    | {"authors": NAMES, "min_score": VALUES},
)
VERDICT = st.fixed_dictionaries(
    {"topic": st.text(max_size=2), "paper": st.integers(0, 9), "verdict": st.sampled_from(["like", "dislike", "shown"])}
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(PAPER, max_size=5), st.lists(TOPIC, max_size=2), st.lists(PAPER, max_size=3), st.lists(VERDICT, max_size=4)
)
def test_whatever_is_given_all_papers_are_ranked_or_a_sentence_says_why_not(
    papers: list[Record], topics: list[Record], archive: list[Record], feedback: list[Record]
) -> None:
    feedback = [{**one, "topic": topic["slug"]} for topic in topics[:1] for one in feedback]
    try:
        found = rank_records(papers, topics, archive, feedback)
    except ConfigurationError:  # a sentence for each fault, as the other tests prove
        return
    assert set(found) == {one["slug"] for one in topics}
    for entries in found.values():
        assert {str(entry["id"]) for entry in entries} == {str(paper["id"]) for paper in papers}
        for entry in entries:
            assert math.isfinite(entry["score"])
            assert math.isclose(sum(entry["parts"].values()), entry["score"], abs_tol=1e-6)
