"""Why a paper was picked, in facts that a reader can check on the paper itself."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.model import Reason, Why
from newsletter.ranking.matching import Document, Term, Where

MOST_REASONS = 3
WORDS_NAMED = 2

PLACES = {Where.TITLE: Why.TITLE, Where.ABSTRACT: Why.ABSTRACT, Where.BOTH: Why.BOTH}


def said(document: Document, terms: Sequence[Term]) -> list[Reason]:
    """Which of `terms`, the most telling first, the paper says: in its title, in its abstract, in both together."""
    wordings: dict[Where, list[str]] = {}
    told: set[str] = set()
    hits = [(wanted, hit) for wanted in terms if (hit := document.find(wanted))]
    # The title goes first: what it says needs no second mention because the abstract says it in another form.
    for wanted, hit in sorted(hits, key=lambda found: found[1].where is not Where.TITLE):
        if told.isdisjoint(wanted.stems):
            told.update(wanted.stems)
            named = wordings.setdefault(hit.where, [])
            if len(named) < WORDS_NAMED:
                named.append(hit.wording)
    return [Reason(PLACES[where], tuple(wordings[where])) for where in Where if where in wordings]


def related(document: Document, stems: Sequence[str]) -> Reason | None:
    """The first words of `stems` (terms that go with a topic, strongest first) that the paper says, if any."""
    wordings: list[str] = []
    told: set[str] = set()
    for stem in stems:
        wanted = Term(tuple(stem.split(" ")))
        if told.isdisjoint(wanted.stems) and (hit := document.find(wanted)):
            told.update(wanted.stems)
            wordings.append(hit.wording)
            if len(wordings) == WORDS_NAMED:
                break
    return Reason(Why.RELATED, tuple(wordings)) if wordings else None
