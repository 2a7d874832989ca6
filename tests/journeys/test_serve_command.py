"""`newsletter serve` as a process: it answers, ends cleanly, and says what is wrong."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from installation import Installation


@contextmanager
def serving(
    installation: Installation, *options: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The page's address, and the process."""
    command = [sys.executable, "-W", "error", "-m", "newsletter", "serve", "--port", "0", *options]
    own = {**installation.environment, "PYTHONUNBUFFERED": "1", **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=own, **pipes) as process:  # type: ignore[call-overload]  # by name
        try:
            assert process.stdout
            found = re.search(r"http://\S+/", process.stdout.readline())
            assert found, process.communicate()
            yield found[0], process
        finally:
            process.kill()


def test_it_answers_and_ends_when_told(installation: Installation) -> None:
    installation("run", "--date", "2025-03-12")
    site = {"NEWSLETTER_SITE__URL": "https://papers.example.org"}
    with serving(installation, **site) as (address, process), httpx.Client(base_url=address) as browser:
        front = browser.get("/")
        assert front.status_code == 200
        assert "Get trending papers in your email inbox!" in front.text
        assert browser.get("/healthz").text == "alive\n"
        assert browser.get("/readyz").text == "ready\n"
        metrics = browser.get("/metrics").text
        assert 'newsletter_deliveries{state="accepted"} 4.0' in metrics
        assert 'newsletter_batches{source="daily-papers",verdict="new"} 2.0' in metrics
        assert "@" not in metrics
        assert browser.get("/nowhere").status_code == 404
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (0, "", "")


def test_below_a_path_of_a_proxy(installation: Installation) -> None:
    with serving(installation, "--root-path", "/papers") as (address, process):
        assert address.endswith("/papers/")
        front = httpx.get(address.removesuffix("/papers/") + "/")
        assert 'href="/papers/style.css' in front.text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "site.url is not set" in err


def test_what_cannot_be_served_is_a_sentence(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = installation("serve", "--port", port, expect=1).err
    assert f"the page cannot be served on port {port} of 127.0.0.1: Address already in use" in error
    assert "choose another" in installation("serve", "--host", "192.0.2.1", "--port", "0", expect=1).err
    assert "begins with a slash" in " ".join(installation("serve", "--root-path", "papers", expect=2).err.split())
