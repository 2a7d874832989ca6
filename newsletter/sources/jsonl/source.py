"""The source `jsonl`: papers in the interchange format, from files, folders and pipes."""

from __future__ import annotations

import asyncio
import io
import os
import select
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, ClassVar, Literal, Self

from pydantic import Field

from newsletter.model import Batch, Problem, Verdict
from newsletter.sources.base import Ask, Tools
from newsletter.sources.days import day_in_name
from newsletter.sources.dropped import (
    SETTLE,
    Document,
    UnfinishedError,
    UnreadableError,
    documents,
    opened,
    printable,
    without_doubles,
)
from newsletter.sources.jsonl.parser import CHUNK, KIND, MAX_BYTES, TOO_LARGE, Place, batches_in
from newsletter.sources.options import Folder, SourceOptions

ENDINGS = (".jsonl", ".jsonl.gz")
STANDARD_INPUT = "standard input"
WAIT = 200  # milliseconds in which a reading that is not wanted any more ends


class JsonlOptions(SourceOptions):
    """A `[[sources]]` table with `kind = "jsonl"`."""

    kind: Literal["jsonl"] = Field(description="what sort of source it is: `jsonl`")
    path: Folder = Field(description="a file of papers as lines of JSON, or a folder of `*.jsonl` and `*.jsonl.gz`")
    settle: float = Field(
        SETTLE, ge=0, le=60, description="seconds a file must have stayed as it is; a younger one is waited for"
    )


class JsonlSource:
    """Reads the papers of a file, or of the `*.jsonl` and `*.jsonl.gz` in a folder, in the order of their names;
    subfolders, hidden files and a README are passed over. A file that changed less than `settle` seconds ago is waited
    for, and left for the next time if it still changes.

    A paper whose record names no day was listed on the day in the file's name. Where that names none either: on the day
    that is asked for, else today; or, when the files are `standing` and read again and again, on the day the file came
    there, so that it is not listed anew every day.
    """

    Options: ClassVar[type[SourceOptions]] = JsonlOptions

    @classmethod
    def build(cls, options: JsonlOptions, tools: Tools) -> Self:
        """The source its table describes."""
        return cls(options.name, options.path, options.settle, standing=True)

    def __init__(self, name: str, path: Path, settle: float = 0.0, *, standing: bool = False) -> None:
        self.name = name
        self._path = path
        self._settle = settle
        self._standing = standing

    async def collect(self, ask: Ask) -> list[Batch]:
        """The batches of `batches`, all at once."""
        return [batch async for batch in self.batches(ask)]

    async def batches(self, ask: Ask) -> AsyncGenerator[Batch, None]:
        """The papers, or those listed on `ask.day`, at most 5,000 in a batch; at least one batch for each file. Holds
        one batch in memory, or two. Raises SourceError for a path that is not there."""
        found = without_doubles(await documents(self.name, self._path, ENDINGS, self._settle))
        if not found:
            why = f"no .jsonl document in {self._path}"
            yield Batch(self.name, printable(self._path.name), None, (), Verdict.QUIET, why, kind=KIND, asked=ask.day)
        for document in found:
            async for batch in _in_a_thread(self._of(document, ask)):
                yield batch

    def _of(self, document: Document, ask: Ask) -> Generator[Batch, None, None]:
        """The batches of one file. The last one is held back until the file is known to be whole."""
        held: Batch | None = None
        try:
            with opened(document, MAX_BYTES, TOO_LARGE) as file:
                other = min(_came(file), ask.today) if self._standing else ask.day or ask.today
                day = day_in_name(document.name) or other
                place = Place(self.name, document.name, day, ask.today, ask.day)
                for batch in batches_in(iter(lambda: file.read(CHUNK), b""), place):
                    if held:
                        yield held
                    held = batch
        except UnreadableError as error:
            held = _broken(self.name, document.name, str(error), ask)
        except UnfinishedError as error:
            held = Batch(self.name, document.name, None, (), Verdict.QUIET, str(error), kind=KIND, asked=ask.day)
        if held:
            yield held


class JsonlStream:
    """Reads the papers that come through a `stream` of bytes, a pipe for one, once.

    A paper whose record names no day is of the day that is asked for, else of today.
    """

    def __init__(self, name: str, stream: IO[bytes], document: str = STANDARD_INPUT) -> None:
        self.name = name
        self._stream = stream
        self._document = printable(document)

    async def collect(self, ask: Ask) -> list[Batch]:
        """The batches of `batches`, all at once."""
        return [batch async for batch in self.batches(ask)]

    async def batches(self, ask: Ask) -> AsyncGenerator[Batch, None]:
        """The papers, or those listed on `ask.day`, at most 5,000 in a batch, as they come; at least one batch. Whoever
        stops asking, or is cancelled, does not wait for the other end of the pipe."""
        stop = threading.Event()
        try:
            async for batch in _in_a_thread(self._read(ask, stop)):
                yield batch
        finally:
            stop.set()

    def _read(self, ask: Ask, stop: threading.Event) -> Generator[Batch, None, None]:
        place = Place(self.name, self._document, ask.day or ask.today, ask.today, ask.day)
        try:
            yield from batches_in(_chunks(self._stream, stop), place)
        except OSError as error:
            yield _broken(self.name, self._document, f"cannot be read: {error.strerror or error}", ask)


def _broken(source: str, document: str, why: str, ask: Ask) -> Batch:
    problems = (Problem(document, 0, why),)
    return Batch(source, document, None, (), Verdict.BROKEN, why, problems=problems, kind=KIND, asked=ask.day)


def _came(file: IO[bytes]) -> date:
    """The day (UTC) the file came to its place: then its status changed, while its content may be older."""
    return datetime.fromtimestamp(os.fstat(file.fileno()).st_ctime, UTC).date()


async def _in_a_thread(batches: Generator[Batch, None, None]) -> AsyncGenerator[Batch, None]:
    """The same batches, each made in a thread while the loop goes on."""
    try:
        while batch := await asyncio.to_thread(next, batches, None):
            yield batch
    finally:
        with suppress(ValueError):  # it was cancelled while a thread was at it
            batches.close()


def _chunks(stream: IO[bytes], stop: threading.Event) -> Iterator[bytes]:
    """What comes through the stream, until its end or until `stop`."""
    read = getattr(stream, "read1", stream.read)
    is_ready = _readiness(stream)
    while not stop.is_set():
        if is_ready():
            if not (chunk := read(CHUNK)):
                return
            yield chunk


def _readiness(stream: IO[bytes]) -> Callable[[], bool]:
    """What tells, after a moment at most, whether reading would not block: a thread in read() cannot be woken, and a
    program with a thread in read() cannot end."""
    poll = select.poll()
    try:
        poll.register(stream.fileno(), select.POLLIN)
    except io.UnsupportedOperation:
        return lambda: True  # bytes in memory
    return lambda: bool(poll.poll(WAIT))
