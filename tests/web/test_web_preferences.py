"""The page of one reader: what they see, change, take back, take away, and end."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from readers_web import ADA, BEA, ROBOTS, TUESDAY, WISHES, Place, bad_tokens

from newsletter.assembly import opened_store
from newsletter.model import Opinion, Rhythm, State, Status, Subscriber
from newsletter.store import Store

WEDNESDAY = TUESDAY + timedelta(days=1)
TITLES = ("A Robot That Walks", "The Mollusc That Thought")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.list_papers(TUESDAY, *TITLES)
    return made


async def bea(place: Place, client: httpx.Client, **fields: Any) -> Subscriber:
    """A reader who signed up on the page, and confirmed it."""
    place.sign_up(client, BEA, **fields)
    place.confirm(client)
    return await known(place, BEA)


async def known(place: Place, address: str) -> Subscriber:
    found = await place.reader(address)
    assert found is not None
    return found


def link(place: Place, reader: Subscriber) -> str:
    return f"/preferences/{place.tokens.preferences(reader.id, reader.address)}"


async def test_everything_is_shown_and_can_be_changed(place: Place) -> None:
    with place.served() as client:
        here = link(place, await bea(place, client))
        page = client.get(here)
        assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")
        assert re.findall(r'value="(\w+)" checked', page.text) == ["robots"]
        assert "<option selected>Europe/Berlin" in page.text
        changed = {
            "topics": ["shells", "robots"],
            "timezone": "Asia/Tokyo",
            "hour": "21",
            "rhythm": "weekdays",
            "locale": "de",
        }
        answer = client.post(here, data=changed)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{here}?done=changed")
        assert "It is changed." in client.get(answer.headers["location"]).text
        reader = await known(place, BEA)
        assert (reader.topics, reader.timezone, reader.hour) == (("shells", "robots"), "Asia/Tokyo", 21)
        assert (reader.rhythm, reader.locale, reader.status) == (Rhythm.WEEKDAYS, "de", Status.ACTIVE)
        assert client.post(f"{here}/weekly").status_code == 303
        assert (await known(place, BEA)).rhythm is Rhythm.WEEKLY
        client.post(here, data={**WISHES, "topics": []})
        assert (await known(place, BEA)).topics == ()


@pytest.mark.parametrize("field", ["topics", "timezone", "hour", "rhythm", "locale"])
async def test_what_cannot_be_is_said_beside_the_field_and_is_inert(place: Place, field: str) -> None:
    with place.served() as client:
        here = link(place, await bea(place, client))
        before = place.rows()
        answer = client.post(here, data=WISHES | {field: '"><script>alert(1)</script>'})
        assert answer.status_code == 422
        assert f'id="{field}-fault"' in answer.text
        assert "<script>" not in answer.text
        assert place.rows() == before


@pytest.mark.parametrize("until", ["", "tomorrow", "2025-03-11", "2025-03-10", "2026-03-13", "20250401x", "9999-99-99"])
async def test_a_pause_ends_on_a_day_to_come(place: Place, until: str) -> None:
    with place.served() as client:
        here = link(place, await bea(place, client))
        answer = client.post(f"{here}/pause", data={"until": until})
        assert (answer.status_code, 'id="until-fault"' in answer.text) == (422, True)
        assert (await known(place, BEA)).status is Status.ACTIVE


async def test_a_pause_is_kept_by_the_file_and_ended_by_its_reader(place: Place) -> None:
    with place.served() as client:
        here = link(place, await known(place, ADA.address))
        assert client.post(f"{here}/pause", data={"until": "2025-03-13"}).status_code == 303
        assert "paused until 13 March 2025" in client.get(here).text
        assert await place.run(TUESDAY) == {}  # which reads the file first
        assert (await known(place, ADA.address)).paused_until == TUESDAY + timedelta(days=2)
        assert client.post(f"{here}/resume").headers["location"].endswith("?done=resumed")
        assert client.post(f"{here}/resume").headers["location"].endswith("?done=nothing")
    assert await place.run(TUESDAY) == {ADA.address: State.ACCEPTED}


async def test_a_rehearsal_counts_who_is_back_and_wakes_nobody(place: Place) -> None:
    from newsletter.assembly import opened_daily

    async with opened_daily(place.configuration, now=lambda: place.now) as daily:
        reader = await daily.store.subscribers.find(ADA.address)
        assert reader is not None
        assert await daily.store.subscribers.pause(reader.id, TUESDAY)
        _, previews = await daily.rehearse(TUESDAY)
        assert [one.subscriber.address for one in previews] == [ADA.address]
        still = await daily.store.subscribers.find(ADA.address)
        assert still is not None
        assert still.status is Status.PAUSED


async def test_what_the_file_decides_is_shown_and_not_changeable(place: Place) -> None:
    with place.served() as client:
        reader = await known(place, ADA.address)
        here = link(place, reader)
        page = client.get(here).text
        assert "keeps your entry in a file" in page
        assert ROBOTS.name in page
        assert 'name="topics"' not in page
        client.post(here, data={**WISHES, "topics": ["shells"]})
        assert client.post(f"{here}/weekly").headers["location"].endswith("?done=nothing")
        assert await known(place, ADA.address) == reader
        assert client.post(f"{here}/leave").headers["location"].endswith("?done=left")
        gone = client.get(here).text
        assert "<dd>left</dd>" in gone
        assert "/pause" not in gone
        for button in ("pause", "resume", "weekly"):
            answer = client.post(f"{here}/{button}", data={"until": "2025-04-01"})
            assert answer.headers["location"].endswith("?done=nothing")
        assert (await known(place, ADA.address)).status is Status.LEFT


async def test_what_was_said_is_listed_and_taken_back(place: Place) -> None:
    assert await place.run(TUESDAY) == {ADA.address: State.ACCEPTED}
    with place.served() as client:
        reader = await known(place, ADA.address)
        here = link(place, reader)
        assert "you have not said yet" in client.get(here).text
        before = place.rows()
        opinions = re.findall(r'href="(/opinions/[^"]+)">([^<]+)<', client.get(here).text)
        assert place.rows() == before
        assert TITLES[0] in [title for _, title in opinions]
        paper = next(path for path, title in opinions if title == TITLES[0])
        assert client.post(paper, data={"say": "like"}).status_code == 303
        page = client.get(here).text
        assert f"More like “{TITLES[0]}” for Robots" in page
        number = re.search(r'name="number" value="(\d+)"', page)
        assert number
        for wrong in ("999", "x", "", "²", "-1", "9" * 30):
            assert client.post(f"{here}/undo", data={"number": wrong}).headers["location"].endswith("?done=nothing")
        assert client.post(f"{here}/undo", data={"number": number[1]}).headers["location"].endswith("?done=undone")
        assert "you have not said yet" in client.get(here).text


async def test_nobody_takes_back_what_another_said(place: Place) -> None:
    await place.run(TUESDAY)
    with place.served() as client:
        ada, other = await known(place, ADA.address), await bea(place, client)
        async with await Store.open(place.url) as store:
            paper = place.rows()["papers"][0][0]
            await store.feedback.record(ada.id, "robots", paper, Opinion.LIKE, place.now)
            [said] = (await store.feedback.standing([ada.id]))[ada.id]
            client.post(f"{link(place, other)}/undo", data={"number": str(said.id)})
            assert (await store.feedback.standing([ada.id]))[ada.id] == [said]


async def test_what_was_sent_and_all_the_rest_can_be_seen_and_taken_away(place: Place) -> None:
    await place.run(TUESDAY)
    with place.served() as client:
        here = link(place, await known(place, ADA.address))
        page = client.get(here).text
        assert '11 March 2025</time></td><td>sent</td><td dir="auto">250 2.0.0 stored</td>' in page
        answer = client.get(f"{here}/data.json")
        assert answer.headers["content-disposition"] == 'attachment; filename="newsletter-data.json"'
        data = answer.json()
        assert (data["subscriber"]["address"], data["subscriber"]["topics"]) == (ADA.address, ["robots"])
        assert [(one["local_date"], one["state"]) for one in data["deliveries"]] == [("2025-03-11", "accepted")]
        assert (data["feedback"], data["reports"], data["suppressions"]) == ([], [], [])


async def test_to_be_forgotten_leaves_a_suppression_and_the_counts(place: Place) -> None:
    with place.served() as client:
        reader = await bea(place, client, topics=["robots"])
        here = link(place, reader)
        await place.run(TUESDAY)
        async with await Store.open(place.url) as store:
            paper = place.rows()["papers"][0][0]
            await store.feedback.record(reader.id, "robots", paper, Opinion.LIKE, place.now)
            await store.bounces.record(
                "a" * 64, reader.id, BEA, "soft", "<1@example.org>", "5.2.2", f"{BEA} is full", place.now
            )
        place.list_papers(WEDNESDAY, "A Robot That Talks", "A Robot That Sings")
        await place.run(WEDNESDAY)  # with a ranking of her own
        assert place.rows()["personal_rankings"]
        assert BEA in {str(one["To"]) for one in place.mail()}
        counted = len(place.rows()["deliveries"])

        assert 'id="sure-fault"' in client.post(f"{here}/forget").text
        assert (await known(place, BEA)).status is Status.ACTIVE
        answer = client.post(f"{here}/forget", data={"sure": "yes"})
        assert (answer.status_code, "You are forgotten" in answer.text) == (200, True)

        assert not [one for one in place.mail() if BEA in str(one["To"])]
        rows = place.rows()
        holding = {name for name, found in rows.items() for row in found if any("bea" in str(value) for value in row)}
        assert holding == set()
        assert (rows["feedback"], rows["personal_rankings"], len(rows["deliveries"])) == ([], [], counted)
        async with await Store.open(place.url) as store:
            assert await store.ledger.balanced()
            there = await store.suppressions.find(BEA)
            assert there is not None
            assert there.reason == "left"
            nobody = await store.subscribers.get(reader.id)
            assert nobody is not None
            assert (nobody.address, nobody.name, nobody.topics, nobody.status) == (
                f"forgotten reader {reader.id}",
                "",
                (),
                Status.LEFT,
            )
        # Her links are worthless from now on, and change nothing.
        after = place.rows()
        assert client.get(here).status_code == 404
        assert client.post(f"{here}/forget", data={"sure": "yes"}).status_code == 404
        assert client.post(f"/unsubscribe/{place.tokens.leave(reader.id, BEA)}").status_code == 200
        assert place.rows() == after
        # She may come back as anybody may, as somebody new.
        again = await bea(place, client)
        assert (again.id, again.status) != (reader.id, Status.LEFT)
    place.list_papers(WEDNESDAY + timedelta(days=1), "A Robot That Rests")
    assert (await place.run(WEDNESDAY + timedelta(days=1)))[BEA] is State.ACCEPTED


async def test_the_file_cannot_bring_back_who_is_forgotten(place: Place) -> None:
    with place.served() as client:
        here = link(place, await known(place, ADA.address))
        answer = client.post(f"{here}/forget", data={"sure": "yes"})
        assert "in a file as well" in answer.text
    async with opened_store(place.configuration) as store:
        assert [one.status for one in await store.subscribers.all()] == [Status.LEFT]
    assert await place.run(TUESDAY) == {}


async def test_every_bad_token_gets_one_page(place: Place) -> None:
    bea = Subscriber("bea@example.org", topics=("robots",))
    place.configuration = replace(place.configuration, subscribers=(ADA, bea))
    await place.run(TUESDAY)
    with place.served() as client:
        reader = await known(place, ADA.address)
        confirm = place.tokens.confirm(reader.id, "x@example.org", place.now)
        for purpose, good in (
            ("preferences", place.tokens.preferences(reader.id, reader.address)),
            ("opinions", place.tokens.opinion(reader.id, reader.address, place.rows()["papers"][0][0])),
            ("confirm", place.tokens.confirm(reader.id, reader.address, place.now)),
        ):
            before = place.rows()
            bad = [confirm, *bad_tokens(place.tokens, reader, good)]
            answers = [ask(f"/{purpose}/{token}") for token in bad for ask in (client.get, client.post)]
            assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}
            assert place.rows() == before
            assert client.get(f"/{purpose}/{good}").status_code == 200


async def test_buttons_on_somebody_elses_page_are_refused(place: Place) -> None:
    with place.served() as client:
        here = link(place, await known(place, ADA.address))
        before = place.rows()
        for path in ("", "/pause", "/resume", "/leave", "/forget", "/undo", "/weekly"):
            given = {"sure": "yes", "until": "2025-04-01"}
            answer = client.post(here + path, data=given, headers={"Origin": "https://evil.example"})
            assert answer.status_code == 403
        assert place.rows() == before
