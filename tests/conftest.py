"""What every test relies on: a clean environment, and markers that never skip silently in CI."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator

import made_once
import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI") == "true"
for _name in ("NEWSLETTER_TEST_DATABASE", "NEWSLETTER_TEST_POSTGRES_URL"):
    if _name in os.environ:  # under a name that no installation takes for a setting
        os.environ[f"PYTEST_{_name}"] = os.environ.pop(_name)

made_once.templates()
made_once.certificates()
made_once.tables()

# Also where a container image forbids it: all workers and hundreds of processes import the same modules.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# As the command line has it: our products are small, and threads that spin take the cores from the other workers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# How long a machine that does other work takes for an example says nothing of ours.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FEWER, FEWEST = 5, 10
"""By default property tests try a fifth of their examples, but these at least; all of them where slow tests run too."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too (always on when CI=true)")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for processes, locks and clocks."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)  # after the order was shuffled
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow") or IN_CI:
        items.sort(key=lambda one: "slow" not in one.keywords)  # what takes longest is not what all wait for at the end
        return
    _try_fewer_examples(items)
    skip = pytest.mark.skip(reason="slow: run with --slow, or CI=true")
    for one in items:
        if "slow" in one.keywords:
            one.add_marker(skip)


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: to look through them for garbage again and again finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_sessionfinish() -> None:
    if "databases" in sys.modules:
        sys.modules["databases"].drop_all()


def _try_fewer_examples(items: list[pytest.Item]) -> None:
    for one in {one.function for one in items if isinstance(one, pytest.Function)}:
        # hypothesis has no public way to change what `@settings` said.
        given: settings | None = getattr(one, "_hypothesis_internal_use_settings", None)
        if given is not None:
            fewer = min(given.max_examples, max(FEWEST, given.max_examples // FEWER))
            one._hypothesis_internal_use_settings = settings(given, max_examples=fewer)  # type: ignore[attr-defined]  # as above


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs a program skips where it is missing, with the reason; in CI it fails."""
    for marker, (programs, package) in NEEDED.items():
        if marker in item.keywords and not any(shutil.which(program) for program in programs):
            reason = f"needs {programs[0]}: apt-get install {package}"
            if IN_CI and marker != "systemd":  # which .ci/run tells of; containers seldom have it
                pytest.fail(reason)
            pytest.skip(reason)


NEEDED = {
    "chromium": (("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium"), "chromium"),
    "systemd": (("systemd-analyze",), "systemd"),
    "smtp_sink": (("smtp-sink", "/usr/sbin/smtp-sink"), "postfix"),
}


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the developer's own configuration reaches a test."""
    for variable in list(os.environ):
        if variable.startswith("NEWSLETTER_"):
            monkeypatch.delenv(variable)
    import databases  # which is to find the variables under their other name

    at_once = request.path.parent.name in _INSTALLING
    with databases.of_a_test(in_files="sqlite" in request.keywords, at_once=at_once) as url:
        if url:
            monkeypatch.setenv("NEWSLETTER_DATABASE__URL", url)
        yield


_INSTALLING = frozenset({"bouncing", "daily", "doctor", "journeys", "previewing", "proof", "subscribing", "web"})
"""Folders whose tests make installations that are told where their database is by the environment. Those of the store
run on both kinds anyway."""
