"""Pages that belong to one reader: whose they are, and what is said to whoever has no business there."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.mail.tokens import row_of
from newsletter.model import Subscriber
from newsletter.store.forgetting import is_forgotten
from newsletter.web.bounds import LAST_ROW
from newsletter.web.desk import Desk

FORM = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
"""For every page with a form. Where a page hands on no Referer at all, browsers send its forms with `Origin: null`
(Fetch standard, "append a request `Origin` header"), and nobody can tell them from a stranger's. With this, others
still learn no address of ours."""

PRIVATE = FORM | {"X-Robots-Tag": "noindex"}
"""For every page that a token opens: its address is a secret, and what it says changes."""

SEEN = ["GET", "HEAD"]
"""The methods that show a page; neither changes anything."""


async def claimed(desk: Desk, token: str) -> Subscriber | None:
    """The reader whom `token` says it is for; who asks has still to see whether that is true."""
    number = row_of(token)
    reader = await desk.store.subscribers.get(number) if number is not None and number <= LAST_ROW else None
    return None if reader is None or is_forgotten(reader.address) else reader


def not_here(desk: Desk) -> Response:
    """The one answer to every token that is not good, whatever is wrong with it: nobody learns what was close."""
    return desk.pages.page("sorry", {"status": 404}, status=404, headers=PRIVATE)
