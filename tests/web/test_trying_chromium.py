"""The preview before one signs up, and topics in one's own words, in a browser: live with scripts, whole without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing_web import opened_chromium
from own_web import waited
from playwright.sync_api import Browser, Page, Request, expect
from readers_web import TUESDAY, Place

from newsletter.assembly import opened_daily
from newsletter.model import Batch, Paper, Verdict

pytestmark = pytest.mark.chromium

AXE = {"resultTypes": ["violations", "incomplete"], "rules": {"target-size": {"enabled": True}}}
SIZES = ((320, "light"), (375, "dark"), (1280, "light"))
NAMES = (
    "Ada Lovelace",
    "Bo <b>Bee</b>",
    "A Collaboration of So Many That It Has a Rather Long Name",
    "Émilie du Châtelet",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("live"))
    made.list_papers(TUESDAY, "A Robot That Walks", "The Mollusc That Thought", "A Zebrafish <b>Thinks</b>", "A Stone")
    by_names = Paper("id:by", "A Robot by Several", "It is a robot.", authors=NAMES, keys=("id:by",))

    async def prepare() -> None:
        async with opened_daily(made.configuration, now=lambda: made.now) as daily:
            brought = Batch("page", "x", TUESDAY, (by_names,), Verdict.NEW, "new")
            await daily.store.batches.remember(brought, made.now)
        await made.run(TUESDAY)

    waited(prepare())
    return made


@pytest.fixture(scope="module")
def browser(place: Place) -> Iterator[Browser]:
    with place.served(), opened_chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, place: Place, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with the options that the test names; whatever its console says, or whoever else it asks, fails."""
    options: dict[str, Any] = getattr(request, "param", {})
    context, said = browser.new_context(base_url=place.address, **options), list[str]()
    made = context.new_page()
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    made.on("request", lambda one: said.append(one.url) if not one.url.startswith(place.address) else None)
    yield made
    context.close()
    assert [one for one in said if not one.startswith("Failed to load resource")] == []


def word_a_topic(page: Page) -> None:
    page.get_by_text("Write your own topic").first.click()
    page.get_by_label("Name", exact=True).fill("My fish")
    page.get_by_label("Keywords").fill("zebrafish")
    page.get_by_label("Authors to follow").click()


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_the_button_shows_it_and_nothing_is_typed_twice(page: Page, place: Place) -> None:
    page.goto("/subscribe")
    page.get_by_label("E-mail address").fill("jan@example.net")
    page.get_by_label("Shells").check()
    word_a_topic(page)
    page.get_by_role("button", name="Show me my next digest").click()
    assert page.url.endswith("/subscribe/preview#preview")
    assert {"My fish", "Shells <&>"} <= set(page.locator("#preview h3").all_inner_texts())
    assert "A Zebrafish <b>Thinks</b>" in page.locator("#preview h4").all_inner_texts()
    assert "title says “Zebrafish”" in page.locator("#preview").inner_text()
    place.now += timedelta(seconds=5)
    page.get_by_role("button", name="Subscribe").click()
    assert page.inner_text("h1") == "Look into your mailbox"


def test_with_scripts_it_follows_every_choice(page: Page) -> None:
    asked = list[Request]()
    page.on("request", lambda one: asked.append(one) if "preview" in one.url and one.method == "POST" else None)
    page.goto("/subscribe")
    page.get_by_label("E-mail address").fill("kim@example.net")
    page.get_by_label("Robots").check()
    page.get_by_label("Shells").check()
    headings, said = page.locator("#preview h3"), page.locator("#preview-said")
    expect(headings.filter(has_text="Robots")).to_be_visible()
    expect(headings.filter(has_text="Shells")).to_be_visible()
    assert len(asked) == 1  # of two that come in a row the last one asks
    page.get_by_label("How often").select_option("weekly")  # changes no paper
    page.get_by_label("Robots").uncheck()
    page.get_by_label("Shells").uncheck()
    page.get_by_text("Write your own topic").click()
    page.get_by_label("Name", exact=True).fill("My fish")
    page.get_by_label("Name", exact=True).blur()
    expect(said).to_contain_text("Not yet: say what it is about")
    page.get_by_label("Keywords").fill("zebrafish")
    page.get_by_role("button", name="Show me my next digest").click()
    expect(headings.first).to_have_text("My fish")
    assert page.url.endswith("/subscribe")
    assert page.get_by_label("E-mail address").input_value() == "kim@example.net"
    assert all("kim" not in str(one.post_data) for one in asked)


def test_anybody_can_read_it(browser: Browser, place: Place) -> None:
    ada = waited(place.reader("ada@example.org"))
    assert ada is not None
    opinion = f"/opinions/{place.tokens.opinion(ada.id, ada.address, 'id:by')}"
    httpx.post(f"{place.address}{opinion}", data={"mute": NAMES[0]})
    context = browser.new_context(base_url=place.address, bypass_csp=True)
    page = context.new_page()
    page.goto("/subscribe")
    page.get_by_label("Robots").check()
    word_a_topic(page)
    expect(page.locator("#preview h3").filter(has_text="My fish")).to_be_visible()
    audit(page, "the preview")
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Subscribe").evaluate("one => one.form.noValidate = true")
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_text("a topic needs a name").wait_for()
    audit(page, "a topic with a fault")
    page.goto(opinion)
    page.get_by_text("You get nothing by Ada Lovelace").wait_for()
    audit(page, "an opinion")
    context.close()


def audit(page: Page, where: str) -> None:
    page.wait_for_load_state()  # a click returns when the next page begins to come
    for width, scheme in SIZES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        page.evaluate(AXE_SCRIPT)
        results = page.evaluate("options => axe.run(document, options)", AXE)
        for kind in ("violations", "incomplete"):
            found = [(one["id"], node["html"][:150]) for one in results[kind] for node in one["nodes"]]
            assert found == [], (where, width)
