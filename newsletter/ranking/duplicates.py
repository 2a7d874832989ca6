"""Papers that a reader would take for one and the same: a new version, a new title, a second listing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import ReadablePaper

LEAST_SHARED = 0.55
"""The share of all runs of three words that two texts need in common (their Jaccard index) to be one paper.

Chosen on 178 days of arXiv announcements (37,620 papers): every pair of them was compared, and those above 0.3 were
read. The 12 pairs from 0.58 on read as one text: a paper and its revision, its workshop version or its second title.
Below lie the journal version of a conference paper (0.50), two methods on one template (0.47), a data set and its
successor (0.40).
"""

# Texts shorter than this many runs ("Abstract not available", "This paper was withdrawn") say nothing about identity.
_LEAST_RUNS = 20

# What a paper may add to the work, however long it says its abstract is.
_MOST_WORDS = 1000

_BLOCK = 500

# A Chinese or Japanese character is a word here: without spaces, a whole clause would be one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_NUMERAL = re.compile(r"\d+|[ivx]{1,5}|one|two|three|four|five|first|second|third|fourth|fifth")


def fold(papers: Sequence[ReadablePaper]) -> dict[str, str]:
    """The id of each near-duplicate among `papers`, with the id of the earliest paper that it is folded under.

    Two papers are near-duplicates when their titles differ in nothing but case, spacing and punctuation, or when their
    texts share at least `LEAST_SHARED` of their runs of three words. A text without an abstract is judged by the title
    alone. Papers whose titles bear different numbers ("Part I" and "Part II", 2024 and 2025) are two, however alike
    their texts. Chains have one head: what is a near-duplicate of a near-duplicate goes under the same paper. Which
    papers belong together does not depend on their order; the head is the first of them. No head is itself folded.
    """
    distinct = list({paper.id: paper for paper in reversed(papers)}.values())[::-1]
    if not distinct:
        return {}
    pairs = [*_same_title(distinct), *_same_text(distinct)]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    links = sparse.coo_array((np.ones(len(pairs), dtype=np.int8), (rows, columns)), shape=(len(distinct),) * 2)
    # Late: it takes a tenth of a second to import, and only a day that is being frozen needs it.
    from scipy.sparse.csgraph import connected_components

    _, families = connected_components(links, directed=False)
    heads: dict[int, str] = {}
    folded: dict[str, str] = {}
    for paper, family in zip(distinct, families.tolist(), strict=True):
        head = heads.setdefault(family, paper.id)
        if head != paper.id:
            folded[paper.id] = head
    return folded


def _same_title(papers: Sequence[ReadablePaper]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for number, paper in enumerate(papers):
        title = _letters(paper.title)
        if title and first.setdefault(title, number) != number:
            yield first[title], number


def _letters(title: str) -> str:
    """Letters, digits and the marks that belong to them, case folded."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LMN")


def _same_text(papers: Sequence[ReadablePaper]) -> Iterator[tuple[int, int]]:
    """The pairs of `papers` with nearly the same text, each found by way of the runs that both have."""
    numerals = [_numerals(paper.title) for paper in papers]
    runs = _runs(papers)
    sizes = np.asarray(runs.sum(axis=1)).ravel()
    shared_runs = runs[:, np.asarray(runs.sum(axis=0)).ravel() > 1]
    transposed = shared_runs.T.tocsr()
    for start in range(0, len(papers), _BLOCK):
        common = (shared_runs[start : start + _BLOCK] @ transposed).tocoo()
        rows, columns = common.row + start, common.col
        union = sizes[rows] + sizes[columns] - common.data
        alike = (common.data >= LEAST_SHARED * union) & (rows < columns)
        for one, other in zip(rows[alike].tolist(), columns[alike].tolist(), strict=True):
            if not _apart(numerals[one], numerals[other]):
                yield one, other


def _runs(papers: Sequence[ReadablePaper]) -> sparse.csr_array:
    """A row for each paper with 1 for each run of three words in its title or abstract; none where too few."""
    known: dict[tuple[str, ...], int] = {}
    columns: list[NDArray[np.int32]] = []
    for paper in papers:
        abstract = _triples(paper.abstract)
        found = abstract | _triples(paper.title) if len(abstract) >= _LEAST_RUNS else set()
        columns.append(np.sort(np.array([known.setdefault(run, len(known)) for run in found], dtype=np.int32)))
    starts = np.cumsum([0, *map(len, columns)])
    entries = np.concatenate(columns)
    return sparse.csr_array((np.ones(len(entries), dtype=np.int32), entries, starts), shape=(len(papers), len(known)))


def _triples(text: str) -> set[tuple[str, ...]]:
    found = [match.group() for match, _ in zip(_WORD.finditer(text.casefold()), range(_MOST_WORDS), strict=False)]
    return set(zip(found, found[1:], found[2:], strict=False))


def _numerals(title: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(title.casefold()) if _NUMERAL.fullmatch(word))


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether both titles are numbered, and differently."""
    return bool(one and other) and one.isdisjoint(other)
