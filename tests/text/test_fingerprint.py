"""Fingerprints and identity keys: one paper in every spelling, different papers apart."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newsletter.text import fingerprint, identity_keys

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))

ONE_PAPER = [
    (
        "BT^2: Backward-compatible Training with Basis Transformation",
        "$BT^2$: Backward-Compatible Training with Basis Transformation",
        "BT$^2$: Backward-compatible  training with basis transformation",
        "BT$^{2}$: Backward compatible Training with Basis Transformation.",
        "BT²: Backward-compatible Training with Basis Transformation",
    ),
    (r"Schr\"odinger's Cat", "Schrödinger’s cat", "SCHRODINGER'S CAT", "Schro\u0308dinger`s\ncat"),
    (r"\textbf{Mamba}: Linear-Time Models", "Mamba: Linear Time Models"),
    ("Ёлка и ёж", "Елка и еж"),
    ("Ἀλήθεια", "αληθεια"),
    ("Straße", r"Stra\ss{}e", "STRASSE"),
    ("ﬁne-tuning", "Fine Tuning"),
]
TWO_PAPERS = [
    (
        "Vocabulary-free Image Classification",
        "Vocabulary-free Image Classification and Semantic Segmentation",
    ),
    ("か", "が"),
    ("नमस्ते", "नमसत"),
    ("GPT-3", "GPT-4"),
    ("注意力", "注意"),
    ("***", "???"),
    ("", "a"),
]


@pytest.mark.parametrize("titles", ONE_PAPER)
def test_spellings_of_one_title_agree(titles: tuple[str, ...]) -> None:
    assert len({fingerprint(title) for title in titles}) == 1


@pytest.mark.parametrize("titles", TWO_PAPERS)
def test_different_titles_differ(titles: tuple[str, ...]) -> None:
    assert len({fingerprint(title) for title in titles}) == 2


def test_fingerprint_never_changes() -> None:
    """Archives hold these: a change here gives every stored paper a second identity."""
    assert fingerprint("Attention Is All You Need") == "5563e10cdb032fc9fb22"
    assert fingerprint("!?") == "8faf838e27d8b5395661"


def test_the_shipped_listings_hold_107_titles() -> None:
    days = []
    for path in SEEDS:
        blocks = [block.strip() for block in path.read_text(encoding="utf-8").split("\n\n") if block.strip()]
        day = next(place for place, block in enumerate(blocks) if re.fullmatch(r"Mar \d+", block))
        days.append({fingerprint(title) for title in blocks[day + 1 :: 2]})
    assert [len(day) for day in days] == [60, 53]
    assert len(days[0] & days[1]) == 6


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("2503.01234", "arxiv:2503.01234"),
        ("arXiv:2503.01234v2", "arxiv:2503.01234"),
        ("https://arxiv.org/abs/2503.01234v12", "arxiv:2503.01234"),
        ("http://export.arxiv.org/pdf/0704.0001v1.pdf", "arxiv:0704.0001"),
        ("2503.01234v1 [cs.CV]", "arxiv:2503.01234"),
        ("math.GT/0309136", "arxiv:math/0309136"),
        ("math/0309136v1", "arxiv:math/0309136"),
        ("ArXiv: hep-th/9901001", "arxiv:hep-th/9901001"),
        ("2513.01234", None),
        ("2503.0123456", None),
        ("2503.012", None),
        ("٢٥٠٣.٠١٢٣٤", None),
        ("cs/abc", None),
        ("see 2503.01234", None),
        ("", None),
    ],
)
def test_arxiv_identifiers(raw: str, key: str | None) -> None:
    expected = (key,) if key else ()
    assert identity_keys("T", raw) == (*expected, f"title:{fingerprint('T')}")


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("10.1000/ABC", "doi:10.1000/abc"),
        ("https://doi.org/10.1000/abc", "doi:10.1000/abc"),
        ("http://dx.doi.org/10.1000/abc", "doi:10.1000/abc"),
        ("doi: 10.1000/abc.", "doi:10.1000/abc"),
        ("10.1016/S0140-6736(05)12345-6", "doi:10.1016/s0140-6736(05)12345-6"),
        ("10.1000/abc)", "doi:10.1000/abc"),
        ("10.1/abc", None),
        ("10.1000/", None),
        ("nonsense", None),
    ],
)
def test_dois(raw: str, key: str | None) -> None:
    expected = (key,) if key else ()
    assert identity_keys("T", None, raw) == (*expected, f"title:{fingerprint('T')}")


def test_best_key_first_and_arxivs_own_doi_names_the_paper() -> None:
    title = f"title:{fingerprint('T')}"
    assert identity_keys("T", "2503.01234", "10.1000/x") == ("arxiv:2503.01234", "doi:10.1000/x", title)
    assert identity_keys("T", doi="10.48550/arXiv.2503.01234")[0] == "arxiv:2503.01234"


@given(st.text(alphabet=st.characters(exclude_categories=())), st.text(), st.text())
@settings(deadline=None, max_examples=200)
def test_any_input_has_an_identity(title: str, arxiv_id: str, doi: str) -> None:
    keys = identity_keys(title, arxiv_id, doi)
    assert re.fullmatch(r"title:[0-9a-f]{20}", keys[-1])
    assert len(keys) == len({key.split(":")[0] for key in keys})


@given(st.text(alphabet=st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x4FF), min_size=1))
@settings(deadline=None, max_examples=200)
def test_case_spacing_and_punctuation_do_not_matter(title: str) -> None:
    assume(title.upper().casefold() == title.casefold())  # not so for the dotless i
    spelt = " ".join(unicodedata.normalize("NFD", title.upper()))
    assert fingerprint(f"  {spelt}! ") == fingerprint(title)
