"""Attempts to add headers, recipients or whole messages, through every field, judged by what a real server receives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from builders import DAY, paper
from crossing import crossed
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from places import PROJECT

from newsletter.errors import CompositionError
from newsletter.mail.dkim import Signer, verify
from newsletter.mail.mime import Letterhead, build
from newsletter.model import Digest, Message, Pick, ReaderLinks, Reason, Section, Why
from newsletter.rendering import Look, Renderer

LINKS = ReaderLinks(
    unsubscribe="https://papers.example.org/unsubscribe/7.abc",
    topics="https://papers.example.org/preferences/7.abc",
    web="https://papers.example.org/editions/2025-03-12",
    unsubscribe_header=("https://papers.example.org/unsubscribe/7.abc", "mailto:leave@papers.example.org"),
)
LETTERHEAD = Letterhead(
    "Daily papers",
    "news@papers.example.org",
    "Daily papers",
    "daily.papers.example.org",
    reply_to="editor@papers.example.org",
    owner="mailto:owner@papers.example.org",
    help="https://papers.example.org/help",
    archive="https://papers.example.org/editions",
)
FIELDS = [
    *("DKIM-Signature", "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "List-Help", "List-Owner", "List-Archive", "Archived-At", "List-Post", "Precedence"),
    *("Auto-Submitted", "Feedback-ID", "MIME-Version", "Content-Type"),
]
ATTACKS = {
    "header": "x\r\nBcc: victim@example.net\r\nX-Evil: 1\r\n\r\n<h1>owned</h1>",
    "line feed": "x\nBcc: victim@example.net\n\nowned",
    "carriage return": "x\rBcc: victim@example.net\r\rowned",
    "fold": "x\r\n Bcc: victim@example.net\r\n\tTo: victim@example.net",
    "other line ends": "x\x0bBcc: a\x0cBcc: b\x1cBcc: c\x1dBcc: d\x1eBcc: e\x85Bcc: f\u2028Bcc: g\u2029Bcc: h\x00",
    "encoded word": "=?utf-8?q?x=0D=0ABcc=3A_victim=40example=2Enet=0D=0A=0D=0Aowned?=",
    "encoded word, base64": "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5uZXQNCg0Kb3duZWQ=?= =?",
    "truncated to octets": "x\u560d\u560aBcc: victim@example.net\u560d\u560a",
    "end of data": "x\r\n.\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nowned\r\n.\r\n",
    "smuggled end of data": "x\n.\nMAIL FROM:<a@example.net>\r.\rRCPT TO:<victim@example.net>\r\n.\nDATA",
    "another address": 'x" <victim@example.net>, "y',
    "address list": "Ann <victim@example.net>, Eve: eve@example.net;, (comment",
    "quotes": '\\"\\\r\n"\\',
    "surrogates": "x\udc0d\udc0aBcc: victim@example.net\ud800",
    "boundary": "x\r\n--=_0000\r\nContent-Type: text/html\r\n\r\nowned\r\n--=_0000--\r\n",
    "long": "Bcc: victim@example.net " * 400,
}
ADDRESSES = [
    "ann@example.org\r\nBcc: victim@example.net",
    "ann@example.org>\r\nRCPT TO:<victim@example.net",
    "ann@example.org, victim@example.net",
    "ann@example.org\nvictim@example.net",
    "<ann@example.org>, <victim@example.net",
    '"ann\r\nBcc: victim"@example.org',
    "ann@example.org\x00",
    "ann@example.org SIZE=1",
    "ann @example.org",
    "ann@exam\u2028ple.org",
    "=?utf-8?q?ann=0D=0ABcc=3A_victim=40example=2Enet?=@example.org",
    "ann@=?utf-8?q?example?=.org",
]


@dataclass
class Received:
    """What a server took: the envelopes and every octet of their contents."""

    envelopes: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.mail_from is not None
        assert envelope.original_content is not None
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 taken"


@asynccontextmanager
async def server() -> AsyncIterator[tuple[Received, aiosmtplib.SMTP]]:
    """A real SMTP server, and a connection to it."""
    received, loop = Received(), asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(received, enable_SMTPUTF8=True, hostname="relay.example.org", loop=loop), "127.0.0.1", 0
    )
    port = listening.sockets[0].getsockname()[1]
    async with listening, aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="localhost") as client:
        yield received, client


async def on_the_wire(message: Message) -> tuple[str, list[str], bytes]:
    """Sender, recipients and content of the one message that a server received when `message` was sent."""
    async with server() as (received, client):
        await client.mail(message.sender)
        await client.rcpt(message.recipient)
        await client.data(message.content)
    (envelope,) = received.envelopes
    return envelope


@cache
def signer() -> Signer:
    return Signer("papers.example.org", "ed25519", Ed25519PrivateKey.generate())


@dataclass(frozen=True)
class Words:
    """Everything that people can word freely."""

    title: str = "Neural fields"
    abstract: str = "We show that three views are enough."
    author: str = "Ada Lovelace"
    venue: str = "A conference"
    machine_summary: str = "Three views are enough."
    thumbnail: str = "https://papers.example.org/1.png"
    reason: str = "fields"
    topic: str = "Fields"
    curator: str = "The community"
    reader: str = "Ann"
    sender_name: str = "Daily papers"
    list_name: str = "Daily papers"
    look_name: str = "Daily papers"
    footer: str = "Written for you."


def composed(words: Words = Words(), letterhead: Letterhead = LETTERHEAD, **changes: Any) -> Message:
    """The whole way: rendered by the shipped templates, built and signed."""
    one = replace(
        paper(1, title=words.title, abstract=words.abstract),
        authors=(words.author,),
        venue=words.venue,
        ai_summary=words.machine_summary,
        thumbnail=words.thumbnail,
    )
    reasons = Reason(Why.TITLE, (words.reason,)), Reason(Why.TEXT, (words.reason,))
    pick = Pick(one.id, "fields", 1.0, (("title", 1.0),), reasons)
    look = Look(
        name=words.look_name,
        logo_text=words.look_name,
        tagline=words.look_name,
        footer=words.footer,
        thumbnails=True,
        machine_summaries=True,
    )
    compiled = Renderer([PROJECT / "templates"], look).compile([pick], {one.id: one}, {"fields": words.topic})
    digest = Digest(
        DAY,
        (DAY,),
        (Section("fields", words.topic, (pick,)),),
        curators=(words.curator,),
        follows=(words.topic,),
        considered=1,
    )
    links = changes.pop("links", LINKS)
    asked: dict[str, Any] = {
        "recipient": "ann@example.org",
        "recipient_name": words.reader,
        "message_id": "<1@papers.example.org>",
        "date": datetime(2025, 3, 12, 7, tzinfo=UTC),
        "signers": (signer(),),
        "one_click": True,
        "envelope_sender": "bounces+abc234@papers.example.org",
    }
    return build(
        compiled.compose(digest, name=words.reader, links=LINKS),
        replace(letterhead, name=words.sender_name, list_name=words.list_name),
        links=links,
        **(asked | changes),
    )


def assert_untouched(sender: str, recipients: list[str], content: bytes) -> None:
    """One message to one reader, with exactly our fields, whose bodies are two."""
    assert (sender, recipients) == ("bounces+abc234@papers.example.org", ["ann@example.org"])
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", content) is None
    head = content.partition(b"\r\n\r\n")[0]
    lines = head.split(b"\r\n")
    assert [line.partition(b":")[0].decode() for line in lines if not line.startswith((b" ", b"\t"))] == FIELDS
    assert all(line.strip() and line.isascii() and len(line) <= 998 for line in lines)
    assert content.count(b"\r\n.\r\n") == 0
    for rules in (policy.default, policy.compat32):
        parsed = BytesParser(policy=rules).parsebytes(content)
        assert parsed.keys() == FIELDS
        assert [part.get_content_type() for part in parsed.walk()][1:] == ["text/plain", "text/html"]
    parsed = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(parsed, EmailMessage)
    assert [one.addr_spec for one in parsed["To"].addresses] == ["ann@example.org"]
    assert [one.addr_spec for one in parsed["From"].addresses] == ["news@papers.example.org"]
    assert [one.addr_spec for one in parsed["Reply-To"].addresses] == ["editor@papers.example.org"]
    assert str(parsed["List-Id"]).endswith("<daily.papers.example.org>")
    assert verify(content, {("ed25519", "papers.example.org"): signer().public_key}) == []


async def test_a_harmless_message_arrives_as_it_was_built() -> None:
    message = composed()
    sender, recipients, content = await on_the_wire(message)
    assert content == message.content
    assert_untouched(sender, recipients, content)


@pytest.mark.parametrize(("name", "attack"), crossed(Words.__dataclass_fields__, ATTACKS))
async def test_no_words_reach_beyond_their_field(name: str, attack: str) -> None:
    message = composed(replace(Words(), **{name: ATTACKS[attack]}))
    sender, recipients, content = await on_the_wire(message)
    assert content == message.content
    assert_untouched(sender, recipients, content)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_words_reach_beyond_their_field_all_at_once(attack: str) -> None:
    words = Words(**dict.fromkeys(Words.__dataclass_fields__, ATTACKS[attack]))
    assert_untouched(*await on_the_wire(composed(words)))


def composed_with(name: str, value: str) -> Message:
    """A message with one of the values that must be exact."""
    match name:
        case "recipient" | "envelope_sender" | "message_id":
            change: dict[str, Any] = {name: value}
            return composed(**change)
        case "web":
            return composed(links=replace(LINKS, web=value))
        case "unsubscribe_header":
            return composed(links=replace(LINKS, unsubscribe_header=(LINKS.unsubscribe, value)))
        case _:
            return composed(letterhead=replace(LETTERHEAD, **{name: value}))


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("name", ["recipient", "envelope_sender", "address", "reply_to"])
def test_what_is_not_one_address_is_refused(name: str, address: str) -> None:
    with pytest.raises(CompositionError) as caught:
        composed_with(name, address)
    assert str(caught.value).isprintable()


async def test_letters_that_shrink_to_line_ends_stay_letters() -> None:
    message = composed(recipient="ann@example\u560d\u560aBcc.org")
    _, recipients, content = await on_the_wire(message)
    assert recipients == [message.recipient]
    assert message.recipient.isascii()
    assert message.recipient.partition("@")[2].encode().decode("idna") == "example\u560d\u560abcc.org"
    assert content == message.content


@pytest.mark.parametrize("attack", ["header", "line feed", "fold", "other line ends", "encoded word", "surrogates"])
@pytest.mark.parametrize("name", ["list_id", "owner", "help", "archive", "web", "unsubscribe_header", "message_id"])
def test_what_is_not_one_link_or_name_is_refused(name: str, attack: str) -> None:
    around = {"list_id": "{}.example.org", "message_id": "<{}@papers.example.org>"}
    with pytest.raises(CompositionError):
        composed_with(name, around.get(name, "https://papers.example.org/{}").format(ATTACKS[attack]))
