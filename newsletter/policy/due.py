"""Who is due on a day, and which editions a digest spans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from newsletter.model import Rhythm, Status, Subscriber

SATURDAY = 5

WEEK, MONTH = 7, 31
"""Days that the first digest of a weekly, and of a monthly reader goes back to; and the least that theirs may span."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a subscriber gets a digest for a day, and why (not)."""

    due: bool
    why: str


def due(subscriber: Subscriber, day: date, *, weekly_on: int = 0) -> Due:
    """Is `subscriber` to get a digest for the local date `day`?

    `weekly_on` is the weekday of weekly digests (Monday is 0). The hour plays no part here (see `policy.hours`). Who
    had paused until that day, or an earlier one, is back.
    """
    if subscriber.status is not Status.ACTIVE and not pause_is_over(subscriber, day):
        return Due(False, f"the subscriber is {subscriber.status}")
    return reads_on(subscriber.rhythm, day, weekly_on=weekly_on)


def reads_on(rhythm: Rhythm, day: date, *, weekly_on: int = 0) -> Due:
    """Is `day` one on which readers of `rhythm` read? `weekly_on` as for `due`; monthly is the first of the month."""
    weekday = weekly_on if rhythm is Rhythm.WEEKLY else rhythm.weekday
    if rhythm is Rhythm.WEEKDAYS and day.weekday() >= SATURDAY:
        return Due(False, "reads on weekdays only")
    if rhythm.is_weekly and day.weekday() != weekday:
        return Due(False, "reads once a week, on another day")
    if rhythm is Rhythm.MONTHLY and day.day != 1:
        return Due(False, "reads once a month, on the first")
    return Due(True, f"reads {rhythm}")


def pause_is_over(subscriber: Subscriber, day: date) -> bool:
    """Whether `subscriber` had paused until `day`, or an earlier one. A pause without an end is never over."""
    until = subscriber.paused_until
    return subscriber.status is Status.PAUSED and until is not None and until <= day


def reach(rhythm: Rhythm, look_back: int) -> int:
    """How many days a digest may go back to, for readers of `rhythm`: the look-back, and never less than what makes up
    for one of theirs that was missed."""
    length = WEEK if rhythm.is_weekly else MONTH if rhythm is Rhythm.MONTHLY else 0
    return max(look_back, length) + length


def span_start(subscriber: Subscriber, day: date, *, last: date | None, look_back: int) -> date:
    """The day after which editions belong to a digest that goes up to the edition of `day`: its span is
    (span_start, day].

    `last` is the newest edition's day of the subscriber's last settled digest. Without one, a weekly reader begins with
    a week, a monthly one with a month, everybody else with the day itself. `look_back`, in days, bounds the span (see
    `reach`).
    """
    rhythm = subscriber.rhythm
    first = WEEK if rhythm.is_weekly else MONTH if rhythm is Rhythm.MONTHLY else 1
    begin = last if last is not None else day - timedelta(days=first)
    return max(min(begin, day), day - timedelta(days=reach(rhythm, look_back)))
