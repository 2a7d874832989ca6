"""Where the words of a topic stand in a paper: hard rules and reasons rest on what is really there."""

from __future__ import annotations

import re
from array import array
from enum import StrEnum
from typing import NamedTuple

from newsletter.model import ReadablePaper
from newsletter.ranking.words import Word, stems, words


class Term(NamedTuple):
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


# Enumerations are slow to be asked for a member.
TITLE, ABSTRACT = Where.TITLE, Where.ABSTRACT


class Hit(NamedTuple):
    """A term that was found: `wording` is how it first reads, at `where`."""

    wording: str
    where: Where


class Field:
    """A title or an abstract: its stems, where each first stands, and the spans of its words in the text.

    There are hundreds of thousands of words in a day's papers: they are kept in few objects, which the collector of
    garbage passes over.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        found = words(text)
        stems = [word.stem for word in found]
        self._stems = f" {' '.join(stems)} "
        self._starts = array("i", [word.start for word in found])
        self._ends = array("i", [word.end for word in found])
        self.places = {stem: place for place, stem in reversed(list(enumerate(stems)))}

    @property
    def words(self) -> list[Word]:
        """Every word, in order."""
        return words(self.text)

    def says(self, wanted: tuple[str, ...]) -> str | None:
        """How the stems `wanted` read where they first stand in a row, None where they nowhere do."""
        place = self.places.get(wanted[0])
        if place is None:
            return None
        if len(wanted) == 1:
            return self.text[self._starts[place] : self._ends[place]]
        run = f" {' '.join(wanted)} "
        at = self._stems.find(run)
        while at >= 0:
            place = self._stems.count(" ", 0, at)
            wording = self.text[self._starts[place] : self._ends[place + len(wanted) - 1]]
            # No sentence ends, and nothing else is said, between the words.
            if not _BREAK.search(wording):
                return wording
            at = self._stems.find(run, at + 1)
        return None


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
        for where, field in ((TITLE, self.title), (ABSTRACT, self.abstract)):
            if (wording := field.says(wanted.stems)) is not None:
                return Hit(wording, where)
        return None

    def _find_all(self, wanted: tuple[str, ...]) -> Hit | None:
        hits = [hit for stem in wanted if (hit := self.find(Term((stem,))))]
        if len(hits) < len(wanted):
            return None
        if together := self.find(Term(wanted)):
            return together
        places = {hit.where for hit in hits}
        return Hit(" … ".join(hit.wording for hit in hits), places.pop() if len(places) == 1 else Where.BOTH)
