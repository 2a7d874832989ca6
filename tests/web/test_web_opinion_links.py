"""The links of an e-mail with which its reader says: more like this, less like this."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from readers_web import ADA, TUESDAY, Place, bad_tokens, html_of, text_of
from serving_web import aside

from newsletter.assembly import opened_daily
from newsletter.mail.tokens import Tokens
from newsletter.model import Opinion, State, Subscriber
from newsletter.model.message import paper_of_part, paper_part
from newsletter.store import Store

CLEO = Subscriber("cleo@example.org", topics=("robots", "shells"))
DAN = Subscriber("dan@example.org")
TITLES = ("A Robot {{ That }} Walks / Runs", "The Mollusc That Thought", "A Stone")


def installed(folder: Path, **options: object) -> Place:
    """An installation whose three readers have had their e-mail."""
    made = Place(folder, readers=(ADA, CLEO, DAN), **options)
    made.list_papers(TUESDAY, *TITLES)
    assert set(aside(made.run(TUESDAY)).values()) == {State.ACCEPTED}
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return installed(tmp_path_factory.mktemp("opinion-links"))


def mail_to(place: Place, reader: Subscriber) -> EmailMessage:
    return next(one for one in place.mail() if reader.address in str(one["To"]))


def opinions_in(mail: EmailMessage) -> list[str]:
    """Paths and queries of the links, in the order of the HTML part."""
    found = [urlsplit(unescape(one)) for one in re.findall(r'href="([^"]*/opinions/[^"]*)"', html_of(mail))]
    return [one.path + (f"?{one.query}" if one.query else "") for one in found]


def said_by(place: Place, reader: Subscriber) -> list[tuple[str, Opinion]]:
    async def said() -> list[tuple[str, Opinion]]:
        async with await Store.open(place.url) as store:
            known = await store.subscribers.find(reader.address)
            assert known is not None
            standing = (await store.feedback.standing([known.id])).get(known.id, [])
        return [(one.paper, one.opinion) for one in standing]

    return aside(said())


def buttons(page: httpx.Response) -> list[str]:
    return re.findall(r'name="say" value="(like|dislike)"', page.text)


def test_every_full_card_has_both_and_the_text_part_the_page(place: Place) -> None:
    mail = mail_to(place, CLEO)
    links = opinions_in(mail)
    papers = [paper_of_part(urlsplit(one).path.rpartition("/")[2]) for one in links]
    titles = len(re.findall(r'class="title"', html_of(mail)))
    assert len(links) == 2 * len(set(papers)) > 2
    assert len(set(papers)) <= titles
    assert [urlsplit(one).query for one in links] == ["", "say=dislike"] * len(set(papers))
    lines = text_of(mail).splitlines()
    for one in links[::2]:
        assert lines[lines.index(f"{place.address}{one}") - 1] == "More like this · Less like this:"
    assert len({one.split("/")[2] for one in links}) == 1  # one token for all of them
    assert CLEO.address not in "".join(links)


def test_a_link_shows_the_paper_and_its_button_records_it(place: Place) -> None:
    more, less = opinions_in(mail_to(place, ADA))[:2]
    with place.served() as client:
        before = place.rows()
        shown = client.get(more)
        assert (shown.status_code, buttons(shown)) == (200, ["like", "dislike"])
        assert shown.headers["cache-control"] == "no-store"
        shown = client.get(less)
        assert (shown.status_code, buttons(shown)) == (200, ["dislike", "like"])
        assert "Walks / Runs" in shown.text
        assert place.rows() == before
        answer = client.post(less, data={"say": "dislike"})
        assert (answer.status_code, answer.headers["location"]) == (303, more)
        [(paper, opinion)] = said_by(place, ADA)
        assert (paper_part(paper), opinion) == (more.rpartition("/")[2], Opinion.DISLIKE)
        client.post(more, data={"say": "undo"})
        assert said_by(place, ADA) == []
    with place.served("/below") as client:  # a proxy takes the path away that it serves us at
        assert client.post(more, data={"say": "undo"}).headers["location"] == f"/below{more}"


def test_everything_else_gets_the_one_answer(place: Place) -> None:
    reader, other = aside(place.reader(ADA.address)), aside(place.reader(CLEO.address))
    assert reader is not None
    assert other is not None
    [good] = {one.split("/")[2] for one in opinions_in(mail_to(place, ADA))}
    part = opinions_in(mail_to(place, ADA))[0].split("/")[3]
    tokens = place.tokens
    assert good == tokens.opinions(reader.id, reader.address)
    old = tokens.opinion(reader.id, reader.address, paper_of_part(part) or "")
    paths = [
        *(f"{one}/{part}" for one in (*bad_tokens(tokens, reader, good), old)),
        f"{tokens.opinions(reader.id, other.address)}/{part}",
        f"{tokens.opinions(0, reader.address)}/{part}",
        f"{Tokens(['another key']).opinions(reader.id, reader.address)}/{part}",
        good,  # of no paper
        *(f"{good}/{one}" for one in ("x", f"{part}=", f"{part}A", "%00", "..%2f", "-", "é", "_____", "AA/BB")),
        *(f"{good}/{paper_part(one)}" for one in ("nobody knows", "", "'; DROP TABLE papers; --", "\x00", "x" * 5000)),
    ]
    with place.served() as client:
        assert client.get(f"/opinions/{good}/{part}").status_code == 200
        assert client.get(f"/opinions/{old}").status_code == 200  # as pages had it that are open still
        before = place.rows()
        answers = [client.request(method, f"/opinions/{one}") for one in paths for method in ("GET", "POST")]
        assert place.rows() == before
    odd = {(one.status_code, str(one.url)[-60:]) for one in answers if one.status_code != 404}
    assert odd == set()
    assert len({one.text for one in answers}) == 1


def test_who_follows_nothing_has_nothing_to_teach(place: Place) -> None:
    mail = mail_to(place, DAN)
    assert "/opinions/" not in html_of(mail) + text_of(mail)
    assert "like this" not in html_of(mail) + text_of(mail)


def test_a_trial_has_links_that_fit_nobody(place: Place) -> None:
    async def trial() -> str:
        async with opened_daily(place.configuration, now=lambda: place.now) as daily:
            return (await daily.preview(ADA, trial=place.now)).parts.html

    found = re.findall(r'"https?://[^/]+(/opinions/[^"]+)"', aside(trial()))
    with place.served() as client:
        assert {client.get(unescape(one)).status_code for one in found} == {404}


def test_without_a_site_there_is_no_page_to_say_it_on(tmp_path: Path) -> None:
    mail = mail_to(installed(tmp_path, site={}), ADA)
    assert "like this" not in html_of(mail) + text_of(mail)


IDENTITIES = ("arxiv:2503.01234", "url:https://x.example/a b/../c?d=1&e=%20#f", "論文 {{ 1 }} é", "?")


@pytest.mark.parametrize("paper", IDENTITIES)
def test_a_paper_in_an_address_is_letters_and_digits(paper: str) -> None:
    part = paper_part(paper)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", part)
    assert paper_of_part(part) == paper
    assert {paper_of_part(one) for one in (f"{part}==", f"{part}=", f"{part}\n", "AB", "A", "+/+/", "é")} <= {None}
