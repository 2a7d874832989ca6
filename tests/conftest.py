"""What every test relies on: a clean environment, and markers that never skip silently in CI."""

from __future__ import annotations

import os
import shutil

import pytest

IN_CI = os.environ.get("CI") == "true"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too (always on when CI=true)")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or IN_CI:
        return
    skip = pytest.mark.skip(reason="slow: run with --slow, or CI=true")
    for one in items:
        if "slow" in one.keywords:
            one.add_marker(skip)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs a program skips where it is missing, with the reason; in CI it fails."""
    for marker, (programs, package) in NEEDED.items():
        if marker in item.keywords and not any(shutil.which(program) for program in programs):
            reason = f"needs {programs[0]}: apt-get install {package}"
            if IN_CI:
                pytest.fail(reason)
            pytest.skip(reason)


NEEDED = {
    "chromium": (("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium"), "chromium"),
    "smtp_sink": (("smtp-sink", "/usr/sbin/smtp-sink"), "postfix"),
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own configuration reaches a test."""
    for variable in list(os.environ):
        if variable.startswith("NEWSLETTER_"):
            monkeypatch.delenv(variable)
