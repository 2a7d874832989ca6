"""The page in a real browser: hostile mail does nothing, frames look as they say, and anybody can use it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from preview_builders import evil, made, of_html

from newsletter.previewing.frames import VIEWS
from newsletter.previewing.page import page
from newsletter.rendering.lint import Finding, Severity

pytestmark = pytest.mark.chromium

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
ARGUMENTS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split()
FINDINGS = (
    Finding("H1", Severity.ERROR, "An error to mend.", "<p onclick=\"alert('x')\">&amp;</p>"),
    Finding("A2", Severity.WARNING, "A warning to weigh."),
    Finding("C3", Severity.WARNING, "A rule only some know.", ".a { border-radius: 6px }", allowed="it is decoration"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()


class Spy(ThreadingHTTPServer):
    """A server that remembers what it was asked for, and answers with `body`, or with a stream of events."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.body = "<p>spied</p>"
        self.changed = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Spy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        events = self.path == "/changes"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if events else "text/html; charset=utf-8")
        self.end_headers()
        if events:
            if self.server.changed.wait(30):
                self.server.changed.clear()
                self.wfile.write(b"event: changed\ndata: x\n\n")
            return
        self.wfile.write(self.server.body.encode())

    do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def spy() -> Iterator[Spy]:
    server = Spy()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.changed.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], str]:
    def save(content: str) -> str:
        path = tmp_path / "page.html"
        path.write_text(content, encoding="utf-8")
        return path.as_uri()

    return save


def seen_whole(opened) -> None:  # type: ignore[no-untyped-def]  # playwright is imported late, here and below
    """Scroll past every frame, so that each is drawn and has its chance."""
    for view in VIEWS:
        opened.locator(f"#client-{view.name} iframe").scroll_into_view_if_needed()
    opened.wait_for_timeout(300)


def watched(browser, url: str):  # type: ignore[no-untyped-def]
    """The page at `url`, and lists of the dialogs it opened and of what it asked for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    dialogs: list[str] = []
    requests: list[str] = []
    opened.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda request: None if request.url.startswith("data:") else requests.append(request.url))
    opened.goto(url)
    return opened, dialogs, requests


def test_a_hostile_mail_does_nothing(browser, spy: Spy, saved) -> None:  # type: ignore[no-untyped-def]
    opened, dialogs, _ = watched(browser, saved(page(of_html(evil(spy.base)), ())))
    seen_whole(opened)
    for frame in opened.frames[1:]:
        frame.locator("a").first.click()
        frame.locator("button").first.click()
        frame.locator("b").first.click()
    opened.wait_for_timeout(300)
    assert spy.asked == []
    assert dialogs == []
    assert opened.title() == "Preview: A subject"
    assert opened.url.startswith("file:")
    assert len(opened.frames) == len(VIEWS) + 1
    assert all("a link" in frame.locator("body").inner_text() for frame in opened.frames[1:])
    opened.close()


def test_the_spy_would_have_noticed(browser, spy: Spy, saved) -> None:  # type: ignore[no-untyped-def]
    opened, dialogs, _ = watched(browser, saved(evil(spy.base)))
    opened.wait_for_timeout(500)
    assert "/image.png" in spy.asked or "/onload" in spy.asked
    assert dialogs
    opened.close()


def test_papers_that_try_everything_reach_nobody(browser, saved) -> None:  # type: ignore[no-untyped-def]
    url = saved(page(made("hostile"), FINDINGS))
    opened, dialogs, requests = watched(browser, url)
    seen_whole(opened)
    assert requests == [url]
    assert dialogs == []
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_frames_are_light_and_dark_frames_dark_on_any_screen(browser, saved, scheme: str) -> None:  # type: ignore[no-untyped-def]
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    opened.goto(saved(page(made("many"), ())))
    script = "() => getComputedStyle(document.body).backgroundColor"
    shown = {view.name: frame.evaluate(script) for view, frame in zip(VIEWS, opened.frames[1:], strict=True)}
    dark = {view.name for view in VIEWS if view.dark}
    assert {name for name, colour in shown.items() if colour == "rgb(255, 255, 255)"} == set(shown) - dark
    assert {shown[name] for name in dark} == {"rgb(20, 24, 29)"}
    opened.close()


def test_each_frame_is_as_wide_as_it_says(browser, saved) -> None:  # type: ignore[no-untyped-def]
    opened = browser.new_page(viewport={"width": 375, "height": 800})
    opened.goto(saved(page(made("many"), ())))
    widths = [frame.evaluate("() => document.documentElement.clientWidth") for frame in opened.frames[1:]]
    assert widths == [view.width for view in VIEWS]
    opened.close()


@pytest.mark.parametrize("name", ["many", "hostile", "right to left", "one long word", "none"])
def test_no_sideways_scrolling(browser, saved, name: str) -> None:  # type: ignore[no-untyped-def]
    opened = browser.new_page()
    opened.goto(saved(page(made(name), FINDINGS)))
    script = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    for width in (320, 375, 768, 1280):
        opened.set_viewport_size({"width": width, "height": 800})
        scroll, client = opened.evaluate(script)
        assert scroll <= client == width
    opened.close()


def test_it_works_without_scripts(browser, saved) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    opened = context.new_page()
    opened.goto(saved(page(made("many"), FINDINGS)))
    opened.locator(".jump a").last.click()
    assert opened.url.endswith(f"#client-{VIEWS[-1].name}")
    box = opened.locator(f"#client-{VIEWS[-1].name}").bounding_box()
    assert 0 <= box["y"] < 300
    opened.get_by_text("1 allowed, each for a reason").click()
    assert opened.get_by_text("it is decoration").is_visible()
    context.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("many", 375, "light"), ("many", 1280, "dark"), ("hostile", 375, "dark"), ("right to left", 1280, "light")],
)
def test_axe_finds_nothing(browser, saved, name: str, width: int, scheme: str) -> None:  # type: ignore[no-untyped-def]
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.goto(saved(page(made(name), FINDINGS)))
    opened.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true })")
    # The frames are the mail's; no script can look into them, which is the point of them.
    results = axe.run(opened, options={"iframes": False})
    opened.close()
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in results.response["violations"]] == []


def test_the_message_can_be_downloaded(browser, saved) -> None:  # type: ignore[no-untyped-def]
    preview = made("many")
    opened = browser.new_page()
    opened.goto(saved(page(preview, ())))
    with opened.expect_download() as waiting:
        opened.get_by_text("Download .eml").click()
    assert waiting.value.suggested_filename == "2025-03-12.eml"
    assert Path(waiting.value.path()).read_bytes() == preview.message.content
    opened.close()


def test_a_live_page_follows_changes_and_keeps_its_place(browser, spy: Spy) -> None:  # type: ignore[no-untyped-def]
    spy.body = page(made("many"), (), live="/changes")
    opened, dialogs, requests = watched(browser, f"{spy.base}/")
    opened.evaluate("() => scrollTo(0, 2000)")
    spy.body = page(made("many"), FINDINGS, live="/changes")
    spy.changed.set()
    opened.get_by_text("A warning to weigh.").wait_for()
    opened.wait_for_timeout(200)
    assert opened.evaluate("() => scrollY") == 2000
    assert {request.removeprefix(spy.base) for request in requests} <= {"/", "/changes", "/favicon.ico"}
    assert dialogs == []
    opened.close()
