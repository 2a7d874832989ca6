"""Signing up on the page: real forms, real SQLite, real mail."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from databases import execute
from readers_web import ADA, BEA, ROBOTS, SHELLS, TUESDAY, WISHES, Place, hidden, html_of, path_in, text_of
from serving_web import free_port, settle

from newsletter.assembly import outbox
from newsletter.mail.local import messages
from newsletter.model import Rhythm, State, Status, Subscriber
from newsletter.rendering.lint import Severity, lint
from newsletter.store import Store
from newsletter.web import answering
from newsletter.web.limiting import PER_ADDRESS


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_reader_signs_up_confirms_reads_pauses_and_leaves(place: Place) -> None:
    place.list_papers(TUESDAY, "A Robot That Walks", "The Mollusc That Thought")
    with place.served() as client:
        answer = place.sign_up(client, topics=["shells"], locale="de")
        assert (answer.status_code, "Look into your mailbox" in answer.text) == (200, True)
        waiting = await place.reader(BEA)
        assert waiting is not None
        assert (waiting.status, waiting.origin, waiting.topics, waiting.hour) == (Status.PENDING, "web", ("shells",), 6)
        assert (waiting.timezone, waiting.rhythm, waiting.locale) == ("Europe/Berlin", Rhythm.DAILY, "de")

        [mail] = place.mail()
        assert (mail["To"], mail["Auto-Submitted"]) == (BEA, "auto-generated")
        assert mail["Subject"] == "Bitte bestätigen: Trending Papers"
        assert mail["List-Unsubscribe-Post"] is None
        link = path_in(mail, "confirm")
        assert f'href="{place.address}{link}"' in html_of(mail)

        before = place.rows()
        shown = client.get(link)
        assert "Confirm your subscription" in shown.text
        assert "Shells &lt;&amp;&gt;" in shown.text
        assert place.rows() == before
        assert await place.run(TUESDAY) == {ADA.address: State.ACCEPTED}  # nobody who has not confirmed

        done = client.post(link)
        assert (done.status_code, "Welcome" in done.text) == (200, True)
        again = client.post(link)
        assert (again.status_code, "Confirmed already" in again.text) == (200, True)
        assert "Confirmed already" in client.get(link).text

        wednesday = TUESDAY + timedelta(days=1)
        place.list_papers(wednesday, "A Robot That Talks", "The Mollusc That Sang")
        assert (await place.run(wednesday))[BEA] is State.ACCEPTED
        [digest] = [one for one in place.mail() if one["To"] == BEA and one["Archived-At"]]
        # With exactly their topics: the other paper only where it is said to be from outside.
        cards, outside = text_of(digest).split("ÜBER DEN TELLERRAND")
        assert "Mollusc That Sang" in cards
        assert "Robot" not in cards
        assert "Robot That Talks" in outside

        chosen = path_in(digest, "preferences")
        until = wednesday + timedelta(days=2)
        paused = client.post(f"{chosen}/pause", data={"until": until.isoformat()})
        assert (paused.status_code, paused.headers["location"]) == (303, f"{chosen}?done=paused")
        assert f"paused until {until:%-d %B %Y}" in client.get(paused.headers["location"]).text
        thursday, friday = wednesday + timedelta(days=1), until
        place.list_papers(thursday, "The Robot And The Mollusc")
        assert BEA not in await place.run(thursday)
        place.list_papers(friday, "Another Robot And Another Mollusc")
        assert (await place.run(friday))[BEA] is State.ACCEPTED  # it is over by itself
        back = await place.reader(BEA)
        assert back is not None
        assert (back.status, back.paused_until) == (Status.ACTIVE, None)

        out = client.post(path_in(digest, "unsubscribe"), data={"List-Unsubscribe": "One-Click"})
        assert out.status_code == 200
        sent = len(place.mail())
        monday = friday + timedelta(days=3)
        place.list_papers(monday, "The Last Robot And The Last Mollusc")
        assert BEA not in await place.run(monday)
        assert {str(one["To"]) for one in place.mail()[sent:]} == {"Ada <ada@example.org>"}


async def test_the_answer_is_the_same_for_every_address(place: Place) -> None:
    place.configuration = replace(place.configuration, subscribers=(ADA,))
    with place.served() as client:
        async with await Store.open(place.url) as store:
            await store.subscribers.leave("left@example.net", "one click", place.now)
            await store.subscribers.leave("bounced@example.net", "hard bounce: 550", place.now)
            await store.subscribers.leave("angry@example.net", "complaint", place.now)
        addresses = [
            BEA,
            BEA,
            BEA,
            BEA,
            BEA,
            ADA.address,
            "left@example.net",
            "bounced@example.net",
            "angry@example.net",
        ]
        answers = [place.sign_up(client, address) for address in addresses]
    assert {(one.status_code, one.text) for one in answers} == {(200, answers[0].text)}
    # Three a day, to whoever types it; nothing where it was not wanted or did not arrive.
    assert [str(one["To"]) for one in place.mail()] == [BEA, BEA, BEA, ADA.address, "left@example.net"]
    ada = await place.reader(ADA.address)
    assert ada is not None
    assert (ada.status, ada.topics, ada.timezone, ada.name) == (Status.ACTIVE, ("robots",), "UTC", "Ada")
    already = place.mail()[3]
    assert already["Subject"] == "You already read Trending Papers"
    assert path_in(already, "preferences") == f"/preferences/{place.tokens.preferences(ada.id, ada.address)}"


@pytest.mark.parametrize(
    ("reason", "revived"),
    [("one click", True), ("left", True), ("left by mail", True), ("complaint", False), ("hard bounce: 550", False)],
)
async def test_confirming_takes_back_a_readers_own_will_and_nothing_else(
    place: Place, reason: str, revived: bool
) -> None:
    with place.served() as client:
        place.sign_up(client)
        link = path_in(place.mail()[-1], "confirm")
        async with await Store.open(place.url) as store:
            # Meanwhile, and then they ask again.
            await store.subscribers.leave(BEA, reason, place.now)
            assert client.post(link).status_code == 404  # who is out does not come back by an old link
            place.sign_up(client)
            done = client.post(link)
            assert done.status_code == (200 if revived else 404)
            reader = await store.subscribers.find(BEA)
            assert reader is not None
            assert reader.status is (Status.ACTIVE if revived else Status.LEFT)
            assert await store.subscribers.suppressed() == ({} if revived else {BEA: reason})


async def test_a_reader_of_the_file_who_left_may_come_back_by_the_page_alone(place: Place) -> None:
    with place.served() as client:
        ada = await place.reader(ADA.address)
        assert ada is not None
        client.post(f"/unsubscribe/{place.tokens.leave(ada.id, ada.address)}")
        place.sign_up(client, ADA.address, topics=["shells"])
        async with await Store.open(place.url) as store:
            await store.subscribers.sync_file([ADA])
            waiting = await store.subscribers.find(ADA.address)
            assert waiting is not None
            assert waiting.status is Status.PENDING
            assert client.post(path_in(place.mail()[-1], "confirm")).status_code == 200
            await store.subscribers.sync_file([ADA])
            back = await store.subscribers.find(ADA.address)
            assert back is not None
            assert (back.status, back.topics) == (Status.ACTIVE, ADA.topics)


async def test_two_confirmations_at_once_are_one(place: Place) -> None:
    with place.served() as client:
        place.sign_up(client)
        link = path_in(place.mail()[-1], "confirm")
        async with httpx.AsyncClient(base_url=place.address) as both:
            answers = await asyncio.gather(*(both.post(link) for _ in range(6)))
    assert [one.status_code for one in answers] == [200] * 6
    assert sum("Welcome" in one.text for one in answers) == 1
    assert sum("Confirmed already" in one.text for one in answers) == 5


async def test_a_link_to_confirm_ends_after_seven_days_and_so_does_what_waits_for_it(place: Place) -> None:
    with place.served() as client:
        place.sign_up(client)
        link = path_in(place.mail()[-1], "confirm")
        place.now += timedelta(days=7, seconds=-1)
        assert client.get(link).status_code == 200
        place.now += timedelta(seconds=2)
        assert client.get(link).status_code == 404
        assert client.post(link).status_code == 404
        assert (await place.reader(BEA)) is not None
        place.sign_up(client, "cleo@example.net")
        assert await place.reader(BEA) is None
    place.list_papers(TUESDAY, "A Robot")
    await place.run(place.now.date() + timedelta(days=8))
    assert await place.reader("cleo@example.net") is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"address": "no address"}, "is not an e-mail address"),
        ({"address": ""}, "an e-mail address is needed"),
        ({"address": "a@" + "b" * 300}, "an e-mail address is needed"),
        ({"address": "bea@sub.mailinator.com"}, "thrown away"),
        ({"address": "bea@example.net\r\nBcc: victim@example.net"}, "is not an e-mail address"),
        ({"address": "bea@intranet"}, "mail reaches no such address"),
        ({"address": "b" * 65 + "@example.net"}, "mail reaches no such address"),
        ({"topics": ["robots", "nonsense"]}, "there is no topic “nonsense”"),
        ({"rhythm": "hourly"}, "the rhythm must be"),
        ({"hour": "24"}, "the hour must be"),
        ({"hour": "٧"}, "the hour must be"),
        ({"timezone": "Mars/Olympus"}, "there is no time zone"),
        ({"timezone": "../../etc/passwd"}, "there is no time zone"),
        ({"timezone": "localtime"}, "there is no time zone"),
        ({"timezone": "posix/Europe/Rome"}, "did you mean “Europe/Rome”?"),
        ({"locale": "tlh"}, "there is no language"),
        ({"stamp": "form.x.y"}, "open for too long"),
        ({"stamp": ""}, "open for too long"),
    ],
)
def test_a_form_with_a_fault_comes_back_filled_in(place: Place, fields: dict[str, object], words: str) -> None:
    with place.served() as client:
        before = place.rows()
        answer = place.sign_up(client, **({"address": BEA} | fields))  # type: ignore[arg-type]  # of any type
        assert answer.status_code == 422
        assert words in answer.text
        assert 'role="alert"' in answer.text
        if "address" not in fields:
            assert f'value="{BEA}"' in answer.text
        if "topics" not in fields:
            assert re.search(r'value="robots" checked', answer.text)
        assert place.rows() == before
    assert place.mail() == []


def test_a_form_takes_a_while_and_not_for_ever(place: Place) -> None:
    with place.served() as client:
        for seconds, status in ((0, 422), (2, 422), (3, 200), (86_400, 200), (86_401, 422)):
            stamp = hidden(client.get("/subscribe").text, "stamp")
            place.now += timedelta(seconds=seconds)
            answer = client.post("/subscribe", data={"address": BEA, "stamp": stamp, **WISHES})
            assert answer.status_code == status
            assert (("quick" in answer.text), ("too long" in answer.text)) == (seconds < 3, seconds > 86_400)


def test_a_program_that_fills_in_everything_may_believe_it_was_heard(place: Place) -> None:
    with place.served() as client:
        before = place.rows()
        heard = place.sign_up(client, website="https://spam.example")
        assert place.rows() == before
        assert heard.text == place.sign_up(client).text
    assert len(place.mail()) == 1


def test_many_sign_ups_from_one_network_are_limited(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with place.served() as client:
        stamp = hidden(client.get("/subscribe").text, "stamp")
        place.now += timedelta(seconds=10)
        answers = [
            client.post("/subscribe", data={"address": f"reader{number}@example.net", "stamp": stamp, **WISHES})
            for number in range(200)
        ]
    assert [one.status_code for one in answers] == [200] * 20 + [429] * 180
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
    assert "Too many at once" in answers[-1].text
    assert len(place.mail()) == 20
    assert sum("too many from 127.0.0.0/24" in one for one in caplog.messages) == 180


class Mailbox:
    """A relay that takes everything."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.got.append(envelope.content)
        return "250 taken"


def test_a_relay_that_is_away_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port, mailbox = free_port(), Mailbox()
    place = Place(tmp_path, smtp={"host": "127.0.0.1", "port": port, "security": "none", "patience": 0})
    with place.served() as client:
        for _ in range(PER_ADDRESS.amount + 2):  # who was not written to may go on trying
            assert place.sign_up(client).status_code == 200
        assert [row for row in place.rows()["subscribers"] if BEA in row]
    # The server is gone, and comes back when the pause is over and the relay there.
    assert len(execute(place.url, "UPDATE sign_ups SET next_at = '2025-01-01' RETURNING id")) == 1
    relay = Controller(mailbox, hostname="127.0.0.1", port=port)
    relay.start()
    try:
        with place.served() as client:
            settle()
            [message] = mailbox.got
            confirm = path_in(message_from_bytes(message, policy=policy.default), "confirm")  # type: ignore[arg-type]  # the policy decides
            assert client.post(confirm).status_code == 200
    finally:
        relay.stop()
    assert place.rows()["sign_ups"] == []
    assert f"The relay 127.0.0.1:{port} cannot be used" in caplog.text
    assert BEA not in caplog.text


def test_it_is_given_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PAUSES", (0.01, 0.01))
    place = Place(tmp_path, smtp={"host": "127.0.0.1", "port": 1, "security": "none", "patience": 0})
    with place.served() as client:
        place.sign_up(client)
        deadline = time.monotonic() + 10
        while place.rows()["sign_ups"] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert place.rows()["sign_ups"] == []


def test_what_was_answered_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    """Answered, and killed before it was worked on: the note is all there is."""
    place = Place(tmp_path)

    async def heard() -> None:
        async with await Store.open(place.url) as store:
            for hour in (5, 9):  # the newer one counts
                assert await store.sign_ups.note(Subscriber(BEA, hour=hour), place.address, place.now, 10)

    with place.served():
        pass
    asyncio.run(heard())
    with place.served() as client:
        settle()
        [mail] = place.mail()
        assert client.post(path_in(mail, "confirm")).status_code == 200
    [reader] = [row for row in place.rows()["subscribers"] if BEA in row]
    assert 9 in reader


def test_a_relay_that_hangs_keeps_no_visitor_waiting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing
        port = silent.getsockname()[1]
        place = Place(
            tmp_path,
            smtp={"host": "127.0.0.1", "port": port, "security": "none"},
            delivery={"grace": 1},
        )
        with place.served() as client:
            stamp = hidden(client.get("/subscribe").text, "stamp")
            place.now += timedelta(seconds=10)
            for address in (BEA, ADA.address):
                begun = time.monotonic()
                answer = client.post("/subscribe", data={"address": address, "stamp": stamp, **WISHES})
                assert (answer.status_code, time.monotonic() - begun < 5) == (200, True)


def test_there_is_an_end_to_how_many_wait_for_their_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answering, "MOST", 2)
    place = Place(tmp_path, smtp={"host": "127.0.0.1", "port": 1, "security": "none", "patience": 0})
    with place.served() as client:
        execute(place.url, "INSERT INTO suppressions VALUES ('angry@example.net', 'complaint', '2025-01-01')")
        addresses = ["one@example.net", "two@example.net", "three@example.net", "angry@example.net", ADA.address]
        answers = [place.sign_up(client, address) for address in addresses]
    assert [one.status_code for one in answers] == [200, 200, 503, 503, 503]
    assert len({one.text for one in answers[2:]}) == 1
    assert "too many wait for their message" in caplog.text
    assert "example.net" not in caplog.text


def test_a_form_on_somebody_elses_page_is_refused(place: Place) -> None:
    with place.served() as client:
        before = place.rows()
        stamp = hidden(client.get("/subscribe").text, "stamp")
        place.now += timedelta(seconds=10)
        given = {"address": BEA, "stamp": stamp, **WISHES}
        ours = place.address.replace("http:", "https:")  # another scheme is another origin
        for origin in ("https://evil.example", "null", "file://", "http://[", "", ours):
            assert client.post("/subscribe", data=given, headers={"Origin": origin}).status_code == 403, origin
        assert client.post("/subscribe", data=given, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert place.rows() == before
        assert client.post("/subscribe", data=given, headers={"Origin": place.address}).status_code == 200


HOSTILE = "\"'><script>alert(1)</script>{{ 7 * 7 }}<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("field", ["address", "topics", "timezone", "hour", "rhythm", "locale", "stamp"])
def test_what_is_typed_is_inert(place: Place, field: str) -> None:
    with place.served() as client:
        answer = place.sign_up(client, **({"address": BEA} | {field: HOSTILE}))  # type: ignore[arg-type]  # of any type
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    if field == "address":
        assert "&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in answer.text


def test_where_nobody_set_the_site_only_this_machine_may_name_itself(tmp_path: Path) -> None:
    place = Place(tmp_path, site=None)
    with place.served() as client:
        stamp = hidden(client.get("/subscribe").text, "stamp")
        place.now += timedelta(seconds=10)
        given = {"address": BEA, "stamp": stamp, **WISHES}
        answer = client.post("/subscribe", data=given, headers={"Host": "evil.example"})
        assert (answer.status_code, "site.url" in answer.text) == (503, True)
        assert place.mail() == []
        assert client.post("/subscribe", data=given).status_code == 200
    assert path_in(place.mail()[0], "confirm")
    assert f"{place.address}/confirm/" in text_of(place.mail()[0])


def test_a_topic_can_be_ticked_by_a_link_and_what_is_none_cannot(place: Place) -> None:
    with place.served() as client:
        page = client.get("/subscribe?topics=shells&topics=%3Cscript%3E").text
    assert re.findall(r'value="(\w+)" checked', page) == [SHELLS.slug]
    assert ROBOTS.description in page
    assert "<script>" not in page


def test_the_message_passes_our_own_lint(place: Place) -> None:
    with place.served() as client:
        for locale in ("en", "de"):
            place.sign_up(client, f"{locale}@example.net", locale=locale)
    contents = messages(outbox(place.configuration.settings))
    assert len(contents) == 2
    for content in contents:
        assert [one for one in lint(content) if one.severity is Severity.ERROR] == []


def test_the_form_is_served_below_a_path_too(tmp_path: Path) -> None:
    place = Place(tmp_path, site=None)
    with place.served(root="/papers") as client:
        page = client.get("/subscribe").text  # a proxy takes the path away
        assert 'action="/papers/subscribe"' in page
        stamp = hidden(page, "stamp")
        place.now += timedelta(seconds=10)
        assert client.post("/subscribe", data={"address": BEA, "stamp": stamp, **WISHES}).status_code == 200
    assert f"{place.address}/papers/confirm/" in text_of(place.mail()[0])


def chunks(size: int) -> Iterator[bytes]:
    """A body whose length nobody says beforehand."""
    yield b"address="
    for _ in range(size // 1024):
        yield b"a" * 1024


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


MULTIPART = {"Content-Type": "multipart/form-data"}
BOUNDED = {"Content-Type": "multipart/form-data; boundary=x"}
UNDEFINED = {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}
PART = b'--x\r\nContent-Disposition: form-data; name="address"\r\n\r\na\r\n--x--\r\n'


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"content": b"x" * 300_000, "headers": FORM}, id="too large"),
        pytest.param({"content": chunks(2_000_000), "headers": FORM}, id="too large, and does not say so"),
        pytest.param({"content": b"--x", "headers": MULTIPART}, id="without a boundary"),
        pytest.param({"content": b"--x\r\n\r\n", "headers": BOUNDED}, id="cut"),
        pytest.param({"content": PART, "headers": UNDEFINED}, id="in no charset"),
        pytest.param({"files": {"address": ("a.txt", b"bea@example.net")}}, id="a file"),
        pytest.param({"data": {"topics": ["robots"] * 2000}}, id="too many fields"),
        pytest.param({"json": {"address": BEA}}, id="JSON"),
        pytest.param({"content": b"address=%ff%fe%00&hour=%f0%9f", "headers": FORM}, id="not UTF-8"),
        pytest.param({"data": {"address": "bea@example.net'; DROP TABLE subscribers; --"}}, id="SQL"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_no_form_is_refused_and_breaks_nothing(place: Place, given: dict[str, Any]) -> None:
    with place.served() as client:
        before = place.rows()
        with suppress(httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):  # it may hang up on the largest
            assert 400 <= client.post("/subscribe", **given).status_code < 500
        assert place.rows() == before
        assert place.sign_up(client).status_code == 200
