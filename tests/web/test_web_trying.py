"""The digest that a visitor would get, before they sign up: made of what is frozen, and of their words, limited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from own_web import OWN, SECRET, values, waited
from readers_web import TUESDAY, WISHES, Place, hidden
from serving_web import serving

from newsletter.web.limiting import (
    MOMENT,
    RANKINGS_AT_ONCE,
    RANKINGS_IN_TOTAL,
    RANKINGS_PER_NETWORK,
    RankingLimits,
)

TITLES = ("A Robot That Walks", "The Mollusc <b>That</b> Thought", "A Zebrafish Thinks", "A Stone", "A Second Stone")
"""The papers of the day; Wednesday's edition is the newest for as long as the clock says Tuesday."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("trying"))
    made.list_papers(TUESDAY, *TITLES)
    waited(made.run(TUESDAY))
    return made


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[httpx.Client]:
    with place.served() as client:
        yield client


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/subscribe/preview", data={"address": "", **WISHES, "topics": [], **fields})


def seen(answer: httpx.Response) -> tuple[str, list[str], list[str]]:
    """What is said of the preview, its headings, and the titles in it."""
    [section] = re.findall(r'<section id="preview".*?</section>', answer.text, re.S)
    [said] = re.findall(r'<p id="preview-said"[^>]*>(.*?)</p>', section)
    headings = re.findall(r"<h3[^>]*>(.*?)</h3>", section)
    titles = re.findall(r'<a href="/papers/[^"]*">(.*?)</a>', section)
    return unescape(said), list(map(unescape, headings)), list(map(unescape, titles))


def test_the_preview_is_a_digest_of_the_newest_edition_with_its_reasons(client: httpx.Client) -> None:
    said, headings, titles = seen(ask(client, topics=["robots", "shells"]))
    assert said == "3 of the 5 papers of Tuesday 11 March 2025, our newest edition, by what you chose."
    assert set(headings) == {"Robots", "Shells <&>", "From outside your topics"}
    assert set(titles[:2]) == set(TITLES[:2])
    assert "title says “Robot”" in unescape(ask(client, topics=["robots"]).text)
    said, headings, titles = seen(ask(client))
    assert "what is trending" in said
    assert (headings[0], set(titles)) == ("The day's top pick", set(TITLES))


def test_own_words_are_ranked_and_bring_reasons_like_all_others(client: httpx.Client) -> None:
    answer = ask(client, topics=["shells"], **OWN)
    assert answer.status_code == 200
    _, headings, titles = seen(answer)
    assert headings[:2] in ([SECRET, "Shells <&>"], ["Shells <&>", SECRET])
    assert "A Zebrafish Thinks" in titles
    assert "title says “Zebrafish”" in unescape(answer.text)
    assert "<script>alert" not in answer.text


def test_the_form_comes_back_as_it_was_typed_and_can_be_sent_at_once(place: Place, client: httpx.Client) -> None:
    stamp = hidden(client.get("/subscribe").text, "stamp")
    fields = {**OWN, "address": "hal@example.net", "hour": "21", "rhythm": "weekly", "timezone": "Asia/Tokyo"}
    shown = ask(client, **fields, topics=["shells"], stamp=stamp)
    assert shown.headers["cache-control"] == "no-store"
    assert 'value="hal@example.net"' in shown.text
    assert hidden(shown.text, "stamp") == stamp
    assert values(shown.text, "own_name") == [SECRET, ""]
    assert values(shown.text, "own_keywords")[0] == 'zebrafish, "calcium imaging"'
    assert re.findall(r'<input type="checkbox" name="topics" value="(\w+)" checked', shown.text) == ["shells"]
    for chosen in ('value="21"', 'value="weekly"'):
        assert f"<option {chosen} selected" in shown.text
    assert "<option selected>Asia/Tokyo" in shown.text
    assert "timezone.js" not in shown.text  # it would choose another
    other = hidden(ask(client, stamp="7.forged").text, "stamp")
    assert other
    assert other != "7.forged"


def test_looking_changes_nothing_and_sends_nothing(place: Place, client: httpx.Client) -> None:
    before, mail = place.rows(), len(place.mail())
    assert ask(client, **{**OWN, "own_name": "Another"}, address="ida@example.net").status_code == 200
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = client.request(method, "/subscribe/preview")
        assert answer.status_code in (303, 405)
    assert (place.rows(), len(place.mail())) == (before, mail)
    foreign = client.post("/subscribe/preview", data=WISHES, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"own_name": "Only a name"}, "say what it is about"),
        ({"topics": ["nonsense"]}, "there is no topic “nonsense”"),
        ({**OWN, "own_slug": "~x", "own_name": ""}, "needs a name"),
    ],
)
def test_a_fault_is_said_and_nothing_is_ranked(client: httpx.Client, fields: dict[str, Any], words: str) -> None:
    answer = ask(client, **fields)
    assert answer.status_code == 422
    said, _, titles = seen(answer)
    assert words in said
    assert titles == []


def test_a_topic_that_no_paper_is_about_is_said_kindly(client: httpx.Client) -> None:
    said, headings, _ = seen(
        ask(client, **{**OWN, "own_name": "Xylophones", "own_description": "", "own_keywords": "xylophone"})
    )
    assert said.startswith("Nothing in the 5 papers of Tuesday")
    assert headings == []


def test_where_there_is_no_edition_it_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Place(tmp_path_factory.mktemp("empty"))
    with empty.served() as client:
        answer = ask(client, topics=["robots"], **OWN)
        assert answer.status_code == 200
        assert "There is no edition yet" in seen(answer)[0]


def test_a_network_has_so_many_rankings_and_no_more(place: Place) -> None:
    with serving(place.configuration, now=lambda: place.now) as address, httpx.Client(base_url=address) as client:
        used = 0
        for number in range(RANKINGS_PER_NETWORK.amount + 1):
            answer = ask(client, **{**OWN, "own_name": f"Topic {number}"})
            if answer.status_code == 429:
                break
            used += 1
        assert used == RANKINGS_PER_NETWORK.amount
        assert 0 < int(answer.headers["retry-after"]) <= 3600
        assert re.search(r"Please try again in \d+ minutes, or sign up", seen(answer)[0])
        assert values(answer.text, "own_keywords")[0] == 'zebrafish, "calcium imaging"'
        # What is frozen, and what was ranked before, needs no ranking.
        assert ask(client, topics=["robots"]).status_code == 200
        assert ask(client, **{**OWN, "own_name": "Topic 3"}).status_code == 200


def test_two_rankings_at_a_time_and_a_limit_for_all() -> None:
    limits = RankingLimits()
    turns = [limits.turn(f"192.0.2.{number}") for number in range(RANKINGS_AT_ONCE + 1)]
    assert [turn.__enter__() for turn in turns] == [0] * RANKINGS_AT_ONCE + [MOMENT]
    for turn in turns:
        turn.__exit__(None, None, None)
    waits = []
    for number in range(RANKINGS_IN_TOTAL.amount):
        with limits.turn(f"2001:db8:{number:x}::1") as wait:
            waits.append(wait)
    assert waits.count(0) == RANKINGS_IN_TOTAL.amount - RANKINGS_AT_ONCE
    assert waits[-1] > 3500
    with pytest.raises(RuntimeError), RankingLimits().turn("192.0.2.1"):
        raise RuntimeError
