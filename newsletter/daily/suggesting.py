"""A reader's feedback brought to the suggestions: the papers it is about, and what the reader was shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from newsletter.daily.publishing import Publishing
from newsletter.model import TRENDING, Feedback, Opinion, ReadablePaper, State, Subscriber, Topic
from newsletter.ranking import Limits, digest
from newsletter.ranking.suggesting import Evidence
from newsletter.store import Store
from newsletter.text import readable

MOST_OTHERS = 2000
"""So many papers of the editions that the judged ones are from are held against them, the newest."""


async def evidence(
    store: Store, publishing: Publishing, topics: Sequence[Topic], limits: Limits, reader: Subscriber
) -> list[Evidence]:
    """What there is to learn from about each of `topics` that `reader` follows or has said something about."""
    said = (await store.feedback.standing([reader.id])).get(reader.id, [])
    opinions = {(one.topic, one.paper): one.opinion for one in said}
    judged = {one.paper for one in said}
    others = await _others(store, judged)
    papers = {number: readable(one) for number, one in (await store.papers.get([*judged, *others])).items()}
    shown = await _shown(store, publishing, limits, reader) if said else {}
    mentioned = {one.topic for one in said}
    return [
        Evidence(
            topic,
            liked=_on(topic, said, Opinion.LIKE, papers),
            disliked=_on(topic, said, Opinion.DISLIKE, papers),
            others=tuple(papers[one] for one in others if one in papers),
            shown=tuple(
                (relevance, opinions.get((topic.slug, paper), Opinion.SHOWN))
                for paper, relevance in shown.get(topic.slug, {}).items()
                if (topic.slug, paper) in opinions or paper not in judged
            ),
        )
        for topic in topics
        if topic.slug in reader.topics or topic.slug in mentioned
    ]


def _on(
    topic: Topic, said: Sequence[Feedback], opinion: Opinion, papers: dict[str, ReadablePaper]
) -> tuple[ReadablePaper, ...]:
    found = [one.paper for one in said if one.topic == topic.slug and one.opinion is opinion]
    return tuple(papers[one] for one in dict.fromkeys(found) if one in papers)


async def _others(store: Store, judged: set[str]) -> list[str]:
    """The papers beside the judged ones in the editions that took them, newest edition first."""
    found: list[str] = []
    for edition in reversed(await store.editions.between(date.min, date.max)):
        if judged.intersection(edition.papers):
            found += [paper for paper in edition.papers if paper not in judged]
    return found[:MOST_OTHERS]


async def _shown(
    store: Store, publishing: Publishing, limits: Limits, reader: Subscriber
) -> dict[str, dict[str, float]]:
    """By topic and paper, the relevance of the picks in the digests that went out to the reader, as it was then."""
    deliveries = await store.ledger.deliveries(address=reader.address)
    occasions = [one.occasion for one in deliveries if one.state in (State.ACCEPTED, State.UNKNOWN)]
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for occasion in sorted(occasions, key=lambda one: one.day):
        day, newest = occasion.day, occasion.newest
        span = (await publishing.spans([reader], day, through=newest))[reader.id]
        ids = [edition.id for edition in span]
        personal = await store.editions.personal([reader.id], ids)
        slugs = [*reader.follows, TRENDING]
        theirs = {
            one: {**await store.editions.rankings(one, slugs), **personal.get((reader.id, one), {})} for one in ids
        }
        if span:
            spanning = publishing.spanning
            merged = await spanning.rankings(await spanning.span(span, newest), theirs, reader.follows)
            for pick in digest(day, reader.follows, span, merged, limits).picks:
                found[pick.topic].setdefault(pick.paper, pick.relevance)
    return found
