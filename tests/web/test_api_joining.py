"""Signing up by JSON: as by the form, limited as the form, and saying as little."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from limits import RateLimitItemPerHour
from readers_web import ADA, BEA, Place

from newsletter.model import Rhythm, Status
from newsletter.store import Store
from newsletter.web import limiting

PATH = "/api/v1/subscribe"
WANTED: dict[str, Any] = {
    "address": BEA,
    "topics": ["robots"],
    "own": [
        {"name": "Kelp", "keywords": ["kelp", "sea forest"], "exclude": ["aquarium"], "authors": ["Anna Rossi"]},
        {"name": "Tides", "description": "What the moon does to the sea."},
    ],
    "rhythm": "weekly",
    "hour": 6,
    "timezone": "Europe/Rome",
    "locale": "de",
}


def _mails(place: Place, number: int) -> list[Any]:
    """The mails, when there are so many."""
    deadline = time.monotonic() + 10
    while len(found := place.mail()) < number and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_everybody_is_told_the_same_and_who_confirms_reads_what_was_asked_for(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def suppress() -> None:
        async with await Store.open(place.url) as store:
            await store.suppressions.add("gone@example.org", "hard bounce (5.1.1)", place.now)

    with place.served() as client:
        asyncio.run(suppress())
        answers = [client.post(PATH, json=WANTED | {"address": one}) for one in (BEA, ADA.address, "gone@example.org")]
        assert [one.status_code for one in answers] == [202, 202, 202]
        assert len({one.content for one in answers}) == 1
        mails = _mails(place, 2)
        assert {one["To"].addresses[0].addr_spec for one in mails} == {BEA, ADA.address}
        for mail in mails:
            assert not any(word in mail.as_string() for word in ("Kelp", "aquarium", "Rossi", "moon"))
        bea = asyncio.run(place.reader(BEA))
        assert bea is not None
        assert bea.status is Status.PENDING
        told = next(one for one in mails if one["To"].addresses[0].addr_spec == BEA)
        link = next(word for word in told.get_body(("plain",)).get_content().split() if "/confirm/" in word)
        assert client.post(link).status_code == 200
    bea = asyncio.run(place.reader(BEA))
    assert bea is not None
    assert (bea.status, bea.topics, bea.rhythm, bea.hour) == (Status.ACTIVE, ("robots",), Rhythm.WEEKLY, 6)
    assert (bea.timezone, bea.locale) == ("Europe/Rome", "de")
    assert [(one.name, one.keywords, one.exclude, one.authors) for one in bea.own] == [
        ("Kelp", ("kelp", "sea forest"), ("aquarium",), ("Anna Rossi",)),
        ("Tides", (), (), ()),
    ]
    ada = asyncio.run(place.reader(ADA.address))
    assert ada is not None
    assert (ada.topics, ada.own) == (ADA.topics, ())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("joining"))


@pytest.fixture(scope="module")
def client(place: Place) -> Any:
    with place.served() as served:
        yield served


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"address": "nobody"}, "address"),
        ({"address": ""}, "address"),
        ({"address": "me@localhost"}, "address"),
        ({"address": "x@mailinator.com"}, "address"),
        ({"address": "x" * 300 + "@example.org"}, "address"),
        ({"address": "\ud800@example.org"}, "address"),
        ({"topics": ["nothing"]}, "topics"),
        ({"topics": ["~0123456789abcdef"]}, "topics"),
        ({"topics": "robots"}, "topics"),
        ({"hour": 24}, "hour"),
        ({"hour": True}, "hour"),
        ({"rhythm": "hourly"}, "rhythm"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"timezone": "\x00"}, "timezone"),
        ({"locale": "tlh"}, "locale"),
        ({"own": [{"name": "Kelp"}]}, "own.0.keywords"),
        ({"own": [{"name": " ", "keywords": ["kelp"]}]}, "own.0.name"),
        ({"own": [{"name": "Kelp", "keywords": ["k"] * 31}]}, "own.0.keywords"),
        ({"own": [{"name": "Kelp", "keywords": ["kelp"], "slug": "~1"}]}, "own.0.slug"),
        ({"own": [{"name": f"Kelp {n}", "keywords": ["kelp"]} for n in range(6)]}, "own"),
        ({"website": "http://spam.example"}, "website"),
    ],
)
def test_what_is_wrong_is_named(place: Place, client: httpx.Client, given: dict[str, Any], where: str) -> None:
    body = json.dumps(WANTED | given)
    answer = client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert where in [one["where"] for one in answer.json()["faults"]]
    assert answer.json()["detail"].startswith(f"{where}: ")
    assert place.mail() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 50_000, b'"' + b"x" * 90])
def test_what_is_no_json_object_is_told(client: httpx.Client, content: bytes) -> None:
    answer = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_form_of_somebody_elses_is_refused(client: httpx.Client) -> None:
    assert client.post(PATH, data={"address": BEA}).status_code == 415
    assert client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert client.post(PATH, json=WANTED, headers=headers).status_code == 403


def test_it_is_limited_as_the_form_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "PER_NETWORK", RateLimitItemPerHour(2))
    place = Place(tmp_path)
    with place.served() as client:
        assert place.sign_up(client, "first@example.net").status_code == 200
        assert client.post(PATH, json=WANTED).status_code == 202
        refused = client.post(PATH, json=WANTED)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert refused.json()["detail"] == "There were too many sign-ups just now."
        assert place.sign_up(client, "third@example.net").status_code == 429


def test_a_page_that_does_not_know_its_address_says_so(tmp_path: Path) -> None:
    place = Place(tmp_path, site={})
    with place.served() as client:
        answer = client.post(PATH, json=WANTED, headers={"Host": "evil.example"})
    assert answer.status_code == 503
    assert "site.url" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 0
