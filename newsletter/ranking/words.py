"""From text to stems that can be compared, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import local

import Stemmer

# Letters and digits of any script; an apostrophe inside a word belongs to it ("mind's"), and the signs of C++ and C#.
# A Chinese or Japanese character is a word: nothing parts the words there.
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*(?:\+\+|#(?!\w))?")

STOP_WORDS = frozenset(
    """
    a about above across after again all also am an and any are as at be because been before being below between
    beyond both but by can cannot could did do does doing down during each etc few for from further had has have having
    he her here hers him his how however i if in into is it its itself just may me might more most must my no nor
    not now of off on once only or other our ours out over own per same she should so some such than that the
    their theirs them then there these they this those through thus to too toward towards under until up upon us
    very via was we were what when where whether which while who whom why will with within without would yet you
    your yours
    """.split()
)

# Words that people use to describe an interest, or a list of papers, and that say nothing about its subject.
BOILERPLATE = frozenset(
    """
    anything article articles awesome blog blogs book books collect collection collections collected comprehensive
    concerning contain contains continual continually continuously cover covering covers curate curated curates
    curating cutting daily date discussed edge especially everything excited explore exploring field follow following
    follows guide include included includes including interest interested interesting introduce investigates landscape
    latest like list lists literature lot maintain maintained material materials new news ongoing overview paper papers
    progress project projects publication publications read reader reading readings recent recently reference
    references regard regarding regularly relate related relevant repo repos repository repositories research
    researcher researchers resource resources review reviews roadmap study studies summarize summary survey surveys
    systematic systematically thing things topic topics tutorial tutorials update updated updates various work works
    world art
    """.split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """A stem and the span [start, end) of the surface form in the text, in characters."""

    stem: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Every word of `text` in order, stop words included (phrases need them).

    Stemming is Snowball's English (Porter 2); words of other scripts pass through it unchanged.
    """
    matches = list(_WORD.finditer(text))
    stems = stemmer().stemWords([plain_word(match.group()) for match in matches])
    return [Word(stem, match.start(), match.end()) for stem, match in zip(stems, matches, strict=True)]


def stemmer() -> Stemmer.Stemmer:
    """The stemmer of the caller's thread: PyStemmer's objects are not safe to share between threads, and to make one
    takes as long as to stem a hundred words."""
    found: Stemmer.Stemmer | None = getattr(_OWN, "stemmer", None)
    if found is None:
        found = _OWN.stemmer = Stemmer.Stemmer("english")
    return found


_OWN = local()


def raw_words(text: str) -> list[str]:
    """The words of `text` in order, as they stand."""
    return _WORD.findall(text)


def plain_words(text: str) -> list[str]:
    """The words of `text` in order, case folded, not stemmed."""
    return [plain_word(word) for word in raw_words(text)]


def plain_word(word: str) -> str:
    """A word without case."""
    # The stemmer takes the plural of an acronym ("LLMs", "MRIs") for a word of its own.
    singular = word[:-1] if len(word) > 2 and word[-1] == "s" and word[:-1].isupper() else word
    return singular.casefold().replace("’", "'")


def stems(text: str) -> list[str]:
    """The stems of `text` in order."""
    return [word.stem for word in words(text)]


def telling_stems(text: str) -> list[str]:
    """The stems of a description that can tell papers apart, in order and as often as they occur: no stop words, no
    boilerplate."""
    return list(stemmer().stemWords([word for word in plain_words(text) if is_telling(word)]))


def is_telling(word: str) -> bool:
    """Whether a word can tell papers apart: no stop word, no boilerplate, no single Latin letter."""
    plain = word.casefold()
    return (
        plain not in STOP_WORDS
        and plain not in BOILERPLATE
        and not (len(plain) == 1 and plain.isascii() and plain.isalpha())
    )


def pairs(stems: Sequence[str]) -> list[str]:
    """Neighbouring stems as one term each: "diffus model"."""
    return [f"{one} {two}" for one, two in pairwise(stems)]
