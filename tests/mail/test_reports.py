"""Reading what comes back by mail: as mail systems write it, and as nobody should."""

from __future__ import annotations

import base64
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.mail.reports import DEEPEST, LARGEST, MOST_PARTS, NotAReport, Recipient, Report, ReportKind, read_report

TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefgh"
ID = "<2025-03-12.0123456789abcdef0123@papers.example.org>"

POSTFIX = f"""\
Return-Path: <>
Delivered-To: bounces+{TOKEN}@papers.example.org
Date: Wed, 12 Mar 2025 07:00:09 +0000 (UTC)
From: MAILER-DAEMON@mx.papers.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces+{TOKEN}@papers.example.org
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4B8D61F2.1741762809/mx.papers.example.org"
Message-Id: <20250312070009.4B8D6@mx.papers.example.org>

This is a MIME-encapsulated message.

--4B8D61F2.1741762809/mx.papers.example.org
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered to one recipient. Its server said 550 5.1.1.

--4B8D61F2.1741762809/mx.papers.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.papers.example.org
X-Postfix-Queue-ID: 4B8D61F2
X-Postfix-Sender: rfc822; bounces+{TOKEN}@papers.example.org
Arrival-Date: Wed, 12 Mar 2025 07:00:07 +0000 (UTC)

Final-Recipient: rfc822; ann@uni.example
Original-Recipient: rfc822;Ann@uni.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.uni.example
Diagnostic-Code: smtp; 550 5.1.1 <ann@uni.example>: Recipient address
    rejected: User unknown in virtual mailbox table

--4B8D61F2.1741762809/mx.papers.example.org
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <bounces+{TOKEN}@papers.example.org>
From: Daily papers <papers@papers.example.org>
To: Ann <ann@uni.example>
Subject: 12 papers
Message-ID: {ID}

--4B8D61F2.1741762809/mx.papers.example.org--
"""

EXIM = f"""\
Return-path: <>
Envelope-to: bounces+{TOKEN.upper()}@papers.example.org
Received: from Debian-exim by relay.example.net with local (Exim 4.97)
X-Failed-Recipients: bob@lab.example
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.net>
To: bounces+{TOKEN.upper()}@papers.example.org
References: {ID}
Content-Type: multipart/report; report-type=delivery-status; boundary=1741762809-eximdsn-1804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1tsFzx-0001@relay.example.net>

--1741762809-eximdsn-1804289383
Content-type: text/plain; charset=us-ascii

A message that you sent could not be delivered to one or more of its recipients.

  bob@lab.example
    host mx.lab.example [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<bob@lab.example>:
    552 5.2.2 <bob@lab.example> over quota

--1741762809-eximdsn-1804289383
Content-type: message/delivery-status

Reporting-MTA: dns; relay.example.net

Action: failed
Final-Recipient: rfc822;bob@lab.example
Status: 5.0.0
Remote-MTA: dns; mx.lab.example
Diagnostic-Code: smtp; 552 5.2.2 <bob@lab.example> over quota

--1741762809-eximdsn-1804289383
Content-type: message/rfc822

Return-path: <bounces+{TOKEN}@papers.example.org>
Received: from papers.example.org by relay.example.net
Message-ID:
 {ID}
Subject: 12 papers
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_1"

--=_1
Content-Type: text/plain

A paper.
--=_1--

--1741762809-eximdsn-1804289383--
"""

EXCHANGE = f"""\
From: <postmaster@corp.example>
To: <bounces+{TOKEN}@papers.example.org>
Date: Wed, 12 Mar 2025 07:01:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="e1-=_?x(y)"
Content-Language: en-US
Message-ID: <c0ffee@corp.example>
Subject: =?utf-8?B?{base64.b64encode(b"Unzustellbar: 12 papers").decode()}?=
Auto-Submitted: auto-replied

--e1-=_?x(y)
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

{base64.b64encode(b"Ihre Nachricht konnte nicht zugestellt werden.").decode()}
--inner
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<p>Nicht zugestellt=2E</p>
--inner--
--e1-=_?x(y)
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.corp.example
Received-From-MTA: dns;mail.corp.example
Arrival-Date: Wed, 12 Mar 2025 07:00:59 +0000

Original-Recipient: rfc822;carl@corp.example
Final-Recipient: rfc822;carl@corp.example
Action: failed (delivery refused)
Status: 5.7.1 (not authorised)
Diagnostic-Code: smtp;550 5.7.1 TRANSPORT.RULES.RejectMessage; not allowed by policy

Final-Recipient: rfc822;dora@corp.example
Action: delivered
Status: 2.1.5

--e1-=_?x(y)
Content-Type: message/rfc822

Message-ID: {ID}
Subject: 12 papers

--e1-=_?x(y)--
""".replace("\n", "\r\n")

QMAIL = f"""\
Return-Path: <>
Delivered-To: bounces@papers.example.org
Date: 12 Mar 2025 07:00:09 -0000
From: MAILER-DAEMON@old.example
To: bounces@papers.example.org
Subject: failure notice

Hi. This is the mail program at old.example.
I was not able to deliver your message to the following addresses.

<eve@old.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <bounces@papers.example.org>
From: Daily papers <papers@papers.example.org>
Subject: 4.7.1 papers about 550 things
Message-ID: {ID}

hello
"""

COMPLAINT = f"""\
From: <feedback@mailbox.example>
Date: Wed, 12 Mar 2025 09:00:00 -0000
Subject: FW: 12 papers
To: <fbl@papers.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d.2e68ed54"

--part1_13d.2e68ed54
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an abuse report for a message received from 192.0.2.1.

--part1_13d.2e68ed54
Content-Type: message/feedback-report

Feedback-Type: Abuse
User-Agent: ExampleReporter/1.0
Version: 1
Original-Mail-From: <bounces+{TOKEN}@papers.example.org>
Original-Rcpt-To: <fred@mailbox.example>
Arrival-Date: Wed, 12 Mar 2025 07:00:05 -0000
Source-IP: 192.0.2.1
Removal-Recipient: fred@mailbox.example

--part1_13d.2e68ed54
Content-Type: message/rfc822
Content-Disposition: inline

From: <papers@papers.example.org>
To: <redacted>
Subject: 12 papers
Message-ID: {ID}

hello
--part1_13d.2e68ed54--
"""

VACATION = f"""\
Return-Path: <>
From: Gina <gina@uni.example>
To: bounces+{TOKEN}@papers.example.org
Subject: On holiday until Monday
Auto-Submitted: auto-replied (vacation)
In-Reply-To: {ID}

I am away. Error 550 5.1.1, haha.
"""

UNSUBSCRIBE = """\
From: Hal <hal@uni.example>
To: papers@papers.example.org
Subject: unsubscribe 12.abc-DEF_ghi
Auto-Submitted: auto-generated

"""

ALL = [POSTFIX, EXIM, EXCHANGE, QMAIL, COMPLAINT, VACATION, UNSUBSCRIBE]


def read(text: str) -> Report:
    report = read_report(text.encode())
    assert isinstance(report, Report), report
    return report


def test_a_report_of_postfix() -> None:
    diagnostic = "smtp; 550 5.1.1 <ann@uni.example>: Recipient address rejected: User unknown in virtual mailbox table"
    ann = Recipient(("Ann@uni.example", "ann@uni.example"), "failed", "5.1.1", diagnostic)
    assert read(POSTFIX) == Report(ReportKind.DELIVERY, (TOKEN,), (ID,), (ann,))


def test_line_ends_make_no_difference() -> None:
    for text in ALL:
        crlf = text.replace("\r\n", "\n").replace("\n", "\r\n")
        assert read_report(crlf.encode()) == read_report(text.replace("\r\n", "\n").encode())


def test_a_report_of_exim_is_more_telling_in_its_diagnostic_than_in_its_status() -> None:
    report = read(EXIM)
    assert (report.kind, report.message_ids) == (ReportKind.DELIVERY, (ID,))
    assert report.tokens == (TOKEN.upper(), TOKEN)
    [bob] = report.recipients
    assert (bob.addresses, bob.action, bob.status) == (("bob@lab.example",), "failed", "5.2.2")


def test_a_report_about_two_recipients_with_comments_and_an_odd_boundary() -> None:
    report = read(EXCHANGE)
    assert report.message_ids == (ID,)
    assert [(one.addresses, one.action, one.status) for one in report.recipients] == [
        (("carl@corp.example",), "failed", "5.7.1"),
        (("dora@corp.example",), "delivered", "2.1.5"),
    ]


def test_a_bounce_in_words_is_read_up_to_the_returned_message() -> None:
    report = read(QMAIL)
    assert (report.kind, report.tokens, report.message_ids) == (ReportKind.DELIVERY, (), (ID,))
    assert [(one.action, one.status) for one in report.recipients] == [("failed", "5.1.1")]


@pytest.mark.parametrize(
    ("said", "action", "status"),
    [
        ("552 mailbox full", "failed", "5.2.2"),
        ("SMTP error: 550 no such user", "failed", "5.0.0"),
        ("451 try again later", "delayed", "4.0.0"),
        ("nobody knows why", "failed", ""),
        ("450-4.2.2 over quota", "delayed", "4.2.2"),
        ("host 192.0.2.550 at 5.1.1.1", "failed", ""),
    ],
)
def test_codes_in_words(said: str, action: str, status: str) -> None:
    [recipient] = read(QMAIL.replace("Sorry, no mailbox here by that name. (#5.1.1)", said)).recipients
    assert (recipient.action, recipient.status) == (action, status)


def test_a_bounce_in_words_without_anything_of_ours_is_none() -> None:
    assert isinstance(read_report(QMAIL.replace("Message-ID:", "Message-Number:").encode()), NotAReport)


def test_a_person_who_quotes_us_is_no_mail_system() -> None:
    assert isinstance(read_report(QMAIL.replace("MAILER-DAEMON@", "eve@").encode()), NotAReport)


def test_a_complaint() -> None:
    report = read(COMPLAINT)
    assert (report.kind, report.feedback) == (ReportKind.COMPLAINT, "abuse")
    assert (report.tokens, report.message_ids) == ((TOKEN,), (ID,))
    assert report.recipients == (Recipient(("fred@mailbox.example",)),)


def test_a_feedback_report_without_a_type_is_kept_for_a_person() -> None:
    assert isinstance(read_report(COMPLAINT.replace("Feedback-Type:", "Type:").encode()), NotAReport)


def test_an_automatic_answer_is_no_bounce_though_it_comes_like_one() -> None:
    assert read(VACATION) == Report(ReportKind.AUTOREPLY)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "X-Autorespond: hi",
        "Precedence: auto_reply",
        "Subject: Automatic reply: 12 papers",
        "Subject: Out of Office: 12 papers",
        "Subject: =?utf-8?q?Out_of_office?=",
        "Subject: Abwesenheitsnotiz",
        "Subject: Réponse automatique : 12 papers",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n"
        "Content-Type: message/disposition-notification\n\nDisposition: automatic-action/MDN-sent; displayed\n--b--",
    ],
)
def test_automatic_answers_by_each_of_their_signs(header: str) -> None:
    assert read(f"From: Gina <gina@uni.example>\n{header}\n\nI am away.\n") == Report(ReportKind.AUTOREPLY)


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Auto-Submitted: auto-generated", "Subject: Papers"])
def test_other_mail_is_kept_for_a_person(header: str) -> None:
    text = f"From: Gina <gina@uni.example>\n{header}\n\nPlease stop this.\n"
    assert read_report(text.encode()) == NotAReport("neither a report nor an automatic answer")


def test_a_wish_to_leave() -> None:
    assert read(UNSUBSCRIBE) == Report(ReportKind.UNSUBSCRIBE, leave="12.abc-DEF_ghi")
    assert read(UNSUBSCRIBE.replace("unsubscribe 12", "Unsubscribe\n 12")).leave == "12.abc-DEF_ghi"
    assert isinstance(read_report(UNSUBSCRIBE.replace("unsubscribe", "Re: unsubscribe").encode()), NotAReport)
    assert isinstance(read_report(UNSUBSCRIBE.replace(" 12.abc-DEF_ghi", "").encode()), NotAReport)


def test_a_report_inside_a_forwarded_message_is_not_ours() -> None:
    forwarded = f"From: eve@x.example\nContent-Type: message/rfc822\n\n{POSTFIX}"
    assert isinstance(read_report(forwarded.encode()), NotAReport)


def test_the_envelope_of_the_report_comes_before_what_stands_in_it() -> None:
    other = "7" * 40
    text = POSTFIX.replace(f"Return-Path: <bounces+{TOKEN}@", f"Return-Path: <bounces+{other}@")
    assert read(text).tokens == (TOKEN, other)


def test_the_envelope_of_a_complaint_comes_before_the_sender_it_names() -> None:
    other = "7" * 40
    text = COMPLAINT.replace("To: <fbl@", f"To: <bounces+{other}@")
    assert read(text).tokens == (other, TOKEN)


def test_the_reports_own_message_id_is_not_the_returned_messages() -> None:
    text = POSTFIX.replace(f"Message-ID: {ID}", "X-Nothing: here")
    assert read(text).message_ids == ()


def test_an_international_report() -> None:
    text = (
        POSTFIX.replace("message/delivery-status", "message/global-delivery-status")
        .replace("text/rfc822-headers", "message/global-headers")
        .replace("rfc822; ann@uni.example", "utf-8; añn@uni.example")
    )
    assert read(text).recipients[0].addresses == ("Ann@uni.example", "añn@uni.example")
    assert read(text).message_ids == (ID,)


def test_an_encoded_status_part_is_read() -> None:
    head, _, rest = POSTFIX.partition("Content-Type: message/delivery-status\n\n")
    status, _, tail = rest.partition("\n--4B8D")
    encoded = base64.encodebytes(status.encode()).decode()
    kind = "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
    assert read(f"{head}{kind}{encoded}\n--4B8D{tail}") == read(POSTFIX)


def test_a_status_part_without_recipients_is_no_report() -> None:
    text = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n"
    assert read_report(text.encode()) == NotAReport("a delivery report without recipients")


def test_limits_of_size_nesting_and_parts() -> None:
    assert read_report(b"x" * (LARGEST + 1)) == NotAReport(f"larger than {LARGEST} bytes")
    for depth, why in ((DEEPEST, "neither"), (DEEPEST + 1, "nested"), (5000, "nested")):
        opened = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
        answer = read_report(f"{opened}\nhello\n".encode())
        assert isinstance(answer, NotAReport)
        assert why in answer.why
    for number, why in ((MOST_PARTS - 1, "neither"), (MOST_PARTS, "more than"), (500_000, "more than")):
        body = "--b\n\nx\n" * number
        answer = read_report(f"Content-Type: multipart/mixed; boundary=b\n\n{body}--b--\n".encode())
        assert isinstance(answer, NotAReport)
        assert why in answer.why


@pytest.mark.parametrize(
    "content",
    [
        b"\n" * LARGEST,
        b"a: b\n" * (LARGEST // 5),
        b"Subject:" + b" " * (LARGEST - 8),
        b"Subject: " + b"unsubscribe " * (LARGEST // 12),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b" * (LARGEST // 3 - 20),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b \t" * (LARGEST // 5 - 20),
        b"Content-Type: message/delivery-status\n\n" + b"Status: 5\n\n" * (LARGEST // 12),
        b"Content-Type: message/delivery-status\n\nFinal-Recipient:" + b" ;" * (LARGEST // 2 - 40),
        b"From: mailer-daemon\nX-Failed-Recipients: a\n\n" + b">" * (LARGEST - 60),
        b"From: mailer-daemon\n\n" + b"Message-ID: <" * (LARGEST // 13 - 9),
        b"From: mailer-daemon\n\n" + b"5.1." * (LARGEST // 4 - 9),
        b"To: " + b"+a" * (LARGEST // 2 - 9),
        b"Subject: " + b"=?utf-8?q?a?= " * (LARGEST // 14 - 9),
        b"Subject: " + b"=?" * (LARGEST // 2 - 9),
        b"\n \n" * (LARGEST // 3),
        b"x:" + b"\r\n\t" * (LARGEST // 3 - 9),
    ],
    ids=lambda content: repr(content[:30]),
)
def test_ten_megabytes_of_anything_are_read_in_little_time(content: bytes) -> None:
    begun = time.process_time()
    assert isinstance(read_report(content[:LARGEST]), Report | NotAReport)
    assert time.process_time() - begun < 5


def test_what_is_kept_of_a_report_is_bounded() -> None:
    block = "Final-Recipient: rfc822;" + "a" * 5000 + "\nAction: failed\nDiagnostic-Code: " + "b" * 5000 + "\n\n"
    report = read(f"Content-Type: message/delivery-status\n\n{block * 900}")
    assert len(report.recipients) <= 50
    assert all(len(one.addresses[0]) <= 320 and len(one.diagnostic) <= 320 for one in report.recipients)


def test_no_control_character_gets_through() -> None:
    text = POSTFIX.replace("User unknown", "User\x1b[31m \x00unknown").replace("ann@uni.example\nOrig", "a\x07\nOrig")
    [recipient] = read(text).recipients
    assert all(word.isprintable() for word in (*recipient.addresses, recipient.diagnostic))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=600))
def test_no_bytes_raise(content: bytes) -> None:
    assert isinstance(read_report(content), Report | NotAReport)


FRAGMENTS = [
    b"Content-Type: ",
    b"multipart/report",
    b"multipart/mixed",
    b"message/rfc822",
    b"message/delivery-status",
    b"message/feedback-report",
    b"; boundary=b",
    b"; charset=\xff",
    b"; charset*=x'y'%ff",
    b'; boundary="',
    b"; boundary*0*=utf-8''%00; boundary*1=b",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: uuencode",
    b"Content-Transfer-Encoding: quoted-printable",
    b"begin 644 x",
    b"Subject: =?utf-8?b?gg?=",
    b"Subject: =?x?q?=0A?=",
    b"From: mailer-daemon",
    b"Final-Recipient: rfc822;",
    b"Status: 5.1.1",
    b"Feedback-Type: abuse",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\r",
    b"--b",
    b"--b--",
    b"--",
    b" ",
    b"\xff\xfe\x00",
    b"a",
]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=8)), max_size=40))
def test_no_pieces_of_mail_raise_or_go_wrong_inside(pieces: list[bytes]) -> None:
    report = read_report(b"".join(pieces))
    if isinstance(report, Report):
        assert report.kind is not ReportKind.UNSUBSCRIBE or report.leave
        assert report.kind is not ReportKind.DELIVERY or report.recipients


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_no_damaged_report_raises(text: str, chance: random.Random) -> None:
    content = bytearray(text.encode())
    for _ in range(chance.randint(1, 12)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 3, 200]))
        other = chance.randrange(len(content) + 1)
        pieces = [b"", bytes([chance.randrange(256)]), bytes(content[other : other + 150]), chance.choice(FRAGMENTS)]
        content[start:end] = chance.choice(pieces)
    report = read_report(bytes(content))
    assert isinstance(report, NotAReport) or all(len(token) == 40 for token in report.tokens)
