"""Whatever the bytes are, the lint answers with findings and never with an exception."""

from __future__ import annotations

import time

import pytest
from good_mail import CARD, HTML, Good
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.rendering.lint import Severity, lint

WHOLE = Good().content
PIECES = [
    *(
        b"<",
        b">",
        b'"',
        b"{",
        b"}",
        b"(",
        b")",
        b"[",
        b"]",
        b";",
        b":",
        b"*",
        b",",
        b"#",
        b"\\",
        b"\0",
        b"\xff",
        b"=F0=9F",
    ),
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"=\r\n",
        b"@media",
        b"<style>",
        b"</style>",
        b"<!--[if mso]>",
        b"-->",
        b"<svg>",
        b"<table>",
    ),
    *(
        b"style=",
        b"!important",
        b"a|b",
        b"::",
        b":not(",
        b"url(",
        b"rgb(",
        b"1e999px",
        b"font-size:",
        b"line-height:0;",
    ),
    *(
        b"charset=rot13",
        b"charset*=utf-8''x",
        b"=?utf-8?q?=0D=0A?=",
        b"=?x",
        b"Date: \r\n",
        b"\xe2\x80\xae",
        b"width=999",
    ),
    b"Content-Transfer-Encoding: uuencode\r\n",
]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES), st.integers(0, 60), st.integers(1, 60)), max_size=12)
)
@example([(0.5, b"(", 0, 50_000)])
@example([(0.4, b"<div>", 0, 3_000)])
def test_a_damaged_message_is_judged(changes: list[tuple[float, bytes, int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, piece, removed, repeated in changes:
        begin = int(place * len(content))
        content[begin : begin + removed] = piece * repeated
    for judged in (bytes(content), HTML.encode() + bytes(content)):
        findings = lint(judged)
        assert findings == lint(judged)
        assert all(finding.message and len(finding.where) <= 200 for finding in findings)
        "".join(finding.message + finding.where for finding in findings).encode()  # nothing that cannot be printed


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@example(b"")
@example(b"<")
@example(b"<!-- nothing -->")
@example(b"Subject: x\r\n")
@example(b"Content-Type: text/html\r\n\r\n")
@example(b"<?xml version='1.0' encoding='latin-1'?><p a\x01b=2>")
def test_nonsense_is_an_error(content: bytes) -> None:
    findings = lint(content)
    assert any(finding.severity is Severity.ERROR and finding.check == "T1" for finding in findings)


def test_a_bare_document_is_judged_as_far_as_it_goes() -> None:
    findings = [finding for finding in lint(HTML.replace(' xml:lang="en"', "").encode()) if not finding.allowed]
    assert [finding.check for finding in findings] == ["H3", "T1"]
    assert "HTML document and no message" in findings[1].message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nonsense", "no e-mail message"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no e-mail message"),
        (b"From: a@example.org\r\nSubject: x\r\n\r\nHello", "text/plain"),
        (b"Content-Type: text/html\r\n\r\n<p>Hello", "text/html"),
    ],
)
def test_what_is_no_such_message_is_called_so(content: bytes, said: str) -> None:
    [first, *_] = [finding for finding in lint(content) if finding.check == "T1"]
    assert said in first.message


def test_a_long_mail_takes_no_longer_than_its_length_explains() -> None:
    card = CARD + "<h4>One more</h4></td></tr></table>\n"

    def seconds(cards: int) -> float:
        content = Good().with_("html", "</div>\n</body>", card * cards + "</div>\n</body>").content
        begun = time.process_time()
        lint(content)
        return time.process_time() - begun

    assert seconds(1_000) < 20 * max(seconds(100), 0.05)


def test_messages_in_messages_in_messages_are_no_exception() -> None:
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"Subject: x\r\n\r\nx"
    assert lint(nested)
