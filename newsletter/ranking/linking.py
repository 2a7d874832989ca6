"""How papers hang together with the archive: by what they say, who wrote them, where they are filed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import Paper

NEIGHBOURS = 20
AUTHORS_COUNTED = 30

AUTHOR_PRIOR = 2.0
CATEGORY_PRIOR = 20.0
"""What an author's or a category's papers scored is drawn to 0 as if by so many papers more."""

NOWHERE = -1
"""The row of a paper that the archive does not hold."""

BLOCK = 256


@dataclass(frozen=True)
class Links:
    """Each matrix is papers x archive and turns what the archive's papers scored into a part of the papers' own score.

    `similar` are the cosines themselves, archive x papers (float32, 0 where a paper meets itself), `usual` is their
    mean for each paper, itself not left out. `neighbours`: the most similar ones, weighted by likeness, adding up to 1.
    `authors`: what the paper's authors wrote before. `categories` is papers x categories: `Linking.of_categories`,
    categories x archive, goes before it.
    """

    similar: NDArray[np.float32]
    neighbours: sparse.csr_matrix
    authors: sparse.csr_matrix
    categories: sparse.csr_matrix
    usual: NDArray[np.float64]


class Linking:
    """Links papers to an archive of `papers`, whose TF-IDF vectors, `turned` to terms x archive, have length 1 and the
    mean `mean`."""

    def __init__(self, turned: sparse.csr_matrix, mean: NDArray[np.float64], papers: Sequence[Paper]) -> None:
        self._size = len(papers)
        self._turned = turned
        self._mean = mean
        self._authors = _Names(paper.authors[:AUTHORS_COUNTED] for paper in papers)
        self._categories = _Names(paper.categories for paper in papers)

    def links(
        self, vectors: sparse.csr_matrix, papers: Sequence[Paper], own: Sequence[int] | NDArray[np.int64]
    ) -> Links:
        """The links of `papers`. `own` is each one's row in the archive or NOWHERE: no paper is a link of its own."""
        number = np.array([max(len(set(paper.categories)), 1) for paper in papers], np.float64)
        similar = self._similar(vectors, own)
        return Links(
            similar=similar.T.copy(),
            neighbours=_neighbours(similar),
            authors=self._by_authors(papers, own),
            categories=(sparse.diags(1 / number) @ self._categories.of([paper.categories for paper in papers])).tocsr(),
            usual=vectors @ self._mean,
        )

    @cached_property
    def of_categories(self) -> sparse.csr_matrix:
        """Categories x archive: the mean of what a category's papers scored, drawn to 0."""
        members = self._categories.members
        filed = np.asarray(members.sum(axis=0)).ravel()
        return (sparse.diags(1 / (filed + CATEGORY_PRIOR)) @ members.T).tocsr()

    def of_authors(self, papers: Sequence[Paper]) -> sparse.csr_matrix:
        """Papers x authors that the archive knows; a paper's row has at most the length 1."""
        several = [tuple(dict.fromkeys(paper.authors[:AUTHORS_COUNTED])) for paper in papers]
        return sparse.diags([1 / np.sqrt(max(len(one), 1)) for one in several]) @ self._authors.of(several)

    def _similar(self, vectors: sparse.csr_matrix, own: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.empty((vectors.shape[0], self._size), np.float32)
        for first in range(0, vectors.shape[0], BLOCK):
            found[first : first + BLOCK] = (vectors[first : first + BLOCK] @ self._turned).toarray()
        np.round(found, 6, out=found)
        places = np.asarray(own, np.int64)
        itself = np.flatnonzero(places != NOWHERE)
        found[itself, places[itself]] = 0.0
        return found

    def _by_authors(self, papers: Sequence[Paper], own: Sequence[int] | NDArray[np.int64]) -> sparse.csr_matrix:
        """Each author brings the mean of what their papers scored; the sum over a paper's authors is divided by the
        root of their number, for many authors are bound to have written something."""
        written = np.asarray(self._authors.members.sum(axis=0)).ravel()
        linked = (
            self.of_authors(papers) @ sparse.diags(1 / (written + AUTHOR_PRIOR)) @ self._authors.members.T
        ).tocoo()
        others = linked.col != np.asarray(own, np.int64)[linked.row] if len(papers) else np.zeros(0, np.bool_)
        return sparse.csr_matrix((linked.data[others], (linked.row[others], linked.col[others])), linked.shape)


class _Names:
    """Names that the archive knows; `members` is archive x names, 1 where a paper has the name."""

    def __init__(self, lists: Iterable[Sequence[str]]) -> None:
        several = list(lists)
        names = sorted({name for one in several for name in one})
        self._places = {name: place for place, name in enumerate(names)}
        self.members = self.of(several)

    def of(self, lists: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """The same for other papers; names that the archive does not know are left out."""
        places = self._places
        found = sorted({(row, places[one]) for row, several in enumerate(lists) for one in several if one in places})
        cells = np.array(found, np.int64).reshape(-1, 2)
        return sparse.csr_matrix((np.ones(len(cells)), (cells[:, 0], cells[:, 1])), (len(lists), len(places)))


def _neighbours(similar: NDArray[np.float32]) -> sparse.csr_matrix:
    ends, columns, values = [0], [np.zeros(0, np.int64)], [np.zeros(0)]
    for line in similar:
        found = _most(line, NEIGHBOURS)
        likeness = line[found].astype(np.float64)
        ends.append(ends[-1] + len(found))
        columns.append(found)
        values.append(likeness / max(likeness.sum(), 1e-9))
    return sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), ends), similar.shape)


def _most(line: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """The places of the `most` largest positive values, largest first; ties go to the earlier place."""
    found = np.flatnonzero(line > 0)
    if len(found) > most:
        least = np.partition(line[found], len(found) - most)[len(found) - most]
        found = found[line[found] >= least]
    return found[np.argsort(-line[found], kind="stable")][:most]
