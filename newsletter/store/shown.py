"""What readers were shown, for as long as their deliveries are kept: so that nothing comes twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from sqlalchemy import select

from newsletter.model import Digest
from newsletter.store import tables
from newsletter.store.database import Database, blocks, insert_new, within


@dataclass(frozen=True, slots=True)
class Shown:
    """What a digest showed: the ids of its editions, of all papers in their order, and of those that were *Rising*."""

    editions: tuple[int, ...]
    papers: tuple[str, ...]
    rising: tuple[str, ...] = ()

    @classmethod
    def of(cls, digest: Digest, editions: Iterable[int]) -> Shown:
        """What `digest`, of these editions, shows."""
        rising = tuple(pick.paper for pick in digest.rising)
        return cls(tuple(editions), tuple(pick.paper for pick in digest.picks), rising)


class ShownDigests:
    """Notes what digests show, each that several readers share once, and reads it back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, day: date, shown: Mapping[int, Shown]) -> None:
        """Note what the digests of `day` show to readers, by their ids. Who was noted with the same stays as they are;
        who was with something else has been shown both, for all we know."""
        numbers = {one: _number(day, one) for one in set(shown.values())}
        digests = [
            {"id": number, "local_date": day, "editions": one.editions, "papers": one.papers, "rising": one.rising}
            for one, number in sorted(numbers.items(), key=lambda pair: pair[1])
        ]
        rows = [
            {"subscriber_id": reader, "local_date": day, "digest_id": numbers[one]}
            for reader, one in sorted(shown.items())
        ]
        if not rows:
            return
        async with self._database.write_beside() as connection:
            await connection.execute(insert_new(connection, tables.shown_digests), digests)
            await connection.execute(insert_new(connection, tables.shown), rows)

    async def to(self, subscriber_ids: Iterable[int], after: date, until: date) -> dict[int, list[tuple[date, Shown]]]:
        """What each reader was shown on the local dates in (`after`, `until`], oldest first; those without are left
        out. Digests that readers share are one object."""
        column, digest = tables.shown.c, tables.shown_digests.c
        query = select(column.subscriber_id, column.local_date, column.digest_id)
        query = query.where(column.local_date > after, column.local_date <= until)
        async with self._database.read() as connection:
            several = within(connection, column.subscriber_id, subscriber_ids)
            rows = [row for some in several for row in await connection.execute(query.where(some))]
            digests = {}
            for block in blocks(row.digest_id for row in rows):
                for one in await connection.execute(select(tables.shown_digests).where(digest.id.in_(block))):
                    digests[one.id] = Shown(tuple(one.editions), tuple(one.papers), tuple(one.rising))
        found: dict[int, list[tuple[date, Shown]]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row.local_date, row.digest_id)):
            if row.digest_id in digests:
                found[row.subscriber_id].append((row.local_date, digests[row.digest_id]))
        return dict(found)


def _number(day: date, shown: Shown) -> int:
    """What stands for a digest: made from what it shows, so that two processes that note the same need not ask."""
    text = json.dumps([day.isoformat(), shown.editions, shown.papers, shown.rising])
    return int.from_bytes(sha256(text.encode()).digest()[:8], signed=True)
