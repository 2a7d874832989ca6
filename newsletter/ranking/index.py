"""The papers of an edition, indexed for topic queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from newsletter.model import ReadablePaper
from newsletter.ranking.words import Word, stems, words

# BM25 as in Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3.4, with a
# title that counts several times as in their BM25F (section 3.5).
K1 = 1.2
B = 0.75
TITLE_WEIGHT = 3.0

# An edition holds anything from one paper to two thousand. So that a score means the same on every day, the collection
# statistics start from a fixed imagined background instead of from the day alone: this many papers of this length, none
# of which has the word.
BACKGROUND_PAPERS = 200
USUAL_LENGTH = 160.0


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for: `stems` in a row (a phrase) or, with `anywhere`, all of them in any place."""

    stems: tuple[str, ...]
    anywhere: bool = False


def term(keyword: str) -> Term | None:
    """A keyword as a term: in double quotes a phrase, else one word, or several of which all must occur somewhere.

    None when it holds no word at all.
    """
    text = keyword.strip()
    found = tuple(stems(text))
    if not found:
        return None
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return Term(found, anywhere=len(found) > 1 and not quoted)


class Where(StrEnum):
    """Where a term was found."""

    TITLE = "title"
    ABSTRACT = "abstract"
    BOTH = "title and abstract together"


@dataclass(frozen=True, slots=True)
class Hit:
    """How often a term stands in the title and in the abstract; `wording` is how it first reads, at `where`."""

    title: float
    abstract: float
    wording: str
    where: Where

    @property
    def weight(self) -> float:
        return TITLE_WEIGHT * self.title + self.abstract


class Field:
    """A title or an abstract: its words and where each stem stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[Word] = words(text)
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            self.places.setdefault(word.stem, []).append(place)

    def runs(self, wanted: tuple[str, ...]) -> list[int]:
        """The places where the stems `wanted` stand in a row."""
        first = self.places.get(wanted[0], [])
        if len(wanted) == 1:
            return first
        size = len(wanted)
        return [at for at in first if tuple(word.stem for word in self.words[at : at + size]) == wanted]

    def wording(self, place: int, size: int) -> str:
        """The text as it stands from `place` on, `size` words long."""
        return self.text[self.words[place].start : self.words[place + size - 1].end]


class Document:
    """A paper ready to be searched."""

    def __init__(self, paper: ReadablePaper) -> None:
        self.paper = paper
        self.title = Field(paper.title)
        self.abstract = Field(paper.abstract)
        length = TITLE_WEIGHT * len(self.title.words) + len(self.abstract.words)
        self.length_factor = 1 - B + B * length / USUAL_LENGTH

    def find(self, wanted: Term) -> Hit | None:
        """Where and how often `wanted` occurs; None when it does not."""
        if wanted.anywhere:
            return self._find_all(wanted.stems)
        in_title, in_abstract = self.title.runs(wanted.stems), self.abstract.runs(wanted.stems)
        if not in_title and not in_abstract:
            return None
        if in_title:
            where, wording = Where.TITLE, self.title.wording(in_title[0], len(wanted.stems))
        else:
            where, wording = Where.ABSTRACT, self.abstract.wording(in_abstract[0], len(wanted.stems))
        return Hit(len(in_title), len(in_abstract), wording, where)

    def _find_all(self, wanted: tuple[str, ...]) -> Hit | None:
        alone = [self.find(Term((stem,))) for stem in wanted]
        hits = [hit for hit in alone if hit]
        if len(hits) < len(wanted):
            return None
        if together := self.find(Term(wanted)):
            return together
        # The words stand apart: weaker evidence than side by side, so the rarest one counts, and half.
        rarest = min(hits, key=lambda hit: hit.weight)
        places = {hit.where for hit in hits}
        where = places.pop() if len(places) == 1 else Where.BOTH
        return Hit(rarest.title / 2, rarest.abstract / 2, " … ".join(hit.wording for hit in hits), where)

    def saturated(self, hit: Hit) -> float:
        """BM25's term frequency factor: 0 to K1 + 1."""
        return hit.weight * (K1 + 1) / (hit.weight + K1 * self.length_factor)


class Index:
    """All documents of an edition, and how rare each term is among them."""

    def __init__(self, papers: Sequence[ReadablePaper]) -> None:
        self.documents = [Document(paper) for paper in papers]
        self._postings: dict[str, list[int]] = {}
        for number, document in enumerate(self.documents):
            for stem in document.title.places.keys() | document.abstract.places.keys():
                self._postings.setdefault(stem, []).append(number)

    def hits(self, wanted: Term) -> dict[int, Hit]:
        """The documents (by number) in which `wanted` occurs."""
        rarest = min((self._postings.get(stem, []) for stem in wanted.stems), key=len)
        found = ((number, self.documents[number].find(wanted)) for number in rarest)
        return {number: hit for number, hit in found if hit}

    def rarity(self, frequency: int) -> float:
        """How telling a term is that occurs in `frequency` documents: BM25's inverse document frequency as a share of
        that of a word which occurs once. 1 for such a word, near 0 for one that is everywhere, on a day of any size."""
        return self._inverse(frequency) / self._inverse(1)

    def _inverse(self, frequency: int) -> float:
        total = len(self.documents) + BACKGROUND_PAPERS
        return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
