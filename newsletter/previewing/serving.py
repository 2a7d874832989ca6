"""The live preview: a page on this machine that follows the files it is made of.

    files ── watched ── make ──> the page ── GET / ──> a browser
                                    └── a new one: "changed" on /changes ──> the browser loads it again

Each page is told its own address of changes, which names it (`/changes?after=…`): a page that was replaced before it
began to listen, or while its machine slept, or by another start of the server, hears of it at once.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from hashlib import sha256
from html import escape
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from watchfiles import awatch

from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.listening import Server, listening, told_to_stop

HOST, PORT = "127.0.0.1", 8025
CHANGES = "/changes"
# No other page may frame this one and have a reader's link clicked.
PRIVATE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# Milliseconds. A save comes as several changes (write, rename, ...): they are one when the next comes this soon.
TOGETHER, LOOK_UP = 50, 100

Make = Callable[[str], Awaitable[str]]
Watched = Callable[[], Sequence[Path]]


async def serve(make: Make, watched: Watched, *, port: int = PORT, on_ready: Callable[[str], None]) -> None:
    """Serve the page that `make` makes at http://127.0.0.1:`port`/ until SIGINT, SIGTERM or cancellation.

    `make` gets the address at which its page can listen (server-sent events of the type `changed`) and answers with the
    whole HTML. It is called at the start and again when one of the files and folders (all below them) that `watched`
    names has changed, never twice at a time and once for a burst of changes; `watched` is asked again after each call,
    so a new setting may bring new folders. When `make` raises a NewsletterError or ConfigurationError, the page says
    so until the next change. `on_ready` gets the page's address as soon as the server listens. Port 0 is any free one.

    Raises NewsletterError if the port cannot be had or the files cannot be watched, and whatever else `make` raises.
    """
    listener = listening(HOST, port, "the preview")
    live = _Live(make)
    server = Server(
        uvicorn.Config(
            _application(live),
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    tasks = [asyncio.create_task(one) for one in (server.serve([listener]), live.follow(watched), told_to_stop())]
    try:
        await asyncio.sleep(0)  # the first step of each: who is told that we are ready may send a signal at once
        on_ready(f"http://{HOST}:{listener.getsockname()[1]}/")
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        live.end()
        server.should_exit = True
        for one in tasks[1:]:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Live:
    """The page as it is now, and those who wait for the next."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._page = self._mark = ""
        self._next = asyncio.Event()
        self._ended = False

    async def follow(self, watched: Watched) -> None:
        """Make the page, and make it anew after each change, for ever."""
        while True:
            folders = _folders(watched())
            made = False
            async with aclosing(_changes(folders, watched)) as changes:
                async for changed in changes:
                    # The first look says that watching has begun: what changes while the page is made is not missed.
                    if changed or not made:
                        await self._render()
                        made = True
                        if _folders(watched()) != folders:
                            break

    async def _render(self) -> None:
        mark = secrets.token_hex(8)
        listening = f"{CHANGES}?after={mark}"
        try:
            page = await self._make(listening)
        except (NewsletterError, ConfigurationError) as error:
            page = _mistake(str(error), listening)
        except Exception as error:  # whatever a template in the middle of being written does, the next save may mend
            page = _mistake(f"this should not happen: {type(error).__name__}: {error}; please report it", listening)
        self._page, self._mark = page, mark
        self._tell()

    def _tell(self) -> None:
        told, self._next = self._next, asyncio.Event()
        told.set()

    def end(self) -> None:
        """Let nobody wait any more."""
        self._ended = True
        self._tell()

    async def page(self, request: Request) -> Response:
        while not self._page and not self._ended:
            await self._next.wait()
        return HTMLResponse(self._page, headers=PRIVATE)

    async def changes(self, request: Request) -> Response:
        events = self._events(request.query_params.get("after"))
        return StreamingResponse(events, media_type="text/event-stream", headers=PRIVATE)

    async def _events(self, shown: str | None) -> AsyncIterator[str]:
        """One event, when the page is another than `shown`; a lost stream is opened again after a second.

        The format is that of the HTML standard, 9.2.5 and 9.2.6.
        """
        yield "retry: 1000\n\n"
        while self._mark == shown and not self._ended:
            await self._next.wait()
        if not self._ended:
            yield "event: changed\ndata:\n\n"


def _application(live: _Live) -> Starlette:
    return Starlette(
        routes=[Route("/", live.page), Route(CHANGES, live.changes)],
        # A foreign site that has its name point to 127.0.0.1 would otherwise read the page (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
    )


def _folders(watched: Iterable[Path]) -> set[Path]:
    """The folders to look at, without those below them: where each path is (an editor puts a new file into the place of
    the old one, and a folder may be made later), and for a folder itself and all in it that are not hidden."""
    found = {path.resolve().parent for path in watched}
    for path in watched:
        for folder, names, _ in os.walk(path.resolve()):
            names[:] = [name for name in names if not name.startswith(".")]
            found.add(Path(folder))
    return {folder for folder in found if folder.is_dir()}


def _concerns(changed: str, watched: Iterable[Path]) -> bool:
    """Whether `changed` is one of `watched` or in one, and no hidden file or backup of an editor."""
    path = Path(changed)
    return any(
        path == one or (path.is_relative_to(one) and not path.name.startswith(".") and not path.name.endswith("~"))
        for one in (one.resolve() for one in watched)
    )


async def _changes(folders: Iterable[Path], watched: Watched) -> AsyncGenerator[bool, None]:
    """Look at `folders` again and again: whether something of `watched` has changed since the look before."""
    looks = awatch(
        *folders,
        recursive=False,
        watch_filter=lambda change, path: _concerns(path, watched()),
        step=TOGETHER,
        rust_timeout=LOOK_UP,
        yield_on_timeout=True,
    )
    try:
        async with aclosing(looks):
            async for found in looks:
                yield bool(found)
    except OSError as error:
        raise NewsletterError(f"the files cannot be watched for changes: {error}") from error


_LISTEN = 'new EventSource(document.documentElement.dataset.live).addEventListener("changed", () => location.reload())'
_MISTAKE = """<!DOCTYPE html>
<html lang="en" data-live="{live}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; connect-src 'self'; \
style-src 'unsafe-inline'; script-src 'sha256-{script_hash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview: something is wrong</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 45em; margin: 3em auto; padding: 0 1em; font: 1.1em/1.5 system-ui, sans-serif; }}
p {{ overflow-wrap: break-word; }}
[role=alert] {{ border-left: 0.4em solid #d1242f; padding-left: 1em; }}
</style>
</head>
<body>
<main>
<h1>The preview cannot be made</h1>
<div role="alert">
{sentences}
</div>
<p>Correct it and save the file: this page comes back by itself.</p>
</main>
<script>{script}</script>
</body>
</html>
"""


def _mistake(sentences: str, live: str) -> str:
    """The page in place of one that could not be made; a configuration may have several things wrong, one a line."""
    return _MISTAKE.format(
        live=escape(live),
        sentences="\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences.splitlines()),
        script=_LISTEN,
        script_hash=b64encode(sha256(_LISTEN.encode()).digest()).decode(),
    )
