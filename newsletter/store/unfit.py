"""What SQLite keeps and PostgreSQL does not: found, and named so that a person can change it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Date, Enum, Integer, LargeBinary, String, Table, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from newsletter.store.columns import UtcDateTime
from newsletter.store.whole_tables import Key, behind, block_size

_LARGEST = 2**31 - 1


async def unfit(connection: AsyncConnection, table: Table, after: Key | None, place: str) -> str | None:
    """A sentence about the first value in the block of `table` behind `after`, in the file `place`, that no server
    would take; None where there is none.

    SQLite takes any bytes for text and anything for a number, so everything is read as the bytes that it is.
    """
    if connection.dialect.name != "sqlite":
        return None
    query = select(*(cast(column, LargeBinary) for column in table.columns)).where(behind(table, after))
    query = query.order_by(*table.primary_key).limit(block_size(table))
    for row in await connection.execute(query):
        values = dict(zip(table.columns, row, strict=True))
        for column, value in values.items():
            if value is not None and (why := _fault(column.type, value)):
                row_meant = " and ".join(f"{key.name} {_shown(values[key])}" for key in table.primary_key)
                return (
                    f"The table {table.name} of {place} cannot be copied: {column.name} of the row with {row_meant} "
                    f"{why}; give it another value there ({_statement(column, values)}), then copy again."
                )
    return None


def _fault(kind: TypeEngine[Any], value: bytes) -> str | None:
    try:
        text = value.decode() if not isinstance(kind, LargeBinary) else ""
    except UnicodeDecodeError:
        return "holds bytes that are no text in UTF-8 (one half of a surrogate pair, say)"
    if isinstance(kind, JSON | Date | UtcDateTime):
        return _unreadable(kind, text)
    if isinstance(kind, Enum) and text not in kind.enums:
        return "is none of the words that we know"
    if isinstance(kind, String):
        if "\0" in text:
            return "holds a NUL character, which PostgreSQL does not take in text"
        if kind.length is not None and len(text) > kind.length:
            return f"has {len(text)} characters, and at most {kind.length} have room"
    if isinstance(kind, Integer) and not isinstance(kind, BigInteger):
        return _no_number(text)
    return None


def _unreadable(kind: TypeEngine[Any], text: str) -> str | None:
    def refuse(word: str) -> None:
        raise ValueError(f"JSON has no {word}")

    try:
        if isinstance(kind, JSON):
            json.loads(text, parse_constant=refuse)
        else:
            (date if isinstance(kind, Date) else datetime).fromisoformat(text)
    except ValueError as error:
        return f"cannot be read ({error})"
    return None


def _no_number(text: str) -> str | None:
    try:
        return None if abs(int(text)) <= _LARGEST else f"is larger than {_LARGEST}, PostgreSQL's largest here"
    except ValueError:
        return "is no whole number"


def _shown(value: bytes | None) -> str:
    return "NULL" if value is None else value.decode(errors="backslashreplace").replace("\0", "\\x00")


def _statement(column: Column[Any], values: dict[Column[Any], bytes | None]) -> str:
    """How it is changed in SQLite's own program; a key that cannot be typed is written in hexadecimal."""
    which = " AND ".join(f'"{key.name}" = {_literal(values[key])}' for key in column.table.primary_key)
    return f'UPDATE "{column.table.name}" SET "{column.name}" = … WHERE {which}'


def _literal(value: bytes | None) -> str:
    if value is None:
        return "NULL"
    shown = value.decode(errors="replace")
    if shown.isprintable() and "\N{REPLACEMENT CHARACTER}" not in shown:
        return "'" + shown.replace("'", "''") + "'"
    return f"CAST(x'{value.hex()}' AS TEXT)"
