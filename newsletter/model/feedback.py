"""What readers say about papers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Opinion(StrEnum):
    """What a reader thinks of a paper for a topic."""

    LIKE = "like"  # more like this
    DISLIKE = "dislike"  # less like this
    SHOWN = "shown"  # was in the reader's digest, and nothing was said: hardly an opinion, and never recorded as one


@dataclass(frozen=True, slots=True)
class Feedback:
    """A reader's opinion on a paper as a pick of a topic.

    `subscriber` is the reader's id, `topic` a slug, `paper` an id; `given` is aware UTC. `id` is the store's number, 0
    before the store has given one. From `undone` on it counts no more: the reader took it back, or said something else.
    """

    subscriber: int
    topic: str
    paper: str
    opinion: Opinion
    given: datetime
    id: int = 0
    undone: datetime | None = None
