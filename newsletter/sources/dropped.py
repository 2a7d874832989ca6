"""Documents that lie in folders, dropped there by people and programs: which there are, and which are whole."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newsletter.errors import SourceError

SETTLE = 2.0
"""Seconds for which a file in a folder must have stayed as it is before it is read, unless the operator says more."""

_NEXT_TIME = "left for the next collect"


class UnreadableError(Exception):
    """A file that holds no document; the message says why."""


class UnfinishedError(Exception):
    """A file that somebody is still writing; the message says how that was seen."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was when it was first looked at: `seen`, None when nothing could be seen of it. `name` is printable;
    `settle` is the seconds of `documents`."""

    path: Path
    name: str
    seen: os.stat_result | None
    settle: float = 0.0


async def documents(source: str, path: Path, endings: tuple[str, ...], settle: float = 0.0) -> list[Document]:
    """The documents at `path`: itself, or what lies in the folder, in the order of the names.

    Of a folder these are the names with one of `endings` (lower-case); subfolders, hidden files and a README are passed
    over. When one of them was written less than `settle` seconds ago, this waits until that is the case of none, at
    most `settle` seconds for all of them; whoever opens them then sees which of them changed meanwhile.

    Raises SourceError when there is no such path.
    """
    found = await asyncio.to_thread(_documents, source, path, endings, settle)
    now = time.time()  # not the run's clock: the files' own times are compared with it
    ages = [now - one.seen.st_mtime for one in found if one.seen and stat.S_ISREG(one.seen.st_mode)]
    if (wait := min(settle, settle - min(ages, default=settle))) > 0:
        await asyncio.sleep(wait)
    return found


def _documents(source: str, path: Path, endings: tuple[str, ...], settle: float) -> list[Document]:
    try:
        paths = [path]
        if stat.S_ISDIR(path.stat().st_mode):
            paths = sorted((one for one in path.iterdir() if _is_document(one.name, endings)), key=lambda one: one.name)
    except OSError as error:
        why = error.strerror or str(error)
        remedy = "correct the path; for a configured source it is `path` in its [[sources]] table"
        raise SourceError(f"source {source}: {path}: {why}; {remedy}") from error
    return [Document(one, printable(one.name), _seen(one), settle) for one in paths]


def without_doubles(found: Sequence[Document]) -> list[Document]:
    """Each file once, whatever links lead to it."""
    first: dict[str, Document] = {}
    for document in found:
        first.setdefault(os.path.realpath(document.path), document)
    return list(first.values())


@contextmanager
def opened(document: Document, most: int, too_large: str) -> Iterator[BinaryIO]:
    """The file, open for reading. Raises UnreadableError when it cannot be read, is no regular file, or has more than
    `most` bytes (with the sentence `too_large`); UnfinishedError when it is not, or at the end not any more, the file
    that was first looked at."""
    descriptor = _descriptor(document)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("not a file with text in it: a document is a regular file")
        _check_unchanged(document, status, f" within {document.settle:g} s" if document.settle else "")
        if status.st_size > most:
            raise UnreadableError(too_large)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
        _check_unchanged(Document(document.path, document.name, status), os.fstat(descriptor), " while it was read")
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _descriptor(document: Document) -> int:
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody to write into it.
        return os.open(document.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and document.seen:
            raise UnfinishedError("it is gone again: somebody moved it away while it was looked at") from error
        raise UnreadableError(f"cannot be read: {error.strerror}") from error


def printable(name: str) -> str:
    """A file's name may hold any byte but "/"; what is kept and shown of it holds no line ends and lone surrogates."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _is_document(name: str, endings: tuple[str, ...]) -> bool:
    lower = name.lower()
    return lower.endswith(endings) and not lower.startswith((".", "readme"))


def _seen(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # opening it will say why


def _check_unchanged(document: Document, now: os.stat_result, when: str) -> None:
    before = document.seen
    if before is None or _state(before) == _state(now):
        return
    change = f"grew from {before.st_size:,} to {now.st_size:,} bytes" if now.st_size > before.st_size else "changed"
    raise UnfinishedError(f"still being written (it {change}{when}): {_NEXT_TIME}")


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
