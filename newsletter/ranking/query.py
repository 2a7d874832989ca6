"""A topic as ranking asks for it: weighted terms, and what to look for in a paper when reasons are to be given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from newsletter.model import Topic
from newsletter.ranking.counting import content
from newsletter.ranking.matching import Term, is_phrase, term
from newsletter.ranking.words import BOILERPLATE, is_telling, pairs, plain_word, raw_words, stemmer

# None of these is part of a word.
_BREAK = re.compile(r"[.:;,!?()\[\]\n]")

_MARKS = '.:;,!?()[]"“”'

NAMED = 2.0
DESCRIBED = 1.0
MOST = 4.0
"""No term weighs more than this, however often a topic says it."""

_KNOWN = 1 << 15
"""Words that are remembered: topics say the same ones again and again."""


class _Word(NamedTuple):
    """A word of a topic: whether it `tells` papers apart, and whether it does as it stands there."""

    stem: str
    tells: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What a topic asks for.

    `weights` are those of the terms (stems, and pairs of stems) that BM25 looks
    for. What may be shown as a reason: the terms that the topic is `named` by, keywords and all, and those by which it
    is `described`.
    """

    topic: Topic
    weights: Mapping[str, float]
    named: tuple[Term, ...]
    described: tuple[Term, ...]

    @property
    def text(self) -> str:
        """Name and description as a model reads them, without the words that say nothing about the subject."""
        topic = self.topic
        said = f"{topic.name}. {topic.description}" if topic.description else topic.name
        return " ".join(word for word in said.split() if word.strip(_MARKS).casefold() not in BOILERPLATE)


def query(topic: Topic) -> Query:
    """What `topic` asks for: its name and keywords count twice, its description once, filler words nothing."""
    weights: dict[str, float] = {}
    name, description = _clauses(topic.name), _clauses(topic.description)
    asked = [(word.stem, NAMED) for clause in name for word in clause if word.tells]
    asked += [(word.stem, DESCRIBED) for clause in description for word in clause if word.tells]
    asked += [pair for keyword in topic.keywords for pair in _keyword(keyword)]
    for stem, weight in asked:
        weights[stem] = min(weights.get(stem, 0.0) + weight, MOST)
    named = dict.fromkeys(wanted for keyword in topic.keywords if (wanted := term(keyword)) and content(keyword))
    named |= dict.fromkeys(_phrases(name))
    described = dict.fromkeys(wanted for wanted in _phrases(description) if wanted not in named)
    return Query(topic, weights, tuple(named), tuple(described))


def _clauses(text: str) -> list[list[_Word]]:
    """The words of each clause."""
    return [[_word(raw) for raw in raw_words(clause)] for clause in _BREAK.split(text)]


@lru_cache(maxsize=_KNOWN)
def _word(raw: str) -> _Word:
    plain = plain_word(raw)
    return _Word(stemmer().stemWord(plain), is_telling(plain), is_telling(raw))


def _keyword(keyword: str) -> Iterator[tuple[str, float]]:
    """A phrase asks for its words side by side; several words without quotes ask for each, and for both a little."""
    found = content(keyword)
    side_by_side = pairs(found)
    if len(found) < 2:
        yield from ((stem, NAMED) for stem in found)
    elif is_phrase(keyword):
        yield from ((pair, NAMED / len(side_by_side)) for pair in side_by_side)
    else:
        yield from ((stem, NAMED / len(found)) for stem in found)
        yield from ((pair, NAMED / len(side_by_side)) for pair in side_by_side)


def _phrases(clauses: Iterable[Sequence[_Word]]) -> Iterator[Term]:
    """What a text is about: of each of its clauses the run of its words, its pairs of telling words with what stands
    between them ("chain of thought"), its telling words."""
    for clause in clauses:
        stems = tuple([word.stem for word in clause])
        telling = [place for place, word in enumerate(clause) if word.shown]
        spans = [(telling[0], telling[-1])] if len(telling) == 3 else []
        spans += pairwise(telling)
        spans += zip(telling, telling, strict=True)
        yield from [Term(stems[first : last + 1]) for first, last in spans]
