"""The day that a scheduled run is for, and for how long it waits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from newsletter.scheduling import last_time, patience_ends
from newsletter.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")


def settings(at: str, timezone: str = "UTC", wait: float = 2) -> Settings:
    return Settings(schedule={"at": at, "timezone": timezone}, collecting={"wait": wait})  # type: ignore[arg-type]  # tables


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 8, 5, 23, 30, tzinfo=UTC), 5),
        (datetime(2026, 8, 5, 23, 29, 59, 999_000, UTC), 5),  # a clock that is a little late
        (datetime(2026, 8, 6, 0, 10, tzinfo=UTC), 5),
        (datetime(2026, 8, 6, 1, 30, tzinfo=UTC), 5),
        (datetime(2026, 8, 6, 23, 30, tzinfo=UTC), 6),
    ],
)
def test_looking_again_after_midnight_is_for_the_same_day(now: datetime, day: int) -> None:
    assert last_time(settings("23:30"), now).date() == date(2026, 8, day)


def test_patience_is_counted_from_the_time_of_day() -> None:
    assert patience_ends(settings("07:00"), datetime(2026, 8, 5, 8, tzinfo=UTC)) == datetime(2026, 8, 5, 9, tzinfo=UTC)
    late = datetime(2026, 8, 6, 0, 10, tzinfo=UTC)
    assert patience_ends(settings("23:30"), late) == datetime(2026, 8, 6, 1, 30, tzinfo=UTC)
    assert patience_ends(settings("07:00", wait=0), late) == datetime(2026, 8, 5, 7, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_it_is_local_time_also_when_the_clocks_change(day: date) -> None:
    now = datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN)
    found = last_time(settings("07:00", "Europe/Berlin"), now)
    assert (found.date(), found.hour) == (day, 7)
    assert found.utcoffset() == now.utcoffset()
