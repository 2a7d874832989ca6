"""One place that posts go to: Apprise itself, before a real server with its faults."""

from __future__ import annotations

import io
import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from web_server import Reply, WebServer

from newsletter.chat import outlet as chat
from newsletter.chat.outlet import Outlet
from newsletter.errors import ChannelError
from newsletter.model import State
from newsletter.model.post import Form

TOKEN = "s3cr3ttoken123"


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as web:
        web.answer(f"/{TOKEN}", Reply(200))
        yield web


def outlet(server: WebServer, query: str = "") -> Outlet:
    return Outlet("lab", f"json://127.0.0.1:{server.port}/{TOKEN}{query}")


def test_headers_are_encoded_as_before_once_apprise_is_loaded() -> None:
    said = """if True:
        from newsletter.mail import headers
        before = headers.text("Subject", "Zwölf 深度学习 " * 20)
        from newsletter.chat.outlet import Outlet
        Outlet("lab", "json://127.0.0.1/x")
        import apprise.plugins.email
        assert headers.text("Subject", "Zwölf 深度学习 " * 20) == before
    """
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_post_arrives_as_it_is(server: WebServer) -> None:
    body = "A *Robot* \\n {{ x }} ${Y} :smile: <b>\n\nhttps://arxiv.org/abs/1"
    outcome = await outlet(server).send(body)
    assert outcome.state is State.ACCEPTED
    [request] = server.requests
    assert json.loads(request.body)["message"] == body


@pytest.mark.parametrize(
    ("url", "form", "limit"),
    [
        ("json://127.0.0.1/x", Form.TEXT, 32_768),
        ("json://127.0.0.1/x?format=markdown", Form.MARKDOWN, 32_768),
        ("mmost://127.0.0.1/abcdefghijkl", Form.TEXT, 4_000),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", Form.TEXT, 2_000),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?format=markdown", Form.MARKDOWN, 2_000),
        ("slack://TXXXXXXXX/BXXXXXXXX/jvlGGWzrGXwjr5wQY3cWLqHE/", Form.MARKDOWN, 35_000),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", Form.HTML, 4_096),
    ],
)
def test_a_service_says_what_it_wants(url: str, form: Form, limit: int) -> None:
    made = Outlet("lab", url)
    assert (made.form, made.limit) == (form, limit)


@pytest.mark.parametrize(
    ("reply", "state", "code"),
    [
        (Reply(429), State.DEFERRED, 429),
        (Reply(500), State.DEFERRED, 500),
        (Reply(503), State.DEFERRED, 503),
        (Reply(400), State.REFUSED, 400),
        (Reply(403), State.REFUSED, 403),
        (Reply(404, b"error=500"), State.REFUSED, 404),
        (Reply(raw=b""), State.UNKNOWN, None),
        (Reply(raw=b"SSH-2.0\r\n"), State.UNKNOWN, None),
    ],
)
async def test_what_the_service_answers_says_what_became_of_the_post(
    server: WebServer, reply: Reply, state: State, code: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answer(f"/{TOKEN}", reply)
    logged = io.StringIO()
    listening = logging.StreamHandler(logged)
    logging.getLogger().addHandler(listening)
    try:
        outcome = await outlet(server).send("Why error=418 and NewConnectionError matter")
    finally:
        logging.getLogger().removeHandler(listening)
    assert (outcome.state, outcome.code) == (state, code)
    assert TOKEN not in outcome.text + logged.getvalue() + "".join(capfd.readouterr())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_post_does_not_go_where_a_redirect_leads(server: WebServer, status: int) -> None:
    """There it would arrive as a question without the post, and be taken for accepted."""
    server.answer(f"/{TOKEN}", Reply(status, headers={"Location": "/login"}))
    server.answer("/login", Reply(200))
    outcome = await outlet(server).send("A post")
    assert (outcome.state, outcome.code) == (State.REFUSED, status)
    assert outcome.text.startswith(f"JSON answered {status} ")
    assert outcome.text.endswith(": give the channel the url that this leads to")
    assert [one.target for one in server.requests] == [f"/{TOKEN}"]


async def test_a_service_that_says_nothing_may_have_the_post(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer(f"/{TOKEN}", Reply(delay=300))
    outcome = await outlet(server, "?rto=0.2").send("A post")
    assert (outcome.state, outcome.text) == (State.UNKNOWN, "JSON did not say whether it took the post")
    monkeypatch.setattr(chat, "LONGEST", 0.2)
    outcome = await outlet(server, "?rto=2").send("A post")
    assert (outcome.state, outcome.text) == (State.UNKNOWN, "JSON gave no answer within 0.2 seconds")


async def test_a_service_that_is_not_there_has_not_got_the_post() -> None:
    with socket.socket() as one:  # a port where nobody listens
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    outcome = await Outlet("lab", f"json://127.0.0.1:{port}/{TOKEN}").send("A post")
    assert (outcome.state, outcome.text) == (State.DEFERRED, "JSON cannot be reached")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"nothing://{TOKEN}", "its url is none that Apprise can use"),
        (f"slack://{TOKEN}", "its url is none that Apprise can use"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/12315545", "names 2 targets"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_it(url: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChannelError, match=f"^channel lab: .*{why}") as error:
        Outlet("lab", url)
    assert TOKEN not in str(error.value) + "".join(capfd.readouterr())


def test_without_apprise_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ChannelError, match=r"pip install 'paper-newsletter\[notify\]'"):
        Outlet("lab", "json://127.0.0.1/x")
