"""Lists of readers, in and out: of any length, in blocks, so that a long one takes no more memory than a short one."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from hashlib import blake2b
from itertools import islice
from typing import BinaryIO, TextIO

from newsletter import timezones
from newsletter.model import Status, Subscriber
from newsletter.policy.address import normal_address
from newsletter.store import Store
from newsletter.store.subscribers import FILE
from newsletter.subscribing.signing_up import LONGEST_ADDRESS
from newsletter.subscribing.wishes import hour, locale, rhythm

COLUMNS = ("address", "name", "topics", "timezone", "hour", "rhythm", "locale")

BLOCK = 500
"""Rows that are read and written at a time."""

_LONGEST_ROW = 65_536
"""Characters of a row. A quote that is not closed would swallow the rest of the file."""

_SHOWN = 80
"""Characters of a cell that a sentence shows."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of one."""

_NOT_TEXT = "is not UTF-8 text; save the file as UTF-8"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a CSV file that was not taken, and why. `line` is where it begins, counted from 1, header included."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import, or one block of it, came to: readers added and updated, rows not taken, addresses that left and
    stay away."""

    added: int
    updated: int
    bad: tuple[BadRow, ...]
    stayed_away: tuple[str, ...]


def as_text(file: BinaryIO) -> io.TextIOWrapper:
    """`file` for `import_csv`: UTF-8, with or without a mark at its beginning. Bytes that are not UTF-8 are kept apart
    (PEP 383), so that the rows that have some can be named and the others be taken."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")


Row = tuple[int, Subscriber, Collection[str]]
"""The line that a row begins in, its reader, and the columns that it has."""


async def import_csv(
    store: Store, file: TextIO, topics: Collection[str], at: datetime | None = None
) -> AsyncIterator[Imported]:
    """Take the readers of a CSV file with the columns `address,name,topics,timezone,hour,rhythm,locale`, and yield what
    came of each block of BLOCK rows when it is written: a list of what went wrong may be longer than memory.

    Only `address` is needed: of a reader who is known, what has no column stays as it is. Topics are slugs separated by
    `;`, all of which must be in `topics`. A bad row is reported
    and the others are taken; of several with one address the first good one is. Readers of subscribers.toml are not
    touched. Who left or was suppressed is not brought back. New readers came `at` a moment.
    """
    rows = _rows(file)
    with closing(_Seen()) as seen:
        # In a thread: the addresses of a block take it some 20 ms, and others want to be served.
        while block := await asyncio.to_thread(_block, rows, topics, seen):
            yield await _write(store, block, at)


async def _write(store: Store, block: list[Row | BadRow], at: datetime | None) -> Imported:
    bad = [row for row in block if isinstance(row, BadRow)]
    read = [row for row in block if not isinstance(row, BadRow)]
    known = await store.subscribers.named(reader.address for _, reader, _ in read)
    of_file = {one.address for one in known.values() if one.origin == FILE and one.status is not Status.LEFT}
    bad += [
        BadRow(line, f"“{reader.address}” belongs to subscribers.toml; change it there")
        for line, reader, _ in read
        if reader.address in of_file
    ]
    good = {reader: said for _, reader, said in read if reader.address not in of_file}
    said = {reader.address: names for reader, names in good.items()}
    added, updated, stayed_away = await store.subscribers.add(list(good), at, said) if good else (0, 0, [])
    return Imported(added, updated, tuple(sorted(bad, key=lambda row: row.line)), tuple(stayed_away))


def _block(
    rows: Iterator[tuple[int, dict[str, str]] | BadRow], topics: Collection[str], seen: _Seen
) -> list[Row | BadRow]:
    """The next rows as readers, or why they are none; empty at the end."""
    block: list[Row | BadRow] = []
    for row in islice(rows, BLOCK):
        if isinstance(row, BadRow):
            block.append(row)
            continue
        line, cells = row
        try:
            reader = _reader(cells, topics)
        except ValueError as error:
            block.append(BadRow(line, str(error)))
            continue
        if seen.is_new(reader.address):
            block.append((line, reader, cells.keys()))
        else:
            block.append(BadRow(line, f"“{reader.address}” came before in this file; the first row is taken"))
    return block


class _Seen:
    """The addresses of a file so far, on disk: SQLite takes a file of its own without a name, which goes with it. Only
    their hashes, because a temporary folder is no place for people's addresses."""

    def __init__(self) -> None:
        # Never used by two at once, though each block by another thread.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def is_new(self, address: str) -> bool:
        """Whether nobody asked for `address` before."""
        row = (blake2b(address.encode(), digest_size=16).digest(),)
        return self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", row).rowcount > 0

    def close(self) -> None:
        self._connection.close()


class _Lines:
    """The lines of a file for the CSV reader, which puts a row together from as many as it takes: this ends a row that
    takes too many. `number` lines were read, the row began in line `begun`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._of_row = 0
        self.number = 0
        self.begun = 1

    def begin_row(self) -> None:
        self.begun, self._of_row = self.number + 1, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(_LONGEST_ROW)
        if not line:
            raise StopIteration
        self.number += 1
        self._of_row += len(line)
        if self._of_row < _LONGEST_ROW:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._file.readline(_LONGEST_ROW)
        raise csv.Error(f"a row has {_LONGEST_ROW} characters or more")


def _rows(file: TextIO) -> Iterator[tuple[int, dict[str, str]] | BadRow]:
    """The rows after the header, each with the line it begins in. After one that is not CSV the next line is read."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        lines.begin_row()
        try:
            row = next(reader, None)
        except csv.Error as error:
            lost = f"; lines {lines.begun} to {lines.number} were not read" if lines.number > lines.begun else ""
            yield BadRow(lines.begun, f"is not CSV: {error}{lost}")
            if header is None:
                return
            continue
        if header is None:
            header = [name.strip(" \ufeff").casefold() for name in row or ()]
            if why := _no_header(header):
                yield BadRow(1, why)
                return
        elif row is None:
            return
        elif any(cell.strip() for cell in row):
            yield _cells(header, row, lines.begun)


def _no_header(names: list[str]) -> str:
    """What is wrong with the first line of a file; empty when nothing is."""
    if any("\0" in name or not _is_text(name) for name in names):
        return _NOT_TEXT
    if "address" not in names:
        return f"the first line must name the columns: {','.join(COLUMNS)}"
    if twice := [name for name in names if names.count(name) > 1]:
        return f"there are two columns “{twice[0][:_SHOWN]}”"
    if unknown := [name for name in names if name not in COLUMNS]:
        return f"there is no column “{unknown[0][:_SHOWN]}”; known are {','.join(COLUMNS)}"
    return ""


def _cells(header: list[str], row: list[str], line: int) -> tuple[int, dict[str, str]] | BadRow:
    if not all(map(_is_text, row)):
        return BadRow(line, _NOT_TEXT)
    if len(row) > len(header):
        return BadRow(line, f"has {len(row)} cells, the header {len(header)}")
    return line, dict(zip(header, (_plain(cell.strip()) for cell in row), strict=False))


def _is_text(cell: str) -> bool:
    """Whether all of it could be decoded (see `as_text`)."""
    return not any("\ud800" <= char <= "\udfff" for char in cell) if not cell.isascii() else True


def _reader(row: dict[str, str], topics: Collection[str]) -> Subscriber:
    if len(row.get("address", "")) > LONGEST_ADDRESS:
        raise ValueError(f"“{row['address'][:_SHOWN]}…” is longer than an e-mail address can be")
    address = normal_address(row.get("address", ""))
    name = row.get("name", "")
    if len(name) > 200 or not name.isprintable():
        raise ValueError("the name must be one line of at most 200 printable characters")
    slugs = tuple(dict.fromkeys(slug.strip() for slug in row.get("topics", "").split(";") if slug.strip()))
    for slug in slugs:
        if slug not in topics:
            near = get_close_matches(slug[:_SHOWN], topics, n=1)
            remedy = f"; did you mean “{near[0]}”?" if near else ""
            raise ValueError(f"there is no topic “{slug[:_SHOWN]}”{remedy}")
    return Subscriber(
        address=address,
        name=name,
        topics=slugs,
        timezone=timezones.checked(row.get("timezone") or "UTC"),
        hour=hour(row.get("hour") or "7"),
        rhythm=rhythm(row.get("rhythm") or "daily"),
        locale=locale(row.get("locale", "")),
        origin="import",
    )


async def export_csv(store: Store) -> AsyncIterator[str]:
    """The readers who get mail or have paused, in the form that `import_csv` reads, a block of BLOCK at a time."""
    yield _written([COLUMNS])
    last = 0
    while readers := await store.subscribers.page(after=last, limit=BLOCK):
        last = readers[-1].id
        yield _written(
            [one.address, one.name, ";".join(one.topics), one.timezone, one.hour, one.rhythm.value, one.locale]
            for one in readers
            if one.status in (Status.ACTIVE, Status.PAUSED)
        )


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_inert(str(cell)) for cell in row] for row in rows)
    return text.getvalue()


def _inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: anybody may sign up with an address that begins with a `=`
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    """A cell as it was before it was made inert."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
