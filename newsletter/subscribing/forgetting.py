"""Leaving, and leaving without a trace."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsletter.errors import StoreError
from newsletter.policy.address import mention, normal_address
from newsletter.store import Store

LEFT = "left"
"""The reason of the suppression of who leaves, by command or on the page of preferences."""

ONE_CLICK = "one click"
"""The same for who leaves by the link of an e-mail (RFC 8058)."""

FORGOTTEN = "forgotten"
"""The same for whom the operator has forgotten. No sign-up lifts it."""

_PIECE, _OVERLAP = 1 << 20, 2_000
_SOFT_BREAK = re.compile(rb"=\r?\n")


async def leave(store: Store, address: str, at: datetime) -> bool:
    """Take a reader out for good, whatever the configuration file says; True if the address was a reader's.

    Raises ValueError when `address` is none.
    """
    return await store.subscribers.leave(normal_address(address), LEFT, at)


async def forget(store: Store, subscriber_id: int, at: datetime) -> bool:
    """Take a reader out, and everything that tells who they are (see `Subscribers.forget`); False when there is none.

    Only a suppression stays, of a hash of the address, because without it a list or a file that still has the address
    would bring them back. They may sign up again, as anybody who left by themselves.
    """
    return await store.subscribers.forget(subscriber_id, LEFT, at)


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of an address: whether it was a reader's, the files that named it and are gone, and those that still
    do, for they are copies that somebody keeps."""

    was_reader: bool
    files: tuple[Path, ...]
    copies: tuple[Path, ...]


async def erase(store: Store, address: str, at: datetime, folders: Iterable[Path], copies: Iterable[Path]) -> Erased:
    """The same for whoever is or was at `address`, normalised, and with the files below `folders`. Files below `copies`
    are only looked at.

    It takes nobody's word that they want it back: only the operator can lift this suppression. Raises StoreError.
    """
    was_reader = await store.subscribers.erase(address, FORGOTTEN, at)
    return Erased(was_reader, *await asyncio.to_thread(_erased, address, tuple(folders), tuple(copies)))


def remove_files(folders: Iterable[Path], address: str) -> list[Path]:
    """Remove every file below `folders` that names `address`; which these were. Raises StoreError."""
    names = re.compile(mention(address).encode())
    # As `newsletter preview` calls its files.
    safe = "".join(letter if letter.isalnum() or letter in "@.-" else "-" for letter in address).lstrip(".")[:100]
    called = re.compile(rf"\d{{4}}-\d\d-\d\d-{re.escape(safe)}(\.[a-z]+)+")
    found = [path for path in _files(folders) if called.fullmatch(path.name.lower()) or _holds(path, names)]
    for path in found:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{path} names the address and cannot be removed ({error.strerror}): remove it, then forget once more."
            ) from error
    return found


def _erased(address: str, folders: Sequence[Path], copies: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    # In a database nothing parts one text from the next: what looks like it is told.
    anywhere = re.compile(re.escape(address.encode()))
    return tuple(remove_files(folders, address)), tuple(path for path in _files(copies) if _holds(path, anywhere))


def _files(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def _holds(path: Path, named: re.Pattern[bytes]) -> bool:
    """Whether `named` is in the file, in any case, or where a soft line break parts it; it is read in pieces that
    overlap, for a copy may be large."""
    before = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                text = (before + piece).lower()
                if named.search(text) or named.search(_SOFT_BREAK.sub(b"", text)):
                    return True
                before = piece[-_OVERLAP:]
    except OSError:
        pass  # it went meanwhile, or is nobody's to read
    return False
