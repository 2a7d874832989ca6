"""How long each step takes, and whether it went well: noted in the database, where every process can read it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime

from newsletter.errors import StoreError
from newsletter.logs import Log, without_addresses
from newsletter.store import Steps

COLLECT, FREEZE, PLAN, DELIVER = "collect", "freeze", "plan", "deliver"

_log = Log(__name__)


@asynccontextmanager
async def timed(
    step: str,
    steps: Steps,
    now: Callable[[], datetime],
    day: date | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> AsyncIterator[None]:
    """Note how `step`, for `day` where it is for one, goes; `now` gives aware UTC.

    Of one that was cancelled or `stopped` nothing is noted: it tells neither how long one takes nor how it went; nor of
    one that the database has ended. What the step raises, this raises.
    """
    begun = time.perf_counter()

    async def note(why: str = "") -> None:
        seconds = time.perf_counter() - begun
        _log.debug("step", step=step, day=day, seconds=round(seconds, 3), why=why)
        await steps.note(step, now(), seconds, day=day, why=why)

    try:
        yield
    except StoreError:
        raise  # a database that takes nothing does not take the note, and to wait for it again helps nobody
    except Exception as error:
        await note(without_addresses(str(error)) or type(error).__name__)
        raise
    if not stopped():
        await note()
