"""Installations to try commands on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A fresh installation on the shipped configuration and seeds."""
    return Installation(tmp_path / "var")


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation after `run --date latest`; not to be changed."""
    made = Installation(tmp_path_factory.mktemp("delivered") / "var")
    made("run", "--date", "latest")
    return made


@pytest.fixture
def folder(installation: Installation, tmp_path: Path) -> Callable[..., Path]:
    """Makes a configuration folder with `newsletter init`, with further text appended to its files."""

    def make(**more: str) -> Path:
        made = tmp_path / "papers"
        installation("init", str(made))
        for name, text in more.items():
            with (made / f"{name}.toml").open("a", encoding="utf-8") as file:
                file.write(f"\n{text}\n")
        return made

    return make
