"""Posts in channels, when a backup is put back: what the database knows of them that was there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

from newsletter.model import State
from newsletter.model.post import Post
from newsletter.store import Store


def had_posts(present: sqlite3.Connection) -> list[Post]:
    """The posts that channels had, or may have had, by a database of any version, without their ids. Raises
    sqlite3.Error and ValueError where it is damaged."""
    names = {row[1] for row in present.execute("PRAGMA table_info(posts)")}
    if not names:  # it is of a version without channels
        return []
    through = "through" if "through" in names else "local_date"
    query = (
        f"SELECT channel, local_date, state, papers, coalesce({through}, local_date) FROM posts"
        " WHERE state IN ('accepted', 'unknown') OR resent OR phase = 'data'"
    )
    return [
        Post(
            0,
            channel,
            date.fromisoformat(day),
            State.ACCEPTED if state == State.ACCEPTED else State.UNKNOWN,
            papers=papers,
            through=date.fromisoformat(last),
        )
        for channel, day, state, papers, last in present.execute(query)
    ]


async def hold_posts(store: Store, posted: Sequence[Post], day: date, through: date, now: datetime, reason: str) -> int:
    """Take over what was `posted`, and mark what waits as what may have been, for `reason`; how many posts wait no
    more. Where the file has not the edition of a post, it is made anew as the newest one, that of the day `through`: so
    that channel's post of `day` is held, too, for it would bring the same papers."""
    await store.posts.take_over(posted, now)
    made = await store.editions.newest(date.max)
    again = {one.channel: through for one in posted if not made or (one.through or one.local_date) > made.day}
    await store.posts.plan(day, again, now)
    return await store.posts.hold(now, reason)
