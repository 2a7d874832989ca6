"""`newsletter doctor` as an operator calls it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
import warm

from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.model import Step


def doctor(folder: Path, expect: int, *arguments: str, **environment: str) -> str:
    """What it says, when it ends with the exit code `expect`."""
    done = warm.newsletter(
        ["doctor", *arguments],
        cwd=folder,
        env=os.environ | {"NEWSLETTER_STATE_DIR": str(folder / "state")} | environment,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def health(said: str) -> dict[str, str]:
    found: list[dict[str, Any]] = json.loads(said)
    assert all(set(one) == {"name", "health", "sentence"} and one["sentence"].endswith(".") for one in found)
    return {one["name"]: one["health"] for one in found}


def test_a_fresh_installation_has_no_failure_and_mails_nobody(tmp_path: Path) -> None:
    found = health(doctor(tmp_path, 0, "--json"))
    fine = ("configuration", "state folder", "secret keys", "private files", "database", "ledger", "clock")
    assert {name: found[name] for name in fine} == dict.fromkeys(fine, "ok")
    assert found["time zones"] == "ok"
    assert found["SMTP"] == "warn"
    assert {found[name] for name in ("domain", "SPF", "DKIM", "DMARC")} == {"not checked"}


def test_the_table(tmp_path: Path) -> None:
    said = doctor(tmp_path, 0, COLUMNS="1000")  # room for the path of any temporary folder, and any server
    assert "set smtp.host" in said
    assert "Nothing failed." in said


def test_a_wrong_configuration_is_the_only_finding(tmp_path: Path) -> None:
    said = doctor(tmp_path, 1, "--json", NEWSLETTER_SMTP__PORT="0", NEWSLETTER_SCHEDULE__AT="late")
    found = json.loads(said)
    assert [one["name"] for one in found] == ["configuration"] * 2
    assert "NEWSLETTER_SMTP__PORT" in said
    assert "late" in said


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    found = health(doctor(tmp_path, 1, "--json", NEWSLETTER_SECRET_KEYS="short"))
    assert found["state folder"] == found["database"] == found["secret keys"] == "fail"


@pytest.mark.parametrize(("refusal", "expect"), [(None, 1), ("554 5.7.1 Not you", 1)])
async def test_a_relay_is_asked_and_gets_no_message(refusal: str | None, expect: int, tmp_path: Path) -> None:
    always = [Fault(Step.CONNECT, refusal)] if refusal else []
    async with FaultServer(always=always) as server:
        relay = {
            "NEWSLETTER_SMTP__HOST": server.host,
            "NEWSLETTER_SMTP__PORT": str(server.port),
            "NEWSLETTER_SMTP__SECURITY": "none",
        }
        found = health(await asyncio.to_thread(doctor, tmp_path, expect, "--json", **relay))
        assert server.taken == []
        assert server.connections == 1
    assert found["SMTP"] == ("fail" if refusal else "ok")
    # The shipped sender is a sample, which must not reach a real relay.
    assert refusal or found["sender domain"] == "fail"
