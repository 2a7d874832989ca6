"""Signing up: a form, a message, a button.

The answer to a form that is in order is the same for every address: new, known, suppressed, or written to too often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.assembly import utc_now
from newsletter.daily import Daily
from newsletter.errors import CompositionError, RelayError, StoreError, TemplateError
from newsletter.mail.tokens import CONFIRM_WITHIN
from newsletter.model import Status, Subscriber
from newsletter.store import SignUp
from newsletter.store.subscribers import Confirmed
from newsletter.subscribing import signing_up
from newsletter.subscribing.preferring import topic_names
from newsletter.subscribing.wishes import Faults, Typed, Wishes, wishes
from newsletter.web import answering, forms
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.limiting import AtLimits, SignUpLimits, network
from newsletter.web.private import FORM, PRIVATE, SEEN, claimed, not_here
from newsletter.web.shelf import base

LEAST_TIME = timedelta(seconds=3)
"""Nobody fills the form in sooner; programs do."""

MOST_TIME = timedelta(days=1)
PATIENCE = 20
"""Seconds for an attempt to send a message."""

TRAP = "website"
"""A field that people do not see, and programs fill in."""

_LONGEST_LOCAL = 64  # octets
_LATER = 300  # seconds

_log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)


@router.api_route("/subscribe", methods=SEEN)
async def form(request: Request, desk: AtDesk) -> Response:
    """The form; `?topics=SLUG` ticks a topic."""
    asked = [slug for slug in request.query_params.getlist("topics") if slug in {one.slug for one in desk.topics}]
    chosen = forms.as_typed(Wishes(topics=tuple(asked), timezone=desk.settings.schedule.timezone))
    return page(desk, "", chosen)


@router.post("/subscribe")
async def subscribe(request: Request, desk: AtDesk, limits: AtLimits) -> Response:
    """Take a form: 200 for one that is in order, 422 for one with faults, 429 when there were too many of them, 503
    when too many wait for their message."""
    given = await forms.read(request)
    if given.get(TRAP):
        return _thanks(desk)  # a program filled it in: it may believe that it was heard
    faults, typed = Faults(), forms.typed(given)
    address = signing_up.address_asked(forms.text(given, "address"), faults)
    judge_mailbox(address, faults)
    wanted = wishes(typed, {one.slug for one in desk.topics}, faults)
    _judge_stamp(desk, given, faults)
    if faults:
        return page(desk, forms.text(given, "address"), typed, faults)
    asked = await ask(desk, request, limits, address, wanted)
    if asked.is_limited:
        values = {"minutes": -(-asked.wait // 60)}
        headers = {**PRIVATE, "Retry-After": str(asked.wait)}
        return desk.pages.page("subscribe_limited", values, status=429, headers=headers)
    if asked.why_not:
        headers = {**PRIVATE, "Retry-After": str(asked.wait)}
        return desk.pages.page("subscribe_later", {"why": asked.why_not}, status=503, headers=headers)
    return _thanks(desk)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a sign-up that is in order: nothing to say when it was heard, else why not. It may be tried again
    in `wait` seconds; `is_limited` says that there were too many."""

    why_not: str = ""
    wait: int = 0
    is_limited: bool = False


async def ask(desk: Desk, request: Request, limits: SignUpLimits, address: str, wanted: Wishes) -> Asked:
    """Hear that `address`, normalised, asks for mail; limited, and without a word on whether the address is known.

    It is noted, and the message to confirm it goes out, after this has returned (`web.answering`). Raises StoreError.
    """
    site = _site(desk, request)
    if site is None:
        return Asked("This page does not know its own address yet: its operator has to set site.url.", _LATER)
    client = request.client.host if request.client else None
    if seconds := limits.wait(client):
        _log.warning("a sign-up was turned away: too many from %s, or in all", network(client))
        return Asked("There were too many sign-ups just now.", seconds, is_limited=True)
    answers: answering.Answering = request.app.state.answering
    await answers.tidy(desk.now())
    reader = Subscriber(address, **wanted.fields())
    if not await desk.store.sign_ups.note(reader, site, utc_now(), answering.MOST, answers.noted):
        _log.warning("a sign-up was turned away: too many wait for their message")
        return Asked("There are too many who sign up just now.", _LATER)
    answers.wake()
    return Asked()


async def answer(daily: Daily, now: datetime, limits: SignUpLimits, one: SignUp) -> bool:
    """Sign up who was noted, and send the message that belongs to it, if the address has not had enough of them for a
    day. Whether nothing is left to do."""
    address, done = one.reader.address, False
    if not limits.may_write_to(address):
        return True
    try:
        done = await _signed_up(daily, now, address, Wishes.of(one.reader), one.site)
    finally:
        if not done:
            limits.was_not_written_to(address)
    return done


async def _signed_up(daily: Daily, now: datetime, address: str, wanted: Wishes, site: str) -> bool:
    """Whether there is nothing left to do; the log says what kept it from being done, and not to whom."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await signing_up.sign_up(
                daily.store, address, wanted, now, lambda reader: daily.answer_sign_up(reader, site, now)
            )
    except (RelayError, StoreError, TemplateError) as error:
        _log.error("a sign-up could not be answered: %s", error)
    except CompositionError:
        _log.error("a sign-up could not be answered: the message could not be made")  # its reason may name the address
    except TimeoutError:
        _log.error("a sign-up could not be answered: it took more than %s s", PATIENCE)
    return False


def judge_mailbox(address: str, faults: Faults) -> None:
    """A visitor's mailbox is out in the Internet: below a name with a dot, and no longer than RFC 5321 (section
    4.5.3.1.1) lets it be. The operator's own readers may be at a host of theirs."""
    local, _, domain = address.rpartition("@")
    if address and ("." not in domain or len(local.encode()) > _LONGEST_LOCAL):
        faults["address"] = "mail reaches no such address: it is like ada@example.org"


def _judge_stamp(desk: Desk, given: FormData, faults: Faults) -> None:
    shown, now = desk.tokens.read_form(forms.text(given, "stamp")), desk.now()
    if shown is None or not timedelta() <= now - shown <= MOST_TIME:
        faults["stamp"] = "This form was open for too long. Here it is once more: please send it again."
    elif now - shown < LEAST_TIME:
        faults["stamp"] = "That was quick. Please look at it once more, and send it again."


def page(
    desk: Desk,
    address: str,
    chosen: Typed,
    faults: Mapping[str, str] | None = None,
    *,
    stamp: str = "",
    shown: Mapping[str, object] | None = None,
    status: int = 0,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The form with what was typed, and with what `subscribe_preview.html.j2` shows. Its `stamp` says when it was shown
    first; without one it is shown now."""
    values = forms.choices(desk, chosen) | {
        "address": address,
        "faults": faults or {},
        "stamp": stamp or desk.tokens.form(desk.now()),
        "trap": TRAP,
        "fresh": not faults and shown is None,
        "preview": shown or {},
    }
    return desk.pages.page("subscribe", values, status=status or (422 if faults else 200), headers=headers or FORM)


def _thanks(desk: Desk) -> Response:
    return desk.pages.page("subscribe_asked", {"days": CONFIRM_WITHIN.days}, headers=PRIVATE)


def _site(desk: Desk, request: Request) -> str | None:
    """What links in e-mails begin with: `site.url`; where that is not set, the address that we were asked by, if it is
    this machine's own. Any other would let a visitor choose where our e-mails lead (it is their Host header)."""
    if desk.pages.site:
        return desk.pages.site
    asked = base(request, desk)
    name = urlsplit(asked).hostname or ""
    try:
        here = name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        here = False
    return asked if here else None


@router.api_route("/confirm/{token}", methods=SEEN)
async def confirmation(token: str, desk: AtDesk) -> Response:
    """What a press of the button will do."""
    reader = await _waiting(desk, token)
    if reader is None or reader.status is Status.LEFT:
        return not_here(desk)
    if reader.status is Status.PENDING:
        return _confirmation(desk, await desk.store.subscribers.as_asked(reader.id) or reader, "asked")
    return _confirmation(desk, reader, Confirmed.BEFORE)


@router.post("/confirm/{token}")
async def confirm(token: str, desk: AtDesk) -> Response:
    """From now on there is mail. Pressed twice, it says so."""
    reader = await _waiting(desk, token)
    done = await signing_up.confirm(desk.store, reader) if reader else Confirmed.NOT
    now = await desk.store.subscribers.get(reader.id) if reader and done is not Confirmed.NOT else None
    return _confirmation(desk, now, done) if now else not_here(desk)


async def _waiting(desk: Desk, token: str) -> Subscriber | None:
    reader = await claimed(desk, token)
    good = reader and desk.tokens.is_confirm(token, reader.id, reader.address, desk.now())
    return reader if good else None


def _confirmation(desk: Desk, reader: Subscriber, state: str) -> Response:
    names = topic_names(desk.topics, reader)
    values = {
        "state": state,
        "reader": reader,
        "rhythms": forms.RHYTHMS,
        "topics": [names[slug] for slug in reader.follows if slug in names],
        "preferences": desk.tokens.preferences(reader.id, reader.address),
    }
    return desk.pages.page("confirm", values, headers=PRIVATE)


@router.api_route("/timezone.js", methods=SEEN)
async def guess(desk: AtDesk) -> Response:
    """Chooses the browser's own time zone in a new form; without it the reader chooses."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(desk.pages.text("timezone.js", {}), media_type="text/javascript", headers=headers)
