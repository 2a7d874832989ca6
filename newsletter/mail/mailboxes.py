"""Mailboxes that reports come to: a Maildir, an mbox, standard input, IMAP.

Each mail is handed out until it is settled, so that a crash on the way loses none. Nothing is ever deleted: what was
understood is put away, what was not is kept aside for a person to look at::

    maildir:PATH      understood -> PATH/.read     aside -> PATH/.aside (subfolders, shown by IMAP servers)
    imaps://, imap:// understood -> Seen           aside -> Seen and Flagged
    mbox:PATH         nothing is changed           aside stays where it is
    -                 one mail                     aside -> the Maildir that the caller names
"""

from __future__ import annotations

import asyncio
import fcntl
import imaplib
import mailbox
import os
import re
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from newsletter.errors import NewsletterError
from newsletter.mail.headers import clean
from newsletter.mail.reports import LARGEST

STANDARD_INPUT = "-"
SETTING = "bounces.mailbox"
PASSWORD = "bounces.password"
TIMEOUT = 30.0
"""Seconds that an IMAP server may take to answer, and that we wait for the lock of an mbox."""

READ, ASIDE = ".read", ".aside"
_FORMS = "maildir:PATH, mbox:PATH, imaps://user@host/folder or -"
_FOLDERS = ("tmp", "new", "cur")
_UNTOUCHED = "its mails stay where they are"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, at most LARGEST + 1 bytes of it. `settle(understood)` puts it away, or aside.

    `repeats` says that the mailbox hands out again what was settled, as an mbox does, which is not changed.
    """

    content: bytes
    settle: Callable[[bool], Awaitable[None]]
    repeats: bool = False


def open_mailbox(where: str, *, folder: Path, aside: Path, password: str | None = None) -> AsyncGenerator[Mail, None]:
    """The mails of the mailbox `where` (see the module), the oldest first.

    Relative paths count from `folder`; `aside` is the Maildir for what standard input brought and nobody understood.
    Raises NewsletterError, one sentence that names the setting, when the mailbox cannot be used.
    """
    kind, _, rest = where.partition(":")
    if where == STANDARD_INPUT:
        return _standard_input(aside)
    if kind == "maildir" and rest:
        return _maildir(folder / Path(rest).expanduser())
    if kind == "mbox" and rest:
        return _mbox(folder / Path(rest).expanduser())
    if kind in {"imap", "imaps"}:
        return _imap(_Account.of(where, password))
    # Not shown as it is: a password may stand in it by mistake.
    raise NewsletterError(f"{SETTING} names no mailbox that can be read: write it as {_FORMS}")


# --- Standard input


async def _standard_input(aside: Path) -> AsyncGenerator[Mail, None]:
    async for mail in single(await asyncio.to_thread(sys.stdin.buffer.read, LARGEST + 1), aside):
        yield mail


async def single(content: bytes, aside: Path) -> AsyncGenerator[Mail, None]:
    """The mailbox of one mail that lies nowhere yet; not understood, it is kept in the Maildir `aside`."""

    async def settle(understood: bool) -> None:
        if not understood:
            await asyncio.to_thread(_keep, aside, content)

    yield Mail(content, settle)


def _keep(folder: Path, content: bytes) -> None:
    """Write a mail into the Maildir `folder`, which is made where needed; durable on return."""
    with _in_words(f"what was not understood cannot be kept in {folder}", "make room there, or set state_dir"):
        kept = mailbox.Maildir(folder)
        try:
            kept.add(content)  # flushes the file to the disk before it moves it into `new`
        finally:
            kept.close()
        _flush(folder / "new")


# --- Maildir


async def _maildir(path: Path) -> AsyncGenerator[Mail, None]:
    with _in_words(f"the Maildir {path} cannot be read", f"name a folder with new and cur in {SETTING}"):
        files = await asyncio.to_thread(_listed, path)
    for file in files:
        with _in_words(f"{file} cannot be read", "check its permissions"):
            content = await asyncio.to_thread(_begin_of, file)
        if content is None:
            continue

        async def settle(understood: bool, file: Path = file) -> None:
            with _in_words(f"{file} cannot be put away", f"check the permissions of {path} and the space on its disk"):
                await asyncio.to_thread(_put_away, file, path / (READ if understood else ASIDE))

        yield Mail(content, settle)


def _listed(path: Path) -> list[Path]:
    """The mails of the Maildir, the oldest first: its names begin with the time."""
    files = [Path(entry.path) for name in ("new", "cur") for entry in os.scandir(path / name) if _is_mail(entry)]
    return sorted(files, key=lambda file: file.name)


def _is_mail(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)


def _begin_of(file: Path) -> bytes | None:
    """As much of `file` as is read of a mail; None when another program took it meanwhile."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except FileNotFoundError:
        return None


def _put_away(file: Path, folder: Path) -> None:
    """Move `file` into the subfolder `folder`, marked as seen. Never onto another mail."""
    for name in ("", *_FOLDERS):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    (folder / "maildirfolder").touch(mode=0o600)  # Maildir++: says that it is a subfolder
    name, number = file.name.partition(":")[0], 0
    while True:
        target = folder / "cur" / f"{name}{f'_{number}' if number else ''}:2,S"
        try:
            os.link(file, target)
        except FileExistsError:
            number += 1
        except FileNotFoundError:  # another program took it meanwhile
            return
        else:
            break
    _flush(folder / "cur")
    file.unlink()


def _flush(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- mbox


async def _mbox(path: Path) -> AsyncGenerator[Mail, None]:
    async def settle(understood: bool) -> None:
        pass

    with _in_words(f"the mbox {path} cannot be read", f"check {SETTING} and the permissions of the file"):
        opened = path.open("rb")
    with opened:
        await _lock(opened.fileno(), path)
        with _in_words(f"the mbox {path} cannot be read", "check the disk"):
            box = await asyncio.to_thread(mailbox.mbox, path, create=False)
        try:
            for key in await asyncio.to_thread(box.keys):
                with box.get_file(key) as file:
                    content = await asyncio.to_thread(file.read, LARGEST + 1)
                yield Mail(content, settle, repeats=True)
        finally:
            box.close()


async def _lock(handle: int, path: Path) -> None:
    """A shared lock, so that no mail is being written while we read; it ends when the file is closed.

    fcntl is what delivery agents use by default (Postfix `mailbox_delivery_lock`); a reader's lock needs no permission
    to write, which a dot lock would.
    """
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > until:
                raise NewsletterError(
                    f"the mbox {path} is locked by another program: let that one finish, then try again"
                ) from None
        await asyncio.sleep(0.1)


# --- IMAP


@dataclass(frozen=True, slots=True)
class _Account:
    """Where an IMAP mailbox is, and who reads it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str

    @classmethod
    def of(cls, url: str, password: str | None) -> _Account:
        wrong = NewsletterError(
            f"{SETTING} is no IMAP address: write it as imaps://user@host/folder, with %40 for an @ in the user; "
            f"the password belongs into {PASSWORD}"
        )
        try:
            parts = urlsplit(url)
            port, host, user = parts.port, parts.hostname, unquote(parts.username or "")
        except ValueError:
            raise wrong from None
        folder = unquote(parts.path.strip("/")) or "INBOX"
        plain = all(word.isascii() and word.isprintable() for word in (user, folder))
        if not (host and user and plain) or parts.password is not None or parts.query or parts.fragment:
            raise wrong
        if not password:
            raise NewsletterError(f"the mailbox of {user} needs a password: set {PASSWORD}, best in a secret file")
        tls = parts.scheme == "imaps"
        return cls(host, port or (993 if tls else 143), tls, user, password, folder)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


async def _imap(account: _Account) -> AsyncGenerator[Mail, None]:
    session = _Session(account)
    try:
        await asyncio.to_thread(session.open)
        for number in await asyncio.to_thread(session.unseen):
            content = await asyncio.to_thread(session.fetch, number)
            if content is None:  # another program deleted it meanwhile
                continue

            async def settle(understood: bool, number: str = number) -> None:
                await asyncio.to_thread(session.mark, number, r"(\Seen)" if understood else r"(\Seen \Flagged)")

            yield Mail(content, settle)
    finally:
        await asyncio.to_thread(session.close)


class _Session:
    """A conversation with an IMAP server (RFC 9051), blocking; the certificate is always verified."""

    def __init__(self, account: _Account) -> None:
        self._account = account
        self._imap: imaplib.IMAP4 | None = None

    def open(self) -> None:
        """Connect, secure, log in and select the folder, each failure with the setting that it is about."""
        account = self._account
        with self._in_words("cannot be reached securely", f"check host, port and certificate of {SETTING}"):
            context = ssl.create_default_context()
            if account.tls:
                self._imap = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=TIMEOUT)
            else:  # never in clear: what does not offer STARTTLS is an error
                self._imap = imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT)
                self._imap.starttls(context)
        with self._in_words(
            f"does not take the login of {account.user}", f"check the user in {SETTING} and {PASSWORD}"
        ):
            self._connected.login(account.user, account.password)
        with self._in_words(f"does not open the folder {account.folder}", f"check the folder in {SETTING}"):
            self._answered(self._connected.select(_quoted(account.folder)))

    def unseen(self) -> list[str]:
        """The unique numbers of the mails that were not read, the oldest first."""
        with self._in_words("does not list its mails", _UNTOUCHED):
            found = self._answered(self._connected.uid("SEARCH", "UNSEEN"))
        return found[0].decode("ascii", "replace").split() if found and isinstance(found[0], bytes) else []

    def fetch(self, number: str) -> bytes | None:
        """A mail, not marked as read by that; None when it is gone."""
        with self._in_words("does not hand out a mail", _UNTOUCHED):
            found = self._answered(self._connected.uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST + 1}>)"))
        return next((piece[1] for piece in found if isinstance(piece, tuple)), None)

    def mark(self, number: str, flags: str) -> None:
        """Set flags on a mail."""
        with self._in_words("does not mark a mail as read", f"check that {self._account.folder} may be written"):
            self._answered(self._connected.uid("STORE", number, "+FLAGS", flags))

    def close(self) -> None:
        """End the conversation; whether the server says goodbye is nobody's concern."""
        if self._imap is None:
            return
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            self._imap.shutdown()

    @property
    def _connected(self) -> imaplib.IMAP4:
        assert self._imap is not None
        return self._imap

    @staticmethod
    def _answered(answer: tuple[str, list[Any]]) -> list[Any]:
        """What came with an OK."""
        kind, words = answer
        if kind != "OK":
            raise imaplib.IMAP4.error(words[0].decode("utf-8", "replace") if isinstance(words[0], bytes) else kind)
        return words

    @contextmanager
    def _in_words(self, failure: str, remedy: str) -> Iterator[None]:
        """A step of the conversation. The chain of causes is cut: it may quote the password."""
        try:
            yield
        except (imaplib.IMAP4.error, OSError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else _unwrapped(error)
            for secret in (_quoted(self._account.password)[1:-1], self._account.password):
                why = why.replace(secret, "***")
            why = clean(why)[:200]
            raise NewsletterError(f"the IMAP server {self._account} {failure} ({why}): {remedy}") from None


def _unwrapped(error: Exception) -> str:
    """An error's words; imaplib hands on the server's as bytes."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else next(iter(error.args), "")
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _quoted(text: str) -> str:
    """`text` as an IMAP string (RFC 9051 section 4.3)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


@contextmanager
def _in_words(failure: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (OSError, mailbox.Error) as error:
        raise NewsletterError(f"{failure} ({getattr(error, 'strerror', None) or error}): {remedy}") from error
