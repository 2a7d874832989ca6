"""The door of the operator's page: who gets in, with what, for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from operator_web import TOKEN, inside, opened, pages
from pydantic import SecretStr
from serving_web import NOW, serving

from newsletter.mail.tokens import SESSION_WITHIN, Tokens
from newsletter.settings import Configuration
from newsletter.web import admin
from newsletter.web.admin.door import COOKIE

KEY = "a-key-for-the-tests-of-the-page"
OPEN = {"/admin/login", "/admin/logout"}
ROUTES = [
    (method, path.replace("{", "").replace("}", ""))
    for path, methods in sorted((one.path, tuple(one.methods)) for one in admin.router.routes)  # type: ignore[attr-defined]  # all are APIRoutes
    for method in methods
    if path not in OPEN
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(opened(tmp_path_factory.mktemp("door"))) as address:
        yield address


def cookie(token: str = TOKEN, key: str = KEY, name: str = "somebody", ago: timedelta = timedelta(hours=1)) -> str:
    return Tokens([key]).session(token, name, NOW - ago)


def is_inside(address: str, value: str) -> bool:
    answer = httpx.get(f"{address}/admin/import", headers={"Cookie": f"{COOKIE}={value}"})
    assert answer.status_code == 200 or answer.headers["location"] == "/admin/login"
    return answer.status_code == 200


@pytest.mark.parametrize("path", [*pages(), "/admin/login", "/admin/subscribers.csv", "/admin/nowhere"])
def test_without_a_configured_token_there_is_nothing(address: str, path: str) -> None:
    nothing = httpx.get(f"{address}/nothing-is-here")
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        answer = httpx.request(method, f"{address}{path}", headers={"Cookie": f"{COOKIE}={cookie()}"})
        assert (answer.status_code, answer.content) == (404, nothing.content)
        assert set(answer.headers) == set(nothing.headers)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_gets_past_the_door(served: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"{served}{path}", **({"data": {"sure": "yes"}} if method == "POST" else {}))  # type: ignore[arg-type]  # by name
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login")
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_opens_and_leaving_ends_it(served: str) -> None:
    with inside(served) as client:
        [kept] = client.cookies.jar
        assert (kept.path, kept.secure, kept.has_nonstandard_attr("HttpOnly")) == ("/admin", False, True)
        assert kept.get_nonstandard_attr("SameSite") == "strict"
        copy = str(kept.value)
        assert TOKEN not in copy
        assert client.get("/admin/login").headers["location"] == "/admin"
        page = client.get("/admin")
        assert page.status_code == 200
        assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")
        assert page.headers["referrer-policy"] == "same-origin"
        assert client.post("/admin/logout").headers["location"] == "/admin/login"
        assert not client.cookies
        assert not is_inside(served, copy)
    with inside(served):
        pass  # one who left may come back


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\u202e", "' OR 1=1 --"])
def test_wrong_tokens_stay_outside(served: str, token: str) -> None:
    answer = httpx.post(f"{served}/admin/login", data={"token": token})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert "That is not the token" in answer.text
    assert token == "" or token not in answer.text


def test_sessions_are_what_they_are_for(served: str) -> None:
    good, tokens = cookie(), Tokens([KEY])
    assert is_inside(served, good)
    assert is_inside(served, cookie(ago=SESSION_WITHIN - timedelta(seconds=1)))
    last = "A" if good[-1] != "A" else "B"
    for bad in (
        "",
        "x",
        "..",
        good[:-1],
        good[:-1] + last,
        "x" + good,
        good.replace("somebody", "anybody", 1),
        good.rpartition(".")[0],
        cookie(ago=SESSION_WITHIN),
        cookie(ago=timedelta(minutes=-1)),
        cookie(token="the-token-of-before-it-was-changed"),
        cookie(key="another-key"),
        tokens.form(NOW),
        tokens.confirm(1, TOKEN, NOW),
        tokens.confirm(1, "", NOW),
        tokens.preferences(1, TOKEN),
        "9" * 4000,
    ):
        assert not is_inside(served, bad), bad


def test_keys_rotate_and_a_new_token_ends_all_sessions(tmp_path: Path) -> None:
    old = opened(tmp_path)
    settings = old.settings.model_copy(update={"secret_keys": (SecretStr("a-newer-key"), SecretStr(KEY))})
    with serving(replace(old, settings=settings)) as address:
        assert is_inside(address, cookie())
        assert is_inside(address, cookie(key="a-newer-key"))
    with serving(opened(tmp_path, operator_token="another-token-altogether")) as address:
        assert not is_inside(address, cookie())


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_other_pages_cannot_use_a_session(served: str, headers: dict[str, str]) -> None:
    with inside(served) as client:
        for path in ("/admin/suppressions", "/admin/suppressions/lift", "/admin/subscribers/1/leave", "/admin/logout"):
            answer = client.post(path, data={"address": "ada@example.org", "sure": "yes"}, headers=headers)
            assert answer.status_code == 403
        assert client.post("/admin/import", files={"file": ("x.csv", b"address\n")}, headers=headers).status_code == 403
        assert "0 addresses" in client.get("/admin/suppressions").text


def test_a_network_has_only_so_many_tries(tmp_path: Path) -> None:
    with serving(opened(tmp_path)) as address, httpx.Client(base_url=address) as client:
        codes = [client.post("/admin/login", data={"token": "wrong"}).status_code for _ in range(30)]
        assert codes[0] == 403
        assert codes[-1] == 429
        answer = client.post("/admin/login", data={"token": TOKEN})
        assert (answer.status_code, "set-cookie" in answer.headers) == (429, False)
        assert int(answer.headers["retry-after"]) > 0
        assert is_inside(address, cookie())  # who is inside stays


def test_behind_a_proxy_with_tls(tmp_path: Path) -> None:
    configuration: Configuration = opened(tmp_path, url="https://papers.example.org/papers")
    with serving(configuration, root="/papers") as address:
        answer = httpx.post(f"{address}/admin/login", data={"token": TOKEN})
        assert answer.headers["location"] == "/papers/admin"
        assert "; Path=/papers/admin;" in answer.headers["set-cookie"]
        assert "; Secure" in answer.headers["set-cookie"]
        page = httpx.get(f"{address}/admin", headers={"Cookie": f"{COOKIE}={cookie()}"})
        assert 'href="/papers/admin/deliveries"' in page.text
        assert 'href="/admin' not in page.text
