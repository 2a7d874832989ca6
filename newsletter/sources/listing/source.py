"""The source `listing`: papers pages saved as text, from files and folders."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field

from newsletter.model import Batch, Verdict
from newsletter.sources.base import Ask, Tools
from newsletter.sources.bounds import MAX_BYTES
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
from newsletter.sources.listing.parser import TOO_LARGE, broken, parse_listing
from newsletter.sources.options import Folder, SourceOptions

KIND = "listing"


class ListingOptions(SourceOptions):
    """A `[[sources]]` table with `kind = "listing"`."""

    kind: Literal["listing"] = Field(description="what sort of source it is: `listing`")
    path: Folder | None = Field(None, description="a listing document or a folder of them; empty is the shipped seeds")
    year: int | None = Field(None, ge=1991, le=2200, description="year of documents that name only day and month")
    settle: float = Field(
        SETTLE, ge=0, le=60, description="seconds a document must have stayed as it is; a younger one is waited for"
    )


class ListingSource:
    """Reads listing documents.

    Each of `paths` is a document, or a folder whose `*.txt` files are documents, in the order of their names;
    subfolders, hidden files and a README are passed over. `year` is the year of documents that do not say theirs. A
    document that changed less than `settle` seconds ago is waited for, and left for the next time if it still changes.
    """

    Options: ClassVar[type[SourceOptions]] = ListingOptions

    @classmethod
    def build(cls, options: ListingOptions, tools: Tools) -> Self:
        """The source its table describes. Nobody writes into the shipped seeds while they are read."""
        if options.path is None:
            return cls(options.name, [tools.seeds], options.year)
        return cls(options.name, [options.path], options.year, options.settle)

    def __init__(self, name: str, paths: Sequence[Path], year: int | None = None, settle: float = 0.0) -> None:
        self.name = name
        self._paths = tuple(paths)
        self._year = year
        self._settle = settle

    async def collect(self, ask: Ask) -> list[Batch]:
        """One batch per document; see `Source.collect`. A page is one day, so of `ask.day` these are its pages, and
        those that hide their day. Raises SourceError for a path that is not there."""
        batches: list[Batch] = []
        found: list[Document] = []
        for path in self._paths:
            there = await documents(self.name, path, (".txt",), self._settle)
            found += there
            if not there:
                why = f"no .txt document in {path}"
                batches.append(Batch(self.name, printable(path.name), None, (), Verdict.QUIET, why))
        batches += await asyncio.to_thread(self._batches, without_doubles(found), ask)
        if not batches and ask.day:
            names = ", ".join(printable(path.name) for path in self._paths)
            why = f"no page of {ask.day} among {len(found):,} document{'' if len(found) == 1 else 's'}"
            batches.append(Batch(self.name, names, ask.day, (), Verdict.QUIET, why))
        return [replace(batch, kind=KIND, asked=ask.day) for batch in batches]

    def _batches(self, found: Sequence[Document], ask: Ask) -> list[Batch]:
        read = (self._batch(document, ask) for document in found)
        return [batch for batch in read if ask.day in (None, batch.day or day_in_name(batch.document) or ask.day)]

    def _batch(self, document: Document, ask: Ask) -> Batch:
        try:
            with opened(document, MAX_BYTES, TOO_LARGE) as file:
                content = file.read(MAX_BYTES + 1)  # it may have grown; the parser refuses one byte too many
        except UnreadableError as error:
            return broken(document.name, self.name, str(error))
        except UnfinishedError as error:
            return Batch(self.name, document.name, None, (), Verdict.QUIET, str(error))
        return parse_listing(content, document=document.name, source=self.name, year=self._year, today=ask.today)
