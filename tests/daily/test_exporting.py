"""Everything goes out as it is at one moment, and what can be read back is."""

from __future__ import annotations

import io
import json
import stat
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from world import FRIDAY, World, reader

from newsletter.assembly import records_source
from newsletter.daily import Daily
from newsletter.daily.exporting import export, new_folder, private_file
from newsletter.errors import StoreError
from newsletter.model import Opinion, Topic
from newsletter.store import Store, exporting, tables
from newsletter.store.exporting import KINDS, exported
from newsletter.subscribing import as_text, export_csv, import_csv
from newsletter.subscribing.wishes import Wishes

OWN = Topic("~0123456789abcdef", "Mine\u2028and yours", keywords=("robot",))


def silent(step: str, done: int, every: int) -> None:
    """Hears nothing."""


@pytest.fixture
async def daily(tmp_path: Path) -> AsyncIterator[Daily]:
    """An installation in which everything has happened once."""
    world = World(tmp_path)
    world.list_papers(FRIDAY, "A Robot That Sings", "A Robot That Talks")
    async with world.daily() as daily:
        store = daily.store
        await store.subscribers.add([replace(reader("ada"), origin="import"), replace(reader("ben"), origin="import")])
        assert await store.subscribers.change(1, **Wishes(("robots",), own=(OWN,)).fields())
        await daily.collect()
        paper = (await store.papers.find())[0].id
        await store.feedback.record(1, "robots", paper, Opinion.LIKE, world.now - timedelta(days=1))
        await store.bounces.record("a" * 64, 1, "ada@example.org", "soft", "<1@x>", "5.2.2", "full", world.now)
        seen = {"source": "hf", "what": "votes", "observed_at": world.now, "value": 3}
        async with store.database.write() as connection:
            await connection.execute(insert(tables.observations), seen | {"paper_id": paper})
        await store.subscribers.leave("cyd@example.org", "left", world.now)
        await store.posts.plan(FRIDAY, {"lab": FRIDAY}, world.now)
    await world.run(FRIDAY)
    async with world.daily() as daily:
        yield daily


async def lines(store: Store, folder: Path) -> dict[str, list[dict[str, Any]]]:
    numbers = await export(store, folder, silent)
    texts = {kind: (folder / f"{kind}.jsonl").read_text(encoding="utf-8") for kind in KINDS}
    found = {kind: [json.loads(line) for line in text.splitlines()] for kind, text in texts.items()}
    assert numbers == {kind: len(records) for kind, records in found.items()}
    return found


async def test_every_row_is_there(daily: Daily, tmp_path: Path) -> None:
    found = await lines(daily.store, tmp_path)
    async with daily.store.database.read() as connection:
        for kind, records in found.items():
            there = await connection.scalar(select(func.count()).select_from(tables.metadata.tables[kind]))
            assert (kind, len(records)) == (kind, there)
            assert records, kind  # else it shows nothing
    first = {kind: records[0] for kind, records in found.items()}
    assert first["deliveries"]["address"] == first["feedback"]["address"] == "ada@example.org"
    assert (first["deliveries"]["state"], first["deliveries"]["local_date"]) == ("accepted", str(FRIDAY))
    assert first["deliveries"]["updated_at"] == f"{FRIDAY}T08:00:00+00:00"
    assert (first["posts"]["channel"], first["posts"]["local_date"]) == ("lab", str(FRIDAY))
    assert first["posts"].keys().isdisjoint({"lease_owner", "lease_until"})
    assert first["personal_rankings"]["day"] == first["rankings"]["day"] == first["editions"]["day"] == str(FRIDAY)
    assert sorted(first["editions"]["papers"]) == [one["id"] for one in found["papers"]]
    assert first["subscribers"]["own"][0]["name"] == OWN.name
    assert {one["slug"] for one in found["rankings"]} == {"robots", "shells", "trending", OWN.slug}
    assert first["suppressions"] == {
        "address": "cyd@example.org",
        "reason": "left",
        "since": f"{FRIDAY}T08:00:00+00:00",
    }


async def test_papers_and_readers_are_read_back_as_they_were(daily: Daily, tmp_path: Path) -> None:
    await export(daily.store, tmp_path, silent)
    csv = "".join([block async for block in export_csv(daily.store)])
    papers = {paper.id: paper for paper in await daily.store.papers.find()}
    before = await daily.store.subscribers.all()
    (tmp_path / "other").mkdir()
    async with World(tmp_path / "other").daily() as other:
        await other.collect_from([records_source(tmp_path / "papers.jsonl")])
        assert {paper.id: paper for paper in await other.store.papers.find()} == papers
        stream = as_text(io.BytesIO(csv.encode()))
        async for _ in import_csv(other.store, stream, {"robots"}, daily.publishing.end_of(FRIDAY)):
            pass
        after = await other.store.subscribers.all()
    assert [(one.address, one.topics, one.hour, one.rhythm) for one in after] == [
        (one.address, one.topics, one.hour, one.rhythm) for one in before
    ]


async def test_it_is_of_one_moment(daily: Daily) -> None:
    kinds: list[str] = []
    async for kind, _ in exported(daily.store.database):
        if not kinds:
            await daily.store.subscribers.leave("late@example.org", "left", daily.publishing.end_of(FRIDAY))
        kinds.append(kind)
    assert kinds.count("suppressions") == 1
    assert len(await daily.store.suppressions.all()) == 2
    assert list(dict.fromkeys(kinds)) == list(KINDS)


@pytest.mark.sqlite
async def test_a_great_many_take_no_more_memory(daily: Daily, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_ROWS", 50)

    async def peak(folder: Path) -> int:
        tracemalloc.start()
        await export(daily.store, folder, silent)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    for name in ("few", "many"):
        (tmp_path / name).mkdir()
    few = await peak(tmp_path / "few")
    row = {"state": "accepted", "updated_at": daily.publishing.end_of(FRIDAY), "reply": "x" * 100, "subscriber_id": 2}
    async with daily.store.database.write() as connection:
        for start in range(0, 3_000, 1_000):
            days = [date(1990, 1, 1) + timedelta(days=start + number) for number in range(1_000)]
            await connection.execute(insert(tables.deliveries), [row | {"local_date": day} for day in days])
    many = await peak(tmp_path / "many")
    size = (tmp_path / "many" / "deliveries.jsonl").stat().st_size
    assert size > 1_000_000
    assert many - few < size / 2


async def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    to = tmp_path / "a" / "everything"

    def interrupted() -> None:
        with new_folder(to) as draft:
            private_file(draft / "papers.jsonl").close()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(to.parent.iterdir()) == []
    to.mkdir()
    with new_folder(to) as draft, private_file(draft / "papers.jsonl") as file:
        file.write("x\n")
    assert [path.name for path in to.parent.iterdir()] == ["everything"]
    assert (to / "papers.jsonl").read_text() == "x\n"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (to.parent, to, to / "papers.jsonl")]
    assert modes == [0o700, 0o700, 0o600]
    for there in (to, to / "papers.jsonl"):
        with pytest.raises(StoreError, match="is there already: name another folder"), new_folder(there):
            pass
    with pytest.raises(StoreError, match="cannot be written"), new_folder(to / "papers.jsonl" / "x"):
        pass
