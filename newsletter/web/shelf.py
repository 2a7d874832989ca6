"""Public answers: kept as long as nothing new came, and told by their ETag."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request
from starlette.responses import Response

from newsletter.web.desk import Desk
from newsletter.web.together import Together

HTML = "text/html; charset=utf-8"
GET = ["GET", "HEAD"]
"""The methods of a page: FastAPI, unlike Starlette, adds no HEAD to a GET."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400

_MOST_KEPT = 256  # answers, of at most some 60 kB each
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Made:
    """The body of an answer, with its ETag (RFC 9110, section 8.8.3): strong, the hash of the bytes."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, text: str) -> Made:
        body = text.encode()
        return cls(body, f'"{sha256(body).hexdigest()[:32]}"')


class Shelf:
    """Answers by what they show. The whole shelf is cleared when the store has something new, which one short query
    tells; so nobody is shown what is out of date. (What `collect --offline` reads once more is noted by no batch: it is
    seen with the next one, or the next day.) Those who ask while a query is on its way share the next one."""

    def __init__(self) -> None:
        self._state: object = None
        self._made: OrderedDict[tuple[object, ...], Made] = OrderedDict()
        self._looking = Together(self._look)

    async def _look(self, desks: Sequence[Desk]) -> None:
        state = (await desks[0].store.editions.state(), desks[0].daily.publishing.today())
        if state != self._state:
            self._state, self._made = state, OrderedDict()

    async def fetch(self, desk: Desk, key: tuple[object, ...], make: Callable[[], Awaitable[str]]) -> Made:
        """What `make` made for `key` since the store's last change, made now where it was not. What is not there
        (`make` raises) is not kept."""
        await self._looking.bring(desk)
        shelf = self._made
        if (made := shelf.get(key)) is None:
            made = Made.of(await make())
        # Into the shelf that was current when the making began: another one would call it newer than it is.
        shelf[key] = made
        shelf.move_to_end(key)
        while len(shelf) > _MOST_KEPT:
            shelf.popitem(last=False)
        return made


async def shelved(
    request: Request,
    desk: Desk,
    key: tuple[object, ...],
    make: Callable[[], Awaitable[str]],
    max_age: int,
    media_type: str = HTML,
) -> Response:
    """The public answer for `key`, which names everything that `make` depends on except store, clock and settings."""
    state = request.app.state
    if not hasattr(state, "shelf"):
        state.shelf = Shelf()
    return public(request, await state.shelf.fetch(desk, (base(request, desk), *key), make), max_age, media_type)


def public(request: Request, made: Made, max_age: int, media_type: str = HTML) -> Response:
    """An answer that anybody may keep for `max_age` seconds; 304 without a body for who has it already (RFC 9110,
    section 13.1.2)."""
    headers = {"ETag": made.tag, "Cache-Control": f"public, max-age={max_age}"}
    wanted = ", ".join(request.headers.getlist("if-none-match"))
    if wanted.strip() == "*" or made.tag in _TAG.findall(wanted):
        return Response(status_code=304, headers=headers)
    return Response(made.body, headers=headers, media_type=media_type)


def base(request: Request, desk: Desk) -> str:
    """What absolute links to our pages start with: `site.url`, else the address we were asked by."""
    if desk.pages.site:
        return desk.pages.site
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = ":".join(str(part) for part in request.scope.get("server") or ("localhost",))
    return f"{request.url.scheme}://{host}{desk.pages.root}"
