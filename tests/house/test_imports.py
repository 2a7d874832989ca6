"""What a command imports is most of what it takes: nothing heavy comes back unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVING = {"fastapi", "starlette", "uvicorn", "prometheus_client", "limits", "multipart"}
ASKING = {"httpx", "feedparser", "stamina", "dns"}
LATER = {"alembic", "apscheduler", "watchfiles", "sklearn", "wordllama", "onnxruntime", "playwright"}
RANKING = {"numpy", "scipy", "pylatexenc"}
COMPOSING = {"premailer", "cssutils", "requests"}
SELDOM = {"email_validator", "newsletter.sources.jsonl"}
"""For addresses that are not plain, and for papers as lines of JSON: the seeds have neither."""

HEAVY = SERVING | ASKING | LATER | RANKING | COMPOSING | SELDOM
HEAVY |= {"sqlalchemy", "pydantic", "jinja2", "lxml", "cryptography"}
HEAVY |= {"aiosmtplib", "aiosmtpd", "asyncio", "babel", "rich"}

CODE = """
import json, sys
from newsletter.cli import main
sys.argv = ["newsletter", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""

LEAVING = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count(), file=sys.stderr))  # the first one to be registered is called last
from newsletter.cli import main
sys.argv = ["newsletter", "--version"]
main()
"""


def imported(state: Path, *arguments: str) -> set[str]:
    """The packages and modules among HEAVY that `newsletter ARGUMENTS` imports."""
    own = {"NEWSLETTER_STATE_DIR": str(state), "NEWSLETTER_RANKING__MODELS": "none"}
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | own, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    modules = json.loads(done.stderr.splitlines()[-1])
    return HEAVY & {*modules, *(module.partition(".")[0] for module in modules)}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert (
        imported(tmp_path / "var", *arguments) - {"pydantic"} == set()
    )  # which Typer looks at for a command's own help


def test_a_run_that_has_nothing_to_do_neither_ranks_nor_composes(tmp_path: Path) -> None:
    """The seeds hold no paper of today."""
    assert imported(tmp_path / "var", "run") & (SERVING | ASKING | LATER | RANKING | COMPOSING | SELDOM) == set()


def test_the_seeds_run_imports_what_it_needs(tmp_path: Path) -> None:
    found = imported(tmp_path / "var", "run", "--date", "latest")
    assert found & (SERVING | ASKING | LATER | SELDOM) == set()
    assert found >= RANKING | COMPOSING


def test_nothing_is_searched_for_garbage_on_the_way_out() -> None:
    """Python would search everything, several times over; what is frozen it leaves alone."""
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stderr) > 10_000
