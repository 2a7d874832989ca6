"""When channels are due, and which editions their posts span: what a look posts, and what is foretold of it.

A channel is due as readers of its rhythm would be who live in the newsletter's time zone and read when editions are
made. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from newsletter.daily.publishing import Rules
from newsletter.model import Edition
from newsletter.model.post import Channel
from newsletter.policy import due
from newsletter.policy.hours import ONE_DAY, is_due
from newsletter.store import Store


async def newest_day(store: Store, rules: Rules, now: datetime) -> date:
    """The date that posts are of at `now`: the newest one there is, once the edition that it waits for is there or
    given up; until then the day before that edition."""
    awaits = rules.calendar.newest(now)
    if now >= rules.calendar.given_up(awaits) or await store.editions.find(awaits):
        return rules.calendar.latest(now)
    return awaits - ONE_DAY


async def to_plan(
    store: Store, rules: Rules, channels: Iterable[Channel], day: date, *, by_calendar: bool = False
) -> dict[str, date]:
    """The channels that are due on `day` and have an edition to tell of, by name, and the day of the newest one.

    `by_calendar` leaves out, as for readers, who is due on a day on which no edition was expected since the last one.
    """
    found = {}
    for channel in channels:
        if by_calendar:
            wanted = is_due(day, rules.calendar.hours(channel.rhythm), rules.calendar) is not None
        else:
            wanted = due.due(channel.reader, day, weekly_on=rules.weekly_on).due
        if not wanted:
            continue
        editions = await spanned(store, rules, channel, day, day)
        if later := await store.posts.brought_later(channel.name, day):
            old = later - timedelta(days=rules.look_back)  # too old for that post
            editions = [edition for edition in editions if edition.day <= old]
        if editions:
            found[channel.name] = editions[-1].day
    return found


async def spanned(store: Store, rules: Rules, channel: Channel, day: date, through: date) -> list[Edition]:
    """The editions that the post of `day` spans, ascending, up to that of the day `through`: as those of a reader's
    digest."""
    reader, look_back = channel.reader, rules.look_back
    begun = await store.posts.last_settled(channel.name, day)
    if begun is None and (first := await store.posts.first_planned(channel.name)):
        begun = due.span_start(reader, first, last=None, look_back=look_back)
    start = due.span_start(reader, day, last=begun, look_back=look_back)
    return await store.editions.between(start, through)
