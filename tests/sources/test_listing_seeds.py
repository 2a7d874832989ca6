"""The shipped documents, read exactly."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from builders import asking

from newsletter.model import Batch, Listing, Paper, Verdict
from newsletter.sources.listing.page import read_page
from newsletter.sources.listing.source import ListingSource

SEEDS = Path(__file__).parents[2] / "seeds"
FIRST, SECOND = "000_d0d376eaec1f9212.txt", "004_05fc466f47678c8a.txt"
TODAY = date(2026, 8, 3)

LINKS = {
    FIRST: """
        project https://robonerf.github.io
        code https://github.com/TamashaM/NAPA-VQ
        code https://github.com/dyballa/dynamic-connectomes
        project https://qianyiwu.github.io/objectsdf/
        code https://github.com/salesforce/ALBEF/
        code https://github.com/edwardjhu/TP4
        code https://github.com/megvii-research/AAAI2023-PVD
        code https://github.com/EIDOSLAB/AnatCL
        code https://github.com/GATECH-EIC/NeRFool
        code https://github.com/VITA-Group/GNT-MOVE
        code https://github.com/yan-hao-tian/vw
        code https://github.com/IntelLabs/CLNeRF
        video https://youtu.be/nLRt6OoDGq0?si=8yD6k-8MMBJInQPs
        code https://github.com/hardyho/ultrametric_feature_fields
        code https://github.com/DeepGraphLearning/RecommenderSystems
        project https://feature-3dgs.github.io/
        code https://github.com/CVMI-Lab/SlotCon
        code https://github.com/ShuvenduRoy/CoACT-FSCIL
        project https://serre-lab.github.io/Lens""",
    SECOND: """
        code https://github.com/ArturoDeza/EmergentProperties
        code https://github.com/RAIVNLab/MRL
        code https://github.com/microsoft/RelationNet2
        project https://embodied-codebook.github.io
        code https://github.com/Luckfort/CD
        project https://vincentcartillier.github.io/smnet.html
        code https://www.github.com/marccoru/locationencoder
        code https://github.com/EIDOSLAB/AnatCL
        code https://github.com/kunli-cs/PCAN
        code https://github.com/valeoai/obow
        code https://github.com/mshukor/ima-lmms
        project https://sites.google.com/view/myodex
        project https://sinc.is.tue.mpg.de/""",
}


@pytest.fixture
async def batches() -> list[Batch]:
    return await ListingSource("seeds", [SEEDS], year=2025).collect(asking(TODAY))


def blocks_of(document: str) -> list[str]:
    """Every block below the day, found without the parser."""
    text = (SEEDS / document).read_text(encoding="utf-8")
    return [block.strip() for block in re.split(r"\n\s*\n", text.split("\nMar 1", 1)[1])[1:]]


def test_both_pages_are_read_whole(batches: list[Batch]) -> None:
    found = [(batch.document, batch.day, len(batch.papers), batch.verdict, batch.why) for batch in batches]
    assert found == [
        (FIRST, date(2025, 3, 11), 60, Verdict.NEW, "60 papers read"),
        (SECOND, date(2025, 3, 12), 53, Verdict.NEW, "53 papers read"),
    ]
    assert {batch.source for batch in batches} == {"seeds"}
    assert {batch.curators for batch in batches} == {"AK and the research community"}
    assert [batch.problems for batch in batches] == [(), ()]


def test_titles_abstracts_and_ranks_stand_as_on_the_page(batches: list[Batch]) -> None:
    for batch in batches:
        blocks = blocks_of(batch.document)
        assert [paper.title for paper in batch.papers] == blocks[::2]
        assert [paper.abstract for paper in batch.papers] == blocks[1::2]
        assert batch.day
        for rank, paper in enumerate(batch.papers, 1):
            assert paper.listings == (Listing(batch.day, "seeds", rank),)
            assert paper.first_seen == batch.day
            assert paper.id == paper.keys[0]


def test_six_papers_are_on_both_pages_and_107_in_all(batches: list[Batch]) -> None:
    first, second = ({paper.id: paper for paper in batch.papers} for batch in batches)
    assert {first[key].title for key in first.keys() & second.keys()} == {
        "Anatomical Foundation Models for Brain MRIs",
        "Brain Diffusion for Visual Exploration: Cortical Discovery using Large Scale Generative Models",
        "BrainSCUBA: Fine-Grained Natural Language Captions of Visual Cortex Selectivity",
        "Computation-Efficient Era: A Comprehensive Survey of State Space Models in Medical Image Analysis",
        "NeuRBF: A Neural Fields Representation with Adaptive Radial Basis Functions",
        "The Tensor Brain: Semantic Decoding for Perception and Memory",
    }
    assert len(first | second) == 107


def test_a_longer_title_is_another_paper(batches: list[Batch]) -> None:
    alike: list[Paper] = [p for p in batches[0].papers if p.title.startswith("Vocabulary-free Image Classification")]
    assert len(alike) == 2
    assert not set(alike[0].keys) & set(alike[1].keys)


def test_every_link_of_the_abstracts_is_found_and_none_invented(batches: list[Batch]) -> None:
    for batch in batches:
        found = [f"{link.kind} {link.url}" for paper in batch.papers for link in paper.links]
        assert found == LINKS[batch.document].split("\n        ")[1:]


def test_the_signs_of_prose_tell_every_title_from_every_abstract_with_room_to_spare() -> None:
    for document in (FIRST, SECOND):
        blocks = read_page((SEEDS / document).read_text(encoding="utf-8")).blocks
        assert {block.signs for block in blocks[::2]} == {0}
        assert min(block.signs for block in blocks[1::2]) >= 2


async def test_without_a_year_setting_the_page_is_the_latest_such_day() -> None:
    source = ListingSource("seeds", [SEEDS])
    assert [batch.day for batch in await source.collect(asking(TODAY))] == [date(2026, 3, 11), date(2026, 3, 12)]
    on_the_day = await source.collect(asking(date(2026, 3, 11)))
    assert [batch.day for batch in on_the_day] == [date(2026, 3, 11), date(2025, 3, 12)]


async def test_the_example_in_the_seeds_readme_is_a_document(tmp_path: Path) -> None:
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    example = tmp_path / "example.txt"
    example.write_text(readme.split("```")[1], encoding="utf-8")
    (batch,) = await ListingSource("mine", [example]).collect(asking(TODAY))
    assert (batch.verdict, batch.day, batch.why) == (Verdict.NEW, date(2025, 3, 11), "1 paper read")
