"""The operator's token (RFC 6750): who has it is the operator, and wrong ones are counted."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from limits import RateLimitItem, RateLimitItemPerHour
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from newsletter.web.desk import Desk
from newsletter.web.limiting import network
from newsletter.web.windows import Window

WRONG_TRIES: RateLimitItem = RateLimitItemPerHour(20)
"""Of one network. A token has 16 characters or more: nobody finds it in so few, and a program that has an old one is
told to wait. Whoever shares the operator's network can shut them out for an hour, not more."""

NEEDS_TOKEN = Depends(HTTPBearer(auto_error=False, description="The operator's token, `site.operator_token`."))
"""Tells the OpenAPI document of the token; OperatorRoute is what asks for it."""

_log = logging.getLogger(__name__)


def is_operator_token(desk: Desk, token: str) -> bool:
    """Whether `token` is the configured one, compared in constant time; False when none is configured."""
    ours = desk.settings.site.operator_token
    return ours is not None and hmac.compare_digest(
        token.encode(errors="replace"), ours.get_secret_value().encode(errors="replace")
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of showing a token: it is the operator's, or it is not, or nobody looked at it, because there were too
    many wrong ones from this network: the next one is looked at in `wait` seconds."""

    is_operator: bool
    wait: int = 0


def attempt(request: Request, token: str) -> Attempt:
    """Look at `token`, and count it when it is wrong. An empty one is none: it is refused and not counted."""
    state = request.app.state
    if not hasattr(state, "wrong_tokens"):
        state.wrong_tokens = Window(WRONG_TRIES)
    wrong: Window = state.wrong_tokens
    client = request.client.host if request.client else None
    if seconds := wrong.wait(client):
        return Attempt(False, seconds)
    good = is_operator_token(state.desk, token)
    if token and not good:
        wrong.count(client)
        _log.warning("a wrong operator's token came from %s", network(client))
    return Attempt(good)


class OperatorRoute(APIRoute):
    """A path of the operator's: the token is looked at before anything else of the request is, its body too."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
        tried = attempt(request, token if scheme.lower() == "bearer" else "")
        if tried.wait:
            raise HTTPException(429, "There were too many wrong tokens.", {"Retry-After": str(tried.wait)})
        if not tried.is_operator:
            words = "The operator's token is missing or wrong: send it as `Authorization: Bearer TOKEN`."
            raise HTTPException(401, words, {"WWW-Authenticate": 'Bearer realm="operator"'})
        await super().handle(scope, receive, send)
