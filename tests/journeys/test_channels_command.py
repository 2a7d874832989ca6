"""Channels as an operator sees them."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from installation import Installation

TOKEN = "s3cr3ttoken123"


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
