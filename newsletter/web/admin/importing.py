"""Lists of subscribers, in and out. An upload lies on disk, is read row by row, and is written in blocks.

What came of an import is kept in memory, its rows that were not taken in a file without a name: a restart forgets both.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import tempfile
import weakref
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from newsletter.errors import StoreError
from newsletter.subscribing import COLUMNS, BadRow, Imported, as_text, export_csv, import_csv
from newsletter.text import clean
from newsletter.web.admin.door import back, done, page, shown
from newsletter.web.desk import AtDesk
from newsletter.web.private import PRIVATE

FIRST_ROWS = 200
"""Rows not taken that a page shows; all of them are there as text."""

KEPT = 5
"""Imports that are remembered."""

_CHUNK = 65_536  # bytes
_log = logging.getLogger(__name__)


class Report:
    """What came of an import: counts, the first rows that were not taken, and all of them on disk."""

    def __init__(self, file_name: str, at: datetime) -> None:
        self.name = secrets.token_urlsafe(9)
        self.file_name = file_name
        self.at = at
        self.running = True
        self.failure = ""
        self.added = self.updated = self.bad = self.stayed_away = 0
        self.first: list[BadRow] = []
        # Goes with the report: who is reading the rows holds on to both.
        self._rows = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by the next line
        weakref.finalize(self, self._rows.close)

    def add(self, part: Imported) -> None:
        """One more block."""
        self.added += part.added
        self.updated += part.updated
        self.bad += len(part.bad)
        self.stayed_away += len(part.stayed_away)
        self.first += part.bad[: FIRST_ROWS - len(self.first)]
        told = [f"line {row.line}: {row.why}\n" for row in part.bad]
        told += [f"{address} left before and stays away\n" for address in part.stayed_away]
        self._rows.write("".join(told).encode(errors="replace"))

    async def rows(self) -> AsyncIterator[bytes]:
        """All rows that were not taken, as text."""
        place = 0
        while chunk := await asyncio.to_thread(os.pread, self._rows.fileno(), _CHUNK, place):
            place += len(chunk)
            yield chunk


@shown("/import")
async def form(request: Request, desk: AtDesk) -> Response:
    """The form for a file, and what came of the last ones."""
    return page(desk, "import", {"columns": COLUMNS, "reports": list(_reports(request))[::-1], "fault": ""})


@done("/import")
async def take(request: Request, desk: AtDesk) -> Response:
    """Take the subscribers of a CSV file. The answer comes when all of it is read."""
    try:
        async with request.form(max_files=1, max_fields=10) as given:
            upload = given.get("file")
            if not isinstance(upload, UploadFile) or not upload.filename:
                values = {"columns": COLUMNS, "reports": list(_reports(request))[::-1], "fault": "choose a file first"}
                return page(desk, "import", values, 422)
            report = Report(clean(upload.filename[:100]), desk.now())
            _reports(request).append(report)
            await _read(report, upload, desk)
    except ClientDisconnect as error:
        raise HTTPException(413) from error
    return back(desk, f"/import/{report.name}")


@shown("/import/{name}")
async def imported(name: str, request: Request, desk: AtDesk) -> Response:
    """What came of an import."""
    return page(desk, "imported", {"report": _report(request, name), "first_rows": FIRST_ROWS})


@shown("/import/{name}/rows.txt")
async def rows(name: str, request: Request) -> Response:
    """Every row that was not taken, and everybody who stays away."""
    return StreamingResponse(_report(request, name).rows(), media_type="text/plain; charset=utf-8", headers=PRIVATE)


@shown("/subscribers.csv")
async def export(request: Request, desk: AtDesk) -> Response:
    """Everybody who gets mail or has paused, in the form that an import reads."""
    headers = PRIVATE | {"Content-Disposition": 'attachment; filename="subscribers.csv"'}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/csv; charset=utf-8")
    return StreamingResponse(export_csv(desk.store), headers=headers, media_type="text/csv; charset=utf-8")


async def _read(report: Report, upload: UploadFile, desk: AtDesk) -> None:
    report.failure = "It was stopped before the end: import the file once more."
    try:
        with as_text(upload.file) as lines:
            async for part in import_csv(desk.store, lines, {one.slug for one in desk.topics}, desk.now()):
                report.add(part)
        report.failure = ""
    except StoreError as error:
        _log.error("%s", error)
        report.failure = f"{error} What was read until then is taken; import the file once more."
    finally:
        report.running = False


def _reports(request: Request) -> deque[Report]:
    state = request.app.state
    if not hasattr(state, "imports"):
        state.imports = deque(maxlen=KEPT)
    reports: deque[Report] = state.imports
    return reports


def _report(request: Request, name: str) -> Report:
    for one in _reports(request):
        if one.name == name:
            return one
    raise HTTPException(404, headers=PRIVATE)
