"""Leaving by one click (RFC 8058), and by a button."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace
from pathlib import Path

import databases
import httpx
import pytest
from itsdangerous import Signer
from readers_web import ADA, TUESDAY, Place, bad_tokens, html_of, path_in, text_of

from newsletter.assembly import opened_store
from newsletter.model import State, Status, Subscriber
from newsletter.store import Store

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def ada(place: Place) -> Subscriber:
    found = await place.reader(ADA.address)
    assert found is not None
    return found


BODIES = [
    pytest.param({"data": ONE_CLICK}, id="urlencoded"),
    pytest.param({"files": {"List-Unsubscribe": (None, "One-Click")}}, id="multipart"),
    pytest.param({}, id="no body"),
    pytest.param({"content": b"\xff\x00 not a form", "headers": {"Content-Type": "text/plain"}}, id="any body"),
    pytest.param({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, id="broken multipart"),
    pytest.param({"data": ONE_CLICK, "headers": {"Origin": "https://mail.example"}}, id="from anywhere"),
    pytest.param({"data": ONE_CLICK, "headers": {"Sec-Fetch-Site": "cross-site"}}, id="from a web mailer"),
]


@pytest.mark.parametrize("given", BODIES)
async def test_one_post_and_the_reader_is_out(place: Place, given: dict[str, object]) -> None:
    with place.served() as client:
        reader = await ada(place)
        link = f"/unsubscribe/{place.tokens.leave(reader.id, reader.address)}"
        answers = [client.post(link, **given) for _ in range(2)]  # type: ignore[arg-type]  # httpx's own options
        assert [one.status_code for one in answers] == [200, 200]
        assert answers[0].text == answers[1].text
        assert "set-cookie" not in answers[0].headers
    out = await ada(place)
    assert out.status is Status.LEFT
    [(address, reason, _)] = place.rows()["suppressions"]
    assert (address, reason) == (ADA.address, "one click")


async def test_who_left_by_link_stays_away_whatever_the_file_says(place: Place) -> None:
    place.list_papers(TUESDAY, "A Robot That Walks")
    with place.served() as client:
        reader = await ada(place)
        client.post(f"/unsubscribe/{place.tokens.leave(reader.id, reader.address)}", data=ONE_CLICK)
    for readers in ((ADA,), (), (replace(ADA, hour=9, topics=()),)):
        place.configuration = replace(place.configuration, subscribers=readers)
        async with opened_store(place.configuration):
            pass
        assert (await ada(place)).status is Status.LEFT
    assert await place.run(TUESDAY) == {}
    assert place.mail() == []


async def test_the_link_of_an_e_mail_shows_a_button_that_does_it(place: Place) -> None:
    place.list_papers(TUESDAY, "A Robot That Walks")
    assert await place.run(TUESDAY) == {ADA.address: State.ACCEPTED}
    [mail] = place.mail()
    link = path_in(mail, "unsubscribe")
    assert f"<{place.address}{link}>" in str(mail["List-Unsubscribe"])
    assert link in html_of(mail)
    assert ADA.address not in text_of(mail)
    with place.served() as client:
        before = place.rows()
        for method in ("GET", "HEAD", "OPTIONS"):
            client.request(method, link)
        page = client.get(link)
        assert '<form method="post">' in page.text
        assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")
        assert page.headers["referrer-policy"] == "same-origin"
        assert place.rows() == before
        assert client.post(link).status_code == 200
    assert (await ada(place)).status is Status.LEFT


async def test_links_in_mails_that_are_out_are_believed(tmp_path: Path) -> None:
    """Signed before addresses were bound in, and by a key that has been replaced since."""
    place = Place(tmp_path, secret_keys=["the new key", "the old key"])
    with place.served() as client:
        reader = await ada(place)
        old = Signer("the old key", salt="newsletter.leave", key_derivation="hmac", digest_method=hashlib.sha256)
        assert client.post(f"/unsubscribe/{old.sign(str(reader.id)).decode()}").status_code == 200
    assert (await ada(place)).status is Status.LEFT


async def test_every_token_that_is_no_good_gets_the_same_answer_and_changes_nothing(place: Place) -> None:
    bea = Subscriber("bea@example.org", topics=("robots",))
    place.configuration = replace(place.configuration, subscribers=(ADA, bea))
    with place.served() as client:
        reader, tokens = await ada(place), place.tokens
        good = tokens.leave(reader.id, reader.address)
        bad = bad_tokens(tokens, reader, good)
        before = place.rows()
        answers = {(one.status_code, one.text) for one in (client.post(f"/unsubscribe/{token}") for token in bad)}
        shown = {(one.status_code, one.text) for one in (client.get(f"/unsubscribe/{token}") for token in [good, *bad])}
        assert place.rows() == before
        assert len(shown) == 1
        answer = client.post(f"/unsubscribe/{good}")
    assert answers == {(answer.status_code, answer.text)}
    assert answer.status_code == 200


async def test_many_who_leave_at_once_wait_for_the_database_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds it for longer than we wait; one after the other they would wait for as long as there are
    readers."""
    readers = [Subscriber(f"reader{number}@example.org", topics=("robots",)) for number in range(12)]
    place = Place(tmp_path, readers=readers)
    monkeypatch.setattr(Store.open.__func__, "__defaults__", (1.0,))  # seconds to wait for the lock
    with place.served():
        known = [found for one in readers if (found := await place.reader(one.address))]
        links = [f"/unsubscribe/{place.tokens.leave(one.id, one.address)}" for one in known]
        async with httpx.AsyncClient(base_url=place.address, timeout=30) as client:
            with databases.connected(place.url) as other:
                server = databases.is_server(place.url)
                other.exec_driver_sql("LOCK TABLE subscribers" if server else "BEGIN IMMEDIATE")
                begun = time.monotonic()
                answers = await asyncio.gather(*(client.post(link, data=ONE_CLICK) for link in links))
                assert time.monotonic() - begun < 5
                assert {one.status_code for one in answers} == {503}
            answers = await asyncio.gather(*(client.post(link, data=ONE_CLICK) for link in links))
            assert {one.status_code for one in answers} == {200}
    assert {address for address, *_ in place.rows()["suppressions"]} == {one.address for one in readers}
