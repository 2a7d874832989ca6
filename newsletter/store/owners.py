"""Owners of leases, and whether they are alive: a lock that the operating system takes back when a process dies.

A lease tells when a row may be taken from its owner. A lock tells at once: an owner holds one on a file of its own for
as long as its process lives, and no way to die, SIGKILL included, leaves it locked (flock(2)).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

from newsletter.errors import StoreError

_SUFFIX = ".lock"
_KEPT = 24 * 60 * 60
"""Seconds after which the file of a dead owner is removed: by then its leases ended by themselves."""


class Owner:
    """The name that a sender has in the ledger's leases, alive while inside `with`.

    Leave the block only when nothing is being sent any more. Left with an exception, the file stays there unlocked, so
    that what could not be given back is free for the next run at once, as after a kill.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` holds one file per owner: the folder `running` beside the database."""
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        """Host, process and a random part: no two owners ever have the same."""
        self._folder = folder
        self._lock = -1

    def __enter__(self) -> Self:
        """Raises StoreError when the file cannot be made or locked."""
        path = self._file(self.name)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Not inherited by programs that are started from here: they may outlive this process.
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            self._unlock()
            raise StoreError(
                f"The file {path}, which tells that this process is alive, cannot be made or locked "
                f"({error.strerror}): check its folder, or name another place with state_dir."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlock()
        if error is None:
            self._file(self.name).unlink(missing_ok=True)
            self._clear()

    def is_dead(self, owner: str) -> bool:
        """Whether the owner of that name has certainly ended.

        Its file is there and its lock is free. An owner of another host cannot be judged, nor one without a file: then
        only the end of its lease tells.
        """
        return owner.partition(":")[0] == socket.gethostname() and _is_free(self._file(owner))

    def is_alive(self, owner: str) -> bool | None:
        """Whether the owner of that name is at work: None when nobody here can know."""
        if owner.partition(":")[0] != socket.gethostname() or not self._file(owner).exists():
            return None
        return not _is_free(self._file(owner))

    def _file(self, owner: str) -> Path:
        return self._folder / (quote(owner, safe="") + _SUFFIX)

    def _clear(self) -> None:
        """Remove what the dead left behind, once every run since had its time to ask for them."""
        long_ago = time.time() - _KEPT
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):  # another process may be clearing too
                if path.stat().st_mtime < long_ago and _is_free(path):
                    path.unlink()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def at_work(folder: Path) -> list[str]:
    """The names of the owners in `folder` that are alive: processes of this machine that send, schedule or serve."""
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    return [unquote(path.name.removesuffix(_SUFFIX)) for path in files if not _is_free(path) and path.exists()]


def _is_free(path: Path) -> bool:
    """Whether `path` is there and nobody has locked it.

    A shared lock is asked for, so that two who look at the same time do not take each other for the owner.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True
