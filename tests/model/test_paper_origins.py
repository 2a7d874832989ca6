"""Where two sources disagree on a paper, a documented order decides, whichever came first."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Paper, merge, stamped
from newsletter.model.paper import AUTHORITY, FIELDS

KINDS = (*AUTHORITY, "somebody-elses", "")
texts = st.sampled_from(["", "one", "another", "a third"])
papers = st.builds(
    Paper,
    id=st.just("arxiv:1"),
    title=texts,
    abstract=texts,
    authors=st.lists(texts.filter(bool), max_size=2).map(tuple),
    venue=texts,
    votes=st.none() | st.integers(0, 2),
    categories=st.lists(st.sampled_from(["cs.CV", "math"]), max_size=2).map(tuple),
)
told = st.tuples(papers, st.sampled_from(KINDS)).map(lambda pair: stamped(pair[0], pair[1] and f"{pair[1]}/x"))


def known(paper: Paper) -> dict[str, object]:
    empty = Paper("arxiv:1", "", "")
    return {name: value for name in FIELDS if (value := getattr(paper, name)) != getattr(empty, name)}


@settings(deadline=None, max_examples=200)
@given(told)
def test_every_field_that_says_something_has_an_origin(paper: Paper) -> None:
    assert set(dict(paper.origins)) == set(known(paper))
    assert stamped(paper, "feed/another") == paper


@settings(deadline=None, max_examples=300)
@given(st.lists(papers, min_size=4, max_size=4), st.permutations(KINDS))
def test_the_order_in_which_sources_answer_does_not_matter(several: list[Paper], kinds: list[str]) -> None:
    """Of sources of different kinds the most trusted one that says anything of a field is believed."""
    told = [stamped(one, kind and f"{kind}/x") for one, kind in zip(several, kinds, strict=False)]
    merged = [known(_merged(list(order))) for order in permutations(told)]
    assert all(one == merged[0] for one in merged)


def _merged(papers: list[Paper]) -> Paper:
    first, *others = papers
    for other in others:
        first = merge(first, other)
    return first


def test_the_documented_order() -> None:
    """arXiv's words before a journal's feed, both before pages that repeat them."""
    said = {kind: stamped(Paper("arxiv:1", f"As {kind} has it", ""), f"{kind}/x" if kind else "") for kind in KINDS}
    ranked = ["arxiv", "feed", "huggingface", "semanticscholar", "openalex", "jsonl", "somebody-elses", "listing"]
    for place, kind in enumerate(ranked):
        for lower in [*ranked[place + 1 :], ""]:
            assert merge(said[kind], said[lower]).title == merge(said[lower], said[kind]).title == f"As {kind} has it"


def test_of_one_kind_the_first_is_kept_unless_it_thinks_again() -> None:
    one, other = (stamped(Paper("arxiv:1", f"As {name} has it", ""), f"feed/{name}") for name in "ab")
    assert merge(one, other).title == "As a has it"
    assert merge(one, replace(one, title="As a has it now")).title == "As a has it now"
    assert merge(one, replace(one, title="")).title == "As a has it"


def test_an_earlier_version_only_fills_gaps() -> None:
    second = stamped(Paper("arxiv:1", "Second", "", version=2), "arxiv/x")
    first = stamped(Paper("arxiv:1", "First", "It had an abstract.", version=1), "arxiv/x")
    merged = merge(second, first)
    assert (merged.title, merged.version, merged.abstract) == ("Second", 2, "It had an abstract.")
    assert merge(first, second).title == "Second"


def test_no_votes_are_an_answer_and_votes_fall() -> None:
    many, none = (stamped(Paper("arxiv:1", "T", "", votes=votes), "huggingface/hf") for votes in (3, 0))
    assert merge(many, none).votes == 0
    assert merge(many, replace(none, votes=None)).votes == 3
