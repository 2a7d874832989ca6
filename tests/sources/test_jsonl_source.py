"""Lines of JSON from files, folders and pipes."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import pytest
from builders import asking
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_forms import papers

from newsletter.errors import SourceError
from newsletter.model import Batch, Listing, Paper, Verdict
from newsletter.sources import registry
from newsletter.sources.base import NoWeb, Source, Tools
from newsletter.sources.interchange import written
from newsletter.sources.jsonl.parser import MAX_LINES, MAX_PAPERS, Place, batches_in
from newsletter.sources.jsonl.source import JsonlOptions, JsonlSource, JsonlStream
from newsletter.store import Store

TODAY = date(2025, 3, 13)


def record(number: int = 1, **fields: Any) -> bytes:
    return json.dumps({"id": f"2503.{number:05}", "title": f"Paper {number}", **fields}).encode() + b"\n"


def parsed(content: bytes, asked: date | None = None, chunk: int = 65_536) -> list[Batch]:
    chunks = (content[at : at + chunk] for at in range(0, len(content), chunk))
    return list(batches_in(chunks, Place("mine", "page.jsonl", asked or TODAY, TODAY, asked)))


async def collect(path: Path, day: date | None = None, settle: float = 0.0) -> list[Batch]:
    source: Source = JsonlSource("mine", path, settle)
    return await source.collect(asking(TODAY, day))


async def piped(content: bytes, day: date | None = None) -> list[Batch]:
    source: Source = JsonlStream("pipe", io.BytesIO(content))
    return await source.collect(asking(TODAY, day))


def test_every_line_is_a_paper_and_its_place_its_rank() -> None:
    (batch,) = parsed(b"\xef\xbb\xbf" + record(1) + b"\r\n \n" + record(2).strip())
    assert (batch.verdict, batch.why, batch.declared) == (Verdict.NEW, "2 papers read", 2)
    assert (batch.source, batch.document, batch.kind, batch.day) == ("mine", "page.jsonl", "jsonl", TODAY)
    assert [paper.id for paper in batch.papers] == ["arxiv:2503.00001", "arxiv:2503.00002"]
    assert [paper.listings for paper in batch.papers] == [(Listing(TODAY, "mine", 1),), (Listing(TODAY, "mine", 2),)]


def test_a_bad_line_costs_no_other() -> None:
    lines = [record(1), b"{\n", record(2, links=[{"kind": "pdf", "url": "ftp://x"}]), b"[]\n", record(3)]
    (batch,) = parsed(b"".join(lines))
    assert (batch.verdict, batch.declared, len(batch.papers)) == (Verdict.PARTIAL, 5, 3)
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 3, 5]
    assert [problem.line for problem in batch.problems] == [2, 3, 4]
    assert batch.why.startswith("3 papers read; 3 faults, the first at line 2: is not JSON (")
    assert str(batch.problems[2]) == "page.jsonl:4: holds a list; write one JSON object, {…}, on each line"


def test_many_bad_lines_are_counted_and_some_described() -> None:
    (batch,) = parsed(b"x\n" * 250)
    assert (batch.verdict, batch.declared, len(batch.problems)) == (Verdict.BROKEN, 250, 101)
    assert str(batch.problems[-1]) == "page.jsonl: and 150 more"


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", gzip.compress(b"", mtime=0)])
def test_nothing_is_quiet(content: bytes) -> None:
    (batch,) = parsed(content)
    assert (batch.verdict, batch.why, batch.declared) == (Verdict.QUIET, "there is no record in it", 0)


def test_names_that_are_ignored_are_counted() -> None:
    (batch,) = parsed(record(1, citations=1) + record(2, citations=2, note="x"))
    assert (batch.verdict, batch.why) == (Verdict.NEW, "2 papers read; ignored: “citations” (2), “note” (1)")
    (batch,) = parsed(record(1, **{f"name{number}": 1 for number in range(500)}))
    assert batch.why.count("“") == 20


def test_a_day_that_has_not_come_is_a_problem_and_kept() -> None:
    (batch,) = parsed(record(1, day="2025-03-14") + record(2, day="2026-01-01"))
    assert (batch.verdict, len(batch.papers)) == (Verdict.PARTIAL, 2)
    assert [str(problem) for problem in batch.problems] == [
        "page.jsonl:2: 2026-01-01 has not come yet: correct the day, or the paper waits until then"
    ]


def test_of_one_day_only_its_papers() -> None:
    two = [{"day": "2025-03-10", "source": "s", "rank": 1}, {"day": "2025-03-11", "source": "s", "rank": 2}]
    content = record(1, listings=two) + record(2, day="2025-03-10") + record(3)
    (batch,) = parsed(content, asked=date(2025, 3, 10))
    assert [paper.id for paper in batch.papers] == ["arxiv:2503.00001", "arxiv:2503.00002", "arxiv:2503.00003"]
    (batch,) = parsed(content.replace(b'"Paper 3"', b'"Paper 3", "day": "2025-03-12"'), asked=date(2025, 3, 11))
    assert [paper.id for paper in batch.papers] == ["arxiv:2503.00001"]
    assert (batch.day, batch.asked, batch.declared, batch.verdict) == (date(2025, 3, 11), batch.day, 1, Verdict.NEW)
    assert batch.why == "1 paper read, 2 of other days than 2025-03-11 left out"
    (batch,) = parsed(record(1, day="2025-03-10"), asked=TODAY)
    assert (batch.verdict, batch.why) == (
        Verdict.QUIET,
        "no paper read, 1 of other days than 2025-03-13 left out",
    )


def test_a_long_document_comes_in_parts() -> None:
    parts = parsed(b"".join(record(number) for number in range(2 * MAX_PAPERS + 1)))
    assert [len(part.papers) for part in parts] == [MAX_PAPERS, MAX_PAPERS, 1]
    assert [part.document for part in parts] == ["page.jsonl", "page.jsonl (2)", "page.jsonl (3)"]
    assert parts[2].papers[0].listings[0].rank == 2 * MAX_PAPERS + 1
    assert [part.declared for part in parsed(b"".join(map(record, range(MAX_PAPERS))))] == [MAX_PAPERS]


def test_bounds_on_lines_and_their_length() -> None:
    last, *_ = reversed(parsed(b"{}\n" * (MAX_LINES - 1) + record(1) + b"\n\n"))
    assert [paper.id for paper in last.papers] == ["arxiv:2503.00001"]
    last, *_ = reversed(parsed(b"\n" * MAX_LINES + record(1) + record(2)))
    assert [str(problem) for problem in last.problems] == [
        "page.jsonl:100001: is one too many, and from here on nothing was read: split it at 100,000 lines"
    ]
    (batch,) = parsed(record(1) + b'{"title": "' + b"x" * 3_000_000 + b'"}\n' + record(2))
    assert [str(problem) for problem in batch.problems] == [
        "page.jsonl:2: is longer than 1,000,000 bytes, which no paper is"
    ]
    assert [paper.listings[0].rank for paper in batch.papers] == [1, 2]


@settings(deadline=None, max_examples=100)
@given(st.lists(papers(), max_size=5), st.integers(1, 50), st.booleans())
def test_chunks_and_compression_change_nothing(several: list[Paper], chunk: int, zipped: bool) -> None:
    content = "".join(f"{written(paper)}\n" for paper in several).encode()
    (batch,) = parsed(gzip.compress(content) if zipped else content, chunk=chunk)
    assert list(batch.papers) == several


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda some: b"\x1f\x8b\x08\0" + some)))
def test_no_bytes_do_harm(content: bytes) -> None:
    (batch,) = parsed(content, chunk=7)
    assert (batch.verdict is Verdict.QUIET) == (not batch.problems)
    for problem in batch.problems:
        assert problem.why.isprintable()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 200))
def test_no_damage_to_compression_does_harm(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(gzip.compress(b"".join(map(record, range(50)))))
    for where, byte in changes:
        content[2 + where % (len(content) - 2)] = byte
    for batch in parsed(bytes(content[: len(content) - cut])):
        assert batch.papers or batch.problems


def test_compressed_in_members_padded_and_cut() -> None:
    content = gzip.compress(record(1)) + gzip.compress(record(2)) + b"\0" * 100
    (batch,) = parsed(content)
    assert (batch.verdict, len(batch.papers)) == (Verdict.NEW, 2)
    whole = gzip.compress(b"".join(map(record, range(1000))))
    (batch,) = parsed(whole[:-100])
    assert batch.verdict is Verdict.PARTIAL
    assert batch.problems[-1].why == "is where the gzip data breaks off"
    assert len(batch.papers) > 500


def test_a_bomb_goes_off_in_small_pieces() -> None:
    bomb = gzip.compress(b" " * 100_000_000, 1) * 6
    tracemalloc.start()
    start = time.process_time()
    (batch,) = parsed(bomb)
    assert time.process_time() - start < 20
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    assert batch.verdict is Verdict.BROKEN
    assert "is where reading ended: a document has at most 500 MB; split it" in str(batch.problems[-1])


async def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl.gz", "C.JSONL", "d.jsonl.part", ".e.jsonl", "README.jsonl", "f.json"):
        (tmp_path / name).write_bytes(gzip.compress(record()) if "gz" in name else record())
    assert [batch.document for batch in await collect(tmp_path)] == ["C.JSONL", "a.jsonl.gz", "b.jsonl"]
    assert [len(batch.papers) for batch in await collect(tmp_path)] == [1, 1, 1]
    assert [batch.document for batch in await collect(tmp_path / "f.json")] == ["f.json"]


async def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    (batch,) = await collect(tmp_path)
    assert (batch.verdict, batch.why, batch.kind) == (Verdict.QUIET, f"no .jsonl document in {tmp_path}", "jsonl")
    os.mkfifo(tmp_path / "fifo.jsonl")
    (batch,) = await collect(tmp_path)
    assert (batch.verdict, batch.why) == (Verdict.BROKEN, "not a file with text in it: a document is a regular file")
    with pytest.raises(SourceError, match=r"nowhere: No such file.*`path` in its \[\[sources\]\] table"):
        await collect(tmp_path / "nowhere")


async def test_a_paper_without_a_day_is_of_the_day_in_the_name_or_of_the_one_asked_for(tmp_path: Path) -> None:
    (tmp_path / "2025-03-11.jsonl").write_bytes(record(1) + record(2, day="2025-03-10"))
    (tmp_path / "page.jsonl").write_bytes(record(3))
    came = datetime.fromtimestamp((tmp_path / "page.jsonl").stat().st_ctime, UTC).date()
    os.utime(tmp_path / "page.jsonl", (0, 0))
    days = [paper.listings[0].day for batch in await collect(tmp_path) for paper in batch.papers]
    assert days == [date(2025, 3, 11), date(2025, 3, 10), TODAY]
    (batch,) = await collect(tmp_path / "page.jsonl", date(2025, 3, 9))
    assert batch.papers[0].listings[0].day == date(2025, 3, 9)
    for later in (1, 2):  # whenever it is asked, a file that stays came when it came
        source = JsonlSource("mine", tmp_path / "page.jsonl", standing=True)
        (batch,) = await source.collect(asking(came + timedelta(days=later)))
        assert batch.papers[0].listings[0].day == came


async def test_a_file_that_grows_is_left_for_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "page.jsonl"
    path.write_bytes(record(1))
    asyncio.get_running_loop().call_later(0.1, path.write_bytes, record(1) + record(2))
    (batch,) = await collect(path, settle=0.3)
    assert (batch.verdict, batch.papers) == (Verdict.QUIET, ())
    assert batch.why.startswith("still being written (it grew from ")
    (batch,) = await collect(path, settle=0.3)
    assert (batch.verdict, len(batch.papers)) == (Verdict.NEW, 2)


async def test_a_file_that_changes_while_it_is_read_is_left_too(tmp_path: Path) -> None:
    path = tmp_path / "page.jsonl"
    path.write_bytes(b"".join(map(record, range(MAX_PAPERS + 1))))
    batches = JsonlSource("mine", path).batches(asking(TODAY))
    first = await anext(batches)
    with path.open("ab") as file:
        file.write(record(9))
    rest = [batch async for batch in batches]
    assert len(first.papers) == MAX_PAPERS
    assert [(batch.verdict, batch.papers) for batch in rest] == [(Verdict.QUIET, ())]
    assert "while it was read" in rest[0].why


async def test_its_table_makes_the_source(tmp_path: Path) -> None:
    (tmp_path / "page.jsonl").write_bytes(record())
    options = registry.kind("jsonl").Options.model_validate({"kind": "jsonl", "name": "mine", "path": str(tmp_path)})
    assert isinstance(options, JsonlOptions)
    assert options.settle == 2
    source = JsonlSource.build(options.model_copy(update={"settle": 0}), Tools(NoWeb(), tmp_path))
    (batch,) = await source.collect(asking(TODAY))
    assert (batch.source, len(batch.papers)) == ("mine", 1)
    with pytest.raises(ValueError, match="path"):
        JsonlOptions.model_validate({"kind": "jsonl", "name": "mine"})


async def test_what_comes_through_a_pipe_is_of_the_day_that_is_asked_for() -> None:
    (batch,) = await piped(gzip.compress(record(1)))
    assert (batch.source, batch.document, batch.papers[0].listings) == (
        "pipe",
        "standard input",
        (Listing(TODAY, "pipe", 1),),
    )
    (batch,) = await piped(record(1) + record(2, day="2025-03-09"), date(2025, 3, 10))
    assert [paper.listings[0].day for paper in batch.papers] == [date(2025, 3, 10)]


WRITER = """
import sys, time
for number in range(int(sys.argv[1])):
    print('{"title": "Paper %d"}' % number, flush=number % 1000 == 0)
sys.stdout.flush()
time.sleep(float(sys.argv[2]))
"""


async def test_batches_come_while_the_pipe_is_still_written(tmp_path: Path) -> None:
    with writing(MAX_PAPERS + 1, 30) as writer:
        assert writer.stdout
        batches = JsonlStream("pipe", writer.stdout).batches(asking(TODAY))
        start = time.monotonic()
        assert len((await anext(batches)).papers) == MAX_PAPERS
        await batches.aclose()
        assert time.monotonic() - start < 15


def writing(papers: int, seconds: float) -> subprocess.Popen[bytes]:
    """A process that writes papers into a pipe, and keeps it open for so long."""
    return Killed([sys.executable, "-c", WRITER, str(papers), str(seconds)], stdout=subprocess.PIPE)


class Killed(subprocess.Popen[bytes]):
    """A process that ends with its block."""

    def __exit__(self, *details: Any) -> None:
        self.kill()
        super().__exit__(*details)


def test_whoever_gives_up_does_not_wait_for_the_pipe() -> None:
    async def go(writer: subprocess.Popen[bytes]) -> None:
        assert writer.stdout
        reading = asyncio.create_task(JsonlStream("pipe", writer.stdout).collect(asking(TODAY)))
        await asyncio.sleep(0.5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    with writing(3, 60) as writer:
        start = time.monotonic()
        asyncio.run(go(writer))  # ends only when the thread does
        assert time.monotonic() - start < 10


def test_a_long_pipe_is_never_held_whole() -> None:
    papers = 2 * MAX_PAPERS + 1
    pipe = Endless(papers)

    def alive() -> int:
        return sum(isinstance(one, Paper) for one in gc.get_objects())

    async def go() -> tuple[int, int, int]:
        gc.collect()
        read = most = ahead = 0
        before = alive()  # what other tests keep
        async for batch in JsonlStream("long pipe", io.BufferedReader(pipe)).batches(asking(TODAY)):
            ahead = max(ahead, pipe.given - read)
            read += len(batch.papers)
            most = max(most, len(batch.papers))
            kept = [one for one in gc.get_objects() if isinstance(one, Batch) and one.source == "long pipe"]
            assert len(kept) == 1
            del kept
            assert alive() - before <= len(batch.papers) + 1  # none of the batches before
            del batch
        return read, most, ahead

    read, most, ahead = asyncio.run(go())
    assert (read, most) == (papers, MAX_PAPERS)
    assert ahead < 1.2 * MAX_PAPERS


class Endless(io.RawIOBase):
    """So many papers, made when they are read; `given` of them were."""

    def __init__(self, papers: int) -> None:
        self.given = 0
        self._lines: Iterator[bytes] = (record(number) for number in range(papers))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        line = next(self._lines, b"")
        self.given += bool(line)
        buffer[: len(line)] = line
        return len(line)


@pytest.mark.parametrize("line", [b"\n", b" \r\n", b"no paper\n"])
def test_blank_lines_count_as_lines(line: bytes) -> None:
    place = Place("mine", "a.jsonl", TODAY, TODAY)
    many, read = line * 10_000, 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        while read < 5_000_000:
            read += 10_000
            yield many

    (batch,) = batches_in(chunks(), place)
    assert batch.verdict is Verdict.BROKEN
    assert read == MAX_LINES + 10_000


def test_so_many_lines_are_read_and_their_last_end_is_no_line() -> None:
    place = Place("mine", "a.jsonl", TODAY, TODAY)
    for end in (b"", b"\n"):
        (batch,) = batches_in([b"\n" * (MAX_LINES - 1) + record(1).strip() + end], place)
        assert (len(batch.papers), batch.problems) == (1, ())
    (batch,) = batches_in([record(1) + b"\n" * (MAX_LINES - 1) + record(2)], place)
    assert [problem.line for problem in batch.problems] == [MAX_LINES + 1]
    assert batch.problems[0].why.startswith("is one too many")


async def test_an_archive_goes_out_and_comes_in_again(tmp_path: Path) -> None:
    lines = record(1, listings=[{"day": "2025-03-11", "source": "daily", "rank": 3}], votes=0, doi="10.1000/x")
    lines += record(2, day="2025-03-12", authors=["Ada"], links=[{"kind": "code", "url": "https://example.org/"}])
    ask = asking(TODAY)
    exported: list[bytes] = []
    for number, content in enumerate([lines, None]):
        async with await Store.open(databases.of(tmp_path / f"{number}")) as store:
            content = content or exported[0]
            (batch,) = await JsonlStream("pipe", io.BytesIO(content)).collect(ask)
            await store.batches.remember(batch, ask.now)
            found = await store.papers.find()
            exported.append("".join(f"{written(paper)}\n" for paper in found).encode())
    assert exported[0] == exported[1]
    assert exported[0].count(b"\n") == 2
