"""The papers that are to be ranked, with all that is known of them before any topic is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.model import ReadablePaper
from newsletter.ranking.background import Background
from newsletter.ranking.counting import count
from newsletter.ranking.duplicates import fold
from newsletter.ranking.linking import NOWHERE, Links
from newsletter.ranking.matching import Document, Term
from newsletter.ranking.trend import Trends
from newsletter.ranking.words import STOP_WORDS, stems

UNKNOWN = -1
"""The column of a term that nobody has."""

# Stop words are not counted, so their stems tell nothing about where a phrase may stand.
_STOP_STEMS = frozenset(stems(" ".join(STOP_WORDS)))


class Candidates:
    """Papers to be ranked against a background."""

    def __init__(self, papers: Sequence[ReadablePaper], background: Background) -> None:
        self.papers = tuple(papers)
        self.background = background
        self.counts = count(self.papers, background.vocabulary)
        self.saturated = background.saturate(self.counts)
        self.vectors = background.vectorise(self.counts)
        self.trends = Trends(self.papers)
        self.trending = [self.trends.of(paper) for paper in self.papers]
        self.trend = np.array([one.part for one in self.trending])
        self._documents: dict[int, Document] = {}
        self._rows: dict[str, frozenset[int]] = {}

    @cached_property
    def folded(self) -> dict[int, int]:
        """The rows of near-duplicates, each with the row of the paper that it is folded under."""
        rows = {paper.id: row for row, paper in reversed(list(enumerate(self.papers)))}
        return {rows[one]: rows[head] for one, head in fold(self.papers).items()}

    @cached_property
    def rarity(self) -> NDArray[np.float64]:
        """How rare each term of the vocabulary is in the archive."""
        having = np.zeros(len(self.counts.vocabulary), np.int64)
        having[: len(self.background.frequency)] = self.background.frequency
        return self.background.rarity(having)

    def prepare(self) -> None:
        """Work out now what would be on first use, for whoever hands the candidates on."""
        for name in ("links", "folded", "_columns", "_rarities"):
            getattr(self, name)
        _ = self.background.sample_links, self.background.saturated, self.background.mean
        for row in range(len(self.papers)):
            self.document(row)

    def document(self, row: int) -> Document:
        """The paper of `row`, ready to be searched."""
        if row not in self._documents:
            self._documents[row] = Document(self.papers[row])
        return self._documents[row]

    def having(self, wanted: Term) -> list[int]:
        """The rows of the papers in which `wanted` stands, ascending."""
        return [row for row in sorted(self.with_words(wanted)) if self.document(row).find(wanted)]

    def with_words(self, wanted: Term) -> Set[int]:
        """The rows of the papers that have all words of `wanted` somewhere (stop words aside)."""
        telling = [stem for stem in wanted.stems if stem not in _STOP_STEMS]
        if not telling:
            return frozenset(range(len(self.papers)))
        return frozenset.intersection(*map(self._with_stem, telling))

    def _with_stem(self, stem: str) -> frozenset[int]:
        if stem not in self._rows:
            column = self.counts.vocabulary.get(stem)
            found = [] if column is None else self._columns[:, [column]].indices.tolist()
            self._rows[stem] = frozenset(found)
        return self._rows[stem]

    def worth(self, wanted: Term) -> float:
        """How much a term tells: the rarity of its words in the archive, added up."""
        return sum(self.rarity_of(stem) for stem in wanted.stems if stem not in _STOP_STEMS)

    def rarity_of(self, term: str) -> float:
        """How rare a term is in the archive, whether or not any paper has it."""
        column = self.counts.vocabulary.get(term, UNKNOWN)
        return self._rarities[column] if column != UNKNOWN else self.background.rarest

    @cached_property
    def _rarities(self) -> list[float]:
        return [float(value) for value in self.rarity]

    @cached_property
    def _columns(self) -> sparse.csc_matrix:
        return self.counts.frequencies.tocsc()

    @cached_property
    def links(self) -> Links:
        """How the papers hang together with the archive."""
        own = [self.background.rows.get(paper.id, NOWHERE) for paper in self.papers]
        return self.background.linking.links(self.vectors, [paper.paper for paper in self.papers], own)
