"""Why a paper was picked, in facts that a reader can check on the paper itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from newsletter.model import Why
from newsletter.ranking.matching import ABSTRACT, TITLE, Document, Term

MOST_REASONS = 3
WORDS_NAMED = 2

Fact = tuple[Why, tuple[str | int, ...]]
"""Kind and values of a reason that is not yet made: of many topics, the objects would take as long as the scores."""


class Sought(NamedTuple):
    """A term, and the rows of the papers that may have it, and may have it in their titles: a bit for each row."""

    wanted: Term
    rows: bytes
    titles: bytes


def said(several: Sequence[Sought], row: int, document: Document) -> list[Fact]:
    """What the paper of `row`, a `document`, says of the terms that it may have, the most telling first: in its title,
    in its abstract, in both together. No word is told twice."""
    place, bit = row >> 3, 1 << (row & 7)
    there = [one for one in several if one[1][place] & bit]
    told: set[str] = set()
    # The title goes first: what it says needs no second mention because the abstract says it in another form.
    titles = _in_title([one[0] for one in there if one[2][place] & bit], document, told)
    abstracts, both = _elsewhere(there, document, told)
    found = ((Why.TITLE, titles), (Why.ABSTRACT, abstracts), (Why.BOTH, both))
    return [(kind, tuple(wordings[:WORDS_NAMED])) for kind, wordings in found if wordings]


def _in_title(several: Sequence[Term], document: Document, told: set[str]) -> list[str]:
    """The wordings of the terms that the title has; their words are added to those that are `told`."""
    wordings = []
    for stems, anywhere in several:
        if told.isdisjoint(stems):
            if anywhere:
                hit = document.find(Term(stems, anywhere))
                wording = hit.wording if hit and hit.where is TITLE else None
            else:
                wording = document.title.says(stems)
            if wording is not None:
                told.update(stems)
                wordings.append(wording)
    return wordings


def _elsewhere(several: Sequence[Sought], document: Document, told: set[str]) -> tuple[list[str], list[str]]:
    """The same of the abstract, and of title and abstract together. Terms that the title has are told by now."""
    abstracts: list[str] = []
    both: list[str] = []
    for (stems, anywhere), _, _ in several:
        # Where nothing can be told of both together, two are enough.
        if len(abstracts) >= WORDS_NAMED and not any(one.wanted.anywhere for one in several):
            break
        if told.isdisjoint(stems):
            if anywhere:
                hit = document.find(Term(stems, anywhere))
                where, wording = (hit.where, hit.wording) if hit else (ABSTRACT, None)
            else:
                where, wording = ABSTRACT, document.abstract.says(stems)
            if wording is not None:
                told.update(stems)
                (abstracts if where is ABSTRACT else both).append(wording)
    return abstracts, both


def related(document: Document, terms: Iterable[Term]) -> Fact | None:
    """The first words of `terms` (those that go with a topic, strongest first) that the paper says, if any."""
    wordings: list[str] = []
    told: set[str] = set()
    for wanted in terms:
        if told.isdisjoint(wanted.stems) and (hit := document.find(wanted)):
            told.update(wanted.stems)
            wordings.append(hit.wording)
            if len(wordings) == WORDS_NAMED:
                break
    return (Why.RELATED, tuple(wordings)) if wordings else None
