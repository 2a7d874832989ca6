"""What is too old to be kept: which rows that are, and how they go without anybody having to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, func, or_, select, tuple_, update

from newsletter.model import SETTLED_STATES, State
from newsletter.model.subscriber import OWN
from newsletter.store import tables
from newsletter.store.database import Database

BLOCK, BLOCK_OF_LARGE = 1000, 50
"""Rows that go in one transaction: it takes milliseconds."""

GAP = 0.1
"""Seconds between two of them, on a file: as long as SQLite rests between two looks for the lock. So whoever wants to
write meanwhile comes in between."""

_LARGE = (tables.answers, tables.rankings, tables.personal_rankings, tables.standings)


@dataclass(frozen=True, slots=True)
class Old:
    """Rows of a table that go; with `emptied` they stay, and these columns of theirs get those values. Those that are
    `fixed` never change, so what was found to be old is."""

    table: Table
    which: ColumnElement[bool]
    emptied: Mapping[str, object] | None = None
    fixed: bool = False


def answers(before: datetime) -> Old:
    """What was last found to be good before that moment."""
    return Old(tables.answers, tables.answers.c.fetched_at < before)


def batches(before: datetime) -> Old:
    """What was collected before that moment, but for the last of each source, which is what `status` shows; and for
    days that were asked for: that they were is why they are not asked for again."""
    column = tables.batches.c
    last = select(column.source, func.max(column.collected_at)).where(column.asked.is_(None)).group_by(column.source)
    is_last = tuple_(column.source, column.collected_at).in_(last)
    return Old(tables.batches, and_(column.collected_at < before, column.asked.is_(None), ~is_last), fixed=True)


def observations(before: datetime) -> Old:
    """Numbers that were seen before that moment, where the same source has told a newer one."""
    column, later = tables.observations.c, tables.observations.alias()
    same = (later.c[name] == column[name] for name in ("paper_id", "source", "what"))
    newer = exists().where(*same, later.c.observed_at > column.observed_at)
    return Old(tables.observations, and_(column.observed_at < before, newer), fixed=True)


def opinions(before: datetime) -> Old:
    """What readers took back, or said anew, before that moment."""
    return Old(tables.feedback, tables.feedback.c.undone < before)


def rankings(before: date) -> Sequence[Old]:
    """What was ranked for single readers in editions of days before that one."""
    edition, personal, ranked = tables.editions.c, tables.personal_rankings.c, tables.rankings.c
    old = select(edition.id).where(edition.day < before)
    theirs, own = personal.edition_id.in_(old), and_(ranked.edition_id.in_(old), ranked.slug.startswith(OWN))
    # The first names rows of the second.
    return Old(tables.personal_rankings, theirs, fixed=True), Old(tables.rankings, own, fixed=True)


def posts(before: date) -> Old:
    """Posts of local dates before that one that have come to their end, but for the last that each channel's service
    took and what came after it: the next post begins there, whatever the channel's rhythm, and so does a failure."""
    column, newer = tables.posts.c, tables.posts.alias().c
    later = and_(newer.channel == column.channel, newer.local_date > column.local_date)
    taken_since = exists().where(later, newer.state == State.ACCEPTED)
    settled = column.state.in_(SETTLED_STATES)
    return Old(tables.posts, and_(column.local_date < before, settled, taken_since), fixed=True)


def reports(before: datetime) -> Old:
    """The words of reports that were received before that moment, and whom they name. The rest of the row stays: by it
    a report is known when it is read again."""
    column = tables.bounces.c
    worded = or_(column.address != "", column.detail != "")
    return Old(tables.bounces, and_(column.received_at < before, worded), {"address": "", "detail": ""})


def shown(before: date) -> Sequence[Old]:
    """What was shown to whom on local dates before that one, and where papers stood then."""
    column, digest = tables.shown.c, tables.shown_digests.c
    unseen = and_(digest.local_date < before, ~exists().where(column.digest_id == digest.id))
    # The first names rows of the second.
    return (
        Old(tables.shown, column.local_date < before, fixed=True),
        Old(tables.shown_digests, unseen),
        Old(tables.standings, tables.standings.c.day < before, fixed=True),
    )


def unanswered(before: datetime) -> Old:
    """Sign-ups that should have been answered before that moment: nobody serves the page any more."""
    return Old(tables.sign_ups, tables.sign_ups.c.next_at < before)


async def count(database: Database, old: Old) -> int:
    """How many rows `clear` would take."""
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(old.table).where(old.which)) or 0


async def clear(database: Database, old: Old) -> int:
    """Let them go, some at a time; how many went. Raises StoreError; what went until then is gone."""
    keys, size = list(old.table.primary_key), BLOCK_OF_LARGE if old.table in _LARGE else BLOCK
    # Looked for without anybody waiting, then named one by one: and who was changed in between stays.
    found = select(*(column.label(f"key_{column.name}") for column in keys)).where(old.which).limit(size)
    named = and_(*(column == bindparam(f"key_{column.name}") for column in keys))
    if not old.fixed:
        named = and_(named, old.which)
    change = update(old.table).values(**old.emptied) if old.emptied else delete(old.table)
    gone = 0
    while rows := await _rows(database, found):
        async with database.write_beside() as connection:
            await connection.execute(change.where(named), rows)
        gone += len(rows)
        if len(rows) < size:
            break
        if not database.is_server:
            await asyncio.sleep(GAP)
    return gone


async def _rows(database: Database, query: Any) -> list[dict[str, Any]]:
    async with database.read() as connection:
        return [dict(row._mapping) for row in await connection.execute(query)]
