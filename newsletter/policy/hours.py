"""When a digest is due, on the reader's own clock: local dates, hours, and the edition that is waited for.

A reader's day is a local date. Its digest is due from the reader's hour on, when the edition that is expected by then
is made; the calendar of the newsletter says when that is, and until when it is waited for:

    edition of D     made from D at `at` (the newsletter's time zone), when every source has told what it should have;
                     with what there is, `wait` later
    digest of L      from L at the reader's hour on, when the newest edition whose `at` is not later is made, or given
                     up; with all editions that the reader has not had
    a date missed    nobody looked for `grace` after that moment, since the last look: the next digest carries it

Clocks that are set, time zones that change their mind, even dates that a country leaves out change nothing: a date has
one first moment at or after the hour, or none. Pure: who asks brings the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from newsletter.model import Rhythm
from newsletter.policy.due import reads_on

ONE_DAY = timedelta(days=1)

FARTHEST = 40
"""Days back to which a date that was missed is told of: more than a month, so that of every rhythm the last one is."""


# There are some hundred, and the class itself keeps eight of those that nobody holds.
_zone = lru_cache(1000)(ZoneInfo)


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """What readers have in common who are due at the same moments: the name of a time zone, the local hour (0 to 23),
    the rhythm. A channel has a `moment` of the day instead of an hour."""

    timezone: str
    hour: int
    rhythm: Rhythm
    moment: time | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """When editions are made, and for how long is waited: the settings of the schedule. `days` are weekdays, Monday is
    0; `weekly_on` is one."""

    at: time
    timezone: ZoneInfo
    days: AbstractSet[int]
    wait: timedelta
    grace: timedelta
    weekly_on: int = 0

    def made_from(self, day: date) -> datetime:
        """The moment from which the edition of `day` may be made, in UTC."""
        return datetime.combine(day, self.at, self.timezone).astimezone(UTC)

    def given_up(self, day: date) -> datetime:
        """The moment at which the edition of `day` is waited for no longer, in UTC."""
        return self.made_from(day) + self.wait

    def newest(self, moment: datetime) -> date:
        """The day of the newest edition that may be made at `moment`."""
        day = moment.astimezone(self.timezone).date() + ONE_DAY
        while day.weekday() not in self.days or self.made_from(day) > moment:
            day -= ONE_DAY
        return day

    def next(self, moment: datetime) -> date:
        """The day of the first edition that may be made only after `moment`."""
        day = moment.astimezone(self.timezone).date() - ONE_DAY
        while day.weekday() not in self.days or self.made_from(day) <= moment:
            day += ONE_DAY
        return day

    def next_made(self, moment: datetime) -> datetime:
        """When the first edition after `moment` may be made, in the newsletter's time zone."""
        return self.made_from(self.next(moment)).astimezone(self.timezone)

    def latest(self, moment: datetime) -> date:
        """The newest date of the newsletter's time zone whose time of day has come at `moment`, with an edition or
        without."""
        return replace(self, days=frozenset(range(7))).newest(moment)

    def hours(self, rhythm: Rhythm) -> Hours:
        """When a channel of `rhythm` is due: as readers in the newsletter's time zone who read when it is made."""
        return Hours(self.timezone.key, self.at.hour, rhythm, self.at)

    @property
    def closing(self) -> timedelta:
        """For how long after its moment a digest is made: never less than it may have to wait for its edition."""
        return max(self.grace, self.wait + timedelta(hours=1))


class Turn(StrEnum):
    """What is to be done about a digest now."""

    SEND = "send"
    WAIT = "wait"  # for its edition
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that is due: the local date, the moment (UTC) from which it was, the day of the edition that it waits
    for, and what is to be done."""

    day: date
    begins: datetime
    awaits: date
    turn: Turn


def begins(day: date, hours: Hours) -> datetime | None:
    """The first moment of the local date `day` at which the clock shows the hour or more, in UTC.

    Where the clock is put forward over the hour, that is the moment at which it is; where the hour comes twice, the
    first; None where the country leaves the date out, as Samoa did with 30 December 2011.
    """
    zone = _zone(hours.timezone)
    # An hour that does not exist is taken as the clock before would have shown it (PEP 495): that is the moment.
    moment = datetime.combine(day, hours.moment or time(hours.hour), zone).astimezone(UTC)
    return moment if moment.astimezone(zone).date() == day else None


@lru_cache(100_000)  # every look asks the same of the same few days
def is_due(day: date, hours: Hours, calendar: Calendar) -> tuple[datetime, date] | None:
    """When the digest of the local date `day` is due, and which edition it waits for; None when there is none.

    There is none on a date that the rhythm leaves out, nor when no edition was expected since the last such date.
    """
    if not reads_on(hours.rhythm, day, weekly_on=calendar.weekly_on).due:
        return None
    moment = begins(day, hours)
    if moment is None:
        return None
    awaits = calendar.newest(moment)
    before = _before(day, hours, calendar)
    return (moment, awaits) if before is None or awaits > calendar.newest(before) else None


def _before(day: date, hours: Hours, calendar: Calendar) -> datetime | None:
    """The moment of the last date before `day` on which readers of this rhythm read."""
    for number in range(1, FARTHEST):
        earlier = day - number * ONE_DAY
        if reads_on(hours.rhythm, earlier, weekly_on=calendar.weekly_on).due and (moment := begins(earlier, hours)):
            return moment
    return None


def turns(
    hours: Hours, now: datetime, calendar: Calendar, settled: Callable[[date], bool], since: datetime | None
) -> Sequence[Due]:
    """What there is to do at `now` for readers of these hours, by date: digests to be sent or waited for, and those
    that were missed since the last look, `since` (None: nobody has ever looked).

    `settled` says of the day of an edition whether it is made, or waited for no longer.
    """
    today = now.astimezone(_zone(hours.timezone)).date()
    earliest = today - timedelta(days=2)
    if since is not None:
        first_missed = (since - calendar.closing).astimezone(_zone(hours.timezone)).date() - ONE_DAY
        earliest = max(min(earliest, first_missed), today - timedelta(days=FARTHEST))
    found = []
    for number in range((today - earliest).days + 1):
        day = earliest + number * ONE_DAY
        if not (one := is_due(day, hours, calendar)) or one[0] > now:
            continue
        moment, awaits = one
        if now < moment + calendar.closing:
            found.append(Due(day, moment, awaits, Turn.SEND if settled(awaits) else Turn.WAIT))
        elif since is not None and moment + calendar.closing > since:
            found.append(Due(day, moment, awaits, Turn.MISSED))
    return found


def coming(hours: Hours, after: datetime, until: datetime, calendar: Calendar) -> Iterator[Due]:
    """The digests of readers of these hours whose moments are in (`after`, `until`], as they will be waited for."""
    zone = _zone(hours.timezone)
    day, last = after.astimezone(zone).date() - ONE_DAY, until.astimezone(zone).date() + ONE_DAY
    while day <= last:
        if (one := is_due(day, hours, calendar)) and after < one[0] <= until:
            yield Due(day, *one, Turn.WAIT)
        day += ONE_DAY
