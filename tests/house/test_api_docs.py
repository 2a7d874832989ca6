"""docs/api.md: every address of the API is in it, with an example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from newsletter.settings import configuration_folder, load
from newsletter.web.app import application

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SETTINGS: dict[str, Any] = {
    "site": {"operator_token": "the-operator-s-token-in-tests"},
    "bounces": {"webhook_secret": "a-secret-that-signs-webhooks"},
}
OPERATIONS = [
    (method.upper(), path)
    for path, operations in application(load(configuration_folder(), SETTINGS)).openapi()["paths"].items()
    for method in operations
]


def _commands() -> list[str]:
    """The curl commands of the page, each on one line."""
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    return [f"curl {one}" for one in re.split(r"^curl ", blocks, flags=re.MULTILINE)[1:]]


def _method(command: str) -> str:
    named = re.search(r"-X (\w+)", command)
    return named[1] if named else "POST" if re.search(r" (?:-d|--data)", command) else "GET"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_address_is_told_and_shown(method: str, path: str) -> None:
    assert re.search(rf"`{method}`?(?:, `\w+)* {re.escape(path)}`", TEXT), "it is not told"
    address = re.sub(r"\\{\w+\\}", r'[^"?\\s/]+', re.escape(path))
    shown = [one for one in _commands() if re.search(rf'"\$PAGE{address}["?]', one)]
    assert method in map(_method, shown), "there is no example of it"
