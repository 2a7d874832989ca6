"""The e-mail in a real browser: no sideways scrolling, links large enough for a thumb."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from mail_builders import rendered

pytestmark = pytest.mark.chromium

ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
AWKWARD = ["many", "linked", "long title", "one long word", "right to left", "chinese", "hostile", "none"]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()


def measured(browser, markup: str, width: int, script: str):  # type: ignore[no-untyped-def]  # playwright is imported late
    page = browser.new_page(viewport={"width": width, "height": 800})
    try:
        page.set_content(markup)
        return page.evaluate(script)
    finally:
        page.close()


@pytest.mark.parametrize("styled", [True, False], ids=["styled", "style blocks removed"])
@pytest.mark.parametrize("name", AWKWARD)
def test_c1_no_sideways_scrolling(browser, name: str, styled: bool) -> None:  # type: ignore[no-untyped-def]
    markup = rendered(name).html
    markup = markup if styled else re.sub(r"<style.*?</style>", "", markup, flags=re.DOTALL)
    for width in (280, 320, 375, 600):
        scroll, client = measured(
            browser, markup, width, "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert scroll <= client, f"{name} at {width} px is {scroll} px wide"


def test_a8_links_are_large_enough(browser) -> None:  # type: ignore[no-untyped-def]
    script = (
        """[...document.querySelectorAll('a')].map(a => [a.className, a.innerText, a.getBoundingClientRect().height])"""
    )
    links = measured(browser, rendered("linked").html, 375, script)
    assert len(links) > 15
    for kind, text, height in links:
        assert height >= (44 if kind == "button" else 24), (kind, text, height)


def test_c11_no_table_is_too_tall_for_word(browser) -> None:  # type: ignore[no-untyped-def]
    script = "Math.max(...[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().height))"
    assert measured(browser, rendered("many").html, 600, script) < 1_790


def test_dark_screens_get_the_dark_palette(browser) -> None:  # type: ignore[no-untyped-def]
    script = "getComputedStyle(document.body).backgroundColor"
    shown = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.set_content(rendered("many").html)
        shown[scheme] = page.evaluate(script)
        page.close()
    assert shown == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}


def test_the_preheader_is_not_seen(browser) -> None:  # type: ignore[no-untyped-def]
    assert (
        measured(browser, rendered("many").html, 600, "document.querySelector('.preheader').getClientRects().length")
        == 0
    )
