"""Bounces that providers tell by HTTP. What becomes of them is the business of `newsletter.bouncing`, as for mails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from newsletter.bouncing import Taken, take, take_events
from newsletter.mail import webhooks
from newsletter.mail.mailboxes import single
from newsletter.mail.webhooks import Events, MailgunEvent, UnsignedError
from newsletter.policy.bounces import BounceKind
from newsletter.web.api.problems import FaultyError
from newsletter.web.api.routes import PREFIX
from newsletter.web.desk import AtDesk, Desk

PATH = f"{PREFIX}/bounces"
BODIES = (Events, MailgunEvent)
"""Bodies that the OpenAPI document has to describe, because they are read only when their signature is good."""

JSON, MAIL = "application/json", "message/rfc822"

_AT_ONCE, _PATIENCE = 4, 30.0
"""Bodies that are read at a time, and seconds for one of them."""

router = APIRouter(prefix=PREFIX, tags=["webhooks"])


class Counted(BaseModel):
    """What came of it."""

    new: dict[BounceKind, int] = Field(description="How many new reports, by kind.", examples=[{"hard": 1}])
    known: int = Field(description="How many were counted before.")
    aside: int = Field(description="How many are kept for a person: they name no message of ours, or say nothing.")


def _header(name: str, what: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": what, "required": True, "schema": {"type": "string"}}


def _body(*kinds: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds}}


_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The signature is missing, wrong or too old."},
    415: {"description": "The body is neither JSON nor, where that is taken, a mail."},
    422: {"description": "The body is not what it should be; nothing is recorded."},
}


@router.post(
    "/bounces",
    responses=_ANSWERS,
    openapi_extra={
        "parameters": [
            _header(webhooks.ID, "What a repeated webhook is known by."),
            _header(webhooks.MOMENT, "Seconds since 1970; at most five minutes from now."),
            _header(webhooks.SIGNATURE, "`v1,` and base64 of HMAC-SHA256 of id.timestamp.body; there may be several."),
        ],
        "requestBody": _body(
            (JSON, {"$ref": "#/components/schemas/Events"}), (MAIL, {"type": "string", "format": "binary"})
        ),
    },
)
async def bounces(request: Request, desk: AtDesk) -> Counted:
    """Take events as JSON, or a report as the mail that it came as, signed as Standard Webhooks are."""
    try:
        signed = webhooks.Signed.of(request.headers, desk.now())
        kind = _kind(request, JSON, MAIL)
        body = await _whole(request)
        signed.check(body, _key(desk))
    except UnsignedError as error:
        raise _unsigned(error) from None
    if kind == JSON:
        with _reading():
            events = webhooks.read_events(signed, body)
        return _counted(await take_events(desk.store, desk.tokens, events, desk.now(), _soft_limit(desk)))
    if not body.strip():
        raise FaultyError({"body": "it is empty"})
    async with aclosing(single(body, desk.settings.state_dir / "aside")) as mails:
        return _counted(await take(desk.store, desk.tokens, mails, desk.now(), _soft_limit(desk)))


@router.post(
    "/bounces/mailgun",
    responses=_ANSWERS,
    openapi_extra={"requestBody": _body((JSON, {"$ref": "#/components/schemas/MailgunEvent"}))},
)
async def mailgun(request: Request, desk: AtDesk) -> Counted:
    """Take an event of Mailgun, whose signature is in the body. Events that are no concern of ours count nothing."""
    _kind(request, JSON)
    body = await _whole(request)
    try:
        with _reading():
            events = webhooks.read_mailgun(body, _key(desk), desk.now())
    except UnsignedError as error:
        raise _unsigned(error) from None
    return _counted(await take_events(desk.store, desk.tokens, events, desk.now(), _soft_limit(desk)))


@contextmanager
def _reading() -> Iterator[None]:
    """A block in which a body is read: what it is not is the sender's fault."""
    try:
        yield
    except ValueError as error:
        raise FaultyError({"body": str(error)}) from None


def _kind(request: Request, *taken: str) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in taken:
        raise HTTPException(415, f"The body has to be {' or '.join(taken)}; say so in Content-Type.")
    return kind


async def _whole(request: Request) -> bytes:
    """The body, for a few at a time and not for long: it is read before its signature can be checked, so that anybody
    may send megabytes."""
    state = request.app.state
    if not hasattr(state, "reports_at_once"):
        state.reports_at_once = asyncio.Semaphore(_AT_ONCE)
    try:
        async with asyncio.timeout(_PATIENCE), state.reports_at_once:
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(503, "Too much comes in just now.", {"Retry-After": "60"}) from error
    except ClientDisconnect as error:
        raise HTTPException(413) from error


def _key(desk: Desk) -> bytes:
    secret = desk.settings.bounces.webhook_secret
    assert secret is not None  # else these routes are not there
    return webhooks.signing_key(secret.get_secret_value())


def _soft_limit(desk: Desk) -> int:
    return desk.settings.bounces.soft_limit


def _unsigned(error: UnsignedError) -> HTTPException:
    return HTTPException(401, str(error), {"WWW-Authenticate": "Signature"})


def _counted(taken: Taken) -> Counted:
    return Counted(new=dict(taken.counts), known=taken.known, aside=len(taken.aside))
