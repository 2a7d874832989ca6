"""Whole tables: read in blocks, by key, and summed up as their values mean the same in every kind of database."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Date,
    Enum,
    Row,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.columns import UtcDateTime
from newsletter.store.tables import metadata

TABLES: Sequence[Table] = metadata.sorted_tables
"""Every table, one that names rows of another behind that one."""

Key = tuple[Any, ...]
"""The values of a row's primary key."""

_ROWS = 2000
_ROWS_OF = {"answers": 20, "rankings": 100}
"""Rows of a block, at the most: some megabytes. An answer is a document, a ranking tells of every paper of its day."""

_BYTES = 16
"""Of a checksum."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a table has, and the checksum of their values, which does not depend on their order."""

    rows: int = 0
    checksum: str = "0" * 2 * _BYTES


async def count(connection: AsyncConnection) -> dict[str, int]:
    """The number of rows of every table."""
    return {table.name: await connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}


def block_size(table: Table) -> int:
    """How many rows of it are read and written at a time."""
    return _ROWS_OF.get(table.name, _ROWS)


async def blocks_of(
    connection: AsyncConnection, table: Table, after: Key | None = None, *, ordered: bool = True
) -> AsyncGenerator[Sequence[Row[Any]]]:
    """The rows of `table` behind the key `after`, in blocks, ordered by key where that matters; memory for one block is
    all that it takes. Words and JSON are the text that they are kept as."""
    query = select(*map(_as_kept, table.columns)).where(behind(table, after))
    if ordered:
        query = query.order_by(*table.primary_key)
    size = block_size(table)
    async with connection.stream(query.execution_options(yield_per=size)) as result:
        async for rows in result.partitions(size):
            yield rows


def _as_kept(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, JSON):
        return cast(column, Text).label(column.name)  # cast: the server's driver reads JSON by itself
    return type_coerce(column, Text).label(column.name) if isinstance(column.type, Enum) else column


def behind(table: Table, after: Key | None) -> ColumnElement[bool]:
    """Whether a row of `table` comes behind the one of the key `after`."""
    if after is None:
        return true()
    columns = list(table.primary_key)
    values = [bindparam(None, value, type_=column.type) for column, value in zip(columns, after, strict=True)]
    return columns[0] > values[0] if len(columns) == 1 else tuple_(*columns) > tuple_(*values)


def key_of(table: Table, row: Row[Any]) -> Key:
    """The key of a row that `blocks_of` gave."""
    return tuple(row._mapping[column] for column in table.primary_key)


def written_key(key: Key) -> str:
    """`key` as text."""
    return json.dumps(key, default=str)


def read_key(table: Table, text: str) -> Key:
    """The key that `written_key` wrote."""
    return tuple(_read(column, value) for column, value in zip(table.primary_key, json.loads(text), strict=True))


def _read(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if isinstance(column.type, UtcDateTime) else value


async def total(connection: AsyncConnection, table: Table, seen: Callable[[int], None]) -> Total:
    """What `table` holds; `seen` hears how many more rows were summed up.

    Each row is its values in the order of our columns, as Python writes them: moments in UTC, JSON with the names of
    objects sorted. The checksum is the sum of the rows' BLAKE2b-128 digests modulo 2^128: databases order text each in
    their own way, and a sum needs no order.
    """
    rows = number = 0
    documents = [place for place, column in enumerate(table.columns) if isinstance(column.type, JSON)]
    async with aclosing(blocks_of(connection, table, ordered=False)) as blocks:
        async for block in blocks:
            for row in block:
                values = list(row)
                for place in documents:
                    values[place] = _canonical(values[place])
                digest = blake2b(repr(values).encode("utf-8", "backslashreplace"), digest_size=_BYTES).digest()
                number += int.from_bytes(digest)
            rows += len(block)
            seen(len(block))
    return Total(rows, f"{number % 2 ** (8 * _BYTES):0{2 * _BYTES}x}")


def _canonical(text: str | None) -> str | None:
    """Of two texts that say the same in JSON, the same; what is no JSON stands for itself."""
    if text is None:
        return None
    return _canonical_again(text) if len(text) < _SHORT else _sorted(text)


def _sorted(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


_SHORT = 200
_canonical_again = lru_cache(1000)(_sorted)  # of a million readers most chose the same topics
