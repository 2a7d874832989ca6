"""What routes of the API have in common: JSON in, and a limit on reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request
from limits import RateLimitItem, RateLimitItemPerMinute
from starlette.exceptions import HTTPException

from newsletter.web.windows import Window

PREFIX = "/api/v1"
READINGS: RateLimitItem = RateLimitItemPerMinute(600)
"""Of one network: ten a second, all day long."""

PRIVATE = {"Cache-Control": "no-store"}
"""For what is the operator's."""

Shown = TypeVar("Shown", bound=Callable[..., Any])


async def _limited(request: Request) -> None:
    state = request.app.state
    if not hasattr(state, "readings"):
        state.readings = Window(READINGS)
    window: Window = state.readings
    client = request.client.host if request.client else None
    if seconds := window.wait(client):
        raise HTTPException(429, "There were too many requests from your network.", {"Retry-After": str(seconds)})
    window.count(client)


async def _json(request: Request) -> None:
    """Only JSON: what a form on somebody's page can send without asking first (text/plain, say) is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "The body has to be JSON, with Content-Type: application/json.")


LIMITED = Depends(_limited)
TAKES_JSON = Depends(_json)


def shown(router: APIRouter, path: str, **options: Any) -> Callable[[Shown], Shown]:
    """A route that answers GET, and HEAD as every GET (RFC 9110, section 9.3.2), which FastAPI leaves out; the document
    tells of GET."""

    def add(answer: Shown) -> Shown:
        router.head(path, include_in_schema=False, **options)(answer)
        router.get(path, **options)(answer)
        return answer

    return add
