"""Whatever the server answers, reading a day of Hugging Face never raises, and what it yields is whole."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import huggingface_forms as forms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Batch, Verdict
from newsletter.sources.bounds import MAX_PROBLEMS
from newsletter.sources.huggingface.parser import MAX_NUMBER, parse_day, read_page, refusal

ASKED = date(2026, 8, 6)
GOOD = forms.page(*(forms.item(number) for number in range(1, 4)), forms.item(4, withdrawnAt="2026-08-06"))
DEFAULT = 300
MANY = 600

STRINGS = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(), max_size=30),  # lone surrogates too
    st.sampled_from(
        ["2608.00001", "2026-08-06", "2026-13-40", "https://github.com/a/b", "javascript:x", "\x00", "\ud800"]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), STRINGS)
FIELDS = st.sampled_from(
    [*forms.item(1), *forms.item(1)["paper"], "name", "hidden", "fullname", "withdrawnAt", "error", "message", ""]
)
SHAPES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(FIELDS, inner, max_size=6), max_leaves=25
)


def read(*bodies: bytes, today: date = date(2026, 8, 20)) -> Batch:
    """The batch, after the promises that hold for every answer were checked on it."""
    began = time.process_time()
    batch = parse_day([read_page(body) for body in bodies], source="fuzz", asked=ASKED, today=today)
    assert time.process_time() - began < 2
    assert batch.why.isprintable()
    assert all(problem.why.isprintable() for problem in batch.problems)
    assert len(batch.problems) <= MAX_PROBLEMS + 1
    assert (batch.day is None) is (not batch.papers)
    ranks = [paper.listings[0].rank for paper in batch.papers]
    assert ranks == sorted(set(ranks))
    for paper in batch.papers:
        assert paper.id == paper.keys[0]
        assert paper.listings[0].day == paper.first_seen <= ASKED
        for text in (paper.title, paper.abstract, paper.ai_summary, *paper.authors, *paper.institutions):
            assert text == " ".join(text.split())
            assert "\x00" not in text
            text.encode()
        assert all(link.url.startswith(("http://", "https://")) and link.url.isprintable() for link in paper.links)
        assert paper.votes is None or 0 <= paper.votes <= MAX_NUMBER
    assert len({paper.id for paper in batch.papers}) == len(batch.papers)
    assert {one.paper for one in batch.observations} <= {paper.id for paper in batch.papers}
    assert all(0 <= one.value <= MAX_NUMBER for one in batch.observations)
    assert batch.papers or batch.verdict in (Verdict.QUIET, Verdict.BROKEN)
    return batch


def replaced(shape: Any, path: list[int], value: Any) -> Any:
    """`shape` with what lies at `path` (numbers, taken modulo what there is) replaced."""
    if not path or not isinstance(shape, dict | list) or not shape:
        return value
    if isinstance(shape, list):
        at = path[0] % len(shape)
        return [*shape[:at], replaced(shape[at], path[1:], value), *shape[at + 1 :]]
    name = list(shape)[path[0] % len(shape)]
    return {**shape, name: replaced(shape[name], path[1:], value)}


def any_bytes(body: bytes) -> None:
    read(body)
    read(b"[" + body)
    read(GOOD, body)
    assert refusal(body).isprintable()


def any_shape(shape: Any) -> None:
    read(json.dumps(shape).encode())
    read(json.dumps([shape, forms.item(9)]).encode())


def any_place(path: list[int], value: Any) -> None:
    batch = read(json.dumps(replaced(json.loads(GOOD), path, value)).encode())
    if len(path) > 1:  # inside of one item, so that it costs no other
        assert len(batch.papers) >= 2


def any_mutation(changes: list[tuple[int, int, bytes]]) -> None:
    body = GOOD
    for start, dropped, inserted in changes:
        start %= len(body) + 1
        body = body[:start] + inserted + body[start + dropped :]
    read(body)


BYTES = st.one_of(st.binary(max_size=300), STRINGS.map(lambda text: text.encode("utf-8", "surrogatepass")))
PATHS = st.lists(st.integers(0, 50), min_size=1, max_size=5)
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=6)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=DEFAULT)
@given(BYTES)
def test_any_bytes(body: bytes) -> None:
    any_bytes(body)


@settings(deadline=None, max_examples=DEFAULT)
@given(SHAPES)
def test_any_json(shape: Any) -> None:
    any_shape(shape)


@settings(deadline=None, max_examples=DEFAULT)
@given(PATHS, SHAPES)
def test_anything_anywhere_in_a_good_answer(path: list[int], value: Any) -> None:
    any_place(path, value)


@settings(deadline=None, max_examples=DEFAULT)
@given(CHANGES)
def test_a_good_answer_changed(changes: list[tuple[int, int, bytes]]) -> None:
    any_mutation(changes)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(deadline=None, max_examples=MANY)
@given(BYTES, SHAPES, PATHS, CHANGES)
def test_all_of_it_at_length(body: bytes, shape: Any, path: list[int], changes: list[tuple[int, int, bytes]]) -> None:
    any_bytes(body)
    any_shape(shape)
    any_place(path, shape)
    any_mutation(changes)
