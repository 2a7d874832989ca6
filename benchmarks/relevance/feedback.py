"""Feedback from nothing: each day ten papers are shown, and only from those is learnt."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
from development import Asked, Stream, Week, models
from measuring import SHOWN, Figures, best_first
from numpy.typing import NDArray
from peers import Sanity, Searches, Terms
from tables import Table, relevance

from newsletter.model import Opinion, Topic
from newsletter.ranking import Background, Candidates, Encoder, Judged, background, extended, score

BLEND = "topic score and what was learnt"
ALONE = "topic score alone"
SANITY = "arxiv-sanity-lite, BM25 until the first like"
HELPED = "arxiv-sanity-lite, our topic score until the first like"

Opinions = dict[str, list[tuple[int, Opinion]]]
"""By topic what was shown so far, oldest first, and whether it was liked (its curators chose it) or passed over."""


def run(given: argparse.Namespace) -> Table:
    """Every method has a reader of its own, whose opinions are on what that method showed."""
    stream, figures = Stream(given.data, given.topics == "half"), Figures()
    terms, encoders = Terms(stream.papers), models(given)
    opinions: dict[str, Opinions] = {name: defaultdict(list) for name in (BLEND, SANITY, HELPED, ALONE)}
    weeks = stream.weeks(given.every)
    for number, week in enumerate(weeks, start=1):
        sys.stderr.write(f"\rweek {number} of {len(weeks)} ")
        asked = [one for one in stream.topics if any(map(one.open_on, week.days))]
        if asked:
            for day, one, method, scores in _scores(stream, week, asked, terms, encoders, opinions):
                order = [week.days[day].start + int(row) for row in best_first(scores)]
                ids = [stream.papers[row].id for row in order]
                figures.add(method, one.topic.slug, day, ids, one.relevant)
                for row, identity in zip(order[:SHOWN], ids, strict=False):
                    opinion = Opinion.LIKE if identity in one.relevant else Opinion.SHOWN
                    opinions[method][one.topic.slug].append((row, opinion))
    sys.stderr.write("\n")
    notes = [f"{len(figures.of[BLEND])} topics, {len(weeks)} weeks; the second half of each topic's days apart."]
    return relevance(figures, BLEND, notes, late=True)


def _scores(
    stream: Stream,
    week: Week,
    asked: Sequence[Asked],
    terms: Terms,
    encoders: Sequence[Encoder],
    opinions: Mapping[str, Opinions],
) -> Iterator[tuple[date, Asked, str, NDArray[np.float64]]]:
    """Day by day, so that the next day's scores know what was shown on this one."""
    ground = background(stream[week.archive])
    sanity, searches = Sanity(terms, week.archive), Searches(terms, week.archive, week.rows)
    topics = [one.topic for one in asked]
    bm25 = searches.bm25(topics)
    cold = [one.score for one in score(Candidates(stream[week.rows], ground), topics, encoders=encoders)]
    for day, rows in week.days.items():
        today = [(place, one) for place, one in enumerate(asked) if one.open_on(day)]
        open_today = [one.topic for _, one in today]
        earlier = range(week.rows.start, rows.start)
        yesterday = Background(extended(ground.known, stream[earlier]))
        blended = _blended(stream, rows, day, open_today, yesterday, encoders, opinions[BLEND])
        for (place, one), blend in zip(today, blended, strict=True):
            part = slice(rows.start - week.rows.start, rows.stop - week.rows.start)
            alone, searched = cold[place][part], bm25[part, place]
            yield day, one, BLEND, blend
            yield day, one, SANITY, _sanity(sanity, rows, opinions[SANITY][one.topic.slug], searched)
            yield day, one, HELPED, _sanity(sanity, rows, opinions[HELPED][one.topic.slug], alone)
            yield day, one, ALONE, alone


def _blended(
    stream: Stream,
    rows: range,
    day: date,
    topics: Sequence[Topic],
    ground: Background,
    encoders: Sequence[Encoder],
    opinions: Opinions,
) -> list[NDArray[np.float64]]:
    judged = {
        topic.slug: [
            Judged(stream.papers[row], opinion, float((day - stream.days[row]).days))
            for row, opinion in opinions[topic.slug]
        ]
        for topic in topics
    }
    return [one.score for one in score(Candidates(stream[rows], ground), topics, judged, encoders)]


def _sanity(
    sanity: Sanity, rows: range, opinions: Sequence[tuple[int, Opinion]], before: NDArray[np.float64]
) -> NDArray[np.float64]:
    liked = [row for row, opinion in opinions if opinion is Opinion.LIKE]
    others = [row for row, opinion in opinions if opinion is not Opinion.LIKE]
    return sanity.scores(rows, liked, others) if liked else before
