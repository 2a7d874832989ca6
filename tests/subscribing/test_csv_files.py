"""Long lists and broken ones: constant memory, every bad row told, the others taken."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import databases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Rhythm, Subscriber
from newsletter.store import Store
from newsletter.subscribing import BadRow, Imported, as_text, export_csv, import_csv
from newsletter.subscribing.csv_files import BLOCK, _rows

HEADER = b"address,name\n"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(databases.of(tmp_path)) as opened:
        yield opened


async def parts(store: Store, content: bytes) -> list[Imported]:
    with as_text(io.BytesIO(content)) as lines:
        return [part async for part in import_csv(store, lines, set())]


def told(imported: list[Imported]) -> list[tuple[int, str]]:
    return [(row.line, row.why) for part in imported for row in part.bad]


async def test_a_list_is_taken_in_blocks_and_told_as_it_goes(store: Store) -> None:
    rows = b"".join(b"reader%d@example.org\n" % number for number in range(2 * BLOCK))
    taken = await parts(store, HEADER + rows + b"reader0@example.org\nREADER999@example.org\nlast@example.org\n")
    assert [(part.added, part.updated, len(part.bad)) for part in taken] == [(BLOCK, 0, 0), (BLOCK, 0, 0), (1, 0, 2)]
    assert [line for line, why in told(taken) if "came before in this file" in why] == [1002, 1003]
    assert sum((await store.subscribers.counts()).values()) == 2 * BLOCK + 1
    exported = [block async for block in export_csv(store)]
    assert len(exported) == 4
    assert "".join(exported).count("\n") == 2 * BLOCK + 2


async def test_a_good_row_counts_even_behind_a_bad_one_of_the_same_address(store: Store) -> None:
    taken = await parts(store, b"address,hour\na@example.org,99\na@example.org,5\na@example.org,6\n")
    assert [line for line, _ in told(taken)] == [2, 4]
    [reader] = await store.subscribers.all()
    assert reader.hour == 5


async def test_what_is_not_csv_costs_its_own_rows(store: Store) -> None:
    swallowed = b"".join(b"lost%d@example.org,x\n" % number for number in range(4_000))
    content = HEADER + b'a@example.org,"x"y\nb@example.org,"open\n' + swallowed + b"c@example.org\n"
    taken = await parts(store, content)
    bad = told(taken)
    assert bad[0] == (2, "is not CSV: ',' expected after '\"'")
    assert bad[1][0] == 3
    assert "a row has 65536 characters or more; lines 3 to " in bad[1][1]
    everybody = {one.address for one in await store.subscribers.all()}
    assert {"c@example.org", "lost3999@example.org"} <= everybody
    assert "b@example.org" not in everybody


async def test_sentences_stay_short(store: Store) -> None:
    long = b"x" * 60_000
    taken = await parts(
        store, b"address,name,topics\n" + long + b"\na@example.org," + long + b"\nb@example.org,,%s\n" % long
    )
    assert [line for line, _ in told(taken)] == [2, 3, 4]
    assert all(len(why) < 200 for _, why in told(taken))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_reasons(content: bytes) -> None:
    with as_text(io.BytesIO(HEADER + content)) as lines:
        rows = list(_rows(lines))
    numbers = [row.line if isinstance(row, BadRow) else row[0] for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        if not isinstance(row, BadRow):
            row[1]["address"].encode()  # what could not be decoded is in no row


async def measured(store: Store, number: int) -> tuple[int, int]:
    """Bytes at the peak of importing and of exporting `number` rows, every tenth of them bad."""
    rows = io.BytesIO(HEADER + b"".join(b"r%d%s\n" % (one, b"@example.org" * (one % 10 > 0)) for one in range(number)))
    tracemalloc.start()
    try:
        with as_text(rows) as lines:
            taken = [(part.added, len(part.bad)) async for part in import_csv(store, lines, set())]
        imported = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        async for _ in export_csv(store):
            pass
        exported = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [sum(one) for one in zip(*taken, strict=True)] == [number * 9 // 10, number // 10]
    return imported, exported


@pytest.mark.slow
async def test_a_long_list_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    peaks = []
    for number in (500, 1_000, 10_000):  # the first one warms up what is made once
        async with await Store.open(databases.of(tmp_path / f"{number}")) as store:
            peaks.append(await measured(store, number))
    _, short, long = peaks
    assert long[0] < short[0] * 1.5 + 1_000_000
    assert long[1] < short[1] * 1.5 + 1_000_000


FORMULAS = ("=cmd|'/c-calc'!a1@evil.example", "+1-2@evil.example", "-1@evil.example", "'=@evil.example")


async def test_no_cell_of_an_export_is_a_formula(store: Store, tmp_path: Path) -> None:
    """Anybody may sign up with such an address, and a list may bring such a name."""
    readers = [Subscriber(address, name="=HYPERLINK(1)", origin="web") for address in FORMULAS]
    await store.subscribers.add([*readers, Subscriber("ann@example.org", name="'Ann")])
    exported = "".join([block async for block in export_csv(store)])
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    async with await Store.open(databases.of(tmp_path / "other")) as other:
        assert [part.bad for part in await parts(other, exported.encode())] == [()]
        kept = {one.address: one.name for one in await other.subscribers.all()}
    assert kept == {one.address: one.name for one in await store.subscribers.all()}


async def test_what_has_no_column_stays_as_it_is(store: Store) -> None:
    reader = Subscriber(
        "ann@example.org", "Ann", ("robots",), "Asia/Tokyo", 9, Rhythm.WEEKLY, origin="web", locale="de"
    )
    await store.subscribers.add([reader])
    assert [part.updated for part in await parts(store, b"address,hour\nann@example.org,4\nben@example.org,5\n")] == [1]
    ann, ben = await store.subscribers.all()
    assert ann == replace(reader, id=1, hour=4)
    assert (ben.hour, ben.timezone, ben.origin) == (5, "UTC", "import")


async def test_a_column_that_stands_there_twice_is_a_fault(store: Store) -> None:
    assert told(await parts(store, b"address,hour,address\na@example.org,4,b@example.org\n")) == [
        (1, "there are two columns “address”")
    ]
    assert await store.subscribers.all() == []
