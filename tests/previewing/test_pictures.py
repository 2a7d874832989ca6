"""Pictures of an e-mail: whole, the same each time, without a word to the network, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import NewsletterError
from newsletter.previewing.pictures import SCALE, picture

PNG = b"\x89PNG\r\n\x1a\n"
DOCUMENT = """<!DOCTYPE html><html lang="en"><head><title>x</title><style>
body { margin: 0; background-color: #ffffff }
@media (prefers-color-scheme: dark) { body { background-color: #14181d } }
</style></head><body><div style="height: %dpx">%s</div></body></html>"""


def size(png: bytes) -> tuple[int, int]:
    """Width and height in picture points (PNG specification, 11.2.2)."""
    assert png.startswith(PNG)
    return struct.unpack(">II", png[16:24])


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        yield kind, png[at + 8 : at + 8 + length]
        at += 12 + length


def first_colour(png: bytes) -> str:
    """The colour of the topmost, leftmost point; every PNG filter leaves that one as it is."""
    lines = zlib.decompress(b"".join(content for kind, content in chunks(png) if kind == b"IDAT"))
    return "#" + lines[1:4].hex()


@pytest.mark.chromium
async def test_a_picture_is_as_wide_as_asked_and_as_tall_as_the_page() -> None:
    pytest.importorskip("playwright")
    # Taller than the 16,384 points at which many graphics drivers end.
    assert size(await picture(DOCUMENT % (9_000, "Hello"), width=375)) == (375 * SCALE, 9_000 * SCALE)


@pytest.mark.chromium
async def test_a_picture_is_the_same_each_time() -> None:
    pytest.importorskip("playwright")
    document = DOCUMENT % (900, "Neural fields: 12 %, 日本語, עברית")
    assert await picture(document) == await picture(document)


@pytest.mark.chromium
@pytest.mark.parametrize(("dark", "colour"), [(False, "#ffffff"), (True, "#14181d")], ids=["light", "dark"])
async def test_a_picture_is_light_or_dark(dark: bool, colour: str) -> None:
    pytest.importorskip("playwright")
    assert first_colour(await picture(DOCUMENT % (900, ""), dark=dark)) == colour


@pytest.mark.chromium
async def test_scripts_do_not_run_nothing_is_fetched_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("playwright")
    # A short path: Chromium makes a socket in it.
    folder = tempfile.mkdtemp()
    monkeypatch.setenv("TMPDIR", folder)
    connections: list[object] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        there = f"http://{host}:{port}"
        hostile = f"""<script>document.body.style.backgroundColor = "red"</script>
            <link rel="preconnect" href="{there}"><link rel="stylesheet" href="{there}/a.css">
            <link rel="prefetch" href="{there}/b"><img src="{there}/c.png"><iframe src="{there}/d"></iframe>
            <div style="background-image: url({there}/e.png)">x</div><svg><image href="{there}/f.svg"/></svg>
            <img src="x" onerror="document.body.style.backgroundColor='red'">"""
        drawn = await picture(DOCUMENT % (900, hostile))
    assert first_colour(drawn) == "#ffffff"
    assert connections == []
    os.rmdir(folder)  # which fails if anything is left in it


async def test_a_named_program_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(NewsletterError, match="CHROMIUM names /nowhere/chromium, and there is no such program"):
        await picture("")


async def test_a_program_that_is_no_browser_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")
    monkeypatch.setenv("CHROMIUM", "true")
    with pytest.raises(NewsletterError, match=r"^\S*true could not draw the e-mail: [^\n]+$"):
        await picture("")


def test_without_chromium_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("newsletter.previewing.pictures.ON_MACOS", ())
    with pytest.raises(NewsletterError, match=r"needs Chromium.*apt-get install chromium"):
        asyncio.run(picture(""))


def test_without_playwright_a_sentence_says_what_to_install() -> None:
    """A process of its own, in which importing Playwright fails as it does where it is not installed."""
    code = (
        "import asyncio, sys; sys.modules['playwright'] = None\n"
        "from newsletter.errors import NewsletterError\n"
        "from newsletter.previewing.pictures import picture\n"
        "try:\n    asyncio.run(picture(''))\nexcept NewsletterError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'paper-newsletter[browser]'" in done.stdout
    assert done.stdout.count("\n") == 1
