"""The public pages in a real browser: hostile papers do nothing, nobody else is asked, and anybody can read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing_web import opened_chromium
from papers_web import DAY, FEED_PAPER, FULL, FULL_NUMBERS, HOSTILE_TOPIC, hostile, sixty
from serving_web import aside, configured, holding, serving

pytestmark = pytest.mark.chromium

PAGES = {
    "seeds": [
        "/",
        "/editions",
        "/editions/2025-03-11",
        "/topics",
        "/topics/language-models",
        "/topics/language-models?day=2025-03-11",
        "/search",
        "/search?q=brain",
        "/nothing",
    ],
    "sixty": ["/"],
    "full": ["/", "/papers/2503.01234"],
    "hostile": ["/", "/topics", "/topics/attacks", f"/topics/attacks?day={DAY}", "/search?q=attack"],
    "empty": ["/", "/editions", "/topics/language-models"],
}
EVERY = [(name, path) for name, paths in PAGES.items() for path in paths]
AUDITED = [
    *(("seeds", path) for path in PAGES["seeds"] if path not in {"/editions/2025-03-11", "/topics/language-models"}),
    ("full", "/papers/2503.01234"),
    ("hostile", "/topics/attacks"),
    ("empty", "/"),
]
"""One page of each kind: axe takes its time."""
AXE = {
    "resultTypes": ["violations", "incomplete"],
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2, 2.5.8; off by default
}


@pytest.fixture(scope="module")
def sites(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each installation by its name in PAGES."""
    folder = tmp_path_factory.mktemp("sites")
    configurations = {
        "sixty": aside(holding(folder / "sixty", sixty())),
        "full": aside(holding(folder / "full", [FULL, FEED_PAPER], FULL_NUMBERS)),
        "hostile": aside(holding(folder / "hostile", hostile(), topics=[HOSTILE_TOPIC])),
        "empty": configured(folder / "empty"),
    }
    with ExitStack() as stack:
        served = {name: stack.enter_context(serving(one)) for name, one in configurations.items()}
        yield served | {"seeds": address}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_chromium() as opened:
        yield opened


class Visit:
    """A page of the browser that notes what it asks for and what goes wrong."""

    def __init__(self, browser: Any, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda said: self.wrong.append(said.text) if "404" not in said.text else None)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def audit(self) -> dict[str, Any]:
        """Axe's results. The CSP lets no page run it, so it comes through the debugger, which no page can."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE_SCRIPT)
        return dict(self.page.evaluate("options => axe.run(document, options)", AXE))


@pytest.mark.parametrize(("name", "path"), AUDITED)
def test_axe_finds_nothing(browser: Any, sites: dict[str, str], name: str, path: str) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites[name] + path)
        visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for width, scheme in ((375, "light"), (375, "dark"), (1280, "light"), (1280, "dark")):
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.emulate_media(color_scheme=scheme)
            results = visit.audit()
            for kind in ("violations", "incomplete"):
                assert [(one["id"], node["html"][:150]) for one in results[kind] for node in one["nodes"]] == []
            assert {one["id"] for one in results["passes"]} >= {"color-contrast", "link-name", "document-title"}


def test_axe_would_find_something(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites["empty"])
        visit.page.evaluate("document.querySelector('h1').style.color = '#cccccc'; document.title = ''")
        found = {one["id"] for one in visit.audit()["violations"]}
        assert found >= {"color-contrast", "document-title"}


@pytest.mark.parametrize("name", PAGES)
def test_nobody_else_is_asked_and_nothing_runs(browser: Any, sites: dict[str, str], name: str) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites[name])
        papers = visit.page.eval_on_selector_all(
            "main h2 a[href^='/papers/']", "those => those.map(one => one.getAttribute('href'))"
        )
        # Where words attack, each paper has a trick of its own; the others' pages are alike.
        paths = [*PAGES[name], *papers[: 8 if name == "hostile" else 2]]
        for path in paths:
            visit.page.goto(sites[name] + path, wait_until="networkidle")
            assert visit.page.evaluate("window.hacked") is None
            assert visit.page.title() != "hacked"
            # No element of theirs: only what our templates write.
            assert (
                visit.page.locator("script, img, iframe, object, embed, style, [onload], [onerror], svg").count() == 0
            )
            hrefs = visit.page.eval_on_selector_all("[href]", "those => those.map(one => one.href)")
            assert {urlsplit(href).scheme for href in hrefs} <= {"http", "https"}
        assert {urlsplit(url).netloc for url in visit.asked} == {urlsplit(sites[name]).netloc}
        assert visit.wrong == []


def test_words_that_attack_are_shown_as_words(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites["hostile"])
        said = visit.page.locator("main").inner_text()
        assert "<script>window.hacked=1;" in said
        assert "7 * 191" in said
        assert "1337" not in said
        assert not set("\u202e\u2066\u2069\x08\x1b") & set(said)
        for number in range(visit.page.locator("main h2 a").count()):
            visit.page.locator("main h2 a").nth(number).click()
            assert "/papers/" in visit.page.url
            assert "We attack whoever reads this" in visit.page.locator("main").inner_text()
            assert visit.page.evaluate("window.hacked") is None
            visit.page.go_back()


@pytest.mark.parametrize(("name", "path"), EVERY)
def test_no_page_scrolls_sideways(browser: Any, sites: dict[str, str], name: str, path: str) -> None:
    with Visit(browser, width=320) as visit:
        visit.page.goto(sites[name] + path)
        for width in (320, 375, 768, 1280):
            visit.page.set_viewport_size({"width": width, "height": 900})
            wide = visit.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1] == width


@pytest.mark.parametrize(
    ("name", "path"), [("seeds", "/"), ("full", "/papers/2503.01234"), ("seeds", "/search?q=brain")]
)
def test_a_thumb_can_press_everything(browser: Any, sites: dict[str, str], name: str, path: str) -> None:
    """44 by 44 px (WCAG 2.2, 2.5.5); the skip link is for keyboards."""
    with Visit(browser, width=375) as visit:
        visit.page.goto(sites[name] + path)
        sizes = visit.page.eval_on_selector_all(
            "a:not(.skip), button, input, summary",
            "those => those.map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])"
            ".map(([html, box]) => [html, box.width, box.height])",
        )
        assert sizes
        assert [one for one in sizes if one[1] < 44 or one[2] < 44] == []


def test_lines_have_about_seventy_characters(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites["full"] + "/papers/2503.01234")
        wide = visit.page.evaluate("""() => {
            const one = document.createElement("span");
            one.textContent = "the quick brown fox jumps over the lazy dog and goes to sleep ".repeat(5);
            one.style.whiteSpace = "nowrap";
            document.querySelector("main p").append(one);
            const per = one.getBoundingClientRect().width / one.textContent.length;
            return document.querySelector("main").getBoundingClientRect().width / per;
        }""")
        assert 60 <= wide <= 80


def test_it_works_with_a_keyboard_alone(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser) as visit:
        visit.page.goto(sites["seeds"])
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.className") == "skip"
        assert visit.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        for _ in range(12):
            visit.page.keyboard.press("Tab")
            outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
        visit.page.goto(f"{sites['seeds']}/search")
        visit.page.locator("#q").focus()
        visit.page.keyboard.type("brain")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/search?q=brain")
        assert visit.page.locator("main li h2").count() > 0


def test_it_works_without_scripts(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser, width=375, scripts=False) as visit:
        visit.page.goto(sites["seeds"])
        assert visit.page.get_by_role("link", name="Subscribe").get_attribute("href") == "/subscribe"
        visit.page.get_by_text("Show one topic only").click()
        visit.page.get_by_role("link", name="Language models 10").click()
        assert visit.page.url.endswith("/topics/language-models?day=2025-03-12")
        visit.page.get_by_role("link", name="All papers of the day").click()
        visit.page.get_by_role("link", name="← 2025-03-11").click()
        assert visit.page.locator("h1").inner_text() == "Tuesday 11 March 2025"
        visit.page.locator("main h2 a").first.click()
        assert visit.page.locator("h1").inner_text() == "Neural Fields in Robotics: A Survey"
        visit.page.get_by_text("Where this comes from").click()
        assert visit.page.get_by_text("listing/daily-papers").first.is_visible()
        visit.page.get_by_role("link", name="Search").click()
        visit.page.get_by_label("Words in titles").fill("neural fields")
        visit.page.get_by_role("button", name="Search").click()
        visit.page.locator("main li h2").nth(1).wait_for()


def test_light_and_dark_are_the_readers_choice(browser: Any, sites: dict[str, str]) -> None:
    for dark, ground in ((False, "rgb(255, 255, 255)"), (True, "rgb(20, 24, 29)")):
        with Visit(browser, dark=dark) as visit:
            visit.page.goto(sites["seeds"])
            assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_paper_shows_papers_and_nothing_else(browser: Any, sites: dict[str, str]) -> None:
    with Visit(browser, dark=True) as visit:
        visit.page.emulate_media(media="print")
        visit.page.goto(sites["full"])
        for hidden in (".hero", ".bar nav", ".chips"):
            assert not visit.page.locator(hidden).first.is_visible()
        assert visit.page.locator("main h2").first.is_visible()
        assert visit.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
