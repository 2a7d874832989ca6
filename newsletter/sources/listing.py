"""The source `listing`: papers pages saved as text, from files and folders."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from newsletter.errors import SourceError
from newsletter.model import Batch, Verdict
from newsletter.sources.listing_parser import MAX_BYTES, TOO_LARGE, broken, parse_listing


class ListingSource:
    """Reads listing documents.

    Each of `paths` is a document, or a folder whose `*.txt` files are documents, in the order of their names;
    subfolders, hidden files and a README are passed over. `year` is the year of documents that do not say theirs.
    """

    def __init__(self, name: str, paths: Sequence[Path], year: int | None = None) -> None:
        self.name = name
        self._paths = tuple(paths)
        self._year = year

    async def collect(self, today: date) -> list[Batch]:
        """One batch per document; see `Source.collect`. Raises SourceError for a path that is not there."""
        return await asyncio.to_thread(self._collect, today)

    def _collect(self, today: date) -> list[Batch]:
        batches: list[Batch] = []
        read: set[str] = set()
        for path in self._paths:
            documents = self._documents(path)
            if not documents:
                why = f"no .txt document in {path}"
                batches.append(Batch(self.name, _printable(path.name), None, (), Verdict.QUIET, why))
            for document in documents:
                if (real := os.path.realpath(document)) not in read:
                    read.add(real)
                    batches.append(self._batch(document, today))
        return batches

    def _documents(self, path: Path) -> list[Path]:
        try:
            if not stat.S_ISDIR(path.stat().st_mode):
                return [path]
            return sorted((entry for entry in path.iterdir() if _is_document(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            why = error.strerror or str(error)
            remedy = "correct the path; for a configured source it is `path` in its [[sources]] table"
            raise SourceError(f"source {self.name}: {path}: {why}; {remedy}") from error

    def _batch(self, path: Path, today: date) -> Batch:
        document = _printable(path.name)
        try:
            content = _read(path)
        except _Unreadable as error:
            return broken(document, self.name, str(error))
        return parse_listing(content, document=document, source=self.name, year=self._year, today=today)


class _Unreadable(Exception):
    """A file that holds no document; the message says why."""


def _is_document(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(".txt") and not lower.startswith((".", "readme"))


def _printable(name: str) -> str:
    """A file's name may hold any byte but "/"; what is kept and shown of it holds no line ends and lone surrogates."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _read(path: Path) -> bytes:
    """The bytes of a regular file of at most MAX_BYTES; a larger one is refused unread. Raises _Unreadable."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Unreadable("not a file with text in it: a listing document is a regular file")
        if status.st_size > MAX_BYTES:
            raise _Unreadable(TOO_LARGE)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)  # it may have grown; the parser refuses one byte too many
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
