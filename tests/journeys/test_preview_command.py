"""`newsletter preview`: every form of a message, live, and sent for a try."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from installation import Installation
from journeys_parsing import html_of, parsed, text_of
from typer.testing import CliRunner, Result

from newsletter.cli.app import app

ADA = "ada@example.org"
Preview = Callable[..., Result]


@pytest.fixture
def preview(delivered: Installation) -> Preview:
    """Runs `newsletter preview ARGUMENTS` in this process; fails for any other exit code than the one expected."""

    def run(*arguments: str, expect: int = 0, **environment: str) -> Result:
        result = CliRunner().invoke(app, ["preview", *arguments], env=delivered.environment | environment)
        assert result.exit_code == expect, (result.output, result.exception)
        return result

    return run


def said(result: Result) -> str:
    """The sentence with which a command ended."""
    return " ".join((result.stderr + str(result.exception)).split())


def test_by_default_it_is_a_page_in_a_private_file(preview: Preview, delivered: Installation) -> None:
    path = Path(preview("--subscriber", ADA).stdout.strip())
    assert path.parent == delivered.state / "previews"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = path.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "srcdoc=" in page
    assert parsed(delivered.mail()[ADA])["Subject"] in page
    assert not re.search(r"<(?:script|link)\b|<img[^>]+src=.?http", page)


def test_every_form_is_of_the_same_message(preview: Preview) -> None:
    def written(form: str) -> bytes:
        return preview("--fixture", "latex", "--format", form, "--out", "-").stdout_bytes

    message = parsed(written("eml"))
    for form, kind in (("html", "html"), ("text", "plain")):
        part = message.get_body((kind,))
        assert part
        assert written(form).decode() == part.get_content().replace("\r\n", "\n")
    assert f"Subject: {message['Subject']}\n" in written("headers").decode()
    assert message["Subject"] in written("page").decode()
    assert "latex" not in text_of(message).casefold()
    assert "Schrödinger" in html_of(message).text_content()


def test_forms_do_not_overwrite_each_other(preview: Preview) -> None:
    paths = [
        preview("--fixture", "none", "--format", form).stdout for form in ("page", "html", "text", "eml", "headers")
    ]
    assert len(set(paths)) == 5


def test_the_language_can_be_chosen(preview: Preview) -> None:
    german = preview("--fixture", "one", "--locale", "de", "--format", "text", "--out", "-").stdout
    assert "Abbestellen" in german
    assert "Unsubscribe" not in german
    assert "Unsubscribe" in preview("--subscriber", ADA, "--locale", "en", "--format", "text", "--out", "-").stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--locale xx", "there is no language “xx”; there are en"),
        ("--fixture some", "there is no fixture “some”; there are one, many, none"),
        ("--fixture one --topic x", "--fixture cannot be combined with --topic"),
        ("--fixture one --subscriber x@example.org --date latest", "--fixture cannot be combined with --subscriber or"),
        ("--width 400", "add --format png"),
        ("--dark --format html", "add --format png"),
        ("--width 199 --format png", "200"),
        ("--width 2001 --format png", "2000"),
        ("--port 8000", "add --serve"),
        ("--serve --out x.html", "--serve cannot be combined with --out"),
        ("--serve --format eml --send-to x@example.org", "--serve cannot be combined with --format or --send-to"),
        ("--send-to x@example.org --format eml", "--send-to cannot be combined with --format"),
        ("--send-to x@example.org --open", "--send-to cannot be combined with --open"),
        ("--send-to nobody", "is not an e-mail address"),
        ("--out - --open", "--out - cannot be combined with --open"),
        ("--date March", "is not a day"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(preview: Preview, arguments: str, why: str) -> None:
    assert why in said(preview(*arguments.split(), expect=2))


@pytest.mark.chromium
def test_a_picture_is_as_wide_as_asked_for(preview: Preview) -> None:
    sizes = []
    for more in ([], ["--width", "375", "--dark"]):
        content = preview("--fixture", "one", "--format", "png", "--out", "-", *more).stdout_bytes
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        sizes.append(struct.unpack(">II", content[16:24]))
    assert [width for width, _ in sizes] == [1400, 750]
    assert sizes[0][1] < sizes[1][1]


def test_without_playwright_only_the_picture_is_missing(
    preview: Preview, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for form in ("page", "html", "text", "eml", "headers"):
        assert preview("--fixture", "one", "--format", form, "--out", "-", PATH=str(tmp_path)).stdout_bytes
    result = preview("--fixture", "one", "--format", "png", expect=1, PATH=str(tmp_path))
    assert "pip install 'paper-newsletter[browser]'" in said(result)


def test_what_was_written_is_opened(delivered: Installation, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    program = tmp_path / "xdg-open"
    program.write_text(f'#!/bin/sh\necho "$1" > {opened}.new\nmv {opened}.new {opened}\n')
    program.chmod(0o700)
    environment = delivered.environment | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "newsletter", "preview", "--fixture", "one", "--open"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    deadline = time.monotonic() + 10
    while not opened.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert opened.read_text().strip() == str(Path(done.stdout.strip()).resolve())
    assert done.stderr == ""


class Relay:
    """Answers RCPT and the final dot as told, and keeps what it took."""

    def __init__(self, rcpt: str = "", dot: str = "250 2.0.0 Ok: queued as 42") -> None:
        self.rcpt, self.dot = rcpt, dot
        self.taken: list[Envelope] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.rcpt or "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        return self.dot


class AnyPort(Controller):
    """A server in a thread, on whatever port is free."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd has no types


@contextmanager
def listening(relay: Relay) -> Iterator[dict[str, str]]:
    """The environment in which `relay` is the relay."""
    controller = AnyPort(relay, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield relay_at(controller.port)
    finally:
        controller.stop()


def relay_at(port: int) -> dict[str, str]:
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none", "PATIENCE": "0"}
    return {f"NEWSLETTER_SMTP__{name}": value for name, value in settings.items()}


def test_a_test_message_goes_through_the_relay_and_is_marked(preview: Preview, delivered: Installation) -> None:
    relay = Relay()
    with listening(relay) as environment:
        result = preview("--subscriber", ADA, "--send-to", "Me@Example.NET", **environment)
    assert re.search(
        r"127\.0\.0\.1:\d+ accepted the test message for me@example\.net.*: 250 .*queued as 42", result.stdout
    )
    [taken] = relay.taken
    assert taken.rcpt_tos == ["me@example.net"]
    assert isinstance(taken.content, bytes)
    message, original = parsed(taken.content), parsed(delivered.mail()[ADA])
    assert message["Subject"] == f"[Test] {original['Subject']}"
    assert [one.addr_spec for one in message["To"].addresses] == ["me@example.net"]
    assert message["Message-ID"] != original["Message-ID"]
    assert html_of(message).xpath("//h3//text()") == html_of(original).xpath("//h3//text()")
    assert message["List-Unsubscribe"] != original["List-Unsubscribe"]
    assert delivered("status", "--json").json["deliveries"]["accepted"] == 4


@pytest.mark.parametrize(
    ("relay", "sentence"),
    [
        (Relay(rcpt="550 5.1.1 No such user"), "refused the test message for me@example.net, at RCPT: 550 5.1.1 No"),
        (
            Relay(dot="451 4.3.0 Later"),
            "does not take the test message now for me@example.net, at final dot: 451 4.3.0",
        ),
    ],
)
def test_what_the_relay_answers_is_told(preview: Preview, relay: Relay, sentence: str) -> None:
    with listening(relay) as environment:
        assert sentence in preview("--fixture", "one", "--send-to", "me@example.net", expect=3, **environment).stdout


def test_a_relay_that_is_not_there_is_one_sentence(preview: Preview) -> None:
    result = preview("--fixture", "one", "--send-to", "me@example.net", expect=1, **relay_at(1))
    assert "127.0.0.1:1" in said(result)


def test_without_a_relay_it_goes_to_the_local_mailbox(installation: Installation) -> None:
    result = CliRunner().invoke(
        app, ["preview", "--fixture", "many", "--send-to", "me@example.net"], env=installation.environment
    )
    assert result.exit_code == 0, result.output
    assert f"in the local mailbox {installation.state / 'outbox'}" in result.stdout
    assert parsed(installation.mail()["me@example.net"])["Subject"].startswith("[Test] Slowfall: ")


def test_who_is_suppressed_gets_no_test_message(installation: Installation) -> None:
    installation("suppressions", "add", "gone@example.net")
    result = CliRunner().invoke(
        app, ["preview", "--fixture", "one", "--send-to", "Gone@Example.net"], env=installation.environment
    )
    assert result.exit_code == 1
    assert "gone@example.net is suppressed" in said(result)
    assert installation.mail() == {}


def test_the_live_page_follows_templates_topics_and_settings(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    papers = folder()
    settings, topics, own = papers / "newsletter.toml", papers / "topics.toml", papers / "own" / "email"
    own.mkdir(parents=True)
    before = settings.read_text().replace("[email]", '[email]\ntemplates = "own"\nlogo_text = "First name"')
    settings.write_text(before)
    command = [sys.executable, "-W", "error", "-m", "newsletter", "--config", str(papers), "preview"]
    options = ["--topic", "embodied-ai", "--serve", "--port", "0"]
    with subprocess.Popen(
        [*command, *options],
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            url = process.stdout.readline().strip()
            wait_for(url, "First name", "Embodied AI and robotics")
            settings.write_text(before.replace("First name", "Second name"))
            wait_for(url, "Second name")
            topics.write_text(topics.read_text().replace("Embodied AI and robotics", "Everything that moves"))
            wait_for(url, "Everything that moves", "Second name")
            settings.write_text(before.replace("[email]", "[email]\nnonsense = 1"))
            wait_for(url, "newsletter.toml", "nonsense")
            settings.write_text(before)
            wait_for(url, "First name")
            (own / "header.html.j2").write_text("{{ nobody }}")
            wait_for(url, "header.html.j2", "line 1")
            (own / "header.html.j2").unlink()
            wait_for(url, "First name")
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    assert out == ""
    assert "Traceback" not in err
    assert not (installation.state / "outbox").exists()


def wait_for(url: str, *words: str) -> None:
    """Ask for the page until it has all of `words`."""
    deadline = time.monotonic() + 20
    page = ""
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url, timeout=20) as answer:
            page = answer.read().decode()
        if all(word in page for word in words):
            return
        time.sleep(0.1)
    raise AssertionError(f"the page never had {json.dumps(words)}: {page[:2000]}")
