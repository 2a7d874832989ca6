"""Is it alive, is it ready, how is it doing?"""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from newsletter.errors import StoreError
from newsletter.web.desk import AtDesk
from newsletter.web.metrics import page
from newsletter.web.private import SEEN

router = APIRouter(include_in_schema=False)


@router.api_route("/healthz", methods=SEEN)
async def healthz() -> Response:
    """The process answers."""
    return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})


@router.api_route("/readyz", methods=SEEN)
async def readyz(desk: AtDesk) -> Response:
    """The database answers too, and the ledger's counts add up."""
    try:
        balanced = await desk.store.ledger.balanced()
    except StoreError as error:
        return PlainTextResponse(f"not ready: {error}\n", 503, headers={"Cache-Control": "no-store"})
    words = "ready\n" if balanced else "not ready: the ledger's counts do not add up\n"
    return PlainTextResponse(words, 200 if balanced else 503, headers={"Cache-Control": "no-store"})


@router.api_route("/metrics", methods=SEEN)
async def metrics(desk: AtDesk) -> Response:
    """What `newsletter status` tells, for Prometheus."""
    text = await page(desk.store, desk.settings.state_dir)
    return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
