"""`newsletter topics`: what readers can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newsletter.cli.console import AsJson, answer_json, answer_table, configuration

if TYPE_CHECKING:
    from newsletter.model import Subscriber


def topics(context: typer.Context, as_json: AsJson = False) -> None:
    """List the topics of topics.toml and how many active readers follow each.

    Example: newsletter topics --json
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.cli.rows import NUMBERS, cells, topic_json

    loaded = configuration(context)

    async def go() -> list[Subscriber]:
        async with opened_store(loaded) as store:
            return await store.subscribers.all()

    readers = asyncio.run(go())
    rows = [topic_json(topic, readers) for topic in loaded.topics]
    if as_json:
        answer_json(rows)
        return
    columns = ("slug", "name", "readers", "keywords")
    answer_table(f"{len(rows)} topics", columns, cells(rows, columns), NUMBERS)
