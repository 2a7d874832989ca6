"""The units for systemd, judged by systemd."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
UNITS = sorted(DEPLOY.iterdir())

pytestmark = pytest.mark.systemd


def verified(folder: Path, units: dict[str, str]) -> str:
    """What `systemd-analyze verify` has to say; nothing, when all is well."""
    for name, text in units.items():
        # The command is where an installation puts it; here it is only to be there.
        (folder / name).write_text(re.sub("/opt/newsletter/bin/newsletter", sys.executable, text), encoding="utf-8")
    command = ["systemd-analyze", "verify", *(str(folder / name) for name in units)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return said.stdout + said.stderr + ("" if said.returncode == 0 else f"exit code {said.returncode}")


def test_systemd_takes_them(tmp_path: Path) -> None:
    assert [one.name for one in UNITS] == ["newsletter-run.service", "newsletter-run.timer", "newsletter.service"]
    assert verified(tmp_path, {one.name: one.read_text(encoding="utf-8") for one in UNITS}) == ""


def test_it_would_say_what_is_wrong(tmp_path: Path) -> None:
    text = (DEPLOY / "newsletter.service").read_text(encoding="utf-8").replace("Restart=always", "Restart=sometimes")
    assert "sometimes" in verified(tmp_path, {"newsletter.service": text})


def test_their_commands_are_ours() -> None:
    named = {line.split()[-1] for one in UNITS for line in one.read_text().splitlines() if line.startswith("ExecStart")}
    assert named == {"schedule", "run"}
