"""A copy to keep: of a file while others write to it, of a server by its own program."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from newsletter.errors import StoreError
from newsletter.store.opening import file_of, opened, without_password

Progress = Callable[[str, int, int], None]
"""Hears the step, how many pages are done, and how many there are."""

FOLDER = "backups"
"""Where copies go that nobody named a place for."""

KEPT = 3
"""So many copies stay of those that were made by themselves."""

_PAGES = 2000
"""Pages of 4 kB that are copied between two looks at the progress."""

_WAIT = 30.0


async def back_up(url: str, to: Path, progress: Progress) -> None:
    """Write all that is in the database at `url`, as it is at one moment, to the new file `to`, for its owner's eyes.

    The file is there whole, verified and on the disk, or not at all. Whoever writes to the database meanwhile does not
    wait. Raises StoreError, one sentence, when there is no such database, `to` is there already or cannot be written,
    the copy is not whole, or a server's own program is missing or fails.
    """
    async with opened(url):
        source = file_of(url)
    with _new_file(to) as draft:
        if source is None:
            await _dump(url, draft)
        else:
            await asyncio.to_thread(copy_file, source, draft, progress)


def back_up_before(deed: str, source: Path, detail: str = "") -> Path:
    """Copy the database file `source` to a new file in the folder `backups` beside it, named after what is about to be
    done to it; where that is. Of copies before the same deed the newest KEPT stay. Raises StoreError.

    A transaction that is under way, of whoever calls this too, is not in the copy.
    """
    begin = f"{source.stem}-before-{deed}-"
    words = [f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}", *([detail] if detail else [])]
    to = source.parent / FOLDER / f"{begin}{'-'.join(words)}.db"
    with _new_file(to) as draft:
        copy_file(source, draft, lambda *_: None)
    for old in sorted(to.parent.glob(f"{begin}*.db"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return to


@contextmanager
def _new_file(to: Path) -> Iterator[Path]:
    """A file beside `to` that takes its place in the end, which nobody else is to have taken."""
    if to.exists():
        raise StoreError(f"{to} is there already: name another file, or move that one away.")
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            os.link(draft, to)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{to} cannot be written ({error.strerror}): name another place.") from error


def copy_file(source: Path, draft: Path, progress: Progress) -> None:
    """Copy the database file `source` to the file `draft`, and verify the copy. Raises StoreError.

    https://www.sqlite.org/backup.html: inside a transaction that reads, no writer makes it begin anew.
    """
    try:
        with closing(_opened(source)) as one, closing(_opened(draft)) as other:
            one.execute("BEGIN")
            one.execute("SELECT count(*) FROM sqlite_master").fetchone()
            one.backup(other, pages=_PAGES, progress=lambda _, left, pages: progress("copying", pages - left, pages))
        with closing(_opened(draft)) as made:
            made.execute("PRAGMA journal_mode=DELETE")  # so that it is one file, wherever it is carried
            said = [line for (line,) in made.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} cannot be copied ({error}): check it by `newsletter db check`, and the disk."
        ) from error
    if said != ["ok"]:
        raise StoreError(f"The copy of {source} is damaged ({said[0]}): check the original by `newsletter db check`.")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT, isolation_level=None)


def dump_command(url: str, to: Path) -> list[str]:
    """How PostgreSQL's own program writes the database at `url` to `to`; without the password."""
    return ["pg_dump", "--format=custom", "--no-password", f"--file={to}", f"--dbname={without_password(url)}"]


def _by_hand(url: str) -> list[str]:
    return dump_command(url, Path("newsletter.dump"))


def password_of(url: str) -> str | None:
    """The password in `url`, wherever it stands: of several the last one, which libpq takes as well."""
    parts = make_url(url)
    given = [parts.password, *parts.normalized_query.get("password", ())]
    return given[-1]


async def _dump(url: str, draft: Path) -> None:
    command = dump_command(url, draft)
    if shutil.which(command[0]) is None:
        raise StoreError(
            "PostgreSQL's program pg_dump is not installed here: install its client programs, or run where they are: "
            f"{shlex.join(_by_hand(url))}"
        )
    # In the environment, for everybody on the machine sees a command line.
    own = {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if (password := password_of(url)) else {})}
    for words in (command, ["pg_restore", "--list", str(draft)]):
        done = await asyncio.to_thread(subprocess.run, words, env=own, capture_output=True, text=True, check=False)
        if done.returncode:
            said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            if "server version mismatch" in said:
                raise StoreError(
                    f"pg_dump is older than the server, so nothing was kept ({said}): install the client programs of "
                    f"the server's version, or run where they are: {shlex.join(_by_hand(url))}"
                )
            raise StoreError(f"{words[0]} failed, so nothing was kept ({said}).")
