from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newsletter.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the tests of this folder keep their database."""
    return tmp_path / "var" / "newsletter.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with await Store.open(url) as store:
        yield store
