"""Near-duplicates: what is one paper under two titles, and what only looks like one."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from builders import asking
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Paper, ReadablePaper
from newsletter.ranking.duplicates import fold
from newsletter.sources.listing.source import ListingSource
from newsletter.text import readable

SEEDS = sorted(path for path in (Path(__file__).parents[2] / "seeds").glob("*.txt") if path.name[0].isdigit())

ABSTRACT = (
    "Open-world recognition of egocentric activities is a hard problem, since a model must infer activities that "
    "it has never seen from a large and only partly observed search space. We present a search on the basis of "
    "jump diffusion that balances prior knowledge with exploration. Structured common sense builds a coherent "
    "space, a language model refines the predictions, and a stochastic search finds the likely labels without "
    "listing all of them. On four levels of openness it reaches the accuracy of exhaustive search at a tenth of "
    "its cost."
)
OTHER = (
    "Rivers carry sediment whose volume dams hold back. From satellite images of forty years we estimate how much of "
    "it is missing at the coast of each delta, and which of the lost shore can be explained by that alone. Tides and "
    "storms turn out to matter less than was thought, while the mining of sand explains most of what remains. The maps "
    "and the code that made them are free for everybody to use, to correct and to extend to rivers we left out."
)
BOILERPLATE = (
    "Extensive experiments on several public benchmarks demonstrate that the proposed method consistently outperforms "
    "existing state-of-the-art approaches by a large margin. The code and the models will be made publicly available."
)


def one(identity: str, title: str, abstract: str = "") -> ReadablePaper:
    return ReadablePaper(Paper(identity, title, abstract), title, abstract)


def seed_day(path: Path) -> list[ReadablePaper]:
    batches = asyncio.run(ListingSource("seeds", [path], 2025).collect(asking(date(2025, 3, 13))))
    return [readable(paper) for batch in batches for paper in batch.papers]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("DINOv3", "DINOV3"),
        ("Backward-compatible Training: a Basis", "Backward compatible training -- A basis."),
        ("注意力机制的研究", "注意力机制的研究。"),
        ("x² is enough", "X2 is enough"),
    ],
)
def test_titles_that_differ_in_case_and_punctuation_are_one(first: str, second: str) -> None:
    assert fold([one("a", first), one("b", second)]) == {"b": "a"}
    assert fold([one("a", first, ABSTRACT), one("b", second, OTHER)]) == {"b": "a"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("", ""), ("***", "???"), ("GPT-3", "GPT-4"), ("か", "が"), ("A Study of Tides", "A Study of Tides and Storms")],
)
def test_without_an_abstract_only_the_same_title_counts(first: str, second: str) -> None:
    assert fold([one("a", first), one("b", second)]) == {}


def test_a_new_title_hides_nothing() -> None:
    retitled = one("b", "Egocentric Activities in an Open World", ABSTRACT)
    assert fold([one("a", "ProbRes: Jump Diffusion for Recognition", ABSTRACT), retitled]) == {"b": "a"}


def test_a_revision_is_folded() -> None:
    revised = ABSTRACT.replace("a tenth of its cost", "an eighth of its cost").replace(
        "We present", "This paper presents"
    )
    papers = [
        one("v1", "Jump Diffusion", ABSTRACT),
        one("v2", "Jump Diffusion for Activities", f"{revised} Code is out."),
    ]
    assert fold(papers) == {"v2": "v1"}


def test_a_revision_without_spaces_between_words_is_folded() -> None:
    abstract = (
        "本文提出了一种用于自我中心活动识别的随机搜索方法能够在开放世界中推断从未见过的活动并且平衡先验知识与探索"
    )
    assert fold([one("a", "跳跃扩散", abstract), one("b", "活动识别", abstract[:-4] + "和探索")]) == {"b": "a"}


@pytest.mark.parametrize(("first", "second"), [("Part I", "Part II"), ("2024", "2025"), ("Part One", "Part Two")])
def test_numbered_papers_of_a_series_stay_apart(first: str, second: str) -> None:
    papers = [
        one("a", f"Overview of the Tides, {first}", ABSTRACT),
        one("b", f"Overview of the Tides, {second}", ABSTRACT),
    ]
    assert fold(papers) == {}


def test_a_shared_sentence_is_not_enough() -> None:
    papers = [one("a", "Egocentric", f"{ABSTRACT} {BOILERPLATE}"), one("b", "Deltas", f"{OTHER} {BOILERPLATE}")]
    assert fold(papers) == {}


def test_an_abstract_that_is_none_says_nothing() -> None:
    for empty in ("Abstract not available for this record.", "This paper has been withdrawn by the authors."):
        assert fold([one("a", "Rivers", empty), one("b", "Activities", empty)]) == {}


def test_a_chain_has_one_head() -> None:
    words = (ABSTRACT + " " + OTHER).split()
    steps = [" ".join(words[at : at + 90]) for at in (0, 25, 50)]
    titles = ["Search", "Diffusion", "Openness"]
    chain = [one(f"p{number}", title, text) for number, (title, text) in enumerate(zip(titles, steps, strict=True))]
    assert fold([chain[0], chain[2]]) == {}
    assert fold(chain) == {"p1": "p0", "p2": "p0"}
    assert fold([chain[2], chain[0], chain[1]]) == {"p0": "p2", "p1": "p2"}


def test_nothing_and_one_and_the_same_record_twice() -> None:
    assert fold([]) == {}
    assert fold([one("a", "Tides", OTHER)]) == {}
    assert fold([one("a", "Tides", OTHER), one("a", "Tides", OTHER), one("b", "Tides", OTHER)]) == {"b": "a"}


def test_a_page_of_one_paper_has_one_head() -> None:
    papers = [one(f"p{number}", "Tides", OTHER) for number in range(300)]
    assert fold(papers) == {f"p{number}": "p0" for number in range(1, 300)}


def test_two_thousand_papers_of_which_twenty_are_revisions() -> None:
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["".join(rng.choices(letters, k=7)) for _ in range(3000)]
    papers = [
        one(f"p{number}", " ".join(rng.choices(vocabulary, k=8)), " ".join(rng.choices(vocabulary, k=150)))
        for number in range(1980)
    ]
    revised = [
        one(f"r{n}", " ".join(rng.choices(vocabulary, k=8)), f"{papers[n].abstract[:-20]} more") for n in range(20)
    ]
    assert fold(papers + revised) == {f"r{number}": f"p{number}" for number in range(20)}


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_a_page_that_was_read_twice(path: Path) -> None:
    day = seed_day(path)
    assert len(day) > 50
    assert fold(day) == {}, "no paper of the page is another"
    again = [one(f"again:{paper.id}", paper.title.upper(), paper.abstract) for paper in day]
    assert fold(day + again) == {f"again:{paper.id}": paper.id for paper in day}


LINES = st.lists(
    st.sampled_from([ABSTRACT, OTHER, BOILERPLATE, "tides", "Part I", "Part II", "注意力", "\\mathbf{x}", ""])
)
PAPERS = st.lists(st.tuples(LINES.map(" ".join), LINES.map(" ".join)), max_size=8).map(
    lambda texts: [one(f"p{number}", *text) for number, text in enumerate(texts)]
)


@settings(deadline=None, max_examples=150)
@given(PAPERS, st.randoms(use_true_random=False))
def test_families_do_not_depend_on_the_order_and_have_their_first_as_head(
    papers: list[ReadablePaper], rng: random.Random
) -> None:
    shuffled = rng.sample(papers, len(papers))
    families = []
    for listed in (papers, shuffled):
        folded, places = fold(listed), {paper.id: place for place, paper in enumerate(listed)}
        assert not folded.keys() & set(folded.values()), "no head is folded"
        assert all(places[head] < places[copy] for copy, head in folded.items())
        by_head: dict[str, set[str]] = {head: {head} for head in folded.values()}
        for copy, head in folded.items():
            by_head[head].add(copy)
        families.append({frozenset(family) for family in by_head.values()})
    assert families[0] == families[1]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=300)), max_size=12))
def test_any_text_at_all(texts: list[tuple[str, str]]) -> None:
    papers = [one(f"p{number}", *text) for number, text in enumerate(texts)]
    folded = fold(papers)
    assert folded.keys() | set(folded.values()) <= {paper.id for paper in papers}


def test_the_same_on_every_hash_seed() -> None:
    program = (
        "from newsletter.model import Paper, ReadablePaper\n"
        "from newsletter.ranking.duplicates import fold\n"
        f"texts = {[ABSTRACT, OTHER, ABSTRACT + ' And more.', OTHER[5:], BOILERPLATE]!r}\n"
        "print(fold([ReadablePaper(Paper(f'p{n}', '', ''), 'T' * n, text) for n, text in enumerate(texts)]))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert said == {"{'p2': 'p0', 'p3': 'p1'}\n"}
