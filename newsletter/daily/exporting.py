"""Everything as lines of JSON, one file for each kind: to look at, to take elsewhere, to keep."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from newsletter.daily.collecting import Progress
from newsletter.errors import StoreError
from newsletter.model import Paper
from newsletter.sources.interchange import written
from newsletter.store import Store
from newsletter.store.exporting import KINDS, exported


@contextmanager
def new_folder(to: Path) -> Iterator[Path]:
    """A folder for its owner's eyes that becomes `to`, with all that was put into it, or nothing does. Raises
    StoreError when there is something at `to`, or it cannot be made."""
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise StoreError(f"{to} is there already: name another folder, or move that one away.")
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        try:
            yield draft
            draft.rename(to)  # in the place of an empty one, too
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{to} cannot be written ({error.strerror}): name another place.") from error


def private_file(path: Path) -> TextIO:
    """The new file `path`, to be written by and for its owner."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="\n")


async def export(store: Store, folder: Path, progress: Progress) -> dict[str, int]:
    """Write everything in `store`, as it is at one moment, into `folder`: KIND.jsonl for each kind, with a line for
    each record. Papers are written as docs/interchange.md has it. Returns how many there are of each kind."""
    numbers = dict.fromkeys(KINDS, 0)
    with ExitStack() as stack:
        files = {kind: stack.enter_context(private_file(folder / f"{kind}.jsonl")) for kind in KINDS}
        async for kind, record in exported(store.database):
            files[kind].write(f"{written(record) if isinstance(record, Paper) else _line(record)}\n")
            numbers[kind] += 1
            if numbers[kind] % 1000 == 0:
                progress(kind, numbers[kind], numbers[kind])
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    return numbers


def _line(record: object) -> str:
    return json.dumps(record, ensure_ascii=False).translate(_LINE_ENDS)


_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""Some readers take these for ends of lines."""
