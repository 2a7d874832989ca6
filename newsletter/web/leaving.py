"""Leaving: by one click in a mail program (RFC 8058), or with a button for those who followed the link.

The button posts to the address that mail programs post to. Both get the same answer, good token or not: nobody learns
from it who reads, and who was out already is out. Many who leave at once, as after a mailing, share one write.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from newsletter.subscribing.forgetting import ONE_CLICK
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.private import PRIVATE, SEEN, claimed
from newsletter.web.together import Together

router = APIRouter(include_in_schema=False)


@router.api_route("/unsubscribe/{token:path}", methods=SEEN)
async def unsubscribe(desk: AtDesk) -> Response:
    """The page with the button. It looks nothing up: link scanners come here more often than readers."""
    return desk.pages.page("unsubscribe", {"out": False}, headers=PRIVATE)


@router.post("/unsubscribe/{token:path}")
async def leave(token: str, request: Request, desk: AtDesk) -> Response:
    """The reader is out when this is answered. No cookie, no redirect, and the body is not even read (RFC 8058 section
    3.2 wants `List-Unsubscribe=One-Click` in it): the token says everything."""
    reader = await claimed(desk, token)
    if reader and desk.tokens.is_leave(token, reader.id, reader.address):
        await _leaving(request, desk).bring(reader.address)
    return desk.pages.page("unsubscribe", {"out": True}, headers=PRIVATE)


def _leaving(request: Request, desk: Desk) -> Together[str]:
    """Those who leave at the moment, by address."""
    state = request.app.state
    if not hasattr(state, "leaving"):

        async def leave_together(addresses: Sequence[str]) -> None:
            await desk.store.subscribers.leave_together(addresses, ONE_CLICK, desk.now())

        state.leaving = Together(leave_together)
    found: Together[str] = state.leaving
    return found
