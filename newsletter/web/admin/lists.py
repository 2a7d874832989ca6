"""The lists behind the numbers: deliveries, batches, subscribers, suppressions; and one delivery, one subscriber."""

from __future__ import annotations

from datetime import date

from fastapi import HTTPException, Request
from starlette.responses import Response

from newsletter.model import Delivery, State, Status, Subscriber, Verdict
from newsletter.store.forgetting import is_forgotten
from newsletter.store.subscribers import FILE
from newsletter.text import clean
from newsletter.web import forms, showing
from newsletter.web.admin.asked import Asked, number
from newsletter.web.admin.door import page, shown
from newsletter.web.admin.today import PEOPLE, STATES, VERDICTS
from newsletter.web.bounds import LAST_DELIVERY
from newsletter.web.desk import AtDesk, Desk

PAGE = 100
"""Rows of a page."""

OF_ONE = 30
"""Deliveries on the page of one subscriber."""

DONE = {
    "suppressed": "It is suppressed: no more mail goes there.",
    "known": "It was suppressed already; the first reason stays.",
    "lifted": "It may be mailed again. Who had left has left still, and has to ask for mail anew.",
    "back": "It may be mailed again: its reader is back when subscribers.toml is read next, with the next run.",
    "nothing": "Nothing was changed: somebody did it before.",
    "left": "The reader is out: no more mail.",
}


@shown("/deliveries")
async def deliveries(request: Request, desk: AtDesk) -> Response:
    """The ledger: `state`, `date` (local), `since` (the first local date), `address` (part of one)."""
    asked = Asked(request)
    state, day, since = asked.word("state", State), asked.day("date"), asked.day("since")
    address = asked.text("address")
    found = await desk.store.overview.deliveries(
        state=state, local_date=day, since=since, search=address, before=_place(asked.cursor("before")), limit=PAGE
    )
    more = asked.more("/admin/deliveries", "before", _placed(found.rows[-1])) if found.more else ""
    values = {"asked": asked, "deliveries": found, "more": more, "states": STATES}
    return page(desk, "deliveries", values, 422 if asked.faults else 200)


@shown("/deliveries/{delivery}")
async def delivery(delivery: str, desk: AtDesk) -> Response:
    """One delivery: all that the ledger says of it."""
    found = await desk.store.overview.delivery(number(delivery, LAST_DELIVERY))
    if found is None:
        raise HTTPException(404)
    return page(desk, "delivery", {"one": found, "meaning": STATES[found.state]})


@shown("/batches")
async def batches(request: Request, desk: AtDesk) -> Response:
    """What sources answered: `source`, `verdict`, `date` (the day it was collected, UTC)."""
    asked = Asked(request)
    source, verdict, day = asked.text("source"), asked.word("verdict", Verdict), asked.day("date")
    last = asked.cursor("before")
    before = number(last) if last else None
    found = await desk.store.overview.batches(source=source, verdict=verdict, day=day, before=before, limit=PAGE)
    values = {
        "asked": asked,
        "batches": found,
        "more": asked.more("/admin/batches", "before", str(found.rows[-1][0])) if found.more else "",
        "sources": await desk.store.overview.sources(),
        "verdicts": VERDICTS,
    }
    return page(desk, "batches", values, 422 if asked.faults else 200)


@shown("/subscribers")
async def subscribers(request: Request, desk: AtDesk) -> Response:
    """Who reads: `status`, `search` (part of an address or a name)."""
    asked = Asked(request)
    status, search = asked.word("status", Status), asked.text("search")
    last = asked.cursor("after")
    after = number(last) if last else 0
    found = await desk.store.subscribers.page(status=status, search=search, after=after, limit=PAGE + 1)
    readers = found[:PAGE]
    values = {
        "asked": asked,
        "readers": readers,
        "total": await desk.store.overview.readers(status, search),
        "more": asked.more("/admin/subscribers", "after", str(readers[-1].id)) if len(found) > PAGE else "",
        "statuses": PEOPLE,
        "names": {one.slug: clean(one.name) for one in desk.topics},
    }
    return page(desk, "subscribers", values, 422 if asked.faults else 200)


@shown("/subscribers/{reader}")
async def subscriber(reader: str, request: Request, desk: AtDesk) -> Response:
    """One subscriber: what they follow, what they got, what came back."""
    found = await known_reader(desk, reader)
    names = {one.slug: clean(one.name) for one in desk.topics}
    values = {
        "reader": found,
        "forgotten": is_forgotten(found.address),
        "language": forms.language_name(found.locale) if found.locale else "",
        "of_file": found.origin == FILE,
        "meaning": PEOPLE[found.status],
        "topics": [names.get(slug, slug) for slug in found.topics],
        "suppression": await desk.store.suppressions.find(found.address),
        "deliveries": await desk.store.overview.deliveries(subscriber_id=found.id, limit=OF_ONE),
        "reports": (await desk.store.bounces.of_subscriber(found.id))[::-1],
        "opinions": len((await desk.store.feedback.standing([found.id])).get(found.id, [])),
        "done": DONE.get(request.query_params.get("done", ""), ""),
        "moment": showing.full_day,
    }
    return page(desk, "subscriber", values)


@shown("/suppressions")
async def suppressions(request: Request, desk: AtDesk) -> Response:
    """Who must not be mailed: `search` (part of an address or a reason)."""
    return await suppressions_page(desk, Asked(request), done=DONE.get(request.query_params.get("done", ""), ""))


async def suppressions_page(
    desk: Desk, asked: Asked, done: str = "", fault: str = "", address: str = "", reason: str = ""
) -> Response:
    """The list; with the `fault` of the form below it, and what was typed there."""
    found = await desk.store.overview.suppressions(search=asked.text("search"), after=asked.cursor("after"), limit=PAGE)
    values = {
        "asked": asked,
        "suppressions": found,
        "more": asked.more("/admin/suppressions", "after", found.rows[-1][0].address) if found.more else "",
        "done": done,
        "fault": fault,
        "address": address,
        "reason": reason,
    }
    return page(desk, "suppressions", values, 422 if fault else 200)


async def known_reader(desk: Desk, text: str) -> Subscriber:
    """The subscriber of that number; else the page for what is not there."""
    found = await desk.store.subscribers.get(number(text))
    if found is None:
        raise HTTPException(404)
    return found


def _place(cursor: str) -> tuple[date, int] | None:
    """Date and number of the delivery that the last page ended with (2025-03-12.17)."""
    if not cursor:
        return None
    day, _, row = cursor.partition(".")
    try:
        return date.fromisoformat(day), number(row, LAST_DELIVERY)
    except ValueError:
        raise HTTPException(404) from None


def _placed(one: Delivery) -> str:
    return f"{one.local_date}.{one.id}"
