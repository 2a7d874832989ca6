"""Mailboxes that reports come to: real folders and files, and IMAP as `imaplib` speaks it.

The IMAP server is ours, over real TLS: it knows the few commands that are used, and can fail at each.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import ipaddress
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.errors import NewsletterError
from newsletter.mail import mailboxes
from newsletter.mail.local import messages
from newsletter.mail.mailboxes import Mail, open_mailbox
from newsletter.mail.reports import LARGEST

PASSWORD, QUOTED = 'correct "horse" \\ staple', 'correct \\"horse\\" \\\\ staple'
ONE, TWO, THREE = (f"Subject: {word}\n\n{word}\n".encode() for word in ("one", "two", "three"))


async def read(
    where: str,
    understood: Callable[[Mail], bool | None] = lambda mail: True,
    folder: Path = Path("/nowhere"),
    password: str | None = None,
) -> list[bytes]:
    """The mails of a mailbox, each settled as `understood` says; None leaves it unsettled."""
    found = []
    async with aclosing(open_mailbox(where, folder=folder, aside=folder / "aside", password=password)) as mails:
        async for mail in mails:
            found.append(mail.content)
            if (verdict := understood(mail)) is not None:
                await mail.settle(verdict)
    return found


# --- Maildir


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    path = tmp_path / "bounces"
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    (path / "new" / "1003.a.host").write_bytes(THREE)
    (path / "cur" / "1001.a.host:2,S").write_bytes(ONE)
    (path / "cur" / "1002.a.host:2,").write_bytes(TWO)
    (path / "tmp" / "1000.half").write_bytes(b"half")
    (path / "new" / ".hidden").write_bytes(b"hidden")
    (path / "new" / "1000.link").symlink_to(path / "tmp" / "1000.half")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.is_dir() else {}


async def test_a_maildir_is_read_whole_and_put_away(maildir: Path) -> None:
    assert await read(f"maildir:{maildir}", lambda mail: mail.content != TWO) == [ONE, TWO, THREE]
    assert contents(maildir / ".read" / "cur") == {"1001.a.host:2,S": ONE, "1003.a.host:2,S": THREE}
    assert contents(maildir / ".aside" / "cur") == {"1002.a.host:2,S": TWO}
    assert contents(maildir / "cur") == {}
    assert await read(f"maildir:{maildir}") == []


async def test_what_is_not_settled_stays(maildir: Path) -> None:
    assert len(await read(f"maildir:{maildir}", lambda mail: None)) == 3
    assert await read(f"maildir:{maildir}") == [ONE, TWO, THREE]


async def test_a_mail_is_never_moved_onto_another(maildir: Path) -> None:
    for content in (b"first", b"second", b"third"):
        (maildir / "new" / "1.same.host").write_bytes(content)
        await read(f"maildir:{maildir}", lambda mail: mail.content in {b"first", b"second", b"third"} or None)
    assert sorted(contents(maildir / ".read" / "cur").values()) == [b"first", b"second", b"third"]


async def test_a_mail_that_another_program_takes_meanwhile_is_left_to_it(maildir: Path) -> None:
    def snatch(mail: Mail) -> bool:
        (maildir / "cur" / "1002.a.host:2,").unlink(missing_ok=True)
        (maildir / "new" / "1003.a.host").unlink(missing_ok=True)
        return True

    assert await read(f"maildir:{maildir}", snatch) == [ONE]


async def test_of_an_enormous_mail_no_more_is_read_than_needed(maildir: Path) -> None:
    with (maildir / "new" / "1004.a.host").open("wb") as file:
        file.truncate(5 * LARGEST)
    assert len((await read(f"maildir:{maildir}"))[-1]) == LARGEST + 1


async def test_paths_count_from_the_folder(maildir: Path) -> None:
    assert len(await read("maildir:bounces", folder=maildir.parent)) == 3


@pytest.mark.parametrize("where", ["maildir:nothing", "maildir:.", "mbox:nothing", "mbox:."])
async def test_a_mailbox_that_is_not_there_is_one_sentence(where: str, tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match=r"bounces\.mailbox"):
        await read(where, folder=tmp_path)


@pytest.mark.parametrize("where", ["", "nonsense", "maildir:", "mbox:", "pop3://ann@x", "/var/mail/x", "imap:", "--"])
async def test_what_names_no_mailbox_is_one_sentence(where: str) -> None:
    with pytest.raises(NewsletterError, match=r"bounces\.mailbox"):
        await read(where)


# --- mbox


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    path = tmp_path / "bounces.mbox"
    path.write_bytes(b"".join(b"From x Wed Mar 12 07:00:00 2025\n" + one + b"\n" for one in (ONE, TWO, THREE)))
    return path


def snapshot(mbox: Path) -> tuple[bytes, int, list[str]]:
    return mbox.read_bytes(), mbox.stat().st_mtime_ns, os.listdir(mbox.parent)


@pytest.mark.parametrize("mode", [0o600, 0o400])
async def test_an_mbox_is_read_and_not_changed(mbox: Path, mode: int) -> None:
    os.chmod(mbox, mode)
    before = snapshot(mbox)
    for _ in range(2):
        assert await read(f"mbox:{mbox}", lambda mail: mail.repeats) == [ONE, TWO, THREE]
    assert snapshot(mbox) == before


LOCKER = """
import fcntl, sys
file = open(sys.argv[1], "rb+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def writer(mbox: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds the lock of the mbox until its standard input is closed."""
    command = [sys.executable, "-c", LOCKER, str(mbox)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


async def test_an_mbox_that_is_being_written_is_waited_for(
    mbox: Path, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "TIMEOUT", 0.2)
    with pytest.raises(NewsletterError, match="locked by another program"):
        await read(f"mbox:{mbox}")
    monkeypatch.setattr(mailboxes, "TIMEOUT", 30.0)
    reading = asyncio.create_task(read(f"mbox:{mbox}"))
    await asyncio.sleep(0.3)
    assert not reading.done()
    assert writer.stdin is not None
    writer.stdin.close()
    assert len(await reading) == 3


TRIER = """
import fcntl, sys
try:
    fcntl.lockf(open(sys.argv[1], "rb+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("refused")
"""


async def test_nobody_writes_to_an_mbox_while_it_is_read(mbox: Path) -> None:
    tried = []

    def attempt(mail: Mail) -> bool:
        command = [sys.executable, "-c", TRIER, str(mbox)]
        tried.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return True

    await read(f"mbox:{mbox}", attempt)
    assert tried == ["refused\n"] * 3
    with mbox.open("rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # and afterwards anybody


# --- standard input


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def pipe(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return pipe


async def test_standard_input_is_one_mail(piped: Callable[[bytes], None], tmp_path: Path) -> None:
    piped(ONE)
    assert await read("-", folder=tmp_path) == [ONE]
    assert not (tmp_path / "aside").exists()


async def test_what_came_by_a_pipe_and_is_not_understood_is_kept(
    piped: Callable[[bytes], None], tmp_path: Path
) -> None:
    for content in (ONE, b"\xff\x00 not a mail\n"):
        piped(content)
        await read("-", lambda mail: False, folder=tmp_path)
    assert sorted(messages(tmp_path / "aside")) == [ONE, b"\xff\x00 not a mail\n"]


async def test_where_nothing_can_be_kept_it_is_said(piped: Callable[[bytes], None], tmp_path: Path) -> None:
    (tmp_path / "aside").write_text("in the way")
    piped(ONE)
    with pytest.raises(NewsletterError, match="cannot be kept"):
        await read("-", lambda mail: False, folder=tmp_path)


# --- IMAP


@dataclass
class ImapMail:
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class Imap:
    """A mailbox on a server. `failing` names the command that it refuses; `silent` the one it never answers."""

    mails: dict[int, ImapMail]
    folder: str = "INBOX"
    failing: str = ""
    silent: str = ""
    starttls: ssl.SSLContext | None = None
    seen: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"* OK ready\r\n")
            while line := await reader.readline():
                tag, command, *_ = words = line.decode().split()
                name = " ".join(words[1:3]) if command == "UID" else command
                self.seen.append(name)
                if name == self.silent:
                    await asyncio.sleep(60)
                if name == self.failing:
                    writer.write(f"{tag} NO [AUTHENTICATIONFAILED] not {name} {PASSWORD} or {QUOTED}\r\n".encode())
                    continue
                for answer in self.answers(name, line.decode()):
                    writer.write(answer)
                writer.write(f"{tag} OK done\r\n".encode())
                await writer.drain()
                if name == "LOGOUT":
                    break
                if name == "STARTTLS" and self.starttls:
                    await writer.start_tls(self.starttls)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def answers(self, name: str, line: str) -> list[bytes]:
        if name == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1" + (b" STARTTLS" if self.starttls else b"") + b"\r\n"]
        if name == "LOGIN":
            assert line.rstrip("\r\n").endswith('LOGIN ann@papers.example.org "correct \\"horse\\" \\\\ staple"')
        if name == "SELECT":
            assert f'"{self.folder}"' in line
            return [f"* {len(self.mails)} EXISTS\r\n* FLAGS (\\Seen)\r\n".encode()]
        if name == "UID SEARCH":
            found = [str(number) for number, mail in self.mails.items() if "\\Seen" not in mail.flags]
            return [f"* SEARCH {' '.join(found)}".strip().encode() + b"\r\n"]
        if name == "UID FETCH":
            match = re.search(r"FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", line)
            assert match
            number, most = int(match[1]), int(match[2])
            if number not in self.mails:
                return []
            content = self.mails[number].content[:most]
            return [f"* 1 FETCH (UID {number} BODY[]<0> {{{len(content)}}}\r\n".encode(), content, b")\r\n"]
        if name == "UID STORE":
            match = re.search(r"STORE (\d+) \+FLAGS \((.*)\)", line)
            assert match
            self.mails[int(match[1])].flags |= set(match[2].split())
        return []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that vouches for itself, in one PEM file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def _trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@asynccontextmanager
async def serving(imap: Imap, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    before = asyncio.all_tasks()
    server = await asyncio.start_server(imap.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "imaps" if tls else "imap"
    try:
        yield f"{scheme}://ann%40papers.example.org@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in (left := asyncio.all_tasks() - before):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
def imap() -> Imap:
    return Imap({7: ImapMail(ONE), 8: ImapMail(b"old", {"\\Seen"}), 9: ImapMail(TWO)})


@pytest.mark.usefixtures("_trusted")
async def test_imap_is_read_and_marked(imap: Imap, tls: ssl.SSLContext) -> None:
    async with serving(imap, tls) as where:
        assert await read(where, lambda mail: mail.content != TWO, password=PASSWORD) == [ONE, TWO]
        assert imap.mails[7].flags == {"\\Seen"}
        assert imap.mails[9].flags == {"\\Seen", "\\Flagged"}
        assert await read(where, password=PASSWORD) == []
    assert "STORE" not in imap.seen
    assert not {"EXPUNGE", "CLOSE", "UID EXPUNGE"} & set(imap.seen)


@pytest.mark.usefixtures("_trusted")
async def test_imap_marks_nothing_before_it_is_settled(imap: Imap, tls: ssl.SSLContext) -> None:
    async with serving(imap, tls) as where:
        assert await read(where, lambda mail: None, password=PASSWORD) == [ONE, TWO]
    assert imap.mails[7].flags == set()


@pytest.mark.usefixtures("_trusted")
async def test_imap_in_clear_is_upgraded_before_the_login(imap: Imap, tls: ssl.SSLContext) -> None:
    imap.starttls = tls
    async with serving(imap, None) as where:
        assert await read(where, password=PASSWORD) == [ONE, TWO]
    assert imap.seen.index("STARTTLS") < imap.seen.index("LOGIN")


@pytest.mark.usefixtures("_trusted")
async def test_imap_without_tls_gets_no_password(imap: Imap) -> None:
    async with serving(imap, None) as where:
        with pytest.raises(NewsletterError, match="cannot be reached securely") as caught:
            await read(where, password=PASSWORD)
    assert "LOGIN" not in imap.seen
    assert "bounces.mailbox" in str(caught.value)


async def test_a_certificate_that_nobody_vouches_for_gets_no_password(imap: Imap, tls: ssl.SSLContext) -> None:
    async with serving(imap, tls) as where:
        with pytest.raises(NewsletterError, match="certificate"):
            await read(where, password=PASSWORD)
    assert imap.seen == []


@pytest.mark.usefixtures("_trusted")
async def test_imap_folders_are_named_in_the_path(imap: Imap, tls: ssl.SSLContext) -> None:
    imap.folder = 'Reports/old \\"ones\\"'
    async with serving(imap, tls) as where:
        assert len(await read(f"{where}/Reports/old%20%22ones%22", password=PASSWORD)) == 2


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("failing", "setting"),
    [
        ("LOGIN", "bounces.password"),
        ("SELECT", "bounces.mailbox"),
        ("UID SEARCH", "mails stay"),
        ("UID FETCH", "mails stay"),
        ("UID STORE", "may be written"),
    ],
)
async def test_each_refusal_of_an_imap_server_is_one_sentence_without_the_password(
    imap: Imap, tls: ssl.SSLContext, failing: str, setting: str
) -> None:
    imap.failing = failing
    async with serving(imap, tls) as where:
        with pytest.raises(NewsletterError, match=re.escape(setting)) as caught:
            await read(where, password=PASSWORD)
    assert PASSWORD not in str(caught.value)
    assert f"not {failing} *** or ***)" in str(caught.value)
    assert "b'" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.usefixtures("_trusted")
async def test_a_silent_imap_server_is_not_waited_for_for_ever(
    imap: Imap, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "TIMEOUT", 0.3)
    imap.silent = "SELECT"
    async with serving(imap, tls) as where:
        with pytest.raises(NewsletterError, match="no answer in time"):
            await read(where, password=PASSWORD)


@pytest.mark.usefixtures("_trusted")
async def test_an_imap_mail_that_is_gone_meanwhile_is_left_out(imap: Imap, tls: ssl.SSLContext) -> None:
    def delete(mail: Mail) -> bool:
        imap.mails.pop(9, None)
        return True

    async with serving(imap, tls) as where:
        assert await read(where, delete, password=PASSWORD) == [ONE]


async def test_an_imap_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(NewsletterError, match=r"127\.0\.0\.1:1 cannot be reached"):
        await read("imaps://ann@127.0.0.1:1", password=PASSWORD)


@pytest.mark.parametrize(
    "where",
    [
        "imaps://host",
        "imaps://ann@",
        "imaps://ann:secret@host/INBOX",
        "imaps://ann@host:port/",
        "imaps://ann@host:99999/",
        "imaps://ann%0d%0aX@host/",
        "imaps://ann@host/a%0d%0aLOGOUT",
        "imaps://ann@host/?x",
        "imaps://ann@[::1/",
    ],
)
async def test_what_is_no_imap_address_is_one_sentence_without_what_may_be_a_secret(where: str) -> None:
    with pytest.raises(NewsletterError, match=r"bounces\.mailbox is no IMAP address") as caught:
        await read(where, password=PASSWORD)
    assert "secret@" not in str(caught.value)


async def test_imap_without_a_password_says_where_to_put_it() -> None:
    with pytest.raises(NewsletterError, match=r"set bounces\.password"):
        await read("imaps://ann@host")
