"""Rows of readers: as values, and back, and written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, cast, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Rhythm, Status, Subscriber
from newsletter.store import tables
from newsletter.store.database import within
from newsletter.store.filling import copy_in
from newsletter.store.topics import topic

_column = tables.subscribers.c
# Words and lists are read as text: of a million readers most say the same, so each text is made a value once.
_QUERY = select(
    _column.address,
    _column.name,
    cast(_column.topics, String),
    _column.timezone,
    _column.hour,
    cast(_column.rhythm, String),
    cast(_column.status, String),
    _column.origin,
    _column.locale,
    _column.id,
    _column.paused_until,
    _column.asked_at,
    _column.joined_at,
    cast(_column.own, String),
    cast(_column.muted_words, String),
    cast(_column.muted_authors, String),
).order_by(_column.id)
MANY = 500
"""New readers beyond which a server takes them by COPY."""

_RHYTHMS = {one.value: one for one in Rhythm}
_STATUSES = {one.value: one for one in Status}


async def readers(
    connection: AsyncConnection, which: ColumnElement[bool] | None = None, limit: int | None = None
) -> list[Subscriber]:
    """Subscribers by id; only those of which `which` is true when it is given, and the first `limit` of them."""
    found = await connection.execute(_QUERY.where(true() if which is None else which).limit(limit))
    return [_reader(row) for row in found.all()]


async def readers_of(connection: AsyncConnection, ids: Iterable[int]) -> list[Subscriber]:
    """The subscribers of `ids`; one that is not there is left out."""
    return [one for which in within(connection, _column.id, ids) for one in await readers(connection, which)]


async def readers_at(connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, Subscriber]:
    """The subscribers of those of `addresses` that are one's, by address."""
    some = within(connection, _column.address, addresses)
    return {one.address: one for which in some for one in await readers(connection, which)}


def _reader(row: Sequence[Any]) -> Subscriber:
    address, name, topics, zone, hour, rhythm, status, origin, locale, number, paused, asked, joined, own, *muted = row
    return Subscriber(
        address,
        name,
        _words(topics),
        _same(zone),
        hour,
        _RHYTHMS[rhythm],
        _STATUSES[status],
        _same(origin),
        _same(locale),
        number,
        paused,
        asked,
        joined,
        () if own == "[]" else tuple(topic(one) for one in json.loads(own)),
        *(() if text == "[]" else tuple(json.loads(text)) for text in muted),
    )


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def _same(text: str) -> str:
    """`text` as the one object that all equal ones are."""
    return text


def columns(one: Subscriber) -> dict[str, object]:
    """What a file can say of a reader. When one came, signed up or pauses, own topics and mutes are not for files."""
    return {
        "address": one.address,
        "name": one.name,
        "topics": list(one.topics),
        "timezone": one.timezone,
        "hour": one.hour,
        "rhythm": one.rhythm,
        "status": one.status,
        "origin": one.origin,
        "locale": one.locale,
    }


def granted(one: Subscriber, wishes: Mapping[str, Any]) -> Subscriber:
    """The reader with everything that `wishes`, values of columns by name, are for."""
    changed = dict(wishes)
    for name, read in (("topics", tuple), ("rhythm", Rhythm), ("own", lambda those: tuple(map(topic, those)))):
        if name in changed:
            changed[name] = read(changed[name])
    return replace(one, **changed)


async def write(
    connection: AsyncConnection, known: dict[str, Subscriber], rows: dict[str, dict[str, object]], at: datetime | None
) -> None:
    """Insert the rows of new addresses, who came `at` a moment; update those of known ones that change."""
    new = [row | {"joined_at": at} for address, row in rows.items() if address not in known]
    changed = [
        row | {"known_address": address}
        for address, row in rows.items()
        if address in known and row != columns(known[address])
    ]
    if len(new) > MANY and connection.dialect.name == "postgresql":
        names = list(new[0])
        await copy_in(connection, tables.subscribers, names, ([_as_kept(row[name]) for name in names] for row in new))
        new = []
    change = update(tables.subscribers).where(tables.subscribers.c.address == bindparam("known_address"))
    for statement, values in ((insert(tables.subscribers), new), (change, changed)):
        if values:
            await connection.execute(statement, values)


def _as_kept(value: object) -> object:
    """A value of `columns` as the table keeps it."""
    if isinstance(value, list):
        return json.dumps(value)
    return value.value if isinstance(value, StrEnum) else value
