"""The operator's page in a real browser: narrow and wide, light and dark, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing_web import opened_chromium
from operator_web import TOKEN, opened, seed
from playwright.sync_api import Browser, Page
from serving_web import aside, serving

pytestmark = pytest.mark.chromium

AXE = {"resultTypes": ["violations", "incomplete"], "rules": {"target-size": {"enabled": True}}}
SIZES = (((375, "light"), (1280, "dark")), ((375, "dark"), (1280, "light")))
"""Two of them for each page, in turn: the colours are the same on all."""
DAYS = 3
AUDITED = (
    "/admin",
    "/admin",  # the first one in every way there is
    "/admin/deliveries?state=refused",
    "/admin/deliveries/8",
    "/admin/batches",
    "/admin/subscribers?search=reader0",
    "/admin/subscribers?status=none",
    "/admin/subscribers/8",
    "/admin/suppressions",
    "/admin/import",
)
"""Every page, with a few rows: a hundred take axe seconds, and are no other than ten."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_chromium() as one:
        yield one


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    configuration = opened(tmp_path_factory.mktemp("operator"))
    aside(seed(configuration, days=DAYS))
    with serving(configuration) as served:
        yield served


def log_in(page: Page) -> None:
    page.goto("/admin")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    assert page.inner_text("h1") == "12 March 2025"


def audit(page: Page, where: str) -> None:
    page.wait_for_load_state()  # a click returns when the next page begins to come, which may have no element yet
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
    assert page.evaluate("window.hacked") is None
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    results = page.evaluate("options => axe.run(document, options)", AXE)
    for kind in ("violations", "incomplete"):
        found = [(one["id"], node["html"][:150]) for one in results[kind] for node in one["nodes"]]
        assert [one for one in found if kind == "violations" or not is_beyond_axe(page, *one)] == [], where


def is_beyond_axe(page: Page, rule: str, html: str) -> bool:
    """Whether axe cannot judge it there: colours of what a narrow screen has scrolled away (it does on a wide one), and
    of signs that are no letters; the word of the same colour, or a darker one, stands beside them."""
    is_narrow = page.evaluate("innerWidth") < 1280
    return rule == "color-contrast" and bool(is_narrow or 'class="sign"' in html)


def test_every_page_can_be_read_by_anybody(browser: Browser, address: str, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    file.write_text("address\nnew@example.org\nnobody\n", encoding="utf-8")
    context = browser.new_context(base_url=address, bypass_csp=True)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(address) else None)
    page.goto("/admin/login")
    audit(page, "login")
    page.get_by_label("Token").fill("not the token at all")
    page.get_by_role("button", name="Log in").click()
    audit(page, "a wrong token")
    log_in(page)
    page.goto("/admin/import")
    page.get_by_label("A CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    imported = page.url.removeprefix(address)
    page.goto("/admin/suppressions")
    page.get_by_role("button", name="Lift: stranger@example.net").click()
    audit(page, "sure?")
    for number, path in enumerate([*AUDITED, imported]):
        page.goto(path)
        for width, scheme in SIZES[number % 2]:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
            page.set_viewport_size({"width": width, "height": 800})
            audit(page, f"{path} at {width}, {scheme}")
    # Answers that are not 2xx are no fault: the browser says so of each.
    assert [one for one in said if not one.startswith("Failed to load resource")] == []
    context.close()


def test_an_operators_day_without_scripts_on_a_phone(browser: Browser, address: str, tmp_path: Path) -> None:
    context = browser.new_context(
        base_url=address, java_script_enabled=False, viewport={"width": 375, "height": 800}, color_scheme="dark"
    )
    page = context.new_page()
    log_in(page)
    page.get_by_role("link", name=re.compile(f"{DAYS} refused in the last 30 days")).click()
    assert page.get_by_text(f"{DAYS} deliveries").is_visible()
    page.get_by_role("link", name="reader07@example.org").first.click()
    page.get_by_role("button", name="Take out").click()
    assert page.inner_text("h1") == "Take this reader out?"
    page.get_by_role("button", name="Take them out").click()
    assert "The reader is out" in page.inner_text("main")
    page.get_by_role("button", name="Lift the suppression").click()
    page.get_by_role("button", name="Lift it").click()
    assert "It may be mailed again" in page.inner_text("main")
    page.get_by_label("Address", exact=True).fill("pest@example.net")
    page.get_by_label("Why, in a few words").fill("asked by phone")
    page.get_by_role("button", name="Suppress").click()
    page.get_by_role("button", name="Suppress it").click()
    assert "asked by phone" in page.inner_text("table")

    page.get_by_role("link", name="Import").click()
    file = tmp_path / "readers.csv"
    file.write_text("address\nphone@example.org\npest@example.net\n???\n", encoding="utf-8")
    page.get_by_label("A CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    assert "“???” is not an e-mail address" in page.inner_text("table")
    with page.expect_download() as download:
        page.get_by_role("link", name="Import another file").click()
        page.get_by_role("link", name="Download everybody").click()
    kept = Path(download.value.path()).read_text(encoding="utf-8")
    assert "phone@example.org" in kept
    assert "reader07" not in kept
    assert "pest" not in kept
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin")
    assert page.get_by_label("Token").is_visible()
    context.close()
