"""A cache of vectors in one SQLite file, so that each text goes through a model once.

Only a cache: whatever is wrong with the file, the vectors come out, computed anew, and `trouble` says what it was.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from newsletter.ranking.encoding import Encoder

Result = TypeVar("Result")

FILE = "vectors.sqlite"
KEPT_DAYS = 180  # a vector that nobody asked for that long is dropped
NOTED_DAYS = 7  # its last use is noted this often: each note rewrites the row
PATIENCE = 5.0  # seconds to wait while another process writes
BLOCK = 256  # texts: what a killed run loses at most, and well under SQLite's limit of variables

# The rollback journal, not WAL: no files beside it, and it can be read where nothing may be written.
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, used INTEGER NOT NULL, vector BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS vectors_used ON vectors (used)",
)


def _today() -> date:
    return datetime.now(UTC).date()


class Cached:
    """An `Encoder` that remembers what `encoder` answered, in `folder`/vectors.sqlite, bit for bit.

    `trouble` is the last thing that was wrong with the file, in a sentence; "" when nothing was. Several processes may
    use one folder. `today` tells the day, by which rows that were not used for 180 days are dropped.
    """

    def __init__(self, encoder: Encoder, folder: Path, today: Callable[[], date] = _today) -> None:
        self.part = encoder.part
        self.name = encoder.name
        self.trouble = ""
        self._encoder = encoder
        self._path = folder / FILE
        self._today = today

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What `encoder.vectors(texts)` returns. Raises only what that raises."""
        keys = [self._key(text) for text in texts]
        width = self._encoder.vectors([]).shape[1]
        rows = self._attempt(lambda file: _read(file, list(dict.fromkeys(keys)), width, self._day - NOTED_DAYS))
        usable = rows is not None
        known, to_note = rows or ({}, [])
        if to_note:
            self._attempt(lambda file: _note(file, to_note, self._day))
        missing = list({key: text for key, text in zip(keys, texts, strict=True) if key not in known}.items())
        for start in range(0, len(missing), BLOCK):
            block = dict(missing[start : start + BLOCK])
            found = dict(zip(block, self._encoder.vectors(list(block.values())), strict=True))
            usable = usable and self._attempt(partial(_write, found=found, day=self._day)) is not None
            known |= found
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, width), np.float32)

    @property
    def _day(self) -> int:
        return self._today().toordinal()

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.name}\0{text}".encode("utf-8", "surrogatepass")).digest()

    def _attempt(self, use: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """What `use` returns; None when the file cannot be used. A damaged file is thrown away and begun anew."""
        for _ in range(2):
            try:
                with closing(_opened(self._path)) as file:
                    return use(file)
            except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                if not self._thrown_away(error):
                    break
        return None

    def _thrown_away(self, error: sqlite3.Error | OSError | UnicodeDecodeError) -> bool:
        """Whether the file was damaged and is gone. Says in `trouble` what was wrong."""
        what, why = f"the cache of sentence vectors {self._path}", " ".join(str(error).split())
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # A damaged schema makes SQLite's own message so odd that Python cannot read it.
        if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and not isinstance(error, UnicodeDecodeError):
            self.trouble = f"{what} cannot be used ({why}): vectors are computed anew each time; "
            self.trouble += "see that this user may write there and that the disk has room, or remove it"
            return False
        self.trouble = f"{what} was damaged ({why}): it is begun anew"
        try:
            for name in (f"{FILE}-journal", FILE):  # The journal first: it would be played into the new file.
                self._path.with_name(name).unlink(missing_ok=True)
        except OSError as refused:
            self.trouble = f"{what} is damaged and cannot be removed ({refused}): remove it"
            return False
        return True


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nobody else's business. Where it cannot be made, or is there already, SQLite says what is wrong, if anything.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    file = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        for statement in _TABLE:
            file.execute(statement)
    except BaseException:
        file.close()
        raise
    return file


def _read(
    file: sqlite3.Connection, keys: Sequence[bytes], width: int, noted_by: int
) -> tuple[dict[bytes, NDArray[np.float32]], list[bytes]]:
    """The vectors of those `keys` that are there and sound, and those last noted on `noted_by` or before."""
    known, to_note = {}, []
    for start in range(0, len(keys), BLOCK):
        block = keys[start : start + BLOCK]
        query = f"SELECT key, vector, used <= ? FROM vectors WHERE key IN ({','.join('?' * len(block))})"
        for key, content, old in file.execute(query, [noted_by, *block]):
            if (vector := _sound(key, content, width)) is not None:
                known[key] = vector
                to_note += [key] if old else []
    return known, to_note


def _sum(key: bytes, content: bytes) -> bytes:
    """Four bytes that a changed vector, or one in another's place, would not have."""
    return crc32(content, crc32(key)).to_bytes(4, "big")


def _sound(key: bytes, content: object, width: int) -> NDArray[np.float32] | None:
    """The vector in a row, or None when a bad disk changed it."""
    if not isinstance(content, bytes) or len(content) != 4 + 4 * width or content[:4] != _sum(key, content[4:]):
        return None
    return np.frombuffer(content, "<f4", offset=4).astype(np.float32)


def _note(file: sqlite3.Connection, keys: Sequence[bytes], day: int) -> None:
    with file:
        file.execute("BEGIN IMMEDIATE")
        file.executemany("UPDATE vectors SET used = ? WHERE key = ?", [(day, key) for key in keys])


def _write(file: sqlite3.Connection, found: Mapping[bytes, NDArray[np.float32]], day: int) -> bool:
    with file:
        file.execute("BEGIN IMMEDIATE")
        packed = [(key, vector.astype("<f4").tobytes()) for key, vector in found.items()]
        rows = [(key, day, _sum(key, content) + content) for key, content in packed]
        file.executemany("INSERT OR REPLACE INTO vectors (key, used, vector) VALUES (?, ?, ?)", rows)
        file.execute("DELETE FROM vectors WHERE used < ?", [day - KEPT_DAYS])
    return True
