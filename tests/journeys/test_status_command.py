"""`newsletter status`: a glance, also at what went wrong, and again and again."""

from __future__ import annotations

import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fcntl import ioctl
from pathlib import Path
from select import select
from termios import TIOCSWINSZ

import pytest
from installation import Installation

PATIENCE = 60.0
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal of 80 columns; `said` is all it has written."""

    def __init__(self, installation: Installation, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
        own = {name: text for name, text in installation.environment.items() if name != "COLUMNS"} | {"TERM": "xterm"}
        command = [sys.executable, "-W", "error", "-m", "newsletter", *arguments]
        self.process = subprocess.Popen(command, env=own, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.said = ""

    def wait(self, until: Callable[[str], bool]) -> None:
        """Read until what was said is so; fails when it ends or takes too long before."""
        deadline = time.monotonic() + PATIENCE
        while not until(self.said):
            assert self._read(deadline), self.said

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read(time.monotonic() + PATIENCE):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select([self._master], [], [], max(deadline - time.monotonic(), 0))
        try:
            more = os.read(self._master, 65536) if ready else b""
        except OSError:  # nobody has the other end any more
            more = b""
        self.said += more.decode(errors="replace")
        return bool(more)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(installation: Installation, *arguments: str) -> Iterator[Terminal]:
    made = Terminal(installation, *arguments)
    try:
        yield made
    finally:
        made.close()


def test_it_fits_a_terminal(delivered: Installation) -> None:
    with terminal(delivered, "status") as shown:
        assert shown.end() == 0
        lines = ANSI.sub("", shown.said).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    for label in ("Sources", "Deliveries", "Ledger", "Relay", "Good run", "Steps", "Next run", "Alerts", "State"):
        assert [line for line in lines if line.startswith(label)], label


@pytest.mark.sqlite
def test_it_is_drawn_again_in_place_until_ctrl_c(installation: Installation) -> None:
    installation("run", "--date", "latest")
    with terminal(installation, "status", "--watch", "0.5") as shown:
        shown.wait(lambda said: said.count("4 active") > 1)
        with closing(sqlite3.connect(installation.state / "newsletter.db")) as database, database:
            database.execute("UPDATE subscribers SET status = 'paused' WHERE id = 1")
        shown.wait(lambda said: "3 active, 1 paused" in said)
        shown.process.send_signal(signal.SIGINT)
        assert shown.end() == 0
        assert "\x1b[1A" in shown.said  # the cursor goes up: nothing scrolls by
        assert "\x1b[?25h" in shown.said  # and it is there again in the end
        assert "Traceback" not in shown.said


def test_all_of_it_as_json(delivered: Installation) -> None:
    status = delivered("status", "--json").json
    assert status["relay"]["replies"] == {"2xx": 4, "4xx": 0, "5xx": 0, "none": 0}
    assert status["relay"]["deferred"] is None
    assert status["good_run"]["day"] == "2025-03-12"
    assert status["good_run"]["at"] >= status["relay"]["accepted_at"]
    assert (status["failed_run"], status["alerts"]) == (None, [])
    assert set(status["seconds"]) == {"collect", "freeze", "plan", "deliver"}
    assert status["newest_deliveries"]["accepted"] == 4
    assert status["disk"]["state_bytes"] > 100_000
    assert status["disk"]["free_bytes"] > 0


@pytest.mark.sqlite
@pytest.mark.parametrize("is_past", [True, False])
def test_what_waits_is_due_now_or_not_yet_and_names_nobody(installation: Installation, is_past: bool) -> None:
    installation("run", "--date", "latest")
    moment = "2025-03-12 08:00:00.000000" if is_past else "2999-03-12 08:00:00.000000"
    said = "4.2.0 <ada@example.org>: mailbox of ada@example.org busy"
    with closing(sqlite3.connect(installation.state / "newsletter.db")) as database, database:
        database.execute(
            "UPDATE deliveries SET state = 'deferred', code = 451, reply = ?, next_at = ?"
            " WHERE id = (SELECT min(id) FROM deliveries)",
            (said, moment),
        )
    shown = installation("status")
    known = installation("status", "--json").json["relay"]["deferred"]
    when = "the first is due now, at the next look or run" if is_past else "the first until 08:00 UTC"
    assert f"1 wait, {when}; 1 because of: 451 4.2.0 <(an address)>: mailbox of (an address) busy" in shown.out
    assert known["reply"] == "4.2.0 <(an address)>: mailbox of (an address) busy"


def test_what_went_wrong_and_the_mail_about_it(installation: Installation, tmp_path: Path) -> None:
    """The relay is away: the run fails, and says so by mail when there is a relay again."""
    own = {"NEWSLETTER_OPERATOR__ADDRESS": "operator@example.net"}
    away = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": "1", "NEWSLETTER_SMTP__PATIENCE": "0"}
    failed = installation("run", "--date", "2025-03-12", **own, **away, NEWSLETTER_SMTP__SECURITY="none", expect=1)
    assert '"event": "run failed"' in failed.err
    shown = installation("status", **own).out
    assert "Failed run   20" in shown
    assert re.search(r"Alerts +20.* failed 2025-03-12, not told by mail", shown)
    assert "operator@example.net" not in installation.mail()
    again = installation("run", "--date", "2025-03-12", **own)
    assert again.err == ""
    assert b"newsletter run --date 2025-03-12" in installation.mail()["operator@example.net"].replace(b"=\r\n", b"")
    [alert] = installation("status", "--json", **own).json["alerts"]
    assert alert["event"] == "failed 2025-03-12"
    assert alert["told_at"] > alert["noted_at"]


def test_a_reader_is_followed_through_the_log_without_an_address(installation: Installation) -> None:
    own = {"NEWSLETTER_LOGGING__LEVEL": "info"}
    said = installation("run", "--date", "latest", **own).err
    assert "@" not in said
    assert re.findall(r'"event": "(\w+)"', said) == "batch batch edition planned deliveries run".split()
    debug = {"NEWSLETTER_LOGGING__LEVEL": "debug", "NEWSLETTER_LOGGING__FORMAT": "human"}
    installation("resend", "--subscriber", "ada@example.org")
    lines = installation("run", "--date", "latest", **debug).err.splitlines()
    handed, settled = (line for line in lines if "ada@example.org" in line)
    assert re.search(r"handed over .*delivery=(\d+) .*message=2025-03-12\.[0-9a-f]{20} ", handed)
    assert re.search(r"settled .*delivery=(\d+) .*state=accepted code=250 .*reader=~[0-9a-f]{12}", settled)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["3"], "SECONDS belongs to --watch"),
        (["--watch"], "draws on a terminal"),
        (["--watch", "--json"], "draws on a terminal"),
        (["--watch", "0.1"], "greater than or equal to 0.5"),
    ],
)
def test_what_makes_no_sense_is_refused(delivered: Installation, arguments: list[str], why: str) -> None:
    said = delivered("status", *arguments, expect=2).err
    assert why in " ".join(re.sub(r"[│╭╮╰╯─]", " ", said).split())
