"""Two papers that a later record shows to be one: a preprint by its arXiv id, and by the DOI that a journal gave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.model import Paper
from newsletter.store import tables
from newsletter.store.database import insert_new
from newsletter.store.identity import differ
from newsletter.store.papers import load

_CERTAIN = ("arxiv:", "doi:")


async def united(
    connection: AsyncConnection, records: Iterable[Paper], known: Mapping[str, Paper]
) -> tuple[dict[str, Paper], list[Paper]]:
    """Unite those of `known` (by id) that a record names both, by an arXiv id and a DOI.

    One that an edition took, or on which readers have an opinion, stays what it is; the other gives it its keys and
    listings and is gone. Two of these stay two. Returns what is known then, and those that are gone: records by which
    the ones that stayed can be completed.
    """
    left, gone = dict(known), list[Paper]()
    owners = {key: paper.id for paper in known.values() for key in paper.keys}
    for record in records:
        named = dict.fromkeys(owners[key] for key in record.keys if key in owners and key.startswith(_CERTAIN))
        if len(named) < 2:
            continue
        settled = [one for one in named if await _is_settled(connection, one)]
        keep = (settled or list(named))[0]
        for other in [one for one in named if one != keep and one not in settled]:
            if not differ(left[keep], left[other], than=2):
                await _unite(connection, left[keep], left[other])
                owners |= dict.fromkeys(left[other].keys, keep)
                gone.append(left.pop(other))
                left |= await load(connection, [keep])
    return left, gone


async def _is_settled(connection: AsyncConnection, paper_id: str) -> bool:
    taken, said = tables.edition_papers.c.paper_id, tables.feedback.c.paper_id
    counts = [select(func.count()).where(column == paper_id) for column in (taken, said)]
    return any([await connection.scalar(count) for count in counts])


async def _unite(connection: AsyncConnection, keep: Paper, other: Paper) -> None:
    """Give `keep` the keys, listings and observations of `other`, and remove that one."""
    keys = tables.paper_keys
    for position, key in enumerate(other.keys, start=len(keep.keys)):
        moved = update(keys).where(keys.c.key == key).values(paper_id=keep.id, position=position)
        await connection.execute(moved)
    for table in (tables.listings, tables.observations):
        rows = (await connection.execute(select(table).where(table.c.paper_id == other.id))).mappings().all()
        await connection.execute(delete(table).where(table.c.paper_id == other.id))
        if rows:
            await connection.execute(insert_new(connection, table), [{**row, "paper_id": keep.id} for row in rows])
    await connection.execute(delete(tables.papers).where(tables.papers.c.id == other.id))
