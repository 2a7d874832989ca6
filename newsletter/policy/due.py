"""Who is due on a day, and which editions a digest spans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from newsletter.model import Rhythm, Status, Subscriber

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a subscriber gets a digest for a day, and why (not)."""

    due: bool
    why: str


def due(subscriber: Subscriber, day: date, *, weekly_on: int = 0) -> Due:
    """Is `subscriber` to get a digest for the local date `day`?

    `weekly_on` is the weekday of weekly digests (Monday is 0). The hour plays no part: a run delivers to everybody who
    is due that day.
    """
    if subscriber.status is not Status.ACTIVE:
        return Due(False, f"the subscriber is {subscriber.status}")
    if subscriber.rhythm is Rhythm.WEEKDAYS and day.weekday() >= SATURDAY:
        return Due(False, "reads on weekdays only")
    if subscriber.rhythm is Rhythm.WEEKLY and day.weekday() != weekly_on:
        return Due(False, "reads once a week, on another day")
    return Due(True, f"reads {subscriber.rhythm}")


def span_start(subscriber: Subscriber, day: date, *, last: date | None, look_back: int) -> date:
    """The day after which editions belong to the digest of `day`: its span is (span_start, day].

    `last` is the date of the subscriber's last settled digest. Without one, a weekly reader begins with a week,
    everybody else with the day itself. `look_back`, in days, bounds the span for all.
    """
    begin = last if last is not None else day - timedelta(days=7 if subscriber.rhythm is Rhythm.WEEKLY else 1)
    return max(min(begin, day - timedelta(days=1)), day - timedelta(days=look_back))
