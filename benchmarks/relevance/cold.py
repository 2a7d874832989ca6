"""Cold start: topics as people wrote them, and nothing else is known of the reader."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from development import Asked, Stream, Week, models
from measuring import Figures, best_first
from numpy.typing import NDArray
from peers import Searches, Terms
from tables import Table, relevance

from newsletter.ranking import Candidates, Encoder, Scored, background, score

WHOLE = "default"


def run(given: argparse.Namespace) -> Table:
    """Every day of every topic's window with at least one relevant paper, the archive renewed weekly."""
    stream, figures = Stream(given.data, given.topics == "half"), Figures()
    terms, encoders = Terms(stream.papers), models(given)
    weeks = stream.weeks(given.every)
    for number, week in enumerate(weeks, start=1):
        sys.stderr.write(f"\rweek {number} of {len(weeks)} ")
        asked = [one for one in stream.topics if any(map(one.open_on, week.days))]
        for one, methods in zip(asked, _methods(stream, week, asked, terms, encoders, given.ablate), strict=True):
            for name, scores in methods.items():
                _add(figures, name, one, stream, week, scores)
    sys.stderr.write("\n")
    days = sum(len(by_day) for by_day in figures.of[WHOLE].values())
    notes = [f"{len(figures.of[WHOLE])} topics, {days} days of topics with a relevant paper, {len(weeks)} weeks."]
    return relevance(figures, WHOLE, notes)


def _methods(
    stream: Stream, week: Week, asked: Sequence[Asked], terms: Terms, encoders: Sequence[Encoder], ablate: bool
) -> list[dict[str, NDArray[np.float64]]]:
    """For each topic the scores of the week's papers by each method."""
    topics = [one.topic for one in asked]
    candidates = Candidates(stream[week.rows], background(stream[week.archive]))
    searches = Searches(terms, week.archive, week.rows)
    bm25, cosine = searches.bm25(topics), searches.cosine(topics)
    found = []
    for place, scored in enumerate(score(candidates, topics)):
        methods = {"TF-IDF cosine": cosine[:, place], "BM25": bm25[:, place], WHOLE: scored.score}
        found.append(methods | (_ablated(scored) if ablate else {}))
    if encoders:
        name = f"{WHOLE} + {' + '.join(one.part for one in encoders)}"
        for methods, scored in zip(found, score(candidates, topics, encoders=encoders), strict=True):
            methods[name] = scored.score
            if ablate:
                methods |= {f"with {part}, {how}": value for (how, part), value in _of_extras(scored, encoders).items()}
    return found


def _ablated(scored: Scored) -> dict[str, NDArray[np.float64]]:
    """Each part left out, and the parts one after the other."""
    used = [place for place, name in enumerate(scored.parts) if name != "trend"]
    without = {f"without {scored.parts[place]}": scored.score - scored.values[:, place] for place in used}
    sums = np.cumsum(scored.values[:, used], axis=1)
    up_to = {f"up to {scored.parts[place]}": sums[:, column] for column, place in enumerate(used)}
    return up_to | without


def _of_extras(scored: Scored, encoders: Sequence[Encoder]) -> dict[tuple[str, str], NDArray[np.float64]]:
    places = {one.part: scored.parts.index(one.part) for one in encoders if one.part in scored.parts}
    return {("that part alone", part): scored.values[:, place] for part, place in places.items()}


def _add(figures: Figures, method: str, one: Asked, stream: Stream, week: Week, scores: NDArray[np.float64]) -> None:
    for day, rows in week.days.items():
        if one.open_on(day):
            first = week.rows.start
            order = best_first(scores[rows.start - first : rows.stop - first])
            ids = (stream.papers[rows.start + row].id for row in order)
            figures.add(method, one.topic.slug, day, ids, one.relevant)
