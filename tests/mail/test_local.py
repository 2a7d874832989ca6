"""The local mailbox: what is accepted is there, exactly."""

from __future__ import annotations

import asyncio
import errno
import mailbox
import os
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.errors import RelayError
from newsletter.mail import local, mime
from newsletter.mail.local import LocalMailbox, messages
from newsletter.mail.smtp import SmtpMailer
from newsletter.model import Message, Parts, ReaderLinks, State

ODD = b"Subject: odd\r\n\r\n.\r\n..\r\n.leading\r\ntabs\t \r\n" + b"x" * 998 + b"\r\n\r\n\r\n"


def message(content: bytes = ODD, recipient: str = "ann@example.org") -> Message:
    return Message("<1@example.org>", "news@example.org", recipient, content, 0)


async def nothing() -> None:
    pass


async def test_what_comes_in_lies_there_byte_for_byte(tmp_path: Path) -> None:
    async with LocalMailbox(tmp_path / "state" / "outbox") as relay, SmtpMailer(relay) as mailer:
        outcome = await mailer.send(message(), nothing)
    assert (outcome.state, outcome.code) == (State.ACCEPTED, 250)
    assert messages(tmp_path / "state" / "outbox") == [ODD.replace(b"\r\n", b"\n")]


async def test_it_is_a_maildir_that_other_programs_read(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    async with LocalMailbox(folder) as relay, SmtpMailer(relay) as mailer:
        for number in range(30):
            await mailer.send(message(b"Subject: %d\r\n\r\nhello\r\n" % number), nothing)
    maildir = mailbox.Maildir(folder, create=False)
    assert sorted(int(str(entry["Subject"])) for entry in maildir) == list(range(30))
    assert list((folder / "tmp").iterdir()) == []
    first = min((folder / "new").iterdir(), key=lambda file: file.name)
    first.rename(folder / "cur" / f"{first.name}:2,S")  # what a mail reader does with a read message
    assert messages(folder) == [b"Subject: %d\n\nhello\n" % number for number in range(30)]


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    async with LocalMailbox(folder) as relay, SmtpMailer(relay) as mailer:
        await mailer.send(message(), nothing)
    for place in (folder, folder / "new", folder / "cur", folder / "tmp"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    (file,) = (folder / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_what_was_there_stays(tmp_path: Path) -> None:
    for content in (b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n"):
        async with LocalMailbox(tmp_path) as relay, SmtpMailer(relay) as mailer:
            await mailer.send(message(content), nothing)
    assert messages(tmp_path) == [b"Subject: one\n\n", b"Subject: two\n\n"]


def test_no_mailbox_holds_no_messages(tmp_path: Path) -> None:
    assert messages(tmp_path / "nowhere") == []


async def test_international_addresses(tmp_path: Path) -> None:
    letterhead = mime.Letterhead("Zeitung", "news@papers.example.org", "Zeitung", "papers.example.org")
    links = ReaderLinks("mailto:a@b.org", "mailto:a@b.org", None, ("mailto:leave@papers.example.org",))
    composed = mime.build(
        Parts("Grüße", "", "<p>Grüße</p>", "Grüße", ()),
        letterhead,
        recipient="jürgen@straße.example.org",
        recipient_name="Jürgen",
        links=links,
        message_id="<1@papers.example.org>",
        date=datetime(2025, 3, 12, tzinfo=UTC),
    )
    async with LocalMailbox(tmp_path) as relay, SmtpMailer(relay) as mailer:
        assert (await mailer.send(composed, nothing)).state is State.ACCEPTED
    assert messages(tmp_path) == [composed.content.replace(b"\r\n", b"\n")]


async def test_a_disk_that_fails_means_later_not_never(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    async with LocalMailbox(folder) as relay, SmtpMailer(relay) as mailer:
        (folder / "tmp").rmdir()
        outcome = await mailer.send(message(), nothing)
        assert (outcome.state, outcome.code) == (State.DEFERRED, 452)
        assert os.strerror(errno.ENOENT) in outcome.text
        (folder / "tmp").mkdir()
        (folder / "new").rmdir()
        assert (await mailer.send(message(), nothing)).state is State.DEFERRED
        assert list((folder / "tmp").iterdir()) == []  # no half message is left behind
        (folder / "new").mkdir()
        assert (await mailer.send(message(), nothing)).state is State.ACCEPTED
    assert len(messages(folder)) == 1


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RelayError, match=r"file/outbox cannot be made .*: set state_dir"):
        async with LocalMailbox(tmp_path / "file" / "outbox"):
            pass


async def test_it_listens_on_this_machine_only_and_stops(tmp_path: Path) -> None:
    async with LocalMailbox(tmp_path) as relay:
        assert relay.host == "127.0.0.1"
        _, idle = await asyncio.open_connection(relay.host, relay.port)
        reader, busy = await asyncio.open_connection(relay.host, relay.port)
        busy.write(b"EHLO x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\nhalf a mess")
        await reader.readuntil(b"354 ")
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    for writer in (idle, busy):
        writer.close()
        await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError), socket.create_connection((relay.host, relay.port)):
        pass
    assert messages(tmp_path) == []


async def test_two_mailboxes_at_once(tmp_path: Path) -> None:
    async with LocalMailbox(tmp_path) as one, LocalMailbox(tmp_path) as other:
        assert one.port != other.port
        async with SmtpMailer(one) as first, SmtpMailer(other) as second:
            sends = [mailer.send(message(), nothing) for mailer in (first, second) for _ in range(20)]
            outcomes = await asyncio.gather(*sends)
    assert {outcome.state for outcome in outcomes} == {State.ACCEPTED}
    assert len(messages(tmp_path)) == 40


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    for folder in ("tmp", "new"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tmp" / "1").write_bytes(b"somebody else's")
    with pytest.raises(FileExistsError):
        local._store(tmp_path, "1", b"ours")
    assert (tmp_path / "tmp" / "1").read_bytes() == b"somebody else's"
