"""What a reader's own feedback says about how a topic should be worded: words, authors and a threshold.

Nothing is proposed that a few papers could say by chance, and everything proposed comes with the counts behind it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from newsletter.model import Opinion, ReadablePaper, Topic
from newsletter.ranking.following import folded, same_person
from newsletter.ranking.matching import Document, Term, term
from newsletter.ranking.query import query
from newsletter.ranking.words import Word, is_telling

LEAST_PAPERS = 3
"""Papers that must say a word before it is proposed."""

LEAST_SHARE = 1 / 3
"""The share of the papers of its side that must say it."""

TIMES_RARER = 5
"""How much rarer it must be among all other papers; one paper more than there are is reckoned with."""

MOST_WORDS = 5

LEAST_BY_AUTHOR = 2
MOST_AUTHORS = 10

LEAST_LIKED, LEAST_DROPPED = 5, 3
"""Papers that a threshold must keep, and must drop, before it is proposed."""

SHARE_KEPT = 0.9
"""Where a threshold that keeps every liked paper drops nothing, one that keeps this share of them may."""

Stems = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to learn from about a topic: the papers that were `liked` and `disliked` for it, and `others`, the
    rest of the editions that these are from. `shown` are the topic's picks that the reader was shown: the relevance of
    each as it was then, and what was said of it (`Opinion.SHOWN`: nothing)."""

    topic: Topic
    liked: tuple[ReadablePaper, ...]
    disliked: tuple[ReadablePaper, ...]
    others: tuple[ReadablePaper, ...]
    shown: tuple[tuple[float, Opinion], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A keyword (a phrase stands in double quotes) or the name of an author, and how many of the papers have it."""

    text: str
    liked: int
    disliked: int
    others: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A `min_score` instead of the one `before`: it would have kept `kept` of the `liked` papers that were shown, and
    dropped `dropped` of the `disliked` and `silenced` of the `passed` over."""

    min_score: float
    before: float
    kept: int
    liked: int
    dropped: int
    disliked: int
    silenced: int
    passed: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the evidence supports, the best first; nothing at all is an answer too."""

    evidence: Evidence
    keywords: tuple[Told, ...]
    exclude: tuple[Told, ...]
    authors: tuple[Told, ...]
    threshold: Threshold | None

    @property
    def empty(self) -> bool:
        return not (self.keywords or self.exclude or self.authors or self.threshold)

    @property
    def topic(self) -> Topic:
        """The topic with all of it."""
        topic = self.evidence.topic
        return replace(
            topic,
            keywords=(*topic.keywords, *(one.text for one in self.keywords)),
            exclude=(*topic.exclude, *(one.text for one in self.exclude)),
            authors=(*topic.authors, *(one.text for one in self.authors)),
            min_score=self.threshold.min_score if self.threshold else topic.min_score,
        )


def suggest(evidence: Evidence) -> Suggestion:
    """What `evidence` says about how its topic should be worded."""
    sides = tuple(_Side(papers) for papers in (evidence.liked, evidence.disliked, evidence.others))
    liked, disliked, others = sides
    known = _known(evidence.topic)
    wanted = _telling(liked, disliked, others, known)
    unwanted = [
        stems
        for stems in _telling(disliked, liked, others, known)
        if len(evidence.liked) >= LEAST_PAPERS and not liked.saying(stems)
    ]

    def told(terms: Sequence[Stems], side: _Side) -> tuple[Told, ...]:
        return tuple(Told(text, *(one.saying(stems) for one in sides)) for stems, text in _worded(terms, side))

    return Suggestion(
        evidence, told(wanted, liked), told(unwanted, disliked), tuple(_authors(evidence)), _threshold(evidence)
    )


def _known(topic: Topic) -> set[str]:
    """The stems that the topic asks for or excludes."""
    asked = query(topic)
    excluded = [found for word in topic.exclude if (found := term(word))]
    return {stem for one in (*asked.named, *asked.described, *excluded) for stem in one.stems}


class _Side:
    """Papers, ready to be asked what they say."""

    def __init__(self, papers: Sequence[ReadablePaper]) -> None:
        self.documents = [Document(paper) for paper in papers]

    def saying(self, stems: Stems) -> int:
        """How many of the papers say the term, as a keyword finds it."""
        return sum(document.find(Term(stems)) is not None for document in self.documents)

    def usual(self) -> list[Stems]:
        """The terms that enough of the papers say to be proposed."""
        found = Counter(stems for one in self.documents for stems in {stems for stems, _ in _terms(one)})
        least = max(LEAST_PAPERS, LEAST_SHARE * len(self.documents))
        return [stems for stems, number in found.items() if number >= least]


def _terms(document: Document) -> Iterator[tuple[Stems, str]]:
    """The telling words of a paper, and the pairs of them that stand side by side, as often as they occur, each with
    its wording."""
    for field in (document.title, document.abstract):
        text, found = field.text, field.words
        for one in found:
            if _tells(text, one):
                yield (one.stem,), text[one.start : one.end]
        for one, other in pairwise(found):
            if text[one.end : other.start] in {" ", "-"} and _tells(text, one) and _tells(text, other):
                yield (one.stem, other.stem), text[one.start : other.end]


def _tells(text: str, word: Word) -> bool:
    surface = text[word.start : word.end]
    return len(surface) > 1 and not surface.isdigit() and is_telling(surface)


def _telling(ours: _Side, opposite: _Side, others: _Side, known: set[str]) -> list[Stems]:
    """The terms that many of our papers say, and few of the opposite and of all others, the best first. Terms all of
    whose words are `known` are none."""
    found = []
    for stems in ours.usual():
        share = ours.saying(stems) / len(ours.documents)
        usual = (others.saying(stems) + 1) / (len(others.documents) + 1)
        rest = max(usual, opposite.saying(stems) / max(len(opposite.documents), 1))
        if share >= TIMES_RARER * rest and not known >= {*stems}:
            found.append((-share * math.log(share / usual), -len(stems), stems))
    return [stems for *_, stems in sorted(found)]


def _worded(terms: Sequence[Stems], side: _Side) -> list[tuple[Stems, str]]:
    """The first of `terms`, no word twice, as the papers mostly word them; a phrase in double quotes."""
    wordings: dict[Stems, Counter[str]] = {stems: Counter() for stems in terms}
    for document in side.documents:
        for stems, wording in _terms(document):
            if stems in wordings:
                wordings[stems][wording] += 1
    found: list[tuple[Stems, str]] = []
    told: set[str] = set()
    for stems in terms:
        if told.isdisjoint(stems):
            told.update(stems)
            text = min(wordings[stems], key=lambda one: (-wordings[stems][one], one.lower() != one, one))
            found.append((stems, f'"{text}"' if len(stems) > 1 else text))
    return found[:MOST_WORDS]


def _authors(evidence: Evidence) -> Iterator[Told]:
    """Who wrote at least two of the liked papers, twice as many as of the disliked, and is not followed yet."""
    names = {folded(name): name for paper in reversed(evidence.liked) for name in reversed(paper.paper.authors)}
    # An initial would follow everybody whom it fits; one name alone is hardly a person.
    full = [name for parts, name in names.items() if len(parts) > 1 and len(parts[0]) > 1]
    found = [
        Told(name, *(_written(name, papers) for papers in (evidence.liked, evidence.disliked, evidence.others)))
        for name in full
        if not any(same_person(followed, name) for followed in evidence.topic.authors)
    ]
    kept = [one for one in found if one.liked >= max(LEAST_BY_AUTHOR, 2 * one.disliked)]
    yield from sorted(kept, key=lambda one: (-one.liked, one.disliked, one.others, one.text))[:MOST_AUTHORS]


def _written(name: str, papers: Sequence[ReadablePaper]) -> int:
    return sum(any(same_person(name, author) for author in paper.paper.authors) for paper in papers)


def _threshold(evidence: Evidence) -> Threshold | None:
    """The highest threshold, to one decimal, that keeps every liked paper, or else nearly all of them; None when too
    few were liked, or too few of the others would go."""
    before = evidence.topic.min_score
    liked, disliked, passed = (
        sorted(relevance for relevance, opinion in evidence.shown if opinion is one)
        for one in (Opinion.LIKE, Opinion.DISLIKE, Opinion.SHOWN)
    )
    if len(liked) < LEAST_LIKED:
        return None
    for lost in dict.fromkeys((0, math.floor(round(len(liked) * (1 - SHARE_KEPT), 9)))):
        least = math.floor(round(liked[lost] * 10, 6)) / 10
        kept, dropped, silenced = (
            sum(one >= least for one in liked),
            sum(one < least for one in disliked),
            sum(one < least for one in passed),
        )
        if least > before and dropped + silenced >= LEAST_DROPPED:
            return Threshold(least, before, kept, len(liked), dropped, len(disliked), silenced, len(passed))
    return None
