"""The papers that are to be ranked, with all that is known of them before any topic is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from newsletter.model import ReadablePaper, Reason, Topic, Why
from newsletter.ranking.archive import Background
from newsletter.ranking.counting import count
from newsletter.ranking.duplicates import fold
from newsletter.ranking.following import Names, agree, folded, letters, stands_in
from newsletter.ranking.linking import NOWHERE, Links
from newsletter.ranking.matching import Document, Term
from newsletter.ranking.reasons import Sought
from newsletter.ranking.trend import Trends
from newsletter.ranking.words import STOP_WORDS, is_telling, stems

UNKNOWN = -1
"""The column of a term that nobody has."""

FEW = 8
"""Papers that are sooner added up one by one than packed together."""

# Stop words are not counted, so their stems tell nothing about where a phrase may stand.
_STOP_STEMS = frozenset(stems(" ".join(STOP_WORDS)))


class Candidates:
    """Papers to be ranked against a background."""

    def __init__(self, papers: Sequence[ReadablePaper], background: Background) -> None:
        self.papers = tuple(papers)
        self.ids = [paper.id for paper in self.papers]
        self.background = background
        self.counts = count(self.papers, background.vocabulary)
        self.saturated = background.saturate(self.counts)
        self.vectors = background.vectorise(self.counts)
        self.trends = Trends(self.papers)
        self.trending = [self.trends.of(paper) for paper in self.papers]
        self.trend = np.array([one.part for one in self.trending])
        self._documents: dict[int, Document] = {}
        self._rows: dict[str, int] = {}
        self._words: dict[str, tuple[float, int, int]] = {}
        self._related: dict[tuple[int, float], Term | None] = {}
        self._everyone = (1 << len(self.papers)) - 1
        self.width = (len(self.papers) + 7) // 8

    @cached_property
    def folded(self) -> dict[int, int]:
        """The rows of near-duplicates, each with the row of the paper that it is folded under."""
        rows = {paper.id: row for row, paper in reversed(list(enumerate(self.papers)))}
        return {rows[one]: rows[head] for one, head in fold(self.papers).items()}

    @cached_property
    def folds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`folded` as rows and heads. No head is folded itself."""
        return np.array(list(self.folded), np.int64), np.array(list(self.folded.values()), np.int64)

    @cached_property
    def places(self) -> tuple[list[str], NDArray[np.int64]]:
        """All ids in the order of the alphabet, and where among them each row's is."""
        ordered = sorted(set(self.ids))
        at = {one: place for place, one in enumerate(ordered)}
        return ordered, np.array([at[one] for one in self.ids], np.int64)

    @cached_property
    def rarity(self) -> NDArray[np.float64]:
        """How rare each term of the vocabulary is in the archive."""
        having = np.zeros(len(self.counts.vocabulary), np.int64)
        having[: len(self.background.frequency)] = self.background.frequency
        return self.background.rarity(having)

    def prepare(self) -> None:
        """Work out now what would be on first use, for whoever hands the candidates on."""
        for name in ("links", "folds", "places", "_rarities", "_titled"):
            getattr(self, name)
        ground = self.background
        _ = ground.sample_links, ground.saturated, ground.linking.of_categories, ground.anything
        for row in range(len(self.papers)):
            self.document(row)

    def document(self, row: int) -> Document:
        """The paper of `row`, ready to be searched."""
        if row not in self._documents:
            self._documents[row] = Document(self.papers[row])
        return self._documents[row]

    def having(self, wanted: Term) -> list[int]:
        """The rows of the papers in which `wanted` stands, ascending."""
        return [row for row in rows_of(self.with_words(wanted)) if self.document(row).find(wanted)]

    def with_words(self, wanted: Term) -> int:
        """The papers that have all words of `wanted` somewhere (stop words aside), and side by side those that follow
        each other in a phrase: a bit for each row."""
        found = self._everyone
        for stem in wanted.stems:
            found &= self._word(stem)[1]
        return self._side_by_side(wanted, found)

    def _side_by_side(self, wanted: Term, found: int) -> int:
        """Those of the rows `found` that may have the words of a phrase in a row."""
        if found and len(wanted.stems) > 1 and not wanted.anywhere:
            for one, other in pairwise(wanted.stems):
                if found and one not in _STOP_STEMS and other not in _STOP_STEMS:
                    found &= self._with_term(f"{one} {other}")
        return found

    def sought(self, terms: Sequence[Term], least: float) -> list[Sought]:
        """Those of `terms` that tell so much at least and may stand somewhere: the most telling first, equal ones in
        their order."""
        known, kept = self._words, []
        for wanted in terms:
            words = [known.get(stem) or self._word(stem) for stem in wanted.stems]
            worth = sum([one for one, _, _ in words])
            if worth < least:
                continue
            rows = titles = self._everyone
            for _, those, titled in words:
                rows &= those
                titles &= titled
            if rows := self._side_by_side(wanted, rows):
                # A bit is found sooner in bytes than in a large number.
                both = rows.to_bytes(self.width, "little"), (rows & titles).to_bytes(self.width, "little")
                kept.append((worth, Sought(wanted, *both)))
        kept.sort(key=itemgetter(0), reverse=True)
        return [one for _, one in kept]

    def _word(self, stem: str) -> tuple[float, int, int]:
        """What a word tells, and the papers that have it, and that have it in their titles: a bit for each row."""
        found = self._words.get(stem)
        if found is None:
            stop = stem in _STOP_STEMS
            rows = self._everyone if stop else self._with_term(stem)
            found = self._words[stem] = (0.0 if stop else self.rarity_of(stem), rows, self._titled.get(stem, 0))
        return found

    @cached_property
    def _titled(self) -> dict[str, int]:
        """The papers that have each word in their titles, a bit for each row."""
        found: dict[str, int] = {}
        for row in range(len(self.papers)):
            for stem in self.document(row).title.places:
                found[stem] = found.get(stem, 0) | 1 << row
        return found

    def _with_term(self, term: str) -> int:
        found = self._rows.get(term)
        if found is None:
            found = self._rows[term] = self._bits(term)
        return found

    def _bits(self, term: str) -> int:
        column = self.counts.vocabulary.get(term)
        if column is None:
            return 0
        first, end = self.saturated.indptr.item(column), self.saturated.indptr.item(column + 1)
        rows = self.saturated.indices[first:end]
        if len(rows) < FEW:
            return sum(1 << row for row in rows.tolist())
        there = np.zeros(len(self.papers), np.bool_)
        there[rows] = True
        return int.from_bytes(np.packbits(there, bitorder="little").tobytes(), "little")

    def followed(self, topic: Topic) -> dict[int, Reason]:
        """The rows of the papers by an author, or from an institution, that `topic` follows, ascending, each with the
        reason: the first author that is followed, else the first institution."""
        authors, institutions = self._authors.followed(topic.authors), self._institutions.followed(topic.institutions)
        found = {row: Reason(Why.INSTITUTION, (name,)) for row, name in institutions.items()}
        found |= {row: Reason(Why.AUTHOR, (name,)) for row, name in authors.items()}
        return dict(sorted(found.items()))

    @cached_property
    def _authors(self) -> Names:
        return Names((paper.paper.authors for paper in self.papers), folded, agree)

    @cached_property
    def _institutions(self) -> Names:
        return Names((paper.paper.institutions for paper in self.papers), letters, stands_in)

    def filed(self, categories: Iterable[str]) -> NDArray[np.float64]:
        """1 for each paper that is filed in one of `categories`, -1 for those that are filed elsewhere; 0 where nobody
        says. "math" means all of "math.AG", "math.CO"..."""
        found = self._filed.copy()
        for one in categories:
            found[self._filed_in.get(one, [])] = 1.0
        return found

    def worth(self, wanted: Term) -> float:
        """How much a term tells: the rarity of its words in the archive, added up."""
        return sum([self._word(stem)[0] for stem in wanted.stems])

    def related(self, column: int, least: float) -> Term | None:
        """What a term of the archive's vocabulary says as a reason: None where it tells less than `least`."""
        asked = column, least
        if asked not in self._related:
            stems = tuple(self.background.names[column].split(" "))
            tells = all(map(is_telling, stems)) and self._rarities[column] >= least
            self._related[asked] = Term(stems) if tells else None
        return self._related[asked]

    def rarity_of(self, term: str) -> float:
        """How rare a term is in the archive, whether or not any paper has it."""
        column = self.counts.vocabulary.get(term, UNKNOWN)
        return self._rarities[column] if column != UNKNOWN else self.background.rarest

    @cached_property
    def _rarities(self) -> list[float]:
        return [float(value) for value in self.rarity]

    @cached_property
    def _filed(self) -> NDArray[np.float64]:
        return np.array([-1.0 if paper.paper.categories else 0.0 for paper in self.papers])

    @cached_property
    def _filed_in(self) -> dict[str, list[int]]:
        """The rows of the papers that are filed in each category, and in each archive."""
        found: dict[str, list[int]] = {}
        for row, paper in enumerate(self.papers):
            for one in {name for whole in paper.paper.categories for name in (whole, whole.split(".")[0])}:
                found.setdefault(one, []).append(row)
        return found

    @cached_property
    def links(self) -> Links:
        """How the papers hang together with the archive."""
        own = [self.background.rows.get(paper.id, NOWHERE) for paper in self.papers]
        return self.background.linking.links(self.vectors, [paper.paper for paper in self.papers], own)


def rows_of(bits: int) -> Iterator[int]:
    """The places of the bits that are 1, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
