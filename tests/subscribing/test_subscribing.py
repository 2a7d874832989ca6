"""Readers by CSV: in, out, and gone for good."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import databases
import pytest
from builders import subscriber
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Rhythm, Status
from newsletter.store import Store
from newsletter.subscribing import BadRow, Imported, as_text, export_csv, import_csv, leave
from newsletter.subscribing.csv_files import _rows

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
TOPICS = {"neural-fields", "brain-decoding"}
HEADER = "address,name,topics,timezone,hour,rhythm,locale\n"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as opened:
        yield opened


async def take(store: Store, text: str | bytes) -> Imported:
    """What an import of `text` comes to, all blocks together."""
    file = as_text(io.BytesIO(text.encode() if isinstance(text, str) else text))
    parts = [part async for part in import_csv(store, file, TOPICS)]
    return Imported(
        sum(part.added for part in parts),
        sum(part.updated for part in parts),
        tuple(row for part in parts for row in part.bad),
        tuple(address for part in parts for address in part.stayed_away),
    )


async def test_a_full_row_becomes_a_reader(store: Store) -> None:
    row = '"Eve@Example.org","Eve, the first",neural-fields; brain-decoding,Europe/Berlin,6,Weekly,de\n'
    imported = await take(store, HEADER + row)
    assert (imported.added, imported.updated, imported.bad) == (1, 0, ())
    [eve] = await store.subscribers.all()
    assert (eve.address, eve.name, eve.topics) == (
        "eve@example.org",
        "Eve, the first",
        ("neural-fields", "brain-decoding"),
    )
    assert (eve.timezone, eve.hour, eve.rhythm, eve.status) == ("Europe/Berlin", 6, Rhythm.WEEKLY, Status.ACTIVE)
    assert eve.locale == "de"


async def test_only_the_address_is_needed(store: Store) -> None:
    imported = await take(store, "address\neve@example.org\n\n")
    assert imported.added == 1
    [eve] = await store.subscribers.all()
    assert (eve.topics, eve.timezone, eve.hour, eve.rhythm, eve.locale) == ((), "UTC", 7, Rhythm.DAILY, "")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("nobody,,,,,", "is not an e-mail address"),
        ("a@example.org,,,localtime,,", "there is no time zone “localtime”"),
        ("a@example.org,,,right/Asia/Tokyo,,", "did you mean “Asia/Tokyo”?"),
        ("a@example.org,,nural-fields,,,", "there is no topic “nural-fields”; did you mean “neural-fields”?"),
        ("a@example.org,,,Mars/Base,,", "there is no time zone “Mars/Base”"),
        ("a@example.org,,,,24,", "the hour must be 0 to 23"),
        ("a@example.org,,,,²,", "the hour must be 0 to 23"),
        ("a@example.org,,,,,hourly", "the rhythm must be daily, weekdays, weekly"),
        ('a@example.org,"x\r\nBcc: y",,,,', "the name must be one line"),
        ("a@example.org,,,,,,tlh", "there is no language “tlh”; there are en, de"),
        ("a@example.org,,,,,,../de", "there is no language “../de”"),
        ("a@example.org,,,,,,,,", "has 9 cells, the header 7"),
        ('a@example.org,"open', "is not CSV"),
    ],
)
async def test_a_bad_row_is_reported_and_the_others_are_taken(store: Store, row: str, why: str) -> None:
    imported = await take(store, f"{HEADER}good@example.org,,,,,\n{row}\n")
    assert imported.added == 1
    [bad] = imported.bad
    assert why in bad.why
    assert bad.line >= 3


async def test_a_file_without_the_right_columns_is_refused_as_a_whole(store: Store) -> None:
    assert "must name the columns" in (await take(store, "mail,name\na@example.org,x\n")).bad[0].why
    assert "there is no column “emial”" in (await take(store, "address,emial\na@example.org,x\n")).bad[0].why
    assert "must name the columns" in (await take(store, "")).bad[0].why
    assert await store.subscribers.all() == []


async def test_one_address_twice_is_taken_once(store: Store) -> None:
    imported = await take(store, f"{HEADER}a@example.org,,,,,\nA@Example.org,,,,,\n")
    assert imported.added == 1
    assert "came before" in imported.bad[0].why


async def test_who_left_is_not_brought_back(store: Store) -> None:
    await take(store, f"{HEADER}a@example.org,,,,,\n")
    assert await leave(store, " A@example.org ", NOW)
    imported = await take(store, f"{HEADER}a@example.org,,,,,\n")
    assert imported.stayed_away == ("a@example.org",)
    await store.subscribers.sync_file([subscriber("a@example.org")])
    [gone] = await store.subscribers.all()
    assert gone.status is Status.LEFT
    assert not await leave(store, "never-seen@example.org", NOW)


async def test_what_is_exported_can_be_imported(store: Store, tmp_path: Path) -> None:
    readers = [
        subscriber("a@example.org", "neural-fields", name='Eve "the, first"', hour=0, timezone="Asia/Tokyo"),
        subscriber("b@example.org", rhythm=Rhythm.WEEKDAYS, locale="de"),
    ]
    await store.subscribers.add(readers)
    exported = "".join([block async for block in export_csv(store)])
    fields = ("address", "name", "topics", "timezone", "hour", "rhythm", "locale")
    async with await Store.open(databases.of(tmp_path / "other")) as other:
        await take(other, exported)
        taken = await other.subscribers.all()
    assert [[getattr(one, name) for name in fields] for one in taken] == [
        [getattr(one, name) for name in fields] for one in readers
    ]


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200))
def test_any_text_is_rows_or_reasons(text: str) -> None:
    rows = list(_rows(io.StringIO(HEADER + text, newline="")))
    lines = [row.line if isinstance(row, BadRow) else row[0] for row in rows]
    assert lines == sorted(set(lines))
    assert all(isinstance(row, BadRow) or set(row[1]) <= set(HEADER.strip().split(",")) for row in rows)


async def test_readers_of_the_file_are_not_taken_from_a_csv(store: Store) -> None:
    await store.subscribers.sync_file([subscriber("a@example.org")])
    imported = await take(store, f"\ufeff{HEADER}A@Example.org,Other,,,,weekly\n")
    assert imported.updated == 0
    assert "belongs to subscribers.toml" in imported.bad[0].why
