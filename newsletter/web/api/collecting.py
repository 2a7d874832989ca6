"""Collecting at the operator's word: what `newsletter collect` does, in this server, one at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from newsletter.daily import Collected
from newsletter.errors import NewsletterError
from newsletter.model import Verdict
from newsletter.web.api.routes import PREFIX, PRIVATE
from newsletter.web.bearer import NEEDS_TOKEN, OperatorRoute
from newsletter.web.desk import AtDesk, Desk

_log = logging.getLogger(__name__)

router = APIRouter(prefix=PREFIX, tags=["operator"], dependencies=[NEEDS_TOKEN], route_class=OperatorRoute)


class Stage(StrEnum):
    """How far it is."""

    IDLE = "idle"  # nobody has asked for it since the server started
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Gathered(BaseModel):
    """What came of one document of a source."""

    source: str
    document: str
    day: date | None
    verdict: Verdict
    why: str
    papers: int
    new: int


class Collection(BaseModel):
    """The last collecting that was asked for here."""

    stage: Stage
    started_at: datetime | None = None
    ended_at: datetime | None = None
    gathered: list[Gathered] = Field([], description="When it is done; /batches has more of it.")
    error: str = Field("", description="One sentence where it failed.")


class Collector:
    """Collects in the background, once at a time."""

    def __init__(self) -> None:
        self.last = Collection(stage=Stage.IDLE)
        self._task: asyncio.Task[None] | None = None

    def start(self, desk: Desk) -> bool:
        """Begin; False, and nothing happens, while one is running."""
        if self.last.stage is Stage.RUNNING:
            return False
        self.last = Collection(stage=Stage.RUNNING, started_at=desk.now())
        self._task = asyncio.create_task(self._collect(desk, self.last))
        return True

    async def stop(self) -> None:
        """End what is running: what was read is kept, and our turn to ask a source is given back."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _collect(self, desk: Desk, running: Collection) -> None:
        ended: dict[str, object] = {"stage": Stage.FAILED, "error": "The server was stopped."}
        try:
            ended = {"stage": Stage.DONE, "gathered": _gathered(await desk.daily.collect())}
        except NewsletterError as error:
            ended = {"stage": Stage.FAILED, "error": str(error)}
        except Exception:
            _log.exception("collecting failed")
            ended = {"stage": Stage.FAILED, "error": "Something failed here; the log says what."}
        finally:
            self.last = running.model_copy(update={"ended_at": desk.now(), **ended})


def collector(app: FastAPI) -> Collector:
    """That of the application, made when it is asked for first."""
    if not hasattr(app.state, "collector"):
        app.state.collector = Collector()
    found: Collector = app.state.collector
    return found


@router.post(
    "/collect",
    status_code=202,
    responses={409: {"description": "One is running: GET /collect tells of it."}},
)
async def collect(request: Request, desk: AtDesk, response: Response) -> Collection:
    """Ask every source for what is new, in the background. GET /collect tells how far it is."""
    one = collector(request.app)
    if not one.start(desk):
        raise HTTPException(409, "A collecting is running: GET /api/v1/collect tells of it.")
    response.headers.update(PRIVATE | {"Location": f"{desk.pages.root}{PREFIX}/collect"})
    return one.last


@router.get("/collect")
async def collected(request: Request, response: Response) -> Collection:
    """The last collecting that was asked for here, of this process."""
    response.headers.update(PRIVATE)
    return collector(request.app).last


def _gathered(those: Sequence[Collected]) -> list[Gathered]:
    return [
        Gathered(
            source=one.batch.source,
            document=one.batch.document,
            day=one.batch.day,
            verdict=one.batch.verdict,
            why=one.batch.why,
            papers=one.papers,
            new=one.new,
        )
        for one in those
    ]
