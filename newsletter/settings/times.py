"""Times of day and time zones, and the `[schedule]` table."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from newsletter import timezones
from newsletter.sources.options import Table

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock_time(text: str) -> str:
    try:
        if time.fromisoformat(text).tzinfo or text.startswith("T"):
            raise ValueError
    except ValueError:
        raise ValueError(f"“{text}” is not a time of day; write it like “07:00”") from None
    return text


TimezoneName = Annotated[str, AfterValidator(timezones.checked)]
ClockTime = Annotated[str, AfterValidator(_clock_time)]


class ScheduleTable(Table):
    at: ClockTime = Field("07:00", description="from when on `newsletter schedule` makes the edition of a day")
    timezone: TimezoneName = Field("UTC", description="the time zone of `at`, and of what “today” is")
    days: tuple[Weekday, ...] = Field(WEEKDAYS, description="the days that have an edition")
    weekly_on: Weekday = Field("mon", description="the day of weekly digests")
    every: int = Field(5, ge=1, le=59, description="minutes between two looks at what is due")
    grace: float = Field(
        12.0, gt=0, le=23, description="hours after which a digest that nobody sent, asleep, is left to the next one"
    )
    jitter: int = Field(60, ge=0, le=3600, description="seconds by which a source's own times (`cron`) may be late")

    @field_validator("days")
    @classmethod
    def _each_once(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        if not days:
            raise ValueError('must name at least one day, like ["mon"]')
        if twice := [day for day in WEEKDAYS if days.count(day) > 1]:
            raise ValueError(f"names “{twice[0]}” twice")
        return days
