"""The wire gate: a good message passes, and every kind of damage to its bytes is named."""

from __future__ import annotations

import quopri
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from builders import DAY, paper
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from places import PROJECT

from newsletter.daily import gate
from newsletter.mail import mime
from newsletter.mail.dkim import Signer, sign
from newsletter.model import (
    TRENDING,
    Digest,
    Link,
    LinkKind,
    Message,
    Paper,
    Parts,
    Pick,
    ReaderLinks,
    Reason,
    Section,
    Why,
)
from newsletter.rendering import Look, Renderer

WHEN = datetime(2025, 3, 12, 7, tzinfo=UTC)
DOMAIN = "papers.example.org"
LINKS = ReaderLinks(
    unsubscribe="https://papers.example.org/unsubscribe/7.abc?a=1&b=2",
    topics="https://papers.example.org/preferences/7.abc",
    web="https://papers.example.org/editions/2025-03-12",
    unsubscribe_header=(
        "https://papers.example.org/unsubscribe/7.abc?a=1&b=2",
        "mailto:leave@papers.example.org?subject=unsubscribe%207.abc",
    ),
)
BY_MAIL = ReaderLinks(
    unsubscribe="mailto:leave@papers.example.org?subject=unsubscribe%207.abc",
    topics="mailto:leave@papers.example.org?subject=topics",
    web=None,
    unsubscribe_header=("mailto:leave@papers.example.org?subject=unsubscribe%207.abc",),
)
LETTERHEAD = mime.Letterhead(
    "Daily papers",
    "news@papers.example.org",
    "Daily papers",
    "daily.papers.example.org",
    reply_to="editor@papers.example.org",
    owner="mailto:owner@papers.example.org",
    help="https://papers.example.org/help",
    archive="https://papers.example.org/editions",
)
HOSTILE = (
    "\r\nBcc: v@example.net\r\n\r\n</td><a href='#'>{{ x }} {% y %} \ue000unsubscribe\ue001 "
    "https://spliced.invalid/web None =?utf-8?q?x=0D=0ABcc=3A_v?= \ud800\x00 é 用户"
)


def parts(papers: list[Paper], links: ReaderLinks = LINKS, name: str = "Ann", folder: Path | None = None) -> Parts:
    """The real e-mail of these papers, by the shipped templates."""
    picks = tuple(
        Pick(one.id, TRENDING, 1.0, (("trend", 1.0),), (Reason(Why.PLACE, (1, 5, "2025-03-12")),)) for one in papers
    )
    folders = [*([folder] if folder else []), PROJECT / "templates"]
    compiled = Renderer(folders, Look()).compile(picks, {one.id: one for one in papers}, {})
    sections = (Section(TRENDING, "Trending", picks[:3]),) if picks else ()
    digest = Digest(DAY, (DAY,), sections, also=picks[3:], left_out=0, considered=len(papers), curators=())
    return compiled.compose(digest, name=name, links=links)


@cache
def shown(by_mail: bool = False) -> Parts:
    papers = [paper(number, title=f"Neural fields {number}: café") for number in range(1, 6)]
    return parts(papers, BY_MAIL if by_mail else LINKS)


@cache
def signers() -> tuple[Signer, ...]:
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(DOMAIN, "rsa", rsa), Signer(DOMAIN, "ed25519", Ed25519PrivateKey.generate())


@cache
def keys() -> dict[tuple[str, str], Any]:
    return {(one.selector, one.domain): one.public_key for one in signers()}


def message(made: Parts | None = None, links: ReaderLinks = LINKS, *, signed: bool = True, **changes: Any) -> Message:
    asked: dict[str, Any] = {
        "recipient": "ann@example.org",
        "recipient_name": "Ann",
        "message_id": "<1@papers.example.org>",
        "date": WHEN,
        "signers": signers() if signed else (),
        "one_click": signed,
        "envelope_sender": "bounces+abc234@papers.example.org",
    }
    return mime.build(made or shown(), LETTERHEAD, links=links, **(asked | changes))


def judged(one: Message, made: Parts | None = None, links: ReaderLinks = LINKS, signed: bool = True) -> list[str]:
    public_keys = keys() if signed else {}
    return gate.faults(one, made or shown(), links, public_keys=public_keys, one_click=signed)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("by_mail", [True, False])
@pytest.mark.parametrize("recipient", ["ann@example.org", "jürgen@straße.example.org"])
@pytest.mark.parametrize("name", ["", "Jörg Ünal", HOSTILE])
def test_a_good_message_passes(name: str, recipient: str, by_mail: bool, signed: bool) -> None:
    links = BY_MAIL if by_mail else LINKS
    made = shown(by_mail)
    one = message(made, links, signed=signed, recipient=recipient, recipient_name=name)
    assert judged(one, made, links, signed) == []


def test_a_message_that_the_relay_will_sign_passes() -> None:
    one = message(signed=False, one_click=True)
    assert gate.faults(one, shown(), LINKS, public_keys={}, one_click=True) == []


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_paper_can_stop_an_edition(count: int) -> None:
    links = tuple(
        Link(kind, url)
        for kind in LinkKind
        for url in (
            f"https://example.org/{HOSTILE}",
            "https://spliced.invalid/unsubscribe",
            "https://example.org/{{x}}/%7B%7By%7D%7D/None",
            "https://example.org/%7b%25",
        )
    )
    papers = [replace(paper(number + 1, title=HOSTILE, abstract=HOSTILE * 5), links=links) for number in range(count)]
    made = parts(papers, name=HOSTILE)
    assert judged(message(made, recipient_name=HOSTILE), made) == []


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=120), st.text(max_size=300), st.text(max_size=120))
def test_no_words_can_stop_an_edition(title: str, abstract: str, name: str) -> None:
    made = parts([paper(1, title=title, abstract=abstract)], name=name)
    assert judged(message(made, recipient_name=name), made) == []


def in_header(name: str, value: str) -> Callable[[bytes], bytes]:
    """The value of a field replaced, folds and all."""
    pattern = re.compile(rb"(?m)^" + name.encode() + rb": (?:.*)\r\n(?:[ \t].*\r\n)*")
    return lambda content: pattern.sub(lambda _: f"{name}: {value}\r\n".encode("utf-8", "surrogateescape"), content, 1)


def without(name: str) -> Callable[[bytes], bytes]:
    pattern = re.compile(rb"(?m)^" + name.encode() + rb": (?:.*)\r\n(?:[ \t].*\r\n)*")
    return lambda content: pattern.sub(b"", content, 1)


def with_field(line: str) -> Callable[[bytes], bytes]:
    return lambda content: line.encode() + b"\r\n" + content


def swapped(old: str, new: str, count: int = -1) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old.encode(), new.encode(), count)


def _linking(address: str, text: str) -> str:
    return text + f'<a href="{address}">x</a>'


def in_body(subtype: str, change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A body part decoded, changed and encoded again."""

    def changed(content: bytes) -> bytes:
        start = content.index(b"\r\n\r\n", content.index(f"Content-Type: text/{subtype}".encode())) + 4
        end = content.index(b"\r\n--=_", start)
        text = quopri.decodestring(content[start:end]).decode().replace("\r\n", "\n")
        return content[:start] + quopri.encodestring(change(text).encode()).replace(b"\n", b"\r\n") + content[end:]

    return changed


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "bare LF in the header": (swapped("Precedence: bulk\r\n", "Precedence: bulk\n"), "bare CR or LF"),
    "bare CR in the body": (swapped("Neural fields", "Neu\rral", 1), "bare CR or LF"),
    "NUL": (swapped("Neural fields", "Neu\0ral", 1), "NUL"),
    "no end": (lambda content: content.removesuffix(b"\r\n"), "no end"),
    "long line": (swapped("Precedence: bulk", "Precedence: " + "bulk " * 200), "more than 998"),
    "8bit body": (swapped("Neural fields", "Neurál", 1), "not ASCII"),
    "huge": (lambda content: content + b"x" * 900 + (b"\r\n" + b"x" * 900) * 11_100 + b"\r\n", "more than 10,000,000"),
    **{f"no {name}": (without(name), f"{name} is there 0 times") for name in gate.NEEDED},
    **{
        f"two {name}": (with_field(f"{name}: x"), f"{name} is there 2 times")
        for name in ("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe")
    },
    **{
        f"second {name}": (with_field(f"{name}: x"), f"{name} is there 2 times")
        for name in ("Reply-To", "List-Help", "List-Owner", "Archived-At", "Precedence", "Feedback-ID")
    },
    "Bcc": (with_field("Bcc: x@example.net"), "Bcc is there"),
    "cc": (with_field("cc: x@example.net"), "Cc is there"),
    "line that is no field": (with_field("no colon"), "cannot be read"),
    "From without address": (in_header("From", "Daily papers"), "From is malformed"),
    "two senders": (in_header("From", "a <a@example.org>, b <b@example.org>"), "From has 2 addresses"),
    "other recipient": (in_header("To", "Ann <eve@example.org>"), "To is not the recipient"),
    "two recipients": (in_header("To", "x@example.net, Ann <ann@example.org>"), "To has 2 addresses"),
    "no date": (in_header("Date", "yesterday"), "Date"),
    "date without zone": (in_header("Date", "Wed, 12 Mar 2025 07:00:00 -0000"), "Date is no date with a time zone"),
    "other Message-ID": (in_header("Message-ID", "<2@papers.example.org>"), "Message-ID is not"),
    "Message-ID in words": (in_header("Message-ID", "=?utf-8?q?=3C1=40papers?="), "Message-ID is malformed"),
    "List-Id without a domain": (in_header("List-Id", "Daily papers <daily>"), "List-Id is malformed"),
    "List-Id in words": (in_header("List-Id", "=?utf-8?q?Daily_=3Cdaily=2Eexample=3E?="), "List-Id is malformed"),
    "links in words": (
        in_header("List-Unsubscribe", "=?utf-8?q?=3Chttps=3A//papers=2Eexample=2Eorg/u=3E?="),
        "List-Unsubscribe is malformed",
    ),
    "links folded": (swapped(">, <mailto:", ">,\r\n <mailto:"), "List-Unsubscribe is malformed"),
    "link without brackets": (
        in_header("List-Unsubscribe", "https://papers.example.org/unsubscribe/7.abc"),
        "List-Unsubscribe is malformed",
    ),
    "ftp link": (in_header("List-Unsubscribe", "<ftp://papers.example.org/u>"), "List-Unsubscribe is malformed"),
    "another reader's links": (in_header("List-Unsubscribe", "<https://papers.example.org/u/8>"), "reader's links"),
    "words in a link": (
        in_header("List-Archive", "<https://papers.example.org/=?utf-8?q?x=0D=0A?=>"),
        "List-Archive is malformed",
    ),
    "words in an address": (in_header("Reply-To", "Ed <=?utf-8?q?ed?=@example.org>"), "Reply-To is malformed"),
    "owner in words": (in_header("List-Owner", "=?utf-8?q?=3Cmailto=3Aa=40b?="), "List-Owner is malformed"),
    "help is a script": (in_header("List-Help", "<javascript:alert(1)>"), "List-Help is malformed"),
    "one click, otherwise": (
        with_field("List-Unsubscribe-Post: List-Unsubscribe=Maybe"),
        "List-Unsubscribe-Post is malformed",
    ),
    "one click, unsigned": (
        with_field("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        "nobody signs the message",
    ),
    "unencoded subject": (in_header("Subject", "caf\udce9"), "cannot be read"),
    "no multipart": (swapped("multipart/alternative", "multipart/mixed"), "not a text part and then an HTML part"),
    "no boundary": (swapped("boundary=", "bound="), "a parser complains: NoBoundaryInMultipartDefect"),
    "unfinished": (lambda content: content[: content.rindex(b"--=_")], "a parser complains: CloseBoundaryNotFound"),
    "HTML first": (
        lambda content: swapped("text/x", "text/plain")(
            swapped("text/plain", "text/html")(swapped("text/html", "text/x")(content))
        ),
        "not a text part and then an HTML part",
    ),
    "other charset": (swapped("charset=utf-8", "charset=latin-1"), "not in UTF-8"),
    "other encoding": (
        swapped("Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: 7bit"),
        "does not read back",
    ),
    "empty text": (in_body("plain", lambda text: " \n"), "the text part is empty"),
    "cut text": (in_body("plain", lambda text: text[: len(text) // 2]), "the text part does not read back"),
    "no way out in text": (
        in_body("plain", lambda text: text.replace(f"\n{LINKS.unsubscribe}\n", "\n")),
        "the text part has no unsubscribe link",
    ),
    "no way out in HTML": (
        in_body("html", lambda text: text.replace("unsubscribe/7.abc", "elsewhere")),
        "the HTML part has no unsubscribe link",
    ),
    "HTML beyond the limit": (in_body("html", lambda text: text + "<p></p>\n" * 14_000), "would be clipped at 100,000"),
    "paper lost in text": (
        in_body("plain", lambda text: re.sub(r"\nhttps://arxiv\S+\n", "\n", text, count=1)),
        "the text part lacks https://arxiv.org/",
    ),
    "paper lost in HTML": (
        in_body("html", lambda text: text.replace('class="title"', 'class="x"', 1)),
        "the HTML part has 4 titles for 5 papers",
    ),
    "paper with another address": (
        in_body(
            "html", lambda text: re.sub(r'class="title" href="[^"]*"', 'class="title" href="https://x.org/"', text)
        ),
        "the text part lacks https://x.org/",
    ),
    "mark left in text": (in_body("plain", lambda text: text + "\ue000name\ue001"), "the text part has a placeholder"),
    "mark left in HTML": (in_body("html", lambda text: text + "\ue000"), "the HTML part has a placeholder"),
    **{
        f"unfilled link {address or 'empty'}": (
            in_body("html", partial(_linking, address)),
            "a link was left unfilled",
        )
        for address in ("https://spliced.invalid/web", "{{ web }}", "%7B%7Bweb%7D%7D", "{% web %}", "", "#", "None")
    },
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(kind: str) -> None:
    change, said = DAMAGE[kind]
    good = message(signed=False)
    bad = replace(good, content=change(good.content))
    assert bad.content != good.content
    assert [fault for fault in judged(bad, signed=False) if said in fault] != []


CANNOT_BE_SIGNED, RIGHT_ONCE_SIGNED = "line that is no field", "one click, unsigned"


@pytest.mark.parametrize("kind", sorted(DAMAGE.keys() - {CANNOT_BE_SIGNED, RIGHT_ONCE_SIGNED, "huge"}))
def test_a_signature_over_damage_does_not_help(kind: str) -> None:
    change, said = DAMAGE[kind]
    good = message(signed=False)
    content = sign(change(good.content), signers(), WHEN)
    found = judged(replace(good, content=content))
    assert [fault for fault in found if said in fault] != []


def test_an_envelope_that_smtp_would_not_carry_is_named() -> None:
    good = message()
    assert "envelope sender" in judged(replace(good, sender="a b@example.org"))[0]
    assert "envelope sender" in judged(replace(good, sender=f"{'b' * 65}@example.org"))[0]
    assert "envelope recipient" in judged(replace(good, recipient="ann@example.org>\r\nRCPT TO:<eve"))[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (swapped("Neural fields", "Neurol", 1), "for another body"),
        (in_header("Subject", "Neurol fields"), "does not fit the header"),
        (swapped("d=papers.example.org", "d=example.net", 1), "not ours"),
        (with_field("Reply-To: eve@example.net"), "Reply-To could be forged"),
        (without("DKIM-Signature"), "there is no DKIM signature of rsa._domainkey.papers.example.org"),
        (without("List-Unsubscribe-Post"), "List-Unsubscribe-Post is missing"),
        (swapped("List-Unsubscribe-Post\r\n", "X\r\n"), "List-Unsubscribe-Post could be forged"),
    ],
)
def test_a_broken_signature_is_named(change: Callable[[bytes], bytes], said: str) -> None:
    good = message()
    bad = replace(good, content=change(good.content))
    assert bad.content != good.content
    assert [fault for fault in judged(bad) if said in fault] != []


def test_a_signature_of_somebody_else_is_named() -> None:
    assert "not ours" in gate.faults(message(), shown(), LINKS, public_keys={}, one_click=True)[0]


def test_one_click_without_https_is_named() -> None:
    made = shown(by_mail=True)
    content = with_field("List-Unsubscribe-Post: List-Unsubscribe=One-Click")(
        message(made, BY_MAIL, signed=False).content
    )
    one = replace(message(made, BY_MAIL), content=sign(content, signers(), WHEN))
    assert judged(one, made, BY_MAIL) == ["List-Unsubscribe-Post is there without an https link"]


def test_templates_of_ones_own_need_no_class(tmp_path: Path) -> None:
    """Where no link is marked as a title, every paper's links have to be in the text."""
    folder = tmp_path / "email"
    folder.mkdir()
    for name in ("card.html.j2", "row.html.j2"):
        template = (PROJECT / "templates" / "email" / name).read_text(encoding="utf-8")
        (folder / name).write_text(template.replace('class="title"', 'class="heading"'), encoding="utf-8")
    made = parts([paper(number) for number in range(1, 6)], folder=tmp_path)
    assert 'class="title"' not in made.html
    one = message(made)
    assert judged(one, made) == []
    lost = replace(made, html=made.html.replace("https://arxiv.org/", "https://x.org/"))
    assert "the text part lacks https://x.org/" in judged(message(lost), lost)[0]


@settings(deadline=None, max_examples=150)
@given(
    st.floats(min_value=0, max_value=1, exclude_max=True), st.binary(max_size=12), st.integers(min_value=0, max_value=9)
)
def test_any_bytes_are_judged_and_never_trip_it(place: float, octets: bytes, gone: int) -> None:
    good = message()
    start = int(place * len(good.content))
    content = good.content[:start] + octets + good.content[start + gone :]
    found = judged(replace(good, content=content))
    assert all("\n" not in fault and "\r" not in fault for fault in found)
    body = good.content.index(b"\r\n\r\n")
    if start > body and re.sub(rb"\s", b"", content) != re.sub(rb"\s", b"", good.content):
        assert found != []


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_rubbish_is_judged(content: bytes) -> None:
    assert judged(replace(message(), content=content)) != []
