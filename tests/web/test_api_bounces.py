"""Bounces by HTTP: who may tell them, and that they come to the same as those by mail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from places import PROJECT
from readers_web import TUESDAY, Place
from serving_web import aside
from webhooks_web import SECRET, signed

from newsletter.bouncing import take
from newsletter.errors import ConfigurationError
from newsletter.mail.mailboxes import single
from newsletter.mail.reports import LARGEST
from newsletter.model import Subscriber
from newsletter.policy.bounces import BounceKind
from newsletter.store import Store
from newsletter.web.app import application

PATH = "/api/v1/bounces"
JSON = {"Content-Type": "application/json"}
MAIL = {"Content-Type": "message/rfc822"}
READERS = [Subscriber(f"reader{number}@example.net", topics=("robots",)) for number in range(12)]
UNUSED, NUMBERS = iter(READERS), count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("bounces"), READERS, bounces={"webhook_secret": SECRET, "soft_limit": 2})
    for back in range(3):
        made.list_papers(TUESDAY + timedelta(days=back), f"A robot that walks {back} steps", f"Robots number {back}")
        aside(made.run(TUESDAY + timedelta(days=back)))
    return made


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[httpx.Client]:
    with place.served() as served:
        yield served


@pytest.fixture
def whose(place: Place) -> Callable[[], tuple[str, list[str]]]:
    """An address nobody has used yet, and the Message-IDs of what it got, oldest first."""

    async def of(address: str) -> list[str]:
        async with await Store.open(place.url) as store:
            return [one.message_id for one in reversed(await store.ledger.deliveries(address=address))]

    def next_one() -> tuple[str, list[str]]:
        address = next(UNUSED).address
        return address, aside(of(address))

    return next_one


def _told(place: Place, client: httpx.Client, *events: dict[str, str], id: str = "") -> dict[str, Any]:
    body = json.dumps({"events": events}).encode()
    answer = client.post(PATH, content=body, headers=JSON | signed(body, place.now, id or f"msg_{next(NUMBERS)}"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _kept(place: Place) -> dict[str, Any]:
    """Every row, but for the numbers that SQLite counts even where nothing is written."""
    return {name: rows for name, rows in place.rows().items() if name != "sqlite_sequence"}


def _suppressed(place: Place) -> dict[str, str]:
    return {address: reason for address, reason, *_ in place.rows()["suppressions"]}


def _report(message_id: str, address: str, status: str = "5.1.1") -> bytes:
    return (
        "From: mailer-daemon@example.net\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n'
        "--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; example.net\n\n"
        f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\n\n"
        f"--x\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n--x--\n"
    ).encode()


Whose = Callable[[], tuple[str, list[str]]]


def test_a_hard_bounce_ends_it_and_a_repeated_webhook_counts_once(
    place: Place, client: httpx.Client, whose: Whose
) -> None:
    address, (message, *_) = whose()
    event = {"kind": "bounce", "message_id": message, "recipient": address, "status": "5.1.1", "detail": "no such user"}
    assert _told(place, client, event, id="msg_hard") == {"new": {"hard": 1}, "known": 0, "aside": 0}
    assert _suppressed(place)[address] == "hard bounce (5.1.1)"
    before = _kept(place)
    assert _told(place, client, event, id="msg_hard") == {"new": {}, "known": 1, "aside": 0}
    assert _kept(place) == before


def test_soft_bounces_add_up_with_those_by_mail(place: Place, client: httpx.Client, whose: Whose) -> None:
    address, (first, second, _) = whose()

    async def by_mail() -> None:
        async with await Store.open(place.url) as store:
            mails = single(_report(first, address, "5.2.2"), place.configuration.settings.state_dir / "aside")
            taken = await take(store, place.tokens, mails, place.now, 2)
            assert taken.counts[BounceKind.SOFT] == 1

    aside(by_mail())
    assert address not in _suppressed(place)
    again = {"kind": "bounce", "message_id": first.strip("<>"), "detail": "452 4.2.2 full"}
    assert _told(place, client, again)["new"] == {"soft": 1}
    assert address not in _suppressed(place)  # the same message bounced twice
    assert _told(place, client, again | {"message_id": second})["new"] == {"soft": 1}
    assert _suppressed(place)[address] == "soft bounces"


def test_complaints_and_wishes_to_leave_are_obeyed(place: Place, client: httpx.Client, whose: Whose) -> None:
    (one, (first, *_)), (other, (second, *_)), (third, _) = whose(), whose(), whose()
    row = next(row for row in place.rows()["subscribers"] if row[1] == third)
    token = place.tokens.bounce(row[0], TUESDAY)
    told = _told(
        place,
        client,
        {"kind": "complaint", "message_id": first},
        {"kind": "unsubscribe", "message_id": second},
        {"kind": "bounce", "sender": f"bounces+{token}@example.org", "status": "5.2.1"},
    )
    assert told == {"new": {"complaint": 1, "unsubscribe": 1, "hard": 1}, "known": 0, "aside": 0}
    assert [_suppressed(place)[address] for address in (one, other, third)] == [
        "complaint (abuse)",
        "left by mail",
        "hard bounce (5.2.1)",
    ]


def test_an_address_alone_proves_nothing(place: Place, client: httpx.Client, whose: Whose) -> None:
    address, _ = whose()
    before = _suppressed(place)
    for event in (
        {"kind": "bounce", "recipient": address, "status": "5.1.1"},
        {"kind": "complaint", "recipient": address, "message_id": "<somebody.elses@example.org>"},
        {"kind": "unsubscribe", "recipient": address},
        {"kind": "bounce", "recipient": address, "sender": f"bounces+{'a' * 40}@example.org", "status": "5.1.1"},
    ):
        assert _told(place, client, event) == {"new": {}, "known": 0, "aside": 1}
    assert _suppressed(place) == before
    reader = asyncio.run(place.reader(address))
    assert reader is not None
    assert reader.status == "active"


def test_a_report_as_a_mail_takes_the_same_path(place: Place, client: httpx.Client, whose: Whose) -> None:
    address, (message, *_) = whose()
    body = _report(message, address)
    for known in (0, 1):
        answer = client.post(PATH, content=body, headers=MAIL | signed(body, place.now, f"msg_mail_{known}"))
        assert answer.json() == {"new": {} if known else {"hard": 1}, "known": known, "aside": 0}
    assert _suppressed(place)[address] == "hard bounce (5.1.1)"
    letter = b"Subject: hello\n\nI am no report.\n"
    answer = client.post(PATH, content=letter, headers=MAIL | signed(letter, place.now, "msg_letter"))
    assert answer.json() == {"new": {}, "known": 0, "aside": 1}
    kept = (place.configuration.settings.state_dir / "aside" / "new").iterdir()
    assert letter in [one.read_bytes() for one in kept]


def _mailgun(place: Place, event: dict[str, Any], key: str = SECRET, minutes: int = 0) -> dict[str, Any]:
    moment = str(int(place.now.timestamp()) - 60 * minutes)
    mac = hmac.new(key.encode(), f"{moment}token".encode(), hashlib.sha256).hexdigest()
    return {"signature": {"timestamp": moment, "token": "token", "signature": mac}, "event-data": event}


def test_mailgun_tells_it_its_own_way(place: Place, client: httpx.Client, whose: Whose) -> None:
    address, (message, *_) = whose()
    event = {
        "event": "failed",
        "id": "AbC",
        "severity": "permanent",
        "recipient": address,
        "message": {"headers": {"message-id": message.strip("<>")}},
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
    }
    for wrong in (_mailgun(place, event, "another key"), _mailgun(place, event, minutes=6)):
        assert client.post(f"{PATH}/mailgun", json=wrong).status_code == 401
    assert client.post(f"{PATH}/mailgun", json={"event-data": event}).status_code == 422
    assert address not in _suppressed(place)
    for known in (0, 1):
        answer = client.post(f"{PATH}/mailgun", json=_mailgun(place, event))
        assert answer.json() == {"new": {} if known else {"hard": 1}, "known": known, "aside": 0}
    assert _suppressed(place)[address] == "hard bounce (5.1.1)"
    opened = client.post(f"{PATH}/mailgun", json=_mailgun(place, event | {"event": "opened"}))
    assert opened.json() == {"new": {}, "known": 0, "aside": 0}


def test_what_is_not_signed_or_makes_no_sense_changes_nothing(place: Place, client: httpx.Client, whose: Whose) -> None:
    address, (message, *_) = whose()
    good = json.dumps({"events": [{"kind": "bounce", "message_id": message, "status": "5.1.1"}]}).encode()
    old = place.now - timedelta(seconds=301)
    huge = b" " * (LARGEST + 1)
    before = _kept(place)
    for body, headers, status in (
        (good, JSON, 401),
        (good, JSON | signed(good, place.now, secret="another secret"), 401),
        (good, JSON | signed(good, old), 401),
        (good + b" ", JSON | signed(good, place.now), 401),
        (b"{}", JSON | signed(b"{}", place.now), 422),
        (b"", MAIL | signed(b"", place.now), 422),
        (b"\xff", JSON | signed(b"\xff", place.now), 422),
        (good, {"Content-Type": "text/plain"} | signed(good, place.now), 415),
        (huge, MAIL | signed(huge, place.now), 413),
    ):
        answer = client.post(PATH, content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["detail"].endswith(".")
        assert address not in answer.text
    assert _kept(place) == before
    large = b"Subject: " + b"x" * 1_000_000
    assert client.post(PATH, content=large, headers=MAIL | signed(large, place.now, "msg_large")).status_code == 200
    assert client.post(f"{PATH}/mailgun", content=large, headers=JSON).status_code == 413


def test_a_secret_that_cannot_sign_is_told_at_the_start(tmp_path: Any) -> None:
    place = Place(tmp_path, bounces={"webhook_secret": "whsec_this is not base64"})
    with pytest.raises(ConfigurationError, match=r"bounces\.webhook_secret: what follows whsec_ must be base64"):
        application(place.configuration)


def _example(kind: str) -> str:
    """The example of signing in docs/api.md."""
    text = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return next(one for one in blocks if "webhook-signature" in one)


def test_the_examples_of_the_docs_are_signed_well(tmp_path: Any) -> None:
    place = Place(tmp_path, bounces={"webhook_secret": SECRET})
    place.now = datetime.now(UTC)
    body = b'{"events": [{"kind": "bounce", "message_id": "<a.b@example.org>", "status": "5.1.1"}]}\n'
    known: dict[str, Any] = {"secret": SECRET, "body": body}
    exec(_example("python"), known)
    (tmp_path / "events.json").write_bytes(body)
    with place.served() as client:
        answers = [client.post(PATH, content=body, headers=known["headers"]).text]
        environment = os.environ | {"PAGE": place.address, "SECRET": SECRET}
        command = ["sh", "-e", "-c", _example("sh")]
        answers.append(
            subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout.decode()
        )
    assert [json.loads(one) for one in answers] == [{"new": {}, "known": 0, "aside": 1}] * 2
