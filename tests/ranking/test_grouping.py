"""Groups of papers: what belongs together, under labels that are true of the papers."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from builders import asking
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Group, Paper, ReadablePaper
from newsletter.ranking.grouping import MOST_COMPARED, group
from newsletter.ranking.words import STOP_WORDS, stems
from newsletter.sources.listing.source import ListingSource
from newsletter.text import readable

SEEDS = sorted(path for path in (Path(__file__).parents[2] / "seeds").glob("*.txt") if path.name[0].isdigit())

SUBJECTS = {
    "Gaussian splatting": (
        "We speed up Gaussian splatting of dynamic scenes.",
        "Gaussian splatting needs many primitives; we prune them.",
        "A compact code for Gaussian splatting on phones.",
        "Surfaces from Gaussian splatting without meshes.",
    ),
    "LLM agents": (
        "We let LLM agents plan their travel with tools.",
        "LLM agents forget; a notebook makes them remember.",
        "How LLM agents negotiate prices with each other.",
        "Attacks that make LLM agents leak their instructions.",
    ),
    "protein folding": (
        "Fast protein folding from sequences alone.",
        "We measure the uncertainty of protein folding.",
        "Membranes make protein folding harder than in water.",
        "Quantum annealers attempt protein folding of peptides.",
    ),
}


def one(identity: str, title: str, abstract: str = "") -> ReadablePaper:
    return ReadablePaper(Paper(identity, title, abstract), title, abstract)


def mixed() -> list[ReadablePaper]:
    """Four papers of each subject, taking turns, and two that have nothing to do with anything."""
    papers = []
    for turn in range(4):
        for subject, texts in SUBJECTS.items():
            title = f"{('Faster', 'Leaner', 'Safer', 'Stranger')[turn]} {subject[0].upper()}{subject[1:]}"
            papers.append(one(f"{subject}:{turn}", title, texts[turn]))
    return [
        *papers,
        one("odd:1", "Tides of the Baltic", "Storms matter."),
        one("odd:2", "Cheese", "It ripens in caves."),
    ]


def seed_day(path: Path) -> list[ReadablePaper]:
    batches = asyncio.run(ListingSource("seeds", [path], 2025).collect(asking(date(2025, 3, 13))))
    return [readable(paper) for batch in batches for paper in batch.papers]


def says(paper: ReadablePaper, term: str) -> bool:
    wanted = stems(term)
    return any(
        said[at : at + len(wanted)] == wanted
        for said in (stems(paper.title), stems(paper.abstract))
        for at in range(len(said))
    )


def check(papers: Sequence[ReadablePaper], groups: Sequence[Group], least: int = 2) -> None:
    """Whatever must be true of any grouping of any papers."""
    ids = list(dict.fromkeys(paper.id for paper in papers))
    by_id = {paper.id: paper for paper in reversed(papers)}
    places = {identity: place for place, identity in enumerate(ids)}
    assert sorted(identity for found in groups for identity in found.papers) == sorted(ids), "each in exactly one"
    assert all(found.papers and list(found.papers) == sorted(found.papers, key=places.__getitem__) for found in groups)
    labelled = [found for found in groups if found.label]
    assert list(groups[: len(labelled)]) == labelled, "the rest comes last"
    assert len(groups) - len(labelled) <= 1
    firsts = [places[found.papers[0]] for found in labelled]
    assert firsts == sorted(firsts)
    terms = [term for found in labelled for term in found.label]
    assert len({term.casefold() for term in terms}) == len(terms), "labels are distinct"
    for found in labelled:
        members = [by_id[identity] for identity in found.papers]
        assert len(members) >= least
        assert len(found.label) <= 3
        assert all(any(says(paper, term) for term in found.label) for paper in members), f"a stranger in {found}"
        for term in found.label:
            times = sum(says(paper, term) for paper in members)
            assert times >= max(2, len(members) / 2), f"{term!r} of {found}"
            assert any(term in text for paper in members for text in (paper.title, paper.abstract)), "as it stands"
            words = re.findall(r"\w+", term)
            assert not {words[0].casefold(), words[-1].casefold()} & STOP_WORDS


def test_subjects_are_told_apart_and_named() -> None:
    papers = mixed()
    groups = group(papers)
    check(papers, groups)
    assert [found.papers for found in groups] == [
        *(tuple(f"{subject}:{turn}" for turn in range(4)) for subject in SUBJECTS),
        ("odd:1", "odd:2"),
    ]
    assert [found.label[:1] for found in groups] == [*((subject,) for subject in SUBJECTS), ()]


def test_groups_of_fewer_than_asked_for_are_none() -> None:
    papers = mixed()
    assert {len(found.papers) for found in group(papers, least=4) if found.label} == {4}
    assert group(papers, least=5) == (Group((), tuple(paper.id for paper in papers)),)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_a_page_of_papers(path: Path) -> None:
    day = seed_day(path)
    groups = group(day)
    check(day, groups)
    labelled = [found for found in groups if found.label]
    assert len(labelled) >= 8
    assert all(len(found.papers) <= 8 for found in labelled)
    assert sum(len(found.papers) for found in labelled) > len(day) / 2


def test_what_the_first_page_is_about() -> None:
    groups = {found.label[0]: found for found in group(seed_day(SEEDS[0])) if found.label}
    assert len(groups["brain"].papers) >= 7
    assert len(groups["NeRF"].papers) >= 5
    assert {"State Space Models", "segmentation", "Vocabulary-free Image Classification"} <= groups.keys()


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_the_order_of_the_page_changes_nothing_but_the_order(path: Path) -> None:
    day = seed_day(path)
    expected = {(found.label, frozenset(found.papers)) for found in group(day)}
    for seed in range(3):
        shuffled = random.Random(seed).sample(day, len(day))
        groups = group(shuffled)
        check(shuffled, groups)
        assert {(found.label, frozenset(found.papers)) for found in groups} == expected


def test_the_same_on_every_hash_seed() -> None:
    program = (
        "import asyncio, sys\n"
        "from datetime import UTC, date, datetime\n"
        "from pathlib import Path\n"
        "from newsletter.ranking.grouping import group\n"
        "from newsletter.sources.base import Ask\n"
        "from newsletter.sources.listing.source import ListingSource\n"
        "from newsletter.text import readable\n"
        "ask = Ask(datetime(2025, 3, 13, 12, tzinfo=UTC), date(2025, 3, 13))\n"
        "batches = asyncio.run(ListingSource('s', [Path(sys.argv[1])], 2025).collect(ask))\n"
        "print(group([readable(paper) for batch in batches for paper in batch.papers]))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, str(SEEDS[0])],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert said == {f"{group(seed_day(SEEDS[0]))}\n"}


def test_too_few_to_group() -> None:
    assert group([]) == ()
    assert group([one("a", "Tides")]) == (Group((), ("a",)),)
    assert group([one("a", "Tides"), one("b", "Cheese")]) == (Group((), ("a", "b")),)


def test_a_record_that_is_there_twice_counts_once() -> None:
    papers = mixed()
    assert group([*papers, papers[0], papers[3]]) == group(papers)


@pytest.mark.parametrize("title", ["Tides of the Baltic Sea", "Model", "模型的研究", "", "\\mathbf{x}"])
def test_a_page_of_one_paper_is_one_group_at_most(title: str) -> None:
    papers = [one(f"p{number:02}", title, f"{title}. {title}") for number in range(40)]
    groups = group(papers)
    check(papers, groups)
    assert len(groups) == 1


def test_words_that_every_abstract_has_are_no_label() -> None:
    abstracts = ["We propose a novel method.", "This paper presents a model.", "Our framework achieves better results."]
    papers = [one(f"p{n}", f"A Novel Model {n}", f"{abstracts[n % 3]} {abstracts[(n + 1) % 3]}") for n in range(12)]
    assert group(papers) == (Group((), tuple(paper.id for paper in papers)),)


def test_no_command_is_a_label() -> None:
    papers = [
        one(f"p{n}", f"{name} \\mathcal Ripening", "\\mathcal \\mathcal.")
        for n, name in enumerate(["Ox", "Owl", "Bee"])
    ]
    papers += [one(f"q{n}", f"Tides of {name}", "Storms.") for n, name in enumerate("ABCDEFGHI")]
    assert Group(("Ripening",), ("p0", "p1", "p2")) in group(papers)


@pytest.mark.parametrize(
    "titles",
    [
        ("Wool-lined Boots", "Silk-lined Coats", "Fur-lined Gloves", "Felt-lined Hats"),
        ("Yak-milk Cheese", "Yak-hide Tents", "Yak-wool Coats", "Yak-bone Flutes"),
    ],
)
def test_no_piece_of_a_compound_is_a_label(titles: tuple[str, ...]) -> None:
    papers = [one(f"p{number}", title, f"{title}.") for number, title in enumerate(titles)]
    papers += [one(f"q{n}", f"Tides of {name}", "Storms.") for n, name in enumerate("ABCDEFGHIJKLMNOP")]
    assert not any("lined" in term or "Yak" in term for found in group(papers) for term in found.label)
    apart = [one(paper.id, paper.title.replace("-", " "), paper.abstract.replace("-", " ")) for paper in papers]
    assert any("lined" in term or "Yak" in term for found in group(apart) for term in found.label)


def test_acronyms_keep_their_case() -> None:
    papers = [
        one(f"p{n}", f"{name} fMRI", f"We read fMRI of {name}.") for n, name in enumerate(["Cats", "Owls", "Apes"])
    ]
    papers += [one(f"q{n}", f"Tides of {name}", "Storms.") for n, name in enumerate("ABCDEFGHI")]
    assert Group(("fMRI",), ("p0", "p1", "p2")) in group(papers)


def test_titles_in_other_scripts_without_abstracts() -> None:
    titles = [
        "注意力机制的研究",
        "التعلم العميق للصور",
        "التعلم العميق للنصوص",
        "Глубокое обучение",
        "深層学習",
        "नमस्ते दुनिया",
    ]
    papers = [one(f"p{number}", title) for number, title in enumerate(titles * 3)]
    check(papers, group(papers))


def test_what_a_very_long_list_has_beyond_the_papers_compared_comes_last() -> None:
    rng = random.Random(3)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(800)]
    papers = [
        one(f"p{n}", " ".join(rng.choices(vocabulary, k=6)), " ".join(rng.choices(vocabulary, k=60)))
        for n in range(2000)
    ]
    groups = group(papers)
    check(papers, groups)
    assert {f"p{n}" for n in range(MOST_COMPARED, 2000)} <= set(groups[-1].papers)
    assert groups[-1].label == ()


PIECES = st.sampled_from(
    "Gaussian splatting|LLM agents|brain activity|brain-like|Transformers|NeRF|neural radiance fields|we propose|"
    "of the|model|state-of-the-art|3D|-|. |²|$x$|\\alpha|注意力|التعلم".split("|")
)
TEXTS = st.lists(PIECES, max_size=8).map(" ".join)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=30), st.integers(0, 5), st.randoms(use_true_random=False))
def test_any_papers_are_grouped_truly_and_in_any_order(
    texts: list[tuple[str, str]], least: int, rng: random.Random
) -> None:
    papers = [one(f"p{number}", *text) for number, text in enumerate(texts)]
    groups = group(papers, least)
    check(papers, groups, max(least, 2))
    shuffled = group(rng.sample(papers, len(papers)), least)
    assert {(found.label, frozenset(found.papers)) for found in shuffled} == {
        (found.label, frozenset(found.papers)) for found in groups
    }


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=120)), max_size=20))
def test_any_text_at_all(texts: list[tuple[str, str]]) -> None:
    papers = [one(f"p{number}", *text) for number, text in enumerate(texts)]
    check(papers, group(papers))
