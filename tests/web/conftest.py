"""One installation and one server for all tests that only read."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from serving_web import aside, installed, serving

from newsletter.settings import Configuration


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Two editions, frozen and delivered. Nobody may write to it."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
            patch.delenv(variable)
        return aside(installed(tmp_path_factory.mktemp("installation")))


@pytest.fixture(scope="session")
def address(installation: Configuration) -> Iterator[str]:
    """Where the page of `installation` is served."""
    with serving(installation) as served:
        yield served
