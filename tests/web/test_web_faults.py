"""What nobody foresaw, and what is asked in a way that nobody should."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
import warm
from databases import execute
from fastapi.routing import APIRoute
from readers_web import TUESDAY, Place
from serving_web import aside, free_port, served_app
from starlette.routing import Route

from newsletter import web
from newsletter.web.app import MODULES
from newsletter.web.limiting import PER_ADDRESS
from newsletter.web.security import HEADERS, LARGEST_BODY


def broken_templates(folder: Path) -> Path:
    """A folder of an operator's whose page to leave divides by zero."""
    pages = folder / "templates" / "web"
    pages.mkdir(parents=True)
    (pages / "unsubscribe.html.j2").write_text("{{ 1 // 0 }}", encoding="utf-8")
    return pages.parent


def test_a_fault_of_ours_is_a_page_and_a_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(tmp_path, email={"templates": broken_templates(tmp_path)})
    with place.served() as client:
        answer = client.get("/unsubscribe/7.secret")
        assert client.get("/healthz").status_code == 200
    assert (answer.status_code, "That did not work" in answer.text) == (500, True)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    [ours] = [one for one in caplog.records if one.name == "newsletter.web.app"]
    assert ours.exc_info
    assert "7.secret" not in caplog.text


def test_the_command_says_it_once(tmp_path: Path) -> None:
    port, templates = free_port(), broken_templates(tmp_path)
    own = {
        "NEWSLETTER_STATE_DIR": str(tmp_path / "var"),
        "NEWSLETTER_EMAIL__TEMPLATES": str(templates),
        "NEWSLETTER_SITE__URL": "https://papers.example.org",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "newsletter", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert "The page is at" in process.stdout.readline()
            assert httpx.get(f"http://127.0.0.1:{port}/unsubscribe/7.secret").status_code == 500
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=15)
        finally:
            process.kill()
    assert said.count("Traceback") == 1
    assert said.count("ZeroDivisionError") == 1
    assert "7.secret" not in said


@pytest.mark.parametrize("one", ["proxy.example", "10.0.0.1/8", "10.0.0.1,10.0.0.2", ""])
def test_a_proxy_is_an_address(one: str, tmp_path: Path) -> None:
    done = warm.newsletter(["serve", "--proxy-headers", one], env=os.environ, cwd=tmp_path)
    assert done.returncode == 2
    assert "is an IP address, a network" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_numbers_that_no_row_has_are_nobodys(tmp_path: Path) -> None:
    with Place(tmp_path).served() as client:
        for path in ("preferences", "opinions", "confirm"):
            assert client.get(f"/{path}/9999999999999999999.x").status_code == 404
        assert client.post("/unsubscribe/9999999999999999999.x").status_code == 200


def test_what_may_be_asked_is_said(tmp_path: Path) -> None:
    with Place(tmp_path).served() as client:
        for path, methods in (
            ("/", "GET, HEAD"),
            ("/subscribe", "GET, HEAD, POST"),
            ("/unsubscribe/x", "GET, HEAD, POST"),
        ):
            answer = client.options(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (client.head(path).status_code, client.head(path).content) == (200, b"")


def test_a_database_that_fails_uses_up_no_sign_up(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.served() as client:
        execute(place.url, "ALTER TABLE subscribers RENAME TO elsewhere")
        for _ in range(PER_ADDRESS.amount + 1):
            assert place.sign_up(client).status_code in (500, 503)
        execute(place.url, "ALTER TABLE elsewhere RENAME TO subscribers")
        assert place.sign_up(client).status_code == 200
    assert len(place.mail()) == 1


# Asked in ways that nobody should


TRICKS = (
    *("..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/", "....//....//", "/../../x", "//evil.example/%2f..", "%5c..%5cx"),
    *("%00", "x%00.html", ";a=b", "x;/../y", "%c0%ae%c0%ae%2f", "%ff%fe", "%ed%a0%80", "%0d%0aSet-Cookie:%20x=1", "%"),
    *(
        "%27%20OR%20%271%27=%271",
        "%27;%20DROP%20TABLE%20subscribers;%20--",
        "1%29%20UNION%20SELECT%201,2--",
        "%22*",
        "%5c",
    ),
    *("a" * 5000, "9" * 30, "-1", "0", "2025-13-45", "9999-12-31", "0001-01-01", "%7B%7B7*7%7D%7D", "NEAR(%22", "%25_"),
)
_ASKED_FOR = re.compile(r'query_params\.get(?:list)?\("(\w+)"|forms\.text\(\w+, "(\w+)"|form\.get(?:list)?\("(\w+)"')


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, httpx.Client]]:
    """A place with an edition, served. Nothing that these tests ask may change it."""
    place = Place(tmp_path_factory.mktemp("attacked"))
    place.list_papers(TUESDAY, "A Robot That Walks", "A Stone")
    aside(place.run(TUESDAY))
    with place.served() as client:
        yield place, client


def paths(place: Place, method: str) -> list[str]:
    """The path of every route that answers to `method`, with its parameters in braces."""
    routes = [one for one in served_app(place.address).routes if isinstance(one, Route)]
    module_routes = [one for module in MODULES for one in module.router.routes if isinstance(one, Route)]
    return sorted({one.path for one in (*routes, *module_routes) if method in (one.methods or ())})


def fields() -> set[str]:
    """What pages read of addresses and forms, from their code and from what their handlers take."""
    code = "".join(one.read_text("utf-8") for one in Path(web.__file__).parent.rglob("*.py"))
    found = {name for names in _ASKED_FOR.findall(code) for name in names if name}
    routes = [one for module in MODULES for one in module.router.routes if isinstance(one, APIRoute)]
    found |= {one.alias for route in routes for one in route.dependant.query_params}
    assert {"address", "topics", "q", "until", "say"} <= found
    return found


def raw(place: Place, request: str) -> bytes:
    """The answer to exactly these words: clients tidy addresses up before they ask."""
    with socket.create_connection(("127.0.0.1", place.port), timeout=20) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_no_trick_in_a_path_finds_or_changes_anything(attacked: tuple[Place, httpx.Client]) -> None:
    place, _ = attacked
    before = place.rows()
    asked = [
        (method, re.sub(r"{[^}]*}", trick, path))
        for method in ("GET", "POST")
        for path in paths(place, method)
        for trick in TRICKS
    ]
    asked += [("GET", f"/{trick}") for trick in TRICKS]
    assert any("/editions/" in path for _, path in asked)
    for method, path in dict.fromkeys(asked):
        answer = raw(place, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
        assert 200 <= int(head[9:12]) < 500, (method, path[:100], head[:200])
        assert "set-cookie" not in head.lower(), path[:100]
        assert b"root:" not in answer
        [location] = re.findall(r"(?im)^location: *(\S*)", head) or [""]
        assert not location.startswith("//"), path[:100]
        assert urlsplit(location).netloc in ("", "x"), path[:100]
    assert place.rows() == before


def test_no_trick_in_a_parameter_does_either(attacked: tuple[Place, httpx.Client]) -> None:
    place, client = attacked
    before = place.rows()
    for trick in (unquote(one)[:1000] for one in TRICKS):
        given = dict.fromkeys(fields(), trick)
        for method in ("GET", "POST"):
            for path in paths(place, method):
                named = re.sub(r"{[^}]*}", "1", path)
                asked = {"params": given} if method == "GET" else {"data": given}
                answer = client.request(method, named, **asked)  # type: ignore[arg-type]  # httpx's own options
                assert answer.status_code < 500, (method, named, trick)
                assert "set-cookie" not in answer.headers
    assert place.rows() == before


def test_no_body_is_too_large_to_be_refused(attacked: tuple[Place, httpx.Client]) -> None:
    place, client = attacked
    before = place.rows()

    def endless() -> Iterator[bytes]:
        yield from (b"a" * 65536 for _ in range(2 * LARGEST_BODY // 65536))

    for path in paths(place, "POST"):
        named = re.sub(r"{[^}]*}", "1", path)
        announced = raw(
            place, f"POST {named} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n"
        )
        assert 400 <= int(announced[9:12]) < 500, named
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post(named, content=endless(), headers=form).status_code < 500, named
    assert place.rows() == before
