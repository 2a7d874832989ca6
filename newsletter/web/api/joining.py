"""Signing up by JSON: the same as by the form, with the same limits, and without a word on whether an address is known.

A program has no trap to fall into and takes no time to type. What stands in the way of abuse: the limits, the message
that has to be confirmed, and that no browser sends JSON here from somebody else's page (see `web.security`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from newsletter.mail.tokens import CONFIRM_WITHIN
from newsletter.model import Rhythm
from newsletter.subscribing import signing_up
from newsletter.subscribing.wishes import Faults, Typed, wishes
from newsletter.subscribing.wording import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LONGEST_TERM,
    MOST_TERMS,
    MOST_TOPICS,
    Worded,
)
from newsletter.web.api.problems import FaultyError
from newsletter.web.api.routes import PREFIX, TAKES_JSON
from newsletter.web.desk import AtDesk
from newsletter.web.limiting import AtLimits
from newsletter.web.signing_up import ask, judge_mailbox

MOST_CHOSEN = 100

router = APIRouter(prefix=PREFIX, tags=["signing up"])

Terms = Annotated[list[Annotated[str, Field(max_length=LONGEST_TERM)]], Field(max_length=MOST_TERMS)]


class OwnTopic(BaseModel):
    """A topic in the reader's own words: at least keywords, a description or authors."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=LONGEST_NAME, examples=["Seagrass"])
    description: str = Field("", max_length=LONGEST_DESCRIPTION, description="In plain language.")
    keywords: Terms = Field([], examples=[["seagrass", "Posidonia oceanica"]])
    exclude: Terms = Field([], description="Words that keep a paper out.")
    authors: Terms = Field([], description="Whose papers are always picks.")


class SignUp(BaseModel):
    """Who asks for mail, and what for."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=signing_up.LONGEST_ADDRESS, examples=["ada@example.org"])
    topics: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=MOST_CHOSEN)] = Field(
        [], description="Slugs, see /topics. Without a topic, the trending papers come.", examples=[["language-models"]]
    )
    own: list[OwnTopic] = Field([], max_length=MOST_TOPICS)
    rhythm: Rhythm = Rhythm.DAILY
    hour: int = Field(7, ge=0, le=23, strict=True, description="Local, from which on it may come.")
    timezone: str = Field("", max_length=60, description="Like Europe/Berlin; empty is the newsletter's own.")
    locale: str = Field("", max_length=35, description="Of the e-mails, like de; empty is the newsletter's own.")


class Asked(BaseModel):
    """What everybody is told."""

    detail: str


HEARD = Asked(
    detail="If this address can get mail from here, a message is on its way to it: its link has to be followed within "
    f"{CONFIRM_WITHIN.days} days."
)


@router.post(
    "/subscribe",
    status_code=202,
    dependencies=[TAKES_JSON],
    responses={
        415: {"description": "The body is not JSON."},
        503: {"description": "Too many wait for a message, or site.url is not set: see Retry-After."},
    },
)
async def subscribe(wanted: SignUp, request: Request, desk: AtDesk, limits: AtLimits) -> Asked:
    """Ask for mail. Nothing is sent before the link in the message is followed; the answer is the same for every
    address, known or not."""
    faults = Faults()
    address = signing_up.address_asked(wanted.address, faults)
    judge_mailbox(address, faults)
    typed = Typed(
        topics=wanted.topics,
        timezone=wanted.timezone or desk.settings.schedule.timezone,
        hour=str(wanted.hour),
        rhythm=wanted.rhythm,
        locale=wanted.locale,
        own=[Worded(one.name, one.description, one.keywords, one.exclude, one.authors) for one in wanted.own],
    )
    chosen = wishes(typed, {one.slug for one in desk.topics}, faults)
    if faults:
        raise FaultyError({field.replace("-", "."): why for field, why in faults.items()})  # own-0-name
    asked = await ask(desk, request, limits, address, chosen)
    if asked.is_limited or asked.why_not:
        status = 429 if asked.is_limited else 503
        raise HTTPException(status, asked.why_not, {"Retry-After": str(asked.wait)})
    return HEARD
