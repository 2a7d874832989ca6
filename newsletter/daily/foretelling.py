"""What a scheduler will do, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.errors import NotFoundError
from newsletter.model import State, Status, Subscriber
from newsletter.policy.address import normal_address
from newsletter.policy.due import pause_is_over
from newsletter.policy.hours import Calendar, Hours, coming
from newsletter.store import Store, Suppression


@dataclass(frozen=True, slots=True)
class Coming:
    """Something that will happen `at` a moment, in the time zone of whom it concerns."""

    at: datetime
    what: str
    why: str


async def foretell(
    store: Store, calendar: Calendar, now: datetime, span: timedelta, address: str | None = None
) -> list[Coming]:
    """The editions and digests of the time from `now` on, in order: of everybody, or of the reader of `address`.

    Raises NotFoundError where nobody has that address, or whoever has it gets no mail.
    """
    until = now + span
    if address is not None:
        try:
            reader = await store.subscribers.find(normal_address(address))
        except ValueError as error:
            raise NotFoundError(f"“{address}” is no e-mail address: {error}") from None
        if reader is None:
            raise NotFoundError(f"nobody reads at {address}; `newsletter subscribers list` shows who does")
        suppressed = await store.suppressions.among([reader.address])
        had = {one.local_date: one.state for one in await store.ledger.deliveries(address=reader.address, limit=60)}
        found = _of_reader(reader, now, until, calendar, suppressed, had)
    else:
        found = _editions(now, until, calendar)
        for slot in await store.hours.all():
            if number := await store.hours.number(slot):
                found += _of_hours(Hours(*slot), number, now, until, calendar)
    return sorted(found, key=lambda one: one.at)


def _editions(now: datetime, until: datetime, calendar: Calendar) -> list[Coming]:
    found, moment = [], now
    while (moment := calendar.next_made(moment)) <= until:
        given_up = calendar.given_up(moment.date()).astimezone(calendar.timezone)
        why = f"schedule.at; with what there is at {given_up:%H:%M}, if a source is late"
        found.append(Coming(moment, f"the edition of {moment:%Y-%m-%d}", why))
    return found


def _of_hours(hours: Hours, number: int, now: datetime, until: datetime, calendar: Calendar) -> list[Coming]:
    zone, who = ZoneInfo(hours.timezone), "1 reader" if number == 1 else f"{number:,} readers"
    found = []
    for one in coming(hours, now, until, calendar):
        why = f"{hours.rhythm}, from {hours.hour:02}:00 in {hours.timezone}; up to the edition of {one.awaits}"
        found.append(Coming(one.begins.astimezone(zone), f"digests of {one.day} for {who}", why))
    return found


def _of_reader(
    reader: Subscriber,
    now: datetime,
    until: datetime,
    calendar: Calendar,
    suppressed: Mapping[str, Suppression],
    had: Mapping[date, State],
) -> list[Coming]:
    if reader.address in suppressed:
        raise NotFoundError(f"{reader.address} is not mailed: {suppressed[reader.address].reason}")
    if reader.status not in (Status.ACTIVE, Status.PAUSED):
        raise NotFoundError(f"{reader.address} is not mailed: the subscriber is {reader.status}")
    hours = Hours(reader.timezone, reader.hour, reader.rhythm)
    zone, found = ZoneInfo(reader.timezone), []
    for one in coming(hours, now, until, calendar):
        why_not = ""
        if reader.status is not Status.ACTIVE and not pause_is_over(reader, one.day):
            why_not = f"has paused until {reader.paused_until}" if reader.paused_until else "has paused"
        elif later := [day for day in had if day >= one.day]:
            why_not = f"the ledger has that of {min(later)} already: {had[min(later)]}"
        why = f"reads {hours.rhythm}, from {hours.hour:02}:00 in {hours.timezone}; up to the edition of {one.awaits}"
        what = f"no digest of {one.day}" if why_not else f"the digest of {one.day}"
        found.append(Coming(one.begins.astimezone(zone), what, why_not or why))
    return found
