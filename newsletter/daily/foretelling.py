"""What a scheduler will do, and why: what waits just now, and what comes.

What waits stands at the present moment, or when it is tried again; the reason says what for, and until when at the
latest. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from newsletter.daily import posts_due
from newsletter.daily.looking import LOOK
from newsletter.daily.publishing import Rules
from newsletter.errors import NotFoundError
from newsletter.model import OPEN_STATES, Delivery, State, Status, Subscriber
from newsletter.model.post import Channel, Post
from newsletter.policy.address import normal_address
from newsletter.policy.due import pause_is_over
from newsletter.policy.hours import ONE_DAY, Due, Hours, Turn, coming, turns
from newsletter.store import Store, Suppression
from newsletter.store.waiting import waiting

MOST_READERS = 10_000_000
"""Readers of the same hours who are counted."""


@dataclass(frozen=True, slots=True)
class Coming:
    """Something that will happen `at` a moment, in the time zone of whom it concerns."""

    at: datetime
    what: str
    why: str


async def foretell(
    store: Store,
    rules: Rules,
    channels: Sequence[Channel],
    now: datetime,
    span: timedelta,
    address: str | None = None,
) -> list[Coming]:
    """What waits, and the editions, digests and posts of the time from `now` on, in order: of everybody, or the digests
    of the reader of `address`.

    Raises NotFoundError where nobody has that address, or whoever has it gets no mail.
    """
    calendar = rules.calendar
    newest, since = calendar.newest(now), await store.moments.last(LOOK)
    made = now >= calendar.given_up(newest) or await store.editions.find(newest) is not None
    telling = _Telling(store, rules, now, now + span, newest if made else newest - ONE_DAY, since)
    if address is not None:
        found = await telling.reader(await _reader(store, address))
    else:
        found = [*await telling.editions(), *await telling.waiting(), *await telling.readers()]
        found += await telling.posts(channels)
    return sorted((one for one in found if one.at <= now + span), key=lambda one: one.at)


async def _reader(store: Store, address: str) -> Subscriber:
    try:
        reader = await store.subscribers.find(normal_address(address))
    except ValueError as error:
        raise NotFoundError(f"“{address}” is no e-mail address: {error}") from None
    if reader is None:
        raise NotFoundError(f"nobody reads at {address}; `newsletter subscribers list` shows who does")
    suppressed: Mapping[str, Suppression] = await store.suppressions.among([reader.address])
    if reader.address in suppressed:
        raise NotFoundError(f"{reader.address} is not mailed: {suppressed[reader.address].reason}")
    if reader.status not in (Status.ACTIVE, Status.PAUSED):
        raise NotFoundError(f"{reader.address} is not mailed: the subscriber is {reader.status}")
    try:
        ZoneInfo(reader.timezone)
    except ZoneInfoNotFoundError:
        why = f"this machine does not know the time zone {reader.timezone}; `pip install -U tzdata` brings the newest"
        raise NotFoundError(f"{reader.address} is not mailed: {why}") from None
    return reader


class _Telling:
    """Tells of the time from `now` to `until`. Editions up to that of the day `settled` are made, or waited for no
    longer; the last look was at `since`."""

    def __init__(
        self, store: Store, rules: Rules, now: datetime, until: datetime, settled: date, since: datetime | None
    ) -> None:
        self._store = store
        self._rules = rules
        self._calendar = rules.calendar
        self._now = now
        self._until = until
        self._settled = settled
        self._since = since
        self._holds = rules.on_unknown != "resend"

    async def editions(self) -> list[Coming]:
        """The editions; first the one that is waited for."""
        calendar, found, moment = self._calendar, [], self._now
        newest = calendar.newest(moment)
        if newest > self._settled:
            why = f"schedule.at; made when its sources have told, {self._at_the_latest(newest, calendar.timezone)}"
            found.append(Coming(moment.astimezone(calendar.timezone), f"the edition of {newest}", why))
        while (moment := calendar.next_made(moment)) <= self._until:
            given_up = calendar.given_up(moment.date()).astimezone(calendar.timezone)
            why = f"schedule.at; with what there is at {given_up:%H:%M}, if a source is late"
            found.append(Coming(moment, f"the edition of {moment:%Y-%m-%d}", why))
        return found

    async def waiting(self) -> list[Coming]:
        """What the ledger has that has not gone out."""
        found = []
        for one in await waiting(self._store.database, holds=self._holds):
            held = one.state is State.UNKNOWN and self._holds
            last = f", the last at {_clock(one.last, self._calendar.timezone)}" if one.last != one.first else ""
            what = f"{'no ' * held}digests of {one.local_date} for {_readers(one.number)}"
            found.append(self._told(what, self._why(one.state, last), one.first))
        return found

    async def readers(self) -> list[Coming]:
        """The digests of all readers that are due and not planned yet, and those that will be."""
        found = []
        for zone, hour, rhythm in await self._store.hours.all():
            hours = Hours(zone, hour, rhythm)
            try:
                now = self._due_now(hours)
            except ZoneInfoNotFoundError:  # it was known where it was chosen
                why = f"they wait: this machine does not know their time zone, {zone}"
                found.append(self._told(f"no digests for readers of {rhythm}, from {hour:02}:00", why))
                continue
            for one in now:
                slot = [(zone, hour, rhythm, one.begins)]
                if number := len(await self._store.hours.due(one.day, slot, MOST_READERS)):
                    found.append(self._due(one, f"digests of {one.day} for {_readers(number)}", ZoneInfo(zone)))
            if number := await self._store.hours.number((zone, hour, rhythm)):
                for one in coming(hours, self._now, self._until, self._calendar):
                    why = f"{rhythm}, from {hour:02}:00 in {zone}; up to the edition of {one.awaits}"
                    what = f"digests of {one.day} for {_readers(number)}"
                    found.append(Coming(one.begins.astimezone(ZoneInfo(zone)), what, why))
        return found

    async def reader(self, reader: Subscriber) -> list[Coming]:
        """The same of one reader."""
        rows = await self._store.ledger.deliveries(address=reader.address, limit=60)
        hours, zone = Hours(reader.timezone, reader.hour, reader.rhythm), ZoneInfo(reader.timezone)
        found = [self._row(reader, one, zone) for one in reversed(rows) if self._waits(one)]
        for one in self._due_now(hours):
            slot = [(reader.timezone, reader.hour, reader.rhythm, one.begins)]
            if await self._store.hours.due(one.day, slot, 1, (reader.id - 1, reader.id)):
                found.append(self._due(one, f"the digest of {one.day}", zone))
        had = {one.local_date: one.state for one in rows}
        for one in coming(hours, self._now, self._until, self._calendar):
            why_not = ""
            if reader.status is not Status.ACTIVE and not pause_is_over(reader, one.day):
                why_not = f"has paused until {reader.paused_until}" if reader.paused_until else "has paused"
            elif later := [day for day in had if day >= one.day]:
                why_not = f"the ledger has that of {min(later)} already: {had[min(later)]}"
            why = (
                f"reads {hours.rhythm}, from {hours.hour:02}:00 in {hours.timezone}; up to the edition of {one.awaits}"
            )
            what = f"no digest of {one.day}" if why_not else f"the digest of {one.day}"
            found.append(Coming(one.begins.astimezone(zone), what, why_not or why))
        return found

    async def posts(self, channels: Sequence[Channel]) -> list[Coming]:
        """The posts in `channels` that wait, and those that come."""
        rows = await self._store.posts.newest(100 * len(channels), [one.name for one in channels])
        by_channel = {one.name: {row.local_date: row for row in rows if row.channel == one.name} for one in channels}
        found = [self._posted(one) for one in reversed(rows) if self._waits(one)]
        day = await posts_due.newest_day(self._store, self._rules, self._now)
        planned = await posts_due.to_plan(self._store, self._rules, channels, day, by_calendar=True)
        for channel in channels:
            had, name = by_channel[channel.name], channel.name
            if name in planned and day not in had:
                why = f"due, with the editions up to that of {planned[name]}: the next look posts it"
                found.append(self._told(f"the post of {day} in {name}", why))
            hours = self._calendar.hours(channel.rhythm)
            waits = [one for one in self._due_now(hours) if one.turn is Turn.WAIT and one.day not in had]
            zone, will_be = self._calendar.timezone, coming(hours, self._now, self._until, self._calendar)
            found += [self._due(one, f"the post of {one.day} in {name}", zone) for one in waits]
            found += [self._will_be_posted(name, one, had) for one in will_be]
        return found

    def _due_now(self, hours: Hours) -> Sequence[Due]:
        return turns(hours, self._now, self._calendar, lambda day: day <= self._settled, self._since)

    def _waits(self, row: Delivery | Post) -> bool:
        again = row.state is State.UNKNOWN and (self._holds or not row.resent)
        return again or row.state in OPEN_STATES

    def _row(self, reader: Subscriber, row: Delivery, zone: tzinfo) -> Coming:
        if reader.status is not Status.ACTIVE:
            return self._told(f"no digest of {row.local_date}", "has paused: it will be skipped", zone=zone)
        held = row.state is State.UNKNOWN and self._holds
        what = f"{'no' if held else 'the'} digest of {row.local_date}"
        return self._told(what, self._why(row.state), row.next_at, zone)

    def _posted(self, row: Post) -> Coming:
        what, no = f"the post of {row.local_date} in {row.channel}", ""
        match row.state:
            case State.DEFERRED:
                why = "the service is asked again then"
            case State.SENDING:
                why = "somebody is posting it"
            case State.UNKNOWN if self._holds:
                no, why = what.replace("the", "no", 1), "delivery.on_unknown is hold, and the service may have it"
            case State.UNKNOWN:
                why = "the next look posts it once more"
            case _:
                why = "the next look posts it, if it can: `newsletter doctor` tries the channels"
        return self._told(no or what, f"in the ledger, {row.state}: {why}", row.next_at)

    def _will_be_posted(self, name: str, one: Due, had: Mapping[date, Post]) -> Coming:
        at, zone = one.begins.astimezone(self._calendar.timezone), self._calendar.timezone
        if row := had.get(one.day):
            why = f"the ledger has it already: {row.state}"
            return Coming(at, f"no post of {one.day} in {name}", why)
        late = self._at_the_latest(one.awaits, zone)
        why = f"when the edition of {one.awaits} is made, {late}; none without news"
        return Coming(at, f"the post of {one.day} in {name}", why)

    def _due(self, one: Due, what: str, zone: tzinfo) -> Coming:
        """A digest or post that is due and not planned yet; `what` it is."""
        since = f"due since {_clock(one.begins, zone)}"
        match one.turn:
            case Turn.MISSED:
                no, why = f"no {what.removeprefix('the ')}", "nobody looked in time; the next one carries it"
                return self._told(no, why, zone=zone)
            case Turn.SEND:
                return self._told(what, f"{since}: the next look plans it", zone=zone)
        why = f"{since}; the edition of {one.awaits} is waited for, {self._at_the_latest(one.awaits, zone)}"
        return self._told(what, why, zone=zone)

    def _why(self, state: State, more: str = "") -> str:
        match state:
            case State.DEFERRED:
                why = f"the relay is asked again then{more}"
            case State.SENDING:
                why = "somebody is handing it over"
            case State.UNKNOWN if self._holds:
                why = "delivery.on_unknown is hold; `newsletter resend --unknown` sends it"
            case State.UNKNOWN:
                why = "the next look sends it once more"
            case _:
                why = "the next look sends it"
        return f"in the ledger, {state}: {why}"

    def _told(self, what: str, why: str, at: datetime | None = None, zone: tzinfo | None = None) -> Coming:
        moment = max(at or self._now, self._now)
        return Coming(moment.astimezone(zone or self._calendar.timezone), what, why)

    def _at_the_latest(self, day: date, zone: tzinfo) -> str:
        """Until when the edition of `day` is waited for."""
        return f"at {_clock(self._calendar.given_up(day), zone)} at the latest"


def _readers(number: int) -> str:
    return "1 reader" if number == 1 else f"{number:,} readers"


def _clock(moment: datetime | None, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%a %H:%M %Z}" if moment else ""
