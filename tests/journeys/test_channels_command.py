"""Channels as an operator sees them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from installation import Installation
from journeys_parsing import parsed

TOKEN = "s3cr3ttoken123"
PATIENCE = 60.0


class Service(BaseHTTPRequestHandler):
    """Takes posts, and keeps them."""

    taken: list[str] = []  # noqa: RUF012  # each test has one server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(json.loads(body)["message"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_what_is_posted_can_be_seen_before_and_after(installation: Installation) -> None:
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        table = {"name": "lab", "url": f"json://127.0.0.1:{server.server_port}/{TOKEN}", "papers": 3}
        told = {"NEWSLETTER_CHANNELS": json.dumps([table])}
        preview = installation("preview", "--channel", "lab", **told)
        assert Service.taken == []
        ran = installation("run", "--date", "latest", "--json", **told)
        listed = installation("channels", "--json", **told)
        shown = installation("channels", **told)
        server.shutdown()
    assert Service.taken == [preview.out.rstrip("\n")]
    assert [(one["channel"], one["state"], one["papers"]) for one in ran.json["posts"]] == [("lab", "accepted", 3)]
    assert listed.json["channels"] == [{"channel": "lab", "topics": ["trending"], "rhythm": "daily", "papers": 3}]
    assert listed.json["posts"] == ran.json["posts"]
    assert "accepted" in shown.out
    assert not any(TOKEN in one.out + one.err for one in (preview, ran, listed, shown))
    wrong = installation("preview", "--channel", "lab", "--topic", "x", expect=2, **told)
    assert "--channel cannot be combined with --topic" in wrong.err
    assert "0 channels" in installation("channels").out  # and the posts are still there


def test_a_schedule_says_at_its_start_which_channel_cannot_be_used(installation: Installation) -> None:
    """In a line, once, and by mail, though nobody has anything to send; without the url's secrets."""
    table = {"name": "lab", "url": f"nothing://{TOKEN}"}
    told = {"NEWSLETTER_CHANNELS": json.dumps([table]), "NEWSLETTER_OPERATOR__ADDRESS": "operator@example.net"}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "newsletter", "schedule"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=installation.environment | told | {"PYTHONUNBUFFERED": "1", "NEWSLETTER_SOURCES": "[]"},
    ) as process:
        try:
            assert process.stdout is not None  # it is a pipe
            assert process.stdout.readline().startswith("next run")
            end = time.monotonic() + PATIENCE
            while "operator@example.net" not in installation.mail() and process.poll() is None:
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, out + err
    lines = [json.loads(line) for line in err.splitlines()]
    why = "channel lab: its url is none that Apprise can use; look the service up in Apprise's documentation"
    assert [(one["event"], one["why"]) for one in lines if one["level"] == "warning"] == [
        ("channel cannot be used", why)
    ]
    mail = parsed(installation.mail()["operator@example.net"])
    assert "channel lab gets no posts" in mail["Subject"]
    assert TOKEN not in out + err + mail.as_string()
