"""The system's Chromium, cut off from the world: e-mails are drawn in one page of it, and what it asks for is noted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --font-render-hinting=none"
).split()
PHONE, DESKTOP = 375, 700


@dataclass
class Window:
    """A page that shows e-mails: `asked` are the addresses that it wanted to fetch, `said` what its console says."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._note_request)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.route("**/*", lambda route: route.abort())

    def _note_request(self, request: Request) -> None:
        self.asked.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)

    def show(self, markup: str, *, width: int = DESKTOP, dark: bool = False) -> None:
        """Draw `markup` from the beginning, in a window so many pixels wide."""
        self.asked.clear()
        self.said.clear()
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.set_content(markup)

    def grow(self) -> None:
        """Make the window as tall as what it shows, so that every point of it is on the screen."""
        height = self.measure("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": self.measure("innerWidth"), "height": height})

    def measure(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def without_styles(markup: str) -> str:
    """As clients show it that drop all style blocks."""
    return re.sub(r"<style.*?</style>", "", markup, flags=re.DOTALL)
