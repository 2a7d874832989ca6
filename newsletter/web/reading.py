"""Editions, topics, papers, search: the pages that anybody may read."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from newsletter.model import Edition, Paper, Ranking, Topic
from newsletter.text import clean
from newsletter.web import showing
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.shelf import GET, HOUR, MINUTE, Made, base, public, shelved

PAGE = 60
"""Papers on one page of an edition: a day of arXiv has a thousand."""

EDITIONS_OF_TOPIC = 10
LONGEST_SPAN = timedelta(days=61)
"""As far as a digest can look back (`edition.look_back`)."""

LONGEST_SEARCH = 200
MOST_FOUND = 100
LONGEST_ID = 2_100
"""Characters of a paper's identity: that of a feed is an address."""

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=GET)
async def front(request: Request, desk: AtDesk) -> Response:
    """The newest edition; a friendly page as long as there is none."""

    async def make() -> str:
        edition = await desk.store.editions.newest(desk.daily.publishing.today())
        if edition is None:
            return desk.pages.text("nothing_yet.html.j2", {"url": f"{base(request, desk)}/"})
        return await _edition_page(request, desk, edition, 1, front=True)

    return await shelved(request, desk, ("front",), make, MINUTE)


@router.api_route("/editions", methods=GET)
async def editions(request: Request, desk: AtDesk) -> Response:
    """All days, by month."""

    async def make() -> str:
        months = showing.months(await _days(desk))
        return desk.pages.text("editions.html.j2", {"months": months, "url": f"{base(request, desk)}/editions"})

    return await shelved(request, desk, ("editions",), make, MINUTE)


@router.api_route("/editions/{day}", methods=GET)
async def edition(request: Request, desk: AtDesk, day: str, page: str = "1", since: str = "") -> Response:
    """One day, frozen: its papers stay what they are, only the next day is still to come. With `since`, all days from
    that one on, as a digest spans them."""
    wanted, number = _day(day), _number(page)
    first = _day(since) if since else wanted
    if first == date.min or not timedelta(0) <= wanted - first <= LONGEST_SPAN:
        raise HTTPException(404)

    async def make() -> str:
        if first < wanted:
            several = await desk.store.editions.between(first - timedelta(days=1), wanted)
            if len(several) > 1:
                return await _span_page(request, desk, several, number)
        found = await desk.store.editions.find(wanted)
        if found is None:
            raise HTTPException(404)
        return await _edition_page(request, desk, found, number)

    return await shelved(request, desk, ("edition", first, wanted, number), make, HOUR)


@router.api_route("/topics", methods=GET)
async def topics(request: Request, desk: AtDesk) -> Response:
    """What one can follow."""

    async def make() -> str:
        known = [showing.followed(topic) for topic in desk.topics]
        return desk.pages.text("topics.html.j2", {"topics": known, "url": f"{base(request, desk)}/topics"})

    return await shelved(request, desk, ("topics",), make, MINUTE)


@router.api_route("/topics/{slug}", methods=GET)
async def topic(request: Request, desk: AtDesk, slug: str, day: str = "") -> Response:
    """The picks of a topic: the first of each of the last editions, or all of one `day`."""
    wanted, one_day = known_topic(desk, slug), _day(day) if day else None

    async def make() -> str:
        if one_day:
            found = await desk.store.editions.find(one_day)
            rankings = await desk.store.editions.rankings(found.id, [slug]) if found else {}
            ranked = [(one_day, rankings[slug])] if slug in rankings else []
            if not found:
                raise HTTPException(404)
        else:
            ranked = await desk.store.editions.ranked(slug, desk.daily.publishing.today(), EDITIONS_OF_TOPIC)
        return await _topic_page(request, desk, wanted, ranked, one_day)

    return await shelved(request, desk, ("topic", slug, one_day), make, HOUR if one_day else MINUTE)


@router.api_route("/papers/{paper_id:path}", methods=GET)
async def paper(request: Request, desk: AtDesk, paper_id: str) -> Response:
    """All that is known of one paper. Other ways to write its identity (2503.01234v2) lead to it."""
    found = await desk.store.papers.identified(paper_id) if 0 < len(paper_id) <= LONGEST_ID else None
    if found is None:
        raise HTTPException(404)
    if found.id != paper_id:
        return RedirectResponse(desk.pages.root + showing.paper_path(found.id), 301)

    async def make() -> str:
        return await _paper_page(request, desk, found)

    return await shelved(request, desk, ("paper", found.id), make, MINUTE)


@router.api_route("/search", methods=GET)
async def search(request: Request, desk: AtDesk, q: str = "") -> Response:
    """The papers that hold every word of `q`, the newest first."""
    asked = clean(q[:LONGEST_SEARCH])
    found = await desk.store.papers.search(asked, MOST_FOUND + 1)
    values = {
        "asked": asked,
        "papers": await asyncio.to_thread(_list, desk, found[:MOST_FOUND]),
        "more": len(found) > MOST_FOUND,
        "url": f"{base(request, desk)}/search",
    }
    return public(request, Made.of(desk.pages.text("search.html.j2", values)), MINUTE)


def known_topic(desk: Desk, slug: str) -> Topic:
    """The configured topic `slug`; else the page for what is not there."""
    for one in desk.topics:
        if one.slug == slug:
            return one
    raise HTTPException(404)


async def _edition_page(request: Request, desk: Desk, edition: Edition, number: int, *, front: bool = False) -> str:
    ids = edition.papers[(number - 1) * PAGE : number * PAGE]
    if not ids and number > 1:
        raise HTTPException(404)
    papers = await desk.store.papers.get(ids)
    days = await _days(desk)
    place = bisect_left(days, edition.day)
    after = days[place + 1 :] if days[place : place + 1] == [edition.day] else days[place:]
    path = f"/editions/{edition.day}"
    values = {
        "front": front,
        "day": showing.long_day(edition.day),
        "iso": edition.day.isoformat(),
        "since": "",
        "curators": showing.curators(edition),
        "sources": showing.sources(edition),
        "papers": await asyncio.to_thread(_list, desk, list(papers.values())),
        "total": len(edition.papers),
        "topics": _filter(desk, await desk.store.editions.rankings(edition.id, [one.slug for one in desk.topics])),
        "previous": days[place - 1].isoformat() if place else "",
        "next": after[0].isoformat() if after else "",
        "page": number,
        "pages": max(1, -(-len(edition.papers) // PAGE)),
        "first": (number - 1) * PAGE + 1,
        "url": base(request, desk) + ("/" if front else path + (f"?page={number}" if number > 1 else "")),
    }
    return desk.pages.text("edition.html.j2", values)


async def _span_page(request: Request, desk: Desk, editions: Sequence[Edition], number: int) -> str:
    """The papers of several days, the newest day first and each day in its order."""
    every = [paper for one in reversed(editions) for paper in one.papers]
    ids = every[(number - 1) * PAGE : number * PAGE]
    if not ids and number > 1:
        raise HTTPException(404)
    papers = await desk.store.papers.get(ids)
    first, last = editions[0].day, editions[-1].day
    path = f"/editions/{last}?since={first}"
    values = {
        **dict.fromkeys(("front", "curators", "sources", "topics", "previous", "next"), ""),
        "day": showing.span([one.day for one in editions]),
        "iso": last.isoformat(),
        "since": first.isoformat(),
        "of_days": [{"iso": one.day.isoformat(), "day": showing.long_day(one.day)} for one in reversed(editions)],
        "papers": await asyncio.to_thread(_list, desk, list(papers.values())),
        "total": len(every),
        "page": number,
        "pages": max(1, -(-len(every) // PAGE)),
        "first": (number - 1) * PAGE + 1,
        "url": base(request, desk) + path + (f"&page={number}" if number > 1 else ""),
    }
    return desk.pages.text("edition.html.j2", values)


async def _topic_page(
    request: Request, desk: Desk, topic: Topic, ranked: list[tuple[date, Ranking]], one_day: date | None
) -> str:
    most = None if one_day else topic.max_papers
    picks = {day: ranking.picks[:most] for day, ranking in ranked}
    papers = await desk.store.papers.get(pick.paper for several in picks.values() for pick in several)

    def groups() -> list[dict[str, Any]]:
        return [
            {
                "day": showing.long_day(day),
                "iso": day.isoformat(),
                "papers": [
                    showing.shown(papers[pick.paper], desk.settings.email.look(), pick)
                    for pick in picks[day]
                    if pick.paper in papers
                ],
                "total": len(ranking.picks),
            }
            for day, ranking in ranked
            if ranking.picks
        ]

    path = f"/topics/{topic.slug}" + (f"?day={one_day}" if one_day else "")
    values = {
        "topic": showing.followed(topic),
        "groups": await asyncio.to_thread(groups),
        "day": showing.long_day(one_day) if one_day else "",
        "iso": one_day.isoformat() if one_day else "",
        "url": base(request, desk) + path,
    }
    return desk.pages.text("topic.html.j2", values)


async def _paper_page(request: Request, desk: Desk, paper: Paper) -> str:
    look = desk.settings.email.look()
    taken = await desk.store.editions.taken_on(paper.id)
    values = {
        "paper": await asyncio.to_thread(showing.shown, paper, look),
        "abstract": await asyncio.to_thread(showing.abstract, paper),
        "authors": showing.names(paper.authors),
        "links": showing.links(paper, look),
        "listings": showing.listings(paper.listings),
        "categories": showing.names(paper.categories),
        "institutions": showing.names(paper.institutions),
        "fields": showing.names(paper.fields),
        "numbers": showing.numbers(await desk.store.papers.numbers(paper.id)),
        "versions": showing.versions(await desk.store.papers.history(paper.id, "version")),
        "identities": [clean(key) for key in paper.keys],
        "origins": showing.origins(paper),
        "taken": (showing.long_day(taken), taken.isoformat()) if taken else None,
        "url": base(request, desk) + showing.paper_path(paper.id),
    }
    return desk.pages.text("paper.html.j2", values)


def _filter(desk: Desk, rankings: Mapping[str, Ranking]) -> list[showing.Followed]:
    """The topics that have picks among the papers of a day, with how many."""
    counts = {slug: len(ranking.picks) for slug, ranking in rankings.items()}
    return [showing.followed(one, counts[one.slug]) for one in desk.topics if counts.get(one.slug)]


def _list(desk: Desk, papers: list[Paper]) -> list[showing.Shown]:
    look = desk.settings.email.look()
    return [showing.shown(one, look) for one in papers]


async def _days(desk: Desk) -> list[date]:
    """The days there are, oldest first; those still to come are not announced."""
    today = desk.daily.publishing.today()
    return [day for day in await desk.store.editions.all_days() if day <= today]


def _day(text: str) -> date:
    """A day as our links write it; anything else is no address of ours."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404) from None
    if day.isoformat() != text:
        raise HTTPException(404)
    return day


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise HTTPException(404)
    return int(text)
