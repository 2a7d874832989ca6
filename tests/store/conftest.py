from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import postgres
import pytest

from newsletter.store import Store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs on both kinds of database, but for those about SQLite or its file."""
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "url" in metafunc.fixturenames and not any("url" in names for names in given):
        about_sqlite = "file" in metafunc.fixturenames or metafunc.definition.get_closest_marker("sqlite")
        metafunc.parametrize("url", ["sqlite"] if about_sqlite else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the tests of this folder keep their database."""
    return tmp_path / "var" / "newsletter.db"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'newsletter.db'}"
    else:
        with postgres.database() as made:
            yield made


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with await Store.open(url) as store:
        yield store
