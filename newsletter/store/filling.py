"""Whole blocks of rows into a table, and the numbers that its next rows get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Enum, Insert, Row, Table, Text, bindparam, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.whole_tables import TABLES

NUMBERED: Sequence[Table] = [table for table in TABLES if table.autoincrement_column is not None]
"""The tables whose rows are numbered by the database. A number is never given twice, even of a row that is gone."""


async def fill(connection: AsyncConnection, table: Table, rows: Sequence[Row[Any]]) -> None:
    """Add `rows` of `whole_tables.blocks_of` to `table`: on a server by COPY, which is the fastest there
    (https://www.postgresql.org/docs/current/populate.html#POPULATE-COPY-FROM)."""
    if connection.dialect.name == "postgresql":
        await copy_in(connection, table, [column.name for column in table.columns], rows)
    else:
        await connection.execute(_insert(table), [dict(zip(_values(table), row, strict=True)) for row in rows])


def _insert(table: Table) -> Insert:
    kept = [Text() if isinstance(column.type, JSON | Enum) else column.type for column in table.columns]
    named = zip(table.columns, _values(table), kept, strict=True)
    return insert(table).values({column: bindparam(name, type_=kind) for column, name, kind in named})


def _values(table: Table) -> list[str]:
    return [f"value_{number}" for number in range(len(table.columns))]


async def copy_in(
    connection: AsyncConnection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Add `rows` to `table` on a server, with values of the columns `names`: JSON and words as the text they are kept
    as, None for no value."""
    import psycopg

    dialect = connection.dialect
    columns = ", ".join(map(dialect.identifier_preparer.quote, names))
    driver: Any = (await connection.get_raw_connection()).driver_connection
    statement = f"COPY {table.name} ({columns}) FROM STDIN"
    try:
        async with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)
    except psycopg.Error as error:
        # What SQLAlchemy would make of it, had it seen the statement.
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, dialect=dialect
        ) from error


async def last_numbers(connection: AsyncConnection) -> dict[str, int]:
    """For each numbered table the last number that was given, 0 where none was."""
    return {table.name: await _last_number(connection, table) for table in NUMBERED}


async def _last_number(connection: AsyncConnection, table: Table) -> int:
    if connection.dialect.name == "postgresql":
        query = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {await _sequence(connection, table)}")
        return await connection.scalar(query) or 0
    query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return await connection.scalar(query, {"name": table.name}) or 0


async def set_last_numbers(connection: AsyncConnection, numbers: Mapping[str, int]) -> None:
    """Let the next row of each numbered table get the number behind that of `numbers`, and behind every row's."""
    for table in NUMBERED:
        newest = await connection.scalar(select(func.max(table.autoincrement_column))) or 0
        last = {"name": table.name, "last": max(numbers[table.name], newest)}
        if not last["last"]:
            continue
        if connection.dialect.name == "postgresql":
            sequence = await _sequence(connection, table)
            await connection.execute(text(f"SELECT setval('{sequence}', :last)"), last)
        else:
            await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), last)
            await connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), last)


async def _sequence(connection: AsyncConnection, table: Table) -> str:
    query = text("SELECT pg_get_serial_sequence(:name, 'id')")
    return str(await connection.scalar(query, {"name": table.name}))
