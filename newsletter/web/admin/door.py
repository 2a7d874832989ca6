"""In by the operator's token, out again. Without a configured token the application leaves all of this out.

A session is a signed cookie (see `Tokens.session`): twelve hours, bound to the operator's token, so that a new token
ends them all. Those that were logged out of are remembered in memory until they would have ended by themselves.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from newsletter.mail.tokens import SESSION_WITHIN
from newsletter.web import forms
from newsletter.web.bearer import attempt
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.private import PRIVATE, SEEN

COOKIE = "newsletter_operator"


def _inside(request: Request, desk: AtDesk) -> None:
    if _session(request, desk) is None:
        raise HTTPException(303, headers=PRIVATE | {"Location": f"{desk.pages.root}/admin/login"})


router = APIRouter(prefix="/admin", include_in_schema=False)

shown = partial(router.api_route, methods=SEEN, dependencies=[Depends(_inside)])
"""A page for who is inside: `@shown("/path")`."""

done = partial(router.post, dependencies=[Depends(_inside)])
"""What only who is inside may do."""


def page(desk: Desk, name: str, values: Mapping[str, Any] | None = None, status: int = 200) -> Response:
    """The page `admin_NAME`, which nobody keeps."""
    return desk.pages.page(f"admin_{name}", values, status=status, headers=PRIVATE)


def back(desk: Desk, path: str) -> Response:
    """To the page at `path` below /admin, so that loading it anew does nothing twice."""
    return RedirectResponse(f"{desk.pages.root}/admin{path}", 303, PRIVATE)


@router.api_route("/login", methods=SEEN)
async def form(request: Request, desk: AtDesk) -> Response:
    """The form for the token; who is inside already goes on."""
    return back(desk, "") if _session(request, desk) else page(desk, "login", {"fault": ""})


@router.post("/login")
async def enter(request: Request, desk: AtDesk) -> Response:
    """A session for who has the token: 403 for a wrong one, 429 after too many of them."""
    given = (await forms.read(request)).get("token")
    token = given if isinstance(given, str) else ""
    tried = attempt(request, token)
    if tried.wait:
        minutes = -(-tried.wait // 60)
        said = f"There were too many wrong tokens from your network: try again in {minutes} min."
        answer = page(desk, "login", {"fault": said}, 429)
        answer.headers["Retry-After"] = str(tried.wait)
        return answer
    if not tried.is_operator:
        return page(desk, "login", {"fault": "That is not the token in the settings (site.operator_token)."}, 403)
    answer = back(desk, "")
    answer.set_cookie(
        COOKIE,
        desk.tokens.session(token, secrets.token_urlsafe(12), desk.now()),
        max_age=int(SESSION_WITHIN.total_seconds()),
        **_of_cookie(request, desk),
    )
    return answer


@router.post("/logout")
async def leave(request: Request, desk: AtDesk) -> Response:
    """The end of a session: its cookie is worthless from now on, wherever a copy of it is."""
    if name := _session(request, desk):
        ended, now = _ended(request), desk.now()
        for one in [one for one, end in ended.items() if end < now]:
            del ended[one]
        ended[name] = now + SESSION_WITHIN
    answer = back(desk, "/login")
    answer.delete_cookie(COOKIE, **_of_cookie(request, desk))
    return answer


def _session(request: Request, desk: Desk) -> str | None:
    """The name of the session that a request belongs to; None when it is good for none."""
    token = desk.settings.site.operator_token
    cookie = request.cookies.get(COOKIE)
    if token is None or not cookie:
        return None
    name = desk.tokens.read_session(cookie, token.get_secret_value(), desk.now())
    return name if name not in _ended(request) else None


def _ended(request: Request) -> dict[str, datetime]:
    """The sessions that were logged out of, and when they would have ended."""
    state = request.app.state
    if not hasattr(state, "ended_sessions"):
        state.ended_sessions = {}
    ended: dict[str, datetime] = state.ended_sessions
    return ended


def _of_cookie(request: Request, desk: Desk) -> dict[str, Any]:
    secure = desk.pages.site.startswith("https:") or request.url.scheme == "https"
    return {"path": f"{desk.pages.root}/admin", "secure": secure, "httponly": True, "samesite": "strict"}
