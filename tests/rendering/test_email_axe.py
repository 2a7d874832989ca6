"""axe-core, the engine of most accessibility checkers, finds nothing in any e-mail, however it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing import DESKTOP, PHONE, Window, chromium, without_styles
from golden_edition import GOLDEN
from mail_builders import EDITIONS, rendered

pytestmark = pytest.mark.chromium

OPTIONS = {
    "preload": False,  # there is nothing to load, and it must not be tried
    "resultTypes": ["violations", "incomplete"],
    "rules": {
        "target-size": {"enabled": True},  # WCAG 2.2, 2.5.8; off by default
        # Both ask for a `main` landmark. An e-mail is shown inside its client's page, which has its own: an e-mail
        # is an article in it (`role="article"`), and a second `main` would be one too many.
        "landmark-one-main": {"enabled": False},
        "region": {"enabled": False},
    },
}


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    with chromium() as browser:
        yield Window(browser.new_page())


def audit(window: Window) -> dict[str, Any]:
    """Axe's results: `violations` and `incomplete` (what it could not decide), each with the elements concerned."""
    if window.measure("typeof axe") == "undefined":
        window.page.add_script_tag(content=AXE_SCRIPT)
    return dict(window.measure("options => axe.run(document, options)", OPTIONS))


def found(results: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    return [(one["id"], node["html"][:150]) for one in results[kind] for node in one["nodes"]]


@pytest.mark.parametrize("name", [*EDITIONS, "golden"])
def test_axe_finds_nothing(window: Window, name: str) -> None:
    markup = (GOLDEN.parts() if name == "golden" else rendered(name)).html
    plain = without_styles(markup)  # no rule is left that depends on the width
    for shown, width, dark in (
        (markup, PHONE, False),
        (markup, PHONE, True),
        (markup, DESKTOP, False),
        (markup, DESKTOP, True),
        (plain, PHONE, False),
        (plain, PHONE, True),
    ):
        window.show(shown, width=width, dark=dark)
        results = audit(window)
        assert found(results, "violations") == []
        assert found(results, "incomplete") == []
        checked = {one["id"] for one in results["passes"]}
        assert checked >= {"color-contrast", "link-name", "page-has-heading-one", "document-title"}


def test_axe_would_find_something(window: Window) -> None:
    window.show(
        '<html><body><p style="color:#aaaaaa">faint</p><h1>x</h1><h3>y</h3><a href="https://example.org"></a>'
        '<a href="https://example.org/a" style="display:block;height:9px">a</a>'
        '<a href="https://example.org/b" style="display:block;height:9px">b</a></body>'
    )
    assert {kind for kind, _ in found(audit(window), "violations")} >= {
        "color-contrast",
        "heading-order",
        "link-name",
        "html-has-lang",
        "document-title",
        "target-size",
    }
