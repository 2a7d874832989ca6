"""Atom feeds (RFC 4287): the papers of the last editions, and those of one topic.

An entry is a paper, on the day of the edition that took it: it never changes after that, as the edition does not, and
comes up once. Ids are tag URIs (RFC 4151) made from the newsletter's List-Id, so that they stay what they are when the
page moves to another address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from urllib.parse import quote

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from newsletter.mail.headers import wire_address
from newsletter.model import Paper, Pick
from newsletter.rendering.card import Action
from newsletter.settings import Settings
from newsletter.text import clean
from newsletter.web import showing
from newsletter.web.desk import AtDesk, Desk
from newsletter.web.reading import EDITIONS_OF_TOPIC, known_topic
from newsletter.web.shelf import GET, HOUR, base, shelved

ATOM = "application/atom+xml; charset=utf-8"
MOST_ENTRIES = 100
LAST_DAYS = 14
"""Days back from the newest edition."""
MOST_AUTHORS = 50

_NEVER = "1970-01-01"  # a feed must say when it was updated, one without entries too

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper as an entry: `path` of its page, `day` of its edition (ISO), `summary` as HTML."""

    id: str
    day: str
    path: str
    title_html: Markup
    authors: list[str]
    categories: list[str]
    summary: Markup
    why: str
    links: list[Action]


@router.api_route("/feed.atom", methods=GET)
async def feed(request: Request, desk: AtDesk) -> Response:
    """The papers of the last editions, the newest day first and each day in its order."""

    async def make() -> str:
        until = desk.daily.publishing.today()
        newest = await desk.store.editions.newest(until)
        last = await desk.store.editions.between(newest.day - timedelta(LAST_DAYS), until) if newest else []
        chosen = [(one.day, paper, None) for one in reversed(last) for paper in one.papers]
        return await _atom(request, desk, "/feed.atom", "/", "", chosen)

    return await shelved(request, desk, ("feed",), make, HOUR, ATOM)


@router.api_route("/topics/{slug}/feed.atom", methods=GET)
async def topic_feed(request: Request, desk: AtDesk, slug: str) -> Response:
    """The picks of one topic in the last editions, as many of each as an e-mail shows."""
    topic = known_topic(desk, slug)

    async def make() -> str:
        ranked = await desk.store.editions.ranked(slug, desk.daily.publishing.today(), EDITIONS_OF_TOPIC)
        chosen = [(day, pick.paper, pick) for day, one in ranked for pick in one.picks[: topic.max_papers]]
        page = f"/topics/{slug}"
        return await _atom(request, desk, f"{page}/feed.atom", page, clean(topic.name), chosen)

    return await shelved(request, desk, ("feed", slug), make, HOUR, ATOM)


def authority(settings: Settings) -> str:
    """Who gives the ids: the newsletter's List-Id, a name below a domain of its sender's."""
    return settings.sender.list_id or f"papers.{wire_address(settings.sender.address).rpartition('@')[2]}"


async def _atom(
    request: Request, desk: Desk, path: str, page: str, topic: str, chosen: Iterable[tuple[date, str, Pick | None]]
) -> str:
    """The feed at `path` of the papers `chosen`, each with its day; `page` shows the same to people."""
    first = list(islice(chosen, MOST_ENTRIES))
    papers = await desk.store.papers.get(paper for _, paper, _ in first)
    whose = f"tag:{authority(desk.settings)},2025:"
    entries = await asyncio.to_thread(_entries, desk, whose, papers, first)
    values = {
        "base": base(request, desk),
        "path": path,
        "page": page,
        "topic": topic,
        "id": f"{whose}{path.removeprefix('/').removesuffix('.atom')}",
        "updated": entries[0].day if entries else _NEVER,
        "entries": entries,
    }
    return desk.pages.text("feed.atom.j2", values)


def _entries(
    desk: Desk, whose: str, papers: Mapping[str, Paper], chosen: Iterable[tuple[date, str, Pick | None]]
) -> list[Entry]:
    look = desk.settings.email.look()
    found = []
    for day, paper_id, pick in chosen:
        if paper := papers.get(paper_id):
            seen = showing.shown(paper, look, pick)
            found.append(
                Entry(
                    id=f"{whose}papers/{quote(paper_id, safe=':', errors='replace')}",
                    day=day.isoformat(),
                    path=seen.path,
                    title_html=seen.title_html,
                    authors=showing.names(paper.authors[:MOST_AUTHORS]),
                    categories=showing.names(paper.categories),
                    summary=showing.abstract(paper),
                    why=seen.why,
                    links=showing.links(paper, look),
                )
            )
    return found
