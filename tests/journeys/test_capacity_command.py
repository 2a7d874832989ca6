"""`newsletter plan-capacity`, as people and scripts use it."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from installation import Installation

MILLION = ("plan-capacity", "--subscribers", "1000000", "--window", "2h")


def test_it_answers_with_tables_a_decision_and_the_next_limit(installation: Installation) -> None:
    out = installation(*MILLION).out
    assert re.search(r"^messages a second +139/s +1,000,000 in 7,200 s", out, re.M)
    assert "Little's law" in out
    assert "The database: SQLite" in out
    assert "SQLite on one machine suffices" in out
    assert "The next limit: " in out
    grown = installation(*MILLION[:2], "100000000", *MILLION[3:]).out
    assert "The database: PostgreSQL" in grown
    assert re.search(r"^reached ", grown, re.M)


def test_it_reads_no_configuration_and_leaves_nothing_behind(installation: Installation) -> None:
    installation("--config", "/nowhere", *MILLION)
    assert not installation.state.exists()


def test_the_json_is_the_plan(installation: Installation) -> None:
    plan = installation(*MILLION, "--json").json
    assert plan["needs"]["rate"]["amount"] == pytest.approx(1_000_000 / 7_200)
    assert plan["engine"] == "SQLite"
    assert plan["load"]["signing"] == "rsa"
    assert all({"amount", "unit", "because"} == set(need) for need in plan["needs"].values())
    assert [one["subscribers"] for one in plan["limits"]] == sorted(one["subscribers"] for one in plan["limits"])


def test_every_option_counts(installation: Installation) -> None:
    def found(*options: str) -> Any:
        return installation(*MILLION, *options, "--json").json

    def needs(plan: Any) -> dict[str, float]:
        return {name: need["amount"] for name, need in plan["needs"].items()}

    usual = needs(found())
    changed = needs(found("--relay-latency", "200", "--message-size", "110.6", "--keep", "30", "--due", "0.5"))
    assert changed["messages"] == usual["messages"] / 2
    assert changed["bandwidth"] == pytest.approx(usual["bandwidth"])
    assert changed["kept"] < usual["kept"] / 3
    assert changed["connections"] == 21  # 69.4/s, each 201.8 ms under way, and headroom
    assert needs(found("--no-pipelining"))["connections"] > 3 * usual["connections"]
    asked = ("--sign", "none", "--cores", "2", "--per-domain", "20", "--largest-domain", "0.5")
    load = found(*asked, "--window", "1h29m60s")["load"]
    assert (load["signing"], load["cores"], load["domain_pace"], load["domain_share"]) == ("none", 2, 20, 0.5)
    assert load["window"] == 5_400


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--subscribers", "1000", "--window", "two hours"], "“two hours” is not a length of time; write it like 90m"),
        (["--subscribers", "1000", "--window", "0m"], "the window must be one second"),
        (["--subscribers", "1000", "--window", "25h"], "at most a day (24h)"),
        (["--subscribers", "-5", "--window", "2h"], "one subscriber at least"),
        (["--subscribers", "9" * 400, "--window", "2h"], "at most 10,000,000,000"),
        (["--subscribers", "many", "--window", "2h"], "--subscribers"),
        (["--subscribers", "10", "--window", "2h", "--relay-latency", "nan"], "the relay's latency"),
        (["--subscribers", "10", "--window", "2h", "--message-size", "inf"], "a message must have one byte"),
        (["--subscribers", "10"], "--window"),
    ],
)
def test_nonsense_is_one_sentence(installation: Installation, arguments: list[str], why: str) -> None:
    said = installation("plan-capacity", *arguments, expect=2)
    assert why in " ".join(said.err.split())
    assert said.out == ""


def test_it_is_readable_on_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """A real terminal. No line is wider, and the number of each row stands in its first line."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    own = {"TERM": "xterm", "NEWSLETTER_STATE_DIR": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | own
    command = [sys.executable, "-m", "newsletter", "plan-capacity", "--subscribers", "100000000", "--window", "2h"]
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, stderr=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        read = b""
        try:
            while piece := os.read(ours, 65_536):
                read += piece
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", read.decode()).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if re.match(r"SMTP connections +1,028  Little's law", line)]
