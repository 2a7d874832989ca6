"""One question, one answer: what is sent, what is kept, what is said when it fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from web_server import AT_ONCE, Reply, WebServer, opened

from newsletter import __version__
from newsletter.errors import SourceError
from newsletter.sources.base import Habits
from newsletter.sources.web import asking as web_module

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)


@pytest.fixture
async def server() -> Iterator[WebServer]:
    async with WebServer() as one:
        yield one


async def refusal(web: web_module.HttpWeb, url: str, habits: Habits = AT_ONCE, **options: object) -> str:
    """The sentence of a question that fails: one printable line."""
    with pytest.raises(SourceError) as caught:
        await web.ask("mine", url, habits, **options)  # type: ignore[arg-type]  # whatever the test passes on
    sentence = str(caught.value)
    assert sentence.startswith("source mine: ")
    assert sentence.isprintable()
    return sentence


async def test_what_is_sent(server: WebServer, tmp_path: Path) -> None:
    server.answer("/feed", Reply(body=b"<rss/>", headers={"Content-Type": "text/xml", "X-Other": "1"}))
    async with opened(tmp_path, contact="https://example.org/(über)") as web:
        answer = await web.ask("mine", f"{server.url}/feed?q=a%20b", AT_ONCE)
    [request] = server.requests
    assert (request.method, request.target) == ("GET", "/feed?q=a%20b")
    agent = f"paper-newsletter/{__version__} (+https://example.org/%28%C3%BCber%29)"
    assert request.headers["user-agent"] == agent
    assert request.headers["accept-encoding"] == "gzip"
    assert (answer.status, answer.body, answer.fresh) == (200, b"<rss/>", True)
    assert dict(answer.headers) == {"content-type": "text/xml"}
    assert answer.request == f"{server.url}/feed?q=a%20b"


async def test_a_post_is_canonical_json_and_known_by_its_hash(server: WebServer, tmp_path: Path) -> None:
    server.answer("/batch", lambda request: Reply(body=request.body))
    async with opened(tmp_path) as web:
        one = await web.ask("mine", f"{server.url}/batch", AT_ONCE, json={"ids": ["é"], "a": 1})
        other = await web.ask("mine", f"{server.url}/batch", AT_ONCE, json={"a": 1, "ids": ["é"]})
        third = await web.ask("mine", f"{server.url}/batch", AT_ONCE, json={})
    assert [request.method for request in server.requests] == ["POST"] * 3
    assert server.requests[0].headers["content-type"] == "application/json"
    assert json.loads(one.body) == {"ids": ["é"], "a": 1}
    assert one.request == other.request == f"{server.url}/batch#{sha256(one.body).hexdigest()}"
    assert third.request != one.request


async def test_a_kept_answer_is_asked_for_again_by_etag_and_date(server: WebServer, tmp_path: Path) -> None:
    marks = {"ETag": '"one"', "Last-Modified": "Mon, 02 Nov 2026 00:00:00 GMT"}
    server.answer("/feed", Reply(body=b"whole", headers=marks), Reply(304, headers={"ETag": '"two"'}), Reply(304))
    async with opened(tmp_path, now=lambda: NOON) as web:
        await web.ask("mine", f"{server.url}/feed", AT_ONCE)
    for day in (1, 2):
        async with opened(tmp_path, now=lambda day=day: NOON + timedelta(days=day)) as web:
            again = await web.ask("mine", f"{server.url}/feed", AT_ONCE)
        assert (again.status, again.body, again.fresh) == (200, b"whole", False)
        assert again.fetched_at == NOON + timedelta(days=day)
    first, second, third = (request.headers for request in server.requests)
    assert "if-none-match" not in first
    assert "if-modified-since" not in first
    assert (second["if-none-match"], second["if-modified-since"]) == ('"one"', marks["Last-Modified"])
    assert third["if-none-match"] == '"two"'  # the newest that was told


async def test_each_source_has_its_own_kept_answers(server: WebServer, tmp_path: Path) -> None:
    server.answer("/feed", Reply(body=b"x", headers={"ETag": '"one"'}))
    async with opened(tmp_path) as web:
        await web.ask("one", f"{server.url}/feed", AT_ONCE)
        await web.ask("two", f"{server.url}/feed", AT_ONCE)
    assert "if-none-match" not in server.requests[1].headers


async def test_304_without_a_kept_answer_is_no_answer(server: WebServer, tmp_path: Path) -> None:
    server.answer("/feed", Reply(304))
    async with opened(tmp_path) as web:
        assert "answered 304 Not Modified" in await refusal(web, f"{server.url}/feed")


async def test_an_etag_that_could_not_be_sent_back_is_not_kept(server: WebServer, tmp_path: Path) -> None:
    server.answer("/feed", Reply(body=b"x", headers={"ETag": '"\xe9"'}), Reply(body=b"y", headers={"ETag": "z" * 2000}))
    async with opened(tmp_path) as web:
        bodies = [(await web.ask("mine", f"{server.url}/feed", AT_ONCE)).body for _ in range(3)]
    assert bodies == [b"x", b"y", b"y"]
    assert not any("if-none-match" in request.headers for request in server.requests)


async def test_once_a_day_means_the_utc_day(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"1"), Reply(body=b"2"))
    moments = [NOON, datetime(2026, 11, 3, 23, 59, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)]
    seen = []
    for moment in moments:
        async with opened(tmp_path, now=lambda moment=moment: moment) as web:
            seen.append(await web.ask("mine", f"{server.url}/api", AT_ONCE, once_a_day=True))
    assert [(answer.body, answer.fresh) for answer in seen] == [(b"1", True), (b"1", False), (b"2", True)]
    assert len(server.requests) == 2
    assert seen[1].fetched_at == NOON


async def test_a_rejected_answer_is_asked_for_anew(server: WebServer, tmp_path: Path) -> None:
    marked = {"ETag": '"one"'}
    server.answer("/api", Reply(body=b"half", headers=marked), Reply(body=b"half", headers=marked), Reply(body=b"all"))
    async with opened(tmp_path, now=lambda: NOON) as web:
        for body in (b"half", b"half", b"all", b"all"):
            answer = await web.ask("mine", f"{server.url}/api", AT_ONCE, once_a_day=True)
            assert answer.body == body
            if body == b"half":
                await web.reject("mine", answer)
                async with opened(tmp_path, offline=True) as offline:
                    assert (await offline.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"half"
    assert len(server.requests) == 3
    assert not any("if-none-match" in request.headers for request in server.requests)


async def test_what_was_not_kept_rejects_nothing_that_was(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"whole", headers={"ETag": '"one"'}), Reply(400, b"no"), Reply(304))
    async with opened(tmp_path) as web:
        whole = await web.ask("mine", f"{server.url}/api", AT_ONCE)
        await web.reject("mine", await web.ask("mine", f"{server.url}/api", AT_ONCE, take={400}))
        await web.reject("yours", whole)
        async with opened(tmp_path, offline=True) as offline:
            await offline.reject("mine", await offline.ask("mine", f"{server.url}/api", AT_ONCE))
        assert (await web.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"whole"


async def test_a_status_to_take_is_answered_but_not_kept(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(400, b"no such date"))
    async with opened(tmp_path) as web:
        answer = await web.ask("mine", f"{server.url}/api", AT_ONCE, take={400})
        assert (answer.status, answer.body, answer.fresh) == (400, b"no such date", True)
    async with opened(tmp_path, offline=True) as web:
        await refusal(web, f"{server.url}/api", take={400})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "answered 404 Not Found; check base_url"),
        (403, "answered 403 Forbidden; check the token"),
        (204, "answered 204 No Content"),
        (299, "answered 299;"),
        (304, "answered 304"),
        (410, "answered 410 Gone"),
        (501, "answered 501"),
    ],
)
async def test_other_statuses_are_refused_at_once(server: WebServer, tmp_path: Path, status: int, words: str) -> None:
    server.answer("/api", Reply(status, b"" if status in {204, 304} else b"\x1b[31m", {"Content-Length": None}))
    async with opened(tmp_path) as web:
        assert f"source mine: {server.url}/api {words}" in await refusal(web, f"{server.url}/api")
    assert len(server.requests) == 1


async def test_offline_answers_with_what_is_kept(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"1"), Reply(body=b"2"))
    url = f"{server.url}/api"
    for day in range(2):
        async with opened(tmp_path, now=lambda day=day: NOON + timedelta(days=day)) as web:
            await web.ask("mine", url, AT_ONCE)
    async with opened(tmp_path, offline=True) as web:
        answer = await web.ask("mine", url, AT_ONCE)
        assert (answer.body, answer.fresh) == (b"2", False)
        sentence = await refusal(web, f"{url}?p=1&api_key=hidden")
        assert sentence == f"source mine: {url}?p=1&api_key=*** was not kept; ask without --offline"
    async with opened(tmp_path, offline=True, until=NOON + timedelta(hours=1)) as web:
        assert (await web.ask("mine", url, AT_ONCE, once_a_day=True)).body == b"1"
    async with opened(tmp_path, offline=True, until=NOON - timedelta(hours=1)) as web:
        await refusal(web, url)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "file:///etc/passwd",
        "example.org/x",
        "http://",
        "http:///x",
        "http://[::1/x",
        "http://h:99999/",
        "http://h:0/",
        "http://h/\n",
        "http://h/\ud800",
        "http://xn--/",
        "http://ⓛocalhost/",
        "http://" + "h" * 70_000,
        "",
    ],
)
async def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    async with opened(tmp_path) as web:
        sentence = await refusal(web, url)
        assert "is no valid address; write it like https://example.org/path" in sentence
        assert len(sentence) < 400


async def test_secrets_stay_out_of_sentences_and_of_the_store(server: WebServer, tmp_path: Path) -> None:
    token = "Bearer hf_averysecrettoken"
    query = "?api_key=S3CRET&mailto=me@example.org&access_token=S3CRET&q=open&sig=S3CRET;Password=S3CRET"
    url = f"{server.url.replace('//', '//user:S3CRET@')}/api{query}"
    server.answer("/api", Reply(404), Reply(body=b"x"))
    habits = Habits(pace=0, headers={"Authorization": token})
    async with opened(tmp_path) as web:
        sentence = await refusal(web, url, habits)
        assert "q=open" in sentence
        answer = await web.ask("mine", url, habits)
    for text in (sentence, answer.request):
        assert "S3CRET" not in text
        assert "me@example" not in text
        assert "averysecret" not in text
    assert server.requests[0].target == f"/api{query}"
    async with opened(tmp_path, offline=True) as web:  # and it is found again by the same address
        assert (await web.ask("mine", url, habits)).body == b"x"
        await refusal(web, url.replace("S3CRET", "another"), habits)


async def test_a_server_that_repeats_the_token_does_not_get_it_into_a_sentence(
    server: WebServer, tmp_path: Path
) -> None:
    server.answer("/api", Reply(302, headers={"Location": "http://10.0.0.1/hf_averysecrettoken"}))
    async with opened(tmp_path) as web:
        habits = Habits(pace=0, headers={"Authorization": "Bearer hf_averysecrettoken"})
        assert "http://10.0.0.1/*** (where" in await refusal(web, f"{server.url}/api", habits)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nHost: evil", "ключ", "a\x00b", " "])
async def test_a_token_that_is_no_header(server: WebServer, tmp_path: Path, token: str) -> None:
    server.answer("/api", Reply(body=b"x"))
    async with opened(tmp_path) as web:
        habits = Habits(pace=0, headers={"Authorization": f"Bearer {token}"})
        sentence = await refusal(web, f"{server.url}/api", habits)
    assert "check that the token is one line of plain ASCII" in sentence
    assert not server.requests


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "a" * 64 + ".invalid", "a." * 130 + "invalid", "..invalid", "a%20b"]
)
async def test_hosts_that_are_not_found(tmp_path: Path, host: str) -> None:
    async with opened(tmp_path) as web:
        assert "its host is not found" in await refusal(web, f"https://{host}/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("http_proxy", "gopher://proxy.example"),
        ("http_proxy", "http://[::1"),
        ("all_proxy", "socks5://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/nowhere/at/all.pem"),
        ("SSL_CERT_FILE", __file__),
        ("http_proxy", "http://127.0.0.1:1"),
    ],
)
async def test_an_environment_that_cannot_be_used(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    async with opened(tmp_path) as web:
        assert "cannot be asked: " in await refusal(web, f"{server.url}/api")
    assert not server.requests


async def test_nothing_is_logged_or_printed(
    server: WebServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("/api", Reply(500), Reply(body=b"x"))
    logging.getLogger().setLevel(logging.INFO)
    try:
        async with opened(tmp_path) as web:
            await web.ask("mine", f"{server.url}/api", AT_ONCE)
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert len(server.requests) == 2
    assert capfd.readouterr() == ("", "")
    assert not [
        record for record in caplog.records if record.name.partition(".")[0] in {"httpx", "httpcore", "stamina"}
    ]


async def test_no_cookie_is_ever_sent(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(body=b"x", headers={"Set-Cookie": "who=you; Path=/"}))
    async with opened(tmp_path) as web:
        for _ in range(2):
            await web.ask("mine", f"{server.url}/api", AT_ONCE)
    assert not any("cookie" in request.headers for request in server.requests)
