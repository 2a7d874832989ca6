"""A reader: an address, what it follows, and when it wants mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from newsletter.model.topic import Topic

OWN = "~"
"""What the slug of a reader's own topic begins with: no address and no file has to spell it otherwise."""


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
    WEEKLY = "weekly"  # on the newsletter's own day
    MONDAYS = "mondays"
    TUESDAYS = "tuesdays"
    WEDNESDAYS = "wednesdays"
    THURSDAYS = "thursdays"
    FRIDAYS = "fridays"
    SATURDAYS = "saturdays"
    SUNDAYS = "sundays"
    MONTHLY = "monthly"

    @property
    def weekday(self) -> int | None:
        """The day of the week that the rhythm names, Monday is 0; None where it names none."""
        return _WEEKLY_ON.get(self)

    @property
    def is_weekly(self) -> bool:
        return self is Rhythm.WEEKLY or self in _WEEKLY_ON


_WEEKLY_ON = {
    one: number
    for number, one in enumerate(
        (
            Rhythm.MONDAYS,
            Rhythm.TUESDAYS,
            Rhythm.WEDNESDAYS,
            Rhythm.THURSDAYS,
            Rhythm.FRIDAYS,
            Rhythm.SATURDAYS,
            Rhythm.SUNDAYS,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`address` is normalised (lower-case domain); `topics` are slugs, empty for *Trending*; `hour` is local, 0 to 23.

    `locale` is the language of the reader's e-mails, empty for the newsletter's own.
    `id` is the store's number, 0 before the store has given one. `origin` is `file` for readers kept in
    `config/subscribers.toml`, `import` for those that came by CSV, `web` for those that signed up on the page.
    `paused_until` is the day on which a paused reader reads again, None for one who has named none; `asked_at` when a
    reader last signed up on the page; `joined_at` when there first was a row of them, None where nobody noted it.
    `own` are topics that the reader worded; their slugs begin with OWN, as those of no configured topic can. Papers
    that hold one of the `muted_words`, or are by one of the `muted_authors`, are in no digest of theirs.
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
    paused_until: date | None = None
    asked_at: datetime | None = None
    joined_at: datetime | None = None
    own: tuple[Topic, ...] = ()
    muted_words: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()

    @property
    def follows(self) -> tuple[str, ...]:
        """The slugs of all topics of the reader: those of the configuration before their own."""
        return (*self.topics, *(topic.slug for topic in self.own))
