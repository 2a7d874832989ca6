"""Lines of JSON, each a paper in the interchange format, as batches; gzip is taken off. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain

from newsletter.model import Batch, Paper, Problem, Verdict
from newsletter.sources.bounds import MAX_PROBLEMS, counted
from newsletter.sources.interchange import MAX_LINE, TOO_LONG, read_record

KIND = "jsonl"
CHUNK = 65_536  # bytes of a document at a time

MAX_BYTES = 500_000_000  # decompressed: 100,000 papers with their abstracts and a few authors
MAX_LINES = 100_000
MAX_PAPERS = 5_000  # in one batch
MAX_BATCH = 20_000_000  # bytes of lines in one batch
MAX_UNKNOWN = 20
TOO_LARGE = f"too large: a document has at most {MAX_BYTES // 1_000_000} MB; split it"

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Place:
    """What the lines come from, and what is wanted of them: the papers listed on the day `asked`, or all when it is
    None. `day` is that of papers that do not name theirs; a day after `today` is said to be one."""

    source: str
    document: str
    day: date
    today: date
    asked: date | None = None


def batches_in(chunks: Iterable[bytes], place: Place) -> Iterator[Batch]:
    """The papers of a document that comes in `chunks`, in batches of at most MAX_PAPERS; at least one batch.

    Never raises but what `chunks` raises, whatever the bytes are, and holds one batch in memory. The rank of a paper
    whose record names none is its place in the document, counted from 1.
    """
    part, parts, rank = _Part(place), 0, 0
    for number, line in _lines(chunks):
        if number > MAX_LINES:
            part.add(number, f"is one too many, and from here on nothing was read: split it at {MAX_LINES:,} lines")
            break
        if isinstance(line, str):
            part.add(number, line)
        elif line.strip():
            rank += 1
            part.read(number, line, rank)
        if part.is_full():
            parts += 1
            yield part.batch(parts)
            part = _Part(place)
    if not parts or part.declared or part.problems:
        yield part.batch(parts + 1)


@dataclass(slots=True)
class _Part:
    """One batch in the making. `declared` counts its records, those of other days than the one asked for left out."""

    place: Place
    papers: list[Paper] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    declared: int = 0
    faults: int = 0
    others: int = 0
    size: int = 0
    unknown: dict[str, int] = field(default_factory=dict)

    def read(self, number: int, line: bytes, rank: int) -> None:
        self.size += len(line)
        self.declared += 1
        place = self.place
        try:
            record = read_record(line, source=place.source, rank=rank, day=place.day)
        except ValueError as error:
            self.add(number, str(error))
            return
        days = [listing.day for listing in record.paper.listings]
        if place.asked and place.asked not in days:
            self.declared -= 1
            self.others += 1
            return
        for loss in record.losses:
            self.add(number, loss)
        if max(days) > place.today + timedelta(days=1):  # somewhere it may be tomorrow already
            self.add(number, f"{max(days)} has not come yet: correct the day, or the paper waits until then")
        for key in record.unknown:
            if key in self.unknown or len(self.unknown) < MAX_UNKNOWN:
                self.unknown[key] = self.unknown.get(key, 0) + 1
        self.papers.append(record.paper)

    def add(self, number: int, why: str) -> None:
        self.faults += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.place.document, number, why))

    def is_full(self) -> bool:
        return len(self.papers) >= MAX_PAPERS or self.size >= MAX_BATCH

    def batch(self, number: int) -> Batch:
        place = self.place
        verdict, why = self._verdict()
        newest = max((listing.day for paper in self.papers for listing in paper.listings), default=None)
        if more := self.faults - len(self.problems):
            self.problems.append(Problem(place.document, 0, f"and {more:,} more"))
        return Batch(
            place.source,
            place.document if number == 1 else f"{place.document} ({number})",
            place.asked or newest,
            tuple(self.papers),
            verdict,
            why,
            problems=tuple(self.problems),
            kind=KIND,
            declared=self.declared,
            asked=place.asked,
        )

    def _verdict(self) -> tuple[Verdict, str]:
        read = f"{counted(len(self.papers), 'paper')} read" if self.papers else "no paper read"
        wanted = f", {self.others:,} of other days than {self.place.asked} left out" if self.others else ""
        ignored = f"; ignored: {', '.join(f'“{key}” ({count:,})' for key, count in self.unknown.items())}"
        said = f"{read}{wanted}{ignored if self.unknown else ''}"
        if not self.faults:
            if self.papers or self.others:
                return (Verdict.NEW if self.papers else Verdict.QUIET), said
            return Verdict.QUIET, "there is no record in it"
        first = self.problems[0]
        said = f"{said}; {counted(self.faults, 'fault')}, the first at line {first.line}: {first.why}"
        return (Verdict.PARTIAL if self.papers else Verdict.BROKEN), said


class _DamagedError(Exception):
    """The rest of a document cannot be had; the message says why, behind the number of a line."""


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | str]]:
    """The lines with their numbers from 1; instead of one that cannot be had, why."""
    number, rest, too_long = 1, b"", ""
    try:
        for chunk in _inflated(chunks):
            first, *others = chunk.split(b"\n")
            rest += first
            for following in others:
                yield number, too_long or rest
                number, rest, too_long = number + 1, following, ""
            if len(rest) > MAX_LINE:
                rest, too_long = b"", TOO_LONG
        if rest or too_long:
            yield number, too_long or rest
    except _DamagedError as error:
        yield number, str(error)


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, decompressed when they are gzip, up to MAX_BYTES."""
    coming, head = iter(chunks), b""
    for chunk in coming:
        head += chunk
        if len(head) >= len(_GZIP):
            break
    whole = chain([head], coming)
    size = 0
    for chunk in _members(whole) if head.startswith(_GZIP) else whole:
        size += len(chunk)
        if size > MAX_BYTES:
            raise _DamagedError(f"is where reading ended: a document has at most {MAX_BYTES // 1_000_000} MB; split it")
        yield chunk


def _members(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What is in gzip data; several members in a row are one document (RFC 1952, section 2.2)."""
    inflater, begun = zlib.decompressobj(_GZIP_WINDOW), False
    for chunk in chunks:
        rest = chunk
        while rest:
            begun = True
            try:
                yield inflater.decompress(rest, CHUNK)
            except zlib.error:
                raise _DamagedError("is where the gzip data is damaged") from None
            rest = inflater.unconsumed_tail
            if inflater.eof:
                rest = inflater.unused_data.lstrip(b"\0")  # files may be padded
                inflater, begun = zlib.decompressobj(_GZIP_WINDOW), False
    if begun:
        raise _DamagedError("is where the gzip data breaks off")
