"""Literature screening: every record was judged by experts; how much reading is saved until 95% of the relevant ones
are found."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence

import numpy as np
from development import models, rows
from measuring import best_first
from numpy.typing import NDArray
from peers import Sanity, Terms
from tables import Table

from newsletter.model import Opinion, Paper, Topic
from newsletter.ranking import Candidates, Judged, background, score
from newsletter.text import readable

SETS = ("ace", "nudging")
PAIRS, BATCH, FOUND = 5, 10, 0.95

Order = Callable[[Sequence[int]], NDArray[np.float64]]
"""From the rows read so far to the scores of all records."""


def run(given: argparse.Namespace) -> Table:
    """WSS@95, the mean over five pairs of one relevant and one irrelevant record to start from, and over both sets."""
    saved: dict[str, dict[str, list[float]]] = {}
    for name in SETS:
        records = list(rows(given.data / "screening" / f"{name}.jsonl.gz"))
        relevant = np.array([bool(one["included"]) for one in records])
        papers = [readable(Paper(str(one["id"]), one["title"] or "", one["abstract"] or "")) for one in records]
        candidates, topic, encoders = Candidates(papers, background([], papers)), Topic(name, name), models(given)
        sanity = Sanity(Terms(papers), range(len(papers)))

        def blended(
            read: Sequence[int],
            candidates: Candidates = candidates,
            topic: Topic = topic,
            relevant: NDArray[np.bool_] = relevant,
        ) -> NDArray[np.float64]:
            judged = [
                Judged(candidates.papers[row], Opinion.LIKE if relevant[row] else Opinion.DISLIKE) for row in read
            ]
            return next(score(candidates, [topic], {topic.slug: judged}, encoders)).score  # noqa: B023 - used at once

        def tagged(
            read: Sequence[int], sanity: Sanity = sanity, relevant: NDArray[np.bool_] = relevant
        ) -> NDArray[np.float64]:
            liked = [row for row in read if relevant[row]]
            return sanity.scores(range(len(relevant)), liked, [row for row in read if not relevant[row]])

        for number, start in enumerate(_starts(relevant), start=1):
            sys.stderr.write(f"\r{name} {number} of {PAIRS} ")
            for method, order in (("topic score and what was learnt", blended), ("arxiv-sanity-lite", tagged)):
                read = _read(relevant, start, order)
                share = (len(relevant) - read) / len(relevant) - (1 - FOUND)
                saved.setdefault(method, {}).setdefault(name, []).append(share)
    sys.stderr.write("\n")
    means = {method: {name: float(np.mean(several)) for name, several in of.items()} for method, of in saved.items()}
    table = [
        [method, *(f"{of[name]:.3f}" for name in SETS), f"{np.mean(list(of.values())):.3f}"]
        for method, of in means.items()
    ]
    notes = [f"WSS@95 in batches of {BATCH}, means of {PAIRS} starting pairs; no archive, the topic is one word."]
    return Table(["", *SETS, "mean WSS@95"], table, notes, {"methods": saved, "notes": notes})


def _starts(relevant: NDArray[np.bool_]) -> list[tuple[int, int]]:
    drawn = np.random.default_rng(0)
    return [
        (int(drawn.choice(np.flatnonzero(relevant))), int(drawn.choice(np.flatnonzero(~relevant))))
        for _ in range(PAIRS)
    ]


def _read(relevant: NDArray[np.bool_], start: tuple[int, int], order: Order) -> int:
    """How many records are read, the starting pair among them, until FOUND of the relevant ones are found."""
    read, wanted = list(start), math.ceil(FOUND * relevant.sum())
    left = np.ones(len(relevant), bool)
    left[read] = False
    while True:
        best = best_first(order(read))
        for row in best[left[best]][:BATCH].tolist():
            read.append(row)
            left[row] = False
            if relevant[read].sum() >= wanted:
                return len(read)
