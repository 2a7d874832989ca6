"""What only the operator does to addresses. Each form asks first: the page after it has the button that does it."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from newsletter.model import Status
from newsletter.policy.address import normal_address
from newsletter.store.subscribers import FILE
from newsletter.subscribing import leave
from newsletter.subscribing.signing_up import LONGEST_ADDRESS
from newsletter.web import forms
from newsletter.web.admin.asked import Asked
from newsletter.web.admin.door import back, done, page
from newsletter.web.admin.lists import known_reader, suppressions_page
from newsletter.web.desk import AtDesk

BY_OPERATOR = "by the operator"
"""The reason where none is given, as on the command line."""


@done("/suppressions")
async def suppress(request: Request, desk: AtDesk) -> Response:
    """Mail an address (`address`, `reason`) no more, once the operator is `sure`."""
    given = await forms.read(request)
    typed, reason = forms.text(given, "address"), forms.text(given, "reason").strip()[:200] or BY_OPERATOR
    try:
        address = _address(typed)
    except ValueError as error:
        return await suppressions_page(desk, Asked(request), fault=str(error), address=typed, reason=reason)
    if not forms.text(given, "sure"):
        found = await desk.store.subscribers.find(address)
        values = {"deed": "suppress", "address": address, "reason": reason, "reader": found}
        return page(desk, "sure", values)
    new = await desk.store.suppressions.add(address, reason, desk.now())
    return back(desk, f"/suppressions?done={'suppressed' if new else 'known'}")


@done("/suppressions/lift")
async def lift(request: Request, desk: AtDesk) -> Response:
    """Let an `address` be mailed again, once the operator is `sure`."""
    given = await forms.read(request)
    address = forms.text(given, "address").strip()
    found = await desk.store.suppressions.find(address)
    if found is None:
        return back(desk, "/suppressions?done=nothing")
    reader = await desk.store.subscribers.find(address)
    if not forms.text(given, "sure"):
        return page(desk, "sure", {"deed": "lift", "address": address, "reason": found.reason, "reader": reader})
    await desk.store.suppressions.remove(address)
    return back(desk, f"/suppressions?done={'back' if reader and reader.origin == FILE else 'lifted'}")


@done("/subscribers/{reader}/leave")
async def take_out(reader: str, request: Request, desk: AtDesk) -> Response:
    """Take a reader out, once the operator is `sure`, as their own word would."""
    given, found = await forms.read(request), await known_reader(desk, reader)
    if found.status is Status.LEFT:
        return back(desk, f"/subscribers/{found.id}?done=nothing")
    if not forms.text(given, "sure"):
        return page(desk, "sure", {"deed": "leave", "address": found.address, "reason": "", "reader": found})
    await leave(desk.store, found.address, desk.now())
    return back(desk, f"/subscribers/{found.id}?done=left")


def _address(typed: str) -> str:
    """`typed` as the address it is kept under. Raises ValueError."""
    if len(typed) > LONGEST_ADDRESS:
        raise ValueError("an e-mail address is needed, like ada@example.org")
    return normal_address(typed)
