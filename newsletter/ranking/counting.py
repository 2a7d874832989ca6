"""From papers to sparse counts of terms: stems, and pairs of stems that stand side by side.

Stop words are dropped before pairs are made, so that "fields of radiance" holds the pair "field radianc".
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import ReadablePaper
from newsletter.ranking.words import STOP_WORDS, pairs, plain_word, plain_words, raw_words, stemmer

TITLE_WEIGHT = 2
"""A word of the title counts as often as this many in the abstract."""


@dataclass(frozen=True)
class Counts:
    """How often each term stands in each paper.

    `frequencies` is papers x terms (float32, sorted indices), a title counted TITLE_WEIGHT times; `vocabulary` gives a
    term's column; `lengths` are the papers' lengths in stems, the title's counted likewise.
    """

    frequencies: sparse.csr_matrix
    vocabulary: Mapping[str, int]
    lengths: NDArray[np.float64]


def content(text: str) -> list[str]:
    """The stems of `text` in order, without stop words."""
    return list(stemmer().stemWords([word for word in plain_words(text) if word not in STOP_WORDS]))


def count(papers: Sequence[ReadablePaper], known: Mapping[str, int] | None = None) -> Counts:
    """Count the terms of `papers`; the columns of `known` come first, in their order, then the terms that are new."""
    vocabulary: dict[str, int] = dict(known or {})
    rows, columns, ends, lengths = _content(), array("i"), [0], []
    for paper in papers:
        title, abstract = rows(paper.title), rows(paper.abstract)
        of_title = [*title, *pairs(title)]
        for term in (*of_title * TITLE_WEIGHT, *abstract, *pairs(abstract)):
            columns.append(vocabulary.setdefault(term, len(vocabulary)))
        ends.append(len(columns))
        lengths.append(TITLE_WEIGHT * len(title) + len(abstract))
    shape = (len(papers), len(vocabulary))
    found = np.frombuffer(columns, np.int32) if columns else np.zeros(0, np.int32)
    matrix = sparse.csr_matrix((np.ones(len(found), np.float32), found.copy(), np.array(ends, np.int64)), shape)
    matrix.sum_duplicates()
    return Counts(matrix, vocabulary, np.array(lengths, np.float64))


def common(counts: Counts, least: int = 2) -> Counts:
    """`counts` without the pairs that fewer than `least` papers have, the terms in the order of the alphabet."""
    frequency = np.bincount(counts.frequencies.indices, minlength=len(counts.vocabulary))
    names = list(counts.vocabulary)
    kept = sorted(
        (place for place, name in enumerate(names) if " " not in name or frequency[place] >= least),
        key=names.__getitem__,
    )
    frequencies = counts.frequencies[:, kept].tocsr()
    frequencies.sort_indices()
    return Counts(frequencies, {names[place]: column for column, place in enumerate(kept)}, counts.lengths)


def _content() -> Callable[[str], list[str]]:
    """`content` that stems each word once: most words of a text have been seen before. A stop word has no stem."""
    stem, memory = stemmer().stemWord, dict[str, str]()

    def rows(text: str) -> list[str]:
        found = raw_words(text)
        for word in found:
            if word not in memory:
                plain = plain_word(word)
                memory[word] = "" if plain in STOP_WORDS else stem(plain)
        return [kept for word in found if (kept := memory[word])]

    return rows
