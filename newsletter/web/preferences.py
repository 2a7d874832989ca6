"""What a reader may see and change, by the link in every e-mail. GET shows it all; each button is a POST of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from newsletter.assembly import of_readers
from newsletter.errors import StoreError
from newsletter.model import Opinion, State, Status, Subscriber
from newsletter.store.subscribers import FILE
from newsletter.subscribing import forget, preferring
from newsletter.subscribing.forgetting import LEFT, remove_files
from newsletter.subscribing.wishes import Faults, Typed, Wishes, wishes
from newsletter.web import forms, showing
from newsletter.web.bounds import LAST_ROW
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.opinions import last_digest
from newsletter.web.private import PRIVATE, SEEN, claimed, not_here

_STATES = {
    State.ACCEPTED: "sent",
    State.SKIPPED: "nothing for you that day",
    State.SUPERSEDED: "came with a later one",
    State.REFUSED: "was refused",
    State.UNKNOWN: "may have arrived",
}

DONE = {
    "changed": "It is changed. The next e-mail follows it.",
    "paused": "There is no e-mail until then.",
    "resumed": "Welcome back.",
    "muted": "It is noted, and holds from the next e-mail on.",
    "undone": "It is taken back, and shapes nothing from now on.",
    "left": "You are out: no more e-mail.",
    "nothing": "Nothing was changed.",
}

_log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)


@router.api_route("/preferences/{token}", methods=SEEN)
async def preferences(token: str, request: Request, desk: AtDesk) -> Response:
    """All of it on one page."""
    reader = await _reader(desk, token)
    if reader is None:
        return not_here(desk)
    return await _page(desk, token, reader, done=DONE.get(request.query_params.get("done", ""), ""))


@router.api_route("/preferences/{token}/data.json", methods=SEEN)
async def data(token: str, desk: AtDesk) -> Response:
    """Everything that is kept of the reader, to take away."""
    reader = await _reader(desk, token)
    if reader is None:
        return not_here(desk)
    attached = {**PRIVATE, "Content-Disposition": 'attachment; filename="newsletter-data.json"'}
    return JSONResponse(await preferring.known_of(desk.store, reader), headers=attached)


@router.post("/preferences/{token}")
async def change(token: str, request: Request, desk: AtDesk) -> Response:
    """Topics, the reader's own too, rhythm, hour, time zone, language; for a reader of the file their own topics."""
    reader, form = await _reader(desk, token), await forms.read(request)
    if reader is None:
        return not_here(desk)
    faults, typed = Faults(), forms.typed(form)
    if reader.origin == FILE:
        typed = replace(forms.as_typed(Wishes.of(reader)), own=typed.own)
    # A topic that is gone from the configuration stays with its reader: it may come back.
    own = {one.slug for one in reader.own}
    wanted = wishes(typed, {*reader.topics, *(one.slug for one in desk.topics)}, faults, own)
    if faults:
        return await _page(desk, token, reader, typed=typed, faults=faults)
    return _back(desk, token, "changed" if await preferring.change(desk.store, reader, wanted) else "nothing")


@router.post("/preferences/{token}/weekly")
async def weekly(token: str, desk: AtDesk) -> Response:
    """The one change that many want who are about to leave."""
    reader = await _reader(desk, token)
    if reader is None:
        return not_here(desk)
    return _back(desk, token, "changed" if await desk.store.subscribers.read_weekly(reader.id) else "nothing")


@router.post("/preferences/{token}/mute")
async def mute(token: str, request: Request, desk: AtDesk) -> Response:
    """What the reader never wants to read of (`words`, `authors`), whatever decides on the rest."""
    reader, form = await _reader(desk, token), await forms.read(request)
    if reader is None:
        return not_here(desk)
    faults, words, authors = Faults(), forms.lines(form, "words"), forms.lines(form, "authors")
    done = await preferring.mute(desk.store, reader, words, authors, faults)
    if faults:
        return await _page(desk, token, reader, muted=(words, authors), faults=faults)
    return _back(desk, token, "muted" if done else "nothing")


@router.post("/preferences/{token}/pause")
async def pause(token: str, request: Request, desk: AtDesk) -> Response:
    """No mail until a day."""
    reader, form = await _reader(desk, token), await forms.read(request)
    if reader is None:
        return not_here(desk)
    try:
        until = preferring.paused_until(forms.text(form, "until"), desk.daily.publishing.today())
    except ValueError as error:
        return await _page(desk, token, reader, faults={"until": str(error)})
    return _back(desk, token, "paused" if await desk.store.subscribers.pause(reader.id, until) else "nothing")


@router.post("/preferences/{token}/resume")
async def resume(token: str, desk: AtDesk) -> Response:
    """The end of a pause."""
    reader = await _reader(desk, token)
    if reader is None:
        return not_here(desk)
    return _back(desk, token, "resumed" if await desk.store.subscribers.resume(reader.id) else "nothing")


@router.post("/preferences/{token}/undo")
async def undo(token: str, request: Request, desk: AtDesk) -> Response:
    """Take back one thing that the reader said (`number`)."""
    reader, form = await _reader(desk, token), await forms.read(request)
    if reader is None:
        return not_here(desk)
    number = forms.text(form, "number")
    known = number.isascii() and number.isdigit() and len(number) < 19 and int(number) <= LAST_ROW
    undone = await desk.store.feedback.undo(reader.id, int(number), desk.now()) if known else None
    return _back(desk, token, "undone" if undone else "nothing")


@router.post("/preferences/{token}/leave")
async def leave(token: str, desk: AtDesk) -> Response:
    """Out, at once; what is known of the reader stays theirs to see."""
    reader = await _reader(desk, token)
    if reader is None:
        return not_here(desk)
    await desk.store.subscribers.leave(reader.address, LEFT, desk.now())
    return _back(desk, token, "left")


@router.post("/preferences/{token}/forget")
async def forgotten(token: str, request: Request, desk: AtDesk) -> Response:
    """Out, without a trace. The box has to be ticked, because nothing brings it back."""
    reader, form = await _reader(desk, token), await forms.read(request)
    if reader is None:
        return not_here(desk)
    if forms.text(form, "sure") != "yes":
        return await _page(desk, token, reader, faults={"sure": "tick the box: nothing brings it back"})
    await forget(desk.store, reader.id, desk.now())
    try:
        await asyncio.to_thread(remove_files, of_readers(desk.settings), reader.address)
    except StoreError as error:  # the operator's to see to: nothing of theirs is left to ask again with
        _log.error("%s", error)
    return desk.pages.page("preferences_forgotten", {"of_file": reader.origin == FILE}, headers=PRIVATE)


async def _reader(desk: Desk, token: str) -> Subscriber | None:
    reader = await claimed(desk, token)
    return reader if reader and desk.tokens.is_preferences(token, reader.id, reader.address) else None


def _back(desk: Desk, token: str, done: str) -> Response:
    """To the page itself, so that loading it anew sends nothing twice."""
    return RedirectResponse(f"{desk.pages.root}/preferences/{token}?done={done}", 303, PRIVATE)


async def _page(
    desk: Desk,
    token: str,
    reader: Subscriber,
    *,
    done: str = "",
    typed: Typed | None = None,
    muted: tuple[Sequence[str], Sequence[str]] | None = None,
    faults: Mapping[str, str] | None = None,
) -> Response:
    today = desk.daily.publishing.today()
    configured = {one.slug for one in desk.topics}
    names = preferring.topic_names(desk.topics, reader)
    words, authors = muted or (reader.muted_words, reader.muted_authors)
    last, last_span = await _last(desk, reader)
    values = forms.choices(desk, typed or forms.as_typed(Wishes.of(reader))) | {
        "reader": reader,
        "here": f"{desk.pages.root}/preferences/{token}",
        "status": _status(reader),
        "reads": reader.status in (Status.ACTIVE, Status.PAUSED),
        "of_file": reader.origin == FILE,
        "gone": [slug for slug in reader.topics if slug not in configured],
        "follows": [preferring.topic_name(slug, names) for slug in reader.follows],
        "muted_words": words,
        "muted_authors": authors,
        "learnt": [
            (one, one.said.opinion == Opinion.LIKE, preferring.topic_name(one.said.topic, names))
            for one in await preferring.learnt(desk.store, reader)
        ],
        "deliveries": [
            (showing.full_day(one.local_date), one.local_date.isoformat(), _STATES.get(one.state, "on its way"), one)
            for one in await preferring.deliveries(desk.store, reader)
        ],
        "last": last,
        "last_span": last_span,
        "first_day": today + preferring.SHORTEST_PAUSE,
        "last_day": today + preferring.LONGEST_PAUSE,
        "done": done,
        "faults": faults or {},
    }
    return desk.pages.page("preferences", values, status=422 if faults else 200, headers=PRIVATE)


def _status(reader: Subscriber) -> str:
    if reader.status is Status.PAUSED:
        return f"paused until {showing.full_day(reader.paused_until)}" if reader.paused_until else "paused"
    return {Status.ACTIVE: "active", Status.PENDING: "not confirmed yet"}.get(reader.status, "left")


async def _last(desk: Desk, reader: Subscriber) -> tuple[list[tuple[str, str]], str]:
    """The papers of the reader's last digest: title, and the token of the page to say something of it; and its days,
    where it spans several."""
    if not reader.follows or reader.status not in (Status.ACTIVE, Status.PAUSED):
        return [], ""
    if (found := await last_digest(desk, reader)) is None:
        return [], ""
    digest, papers = found
    tokens = (desk.tokens.opinion(reader.id, reader.address, paper.id) for paper in papers)
    shown = list(zip(map(preferring.title_of, papers), tokens, strict=True))
    return shown, showing.span(digest.days) if len(digest.days) > 1 else ""
