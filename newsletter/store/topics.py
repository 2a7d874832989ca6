"""Topics: the table mirrors the configuration, so that every process sees the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select

from newsletter.model import Topic
from newsletter.store import tables
from newsletter.store.database import Database


class Topics:
    """Queries for topics."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sync(self, topics: Sequence[Topic]) -> None:
        """Make the table hold exactly `topics`, in this order. Frozen editions keep the wording of their own."""
        rows = [
            {"slug": topic.slug, "position": position, "name": topic.name, "definition": asdict(topic)}
            for position, topic in enumerate(topics)
        ]
        async with self._database.write() as connection:
            await connection.execute(delete(tables.topics))
            if rows:
                await connection.execute(insert(tables.topics), rows)

    async def all(self) -> list[Topic]:
        """The topics in the order of the configuration."""
        query = select(tables.topics.c.definition).order_by(tables.topics.c.position)
        async with self._database.read() as connection:
            return [topic(definition) for definition in await connection.scalars(query)]


def topic(definition: Mapping[str, Any]) -> Topic:
    """A topic from its JSON; fields that were not known when it was written have their defaults."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in definition.items()
    }
    return Topic(**values)
