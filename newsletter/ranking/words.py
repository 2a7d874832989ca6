"""From text to stems that can be compared, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

import Stemmer

# Letters and digits of any script; an apostrophe inside a word belongs to it ("mind's").
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

_STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both
    but by can cannot could did do does doing down during each etc few for from further had has have having he
    her here hers him his how however i if in into is it its itself just may me might more most must my no nor
    not now of off on once only or other our ours out over own per same she should so some such than that the
    their theirs them then there these they this those through thus to too toward towards under until up upon us
    very via was we were what when where whether which while who whom why will with within without would yet you
    your yours
    """.split()
)

# Words that people use to describe a topic and that say nothing about it.
_BOILERPLATE = frozenset(
    """
    anything article articles especially everything follow follows interest interested interesting latest like
    new news paper papers read reading recent related research study studies things topic topics work works
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
    # A stemmer of its own for each call: PyStemmer's objects are not safe to share between threads.
    stems = Stemmer.Stemmer("english").stemWords([_plain(match.group()) for match in matches])
    return [Word(stem, match.start(), match.end()) for stem, match in zip(stems, matches, strict=True)]


def _plain(word: str) -> str:
    # The stemmer takes the plural of an acronym ("LLMs", "MRIs") for a word of its own.
    singular = word[:-1] if len(word) > 2 and word[-1] == "s" and word[:-1].isupper() else word
    return singular.casefold().replace("’", "'")


def stems(text: str) -> list[str]:
    """The stems of `text` in order."""
    return [word.stem for word in words(text)]


def telling_stems(text: str) -> list[str]:
    """The distinct stems of a description that can tell papers apart: no stop words, no boilerplate, nothing of one
    letter; in order of first appearance."""
    found = _WORD.findall(text)
    telling = [word for word in found if len(word) > 1 and word.casefold() not in _STOP_WORDS | _BOILERPLATE]
    return list(dict.fromkeys(stems(" ".join(telling))))
