"""A topic as ranking asks for it: weighted terms, and what to look for in a paper when reasons are to be given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from newsletter.model import Topic
from newsletter.ranking.counting import content
from newsletter.ranking.matching import Term, is_phrase, term
from newsletter.ranking.words import BOILERPLATE, is_telling, pairs, telling_stems, words

_CLAUSE = re.compile(r"[.:;,!?()\[\]\n]+")

_MARKS = '.:;,!?()[]"“”'

NAMED = 2.0
DESCRIBED = 1.0
MOST = 4.0
"""No term weighs more than this, however often a topic says it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a topic asks for.

    `text` is the topic in its own words. `weights` are those of the terms (stems, and pairs of stems) that BM25 looks
    for. What may be shown as a reason: the terms that the topic is `named` by, keywords and all, and those by which it
    is `described`.
    """

    text: str
    weights: Mapping[str, float]
    named: tuple[Term, ...]
    described: tuple[Term, ...]


def query(topic: Topic) -> Query:
    """What `topic` asks for: its name and keywords count twice, its description once, filler words nothing."""
    weights: dict[str, float] = {}
    name, description = telling_stems(topic.name), telling_stems(topic.description)
    asked = [(stem, NAMED) for stem in name] + [(stem, DESCRIBED) for stem in description]
    asked += [pair for keyword in topic.keywords for pair in _keyword(keyword)]
    for stem, weight in asked:
        weights[stem] = min(weights.get(stem, 0.0) + weight, MOST)
    named = dict.fromkeys(wanted for keyword in topic.keywords if (wanted := term(keyword)) and content(keyword))
    named |= dict.fromkeys(phrases(topic.name))
    described = dict.fromkeys(wanted for wanted in phrases(topic.description) if wanted not in named)
    return Query(_text(topic), weights, tuple(named), tuple(described))


def _text(topic: Topic) -> str:
    """Name and description as a model reads them, without the words that say nothing about the subject."""
    said = f"{topic.name}. {topic.description}" if topic.description else topic.name
    return " ".join(word for word in said.split() if word.strip(_MARKS).casefold() not in BOILERPLATE)


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


def phrases(text: str) -> Iterator[Term]:
    """What a text is about: of each of its clauses the run of its words, its pairs of telling words with what stands
    between them ("chain of thought"), its telling words."""
    for clause in _CLAUSE.split(text):
        found = words(clause)
        telling = [place for place, word in enumerate(found) if is_telling(clause[word.start : word.end])]
        spans = [(telling[0], telling[-1])] if len(telling) == 3 else []
        spans += pairwise(telling)
        spans += zip(telling, telling, strict=True)
        yield from (Term(tuple(word.stem for word in found[first : last + 1])) for first, last in spans)
