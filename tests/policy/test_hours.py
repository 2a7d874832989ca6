"""When a digest is due: against the same rules written naively, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Rhythm
from newsletter.policy.hours import Calendar, Due, Hours, Turn, begins, coming, is_due, turns

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY_DAY = frozenset(range(7))
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # left out 30 December 2011
    "Pacific/Kiritimati",  # 14 hours ahead
    "Pacific/Honolulu",
    "Africa/Cairo",
    "Asia/Beirut",  # summer time begins at midnight
    "America/Santiago",  # likewise
    "Asia/Kathmandu",
    "America/St_Johns",
    "Asia/Pyongyang",  # moved by half an hour in 2015 and 2018
)


def calendar(
    at: time = time(7),
    zone: str = "UTC",
    days: frozenset[int] = EVERY_DAY,
    wait: timedelta = 2 * HOUR,
    grace: timedelta = 12 * HOUR,
    weekly_on: int = 0,
) -> Calendar:
    return Calendar(at, ZoneInfo(zone), days, wait, grace, weekly_on)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_moment(day: date, hours: Hours) -> datetime | None:
    """The rule word for word: through all the minutes, the first on that date whose clock shows the hour or more."""
    zone = ZoneInfo(hours.timezone)
    moment = datetime.combine(day, time(), UTC) - 15 * HOUR
    while moment <= datetime.combine(day, time(), UTC) + 39 * HOUR:
        shown = moment.astimezone(zone)
        if shown.date() == day and shown.hour >= hours.hour:
            return moment
        moment += timedelta(minutes=15)  # no zone has changed by less since 1990
    return None


def newest_edition(moment: datetime, of: Calendar) -> date:
    """The rule word for word: through all the days, the last whose time has come."""
    there = [
        day
        for number in range(40)
        if (day := moment.date() + DAY - number * DAY).weekday() in of.days
        and datetime.combine(day, of.at, of.timezone) <= moment
    ]
    return there[0]


def reads(rhythm: Rhythm, day: date, weekly_on: int) -> bool:
    if rhythm is Rhythm.WEEKLY:
        return day.weekday() == weekly_on
    if rhythm is Rhythm.MONTHLY:
        return day.day == 1
    if rhythm is Rhythm.WEEKDAYS:
        return day.strftime("%a") not in ("Sat", "Sun")
    return rhythm is Rhythm.DAILY or f"{day:%A}s".lower() == rhythm


def naively(
    hours: Hours, now: datetime, of: Calendar, settled: Callable[[date], bool], since: datetime | None
) -> list[Due]:
    """`turns`, by going through every date there may be."""
    found, before = [], None
    today = now.astimezone(ZoneInfo(hours.timezone)).date()
    for number in range(100, -2, -1):
        day = today - number * DAY
        if not reads(hours.rhythm, day, of.weekly_on) or (moment := first_moment(day, hours)) is None:
            continue
        awaits = newest_edition(moment, of)
        is_new, before = before is None or awaits > before, awaits
        ends = moment + max(of.grace, of.wait + HOUR)
        if moment > now or not is_new or number > 40:
            continue
        if now < ends:
            found.append(Due(day, moment, awaits, Turn.SEND if settled(awaits) else Turn.WAIT))
        elif since is not None and ends > since:
            found.append(Due(day, moment, awaits, Turn.MISSED))
    return found


hours = st.builds(Hours, st.sampled_from(ZONES), st.integers(0, 23), st.sampled_from(Rhythm))
moments = st.integers(0, 149_000).map(
    lambda number: at("2010-01-01T00:00") + number * HOUR + timedelta(minutes=number % 60)
)
# Where something is odd: Samoa's day, clocks put forward and back.
odd = st.sampled_from(
    [
        "2011-12-30T10:00",
        "2025-03-30T01:00",
        "2025-10-26T01:00",
        "2025-03-09T07:00",
        "2025-10-04T15:30",
        "2018-05-04T15:00",
    ]
).flatmap(lambda text: st.integers(-72, 72).map(lambda number: at(text) + number * HOUR))
calendars = st.builds(
    calendar,
    st.sampled_from([time(7), time(0), time(23, 30), time(2, 30)]),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
    st.sampled_from([EVERY_DAY, frozenset(range(5)), frozenset({0}), frozenset({2, 5})]),
    st.sampled_from([timedelta(), 2 * HOUR, 23 * HOUR]),
    st.sampled_from([HOUR, 12 * HOUR, 23 * HOUR]),
    st.integers(0, 6),
)


@settings(deadline=None, max_examples=40)
@given(hours, st.dates(date(2010, 1, 1), date(2027, 1, 1)) | odd.map(datetime.date))
def test_the_first_moment_of_a_date(hours: Hours, day: date) -> None:
    assert begins(day, hours) == first_moment(day, hours)


@settings(deadline=None, max_examples=60)
@given(hours, moments | odd, calendars, st.booleans(), st.none() | st.timedeltas(timedelta(), timedelta(days=20)))
def test_what_there_is_to_do(
    hours: Hours, now: datetime, of: Calendar, is_settled: bool, ago: timedelta | None
) -> None:
    since = None if ago is None else now - ago
    newest = newest_edition(now, of)
    found = turns(hours, now, of, lambda day: is_settled or day != newest, since)
    assert list(found) == naively(hours, now, of, lambda day: is_settled or day != newest, since)


@settings(deadline=None, max_examples=30)
@given(hours, moments | odd, calendars)
def test_no_date_has_two_and_moments_go_up(hours: Hours, now: datetime, of: Calendar) -> None:
    told = list(coming(hours, now, now + 40 * DAY, of))
    assert [one.day for one in told] == sorted({one.day for one in told})
    assert [one.begins for one in told] == sorted({one.begins for one in told})
    assert all(now < one.begins <= now + 40 * DAY and one.awaits <= one.begins.date() + DAY for one in told)
    assert [one.awaits for one in told] == sorted({one.awaits for one in told})  # none without a new edition


@pytest.mark.parametrize(
    ("zone", "hour", "day", "moment"),
    [
        ("Europe/Berlin", 7, "2025-03-29", "2025-03-29T06:00"),
        ("Europe/Berlin", 7, "2025-03-30", "2025-03-30T05:00"),
        ("Europe/Berlin", 2, "2025-03-30", "2025-03-30T01:00"),  # there is no two o'clock: as soon as it is three
        ("Europe/Berlin", 2, "2025-10-26", "2025-10-26T00:00"),  # twice: the first
        ("Asia/Beirut", 0, "2025-03-30", "2025-03-29T22:00"),  # the day begins at one
        ("Australia/Lord_Howe", 2, "2025-10-05", "2025-10-04T15:30"),
        ("Pacific/Apia", 7, "2011-12-29", "2011-12-29T17:00"),
        ("Pacific/Apia", 7, "2011-12-30", None),
        ("Pacific/Apia", 7, "2011-12-31", "2011-12-30T17:00"),
    ],
)
def test_clocks_that_change(zone: str, hour: int, day: str, moment: str | None) -> None:
    found = begins(date.fromisoformat(day), Hours(zone, hour, Rhythm.DAILY))
    assert found == (at(moment) if moment else None)


def test_who_reads_before_the_edition_is_made_gets_that_of_the_day_before() -> None:
    when = calendar(time(7), "UTC")
    tokyo, berlin = (Hours(zone, 7, Rhythm.DAILY) for zone in ("Asia/Tokyo", "Europe/Berlin"))
    for one, awaited in (
        (tokyo, date(2025, 3, 11)),
        (berlin, date(2025, 3, 11)),
        (Hours("UTC", 7, Rhythm.DAILY), None),
    ):
        found = is_due(date(2025, 3, 12), one, when)
        assert found is not None
        assert found[1] == (awaited or date(2025, 3, 12))
    # Who reads late in the west gets what is new by then, though its date is tomorrow's.
    found = is_due(date(2025, 3, 12), Hours("Pacific/Honolulu", 22, Rhythm.DAILY), when)
    assert found == (at("2025-03-13T08:00"), date(2025, 3, 13))


def test_a_date_without_a_new_edition_is_not_due() -> None:
    weekdays = calendar(days=frozenset(range(5)))
    everyday = Hours("Asia/Tokyo", 7, Rhythm.DAILY)
    week = [date(2025, 3, 10) + number * DAY for number in range(7)]
    # Friday's edition is read on Saturday; Sunday and Monday have none that is new.
    assert [is_due(day, everyday, weekdays) is not None for day in week] == [False, True, True, True, True, True, False]
    on_weekdays = Hours("Asia/Tokyo", 7, Rhythm.WEEKDAYS)
    assert [is_due(day, on_weekdays, weekdays) is not None for day in week] == [True] * 5 + [False] * 2


def test_the_way_of_a_morning() -> None:
    when, ada = calendar(time(6)), Hours("UTC", 7, Rhythm.DAILY)
    day = date(2025, 3, 12)

    def turn(clock: str, *, made: bool) -> list[Turn]:
        return [one.turn for one in turns(ada, at(f"2025-03-{clock}"), when, lambda _: made, at("2025-03-12T06:55"))]

    assert turn("12T06:59", made=True) == []
    assert turn("12T07:00", made=False) == [Turn.WAIT]
    assert turn("12T07:00", made=True) == [Turn.SEND]
    assert turn("12T18:59", made=True) == [Turn.SEND]
    assert turn("12T19:00", made=True) == [Turn.MISSED]
    assert turn("13T07:00", made=True) == [Turn.MISSED, Turn.SEND]
    assert when.given_up(day) == at("2025-03-12T08:00")
    assert when.next_made(at("2025-03-12T06:00")) == at("2025-03-13T06:00")


def test_who_has_never_looked_has_missed_nothing() -> None:
    assert turns(Hours("UTC", 7, Rhythm.DAILY), at("2025-03-12T06:00"), calendar(), lambda _: True, None) == []
