"""What the operator sees and changes of subscribers, deliveries, suppressions and batches."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from newsletter.model import Delivery, Rhythm, State, Status, Subscriber, Topic, Verdict
from newsletter.policy.address import normal_address
from newsletter.store import BatchRecord, Suppression
from newsletter.store.forgetting import is_forgotten
from newsletter.text import clean
from newsletter.web.api.paging import Cursor, Day, Limit, cursor, day, delivery_number, number, place_of, word
from newsletter.web.api.problems import FaultyError
from newsletter.web.api.routes import PREFIX, PRIVATE, TAKES_JSON
from newsletter.web.bearer import NEEDS_TOKEN, OperatorRoute
from newsletter.web.bounds import LAST_ROW
from newsletter.web.desk import AtDesk

MOST_DAYS = 3_660
LONGEST_REASON = 200

router = APIRouter(prefix=PREFIX, tags=["operator"], dependencies=[NEEDS_TOKEN], route_class=OperatorRoute)
_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such thing."}}


class BriefSubscriber(BaseModel):
    """A reader. One who wanted to be forgotten has no address."""

    id: int
    address: str | None
    name: str
    status: Status
    origin: str = Field(description="file, import or web.")
    topics: list[str]
    rhythm: Rhythm
    hour: int
    timezone: str
    locale: str
    joined_at: datetime | None


class SuppressedAddress(BaseModel):
    """An address that gets no mail."""

    address: str
    reason: str
    since: datetime


class OwnWords(BaseModel):
    """A topic in a reader's own words."""

    slug: str
    name: str
    description: str
    keywords: list[str]
    exclude: list[str]
    authors: list[str]


class WholeSubscriber(BriefSubscriber):
    """All that is known of a reader but their mail and opinions."""

    own: list[OwnWords]
    muted_words: list[str]
    muted_authors: list[str]
    paused_until: date | None
    asked_at: datetime | None
    suppression: SuppressedAddress | None


class Subscribers(BaseModel):
    """A page of readers, by id."""

    subscribers: list[BriefSubscriber]
    next: str | None


class SentMessage(BaseModel):
    """What became of one reader's message of one day."""

    id: int
    address: str | None
    local_date: date
    state: State
    attempt: int
    next_at: datetime | None
    code: int | None = Field(description="The relay's reply code.")
    enhanced: str
    reply: str
    reason: str
    message_id: str
    queue_id: str
    sections: int
    papers: int
    size: int = Field(description="Bytes.")
    updated_at: datetime | None


class Deliveries(BaseModel):
    """A page of deliveries, the newest first."""

    deliveries: list[SentMessage]
    next: str | None


class Suppressions(BaseModel):
    """A page of suppressed addresses."""

    suppressions: list[SuppressedAddress]
    next: str | None


class NewSuppression(BaseModel):
    """An address that is to get no mail, and why."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=320, examples=["ada@example.org"])
    reason: str = Field("by the operator", max_length=LONGEST_REASON, description="One line.")


class UnreadPlace(BaseModel):
    """A place in a document that could not be read; line 0 is the whole of it."""

    document: str
    line: int
    why: str


class AnsweredBatch(BaseModel):
    """What a source answered."""

    id: int | None = Field(description="Null for one that was not noted.")
    source: str
    document: str
    day: date | None = Field(description="The day that it announces.")
    asked: date | None = Field(description="The day that it was asked for; null is what is new.")
    verdict: Verdict
    why: str
    papers: int
    new: int
    declared: int | None
    problems: list[UnreadPlace]
    collected_at: datetime


class Batches(BaseModel):
    """A page of batches, the newest first."""

    batches: list[AnsweredBatch]
    next: str | None


@router.get("/subscribers")
async def subscribers(
    desk: AtDesk,
    response: Response,
    status: Status | None = None,
    search: Annotated[
        str, Query(max_length=200, description="Part of the address or the name."), AfterValidator(clean)
    ] = "",
    after: Annotated[Cursor, Query(alias="cursor")] = "",
    limit: Limit = 100,
) -> Subscribers:
    """Readers, by id."""
    response.headers.update(PRIVATE)
    (last,) = place_of(after, number) or (0,)
    found = await desk.store.subscribers.page(status=status, search=search, after=last, limit=limit + 1)
    rows = [BriefSubscriber(**_reader(one)) for one in found[:limit]]
    return Subscribers(subscribers=rows, next=cursor(rows[-1].id) if found[limit:] else None)


@router.get("/subscribers/{subscriber_id}", responses=_NOT_THERE)
async def subscriber(
    desk: AtDesk, response: Response, subscriber_id: Annotated[int, Path(ge=1, le=LAST_ROW)]
) -> WholeSubscriber:
    """One reader."""
    response.headers.update(PRIVATE)
    reader = await desk.store.subscribers.get(subscriber_id)
    if reader is None:
        raise HTTPException(404, f"There is no subscriber {subscriber_id}.")
    suppressed = await desk.store.suppressions.find(reader.address)
    return WholeSubscriber(
        **_reader(reader),
        own=[_own(topic) for topic in reader.own],
        muted_words=list(reader.muted_words),
        muted_authors=list(reader.muted_authors),
        paused_until=reader.paused_until,
        asked_at=reader.asked_at,
        suppression=_suppressed(suppressed) if suppressed else None,
    )


@router.get("/deliveries")
async def deliveries(
    desk: AtDesk,
    response: Response,
    state: State | None = None,
    local_date: Annotated[Day | None, Query(alias="date", description="The reader's local date.")] = None,
    address: Annotated[str | None, Query(max_length=320)] = None,
    after: Annotated[Cursor, Query(alias="cursor")] = "",
    limit: Limit = 100,
) -> Deliveries:
    """What became of the messages, the newest first."""
    response.headers.update(PRIVATE)
    whose = None if address is None else address_in(address)
    found = await desk.store.ledger.deliveries(
        local_date=local_date, state=state, address=whose, limit=limit + 1, after=_place(after)
    )
    rows = [_message(one) for one in found[:limit]]
    return Deliveries(deliveries=rows, next=cursor(rows[-1].local_date, rows[-1].id) if found[limit:] else None)


@router.get("/suppressions")
async def suppressions(
    desk: AtDesk,
    response: Response,
    search: Annotated[str, Query(max_length=200, description="Part of the address."), AfterValidator(clean)] = "",
    after: Annotated[Cursor, Query(alias="cursor")] = "",
    limit: Limit = 100,
) -> Suppressions:
    """The addresses that get no mail, and why."""
    response.headers.update(PRIVATE)
    (last,) = place_of(after, word) or ("",)
    found = await desk.store.suppressions.page(search=search, after=last, limit=limit + 1)
    rows = [_suppressed(one) for one in found[:limit]]
    return Suppressions(suppressions=rows, next=cursor(rows[-1].address) if found[limit:] else None)


@router.post(
    "/suppressions",
    status_code=201,
    dependencies=[TAKES_JSON],
    responses={
        200: {"model": SuppressedAddress, "description": "It was suppressed before; the first reason stays."},
        415: {"description": "The body is not JSON."},
    },
)
async def suppress(wanted: NewSuppression, desk: AtDesk, response: Response) -> SuppressedAddress:
    """Mail an address no more, whoever it is. What waits to be sent to it is skipped."""
    response.headers.update(PRIVATE)
    address = address_in(wanted.address)
    if not wanted.reason.strip() or not wanted.reason.isprintable():
        raise FaultyError({"reason": "it is one line of printable characters"})
    if not await desk.store.suppressions.add(address, wanted.reason, desk.now()):
        response.status_code = 200
    found = await desk.store.suppressions.find(address)
    return _suppressed(found or Suppression(address, wanted.reason, desk.now()))  # lifted again in this moment


@router.delete("/suppressions/{address:path}", status_code=204, responses=_NOT_THERE)
async def lift(desk: AtDesk, address: Annotated[str, Path(min_length=1, max_length=320)]) -> Response:
    """Let an address be mailed again: only when its owner asks for it, or when a bounce was a mistake.

    A reader of subscribers.toml is back with the next command; anybody else has left and has to ask anew."""
    normal = address_in(address)
    if not await desk.store.suppressions.remove(normal):
        raise HTTPException(404, f"{normal} is not suppressed.")
    return Response(status_code=204, headers=PRIVATE)


@router.get("/batches")
async def batches(
    desk: AtDesk,
    response: Response,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="Of so many days back.")] = 30,
    source: Annotated[str, Query(max_length=200), AfterValidator(word)] = "",
    after: Annotated[Cursor, Query(alias="cursor")] = "",
    limit: Limit = 100,
) -> Batches:
    """What the sources answered, the newest first."""
    response.headers.update(PRIVATE)
    (before,) = place_of(after, number) or (None,)
    since = desk.now() - timedelta(days=days)
    found = await desk.store.batches.page(since, source=source, before=before, limit=limit + 1)
    rows = [_batch(place, one) for place, one in found[:limit]]
    return Batches(batches=rows, next=cursor(found[limit - 1][0]) if found[limit:] else None)


def address_in(text: str) -> str:
    """The address, normalised. Raises FaultyError for what is none."""
    try:
        return normal_address(text)
    except ValueError as error:
        raise FaultyError({"address": str(error)}) from None


def _place(after: str) -> tuple[date, int] | None:
    place = place_of(after, day, delivery_number)
    return (place[0], place[1]) if place else None


def _reader(one: Subscriber) -> dict[str, Any]:
    return {
        "id": one.id,
        "address": _known(one.address),
        "name": one.name,
        "status": one.status,
        "origin": one.origin,
        "topics": list(one.topics),
        "rhythm": one.rhythm,
        "hour": one.hour,
        "timezone": one.timezone,
        "locale": one.locale,
        "joined_at": one.joined_at,
    }


def _known(address: str) -> str | None:
    return None if is_forgotten(address) else address


def _own(topic: Topic) -> OwnWords:
    return OwnWords(
        slug=topic.slug,
        name=topic.name,
        description=topic.description,
        keywords=list(topic.keywords),
        exclude=list(topic.exclude),
        authors=list(topic.authors),
    )


def _suppressed(one: Suppression) -> SuppressedAddress:
    return SuppressedAddress(address=one.address, reason=one.reason, since=one.since)


def _message(one: Delivery) -> SentMessage:
    return SentMessage(
        id=one.id,
        address=_known(one.address),
        local_date=one.local_date,
        state=one.state,
        attempt=one.attempt,
        next_at=one.next_at,
        code=one.code,
        enhanced=one.enhanced,
        reply=one.reply,
        reason=one.reason,
        message_id=one.message_id,
        queue_id=one.queue_id,
        sections=one.sections,
        papers=one.papers,
        size=one.size,
        updated_at=one.updated_at,
    )


def _batch(place: int, one: BatchRecord) -> AnsweredBatch:
    return AnsweredBatch(
        id=place,
        source=one.source,
        document=one.document,
        day=one.day,
        asked=one.asked,
        verdict=one.verdict,
        why=one.why,
        papers=one.papers,
        new=one.new,
        declared=one.declared,
        problems=[UnreadPlace(document=each.document, line=each.line, why=each.why) for each in one.problems],
        collected_at=one.collected_at,
    )
