"""Candidates in several processes at once, each of which ranks topics of its own.

What a process has to import before it can begin is no more than ranking itself needs.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable, Mapping, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from newsletter.model import Topic
from newsletter.ranking.candidates import Candidates
from newsletter.ranking.learning import Judged
from newsletter.ranking.records import Record, recorded
from newsletter.ranking.scoring import score

_ALIGNED = 64
"""What arrays begin at a multiple of: as numpy would lay them out."""


def parts(candidates: Candidates) -> tuple[list[memoryview], list[tuple[int, int]]]:
    """Candidates, prepared and without the archive's texts, as bytes, their arrays apart (PEP 574), with what lies
    between them; and where each part begins and ends when they follow each other."""
    buffers: list[pickle.PickleBuffer] = []
    candidates.prepare()
    lean = copy(candidates)
    lean.background = candidates.background.without_texts()
    whole = pickle.dumps(lean, 5, buffer_callback=buffers.append)
    found: list[memoryview] = []
    places, end = [], 0
    for one in (memoryview(whole), *(one.raw() for one in buffers)):
        between = memoryview(bytes(-end % _ALIGNED))
        begin = end + len(between)
        end = begin + len(one)
        found += [between, one]
        places.append((begin, end))
    return found, places


_received: list[Candidates] = []


def receive(read: Callable[[], NDArray[np.uint8]], places: Sequence[tuple[int, int]]) -> None:
    """Take the candidates whose parts `read` returns, one after the other. The arrays stay where they are: all
    processes may share them."""
    seen = read().data
    whole, *arrays = (seen[begin:end] for begin, end in places)
    _received[:] = [pickle.loads(whole, buffers=arrays)]
    # What was received stays to the end: the collector of garbage need not look through it again and again.
    gc.freeze()


def rank_block(
    topics: Sequence[Topic], judged: Mapping[str, Sequence[Judged]], candidates: Candidates | None = None
) -> list[Record]:
    """The rankings of topics for `candidates`, or for those that were received."""
    return [recorded(one) for one in score(candidates or _received[0], topics, judged)]
