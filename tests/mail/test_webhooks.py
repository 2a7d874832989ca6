"""Webhooks of bounces: who signed them, and what they tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.mail.reports import Recipient, Report, ReportKind
from newsletter.mail.webhooks import (
    MOST_EVENTS,
    Signed,
    UnsignedError,
    read_events,
    read_mailgun,
    signing_key,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = b"a-secret-that-signs-webhooks"
SEAL = Signed("msg_1", "0", ())


def _headers(body: bytes, *, id: str = "msg_1", at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    moment = str(int(at.timestamp()))
    mac = hmac.new(key, f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def _check(headers: dict[str, str], body: bytes, now: datetime = NOW) -> None:
    Signed.of(headers, now).check(body, KEY)


def test_the_example_of_the_standard_is_good() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the vector of its reference libraries
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    Signed.of(headers, datetime.fromtimestamp(1614265330, UTC)).check(b'{"test": 2432232314}', key)


def test_any_of_several_signatures_may_be_the_good_one() -> None:
    headers = _headers(b"body")
    other = base64.b64encode(b"x" * 32).decode()
    _check(headers | {"webhook-signature": f"v1a,{other} v1,{other} {headers['webhook-signature']}"}, b"body")


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v2,{good}"},
        {"webhook-signature": "{good}"},
        {"webhook-signature": "v1,é"},
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "１２３"},
        {"webhook-timestamp": "9" * 4000},
    ],
)
def test_what_is_not_as_it_was_signed_is_refused(changed: dict[str, str]) -> None:
    headers = _headers(b"body")
    good = headers["webhook-signature"].removeprefix("v1,")
    with pytest.raises(UnsignedError):
        _check(headers | {name: value.format(good=good) for name, value in changed.items()}, b"body")


def test_another_body_or_key_is_refused() -> None:
    for headers, body in ((_headers(b"body"), b"bodY"), (_headers(b"body", key=b"another key"), b"body")):
        with pytest.raises(UnsignedError):
            _check(headers, body)


@pytest.mark.parametrize(("age", "good"), [(299, True), (300, True), (301, False), (-300, True), (-302, False)])
def test_five_minutes_either_way_are_let_pass(age: int, good: bool) -> None:
    headers = _headers(b"body", at=NOW - timedelta(seconds=age))
    if good:
        _check(headers, b"body")
    else:
        with pytest.raises(UnsignedError):
            _check(headers, b"body")


def test_a_secret_is_text_or_base64() -> None:
    assert signing_key("plain text") == b"plain text"
    assert signing_key("whsec_" + base64.b64encode(b"\x00\xff").decode()) == b"\x00\xff"
    with pytest.raises(ValueError, match="base64"):
        signing_key("whsec_not base64!")


def test_events_become_what_mails_would_tell() -> None:
    token = "a" * 40
    events = [
        {
            "kind": "bounce",
            "message_id": "one@x.org",
            "recipient": "ada@x.org",
            "status": "5.1.1",
            "detail": "no\nsuch",
        },
        {"kind": "bounce", "message_id": "<two@x.org>", "detail": "452 4.2.2 full"},
        {"kind": "bounce", "sender": f"bounces+{token}@x.org", "detail": "552 too much"},
        {"kind": "complaint", "message_id": "<three@x.org>"},
        {"kind": "unsubscribe", "message_id": "<four@x.org>", "recipient": "bea@x.org"},
        {"kind": "bounce", "message_id": "<no id"},
    ]
    read = read_events(SEAL, json.dumps({"events": events}).encode())
    assert [name for name, _ in read] == [f"msg_1\n{place}" for place in range(6)]
    assert [report for _, report in read] == [
        Report(ReportKind.DELIVERY, (), ("<one@x.org>",), (Recipient(("ada@x.org",), "failed", "5.1.1", "no such"),)),
        Report(ReportKind.DELIVERY, (), ("<two@x.org>",), (Recipient((), "delayed", "4.2.2", "452 4.2.2 full"),)),
        Report(ReportKind.DELIVERY, (token,), (), (Recipient((), "failed", "5.2.2", "552 too much"),)),
        Report(ReportKind.COMPLAINT, (), ("<three@x.org>",), (Recipient((), "failed"),), feedback="abuse"),
        Report(ReportKind.UNSUBSCRIBE, (), ("<four@x.org>",), (Recipient(("bea@x.org",), "failed"),)),
        Report(ReportKind.DELIVERY, (), (), (Recipient((), "failed"),)),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"events": []}',
        b'{"events": [{"kind": "bunce"}]}',
        b'{"events": [{"kind": "bounce", "status": "5.1"}]}',
        b'{"events": [{"kind": "bounce", "message-id": "<x@y>"}]}',
        b'{"events": [{"kind": "bounce", "detail": "\\ud800"}]}',
        b"[" * 100_000,
        json.dumps({"events": [{"kind": "bounce"}] * (MOST_EVENTS + 1)}).encode(),
    ],
)
def test_nonsense_is_one_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]{5,300}\.\Z"):
        read_events(SEAL, body)


def _mailgun(event: dict[str, Any], *, at: datetime = NOW, key: bytes = KEY, token: str = "t" * 50) -> bytes:
    moment = str(int(at.timestamp()))
    signature = hmac.new(key, (moment + token).encode(), hashlib.sha256).hexdigest()
    seal = {"timestamp": moment, "token": token, "signature": signature}
    return json.dumps({"signature": seal, "event-data": event}).encode()


FAILED = {
    "event": "failed",
    "id": "CPgfbmQMTCKtHW6uIWtuVe",
    "severity": "permanent",
    "reason": "bounce",
    "recipient": "alice@example.com",
    "message": {"headers": {"message-id": "20130503182626.18666.16540@example.com", "to": "Alice"}},
    "envelope": {"sender": "bounces@example.com", "transport": "smtp"},
    "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "No such user", "description": None},
}
IDS = ("<20130503182626.18666.16540@example.com>",)


@pytest.mark.parametrize(
    ("change", "report"),
    [
        (
            {},
            Report(
                ReportKind.DELIVERY, (), IDS, (Recipient(("alice@example.com",), "failed", "5.1.1", "No such user"),)
            ),
        ),
        (
            {"severity": "temporary", "delivery-status": {"code": 452, "message": "4.2.2 full"}},
            Report(
                ReportKind.DELIVERY, (), IDS, (Recipient(("alice@example.com",), "delayed", "4.2.2", "4.2.2 full"),)
            ),
        ),
        (
            {"event": "complained", "delivery-status": None},
            Report(ReportKind.COMPLAINT, (), IDS, (Recipient(("alice@example.com",), "failed"),), feedback="abuse"),
        ),
        (
            {"event": "unsubscribed", "delivery-status": []},
            Report(ReportKind.UNSUBSCRIBE, (), IDS, (Recipient(("alice@example.com",), "failed"),)),
        ),
    ],
)
def test_mailgun_is_understood(change: dict[str, Any], report: Report) -> None:
    assert read_mailgun(_mailgun(FAILED | change), KEY, NOW) == [(f"mailgun\n{'t' * 50}", report)]


def test_other_events_of_mailgun_are_none_of_ours() -> None:
    assert read_mailgun(_mailgun(FAILED | {"event": "opened"}), KEY, NOW) == []
    assert read_mailgun(_mailgun({}), KEY, NOW) == []


def test_mailguns_signature_is_checked() -> None:
    for body in (
        _mailgun(FAILED, key=b"another"),
        _mailgun(FAILED, at=NOW - timedelta(minutes=6)),
        _mailgun(FAILED).replace(b"tttt", b"uuuu", 1),
    ):
        with pytest.raises(UnsignedError):
            read_mailgun(body, KEY, NOW)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda a: st.dictionaries(st.text(), a)))
@settings(deadline=None, max_examples=60)
def test_mailgun_may_tell_anything(value: Any) -> None:
    """Whatever stands where something is looked for."""
    event = {"event": "failed", "message": value, "delivery-status": value, "recipient": value, "envelope": value}
    try:
        body = _mailgun(event)
    except UnicodeEncodeError:
        return
    assert len(read_mailgun(body, KEY, NOW)) == 1
