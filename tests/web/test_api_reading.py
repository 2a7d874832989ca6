"""The API for everybody: papers, editions, topics; what keeps, what is limited, and what is never told."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from papers_web import DAY, FEED_PAPER, FULL, FULL_NUMBERS, HOSTILE_TOPIC, hostile
from readers_web import ADA, ROBOTS, TUESDAY, Place
from serving_web import aside, holding, serving

from newsletter.model import Topic
from newsletter.settings import Configuration
from newsletter.settings.keys import private_folder
from newsletter.store import Store
from newsletter.web.api import routes
from newsletter.web.api.paging import cursor, day, number, place_of, word
from newsletter.web.api.problems import FaultyError
from newsletter.web.windows import Window

OWN = Topic("~0123456789abcdef", "Secret kelp", keywords=("kelp",), min_score=-100.0)
API = "/api/v1"


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[httpx.Client]:
    """Two frozen days of the seeds."""
    with httpx.Client(base_url=f"{address}{API}", timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A day of papers of every kind, hostile ones too."""
    papers = [FULL, FEED_PAPER, *hostile()]
    made = holding(
        tmp_path_factory.mktemp("odd"), papers, FULL_NUMBERS, topics=[HOSTILE_TOPIC], site="https://n.example"
    )
    with serving(aside(made)) as served, httpx.Client(base_url=f"{served}{API}", timeout=30) as client:
        yield client


def _written(parts: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _all(client: httpx.Client, path: str, name: str, **query: Any) -> list[Any]:
    """All rows of a list, page after page."""
    found: list[Any] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = client.get(path, params={**query, "cursor": after}).raise_for_status().json()
        found += page[name]
        after, pages = page["next"], pages + 1
        assert pages < 300
    return found


def test_pages_of_papers_are_all_papers_once(page: httpx.Client) -> None:
    some, others = (_all(page, "/papers", "papers", limit=limit) for limit in (7, 100))
    assert some == others
    assert len({one["id"] for one in some}) == len(some) > 100
    seen = [one["first_seen"] for one in some]
    assert seen == sorted(seen, reverse=True)


def test_a_day_comes_in_its_order(page: httpx.Client) -> None:
    papers = _all(page, "/papers", "papers", day="2025-03-12", limit=9)
    ranks = [
        next(one["rank"] for one in page.get(f"/papers/{paper['id']}").json()["listings"] if one["day"] == "2025-03-12")
        for paper in papers[:12]
    ]
    assert ranks == sorted(ranks)
    assert {one["id"] for one in _all(page, "/papers", "papers", day="2025-03-12")} == {one["id"] for one in papers}
    assert page.get("/papers", params={"day": "1999-01-01"}).json() == {"papers": [], "next": None}


def test_words_are_looked_for(page: httpx.Client) -> None:
    found = _all(page, "/papers", "papers", q="Neural FIELDS", limit=5)
    assert 0 < len(found) < 100
    for one in found:
        assert {"neural", "fields"} <= set("".join(c if c.isalnum() else " " for c in str(one)).casefold().split())
    of_day = _all(page, "/papers", "papers", q="Neural FIELDS", day="2025-03-12")
    assert {one["id"] for one in of_day} < {one["id"] for one in found}


def test_a_paper_tells_all(odd: httpx.Client) -> None:
    told = odd.get(f"/papers/{FULL.id}").json()
    assert told == odd.get("/papers/2503.01234v2").json()
    assert told["title"].startswith("Mapping O(N²) Brains at 90% of the Speed of Talk")
    assert told["raw_title"] == FULL.title
    assert told["authors"][1] == "Erwin Schrödinger"
    assert told["page"] == f"https://n.example/papers/{FULL.id}"
    assert [(one["kind"], one["url"]) for one in told["links"]] == [(one.kind, one.url) for one in FULL.links]
    assert {one["what"]: one["value"] for one in told["numbers"]} == {"votes": 41, "comments": 1234}
    assert told["edition"] == DAY.isoformat()
    assert [(one["source"], one["day"], one["rank"]) for one in told["listings"]] == [
        (one.source, one.day.isoformat(), one.rank) for one in FULL.listings
    ]


def test_hostile_papers_lead_nowhere(odd: httpx.Client) -> None:
    edition = odd.get(f"/editions/{DAY}").json()
    assert edition["total"] == len(edition["papers"]) == 2 + len(hostile())
    for one in edition["papers"]:
        whole = odd.get(one["page"].removeprefix("https://n.example")).json()
        assert whole["title"] == one["title"]
        for link in whole["links"]:
            host = httpx.URL(link["url"]).host
            assert link["url"].startswith(("https://", "http://"))
            assert "@" not in httpx.URL(link["url"]).netloc.decode(), host
        for text in (whole["title"], whole["abstract"], *whole["authors"], whole["venue"], *whole["categories"]):
            assert not set(text) & set("\x00\x08\x1b\u202e\u2066")
    assert odd.get(f"/topics/{HOSTILE_TOPIC.slug}").json()["days"][0]["total"] >= 1


def test_editions_follow_one_another(page: httpx.Client) -> None:
    days = _all(page, "/editions", "editions", limit=1)
    assert [one["day"] for one in days] == ["2025-03-12", "2025-03-11"]
    newest, oldest = (page.get(f"/editions/{one['day']}").json() for one in days)
    assert newest["previous_day"] == "2025-03-11" == oldest["day"]
    assert oldest["next_day"] == "2025-03-12"
    assert newest["next_day"] is None is oldest["previous_day"]
    assert len(_all(page, "/editions/2025-03-12", "papers")) == newest["total"] == days[0]["total"]
    assert page.get("/editions/1999-01-01").status_code == 404


def test_picks_say_why_in_words_and_in_parts_that_add_up(page: httpx.Client) -> None:
    slugs = [one["slug"] for one in page.get("/topics").json()["topics"]]
    assert "language-models" in slugs
    topic = page.get("/topics/language-models").json()
    assert [one["day"] for one in topic["days"]] == ["2025-03-12", "2025-03-11"]
    for pick in topic["days"][0]["picks"]:
        assert pick["reasons"]
        assert pick["score"] == pytest.approx(sum(part["value"] for part in pick["parts"]))
    (whole,) = page.get("/topics/language-models", params={"day": "2025-03-12"}).json()["days"]
    assert len(whole["picks"]) == whole["total"] == topic["days"][0]["total"] > len(topic["days"][0]["picks"])


@pytest.mark.parametrize(
    "path", ["/papers", "/papers/title:0780642dd988c59a5751", "/editions", "/editions/2025-03-12", "/topics"]
)
def test_what_is_public_keeps(page: httpx.Client, path: str) -> None:
    first = page.get(path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert first.headers["content-type"] == "application/json"
    again = page.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = page.head(path)
    assert (head.status_code, head.headers["etag"], head.content) == (200, first.headers["etag"], b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/papers/arxiv:9999.99999", 404),
        ("/papers/" + "x" * 3000, 404),
        ("/editions/yesterday", 422),
        ("/editions/20250312", 422),
        ("/editions/1741737600", 422),
        ("/topics/nothing", 404),
        ("/topics/~0123456789abcdef", 404),
        ("/papers?limit=0", 422),
        ("/papers?limit=many", 422),
        ("/papers?day=2025-13-01", 422),
        ("/papers?cursor=x", 422),
        ("/papers?cursor=WzFd", 422),
        ("/papers?cursor=Wy0xLCJ4Il0&day=2025-03-12", 422),
        ("/papers?q=" + "x" * 201, 422),
        ("/subscribers", 404),
        ("/collect", 404),
        ("/nothing", 404),
        ("/", 404),
    ],
)
def test_what_is_wrong_is_a_problem_in_one_sentence(page: httpx.Client, path: str, status: int) -> None:
    answer = page.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["status"], told["type"]) == (status, "about:blank")
    assert told["detail"].endswith(".")
    assert "\n" not in told["detail"]
    assert (status == 422) == bool(told["faults"])


def test_methods_are_told(page: httpx.Client) -> None:
    answer = page.delete("/papers")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["title"] == "Method Not Allowed"
    assert page.get("/subscribe").headers["allow"] == "POST"


def test_nobody_is_told_of_what_is_not_set_up(page: httpx.Client) -> None:
    paths = page.get("/openapi.json").json()["paths"]
    assert all(one.startswith(f"{API}/") for one in paths)
    assert not {f"{API}/subscribers", f"{API}/collect", f"{API}/preview", f"{API}/bounces"} & set(paths)
    for method, path in (("POST", "/collect"), ("POST", "/bounces"), ("DELETE", "/suppressions/a@example.org")):
        assert page.request(method, path, headers={"Authorization": "Bearer x"}).status_code == 404


async def test_own_topics_are_their_readers(tmp_path: Any) -> None:
    place = Place(tmp_path, [replace(ADA, origin="import")])
    place.list_papers(TUESDAY, "Secret kelp", "A robot that walks")
    private_folder(place.configuration.settings.state_dir)
    async with await Store.open(place.url) as store:
        await store.subscribers.add([replace(ADA, origin="import")])
        reader = await store.subscribers.find(ADA.address)
        assert reader
        assert await store.subscribers.change(
            reader.id, topics=[ROBOTS.slug], timezone="UTC", hour=7, rhythm=reader.rhythm, locale="", own=[OWN]
        )
    place.configuration = replace(place.configuration, subscribers=())
    await place.run(TUESDAY)
    async with await Store.open(place.url) as store:
        edition = await store.editions.find(TUESDAY)
        assert edition
        assert OWN.slug in await store.editions.rankings(edition.id)
    with place.served() as client:
        assert client.get(f"{API}/topics/{OWN.slug}").status_code == 404
        for path in ("/topics", "/editions", f"/editions/{TUESDAY}", "/topics/robots", "/papers", "/openapi.json"):
            text = client.get(API + path).raise_for_status().text
            assert "~" not in text
            assert path in ("/papers", f"/editions/{TUESDAY}") or "kelp" not in text.casefold()


def test_reading_is_limited_by_network(installation: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "READINGS", RateLimitItemPerMinute(3))
    with serving(installation) as served, httpx.Client(base_url=f"{served}{API}") as client:
        assert [client.get("/topics").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = client.get("/papers")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json()["detail"] == "There were too many requests from your network."
        assert client.get("/openapi.json").status_code == 200


@given(st.text() | st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text()).map(_written))
@settings(deadline=None, max_examples=150)
def test_a_cursor_is_ours_or_it_is_a_fault(given: str) -> None:
    for kinds in ((number,), (day, number), (word,), (day, word)):
        try:
            place = place_of(given, *kinds)
        except FaultyError:
            continue
        assert (place is None) == (not given)
        assert place is None or place_of(cursor(*place), *kinds) == place


def test_a_window_counts_networks_apart() -> None:
    window = Window(RateLimitItemPerMinute(2))
    for client in ("192.0.2.1", "192.0.2.200", None):
        assert window.wait(client) == 0
        window.count(client)
    assert 0 < window.wait("192.0.2.7") <= 60
    assert window.wait("192.0.3.7") == 0
    assert window.wait(None) == 0
