"""The pages of readers in a real browser: with and without scripts, by keyboard, narrow and wide, light and dark."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing_web import opened_chromium
from crossing import crossed
from playwright.sync_api import Browser, Page
from readers_web import ADA, BEA, TUESDAY, Place, html_of, path_in

from newsletter.model import State, Status, Subscriber

Some = TypeVar("Some")

pytestmark = pytest.mark.chromium

AXE = {
    "resultTypes": ["violations", "incomplete"],
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2, 2.5.8; off by default
}
HOSTILE = "A Robot <img src=x onerror=alert(1)><script>alert(2)</script> \"'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_chromium() as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Place:
    cleo = Subscriber("cleo@example.org", "<script>alert(3)</script>", topics=("robots", "shells"))
    made = Place(tmp_path, readers=(ADA, cleo))
    made.list_papers(TUESDAY, HOSTILE, "The Mollusc That Thought", "A Stone")
    return made


@contextmanager
def tab(browser: Browser, place: Place, **options: Any) -> Iterator[Page]:
    """A page of its own, that fails the test for anything its console says and for anybody else it asks."""
    context = browser.new_context(base_url=place.address, **options)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(place.address) else None)
    yield page
    context.close()
    # Answers that are not 2xx are no fault: the browser says so of each.
    assert [one for one in said if not one.startswith("Failed to load resource")] == []


def run(place: Place, day: Any) -> dict[str, State]:
    return waited(place.run(day))


def waited(work: Coroutine[Any, Any, Some]) -> Some:
    """What `work` comes to: Playwright's own loop runs in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


@pytest.mark.parametrize(("scripts", "look"), crossed([True, False], [(375, "dark"), (1280, "light")]))
def test_a_reader_comes_chooses_and_leaves(
    browser: Browser, place: Place, scripts: bool, look: tuple[int, str]
) -> None:
    width, scheme = look
    size: Any = {"width": width, "height": 800}
    options: dict[str, Any] = {"java_script_enabled": scripts, "viewport": size, "color_scheme": scheme}
    with place.served(), tab(browser, place, timezone_id="Asia/Tokyo", **options) as page:
        page.goto("/subscribe")
        guessed = page.get_by_label("Time zone").input_value()
        assert guessed == ("Asia/Tokyo" if scripts else "UTC")
        page.get_by_label("E-mail address").fill(BEA)
        page.get_by_label("Robots").check()
        page.get_by_label("Time zone").select_option("Europe/Rome")
        page.get_by_role("button", name="Subscribe").click()
        assert "That was quick" in page.get_by_role("alert").inner_text()  # nobody took three seconds
        assert page.get_by_label("Time zone").input_value() == "Europe/Rome"  # what was chosen stays
        place.now += timedelta(seconds=5)
        page.get_by_role("button", name="Subscribe").click()
        assert "Look into your mailbox" in page.inner_text("h1")

        page.goto(path_in(place.mail()[-1], "confirm"))
        page.get_by_role("button", name="Confirm").click()
        assert page.inner_text("h1") == "Welcome"
        assert run(place, TUESDAY)[BEA] is State.ACCEPTED
        mail = next(one for one in place.mail() if one["To"] == BEA and one["Archived-At"])
        page.goto("about:blank")  # else it would be read under the policy of the page before
        page.set_content(html_of(mail))
        assert page.locator("h2").all_inner_texts() == ["Robots 1\u00a0paper", "Outside your usual"]

        less = page.get_by_role("link", name="Less like this").first
        assert less.is_visible()
        page.goto(str(less.get_attribute("href")))  # mail programs open their links in a browser
        assert page.locator("form button").first.inner_text() == "Less like this"
        page.get_by_role("button", name="Less like this").click()
        assert "You want less like it for Robots" in page.get_by_role("status").inner_text()
        page.get_by_role("link", name="All that we learnt about you").click()
        assert "Less like" in page.inner_text("main")
        page.get_by_label("No e-mail until").fill((TUESDAY + timedelta(days=30)).isoformat())
        page.get_by_role("button", name="Pause", exact=True).click()
        assert "paused until 10 April 2025" in page.inner_text("main")
        place.list_papers(TUESDAY + timedelta(days=1), "The Robot Of The Next Day")
        assert BEA not in run(place, TUESDAY + timedelta(days=1))

        one_click = re.findall(r"<(http[^>]+)>", str(mail["List-Unsubscribe"]))
        assert len(one_click) == 1
        assert page.request.get(one_click[0]).status == 200  # a scanner, after which everything is as it was
        assert waited(place.reader(BEA)).status is Status.PAUSED
        program = {"List-Unsubscribe": "One-Click"}  # RFC 8058: a mail program's, without a page and without cookies
        assert httpx.post(one_click[0], data=program).status_code == 200
        page.goto(path_in(mail, "preferences"))
        assert "left" in page.locator("dl").first.inner_text()
        place.list_papers(TUESDAY + timedelta(days=40), "The Robot Of Much Later")
        assert BEA not in run(place, TUESDAY + timedelta(days=40))


def test_the_whole_way_takes_nothing_but_a_keyboard(browser: Browser, place: Place) -> None:
    with place.served(), tab(browser, place) as page:
        page.goto("/subscribe")
        by_tab(page, "address")
        page.keyboard.type(BEA)
        by_tab(page, "robots")
        page.keyboard.press("Space")
        place.now += timedelta(seconds=5)
        assert "website" not in by_tab(page, "Subscribe")
        page.keyboard.press("Enter")
        page.get_by_text("Look into your mailbox").first.wait_for()
        page.goto(path_in(place.mail()[-1], "confirm"))
        by_tab(page, "Confirm")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Welcome").wait_for()

        assert run(place, TUESDAY)[BEA] is State.ACCEPTED
        mail = next(one for one in place.mail() if one["To"] == BEA and one["Archived-At"])
        page.goto(path_in(mail, "opinions"))
        by_tab(page, "More like this")
        page.keyboard.press("Enter")
        page.get_by_text("You want more like it for Robots").wait_for()
        by_tab(page, "All that we learnt about you")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Your preferences").wait_for()
        by_tab(page, "until")
        page.keyboard.type("04102025")  # a date is three fields, in the order of the browser's language
        by_tab(page, "Pause")
        page.keyboard.press("Enter")
        page.get_by_text("paused until 10 April 2025").wait_for()
        page.goto(path_in(mail, "unsubscribe"))
        by_tab(page, "Unsubscribe")
        page.keyboard.press("Enter")
        page.get_by_text("You are out").first.wait_for()
    assert waited(place.reader(BEA)).status is Status.LEFT


def by_tab(page: Page, wanted: str) -> list[str]:
    """Press Tab until what is reached has this name, value or text; what was reached on the way."""
    reached: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        known = page.evaluate(
            "(({ name, value, textContent }) => [name, value, textContent.trim()])(document.activeElement)"
        )
        if wanted in known:
            return reached
        reached.extend(map(str, known))
    raise AssertionError(f"nothing like {wanted} can be reached: {reached}")


def test_anybody_can_read_every_page(browser: Browser, place: Place) -> None:
    run(place, TUESDAY)
    with place.served() as client:
        place.sign_up(client)
        cleo = waited(place.reader("cleo@example.org"))
        assert cleo is not None
        token = place.tokens.preferences(cleo.id, cleo.address)
        [robot] = [str(row[0]) for row in place.rows()["papers"] if "Robot" in str(row[1])]
        opinion = f"/opinions/{place.tokens.opinion(cleo.id, cleo.address, robot)}"
        client.post(opinion, data={"say": "like"})
        pages = [
            "/subscribe",
            path_in(place.mail()[-1], "confirm"),
            f"/preferences/{token}",
            opinion,
            "/unsubscribe/x",
            "/preferences/x",
        ]
        with tab(browser, place, bypass_csp=True) as page:
            for path in pages:
                for width, scheme in ((320, "light"), (375, "dark"), (1280, "light"), (1280, "dark")):
                    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
                    page.set_viewport_size({"width": width, "height": 800})
                    page.goto(path)
                    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                    audit(page, f"{path} at {width}, {scheme}")
            page.goto("/subscribe")
            page.get_by_label("E-mail address").fill("x@mailinator.com")
            page.get_by_role("button", name="Subscribe").click()
            audit(page, "a form with faults")
            page.goto(f"/preferences/{token}")
            page.locator("input[name=sure]").evaluate("one => one.required = false")
            page.get_by_role("button", name="Forget me").click()
            audit(page, "preferences with a fault")
            page.locator("input[name=sure]").check()
            page.get_by_role("button", name="Forget me").click()
            assert page.inner_text("h1") == "You are forgotten"
            audit(page, "forgotten")


def audit(page: Page, where: str) -> None:
    page.wait_for_load_state()  # a click returns when the next page begins to come
    page.evaluate(AXE_SCRIPT)
    results = page.evaluate("options => axe.run(document, options)", AXE)
    for kind in ("violations", "incomplete"):
        found = [(one["id"], node["html"][:150]) for one in results[kind] for node in one["nodes"]]
        assert found == [], where
