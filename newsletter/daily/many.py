"""Many topics on many cores."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np

from newsletter.model import Ranking, Topic
from newsletter.ranking import Candidates, Encoder, Judged, ranking, score, trending
from newsletter.ranking.records import Record, of_record, record, recorded
from newsletter.ranking.scoring import BLOCK
from newsletter.ranking.sharing import parts, rank_block, receive

MANY = 1000
"""Topics from which on more processes are worth it: together they take seconds to begin."""

AHEAD = 3
"""Blocks that each other process has to do, so that none is ever idle."""

MOST_AHEAD = 32
"""Blocks for each core that may lie there, done or not, before they are waited for: more than this process does while
the others begin."""

Judgements = Mapping[str, Sequence[Judged]]


def rank(
    candidates: Candidates, topics: Sequence[Topic], judged: Judgements, encoders: Sequence[Encoder]
) -> list[Ranking]:
    """As `ranking.rank`, on all cores where there are many topics. The result is the same on any number of them."""
    if not _worth_more(topics, encoders):
        return [*map(ranking, score(candidates, topics, judged, encoders)), trending(candidates)]
    return [of_record(one) for one in records(candidates, topics, judged, encoders)]


def records(
    candidates: Candidates, topics: Sequence[Topic], judged: Judgements, encoders: Sequence[Encoder]
) -> Iterator[Record]:
    """The same in the same order, as records, each made when it is asked for or shortly before: however many topics
    there are, only a few blocks of them are in memory."""
    if _worth_more(topics, encoders):
        yield from _by_many(candidates, topics, judged)
    else:
        yield from (recorded(one) for one in score(candidates, topics, judged, encoders))
    yield record(trending(candidates))


def _worth_more(topics: Sequence[Topic], encoders: Sequence[Encoder]) -> bool:
    # A model stays in one process: loaded twice it costs more than it brings.
    return len(topics) >= MANY and _cores() > 1 and not encoders


def _by_many(candidates: Candidates, topics: Sequence[Topic], judged: Judgements) -> Iterator[Record]:
    with TemporaryDirectory(prefix="newsletter-") as folder:
        file = Path(folder, "candidates")
        places = _leave(candidates, file)
        read = partial(np.memmap, file, np.uint8, "r")
        others = _cores() - 1
        with ProcessPoolExecutor(others, get_context("spawn"), receive, (read, places)) as pool:
            blocks = deque(topics[first : first + BLOCK] for first in range(0, len(topics), BLOCK))
            ahead: deque[Future[list[Record]]] = deque()
            try:
                while blocks or ahead:
                    while blocks and sum(not one.done() for one in ahead) < AHEAD * others:
                        block = blocks.popleft()
                        ahead.append(pool.submit(rank_block, block, _of(block, judged)))
                    if ahead[0].done() or not blocks or len(ahead) >= MOST_AHEAD * _cores():
                        yield from ahead.popleft().result()
                    else:  # no core is idle, not this one either
                        block = blocks.popleft()
                        ahead.append(Future())
                        ahead[-1].set_result(rank_block(block, _of(block, judged), candidates))
            finally:  # whoever asked wants no more
                for one in ahead:
                    one.cancel()


def _of(block: Sequence[Topic], judged: Judgements) -> Judgements:
    return {topic.slug: judged[topic.slug] for topic in block if judged.get(topic.slug)}


def _cores() -> int:
    """Those that this process may use, as far as the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave(candidates: Candidates, file: Path) -> list[tuple[int, int]]:
    """Write candidates into a file, for processes to share; returns where each part begins and ends."""
    found, places = parts(candidates)
    with file.open("wb") as out:
        out.writelines(found)
    return places


class Spool(Iterable[Record]):
    """Records in a file without a name, none of them in memory: to be gone through as often as one likes."""

    def __init__(self, several: Iterable[Record]) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  # it lives as long as this object
        for one in several:
            pickle.dump(one, self._file, 5)
        self._end = self._file.tell()

    def __del__(self) -> None:
        if hasattr(self, "_file"):  # it could be made
            self._file.close()

    def __iter__(self) -> Iterator[Record]:
        self._file.seek(0)
        while self._file.tell() < self._end:
            yield pickle.load(self._file)
