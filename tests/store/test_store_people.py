"""Topics and subscribers: the file has the last word, except on leaving and pausing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import insert, select, update

from newsletter.model import Rhythm, Status, Subscriber, Topic
from newsletter.store import Store, tables

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
ADA = Subscriber("ada@example.org", "Ada", ("vision", "language"), "Europe/Berlin", 6, Rhythm.WEEKLY)
BEN = Subscriber("ben@example.org")


async def statuses(store: Store) -> dict[str, Status]:
    return {reader.address: reader.status for reader in await store.subscribers.all()}


async def pause(store: Store, address: str) -> None:
    """As another part of the program will do it."""
    change = update(tables.subscribers).where(tables.subscribers.c.address == address)
    async with store.database.write() as connection:
        await connection.execute(change.values(status=Status.PAUSED))


async def test_topics_mirror_the_configuration(store: Store) -> None:
    vision = Topic(
        "vision",
        "Vision",
        "Seeing.",
        ("image", "3D scenes"),
        ("medical",),
        1.5,
        3,
        categories=("cs.CV", "math"),
        authors=("É. du Châtelet",),
        institutions=("東京大学",),
        examples=("2003.08934", "A title"),
        weight=0.1,
    )
    language, robots = Topic("language", "Language"), Topic("robots", "Robots")
    await store.topics.sync([vision, language])
    assert await store.topics.all() == [vision, language]
    changed = replace(vision, name="Computer vision", keywords=())
    await store.topics.sync([robots, changed])
    assert await store.topics.all() == [robots, changed]
    await store.topics.sync([])
    assert await store.topics.all() == []


async def test_a_topic_of_an_earlier_version_has_the_defaults_of_what_it_could_not_say(store: Store) -> None:
    said = {"slug": "vision", "name": "Vision", "keywords": ["image"], "min_score": 1.0}
    async with store.database.write() as connection:
        row = {"slug": "vision", "position": 0, "name": "Vision", "definition": said}
        await connection.execute(insert(tables.topics), row)
    assert await store.topics.all() == [Topic("vision", "Vision", keywords=("image",), min_score=1.0)]


async def test_readers_of_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.all() == [replace(ADA, id=1), replace(BEN, id=2)]
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1)
    assert await store.subscribers.find("nobody@example.org") is None
    moved = replace(ADA, timezone="Asia/Tokyo", topics=(), locale="de")
    await store.subscribers.sync_file([BEN, moved])
    assert await store.subscribers.all() == [replace(moved, id=1), replace(BEN, id=2)]


async def test_a_reader_whose_line_goes_has_left_and_comes_back_with_it(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await store.subscribers.sync_file([BEN])
    assert await statuses(store) == {"ada@example.org": Status.LEFT, "ben@example.org": Status.ACTIVE}
    assert await store.subscribers.suppressed() == {}
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.all() == [replace(ADA, id=1), replace(BEN, id=2)]


async def test_leaving_outlives_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.leave("ada@example.org", "one click", NOW) is True
    assert (await statuses(store))["ada@example.org"] is Status.LEFT
    for readers in ([ADA, BEN], [BEN], [ADA, BEN]):
        await store.subscribers.sync_file(readers)
        assert (await statuses(store))["ada@example.org"] is Status.LEFT
    assert await store.subscribers.add([replace(ADA, origin="import")]) == (0, 0, ["ada@example.org"])
    assert (await statuses(store))["ada@example.org"] is Status.LEFT


async def test_leaving_twice_keeps_the_first_reason(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    assert await store.subscribers.leave("ada@example.org", "one click", NOW) is True
    assert await store.subscribers.leave("ada@example.org", "hard bounce", NOW) is True
    assert await store.subscribers.suppressed() == {"ada@example.org": "one click"}
    async with store.database.read() as connection:
        assert await connection.scalar(select(tables.suppressions.c.since)) == NOW


async def test_an_unknown_address_can_leave_too(store: Store) -> None:
    assert await store.subscribers.leave("ada@example.org", "complaint", NOW) is False
    assert await store.subscribers.all() == []
    await store.subscribers.sync_file([ADA])
    assert await statuses(store) == {"ada@example.org": Status.LEFT}
    assert await store.subscribers.leave("ada@example.org", "complaint", NOW) is True


async def test_a_pause_is_kept(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await pause(store, "ada@example.org")
    await store.subscribers.sync_file([replace(ADA, hour=9), BEN])
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1, hour=9, status=Status.PAUSED)
    await store.subscribers.add([replace(ADA, hour=10)])
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1, hour=10, status=Status.PAUSED)


async def test_an_import(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    await store.subscribers.leave("gone@example.org", "hard bounce", NOW)
    cleo, gone = Subscriber("cleo@example.org", origin="import"), Subscriber("gone@example.org", origin="import")
    ada = replace(ADA, name="Ada L.", locale="de", origin="import")
    assert await store.subscribers.add([cleo, gone, ada]) == (1, 1, ["gone@example.org"])
    assert await store.subscribers.all() == [replace(ADA, name="Ada L.", locale="de", id=1), replace(cleo, id=2)]
    assert await store.subscribers.add([]) == (0, 0, [])


async def test_the_last_line_of_an_address_counts(store: Store) -> None:
    twice = [
        Subscriber("cleo@example.org", hour=1, origin="import"),
        Subscriber("cleo@example.org", hour=2, origin="import"),
    ]
    assert await store.subscribers.add(twice) == (1, 0, [])
    assert [reader.hour for reader in await store.subscribers.all()] == [2]


async def test_an_imported_reader_stays_until_the_file_takes_it_over(store: Store) -> None:
    await store.subscribers.add([replace(BEN, origin="import")])
    await store.subscribers.sync_file([ADA])
    assert await statuses(store) == {"ben@example.org": Status.ACTIVE, "ada@example.org": Status.ACTIVE}
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.find("ben@example.org") == replace(BEN, id=1, origin="file")
    await store.subscribers.sync_file([ADA])
    assert (await statuses(store))["ben@example.org"] is Status.LEFT


async def test_an_import_does_not_revive_who_left_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await store.subscribers.sync_file([ADA])
    assert await store.subscribers.add([replace(BEN, origin="import")]) == (0, 0, ["ben@example.org"])
    assert (await statuses(store))["ben@example.org"] is Status.LEFT


async def test_many_readers(store: Store) -> None:
    readers = [Subscriber(f"reader{n}@example.org", origin="import") for n in range(3000)]
    assert await store.subscribers.add(readers) == (3000, 0, [])
    assert await store.subscribers.add(readers) == (0, 3000, [])
    assert [reader.id for reader in await store.subscribers.all()] == list(range(1, 3001))
