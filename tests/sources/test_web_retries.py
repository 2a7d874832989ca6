"""When to ask again, and when the server said so."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
import stamina
from hypothesis import given, settings
from hypothesis import strategies as st
from web_server import AT_ONCE, Reply, WebServer, opened

from newsletter.errors import SourceError
from newsletter.sources.base import Habits
from newsletter.sources.web import asking as web_module
from newsletter.sources.web.faults import MOST_OBEYED, drained, wait_asked

NOW = datetime(2026, 11, 3, 10, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as one:
        yield one


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_three_attempts_and_no_more(server: WebServer, tmp_path: Path, status: int) -> None:
    server.answer("/api", Reply(status), Reply(status), Reply(body=b"x"))
    server.answer("/never", Reply(status))
    with stamina.set_testing(True, attempts=3):  # no waits
        async with opened(tmp_path) as web:
            assert (await web.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"x"
            with pytest.raises(SourceError, match=f"answered {status} .*, several times; it may work later"):
                await web.ask("mine", f"{server.url}/never", AT_ONCE)
    assert [request.target for request in server.requests] == ["/api"] * 3 + ["/never"] * 3


async def test_a_passing_status_that_is_wanted_is_taken(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(503, b"closed"))
    async with opened(tmp_path) as web:
        assert (await web.ask("mine", f"{server.url}/api", AT_ONCE, take={503})).body == b"closed"
    assert len(server.requests) == 1


async def test_the_waits_grow_and_differ(server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.2)
    monkeypatch.setattr(web_module, "JITTER", 0.1)
    server.answer("/api", Reply(503))
    waits = []
    async with opened(tmp_path) as web:
        for _ in range(3):
            server.requests.clear()
            with pytest.raises(SourceError):
                await web.ask("mine", f"{server.url}/api", AT_ONCE)
            first, second, third = (request.began for request in server.requests)
            waits.append((second - first, third - second))
    for short, long in waits:
        assert 0.2 <= short < 1.2
        assert 0.4 <= long < 1.4
    assert len({round(wait, 3) for pair in waits for wait in pair}) > 3


@pytest.mark.parametrize("says", ["1", "date"])
async def test_a_short_retry_after_is_obeyed(server: WebServer, tmp_path: Path, says: str) -> None:
    def busy(_: object) -> Reply:
        moment = datetime.now(UTC) + timedelta(seconds=2)  # dates have whole seconds, so at least one of it is left
        return Reply(429, headers={"Retry-After": says if says == "1" else format_datetime(moment, usegmt=True)})

    server.answer("/api", busy, Reply(body=b"x"))
    async with opened(tmp_path) as web:
        assert (await web.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"x"
    first, second = server.requests
    assert 0.95 <= second.began - first.began < 2.5


@pytest.mark.parametrize("status", [429, 503])
async def test_a_long_retry_after_is_obeyed_by_everybody(server: WebServer, tmp_path: Path, status: int) -> None:
    server.answer("/api", Reply(status, headers={"Retry-After": "1800"}), Reply(body=b"x"))
    habits = Habits(pace=0.01)
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError) as caught:
            await web.ask("mine", f"{server.url}/api", habits)
    until = datetime.now(UTC) + timedelta(seconds=1800)
    minutes = [f"{until + timedelta(seconds=more):%Y-%m-%d %H:%M} UTC" for more in (0, 60)]
    assert any(f" and asked us to wait until {minute}; run again then" in str(caught.value) for minute in minutes)
    async with opened(tmp_path, owner="another") as web:
        with pytest.raises(SourceError, match="asked us to wait until 20"):
            await web.ask("another", f"{server.url}/other", habits)
    assert len(server.requests) == 1


async def test_patience_is_a_setting(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(429, headers={"Retry-After": "2"}), Reply(body=b"x"))
    async with opened(tmp_path, patience=0.5) as web:
        with pytest.raises(SourceError, match="asked us to wait"):
            await web.ask("mine", f"{server.url}/api", AT_ONCE)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "says", ["0", "-5", "soon", "", "Sun, 06 Nov 1994 08:49:37 GMT", "1e9", "٣", "9" * 400, "x" * 9999]
)
async def test_a_retry_after_that_says_nothing(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(web_module, "JITTER", 0.01)
    server.answer("/api", Reply(503, headers={"Retry-After": says.encode().decode("latin-1")}), Reply(body=b"x"))
    async with opened(tmp_path) as web:
        if says.startswith("9"):  # longer than any patience
            with pytest.raises(SourceError, match="asked us to wait until"):
                await web.ask("mine", f"{server.url}/api", AT_ONCE)
            return
        assert (await web.ask("mine", f"{server.url}/api", AT_ONCE)).body == b"x"
    first, second = server.requests
    assert 0.05 <= second.began - first.began < 2


async def test_an_empty_quota_makes_the_next_question_wait(server: WebServer, tmp_path: Path) -> None:
    limits = {"RateLimit": '"api";r=0;t=1', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
    server.answer("/api", Reply(body=b"x", headers=limits), Reply(body=b"y", headers={"RateLimit": '"api";r=9;t=99'}))
    habits = Habits(pace=0.01)
    async with opened(tmp_path) as web:
        for _ in range(3):
            await web.ask("mine", f"{server.url}/api", habits)
    first, second, third = (request.began for request in server.requests)
    assert 0.95 <= second - first < 2
    assert third - second < 0.9


async def test_a_429_with_a_quota_and_no_retry_after(server: WebServer, tmp_path: Path) -> None:
    server.answer("/api", Reply(429, headers={"RateLimit": '"api";r=0;t=123'}))
    began = time.monotonic()
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError, match="answered 429 Too Many Requests and asked us to wait until"):
            await web.ask("mine", f"{server.url}/api", Habits(pace=0.01))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("says", "seconds"),
    [
        ('"api";r=0;t=123', 123),
        ('"api"; r=0; t=123', 123),
        ('"api";r=-1;t=5', 5),
        ('"api";r=0;pk=:x:;t=7', 7),
        ('"pages";r=3;t=50, "api";r=0;t=10', 10),
        ('"pages";r=0;t=50, "api";r=0;t=10', 50),
        ('"api";r=1;t=123', None),
        ('"api";r=0', None),
        ('"api";t=5', None),
        ("limit=10, remaining=0, reset=5", None),
        ('"api";r=0;t=999999999999999999', MOST_OBEYED.total_seconds()),
        ("", None),
    ],
)
def test_quotas(says: str, seconds: float | None) -> None:
    moment = drained(httpx.Headers({"RateLimit": says}), NOW)
    assert moment == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("says", "seconds"),
    [
        ("120", 120),
        ("Tue, 03 Nov 2026 10:02:00 GMT", 120),
        ("Tue, 03 Nov 2026 10:02:00", 120),
        ("Tue, 03 Nov 2026 12:02:00 +0200", 120),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_OBEYED.total_seconds()),
        ("99999999999", MOST_OBEYED.total_seconds()),
        ("soon", None),
    ],
)
def test_retry_after(says: str, seconds: float | None) -> None:
    moment = wait_asked(httpx.Headers({"Retry-After": says}), NOW)
    assert moment == (None if seconds is None else NOW + timedelta(seconds=seconds))


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.text(max_size=60), st.text(alphabet='"api";r=0t,-: GMTNov26+', max_size=60)))
def test_no_header_surprises(says: str) -> None:
    headers = httpx.Headers({"Retry-After": says.encode(), "RateLimit": says.encode()})
    for moment in (wait_asked(headers, NOW), drained(headers, NOW)):
        assert moment is None or NOW <= moment <= NOW + MOST_OBEYED
