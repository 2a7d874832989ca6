"""Everything that tells who a reader is, out of every table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import State, Status, Subscriber
from newsletter.policy.address import mention
from newsletter.store import tables
from newsletter.store.database import within
from newsletter.store.readers import columns, readers, readers_at
from newsletter.store.suppressions import hide, suppression

_FORGOTTEN = "forgotten reader"
_WHY = "the reader was forgotten"
_KINDS = ("left", "one click", "left by mail", "hard bounce", "soft bounces", "complaint", "forgotten")
_NOTHING_OF_THEIRS: dict[str, object] = {
    "wishes": None,
    "own": [],
    "muted_words": [],
    "muted_authors": [],
    "joined_at": None,
    "paused_until": None,
    "asked_at": None,
}
_column = tables.subscribers.c


def is_forgotten(address: str) -> bool:
    """Whether that is no address, but what stands in place of one: its reader wanted to be forgotten."""
    return address.startswith(_FORGOTTEN)


async def forget(connection: AsyncConnection, subscriber_id: int, reason: str, at: datetime) -> bool:
    """See `Subscribers.forget`."""
    reader = next(iter(await readers(connection, _column.id == subscriber_id)), None)
    if reader is None or is_forgotten(reader.address):
        return False
    before = await suppression(connection, reader.address)
    await _out_of_every_table(connection, reader.address, reader, at)
    await hide(connection, reader.address, _without_words(before.reason) if before else reason, at)
    return True


async def erase(connection: AsyncConnection, address: str, reason: str, at: datetime) -> bool:
    """See `Subscribers.erase`."""
    reader = (await readers_at(connection, [address])).get(address)
    await _out_of_every_table(connection, address, reader, at)
    await hide(connection, address, reason, at)
    return reader is not None


async def _out_of_every_table(
    connection: AsyncConnection, address: str, reader: Subscriber | None, at: datetime
) -> None:
    bounces = tables.bounces
    await connection.execute(delete(tables.sign_ups).where(tables.sign_ups.c.address == address))
    whose = func.lower(bounces.c.address) == address
    if reader is not None:
        whose |= bounces.c.subscriber_id == reader.id
    await connection.execute(update(bounces).where(whose).values(address="", detail=""))
    # A report may name them whoever it was about.
    like = select(bounces.c.id, bounces.c.detail).where(func.lower(bounces.c.detail).contains(address, autoescape=True))
    names = re.compile(mention(address))
    named = [number for number, said in await connection.execute(like) if names.search(said.lower())]
    for some in within(connection, bounces.c.id, named):
        await connection.execute(update(bounces).where(some).values(address="", detail=""))
    if reader is None:
        return
    for table in (tables.feedback, tables.personal_rankings, tables.shown):
        await connection.execute(delete(table).where(table.c.subscriber_id == reader.id))
    await drop(connection, [topic.slug for topic in reader.own])
    ledger = tables.deliveries
    mine = ledger.c.subscriber_id == reader.id
    await _without_a_relays_words(connection, mine)
    unsent = update(ledger).where(mine, ledger.c.state.in_((State.PLANNED, State.READY, State.DEFERRED)))
    skipped = {"state": State.SKIPPED, "reason": _WHY, "next_at": None}
    await connection.execute(unsent.values(**skipped, updated_at=at))
    nobody = Subscriber(f"{_FORGOTTEN} {reader.id}", status=Status.LEFT, origin="web")
    forgotten = update(tables.subscribers).where(_column.id == reader.id)
    await connection.execute(forgotten.values(columns(nobody) | _NOTHING_OF_THEIRS))


async def stay_forgotten(connection: AsyncConnection) -> None:
    """See `Subscribers.stay_forgotten`."""
    forgotten = select(_column.id).where(_column.address.startswith(_FORGOTTEN))
    for table in (tables.feedback, tables.personal_rankings, tables.shown):
        await connection.execute(delete(table).where(table.c.subscriber_id.in_(forgotten)))
    await _without_a_relays_words(connection, tables.deliveries.c.subscriber_id.in_(forgotten))


async def _without_a_relays_words(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    """Take out of deliveries what may name a mailbox: a refusal does in many ways, and an id of the relay's leads to
    its log. Reasons that are ours alone stay, for `Ledger.last_settled` goes by one."""
    ledger = tables.deliveries
    theirs = (ledger.c.reply != "") | (ledger.c.queue_id != "")
    await connection.execute(update(ledger).where(which, theirs).values(reply="", queue_id=""))
    worded = and_(ledger.c.reason != "", ledger.c.reason != _WHY, ~ledger.c.reason.startswith("nothing new"))
    await connection.execute(update(ledger).where(which, worded).values(reason=_WHY))


def _without_words(reason: str) -> str:
    """The kind of a suppression, without what a relay or an operator said: it may be about the reader."""
    kind = re.split(r"[:(]", reason)[0].strip()
    return kind if kind in _KINDS else "by the operator"


async def drop(connection: AsyncConnection, slugs: Sequence[str]) -> None:
    """Delete what was ranked for topics of a reader's own, whose words it holds; nobody else ever read it."""
    for table in (tables.personal_rankings, tables.rankings):
        await connection.execute(delete(table).where(table.c.slug.in_(slugs)))
