"""Draw the pictures of the README from our own output, with the system's Chromium.

    python docs/screenshots.py

Needs the test extra (Playwright) and chromium. Everything happens in a temporary state folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
READER = "ada@example.org"
SHOTS = [
    # name, what to draw, width, height, colour scheme
    ("email-light", "html", 700, 1300, "light"),
    ("email-mobile", "html", 375, 1300, "light"),
    ("email-dark-mobile", "html", 375, 1300, "dark"),
    ("preview-page", "page", 1280, 1000, "light"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def preview(state: Path, form: str) -> Path:
    """Let the command write the e-mail of READER in that form."""
    out = state / f"{form}.html"
    environment = os.environ | {"NEWSLETTER_STATE_DIR": str(state)}
    options = ["--subscriber", READER, "--format", form, "--out", str(out)]
    command = [sys.executable, "-m", "newsletter", "preview", *options]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return out


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is missing: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for name, form, width, height, scheme in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(preview(Path(folder), form).as_uri())
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
