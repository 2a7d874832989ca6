"""What a scheduler will do: of whom it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from world import reader

from newsletter.daily.foretelling import foretell
from newsletter.policy.hours import Calendar
from newsletter.store import Store

NOW = datetime(2025, 3, 14, 9, tzinfo=UTC)
DAY = timedelta(days=1)
CALENDAR = Calendar(time(6), ZoneInfo("UTC"), frozenset(range(7)), DAY / 6, DAY / 2)


async def test_who_has_paused_or_is_suppressed_counts_for_nobody(tmp_path: Path) -> None:
    at_ten = replace(reader("dot"), hour=10)
    async with await Store.open(f"sqlite:///{tmp_path}/newsletter.db") as store:
        everybody = [replace(one, origin="import") for one in (*map(reader, ("ada", "ben", "cyd")), at_ten)]
        await store.subscribers.add(everybody, NOW - DAY)
        await store.subscribers.pause(2, None)
        await store.subscribers.pause(4, None)
        await store.suppressions.add("cyd@example.org", "a hard bounce", NOW)
        told = [one.what for one in await foretell(store, CALENDAR, NOW, DAY)]
    assert told == ["the edition of 2025-03-15", "digests of 2025-03-15 for 1 reader"]
