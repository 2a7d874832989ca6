"""A year of looks at the clock: exactly the digests that the rules name, none twice, none missing.

What reads, sleeps, moves and crashes is made up; the schedule, the database, the collecting, freezing and planning are
the real ones. Who is due, the test says in its own words (`Expected`), reader by reader and look by look.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from world import World

from newsletter.assembly import opened_daily
from newsletter.daily import Daily
from newsletter.model import Rhythm, State, Subscriber
from newsletter.store import Store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Istanbul", "Europe/Moscow", "Africa/Cairo"),
    *("Africa/Lagos", "Africa/Nairobi", "Africa/Casablanca", "Asia/Tehran", "Asia/Dubai", "Asia/Kolkata"),
    *("Asia/Kathmandu", "Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo", "Asia/Beirut", "Asia/Jerusalem"),
    *("Australia/Sydney", "Australia/Lord_Howe", "Australia/Eucla", "Pacific/Auckland", "Pacific/Chatham"),
    *("Pacific/Apia", "Pacific/Kiritimati", "Pacific/Honolulu", "Pacific/Marquesas", "America/Anchorage"),
    *("America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Halifax"),
    *("America/St_Johns", "America/Sao_Paulo", "America/Santiago", "America/Nuuk", "Pacific/Pago_Pago"),
)
zone_of = cache(ZoneInfo)
WAIT, GRACE, ASK_AGAIN = 2 * HOUR, 12 * HOUR, timedelta(minutes=20)
SEED = os.environ.get("NEWSLETTER_TEST_YEAR")


@dataclass
class Reader:
    """One who reads, as the test knows them: `had` are the local dates that are settled, and how."""

    number: int
    zone: str
    hour: int
    rhythm: Rhythm
    joined: datetime
    paused_until: date | None = None
    had: dict[date, State] = field(default_factory=dict)
    through: dict[date, date] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"reader{self.number}@example.org"


class Expected:
    """The rules in the words of the handbook, and nothing of the code that is tested."""

    def __init__(self, readers: list[Reader]) -> None:
        self.readers = readers
        self.editions: list[date] = []
        self.last_look: datetime | None = None

    def looked(self, now: datetime, *, undecided: date | None) -> None:
        """Somebody looks at `now`, and the edition of `undecided` is still waited for."""
        day = self.awaited(now)
        there = [one for one in self.editions if day - 7 * DAY < one <= day]
        through = there[-1] if there else day - DAY
        for reader in self.readers:
            for local in self.dates(reader, now):
                begins = self.begins(reader, local)
                assert begins is not None
                if any(one >= local for one in reader.had) or reader.joined > begins:
                    continue
                if not self.has_news(reader, local, begins):
                    continue
                if reader.paused_until and local < reader.paused_until:
                    continue
                if now < begins + GRACE:
                    if undecided is None or self.awaited(begins) != undecided:
                        reader.had[local] = State.ACCEPTED
                        reader.through[local] = through
                elif self.last_look is not None and begins + GRACE > self.last_look:
                    reader.had[local] = State.SUPERSEDED
                    reader.through[local] = min(self.awaited(begins), through)
                if local in reader.had and reader.paused_until:
                    reader.paused_until = None
        self.last_look = now

    def dates(self, reader: Reader, now: datetime) -> list[date]:
        """The local dates up to now on which the reader reads."""
        today = now.astimezone(zone_of(reader.zone)).date()
        dates = [today - number * DAY for number in range(4, -1, -1)]
        return [one for one in dates if self.reads(reader, one) and (at := self.begins(reader, one)) and at <= now]

    def has_news(self, reader: Reader, local: date, begins: datetime) -> bool:
        """Whether an edition was expected since the last date: clocks that go forward at nine in Beirut leave none."""
        earlier = (local - number * DAY for number in range(1, 40))
        before = next(at for one in earlier if self.reads(reader, one) and (at := self.begins(reader, one)))
        return self.awaited(begins) > self.awaited(before)

    @staticmethod
    def reads(reader: Reader, day: date) -> bool:
        names = {Rhythm.WEEKDAYS: "Mon Tue Wed Thu Fri", Rhythm.WEEKLY: "Mon"}
        if reader.rhythm is Rhythm.MONTHLY:
            return f"{day:%d}" == "01"
        if reader.rhythm is Rhythm.DAILY:
            return True
        return f"{day:%a}" in names.get(reader.rhythm, reader.rhythm[:3].title())

    @staticmethod
    def begins(reader: Reader, day: date) -> datetime | None:
        """Through all the quarters of an hour: the first on that local date that is not before the reader's hour."""
        zone = zone_of(reader.zone)
        guess = datetime(day.year, day.month, day.day, reader.hour, tzinfo=zone).astimezone(UTC) - 2 * HOUR
        for number in range(18):
            shown = (guess + number * HOUR / 4).astimezone(zone)
            if shown.date() == day and shown.hour >= reader.hour:
                return guess + number * HOUR / 4
        return None

    @staticmethod
    def awaited(moment: datetime) -> date:
        """The newest edition that may be made: at seven in the morning in UTC."""
        return moment.date() if moment.hour >= 7 else moment.date() - DAY


class Year:
    """A world, its readers and its papers, with one or two schedulers that look at it now and then."""

    def __init__(self, folder: Path, seed: int, number: int, start: date) -> None:
        self.random = Random(seed)
        self.world = World(folder)
        self.world.now = datetime(start.year, start.month, start.day, tzinfo=UTC)
        zones = self.random.sample(ZONES, len(ZONES))
        rhythms = list(Rhythm)
        self.readers = [
            Reader(n, zones[n % len(zones)], self.random.randrange(24), self.random.choice(rhythms), self.world.now)
            for n in range(1, number + 1)
        ]
        self.expected = Expected(self.readers)
        self.told, self.known, self.taken = set[date](), set[date](), set[date]()
        self.asked, self.broken_until = self.world.now - 10 * DAY, self.world.now
        self.spans: dict[int, list[date]] = {one.number: [] for one in self.readers}
        self.reached: dict[int, date] = {}
        self.was_broken = False
        self.looks = 0

    async def live(self, days: int) -> None:
        """So many days, with looks at any time of them."""
        end = self.world.now + days * DAY
        async with self._opened() as daily:
            readers = [
                Subscriber(one.address, "", (), one.zone, one.hour, one.rhythm, origin="web") for one in self.readers
            ]
            await daily.store.subscribers.add(readers, self.world.now)
        while self.world.now < end:
            async with self._opened() as one, self._opened() as other:
                for _ in range(self.random.randrange(5, 40)):
                    asleep = self.random.random() < 0.01
                    self.world.now += self.random.uniform(13, 60) * HOUR if asleep else self.random.choice(PAUSES)
                    await self._look(one, other)
                    await self._send(one)
                    await self._something_happens(one.store)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Daily]:
        async with opened_daily(self.world.configuration, now=lambda: self.world.now) as daily:
            yield daily

    async def _look(self, *schedulers: Daily) -> None:
        undecided = self._foresee_the_edition()
        if self.random.random() < 0.05:  # one dies in the middle of anything; somebody starts it again at once
            with suppress(TimeoutError):
                await asyncio.wait_for(schedulers[0].look(), self.random.uniform(0, 0.05))
        looking = schedulers if self.random.random() < 0.2 else schedulers[:1]
        await asyncio.gather(*(one.look() for one in looking))
        self.expected.looked(self.world.now, undecided=undecided)
        self.looks += 1

    def _foresee_the_edition(self) -> date | None:
        """Have the documents there that there are by now; the day of the edition that is waited for, if one is."""
        now, today = self.world.now, self.expected.awaited(self.world.now)
        hidden = self.world.folder.with_name("hidden")
        if hidden.exists():
            hidden.rename(self.world.folder)
        for day in (today - number * DAY for number in range(7, -1, -1)):
            if day not in self.told and day.weekday() < 5 and day.day not in (1, 24):  # there are holidays
                self.told.add(day)
                self.world.list_papers(day, f"A Robot Called {day:%A %d %B %Y}")
        for old in sorted(self.world.folder.glob("*.txt"))[:-8]:
            old.unlink()  # or they are all read again every day
        if today in self.expected.editions:
            return None
        given_up = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
        if self.asked < given_up - WAIT and self.random.random() < 0.1:
            self.broken_until = now + self.random.choice([HOUR, 3 * HOUR])
        is_broken = now < self.broken_until
        if is_broken:
            self.world.folder.rename(hidden)
        if self.asked < given_up - WAIT or (self.was_broken and self.asked + ASK_AGAIN <= now < given_up):
            self.asked, self.was_broken = now, is_broken
            self.known |= set() if is_broken else self.told
        found = {day for day in self.known - self.taken if today - 7 * DAY < day <= today}
        if found:
            self.taken |= found
            self.expected.editions.append(today)
            return None
        return today if self.was_broken and now < given_up else None

    async def _send(self, daily: Daily) -> None:
        """Settle what is open: accepted mostly; some are put off, and some are in the hands of one who dies."""
        ledger, now = daily.store.ledger, self.world.now
        for day in await ledger.open_dates(date.max):
            claimed = await ledger.claim(day, "sender", now, HOUR / 2, 1000)
            readers = await daily.store.subscribers.of([one.subscriber_id for one in claimed])
            for occasion in {one.occasion for one in claimed}:
                theirs = [readers[one.subscriber_id] for one in claimed if one.occasion == occasion]
                spans = await daily.publishing.spans(theirs, day, None, occasion.newest)
                for one in (one for one in claimed if one.occasion == occasion):
                    if self.random.random() < 0.01:
                        continue
                    number = int(one.address.removeprefix("reader").partition("@")[0])
                    brought = [edition.day for edition in spans[one.subscriber_id]]
                    assert brought == self._owed(number, occasion.newest, readers[one.subscriber_id].rhythm)
                    self.spans[number] += brought
                    await ledger.settle(one, "sender", now, State.ACCEPTED)

    def _owed(self, number: int, through: date, rhythm: Rhythm) -> list[date]:
        """The editions that the reader has not had, as far back as a digest goes."""
        one = self.readers[number - 1]
        length = {"monthly": 31, "daily": 0, "weekdays": 0}.get(rhythm, 7)
        first = min(one.through[min(one.through)], through) - DAY * (length or 1)  # what was planned first counts
        begun = self.reached.get(number, first)
        self.reached[number] = max(through, begun)
        farthest = through - DAY * (max(7, length) + length)
        return [day for day in self.expected.editions if max(begun, farthest) < day <= through]

    async def _something_happens(self, store: Store) -> None:
        """A reader moves, or reads at other times, or wants a rest."""
        if self.random.random() > 0.3:
            return
        one = self.random.choice(self.readers)
        if self.random.random() < 0.5 and one.paused_until is None:
            today = self.world.now.astimezone(ZoneInfo(one.zone)).date()
            one.paused_until = today + self.random.randrange(1, 20) * DAY
            assert await store.subscribers.pause(one.number, one.paused_until)
        else:
            one.zone, one.hour = self.random.choice(ZONES), self.random.randrange(24)
            one.rhythm = self.random.choice(list(Rhythm))
            wishes = {"timezone": one.zone, "hour": one.hour, "rhythm": one.rhythm, "locale": ""}
            assert await store.subscribers.change(one.number, topics=(), own=(), **wishes)  # type: ignore[arg-type]  # by name


PAUSES = [0.5 * HOUR, 2.5 * HOUR, 7 * HOUR, 9 * HOUR, 11.5 * HOUR]


async def lived(tmp_path: Path, seed: int, number: int, start: date, days: int) -> Year:
    year = Year(tmp_path, seed, number, start)
    await year.live(days)
    async with year._opened() as daily:
        assert await daily.store.ledger.balanced()
        rows = await daily.store.ledger.deliveries()
        editions = await daily.store.editions.all_days()
    assert editions == year.expected.editions
    found: dict[int, dict[date, bool]] = {one.number: {} for one in year.readers}
    for row in rows:
        # The last ones may be in the hands of one who has died.
        assert row.state in (State.ACCEPTED, State.SUPERSEDED, State.SENDING, State.READY), row
        assert row.local_date not in found[row.subscriber_id]
        found[row.subscriber_id][row.local_date] = row.reason.startswith("nobody looked")
    for one in year.readers:
        assert found[one.number] == {day: state is State.SUPERSEDED for day, state in one.had.items()}, one
        # No edition twice; and what there was is there, as far back as a digest may reach.
        assert len(set(year.spans[one.number])) == len(year.spans[one.number]), one
    return year


async def test_days_in_which_a_country_moves(tmp_path: Path) -> None:
    await lived(tmp_path, 1, 40, date(2011, 12, 28), 5)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_weeks_in_which_clocks_change(tmp_path: Path) -> None:
    """Forward in America and Europe, back in Australia."""
    await lived(tmp_path, 3, 80, date(2025, 3, 8), 31)


@pytest.mark.skipif(not SEED, reason="takes minutes: NEWSLETTER_TEST_YEAR=a seed")
@pytest.mark.timeout(3600)
async def test_a_year(tmp_path: Path) -> None:
    year = await lived(tmp_path, int(SEED or 0), 300, date(2025, 1, 1), 365)
    assert len(year.expected.editions) > 200
    assert sum(len(one.had) for one in year.readers) > 25_000
