"""The operator's part of the API: the token, lists, suppressions, collecting, previews."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from limits import RateLimitItemPerHour
from readers_web import ADA, TUESDAY, Place
from serving_web import aside

from newsletter.daily import Daily
from newsletter.errors import SourceError, StoreError
from newsletter.model import Subscriber
from newsletter.store import Papers
from newsletter.web import bearer

TOKEN = "the-operator-s-token-in-tests"
API = "/api/v1"
PATHS = ["/subscribers", "/subscribers/1", "/deliveries", "/suppressions", "/batches", "/collect", "/preview"]
NEXT_NIGHT = datetime(2025, 3, 12, 23, tzinfo=UTC)
READERS = [ADA, *(Subscriber(f"reader{number}@example.net", topics=("shells",)) for number in range(6))]
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two days, delivered."""
    made = Place(
        tmp_path_factory.mktemp("operator"), READERS, site={"url": "https://n.example.org", "operator_token": TOKEN}
    )
    made.list_papers(TUESDAY, "A robot that walks", "A mollusc that stays", "Something of neither")
    made.list_papers(TUESDAY + timedelta(days=1), "A robot that swims", "A mollusc that stings")
    for day in (TUESDAY, TUESDAY + timedelta(days=1)):
        aside(made.run(day))
    return made


@pytest.fixture(scope="module")
def anybody(place: Place) -> Iterator[httpx.Client]:
    with place.served() as client:
        yield client


@pytest.fixture(scope="module")
def operator(anybody: httpx.Client) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{anybody.base_url}{API}", headers=OPERATOR, timeout=30) as client:
        yield client


def _all(client: httpx.Client, name: str, **query: Any) -> list[Any]:
    """All rows of a list, page after page."""
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(f"/{name}", params={**query, "cursor": cursor}).raise_for_status()
        assert answer.headers["cache-control"] == "no-store"
        found += answer.json()[name]
        cursor = answer.json()["next"]
    return found


def _until(true: Callable[[], Any]) -> Any:
    """What `true` says as soon as it is true."""
    deadline = time.monotonic() + 20
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found
    return found


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_nothing_opens(anybody: httpx.Client, path: str) -> None:
    for headers in ({}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}):
        answer = anybody.get(API + path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="operator"')
        assert answer.headers["cache-control"] == "no-store"


def test_the_token_is_looked_at_before_anything_else(anybody: httpx.Client) -> None:
    wrong = {"Authorization": f"Bearer {TOKEN}x"}
    for answer in (
        anybody.post(f"{API}/suppressions", content=b"{", headers={"Content-Type": "application/json"}),
        anybody.post(f"{API}/suppressions", json={"address": 1}, headers=wrong),
        anybody.get(f"{API}/deliveries?state=nonsense", headers={"Authorization": "Bearer " + TOKEN[:-1]}),
        anybody.post(f"{API}/collect", headers={b"Authorization": "Bearer é".encode()}),
        anybody.delete(f"{API}/suppressions/ada@example.org"),
    ):
        assert answer.status_code == 401, answer.text


def test_subscribers_come_by_page_status_and_search(operator: httpx.Client) -> None:
    everybody = _all(operator, "subscribers", limit=2)
    assert [one["address"] for one in everybody] == [one.address for one in READERS]
    for status in ("active", "left"):  # another test takes one out
        asked = _all(operator, "subscribers", status=status, limit=3)
        assert asked == [one for one in everybody if one["status"] == status]
    assert [one["id"] for one in _all(operator, "subscribers", search="EADER3")] == [5]
    assert [one["name"] for one in _all(operator, "subscribers", search="Ada")] == ["Ada"]
    ada = operator.get("/subscribers/1").json()
    assert (ada["address"], ada["topics"], ada["suppression"]) == (ADA.address, ["robots"], None)
    assert operator.get("/subscribers/99").status_code == 404


def test_deliveries_come_by_page_state_date_and_address(operator: httpx.Client) -> None:
    every = _all(operator, "deliveries", limit=3)
    assert len({one["id"] for one in every}) == len(every) == 2 * len(READERS)
    places = [(one["local_date"], one["id"]) for one in every]
    assert places == sorted(places, reverse=True)
    accepted = _all(operator, "deliveries", state="accepted", date="2025-03-11")
    assert accepted
    assert all((one["state"], one["local_date"], one["code"]) == ("accepted", "2025-03-11", 250) for one in accepted)
    assert len(_all(operator, "deliveries", address="ADA@Example.org")) == 2
    assert operator.get("/deliveries", params={"address": "nobody"}).json()["faults"][0]["where"] == "address"


def test_batches_come_by_source_and_age(place: Place, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    every = _all(operator, "batches", limit=1)
    assert [one["id"] for one in every] == sorted((one["id"] for one in every), reverse=True)
    assert {one["verdict"] for one in every} >= {"new", "same"}
    assert _all(operator, "batches", source="page") == every
    assert _all(operator, "batches", source="nobody") == []
    monkeypatch.setattr(place, "now", NEXT_NIGHT)
    newest = _all(operator, "batches", days=1)
    assert 0 < len(newest) < len(every)


def test_suppressions_are_added_once_and_lifted(operator: httpx.Client) -> None:
    given = {"address": "Reader5@EXAMPLE.net", "reason": "asked by phone"}
    added = operator.post("/suppressions", json=given)
    assert (added.status_code, added.json()["address"]) == (201, "reader5@example.net")
    again = operator.post("/suppressions", json=given | {"reason": "twice"})
    assert (again.status_code, again.json()) == (200, added.json())
    for number in range(3):
        assert operator.post("/suppressions", json={"address": f"x{number}@example.org"}).status_code == 201
    assert [one["address"] for one in _all(operator, "suppressions", limit=1)] == [
        "reader5@example.net",
        "x0@example.org",
        "x1@example.org",
        "x2@example.org",
    ]
    assert [one["reason"] for one in _all(operator, "suppressions", search="READER")] == ["asked by phone"]
    reader = operator.get("/subscribers/7").json()
    assert (reader["status"], reader["suppression"]["reason"]) == ("left", "asked by phone")
    assert operator.delete("/suppressions/READER5@example.net").status_code == 204
    assert operator.delete("/suppressions/reader5@example.net").status_code == 404
    assert operator.get("/subscribers/7").json()["status"] == "left"
    several: list[Any] = [
        {"address": "nobody"},
        {"address": "a@example.org", "reason": "two\nlines"},
        {"adress": "x"},
        [],
    ]
    for wrong in several:
        assert operator.post("/suppressions", json=wrong).status_code == 422
    assert operator.post("/suppressions", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_preview_is_what_is_sent_and_saves_nothing(place: Place, operator: httpx.Client) -> None:
    before = place.rows()
    told = operator.get("/preview", params={"subscriber": ADA.address, "day": "2025-03-11"}).json()
    assert (told["subscriber"], told["day"], told["empty"]) == (ADA.address, "2025-03-11", False)
    assert "A robot that walks" in told["html"]
    as_html, as_text = (
        operator.get("/preview", params={"subscriber": ADA.address, "day": "2025-03-11", "format": form})
        for form in ("html", "text")
    )
    assert (as_html.text, as_text.text) == (told["html"], told["text"])
    assert as_html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    sent = next(mail for mail in place.mail() if mail["To"].addresses[0].addr_spec == ADA.address)
    assert sent["Subject"] == told["subject"]
    assert operator.get("/preview", params={"subscriber": "nobody@example.org"}).status_code == 404
    assert operator.get("/preview", params={"subscriber": ADA.address, "day": "1999-01-01"}).status_code == 404
    assert operator.get("/preview").status_code == 422
    assert place.rows() == before


def test_collecting_goes_on_in_the_background_one_at_a_time(
    place: Place, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.get("/collect").json()["stage"] in ("idle", "failed")
    place.list_papers(TUESDAY + timedelta(days=2), "A robot that flies")
    going, collect = [], Daily.collect

    async def slowly(daily: Daily, *given: Any, **named: Any) -> Any:
        going.append(asyncio.Event())
        await going[-1].wait()
        return await collect(daily, *given, **named)

    monkeypatch.setattr(Daily, "collect", slowly)
    begun = operator.post("/collect")
    assert (begun.status_code, begun.json()["stage"]) == (202, "running")
    assert operator.post("/collect").status_code == 409
    assert operator.get(begun.headers["location"].removeprefix(API)).json()["stage"] == "running"
    _until(lambda: going)[0].set()
    monkeypatch.undo()
    done = _until(lambda: (told := operator.get("/collect").json()) and told["stage"] == "done" and told)
    assert sum(one["new"] for one in done["gathered"]) == 1
    assert operator.get("/papers", params={"q": "flies"}).json()["papers"]


@pytest.mark.parametrize(
    ("error", "said"),
    [(SourceError("the source is gone; look for it"), "the source is gone; look for it"), (KeyError("x"), "log")],
)
def test_a_collecting_that_fails_says_so(
    operator: httpx.Client, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Daily, "collect", fail)
    assert operator.post("/collect").status_code == 202
    told = _until(lambda: (told := operator.get("/collect").json())["stage"] == "failed" and told)
    assert said in told["error"]
    assert told["ended_at"]


def test_a_server_that_ends_ends_a_collecting(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def for_ever(*_: Any, **__: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    monkeypatch.setattr(Daily, "collect", for_ever)
    monkeypatch.setattr(bearer, "WRONG_TRIES", RateLimitItemPerHour(3))
    place = Place(tmp_path, site={"operator_token": TOKEN})
    with place.served() as client:
        assert client.post(f"{API}/collect", headers=OPERATOR).status_code == 202
        # And on the way: four wrong tokens of one network are too many, whatever comes after them.
        wrong = [client.get(f"{API}/batches", headers={"Authorization": f"Bearer wrong{n}"}) for n in range(4)]
        assert [one.status_code for one in wrong] == [401, 401, 401, 429]
        assert 0 < int(wrong[-1].headers["retry-after"]) <= 3600
        assert client.get(f"{API}/batches", headers=OPERATOR).status_code == 429
        assert client.get(f"{API}/papers").status_code == 200
    assert ended


def test_foreign_pages_change_nothing(place: Place, operator: httpx.Client) -> None:
    answer = operator.post("/suppressions", json={"address": "e@example.org"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    large = operator.post("/suppressions", content=b"x" * 300_000, headers={"Content-Type": "application/json"})
    assert (large.status_code, large.json()["detail"]) == (413, "The body is too large.")

    def pieces() -> Iterator[bytes]:
        for _ in range(300):
            yield b" " * 1_000

    grown = operator.post("/suppressions", content=pieces(), headers={"Content-Type": "application/json"})
    assert (grown.status_code, grown.json()["status"]) == (413, 413)


@pytest.mark.parametrize(("error", "status"), [(StoreError("The disk is full."), 503), (KeyError("secret"), 500)])
def test_what_fails_here_is_told_without_a_word_of_how(
    operator: httpx.Client, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Papers, "page", fail)
    answer = operator.get("/papers")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert "disk" not in answer.text
    assert (status == 503) == ("retry-after" in answer.headers)
