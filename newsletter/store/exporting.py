"""Everything that is worth taking away, as records of plain values, as it is at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Paper
from newsletter.store import tables
from newsletter.store.database import Database
from newsletter.store.papers import load

Record = Mapping[str, Any]

_ROWS, _LARGE = 500, 20
"""Rows that are read at a time; a ranking tells of every paper of its day."""

_LEASES = {"lease_owner", "lease_until"}
_address, _day = tables.subscribers.c.address, tables.editions.c.day


async def exported(database: Database) -> AsyncIterator[tuple[str, Paper | Record]]:
    """Every record with its kind, one kind after the other; memory for some hundred is all that it takes.

    The values are those of JSON, days and moments as ISO 8601 has them. A row that is somebody's has their address
    beside the number, one that belongs to an edition has its day. Raises StoreError.
    """
    async with database.read() as connection:
        after = ""
        while papers := await _papers(connection, after):
            for paper in papers.values():
                yield "papers", paper
            after = next(reversed(papers))
        for edition in (await connection.execute(select(tables.editions).order_by(_day))).all():
            yield "editions", _plain(edition._mapping) | {"papers": await _taken(connection, edition.id)}
        for kind, query in _queries().items():
            size = _LARGE if "rankings" in kind else _ROWS
            async with connection.stream(query.execution_options(yield_per=size)) as result:
                async for rows in result.partitions(size):
                    for row in rows:
                        yield kind, _plain(row._mapping)


KINDS = (
    "papers",
    "editions",
    "rankings",
    "personal_rankings",
    "topics",
    "subscribers",
    "feedback",
    "suppressions",
    "deliveries",
    "posts",
    "bounces",
    "batches",
    "observations",
)
"""What there is, in the order that it comes."""


def _queries() -> dict[str, Select[Any]]:
    own, people = tables, tables.subscribers
    ledger = [column for column in own.deliveries.c if column.name not in _LEASES]
    of_channels = [column for column in own.posts.c if column.name not in _LEASES]
    return {
        "rankings": select(_day, *own.rankings.c)
        .join_from(own.rankings, own.editions)
        .order_by(_day, own.rankings.c.slug),
        "personal_rankings": select(_address, _day, *own.personal_rankings.c)
        .join_from(own.personal_rankings, people)
        .join(own.editions, own.editions.c.id == own.personal_rankings.c.edition_id)
        .order_by(*own.personal_rankings.primary_key),
        "topics": select(own.topics).order_by(own.topics.c.position),
        "subscribers": select(people).order_by(people.c.id),
        "feedback": select(_address, *own.feedback.c).join_from(own.feedback, people).order_by(own.feedback.c.id),
        "suppressions": select(own.suppressions).order_by(own.suppressions.c.address),
        "deliveries": select(_address, *ledger).join_from(own.deliveries, people).order_by(own.deliveries.c.id),
        "posts": select(*of_channels).order_by(own.posts.c.id),
        "bounces": select(own.bounces).order_by(own.bounces.c.id),
        "batches": select(own.batches).order_by(own.batches.c.id),
        "observations": select(own.observations).order_by(*own.observations.primary_key),
    }


async def _papers(connection: AsyncConnection, after: str) -> dict[str, Paper]:
    column = tables.papers.c.id
    return await load(
        connection, await connection.scalars(select(column).where(column > after).order_by(column).limit(_ROWS))
    )


async def _taken(connection: AsyncConnection, edition_id: int) -> list[str]:
    column = tables.edition_papers.c
    return list(
        await connection.scalars(
            select(column.paper_id).where(column.edition_id == edition_id).order_by(column.position)
        )
    )


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, date):  # a moment is one, too
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value
