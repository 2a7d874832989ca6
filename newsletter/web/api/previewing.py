"""What a reader would get, as `newsletter preview` makes it: by the path that sends it, and nothing is saved."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from newsletter.daily import Preview
from newsletter.errors import CompositionError, NotFoundError, TemplateError
from newsletter.web.api.paging import Day
from newsletter.web.api.records import address_in
from newsletter.web.api.routes import PREFIX, PRIVATE
from newsletter.web.bearer import NEEDS_TOKEN, OperatorRoute
from newsletter.web.desk import AtDesk

SHUT_IN = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:"}
"""An e-mail has its styles inside; nothing in it may do anything."""

router = APIRouter(prefix=PREFIX, tags=["operator"], dependencies=[NEEDS_TOKEN], route_class=OperatorRoute)


class Form(StrEnum):
    """What to answer with."""

    JSON = "json"
    HTML = "html"
    TEXT = "text"


class ComposedSection(BaseModel):
    """A section of the e-mail."""

    name: str
    papers: list[str] = Field(description="Their ids.")


class Composed(BaseModel):
    """The message."""

    subscriber: str
    day: date
    subject: str
    empty: bool = Field(description="Whether there is nothing for this reader, so that it would not be sent.")
    size: int = Field(description="Bytes of the whole message.")
    sections: list[ComposedSection]
    html: str
    text: str


@router.get(
    "/preview",
    response_model=Composed,
    responses={
        200: {
            "description": "The message, in the format asked for.",
            "content": {"text/html": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}},
        },
        404: {"description": "There is no such subscriber, or no papers for that day."},
    },
)
async def preview(
    desk: AtDesk,
    subscriber: Annotated[str, Query(max_length=320, description="The address.", examples=["ada@example.org"])],
    day: Annotated[Day | None, Query(description="The newest day with papers, if none is named.")] = None,
    form: Annotated[Form, Query(alias="format")] = Form.JSON,
) -> Response:
    """What a reader would get, by today's wording of the topics."""
    address = address_in(subscriber)
    reader = await desk.store.subscribers.find(address)
    if reader is None:
        raise HTTPException(404, f"There is no subscriber {address}.")
    try:
        made = await desk.daily.preview(reader, day)
    except NotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except (CompositionError, TemplateError) as error:
        raise HTTPException(500, str(error)) from error
    match form:
        case Form.HTML:
            return HTMLResponse(made.parts.html, headers=PRIVATE | SHUT_IN)
        case Form.TEXT:
            return PlainTextResponse(made.parts.text, headers=PRIVATE)
        case Form.JSON:
            return JSONResponse(_composed(made).model_dump(mode="json"), headers=PRIVATE)


def _composed(made: Preview) -> Composed:
    chosen = made.digest
    return Composed(
        subscriber=made.subscriber.address,
        day=chosen.day,
        subject=made.parts.subject,
        empty=chosen.empty,
        size=len(made.message.content),
        sections=[ComposedSection(name=one.name, papers=[pick.paper for pick in one.picks]) for one in chosen.sections],
        html=made.parts.html,
        text=made.parts.text,
    )
