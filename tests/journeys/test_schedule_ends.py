"""A scheduler that is told to end while somebody does not answer it, and one that is started again."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from installation import Installation

PATIENCE = 60.0


def test_a_heartbeat_that_never_answers_holds_up_no_end(installation: Installation) -> None:
    """Nobody waits for its answer to come, or for it to be asked once more."""
    documents = installation.state.parent / "documents"
    documents.mkdir()
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=1)):
        (documents / f"{day}.txt").write_text(f"{day}\n\nA Neural Field for Robots\n\nWe present a neural field.\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {
            **installation.environment,
            "NEWSLETTER_SCHEDULE__AT": "00:00",
            "NEWSLETTER_SOURCES": f'[{{"kind": "listing", "name": "today", "path": "{documents}", "settle": 0}}]',
            "NEWSLETTER_HEARTBEAT__URL": f"http://127.0.0.1:{server.getsockname()[1]}/ping",
            "PYTHONUNBUFFERED": "1",
        }
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "newsletter", "schedule"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process:
            try:
                server.settimeout(PATIENCE)
                asking, _ = server.accept()
                with asking:
                    assert asking.recv(4) == b"GET "
                    process.send_signal(signal.SIGTERM)
                    out, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert process.returncode == 0, out + err
    assert "stopping" in out
    assert '"why": "told to stop"' in err
    assert "Traceback" not in err


class Heart(BaseHTTPRequestHandler):
    """Counts who asks."""

    asked = 0

    def do_GET(self) -> None:
        Heart.asked += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.mark.sqlite
def test_a_scheduler_that_is_started_again_has_nothing_new_to_tell(installation: Installation) -> None:
    """The heartbeat was asked for the day: it says that days go well, not that something starts again and again."""
    documents = installation.state.parent / "documents"
    documents.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Heart)
    Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **installation.environment,
        "NEWSLETTER_SCHEDULE__AT": "00:00",
        "NEWSLETTER_COLLECTING__WAIT": "0",
        "NEWSLETTER_SOURCES": f'[{{"kind": "listing", "name": "today", "path": "{documents}", "settle": 0}}]',
        "NEWSLETTER_HEARTBEAT__URL": f"http://127.0.0.1:{server.server_address[1]}/ping",
    }

    def looked() -> str:
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(installation.state / "newsletter.db")) as known,
        ):
            [(at,)] = known.execute("SELECT max(at) FROM moments WHERE name = 'look'")
            return str(at)
        return ""

    def lives(until: Callable[[], bool]) -> None:
        command = [sys.executable, "-W", "error", "-m", "newsletter", "schedule"]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            try:
                deadline = time.monotonic() + PATIENCE
                while not until():
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            finally:
                process.send_signal(signal.SIGTERM)
        assert process.returncode == 0

    try:
        lives(lambda: Heart.asked > 0)
        before = looked()
        lives(lambda: looked() != before and not time.sleep(1.5))  # type: ignore[func-returns-value]  # a while longer
        assert Heart.asked == 1
    finally:
        server.shutdown()
        server.server_close()
