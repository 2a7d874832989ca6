"""More like this, less like this: a page of one paper for one reader. And scanners, who press every link."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from readers_web import ADA, BEA, TUESDAY, Place, html_of, path_in, text_of

from newsletter.model import Opinion, State, Subscriber
from newsletter.store import Store

HOSTILE = "A Robot <script>alert(1)</script> & \"Friends' {{ 7 * 7 }}"


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    made = Place(
        tmp_path,
        readers=(ADA, Subscriber("cleo@example.org", topics=("robots", "shells")), Subscriber("dan@example.org")),
    )
    made.list_papers(TUESDAY, HOSTILE, "The Mollusc That Thought", "A Stone")
    assert set((await made.run(TUESDAY)).values()) == {State.ACCEPTED}
    return made


def paper_of(place: Place, word: str) -> str:
    [found] = [str(row[0]) for row in place.rows()["papers"] if word in str(row[1])]
    return found


async def page_of(place: Place, address: str, word: str) -> tuple[Subscriber, str]:
    reader = await place.reader(address)
    assert reader is not None
    return reader, f"/opinions/{place.tokens.opinion(reader.id, address, paper_of(place, word))}"


async def said(place: Place, reader: Subscriber) -> list[tuple[str, str, Opinion]]:
    async with await Store.open(place.url) as store:
        standing = (await store.feedback.standing([reader.id])).get(reader.id, [])
    return [(one.topic, one.paper, one.opinion) for one in standing]


async def test_an_opinion_is_said_changed_and_taken_back(place: Place) -> None:
    reader, page = await page_of(place, ADA.address, "Robot")
    paper = paper_of(place, "Robot")
    with place.served() as client:
        shown = client.get(page)
        assert shown.headers["cache-control"] == "no-store"
        assert "<script>alert" not in shown.text
        assert "<script>alert(1)</script>" in unescape(shown.text)
        for say, opinion, words in (("like", Opinion.LIKE, "more"), ("dislike", Opinion.DISLIKE, "less")):
            answer = client.post(page, data={"say": say})
            assert (answer.status_code, answer.headers["location"]) == (303, page)
            assert await said(place, reader) == [("robots", paper, opinion)]
            assert f"You want {words} like it" in client.get(page).text
        client.post(page, data={"say": "undo"})
        assert await said(place, reader) == []
        before = place.rows()
        for nonsense in ({}, {"say": "love"}, {"say": "shown"}, {"say": "<script>"}):
            client.post(page, data=nonsense)
        assert place.rows() == before


async def test_it_is_about_the_topic_that_picked_the_paper_or_the_one_the_reader_names(place: Place) -> None:
    with place.served() as client:
        reader, page = await page_of(place, "cleo@example.org", "Mollusc")
        client.post(page, data={"say": "like"})
        assert [topic for topic, _, _ in await said(place, reader)] == ["shells"]
        reader, page = await page_of(place, "cleo@example.org", "Stone")
        assert "For which topic?" in client.get(page).text
        client.post(page, data={"say": "dislike"})
        client.post(page, data={"say": "dislike", "topic": "nonsense"})
        assert len(await said(place, reader)) == 1
        client.post(page, data={"say": "dislike", "topic": "robots"})
        assert [topic for topic, _, _ in await said(place, reader)] == ["shells", "robots"]
        reader, page = await page_of(place, "dan@example.org", "Stone")
        assert "You follow no topic" in client.get(page).text
        client.post(page, data={"say": "like"})
        assert await said(place, reader) == []


async def test_a_foreign_page_says_nothing_for_a_reader(place: Place) -> None:
    reader, page = await page_of(place, ADA.address, "Robot")
    with place.served() as client:
        answer = client.post(page, data={"say": "like"}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
    assert await said(place, reader) == []


async def test_scanners_press_every_link_and_change_nothing(place: Place) -> None:
    with place.served() as client:
        place.sign_up(client)
        confirm = path_in(place.mail()[-1], "confirm")
        _, opinion = await page_of(place, ADA.address, "Robot")
        client.post(opinion, data={"say": "like"})
        waiting = {confirm, opinion, "/", "/subscribe"}
        for mail in place.mail():
            waiting |= links(html_of(mail), place.address) | links(text_of(mail), place.address)
        assert {"/confirm", "/preferences", "/unsubscribe", "/opinions"} <= {f"/{one.split('/')[1]}" for one in waiting}
        before, seen = place.rows(), set[str]()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            for method in ("HEAD", "OPTIONS", "GET"):
                answer = client.request(method, path)
                assert answer.status_code < 500, (method, path)
            if "html" in answer.headers.get("content-type", ""):
                waiting |= links(answer.text, place.address) - seen
        assert place.rows() == before
    # The pages of opinions that e-mails lead to, by both of their links, and those that preferences do.
    assert {one.count("/") + ("?say=" in one) for one in seen if one.startswith("/opinions/")} == {2, 3, 4}
    assert any(one.endswith("/data.json") for one in seen)


def links(text: str, site: str) -> set[str]:
    """The paths on our site of everything in `text` that can be followed, forms' addresses too."""
    found = re.findall(r'(?:href|src|action)="([^"]+)"', text) + re.findall(r"https?://[^\s<>\"]+", text)
    whole = [urlsplit(urljoin(f"{site}/", unescape(one))) for one in found]
    return {
        one.path + (f"?{one.query}" if one.query else "") for one in whole if f"{one.scheme}://{one.netloc}" == site
    }


def test_the_reader_of_that_page_is_not_in_its_address(place: Place) -> None:
    assert BEA not in place.tokens.opinion(7, BEA, "arxiv:1")
    assert replace(ADA, id=7).address not in place.tokens.preferences(7, ADA.address)
