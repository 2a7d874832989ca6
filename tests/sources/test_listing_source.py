"""Listing documents on the disk: files, folders, and what else there may be under a name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from builders import asking

from newsletter.errors import SourceError
from newsletter.model import Batch, Verdict
from newsletter.sources.base import Source
from newsletter.sources.bounds import MAX_BYTES
from newsletter.sources.listing.source import ListingSource

TODAY = date(2026, 8, 3)
PAGE = "Mar 11, 2025\n\nAlpha\n\nWe study things. They move.\n"


async def collect(*paths: Path) -> list[Batch]:
    source: Source = ListingSource("mine", paths)
    return await source.collect(asking(TODAY))


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(PAGE, encoding="utf-8")


async def test_a_folder_is_its_text_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "a.txt", "C.TXT", "README.txt", "readme_first.txt", ".hidden.txt", "notes.md", "txt")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "d.txt")
    batches = await collect(tmp_path)
    assert [batch.document for batch in batches] == ["C.TXT", "a.txt", "b.txt"]
    assert {(batch.source, batch.verdict, len(batch.papers)) for batch in batches} == {("mine", Verdict.NEW, 1)}


async def test_a_file_named_outright_is_read_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "README", "page.txt")
    assert [batch.document for batch in await collect(tmp_path / "README", tmp_path)] == ["README", "page.txt"]


async def test_no_document_is_read_twice(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    assert [batch.document for batch in await collect(tmp_path, tmp_path / "a.txt", tmp_path)] == ["a.txt"]


async def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write(tmp_path / "real", "a.txt")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "page.txt").symlink_to(tmp_path / "real" / "a.txt")
    assert [batch.document for batch in await collect(tmp_path / "folder")] == ["a.txt"]
    assert [batch.document for batch in await collect(tmp_path / "page.txt")] == ["page.txt"]


async def test_a_path_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    with pytest.raises(
        SourceError,
        match=r"source mine: .*nowhere: No such file.*correct the path.*`path` in its \[\[sources\]\] table",
    ):
        await collect(tmp_path, tmp_path / "nowhere")


async def test_an_empty_folder_is_quiet_and_says_so(tmp_path: Path) -> None:
    (batch,) = await collect(tmp_path)
    assert (batch.verdict, batch.document, batch.papers) == (Verdict.QUIET, tmp_path.name, ())
    assert batch.why == f"no .txt document in {tmp_path}"


async def test_what_is_no_file_is_broken_and_nothing_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.txt")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (tmp_path / "nothing.txt").symlink_to(tmp_path / "nowhere")
    write(tmp_path, "page.txt")
    found = {batch.document: batch for batch in await collect(tmp_path)}
    assert found.pop("page.txt").verdict is Verdict.NEW
    assert {name: batch.why for name, batch in found.items()} == {
        "device.txt": "not a file with text in it: a document is a regular file",
        "fifo.txt": "not a file with text in it: a document is a regular file",
        "folder.txt": "not a file with text in it: a document is a regular file",
        "loop.txt": "cannot be read: Too many levels of symbolic links",
        "nothing.txt": "cannot be read: No such file or directory",
    }
    for batch in found.values():
        assert batch.verdict is Verdict.BROKEN
        assert [str(problem) for problem in batch.problems] == [f"{batch.document}: {batch.why}"]


async def test_every_document_is_closed_again(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.txt" for number in range(20)))
    os.mkfifo(tmp_path / "fifo.txt")
    await collect(tmp_path)  # the first call opens what the event loop keeps
    before = len(os.listdir("/dev/fd"))
    await collect(tmp_path)
    assert len(os.listdir("/dev/fd")) <= before


@contextmanager
def as_nobody() -> Iterator[None]:
    """To root nothing is forbidden, so root steps down for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Like tmp_path, but open to everybody."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def forbid(path: Path) -> None:
    path.chmod(0)


async def test_a_file_without_permission_is_broken(public_folder: Path) -> None:
    write(public_folder, "a.txt", "b.txt")
    forbid(public_folder / "a.txt")
    with as_nobody():
        first, second = await collect(public_folder)
    assert (first.verdict, first.why) == (Verdict.BROKEN, "cannot be read: Permission denied")
    assert second.verdict is Verdict.NEW


async def test_a_folder_without_permission_is_an_error(public_folder: Path) -> None:
    forbid(public_folder)
    with as_nobody(), pytest.raises(SourceError, match="Permission denied"):
        await collect(public_folder)


async def test_fifty_megabytes_are_refused_unread(tmp_path: Path) -> None:
    write(tmp_path, "page.txt")
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(50_000_000_000)  # sparse; reading a thousandth of it would be felt
    start = time.process_time()
    huge, page = await collect(tmp_path)
    assert time.process_time() - start < 2
    assert (huge.verdict, huge.why[:10], page.verdict) == (Verdict.BROKEN, "too large:", Verdict.NEW)


async def test_a_document_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_bytes(PAGE.encode().ljust(MAX_BYTES))
    (batch,) = await collect(tmp_path)
    assert (batch.verdict, len(batch.papers)) == (Verdict.NEW, 1)


async def test_a_strange_name_is_shown_without_harm(tmp_path: Path) -> None:
    write(tmp_path, os.fsdecode(b"a\n\x1b[31m\xff.txt"))
    (batch,) = await collect(tmp_path)
    assert (batch.document, batch.verdict) == ("a??[31m?.txt", Verdict.NEW)
    batch.document.encode()


async def test_the_year_setting_reaches_the_papers(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text(PAGE.replace(", 2025", ""), encoding="utf-8")
    (batch,) = await ListingSource("mine", [tmp_path], year=2019).collect(asking(TODAY))
    assert batch.day == date(2019, 3, 11)
    assert batch.papers[0].listings[0].day == batch.papers[0].first_seen == date(2019, 3, 11)
