"""SIGKILL at random moments: nothing lost, nothing doubled that could be helped, and the counts add up."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.daily.delivering import SETTLING
from newsletter.doctor.proof import Plan, Proven, prove
from newsletter.mail.pipeline import DEPTH

CONNECTIONS = 5


def held(proven: Proven) -> None:
    """Fail with all the numbers when a promise was broken."""
    assert proven.broken() == [], proven
    assert proven.kills == proven.plan.kills
    assert proven.runs == proven.kills + len(proven.plan.rounds())
    assert proven.deliveries == proven.plan.readers * len(proven.plan.rounds())
    assert len(proven.in_the_dark) == proven.kills
    assert max(proven.in_the_dark) <= CONNECTIONS * DEPTH + SETTLING, proven
    assert proven.copies >= proven.taken > 0, proven
    if proven.plan.policy == "hold":
        assert proven.doubled == 0, proven
    else:
        assert proven.doubled <= (CONNECTIONS + SETTLING) * proven.kills + proven.dropped, proven


@pytest.mark.parametrize("policy", ["resend", pytest.param("hold", marks=pytest.mark.slow)])
async def test_three_kills(policy: str, tmp_path: Path) -> None:
    held(await prove(Plan(kills=3, readers=90, policy=policy, seed=3), tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("policy", "kills"), [("resend", 60), ("hold", 40)])
async def test_a_hundred_kills(policy: str, kills: int, tmp_path: Path) -> None:
    """A hundred in all, over runs of five hundred readers."""
    held(await prove(Plan(kills=kills, readers=500, policy=policy, seed=11), tmp_path))


@pytest.mark.slow
async def test_a_sender_without_write_ahead_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof can fail: a sender that notes nothing before DATA doubles although it should hold."""
    careless = tmp_path / "careless"
    careless.mkdir()
    (careless / "sitecustomize.py").write_text(
        "from newsletter.store import ledger\n"
        "async def begin_data(*given, **more): pass\n"
        "ledger.Ledger.begin_data = begin_data\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(careless))
    proven = await prove(Plan(kills=4, readers=60, policy="hold", seed=5), tmp_path / "proof")
    assert proven.doubled > 0, proven
    assert any("copies too many" in sentence for sentence in proven.broken())


def test_every_broken_promise_has_its_sentence() -> None:
    fine = Proven(Plan(kills=2, policy="resend"), kills=2, in_the_dark=[1, 2], taken=10, copies=13)
    assert fine.broken() == []
    assert fine.doubled == fine.bound == 3
    broken = {
        "meets": replace(fine, kills=1),
        "lost": replace(fine, lost=["ada@example.org"]),
        "booked wrong": replace(fine, wrong=["ada@example.org"]),
        "copies too many": replace(fine, copies=14),
        "differ": replace(fine, differing=["ada@example.org"]),
        "in DATA": replace(fine, in_the_dark=[53, 0]),
        "add up": replace(fine, unbalanced=1),
        "still open": replace(fine, open=1),
    }
    for words, proven in broken.items():
        [sentence] = proven.broken()
        assert words.replace("meets", "met a running sender") in sentence
    held_back = replace(fine, plan=Plan(kills=2, policy="hold"))
    assert held_back.bound == 0
    assert len(held_back.broken()) == 1


@pytest.mark.parametrize(
    ("kills", "readers", "rounds"), [(20, 200, [6, 7, 7]), (200, 500, [20] * 10), (3, 10, [1, 1, 1])]
)
def test_kills_are_spread_over_rounds(kills: int, readers: int, rounds: list[int]) -> None:
    assert Plan(kills=kills, readers=readers).rounds() == rounds


def test_the_command_prints_its_table(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "newsletter",
        "doctor",
        "--prove",
        "--kills",
        "1",
        "--readers",
        "12",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("kills", "lost", "doubled", "unknown", "unbalanced", "Proven"):
        assert word in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_a_policy_that_is_none(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "doctor", "--prove", "--policy", "hope", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "resend and hold" in done.stderr


def test_the_numbers_as_json() -> None:
    from newsletter.cli.doctor import _proven_json

    numbers = json.loads(json.dumps(_proven_json(Proven(Plan(policy="hold"), kills=3))))
    assert (numbers["kills"], numbers["plan"]["policy"], numbers["doubled"], numbers["lost"]) == (3, "hold", 0, [])
