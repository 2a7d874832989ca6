"""The style sheet, the icon, and what programs ask for first: /robots.txt and /sitemap.xml."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from newsletter.web.desk import AtDesk
from newsletter.web.shelf import DAY, GET, HOUR, base, shelved

XML = "application/xml; charset=utf-8"
MOST_ADDRESSES = 50_000
"""The most that a sitemap may name (https://www.sitemaps.org/protocol.html)."""

router = APIRouter(include_in_schema=False)


@router.api_route("/style.css", methods=GET)
async def style(request: Request, desk: AtDesk) -> Response:
    """The styles of all pages, in the colours of the e-mail."""

    async def make() -> str:
        return desk.pages.text("style.css.j2", {})

    return await shelved(request, desk, ("style",), make, DAY, "text/css; charset=utf-8")


@router.api_route("/operator.css", methods=GET)
async def operators_style(request: Request, desk: AtDesk) -> Response:
    """What only the operator's pages need."""

    async def make() -> str:
        return desk.pages.text("operator.css.j2", {})

    return await shelved(request, desk, ("operator's style",), make, DAY, "text/css; charset=utf-8")


@router.api_route("/icon.svg", methods=GET)
async def icon(request: Request, desk: AtDesk) -> Response:
    """A page of papers, in the colour of the e-mail."""

    async def make() -> str:
        return desk.pages.text("icon.svg.j2", {})

    return await shelved(request, desk, ("icon",), make, DAY, "image/svg+xml")


@router.api_route("/robots.txt", methods=GET)
async def robots(request: Request, desk: AtDesk) -> Response:
    """What robots need not ask for (RFC 9309): pages of one reader, and searches without end."""

    async def make() -> str:
        return desk.pages.text("robots.txt.j2", {"base": base(request, desk)})

    return await shelved(request, desk, ("robots",), make, DAY, "text/plain; charset=utf-8")


@router.api_route("/sitemap.xml", methods=GET)
async def sitemap(request: Request, desk: AtDesk) -> Response:
    """The addresses of all editions and topics."""

    async def make() -> str:
        today = desk.daily.publishing.today()
        days = [day.isoformat() for day in await desk.store.editions.all_days() if day <= today]
        paths = [f"/topics/{topic.slug}" for topic in desk.topics]
        values = {"base": base(request, desk), "paths": ["/", "/editions", "/topics", *paths], "newest": days[-1:]}
        values["days"] = days[::-1][: MOST_ADDRESSES - len(values["paths"])]
        return desk.pages.text("sitemap.xml.j2", values)

    return await shelved(request, desk, ("sitemap",), make, HOUR, XML)
