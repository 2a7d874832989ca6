"""A channel, where a topic's picks are posted for several people at once, and one day's post there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from newsletter.model.delivery import Phase, State
from newsletter.model.subscriber import Rhythm, Subscriber


class Form(StrEnum):
    """How a service wants its text."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Channel:
    """A place in Slack, Discord, Telegram... `topics` are slugs, empty for *Trending*; a post has at most `papers`."""

    name: str
    topics: tuple[str, ...] = ()
    rhythm: Rhythm = Rhythm.DAILY
    papers: int = 5

    @property
    def reader(self) -> Subscriber:
        """The reader who would get the same: what is due and what is ranked for one is so for the other."""
        return Subscriber(f"channel:{self.name}", topics=self.topics, rhythm=self.rhythm)


@dataclass(frozen=True, slots=True)
class Post:
    """The state of one channel's post for one local date, as that of a Delivery. UNIQUE(channel, local_date).

    `papers` counts what it shows, 0 until it was composed; `resent` says that an unknown outcome was already answered
    by posting once more. `through` is the day of the newest edition that it spans, as of when it was planned; None is
    the local date itself.
    """

    id: int
    channel: str
    local_date: date
    state: State
    phase: Phase | None = None
    attempt: int = 0
    next_at: datetime | None = None
    reason: str = ""
    resent: bool = False
    papers: int = 0
    updated_at: datetime | None = None
    through: date | None = None
