"""Topics in readers' own words, and what they never want to see: typed, shown, taken out, told to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_web import OWN, SECRET, values, waited
from readers_web import ADA, BEA, TUESDAY, WISHES, Place, path_in, text_of
from starlette.datastructures import FormData

from newsletter.assembly import opened_daily
from newsletter.model import Batch, Opinion, Paper, Subscriber, Verdict
from newsletter.subscribing.preferring import GONE
from newsletter.subscribing.wishes import Faults, wishes
from newsletter.subscribing.wording import MOST_TOPICS
from newsletter.web import forms

CLEO, DAN, EVE = "cleo@example.org", "dan@example.org", "eve@example.org"
HERS = Paper(
    "id:hers",
    "A Robot by Several",
    "It moves, and a robot it is.",
    authors=("Rossi, Anna", "Bo Bee", "Cy Cee", "Di Dee", "Ed Eee", "Fay Eff", 'Gil "G" <b>Gee</b>'),
    keys=("id:hers",),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("own"), readers=(ADA,))
    made.list_papers(TUESDAY, "A Robot That Walks", "The Mollusc That Thought", "A Zebrafish Thinks", "A Stone")

    async def prepare() -> None:
        async with opened_daily(made.configuration, now=lambda: made.now) as daily:
            await daily.collect()
            listed = next(iter((await daily.store.papers.get((await daily.publishing.draft(TUESDAY)).papers)).values()))
            hers = replace(HERS, listings=listed.listings)
            await daily.store.batches.remember(Batch("page", "x", TUESDAY, (hers,), Verdict.NEW, "new"), made.now)
            several = [Subscriber(one, topics=("robots",), origin="web") for one in (CLEO, DAN, EVE)]
            await daily.store.subscribers.add(several, made.now)
        await made.run(TUESDAY)

    waited(prepare())
    return made


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[httpx.Client]:
    with place.served() as client:
        yield client


def reader(place: Place, address: str) -> Subscriber:
    found = waited(place.reader(address))
    assert found is not None
    return found


def preferences(place: Place, address: str) -> str:
    found = reader(place, address)
    return f"/preferences/{place.tokens.preferences(found.id, address)}"


def test_a_topic_of_ones_own_is_signed_up_with_and_named_where_one_confirms(place: Place, client: httpx.Client) -> None:
    assert place.sign_up(client, **OWN).status_code == 200
    mail = place.mail()[-1]
    assert "ebrafish" not in mail.as_string()
    assert "Turing" not in text_of(mail)
    link = path_in(mail, "confirm")
    asked = client.get(link).text
    assert SECRET in unescape(asked)
    assert "<script>alert" not in asked
    assert SECRET in unescape(client.post(link).text)
    [topic] = reader(place, BEA).own
    assert (topic.name, topic.description, topic.keywords) == (
        SECRET,
        "Fish that glow.",
        ("zebrafish", '"calcium imaging"'),
    )
    assert (topic.exclude, topic.authors) == (("survey",), ("Ada Lovelace", "Alan Turing"))
    known = client.get(f"{preferences(place, BEA)}/data.json").json()
    assert known["subscriber"]["own"][0]["keywords"] == ["zebrafish", '"calcium imaging"']


def test_nothing_typed_is_lost_when_a_form_has_faults(place: Place, client: httpx.Client) -> None:
    typed = {name: [value, ""] for name, value in OWN.items()} | {"own_name": [SECRET, "..."]}
    typed["own_exclude"] = ["survey", "no, more"]
    answer = place.sign_up(client, "no address", **typed)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert values(answer.text, "own_name") == [SECRET, "...", ""]
    assert values(answer.text, "own_keywords") == ['zebrafish, "calcium imaging"', "", ""]
    assert values(answer.text, "own_exclude") == ["survey", "no, more", ""]
    for name in ("address", "own-1-name", "own-1-keywords"):
        assert f'aria-describedby="{name}-fault"' in answer.text or f"{name}-fault" in answer.text
        assert f'id="{name}-fault"' in answer.text
    assert 'id="own-0-name-fault"' not in answer.text


fields = st.sampled_from([*OWN, "own_out", "topics", "hour", "other"])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(fields, st.one_of(st.text(max_size=30), st.sampled_from(["~1", "~2"]))), max_size=20))
def test_whatever_a_program_sends_is_topics_or_faults(sent: list[tuple[str, str]]) -> None:
    faults, typed = Faults(), forms.typed(FormData(sent))
    made = wishes(typed, {"robots"}, faults, {"~1"}).own
    assert len(made) <= MOST_TOPICS
    assert faults or all(one.name for one in made)
    assert {one.slug for one in made}.isdisjoint({"", "~2"})


def test_own_topics_are_reworded_added_and_taken_out(place: Place, client: httpx.Client) -> None:
    here = preferences(place, CLEO)

    def save(*topics: dict[str, Any], **more: Any) -> httpx.Response:
        fields = {name: [one.get(name, "") for one in topics] for name in OWN}
        return client.post(here, data={**WISHES, **fields, **more})

    assert values(client.get(here).text, "own_slug") == [""]
    first, second = {**OWN, "own_name": "One"}, {**OWN, "own_name": "Two"}
    assert save(first, second).status_code == 303
    one, two = reader(place, CLEO).own
    page = client.get(here).text
    assert values(page, "own_slug") == [one.slug, two.slug, ""]
    save({**first, "own_slug": one.slug, "own_name": "Uno"}, {**second, "own_slug": two.slug}, own_out=[two.slug])
    [kept] = reader(place, CLEO).own
    assert (kept.slug, kept.name) == (one.slug, "Uno")
    save({"own_slug": one.slug}, {**second, "own_slug": "~0123"})  # a block that is empty is a topic taken out
    [mine] = reader(place, CLEO).own
    assert mine.slug not in (one.slug, "~0123")
    refused = save(*[second] * (MOST_TOPICS + 1))
    assert refused.status_code == 422
    assert f"at most {MOST_TOPICS} topics of your own" in refused.text
    assert len(values(refused.text, "own_name")) == MOST_TOPICS + 1
    # Weekly instead keeps them; a form without such fields takes them out.
    client.post(f"{here}/weekly")
    assert reader(place, CLEO).own == (mine,)
    client.post(here, data=WISHES)
    assert reader(place, CLEO).own == ()


def test_an_opinion_on_a_topic_that_is_gone_is_told_in_words(place: Place, client: httpx.Client) -> None:
    dan = reader(place, DAN)

    async def say() -> None:
        async with opened_daily(place.configuration, now=lambda: place.now) as daily:
            await daily.store.feedback.record(dan.id, "~0123", "id:hers", Opinion.LIKE, place.now)

    waited(say())
    opinion = f"/opinions/{place.tokens.opinion(dan.id, DAN, 'id:hers')}"
    for page in (preferences(place, DAN), opinion, f"{preferences(place, DAN)}/data.json"):
        shown = client.get(page).text
        assert GONE in shown, page
        assert "~0123" not in shown, page


def test_words_and_authors_are_muted_by_readers_of_the_file_too(place: Place, client: httpx.Client) -> None:
    for address in (ADA.address, EVE):
        here = preferences(place, address)
        answer = client.post(f"{here}/mute", data={"words": "survey, <i>x</i>\n survey", "authors": "Alan Turing"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{here}?done=muted")
        found = reader(place, address)
        assert (found.muted_words, found.muted_authors) == (("survey", "<i>x</i>"), ("Alan Turing",))
        shown = client.get(here).text
        assert values(shown, "words") == ["survey, <i>x</i>"]
        refused = client.post(f"{here}/mute", data={"words": "?", "authors": "x" * 101})
        assert refused.status_code == 422
        assert (values(refused.text, "words"), values(refused.text, "authors")) == (["?"], ["x" * 101])
        assert {"words-fault", "authors-fault"} <= set(re.findall(r'id="([^"]+)"', refused.text))
        assert reader(place, address) == found
        client.post(f"{here}/mute", data={})
        assert reader(place, address).muted_words == ()
    foreign = client.post(f"{here}/mute", data={"words": "x"}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403


def test_an_author_is_muted_by_a_button_and_taken_back(place: Place, client: httpx.Client) -> None:
    eve = reader(place, EVE)
    page = f"/opinions/{place.tokens.opinion(eve.id, EVE, 'id:hers')}"
    shown = client.get(page).text
    offered = [unescape(one) for one in re.findall(r'name="mute" value="([^"]*)"', shown)]
    assert offered == ["Anna Rossi", "Bo Bee", "Cy Cee", "Di Dee", "Ed Eee", 'Gil "G" <b>Gee</b>']
    assert "<b>Gee" not in shown
    for name in (offered[0], offered[-1], "Somebody Else", "Fay Eff"):
        assert client.post(page, data={"mute": name}).status_code == 303
    assert reader(place, EVE).muted_authors == (offered[0], offered[-1])
    muted = client.get(page).text
    assert [unescape(one) for one in re.findall(r'name="unmute" value="([^"]*)"', muted)] == [offered[0], offered[-1]]
    client.post(page, data={"unmute": offered[0]})
    assert reader(place, EVE).muted_authors == (offered[-1],)
    here = preferences(place, EVE)
    client.post(f"{here}/mute", data={"authors": ", ".join(f"Name Number{n}" for n in range(100))})
    full = client.post(page, data={"mute": "Bo Bee"})
    assert full.status_code == 422
    assert "at most 100" in full.text
    assert "Bo Bee" not in reader(place, EVE).muted_authors


def test_from_the_first_word_to_the_digest_without_a_muted_author(place: Place, client: httpx.Client) -> None:
    fay = "fay@example.net"
    place.sign_up(client, fay, topics=[], **{**OWN, "own_name": "My movers", "own_keywords": "robot, zebrafish"})
    place.confirm(client)
    wednesday = TUESDAY.replace(day=12)
    place.list_papers(wednesday, "A Robot That Swims", "Zebrafish Robots", "A Pebble")
    waited(place.run(wednesday))
    [mail] = [one for one in place.mail() if fay in str(one["To"]) and "Robot" in text_of(one)]
    assert "My movers" in text_of(mail)
    assert "A Robot That Swims" in text_of(mail)
    found = reader(place, fay)
    for page in ("/", "/topics", "/feed.atom", "/editions/2025-03-12", preferences(place, EVE), "/sitemap.xml"):
        public = client.get(page)
        assert public.status_code == 200
        assert "My movers" not in public.text, page
        assert found.own[0].slug not in public.text, page
    assert client.get(f"/topics/{found.own[0].slug}").status_code == 404
    assert client.get(f"/topics/{found.own[0].slug}/feed.atom").status_code == 404

    async def titles() -> set[str]:
        async with opened_daily(place.configuration, now=lambda: place.now) as daily:
            made = await daily.preview(reader(place, fay), TUESDAY)
            papers = await daily.store.papers.get(pick.paper for pick in made.digest.picks)
            return {one.title for one in papers.values()}

    before = waited(titles())
    assert HERS.title in before
    opinion = f"/opinions/{place.tokens.opinion(found.id, fay, HERS.id)}"
    client.post(opinion, data={"mute": "Cy Cee"})
    assert before - waited(titles()) == {HERS.title}
    client.post(opinion, data={"unmute": "Cy Cee"})
    assert waited(titles()) == before


def test_who_comes_back_is_shown_what_they_ask_for(place: Place, client: httpx.Client) -> None:
    gus = "gus@example.net"
    place.sign_up(client, gus, **{**OWN, "own_name": "Old words"})
    place.confirm(client)
    client.post(f"{preferences(place, gus)}/leave")
    place.sign_up(client, gus, **{**OWN, "own_name": "New words"})
    link = path_in(place.mail()[-1], "confirm")
    for page in (client.get(link).text, client.post(link).text, client.get(link).text):
        assert "New words" in page
        assert "Old words" not in page
