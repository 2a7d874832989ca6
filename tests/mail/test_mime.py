"""Composing a message: whole, safe, and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.errors import CompositionError
from newsletter.mail import mime
from newsletter.mail.dkim import Signer, verify
from newsletter.mail.headers import LONGEST_NAME, clean
from newsletter.mail.mime import LARGEST_HTML, Letterhead
from newsletter.model import Message, Parts, ReaderLinks

LETTERHEAD = Letterhead("Daily papers", "news@papers.example.org", "Daily papers", "daily.papers.example.org")
LINKS = ReaderLinks(
    unsubscribe="https://papers.example.org/leave/7.abc",
    topics="https://papers.example.org/topics/7.abc",
    web=None,
    unsubscribe_header=(
        "https://papers.example.org/leave/7.abc",
        "mailto:news@papers.example.org?subject=leave%207.abc",
    ),
)
PARTS = Parts("Five papers for you", "Mamba and more", "<p>Papers</p>\n", "Papers\n", ())
WHEN = datetime(2025, 3, 12, 7, tzinfo=UTC)
NAME = "<2025-03-12.0123456789abcdef0123@papers.example.org>"
PLAIN_FIELDS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Post",
    "Precedence",
    "Auto-Submitted",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
]
ATTACK = "x\r\nBcc: victim@example.net\r\n\r\n<h1>owned</h1>"
DISGUISED = "=?utf-8?q?x=0D=0ABcc=3A_victim=40example.net=0D=0A=0D=0Aowned?="


def compose(parts: Parts = PARTS, letterhead: Letterhead = LETTERHEAD, **changes: Any) -> Message:
    asked: dict[str, Any] = {
        "recipient": "ann@example.org",
        "recipient_name": "Ann",
        "links": LINKS,
        "message_id": NAME,
        "date": WHEN,
    }
    return mime.build(parts, letterhead, **(asked | changes))


def compose_with(field: str, value: str) -> Message:
    match field:
        case "subject":
            return compose(replace(PARTS, subject=value))
        case "recipient" | "recipient_name" | "message_id" | "envelope_sender":
            change: dict[str, Any] = {field: value}
            return compose(**change)
        case "web":
            return compose(links=replace(LINKS, web=value))
        case "unsubscribe_header":
            return compose(links=replace(LINKS, unsubscribe_header=(value,)))
        case _:
            return compose(letterhead=replace(LETTERHEAD, **{field: value}))


def read(message: Message) -> EmailMessage:
    """The message as a mail client reads it, with no defect anywhere."""
    parsed = BytesParser(policy=policy.default).parsebytes(message.content)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        assert part.defects == []
        assert [defect for value in part.values() for defect in value.defects] == []
    return parsed


def body(message: Message, subtype: str) -> str:
    (part,) = [part for part in read(message).walk() if part.get_content_type() == f"text/{subtype}"]
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def display_name(message: Message, field: str) -> str:
    raw = str(BytesParser(policy=policy.compat32).parsebytes(message.content)[field])
    words = raw.rpartition("<")[0].rstrip()
    # The parser of policy.default keeps the space between two encoded words of a phrase; RFC 2047 section 6.2 drops it.
    return str(make_header(decode_header(words))) if "=?" in words else read(message)[field].addresses[0].display_name


def header_block(message: Message) -> list[bytes]:
    return message.content.partition(b"\r\n\r\n")[0].split(b"\r\n")


def assert_wire_form(content: bytes) -> None:
    """CRLF only, no line too long, ASCII."""
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", content) is None
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.isascii()
    assert content.endswith(b"--\r\n")


def test_a_whole_message() -> None:
    links = replace(LINKS, web="https://papers.example.org/2025-03-12")
    letterhead = replace(
        LETTERHEAD,
        reply_to="editor@papers.example.org",
        owner="mailto:owner@papers.example.org",
        help="https://papers.example.org/help",
        archive="https://papers.example.org/editions",
    )
    message = compose(replace(PARTS, subject="Zwölf Papers"), letterhead, recipient_name="Jörg Ünal", links=links)
    parsed = read(message)
    assert parsed["Subject"] == "Zwölf Papers"
    assert parsed["From"].addresses[0].addr_spec == "news@papers.example.org"
    assert parsed["From"].addresses[0].display_name == "Daily papers"
    assert parsed["To"].addresses[0].addr_spec == "ann@example.org"
    assert parsed["To"].addresses[0].display_name == "Jörg Ünal"
    assert parsed["Reply-To"] == "editor@papers.example.org"
    assert parsed["Date"].datetime == WHEN
    assert parsed["Message-ID"] == NAME
    assert parsed["List-Id"] == "Daily papers <daily.papers.example.org>"
    assert parsed["List-Unsubscribe"] == ", ".join(f"<{uri}>" for uri in LINKS.unsubscribe_header)
    assert parsed["List-Help"] == "<https://papers.example.org/help>"
    assert parsed["List-Owner"] == "<mailto:owner@papers.example.org>"
    assert parsed["List-Archive"] == "<https://papers.example.org/editions>"
    assert parsed["Archived-At"] == "<https://papers.example.org/2025-03-12>"
    assert (parsed["List-Post"], parsed["Precedence"], parsed["Auto-Submitted"]) == ("NO", "bulk", "auto-generated")
    assert parsed["MIME-Version"] == "1.0"
    assert "List-Unsubscribe-Post" not in parsed  # RFC 8058: only with a DKIM signature
    assert "DKIM-Signature" not in parsed
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parsed.iter_parts()} == {"utf-8"}
    assert (message.message_id, message.sender, message.recipient) == (NAME, LETTERHEAD.address, "ann@example.org")
    assert_wire_form(message.content)


def test_what_is_not_known_is_not_said() -> None:
    assert read(compose()).keys() == PLAIN_FIELDS


@settings(deadline=None, max_examples=150)
@given(subject=st.text(), name=st.text(max_size=200), text=st.text(), html=st.text())
@example(subject=DISGUISED, name=DISGUISED, text="", html="")
@example(subject=ATTACK, name=ATTACK, text=".\r\n.\r\nQUIT\r\n", html="\n\n.\n")
@example(subject="x" * 3000, name='"\\' * 500, text="From me\n" + "x" * 3000, html="é" * 3000)
@example(subject="é " * 500, name="用户" * 500, text="a \nb\t\n ", html="用户\r\n用户\r" * 500)
@example(subject=" a  b ", name="O'Brien, Ann (she) <a@b>", text="\x85\u2028\x0b\x0c\x00", html="\x1c\x1d")
def test_any_text_makes_a_message_that_reads_back_exactly(subject: str, name: str, text: str, html: str) -> None:
    message = compose(Parts(subject, "", html, text, ()), replace(LETTERHEAD, name=name), recipient_name=name)
    parsed = read(message)
    assert parsed.keys() == PLAIN_FIELDS
    assert parsed["Subject"] == clean(subject)
    shown = clean(clean(name)[:LONGEST_NAME])
    for field, address in (("To", "ann@example.org"), ("From", LETTERHEAD.address)):
        assert (display_name(message, field), parsed[field].addresses[0].addr_spec) == (shown, address)
        assert len(parsed[field].addresses) == 1
    assert body(message, "plain") == re.sub("\r\n?", "\n", text)
    assert body(message, "html") == re.sub("\r\n?", "\n", html)
    assert_wire_form(message.content)


@settings(deadline=None, max_examples=100)
@given(text=st.text(min_size=60), name=st.text(min_size=20))
def test_encoded_words_are_as_short_as_the_standard_says(text: str, name: str) -> None:
    for line in header_block(compose(replace(PARTS, subject=text), recipient_name=name)):
        words = re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", line)
        assert all(len(word) <= 75 for word in words)
        assert len(line) <= (76 if words else 998)


def test_lone_surrogates_do_not_stop_a_digest() -> None:
    message = compose(Parts("a\ud800b", "", "<p>\udfff</p>", "\ud800", ()), recipient_name="\ud800")
    assert read(message)["Subject"] == "a b"
    assert body(message, "html") == "<p>?</p>"


@pytest.mark.parametrize("attack", [ATTACK, DISGUISED, "x\nBcc: y", "x\rBcc: y", "x\x00\x0b\x0c\x85\u2028Bcc: y"])
@pytest.mark.parametrize("field", ["subject", "recipient_name", "name", "list_name"])
def test_free_text_cannot_add_a_header(field: str, attack: str) -> None:
    message = compose_with(field, attack)
    assert read(message).keys() == PLAIN_FIELDS
    assert [line for line in header_block(message) if line.lower().startswith(b"bcc")] == []
    assert len(list(read(message).iter_parts())) == 2


@pytest.mark.parametrize(
    "attack", [ATTACK, "x\nBcc: y@example.net", "a@b.org>\r\nBcc: <y@example.net", "a b", "<>", "ü"]
)
@pytest.mark.parametrize(
    "field",
    [
        *("recipient", "message_id", "web", "unsubscribe_header", "address", "reply_to", "list_id", "owner", "help"),
        *("archive", "envelope_sender"),
    ],
)
def test_what_must_be_exact_is_refused_when_it_is_not(field: str, attack: str) -> None:
    with pytest.raises(CompositionError) as caught:
        compose_with(field, attack)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=200)
@given(st.text() | st.emails() | st.from_regex(r"[^@]+@[^@]+", fullmatch=True))
def test_any_address_is_written_or_refused(address: str) -> None:
    try:
        message = compose(recipient=address)
    except CompositionError:
        return
    head = b"\r\n".join(header_block(message)).decode()
    assert re.search(rf"\r\nTo: Ann\s+<{re.escape(message.recipient)}>\r\n", head)
    assert head.count("\r\nTo: ") == 1
    assert "Bcc" not in head or "Bcc" in message.recipient


def test_addresses_outside_ascii() -> None:
    domain = compose(recipient="ann@straße.example.org")
    assert domain.recipient == "ann@xn--strae-oqa.example.org"
    assert_wire_form(domain.content)
    local = compose(recipient="jürgen@straße.example.org")
    assert local.recipient == "jürgen@xn--strae-oqa.example.org"
    assert "To: Ann <jürgen@xn--strae-oqa.example.org>".encode() in header_block(local)


def test_a_long_unsubscribe_link_stays_on_one_plain_line() -> None:
    links = ("https://papers.example.org/leave/" + "t" * 300, "mailto:leave@papers.example.org?subject=" + "s" * 300)
    message = compose(links=replace(LINKS, unsubscribe_header=links))
    assert f"List-Unsubscribe: <{links[0]}>, <{links[1]}>".encode() in header_block(message)
    assert read(message)["List-Unsubscribe"] == f"<{links[0]}>, <{links[1]}>"


def test_a_message_that_nobody_could_leave_is_not_made() -> None:
    with pytest.raises(CompositionError, match="leave the list"):
        compose(links=replace(LINKS, unsubscribe_header=()))


def test_a_header_line_longer_than_the_standard_allows_is_not_sent() -> None:
    with pytest.raises(CompositionError, match="998"):
        compose(links=replace(LINKS, unsubscribe_header=("https://papers.example.org/" + "t" * 990,)))


def test_the_smaller_encoding_is_taken() -> None:
    english = read(compose(replace(PARTS, html="<p>Mostly ASCII, café</p>\n" * 50)))
    chinese = read(compose(replace(PARTS, html="<p>今日论文：状态空间模型</p>\n" * 50)))
    assert [part["Content-Transfer-Encoding"] for part in english.iter_parts()] == ["quoted-printable"] * 2
    assert [part["Content-Transfer-Encoding"] for part in chinese.iter_parts()] == ["quoted-printable", "base64"]


@pytest.mark.parametrize("html", ["<p>plain</p>\n" * 40, "<p>今日</p>" * 40])
def test_html_size_is_the_larger_of_raw_and_encoded(html: str) -> None:
    message = compose(replace(PARTS, html=html))
    (part,) = [part for part in read(message).walk() if part.get_content_type() == "text/html"]
    payload = part.get_payload()
    assert isinstance(payload, str)
    assert message.html_size == max(len(html.encode()), len(payload))
    assert message.html_size > len(html.encode())


def test_html_that_would_be_clipped_is_not_sent() -> None:
    line = "x" * 69 + "\n"  # 71 bytes on the wire
    fits = compose(replace(PARTS, html=line * (LARGEST_HTML // 71)))
    assert LARGEST_HTML - 71 < fits.html_size <= LARGEST_HTML
    with pytest.raises(CompositionError, match=r"ann@example\.org has .* clipped"):
        compose(replace(PARTS, html=line * (LARGEST_HTML // 71 + 1)))


def test_the_same_inputs_give_the_same_bytes() -> None:
    first, again = compose(), compose()
    assert first == again
    assert compose(message_id=NAME.replace("0123@", "0124@")).content != first.content


def test_the_boundary_occurs_in_no_body() -> None:
    boundary = read(compose()).get_boundary()
    assert boundary is not None
    spoof = f"a\n--{boundary}\nContent-Type: text/html\n\nspoofed\n--{boundary}--\n"
    message = compose(replace(PARTS, text=spoof, html=spoof))
    assert read(message).get_boundary() == boundary
    assert message.content.count(boundary.encode()) == 4
    assert body(message, "plain") == spoof


def test_the_date_keeps_its_zone() -> None:
    tokyo = WHEN.astimezone(timezone(timedelta(hours=9)))
    assert b"Date: Wed, 12 Mar 2025 16:00:00 +0900" in header_block(compose(date=tokyo))


def test_message_ids() -> None:
    day = date(2025, 3, 12)
    one = mime.message_id(b"key", day, "ann@example.org", "papers.example.org")
    assert re.fullmatch(r"<2025-03-12\.[0-9a-f]{20}@papers\.example\.org>", one)
    assert one == mime.message_id(b"key", day, "ann@example.org", "papers.example.org")
    others = {
        mime.message_id(b"other", day, "ann@example.org", "papers.example.org"),
        mime.message_id(b"key", date(2025, 3, 13), "ann@example.org", "papers.example.org"),
        mime.message_id(b"key", day, "bob@example.org", "papers.example.org"),
    }
    assert len({one.partition(".")[2], *(other.partition(".")[2] for other in others)}) == 4
    assert mime.message_id(b"key", day, "a@b.org", "straße.example.org").endswith("@xn--strae-oqa.example.org>")
    with pytest.raises(CompositionError):
        mime.message_id(b"key", day, "ann@example.org", "no domain\r\nBcc: x@y.org")
    compose(message_id=one)


@cache
def signers() -> tuple[Signer, ...]:
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    return (
        Signer("papers.example.org", "rsa", rsa),
        Signer("papers.example.org", "ed25519", Ed25519PrivateKey.generate()),
    )


def test_a_signed_message_is_the_plain_one_with_its_signatures_in_front() -> None:
    plain, signed = compose(one_click=True), compose(one_click=True, signers=signers())
    assert signed.content.endswith(plain.content)
    assert read(signed).keys()[:2] == ["DKIM-Signature", "DKIM-Signature"]
    assert verify(signed.content, {(one.selector, one.domain): one.public_key for one in signers()}) == []
    assert_wire_form(signed.content)
    assert signed == compose(one_click=True, signers=signers())
    assert (signed.html_size, signed.sender) == (plain.html_size, plain.sender)


@pytest.mark.parametrize(
    ("links", "one_click", "offered"),
    [
        (LINKS.unsubscribe_header, True, True),
        (tuple(reversed(LINKS.unsubscribe_header)), True, True),
        (LINKS.unsubscribe_header, False, False),
        (LINKS.unsubscribe_header[1:], True, False),
        (("http://papers.example.org/leave/7.abc",), True, False),
        (("mailto:a@papers.example.org?subject=https://x.org",), True, False),
    ],
)
def test_one_click_takes_an_https_link_and_a_signature(links: tuple[str, ...], one_click: bool, offered: bool) -> None:
    message = compose(links=replace(LINKS, unsubscribe_header=links), one_click=one_click)
    assert (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in header_block(message)) == offered
    assert read(message)["List-Unsubscribe"] == ", ".join(f"<{uri}>" for uri in links)


def test_bounces_go_to_the_envelope_sender() -> None:
    message = compose(envelope_sender="bounces+abc234@straße.example.org")
    assert message.sender == "bounces+abc234@xn--strae-oqa.example.org"
    assert message.content == compose().content
    assert compose(envelope_sender=None).sender == LETTERHEAD.address


def test_complaints_are_counted_by_edition_and_list_and_never_by_reader() -> None:
    fields = [
        str(read(message)["Feedback-ID"]).split(":")
        for message in (
            compose(),
            compose(recipient="bob@example.org", recipient_name="Bob", message_id=NAME.replace("0", "1")),
            compose(date=WHEN + timedelta(days=1)),
            compose(letterhead=replace(LETTERHEAD, list_id="other.example.org")),
        )
    ]
    assert fields[0] == fields[1]
    assert fields[0][:3] == ["2025-03-12", "digest", "newsletter"]
    assert fields[2] == ["2025-03-13", *fields[0][1:]]
    assert fields[3][:3] == fields[0][:3]
    assert fields[3][3] != fields[0][3]
    assert all(len(one) == 4 and 5 <= len(one[3]) <= 15 for one in fields)
