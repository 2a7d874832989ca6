"""A folder into which people and programs drop documents: what is whole is read, the rest is left for the next time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from builders import asking

from newsletter.model import Batch, Verdict
from newsletter.sources import registry
from newsletter.sources.base import NoWeb, Tools
from newsletter.sources.dropped import UnfinishedError, documents, opened
from newsletter.sources.listing.source import ListingOptions, ListingSource

TODAY = date(2026, 8, 3)
PAPER = "Alpha {number}\n\nWe study things. They move.\n\n"
PAGE = "Mar 11, 2025\n\n" + PAPER.format(number=1)

# Appends a paper to each of the files again and again, and says once that it has begun.
APPENDING = """
import sys, time
seconds, *paths = sys.argv[1:]
until, number = time.monotonic() + float(seconds), 0
while time.monotonic() < until:
    number += 1
    for path in paths:
        with open(path, "a") as file:
            paper = f"Alpha {number}\\n\\nWe study things. They move.\\n\\n"
            file.write("Mar 11, 2025\\n\\n" if number == 1 else paper)
    if number == 3:
        print("begun", flush=True)
    time.sleep(0.02)
print(number - 1, flush=True)
"""


@contextmanager
def appending(seconds: float, *paths: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that writes into `paths`; it has begun, and ends with the block."""
    program = [sys.executable, "-c", APPENDING, str(seconds), *map(str, paths)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "begun\n"
        try:
            yield writer
        finally:
            writer.kill()


async def collect(*paths: Path, settle: float = 0.0, day: date | None = None) -> list[Batch]:
    return await ListingSource("mine", paths, settle=settle).collect(asking(TODAY, day))


def aged(path: Path, seconds: float = 3600) -> Path:
    """The file as if it had been written so long ago."""
    when = time.time() - seconds
    os.utime(path, (when, when))
    return path


def write(path: Path, text: str = PAGE) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


async def test_a_file_that_grows_is_left_and_read_whole_when_it_is_done(tmp_path: Path) -> None:
    aged(write(tmp_path / "done.txt"))
    with appending(1.5, tmp_path / "growing.txt") as writer:
        done, growing = await collect(tmp_path, settle=0.3)
        assert (done.verdict, len(done.papers)) == (Verdict.NEW, 1)
        assert (growing.verdict, growing.papers, growing.day, growing.problems) == (Verdict.QUIET, (), None, ())
        assert growing.why.startswith("still being written (it grew from ")
        assert growing.why.endswith(" bytes within 0.3 s): left for the next collect")
        assert writer.stdout
        papers = int(writer.stdout.readline())
    _, grown = await collect(tmp_path, settle=0.3)
    assert (grown.verdict, len(grown.papers), grown.declared) == (Verdict.NEW, papers, papers)


async def test_what_is_renamed_into_place_is_never_seen_half(tmp_path: Path) -> None:
    part = tmp_path / "page.txt.part"
    seen = []
    with appending(0.8, part) as writer:
        seen += await collect(tmp_path, settle=0.1)
        writer.wait()
        os.replace(part, tmp_path / "page.txt")
    seen += await collect(tmp_path, settle=0.1)
    assert [(batch.verdict, batch.document) for batch in seen] == [
        (Verdict.QUIET, tmp_path.name),
        (Verdict.NEW, "page.txt"),
    ]
    assert seen[0].why == f"no .txt document in {tmp_path}"
    assert len(seen[1].papers) == seen[1].declared


@pytest.mark.parametrize("name", [".page.txt", "page.txt.part", "page.txt.tmp", "page.txt.crdownload", "page.txt~"])
async def test_the_names_of_what_is_on_its_way_are_no_documents(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    (batch,) = await collect(tmp_path)
    assert batch.why == f"no .txt document in {tmp_path}"


async def test_three_hundred_files_are_waited_for_once(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path / f"{number:03}.txt", f"Mar 11, 2025\n\n{PAPER.format(number=number)}")
    growing = [tmp_path / "300.txt", tmp_path / "301.txt"]
    with appending(20, *growing):
        start = time.monotonic()
        batches = await collect(tmp_path, settle=1)
        assert 0.5 < time.monotonic() - start < 10  # 300 waits would be 300 s
    assert [batch.verdict for batch in batches] == [Verdict.NEW] * 300 + [Verdict.QUIET] * 2
    assert len({batch.identities for batch in batches[:300]}) == 300


async def test_an_old_file_is_not_waited_for(tmp_path: Path) -> None:
    aged(write(tmp_path / "page.txt"))
    start = time.monotonic()
    (batch,) = await collect(tmp_path, settle=60)
    assert time.monotonic() - start < 5
    assert batch.verdict is Verdict.NEW


async def test_a_file_from_the_future_is_read_all_the_same(tmp_path: Path) -> None:
    aged(write(tmp_path / "page.txt"), -86_400)
    start = time.monotonic()
    (batch,) = await collect(tmp_path, settle=0.2)
    assert 0.2 <= time.monotonic() - start < 5
    assert batch.verdict is Verdict.NEW


async def test_the_loop_goes_on_while_a_file_is_waited_for(tmp_path: Path) -> None:
    write(tmp_path / "page.txt")
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    other = asyncio.create_task(turning())
    await collect(tmp_path, settle=0.3)
    other.cancel()
    assert turns > 5


async def test_a_file_that_changes_while_it_is_read_is_left(tmp_path: Path) -> None:
    (document,) = await documents("mine", write(tmp_path / "page.txt"), (".txt",))
    reading = opened(document, 1000, "")
    assert reading.__enter__().read() == PAGE.encode()
    write(tmp_path / "page.txt", PAGE + "\n")
    with pytest.raises(UnfinishedError, match=r"still being written \(it grew from 52 to 53 bytes while it was read\)"):
        reading.__exit__(None, None, None)
    (document,) = await documents("mine", tmp_path / "page.txt", (".txt",))
    write(tmp_path / "other", PAGE + "\n")
    os.replace(tmp_path / "other", tmp_path / "page.txt")
    with pytest.raises(UnfinishedError, match=r"\(it changed\)"), opened(document, 1000, ""):
        pass


async def test_a_file_that_is_gone_again_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "page.txt")
    asyncio.get_running_loop().call_later(0.1, os.remove, tmp_path / "page.txt")
    (batch,) = await collect(tmp_path, settle=0.3)
    assert (batch.verdict, batch.why) == (
        Verdict.QUIET,
        "it is gone again: somebody moved it away while it was looked at",
    )


async def test_a_page_counts_its_places(tmp_path: Path) -> None:
    write(tmp_path / "page.txt", PAGE + "Alone\n\n" + PAPER.format(number=2) + PAPER.format(number=2))
    (batch,) = await collect(tmp_path)
    assert (batch.kind, batch.asked, batch.verdict) == ("listing", None, Verdict.PARTIAL)
    assert (batch.declared, len(batch.papers), len(batch.problems)) == (4, 2, 2)
    write(tmp_path / "page.txt", "Alpha\n\nWe study things. They move.\n")
    (batch,) = await collect(tmp_path)
    assert (batch.verdict, batch.declared) == (Verdict.BROKEN, None)


async def test_of_one_day_its_pages_and_what_hides_its_day(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "b.txt", PAGE.replace("11", "12"))
    write(tmp_path / "c.txt", "")
    write(tmp_path / "2025-03-12.txt", "")
    found = await collect(tmp_path, day=date(2025, 3, 11))
    assert [(batch.document, batch.day, batch.verdict) for batch in found] == [
        ("a.txt", date(2025, 3, 11), Verdict.NEW),
        ("c.txt", None, Verdict.BROKEN),
    ]
    assert {(batch.asked, batch.kind) for batch in found} == {(date(2025, 3, 11), "listing")}


async def test_a_day_without_a_page_is_quiet_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    (batch,) = await collect(tmp_path, day=date(2025, 3, 13))
    assert (batch.verdict, batch.day, batch.papers) == (Verdict.QUIET, date(2025, 3, 13), ())
    assert batch.why == "no page of 2025-03-13 among 1 document"


async def test_its_table_makes_the_source(tmp_path: Path) -> None:
    found = registry.kind("listing")
    tools = Tools(NoWeb(), tmp_path)
    options = found.Options.model_validate({"kind": "listing", "name": "daily", "year": 2019})
    assert isinstance(options, ListingOptions)
    assert options.settle == 2
    write(tmp_path / "page.txt", PAGE.replace(", 2025", ""))
    start = time.monotonic()
    (batch,) = await ListingSource.build(options, tools).collect(asking(TODAY))
    assert time.monotonic() - start < 1.5  # the shipped documents are not waited for
    assert (batch.source, batch.day) == ("daily", date(2019, 3, 11))
    own = options.model_copy(update={"path": tmp_path, "settle": 0.3})
    start = time.monotonic()
    await ListingSource.build(own, tools).collect(asking(TODAY))
    write(tmp_path / "page.txt")
    await ListingSource.build(own, tools).collect(asking(TODAY))
    assert time.monotonic() - start > 0.3
