"""Many topics on many cores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context

from newsletter.model import Ranking, Topic
from newsletter.ranking import Candidates, Encoder, Judged, ranking, score, trending
from newsletter.ranking.scoring import BLOCK

MANY = 1000
"""Topics from which on more processes are worth it: each takes seconds to begin."""

Judgements = Mapping[str, Sequence[Judged]]


def rank(
    candidates: Candidates, topics: Sequence[Topic], judged: Judgements, encoders: Sequence[Encoder]
) -> list[Ranking]:
    """As `ranking.rank`, on all cores where there are many topics. The result is the same on any number of them."""
    cores = _cores()
    # A model stays in one process: loaded twice it costs more than it brings.
    if len(topics) < MANY or cores < 2 or encoders:
        return [*_rank(candidates, topics, judged, encoders), trending(candidates)]
    candidates.prepare()
    blocks = [topics[first : first + BLOCK] for first in range(0, len(topics), BLOCK)]
    with ProcessPoolExecutor(cores, get_context("spawn"), _receive, (candidates,)) as pool:
        own = ({topic.slug: judged[topic.slug] for topic in block if judged.get(topic.slug)} for block in blocks)
        ranked = list(chain.from_iterable(pool.map(_rank_block, blocks, own)))
    return [*ranked, trending(candidates)]


def _cores() -> int:
    """Those that this process may use, as far as the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rank(
    candidates: Candidates, topics: Sequence[Topic], judged: Judgements, encoders: Sequence[Encoder]
) -> list[Ranking]:
    return list(map(ranking, score(candidates, topics, judged, encoders)))


_received: list[Candidates] = []


def _receive(candidates: Candidates) -> None:
    _received[:] = [candidates]


def _rank_block(topics: Sequence[Topic], judged: Judgements) -> list[Ranking]:
    return _rank(_received[0], topics, judged, ())
