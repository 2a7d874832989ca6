"""Where the words of a topic stand in a paper: hard rules and reasons rest on what is really there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from newsletter.model import ReadablePaper
from newsletter.ranking.words import Word, stems, words


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for: `stems` in a row (a phrase) or, with `anywhere`, all of them in any place."""

    stems: tuple[str, ...]
    anywhere: bool = False


def term(keyword: str) -> Term | None:
    """A keyword as a term: in double quotes a phrase, else one word, or several of which all must occur somewhere.

    None when it holds no word at all.
    """
    found = tuple(stems(keyword))
    return Term(found, anywhere=len(found) > 1 and not is_phrase(keyword)) if found else None


def is_phrase(keyword: str) -> bool:
    """Whether a keyword stands in double quotes, straight or curly: its words must follow each other."""
    text = keyword.strip()
    return len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES


_QUOTES = '"“”„'

# "Compress: long" is no phrase.
_BREAK = re.compile(r"[.:;!?()\[\]](?:\s|$)|\s[–—-]\s")


class Where(StrEnum):
    """Where a term was found."""

    TITLE = "title"
    ABSTRACT = "abstract"
    BOTH = "title and abstract together"


@dataclass(frozen=True, slots=True)
class Hit:
    """A term that was found: `wording` is how it first reads, at `where`."""

    wording: str
    where: Where


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
        return [at for at in first if self._reads(at, wanted) and self._whole(at, size)]

    def _reads(self, place: int, wanted: tuple[str, ...]) -> bool:
        if place + len(wanted) > len(self.words):
            return False
        return all(self.words[at].stem == stem for at, stem in enumerate(wanted, start=place))

    def _whole(self, place: int, size: int) -> bool:
        """Whether no sentence ends, and nothing else is said, between the words."""
        return not _BREAK.search(self.wording(place, size))

    def wording(self, place: int, size: int) -> str:
        """The text as it stands from `place` on, `size` words long."""
        return self.text[self.words[place].start : self.words[place + size - 1].end]


class Document:
    """A paper ready to be searched."""

    def __init__(self, paper: ReadablePaper) -> None:
        self.paper = paper
        self.title = Field(paper.title)
        self.abstract = Field(paper.abstract)

    def find(self, wanted: Term) -> Hit | None:
        """Where `wanted` first occurs, the title before the abstract; None when it does not."""
        if wanted.anywhere:
            return self._find_all(wanted.stems)
        for where, field in ((Where.TITLE, self.title), (Where.ABSTRACT, self.abstract)):
            if places := field.runs(wanted.stems):
                return Hit(field.wording(places[0], len(wanted.stems)), where)
        return None

    def _find_all(self, wanted: tuple[str, ...]) -> Hit | None:
        hits = [hit for stem in wanted if (hit := self.find(Term((stem,))))]
        if len(hits) < len(wanted):
            return None
        if together := self.find(Term(wanted)):
            return together
        places = {hit.where for hit in hits}
        return Hit(" … ".join(hit.wording for hit in hits), places.pop() if len(places) == 1 else Where.BOTH)
