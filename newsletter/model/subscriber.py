"""A reader: an address, what it follows, and when it wants mail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Whether a subscriber may be mailed."""

    ACTIVE = "active"
    PENDING = "pending"  # asked for it, has not confirmed yet
    PAUSED = "paused"
    LEFT = "left"


class Rhythm(StrEnum):
    """How often a subscriber wants a digest."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`address` is normalised (lower-case domain); `topics` are slugs, empty for *Trending*; `hour` is local, 0 to 23.

    `locale` is the language of the reader's e-mails, empty for the newsletter's own.
    `id` is the store's number, 0 before the store has given one. `origin` is `file` for readers kept in
    `config/subscribers.toml`, `import` for those that came by CSV.
    """

    address: str
    name: str = ""
    topics: tuple[str, ...] = ()
    timezone: str = "UTC"
    hour: int = 7
    rhythm: Rhythm = Rhythm.DAILY
    status: Status = Status.ACTIVE
    origin: str = "file"
    locale: str = ""
    id: int = 0
