"""What holds for every request: headers that shut browsers' doors, foreign origins, sizes of bodies."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.mail.reports import LARGEST
from newsletter.web.api.problems import is_for_programs, problem

LARGEST_BODY = 256 * 1024
"""Bytes of a form, or of JSON."""

_LARGER = {"/api/v1/bounces": LARGEST, "/admin/import": 64 * 1024 * 1024}
"""A report of a bounce holds the message that came back; a CSV import is the operator's, and streamed."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONE_CLICK_PATH = "/unsubscribe/"
"""RFC 8058 posts there without cookies, from anywhere, by design."""

_SAFE = {"GET", "HEAD", "OPTIONS"}


class Guard:
    """Middleware: refuses what changes something and comes from a foreign page, and bodies that are too large; adds
    HEADERS to every answer."""

    def __init__(self, app: ASGIApp, site: str = "", root: str = "") -> None:
        self._app = app
        self._root = root
        self._ours = urlsplit(site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    given.setdefault(name, value)
            await send(message)

        path = scope["path"].removeprefix(self._root)
        if refusal := self._refusal(scope["method"], path, headers):
            status, words = refusal
            answer = problem(status) if is_for_programs(path) else PlainTextResponse(f"{words}\n", status)
            await answer(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive, largest_body(path)), guarded)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """The status and the sentence with which a request is turned away."""
        if method in _SAFE:
            return None
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > largest_body(path):
            return 413, "The form is too large."
        if not path.startswith(ONE_CLICK_PATH) and self._is_foreign(headers):
            return 403, "The form came from another page: open ours and send it from there."
        return None

    def _is_foreign(self, headers: Headers) -> bool:
        """Whether a browser says that the form stood on a page of somebody else's.

        Sec-Fetch-Site is the browser's word; Origin is compared with the name we were asked by, and with the site's,
        whose scheme is known too. An origin without a name (`null`, `file://`) is somebody else's: our own forms say
        theirs (see `web.private.FORM`). What sends neither is no browser, and has no cookies to misuse.
        """
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return True
        given = headers.get("origin")
        if given is None:
            return False
        try:
            origin = urlsplit(given)
        except ValueError:
            return True
        name = origin.netloc.lower()
        if name and name == self._ours.netloc.lower():
            return origin.scheme != self._ours.scheme
        return not name or name != headers.get("host", "").lower()


def largest_body(path: str) -> int:
    """How many bytes the body of a request to `path`, below the root, may have."""
    return _LARGER.get(path, LARGEST_BODY)


def _bounded(receive: Receive, largest: int) -> Receive:
    """`receive`, which ends a body that is longer than it said it would be."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > largest else message

    return bounded
