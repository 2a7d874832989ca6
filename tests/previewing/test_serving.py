"""The live preview: a real server, real files that change, a real browser that follows, real signals that end it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newsletter.errors import ConfigurationError, Fault, NewsletterError
from newsletter.languages import ENGLISH
from newsletter.previewing.serving import serve
from newsletter.rendering.templates import Templates

PATIENCE = 30.0
UNNOTICED = 0.7
CARD = "email/card.html.j2"


class Workshop:
    """Templates in a folder, and the page made of them: what a preview does, in small."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        self.at_once = 0
        self.most_at_once = 0
        self.takes = 0.0
        (folder / "email").mkdir(parents=True)
        self.write("one")

    def write(self, text: str) -> None:
        (self.folder / CARD).write_text(text, encoding="utf-8")

    def watched(self) -> list[Path]:
        return [self.folder]

    async def make(self, live: str) -> str:
        self.made += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            text = Templates([self.folder], ENGLISH).render("card.html.j2")
            await asyncio.sleep(self.takes)
        finally:
            self.at_once -= 1
        script = 'new EventSource(document.body.dataset.live).addEventListener("changed", () => location.reload())'
        return f'<!DOCTYPE html><title>x</title><body data-live="{live}"><p>{text}</p><script>{script}</script>'


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "templates")


@asynccontextmanager
async def served(
    make: Callable[[str], Awaitable[str]], watched: Callable[[], list[Path]], port: int = 0
) -> AsyncIterator[str]:
    """The address of a live preview that runs for as long as it lasts."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(make, watched, port=port, on_ready=ready.set_result))
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running
    try:
        yield await ready
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def got(url: str, path: str = "/", host: str | None = None) -> tuple[int, dict[str, str], str]:
    """Status, header fields and body of a page."""

    def ask() -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Host": host} if host else {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


async def until(url: str, text: str) -> str:
    """The page, as soon as it holds `text`."""
    deadline = time.monotonic() + PATIENCE
    while text not in (page := (await got(url))[2]):
        assert time.monotonic() < deadline, f"no “{text}” in {page}"
        await asyncio.sleep(0.05)
    return page


def listening(page: str) -> str:
    """Where `page` hears of changes."""
    found = re.search(r'data-live="([^"]+)"', page)
    assert found, page
    return found[1]


async def heard(url: str, path: str) -> str:
    """The stream of events at `path`, from its first byte to its end."""
    return (await asyncio.wait_for(got(url, path), PATIENCE))[2]


async def test_the_page_is_there_and_nobody_keeps_it(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        assert url.startswith("http://127.0.0.1:")
        status, headers, page = await got(url)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert headers["cache-control"] == "no-store"
        assert "<p>one</p>" in page
        assert (await got(url, "/etc/passwd"))[0] == 404


async def test_only_this_machine_is_answered(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        port = urlsplit(url).port
        # Had it bound every address, this one would answer too.
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.2", port)
        for host, status in {
            f"127.0.0.1:{port}": 200,
            f"localhost:{port}": 200,
            f"evil.example:{port}": 400,
            f"127.0.0.1.evil.example:{port}": 400,
            "0.0.0.0": 400,
        }.items():
            assert (await got(url, host=host))[0] == status, host
            if status == 400:
                assert (await got(url, "/changes?after=x", host=host))[0] == 400


async def test_a_changed_template_makes_a_new_page_and_the_open_one_hears_of_it(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        stream = asyncio.create_task(heard(url, listening((await got(url))[2])))
        await asyncio.sleep(0.3)
        assert not stream.done()
        workshop.write("two")
        assert "event: changed\ndata:\n\n" in await stream
        assert "<p>two</p>" in (await got(url))[2]


async def test_a_page_that_missed_its_change_hears_of_it_at_once(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        old = listening((await got(url))[2])
        workshop.write("two")
        await until(url, "<p>two</p>")
        assert "event: changed" in await heard(url, old)
        assert "event: changed" in await heard(url, "/changes?after=of-an-earlier-server")


async def test_a_change_while_the_first_page_is_made_is_not_missed(workshop: Workshop) -> None:
    workshop.takes = 0.5
    async with served(workshop.make, workshop.watched) as url:
        while not workshop.made:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        workshop.write("two")
        assert "<p>one</p>" in (await got(url))[2]
        await until(url, "<p>two</p>")


async def test_a_burst_of_changes_is_one_page_and_pages_are_made_one_by_one(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        await got(url)
        drafts = workshop.folder.parent / "drafts"
        drafts.mkdir()
        for number in range(30):
            (drafts / f"{number}.j2").write_text("x")
        (drafts / "card").write_text("two")
        for number in range(30):
            (drafts / f"{number}.j2").replace(workshop.folder / "email" / f"{number}.j2")
        (drafts / "card").replace(workshop.folder / CARD)
        await until(url, "<p>two</p>")
        await asyncio.sleep(UNNOTICED)
        assert workshop.made == 2

        workshop.takes = 0.3
        for number in range(10):
            workshop.write(f"three {number}")
            await asyncio.sleep(0.1)
        await until(url, "<p>three 9</p>")
        assert workshop.made <= 2 + 6
        assert workshop.most_at_once == 1


async def test_a_file_is_followed_however_it_is_saved_and_its_neighbours_are_not(tmp_path: Path) -> None:
    topics = tmp_path / "topics.toml"
    topics.write_text("one")
    made = 0

    async def make(live: str) -> str:
        nonlocal made
        made += 1
        return f"{made}: {topics.read_text() if topics.exists() else 'missing'}"

    async with served(make, lambda: [topics]) as url:
        await until(url, "1: one")
        (tmp_path / "var").mkdir()
        for neighbour in ("newsletter.db", "var/x", ".topics.toml.swp", "topics.toml~", "4913"):
            (tmp_path / neighbour).write_text("x")
        await asyncio.sleep(UNNOTICED)
        assert made == 1
        # In place; a new file in place of the old one, twice; away and back.
        topics.write_text("two")
        await until(url, "2: two")
        for number, text in ((3, "three"), (4, "four")):
            (tmp_path / "draft").write_text(text)
            (tmp_path / "draft").replace(topics)
            await until(url, f"{number}: {text}")
        topics.unlink()
        await until(url, "5: missing")
        topics.write_text("six")
        await until(url, ": six")


async def test_hidden_files_and_backups_among_templates_make_no_new_page(workshop: Workshop) -> None:
    (workshop.folder / ".git" / "objects").mkdir(parents=True)
    async with served(workshop.make, workshop.watched) as url:
        await until(url, "<p>one</p>")
        for name in (".git/index", ".git/objects/x", "email/.card.html.j2.swp", "email/card.html.j2~"):
            (workshop.folder / name).write_text("x")
        await asyncio.sleep(UNNOTICED)
        assert workshop.made == 1


async def test_folders_that_come_later_are_followed_too(workshop: Workshop, tmp_path: Path) -> None:
    """A new folder among the watched ones, and one that a changed setting brings."""
    setting, other = tmp_path / "newsletter.toml", Workshop(tmp_path / "other")
    setting.write_text(workshop.folder.name)

    async def make(live: str) -> str:
        own = tmp_path / setting.read_text()
        more = own / "email" / "new" / "deep" / "row.html.j2"
        return (own / CARD).read_text() + (more.read_text() if more.exists() else "")

    async with served(make, lambda: [setting, tmp_path / setting.read_text()]) as url:
        await until(url, "one")
        setting.write_text("other")
        await asyncio.sleep(UNNOTICED)
        other.write("two")
        await until(url, "two")
        deep = other.folder / "email" / "new" / "deep"
        deep.mkdir(parents=True)
        await asyncio.sleep(UNNOTICED)
        (deep / "row.html.j2").write_text(" and three")
        await until(url, "two and three")


async def test_a_broken_template_is_a_page_that_says_where_and_goes_away_when_it_is_mended(workshop: Workshop) -> None:
    async with served(workshop.make, workshop.watched) as url:
        await until(url, "<p>one</p>")
        workshop.write("fine\n{{ nothing_of_this_name }}")
        page = await until(url, "role=")
        assert (await got(url))[0] == 200
        assert f"{workshop.folder / CARD}, line 2: " in page
        assert "Traceback" not in page
        stream = asyncio.create_task(heard(url, listening(page)))
        workshop.write("mended")
        assert "event: changed" in await stream
        assert "<p>mended</p>" in (await got(url))[2]


async def test_a_broken_start_is_a_page_too(workshop: Workshop) -> None:
    workshop.write("{% if %}")
    async with served(workshop.make, workshop.watched) as url:
        await until(url, "card.html.j2, line 1")
        workshop.write("mended")
        await until(url, "<p>mended</p>")


async def test_every_mistake_in_the_configuration_is_said_and_none_of_it_is_markup(tmp_path: Path) -> None:
    async def make(live: str) -> str:
        raise ConfigurationError(
            [Fault("topics.toml", "topics[0].slug", "“<script>”"), Fault("newsletter.toml", "", "&")]
        )

    async with served(make, lambda: [tmp_path]) as url:
        page = (await got(url))[2]
    assert "<p>topics.toml: topics[0].slug: “&lt;script&gt;”</p>\n<p>newsletter.toml: &amp;</p>" in page
    assert page.count("<script>") == 1


async def test_what_nobody_foresaw_is_a_page_and_the_next_save_may_mend_it(workshop: Workshop) -> None:
    failures = [ZeroDivisionError("half a template")]

    async def make(live: str) -> str:
        if failures:
            raise failures.pop()
        return await workshop.make(live)

    async with served(make, workshop.watched) as url:
        await until(url, "this should not happen: ZeroDivisionError: half a template")
        workshop.write("mended")
        await until(url, "mended")


async def test_a_port_in_use_is_a_sentence(workshop: Workshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NewsletterError, match=rf"port {port} of 127.0.0.1: Address already in use; choose another"):
            await serve(workshop.make, workshop.watched, port=port, on_ready=print)
    assert workshop.made == 0


PROGRAM = """
import asyncio, sys
from pathlib import Path
from newsletter.languages import ENGLISH
from newsletter.previewing.serving import serve

async def make(live):
    if sys.argv[1] == "slow":
        await asyncio.sleep(60)
    return "page " + live

asyncio.run(serve(make, lambda: [Path(sys.argv[2])], port=0, on_ready=lambda url: print(url, flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("kind", ["listening", "slow", "at once"])
async def test_a_signal_ends_it_within_a_second(kind: str, number: signal.Signals, tmp_path: Path) -> None:
    """A real process with an open stream of events, with a page that is being made and waited for, or just started."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-W", "error", "-c", PROGRAM, kind, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with ExitStack() as closing:
        closing.callback(lambda: process.returncode is None and process.kill())
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()
        if kind != "at once":
            path = (await got(url))[2].removeprefix("page ") if kind == "listening" else "/"
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            closing.callback(writer.close)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            if kind == "listening":
                await asyncio.wait_for(reader.readuntil(b"retry: 1000"), PATIENCE)
            else:
                await asyncio.sleep(0.3)
        told_at = time.monotonic()
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        took = time.monotonic() - told_at
    assert (process.returncode, out, err) == (0, b"", b"")
    assert took < 1.5, f"{took:.2f} s"


@pytest.mark.chromium
async def test_the_open_page_follows_by_itself(workshop: Workshop) -> None:
    playwright = pytest.importorskip("playwright.async_api")
    names = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
    program = next(filter(None, map(shutil.which, names)))
    async with served(workshop.make, workshop.watched) as url, playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        page = await browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(url)
        for written, shown in (
            ("two", "two"),
            ("fine\n{{ nothing_of_this_name }}", "card.html.j2, line 2"),
            ("{{ still_nothing }}", "card.html.j2, line 1"),
            ("mended", "mended"),
        ):
            workshop.write(written)
            await page.get_by_text(shown).wait_for(timeout=PATIENCE * 1000)
        await browser.close()
    assert [one for one in said if "404" not in one] == [], "only the icon that browsers ask for may be missing"
