"""A scheduler that is told to end while somebody does not answer it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

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
