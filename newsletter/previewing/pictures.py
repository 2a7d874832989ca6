"""An e-mail as a picture, drawn by the system's own Chromium. Nothing else of the preview needs a browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# Two picture points for one CSS pixel, as today's phones and laptops show it; at one, letters look blurred there.
SCALE = 2

PATIENCE = 90_000
"""Milliseconds; a machine that is busy with something else takes its time to start a browser."""

# Nothing leads out of the machine, not even a look-up or a connection made in advance, which no route sees; and letters
# look alike wherever they are drawn.
ARGUMENTS = ("--host-resolver-rules=MAP * ~NOTFOUND", "--font-render-hinting=none", "--disable-lcd-text")


async def picture(html: str, *, width: int = 700, dark: bool = False) -> bytes:
    """A PNG of the whole of `html`, as a window `width` CSS pixels wide shows it, light or dark; 2 points a pixel.

    Scripts do not run and nothing is fetched: remote images are missing. The same page gives the same picture on the
    same machine. Raises NewsletterError, with what to install, if Playwright or Chromium is not there or does not work.
    """
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        raise NewsletterError(
            "a picture needs Playwright, which is not installed: pip install 'paper-newsletter[browser]'"
        ) from None
    program = _chromium()
    try:
        async with async_playwright() as playwright, await _browser(playwright, program) as browser:
            page = await browser.new_page(
                viewport={"width": width, "height": 800},
                device_scale_factor=SCALE,
                color_scheme="dark" if dark else "light",
                java_script_enabled=False,
                offline=True,
                service_workers="block",
            )
            page.set_default_timeout(PATIENCE)
            await page.route("**/*", lambda route: route.abort())
            await page.set_content(html)
            return await page.screenshot(full_page=True, animations="disabled")
    except Error as error:
        raise NewsletterError(_sentence(program, error.message)) from error


async def _browser(playwright: Playwright, program: str) -> Browser:
    return await playwright.chromium.launch(
        executable_path=program,
        args=ARGUMENTS,
        timeout=PATIENCE,
        # Chromium refuses to start as root with its sandbox, and only then goes without.
        chromium_sandbox=os.geteuid() != 0,
    )


def _chromium() -> str:
    """The program to use: what the variable CHROMIUM names, else the system's. Raises NewsletterError without one."""
    if named := os.environ.get("CHROMIUM"):
        if found := shutil.which(Path(named).expanduser()):
            return found
        raise NewsletterError(f"CHROMIUM names {named}, and there is no such program; correct it, or unset it")
    for name in (*PROGRAMS, *ON_MACOS):
        if found := shutil.which(name):
            return found
    raise NewsletterError(
        "a picture needs Chromium, which is not installed: apt-get install chromium (or name the program in the "
        "variable CHROMIUM)"
    )


def _sentence(program: str, message: str) -> str:
    if "No usable sandbox" in message:
        return (
            f"{program} has no sandbox to run in; install it with apt-get install chromium-sandbox, or allow user "
            "namespaces"
        )
    return f"{program} could not draw the e-mail: {message.splitlines()[0]}"
