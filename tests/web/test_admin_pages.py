"""The operator's pages: every number leads to the list that it counts, and nothing in them is more than words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from databases import all_rows
from operator_web import BROKEN_ON, HOSTILE, READERS, TODAY, inside, opened, pages, seed
from serving_web import aside, serving

from newsletter.assembly import database_url
from newsletter.model import State
from newsletter.settings import Configuration

READS = READERS - 5  # those with deliveries


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    made = opened(tmp_path_factory.mktemp("operator"))
    aside(seed(made))
    return made


@pytest.fixture(scope="module")
def client(configuration: Configuration) -> Iterator[httpx.Client]:
    with serving(configuration) as address, inside(address) as opened_client:
        yield opened_client


def listed(page: str) -> int:
    """How many the list says it has."""
    found = re.search(r'<p class="quiet" role="status">([\d,]+)', page)
    assert found, page
    return int(found[1].replace(",", ""))


def test_every_number_leads_to_the_list_that_it_counts(client: httpx.Client) -> None:
    page = client.get("/admin").text
    links = re.findall(r'<a (?:class="big" )?href="(/admin/[^"]*)"[^>]*>([\d,]+)[ <]', page)
    assert len(links) > 20
    for href, number in links:
        answer = client.get(unescape(href))
        assert (answer.status_code, listed(answer.text)) == (200, int(number.replace(",", ""))), href
    assert f"{READS} due" in page
    assert "✓ balanced" in page


def test_what_sources_answered_is_a_word_for_each_day(client: httpx.Client) -> None:
    page = client.get("/admin").text
    cells = re.findall(r'<a class="verdict (\w+)" href="([^"]*date=(\S+))" title="[^:]*: (\w+)"', page)
    assert len(cells) == 60
    assert all(kind == word for kind, _, _, word in cells)
    [(_, href, day, _)] = [cell for cell in cells if cell[0] == "broken"]
    assert day == BROKEN_ON.isoformat()
    batches = client.get(unescape(href)).text
    assert listed(batches) == 1
    assert "broken" in batches


@pytest.mark.parametrize("path", pages())
def test_strangers_words_stay_words(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("no-store", "noindex")
    assert "style=" not in answer.text  # the policy allows none
    if path.startswith(("/admin/subscribers", "/admin/suppressions", "/admin/deliveries?", "/admin/batches?")):
        assert "&lt;script&gt;" in answer.text


def test_looking_changes_nothing(client: httpx.Client, configuration: Configuration) -> None:
    before = all_rows(database_url(configuration.settings))
    for path in [*pages(), "/admin/login", "/admin/subscribers.csv", "/admin/suppressions?done=lifted"]:
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.request(method, path).status_code in (200, 303, 405)
    assert all_rows(database_url(configuration.settings)) == before


def test_lists_are_read_to_their_end_a_page_at_a_time(client: httpx.Client) -> None:
    seen, path = list[str](), "/admin/deliveries?state=accepted&address=example"
    while path:
        page = client.get(path).text
        total = listed(page)
        seen += re.findall(r'href="/admin/deliveries/(\d+)"', page)
        more = re.search(r'<a rel="next" href="([^"]*)"', page)
        path = unescape(more[1]) if more else ""
    assert len(seen) == len(set(seen)) == total > 900


def test_filters_find_what_they_say(client: httpx.Client) -> None:
    def found(path: str) -> int:
        return listed(client.get(path).text)

    assert found("/admin/deliveries?address=READER07") == 30
    assert found(f"/admin/deliveries?address=reader07&date={TODAY}&state=refused") == 1
    assert found("/admin/subscribers?search=reader0") == 10
    assert found("/admin/subscribers?search=Reader+1&status=active") == 11
    assert found("/admin/suppressions?search=bounce") == 1
    for search in ("%", "_", "' OR '1'='1", "\\", '"; DROP TABLE subscribers; --', "x" * 5_000):
        assert found(str(httpx.URL("/admin/deliveries", params={"address": search}))) == 0
        assert found(str(httpx.URL("/admin/subscribers", params={"search": search}))) == 0
        assert found(str(httpx.URL("/admin/suppressions", params={"search": search}))) == 0
        assert found(str(httpx.URL("/admin/batches", params={"source": search}))) == 0


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/admin/deliveries?state=lost", "“lost” is none of planned"),
        ("/admin/deliveries?date=yesterday", "“yesterday” is not a day like 2025-03-12"),
        ("/admin/deliveries?since=%3Cscript%3E", "“&lt;script&gt;” is not a day"),
        ("/admin/batches?verdict=good", "“good” is none of new"),
        ("/admin/subscribers?status=gone", "“gone” is none of active"),
    ],
)
def test_a_filter_that_means_nothing_says_so(client: httpx.Client, path: str, why: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert why in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/admin/deliveries/0",
        "/admin/deliveries/999999",
        "/admin/deliveries/99999999999999999999",
        "/admin/deliveries/x",
        "/admin/subscribers/-1",
        "/admin/subscribers/4711",
        "/admin/subscribers/%00",
        "/admin/import/nothing",
        "/admin/import/nothing/rows.txt",
        "/admin/deliveries?before=x",
        "/admin/deliveries?before=2025-03-12.x",
        "/admin/batches?before=-1",
        "/admin/subscribers?after=1e3",
        "/admin/nowhere",
        "/admin/",
    ],
)
def test_what_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_one_delivery_and_one_reader_tell_all(client: httpx.Client) -> None:
    refused = client.get("/admin/deliveries?state=refused").text
    numbers = re.findall(r'href="/admin/deliveries/(\d+)"', refused)
    one = client.get(f"/admin/deliveries/{numbers[0]}").text
    assert f"550 5.1.1 {HOSTILE[:7]}" in unescape(one)
    assert "<dt>Tries</dt><dd>1</dd>" in one
    reader = unescape(client.get("/admin/subscribers/8").text)
    for said in ("reader07@example.org", "Robots", "daily, from 07:00 (UTC)", "4.2.2", "an import, since 2025-01-05"):
        assert said in reader
    left = unescape(client.get("/admin/subscribers/39").text)
    assert "Lift the suppression" in left
    assert "Take out" not in left


def test_metrics_agree_with_the_page(client: httpx.Client) -> None:
    metrics = client.get("/metrics").text
    page = client.get("/admin").text
    for state in State:
        number = re.search(rf'{{state="{state}"}} (\d+)', metrics)
        assert number
        assert f'aria-label="{number[1]} {state} in all"' in page
    assert 'newsletter_subscribers{status="left"} 1.0' in metrics
    assert "newsletter_suppressions 2.0" in metrics
    assert "newsletter_editions 1.0" in metrics


def test_an_empty_installation_has_a_page_too(tmp_path: Path) -> None:
    with serving(opened(tmp_path)) as address, inside(address) as client:
        page = client.get("/admin").text
        assert page.count("None yet") == 2
        assert "No source was asked yet" in page
        for path in pages():
            assert client.get(path).status_code == (404 if path[-1].isdigit() else 200)
