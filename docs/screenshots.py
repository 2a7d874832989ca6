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
SHOTS = [
    # name, reader, width, height, colour scheme
    ("email-light", "ada@example.org", 700, 1300, "light"),
    ("email-dark-mobile", "ada@example.org", 375, 1300, "dark"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def preview(state: Path, reader: str) -> Path:
    """Let the command write the e-mail of `reader`."""
    out = state / f"{reader}.html"
    environment = os.environ | {"NEWSLETTER_STATE_DIR": str(state)}
    command = [sys.executable, "-m", "newsletter", "preview", "--subscriber", reader, "--out", str(out)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return out


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is missing: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for name, reader, width, height, scheme in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(preview(Path(folder), reader).as_uri())
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
