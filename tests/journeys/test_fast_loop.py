"""The commands that send or serve, on uvloop where the extra `fast` is installed."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from crossing import crossed
from installation import Installation

from newsletter.cli.console import go

needs_uvloop = pytest.mark.skipif(find_spec("uvloop") is None, reason="the extra fast is not installed")


async def running_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


@needs_uvloop
def test_it_is_used_where_it_is_installed() -> None:
    assert go(running_loop()).partition(".")[0] == "uvloop"


def test_asyncio_does_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)  # which makes importing it fail
    assert go(running_loop()).partition(".")[0] == "asyncio"


@needs_uvloop
def test_four_readers_get_their_mail(installation: Installation) -> None:
    installation("run", "--date", "latest", NEWSLETTER_RANKING__MODELS="installed")
    assert len(installation.mail()) == 4
    assert installation("status", "--json").json["balanced"] is True


@needs_uvloop
def test_a_relay_that_is_not_there_is_a_sentence(installation: Installation) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        relay = {"HOST": "127.0.0.1", "PORT": str(nobody.getsockname()[1]), "SECURITY": "none", "PATIENCE": "1"}
        smtp = {f"NEWSLETTER_SMTP__{name}": value for name, value in relay.items()}
        said = installation("run", "--date", "latest", expect=1, **smtp)
    assert "cannot be used" in said.err
    installation("run", "--date", "latest")
    assert len(installation.mail()) == 4


@needs_uvloop
@pytest.mark.parametrize(
    ("command", "number"), crossed([["schedule"], ["serve", "--port", "0"]], [signal.SIGTERM, signal.SIGINT])
)
def test_it_ends_when_told(installation: Installation, command: list[str], number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "newsletter", *command],
        env=installation.environment | {"PYTHONUNBUFFERED": "1", "NEWSLETTER_SITE__URL": "https://papers.example.org"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # it is a pipe
        first = process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert first.startswith(("next run", "The page is at"))
    assert process.returncode == 0, first + out + err
    assert "Traceback" not in err
    assert "not happen" not in err
