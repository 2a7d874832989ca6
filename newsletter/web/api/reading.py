"""Papers, editions, topics: what anybody may read. Nothing here tells of readers; their own topics are theirs."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from newsletter.model import Edition, Paper, Ranking, Topic, Verdict
from newsletter.text import clean
from newsletter.web import showing
from newsletter.web.api import papers as told
from newsletter.web.api.paging import Cursor, Day, Limit, cursor, day, number, place_of, word
from newsletter.web.api.papers import BriefPaper, ChosenPaper, WholePaper
from newsletter.web.api.routes import LIMITED, PREFIX, shown
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.reading import EDITIONS_OF_TOPIC, LONGEST_ID, LONGEST_SEARCH, PAGE, known_topic
from newsletter.web.shelf import HOUR, MINUTE, Made, base, public, shelved

JSON = "application/json"

router = APIRouter(prefix=PREFIX, tags=["reading"], dependencies=[LIMITED])
_NOT_CHANGED = {304: {"description": "It is what it was: its ETag was sent in If-None-Match."}}
_NOT_THERE = {404: {"description": "There is no such thing."}}


class Papers(BaseModel):
    """A page of papers."""

    papers: list[BriefPaper]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class BriefEdition(BaseModel):
    """A day."""

    day: date
    total: int = Field(description="How many papers it has.")
    page: str = Field(description="Its page here.")


class Editions(BaseModel):
    """A page of days, the newest first."""

    editions: list[BriefEdition]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Answered(BaseModel):
    """What a source had answered when the edition was made."""

    source: str
    verdict: Verdict
    papers: int = Field(description="How many of the edition's papers it listed.")


class TopicOfDay(BaseModel):
    """A topic that has picks on a day."""

    slug: str
    name: str
    picks: int


class WholeEdition(BriefEdition):
    """A frozen day: it stays what it is."""

    curators: list[str]
    sources: list[Answered]
    topics: list[TopicOfDay]
    papers: list[BriefPaper] = Field(description=f"{PAGE} of them, in the order of the day.")
    next: str | None = Field(description="The cursor of its next papers; null on the last page.")
    previous_day: date | None
    next_day: date | None


class BriefTopic(BaseModel):
    """What can be followed."""

    slug: str = Field(examples=["language-models"])
    name: str
    description: str


class Topics(BaseModel):
    """All topics that can be followed."""

    topics: list[BriefTopic]


class Picks(BaseModel):
    """The picks of a topic on a day, the best first."""

    day: date
    total: int = Field(description="How many picks the day has.")
    picks: list[ChosenPaper]


class WholeTopic(BriefTopic):
    """A topic and its picks."""

    days: list[Picks] = Field(description="The newest first.")
    next: str | None = Field(description="With `day`: the cursor of its further picks; null when there are none.")


@shown(router, "/papers", response_model=Papers, responses=_NOT_CHANGED)
async def papers(
    request: Request,
    desk: AtDesk,
    q: Annotated[str, Query(max_length=LONGEST_SEARCH, description="Words in title, abstract or authors.")] = "",
    day_: Annotated[Day | None, Query(alias="day", description="Only those listed on this day, in its order.")] = None,
    after: Annotated[Cursor, Query(alias="cursor")] = "",
    limit: Limit = 20,
) -> Response:
    """Papers that hold every word of `q`, those first seen last come first."""
    place = place_of(after, number if day_ else _seen, word)
    found, behind = await desk.store.papers.page(words=clean(q), day=day_, after=place, limit=limit)
    rows = await asyncio.to_thread(_brief, found, base(request, desk))
    page = Papers(papers=rows, next=cursor(*behind) if behind else None)
    return public(request, Made.of(page.model_dump_json()), MINUTE, JSON)


@shown(router, "/papers/{paper_id:path}", response_model=WholePaper, responses=_NOT_CHANGED | _NOT_THERE)
async def paper(
    request: Request,
    desk: AtDesk,
    paper_id: Annotated[
        str, Path(min_length=1, description="An `id`, an arXiv id or a DOI.", examples=["arxiv:2503.01234"])
    ],
) -> Response:
    """All that is known of a paper."""
    found = await desk.store.papers.identified(paper_id) if len(paper_id) <= LONGEST_ID else None
    if found is None:
        raise HTTPException(404, "No such paper is known.")

    async def make() -> str:
        numbers = await desk.store.papers.numbers(found.id)
        history = await desk.store.papers.history(found.id, "version")
        taken = await desk.store.editions.taken_on(found.id)
        return told.whole(found, base(request, desk), numbers, history, taken).model_dump_json()

    return await shelved(request, desk, ("api paper", found.id), make, MINUTE, JSON)


@shown(router, "/editions", response_model=Editions, responses=_NOT_CHANGED)
async def editions(
    request: Request, desk: AtDesk, after: Annotated[Cursor, Query(alias="cursor")] = "", limit: Limit = 30
) -> Response:
    """The days there are, the newest first."""
    place = place_of(after, day)
    until = min(place[0], _today(desk)) if place else _today(desk)

    async def make() -> str:
        found = await desk.store.editions.page(until, limit + 1)
        where = base(request, desk)
        rows = [BriefEdition(day=one, total=total, page=f"{where}/editions/{one}") for one, total in found[:limit]]
        return Editions(editions=rows, next=cursor(found[limit][0]) if found[limit:] else None).model_dump_json()

    return await shelved(request, desk, ("api editions", until, limit), make, MINUTE, JSON)


@shown(router, "/editions/{day}", response_model=WholeEdition, responses=_NOT_CHANGED | _NOT_THERE)
async def edition(
    request: Request,
    desk: AtDesk,
    day_: Annotated[Day, Path(alias="day", examples=["2025-03-12"])],
    after: Annotated[Cursor, Query(alias="cursor")] = "",
) -> Response:
    """One day."""
    (first,) = place_of(after, number) or (0,)

    async def make() -> str:
        found = await desk.store.editions.find(day_)
        if found is None:
            raise HTTPException(404, f"There is no edition of {day_}.")
        return (await _edition(desk, found, first, base(request, desk))).model_dump_json()

    return await shelved(request, desk, ("api edition", day_, first), make, HOUR, JSON)


@shown(router, "/topics", response_model=Topics, responses=_NOT_CHANGED)
async def topics(request: Request, desk: AtDesk) -> Response:
    """What can be followed."""

    async def make() -> str:
        return Topics(topics=[BriefTopic(**_named(topic)) for topic in desk.topics]).model_dump_json()

    return await shelved(request, desk, ("api topics",), make, MINUTE, JSON)


@shown(router, "/topics/{slug}", response_model=WholeTopic, responses=_NOT_CHANGED | _NOT_THERE)
async def topic(
    request: Request,
    desk: AtDesk,
    slug: Annotated[str, Path(examples=["language-models"])],
    day_: Annotated[Day | None, Query(alias="day", description="All picks of this day.")] = None,
    after: Annotated[Cursor, Query(alias="cursor")] = "",
) -> Response:
    """The picks of a topic with the reasons: the first ones of the newest days, or those of one day."""
    wanted = known_topic(desk, slug)
    (first,) = (place_of(after, number) if day_ else None) or (0,)

    async def make() -> str:
        if day_:
            ranked = await _of_day(desk, slug, day_)
            last = first + PAGE
        else:
            ranked = await desk.store.editions.ranked(slug, _today(desk), EDITIONS_OF_TOPIC)
            last = first + wanted.max_papers
        more = day_ is not None and any(len(one.picks) > last for _, one in ranked)
        days = await _picks(desk, ranked, first, last, base(request, desk))
        return WholeTopic(**_named(wanted), days=days, next=cursor(last) if more else None).model_dump_json()

    return await shelved(request, desk, ("api topic", slug, day_, first), make, HOUR if day_ else MINUTE, JSON)


async def _edition(desk: Desk, edition: Edition, first: int, where: str) -> WholeEdition:
    ids = edition.papers[first : first + PAGE]
    known = await desk.store.papers.get(ids)
    rankings = await desk.store.editions.rankings(edition.id, [one.slug for one in desk.topics])
    days = [one for one in await desk.store.editions.all_days() if one <= max(_today(desk), edition.day)]
    place = bisect_left(days, edition.day)
    return WholeEdition(
        day=edition.day,
        total=len(edition.papers),
        page=f"{where}/editions/{edition.day}",
        curators=showing.names(edition.curators),
        sources=[
            Answered(source=clean(one.source), verdict=one.verdict, papers=one.papers)
            for one in edition.answered
            if one.verdict is not Verdict.BROKEN
        ],
        topics=[
            TopicOfDay(slug=one.slug, name=clean(one.name), picks=len(rankings[one.slug].picks))
            for one in desk.topics
            if one.slug in rankings and rankings[one.slug].picks
        ],
        papers=await asyncio.to_thread(_brief, list(known.values()), where),
        next=cursor(first + PAGE) if len(edition.papers) > first + PAGE else None,
        previous_day=days[place - 1] if place else None,
        next_day=next(iter(days[place + 1 :]), None),
    )


async def _of_day(desk: Desk, slug: str, day: date) -> list[tuple[date, Ranking]]:
    found = await desk.store.editions.find(day)
    if found is None:
        raise HTTPException(404, f"There is no edition of {day}.")
    rankings = await desk.store.editions.rankings(found.id, [slug])
    return [(day, rankings[slug])] if slug in rankings else []


async def _picks(desk: Desk, ranked: Sequence[tuple[date, Ranking]], first: int, last: int, where: str) -> list[Picks]:
    """The picks from place `first` up to `last` of each day."""
    shares = [(day, len(ranking.picks), ranking.picks[first:last]) for day, ranking in ranked]
    known = await desk.store.papers.get(pick.paper for _, _, picks in shares for pick in picks)

    def made() -> list[Picks]:
        return [
            Picks(
                day=day,
                total=total,
                picks=[told.chosen(pick, known[pick.paper], where) for pick in picks if pick.paper in known],
            )
            for day, total, picks in shares
            if picks
        ]

    return await asyncio.to_thread(made)


def _brief(those: Sequence[Paper], where: str) -> list[BriefPaper]:
    return [told.brief(one, where) for one in those]


def _named(topic: Topic) -> dict[str, str]:
    return {"slug": topic.slug, "name": clean(topic.name), "description": clean(topic.description)}


def _seen(part: object) -> date | None:
    return None if part is None else day(part)


def _today(desk: Desk) -> date:
    return desk.daily.publishing.today()
