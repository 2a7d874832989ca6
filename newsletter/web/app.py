"""The application: every router, one lifespan."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from newsletter import __version__
from newsletter.assembly import opened_site, utc_now
from newsletter.errors import ConfigurationError, Fault, StoreError
from newsletter.mail.webhooks import signing_key
from newsletter.settings import Configuration
from newsletter.store import Store
from newsletter.web import admin, assets, feeds, leaving, operating, opinions, preferences, reading, signing_up, trying
from newsletter.web.answering import Noted, answering
from newsletter.web.api import bouncing, collecting, document, joining, previewing, problems, records
from newsletter.web.api import reading as api_reading
from newsletter.web.desk import Desk
from newsletter.web.limiting import SignUpLimits
from newsletter.web.pages import Pages
from newsletter.web.security import HEADERS, Guard

MODULES = (operating, leaving, signing_up, trying, preferences, opinions, reading, feeds, assets)
"""Modules of pages, each with a `router`. Of two that know a path, the first answers."""

API = (api_reading, joining)
OPERATORS_API = (records, collecting, previewing)


def application(
    configuration: Configuration,
    *,
    root: str = "",
    now: Callable[[], datetime] = utc_now,
    elsewhere: Callable[[Store], Awaitable[Noted]] | None = None,
) -> FastAPI:
    """The web page of an installation. `root` is the path below which a proxy serves it, empty or like `/papers`.
    `elsewhere` gives what tells others of sign-ups, where they are to answer them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened_site(configuration, now) as (daily, tokens, folders):
            settings = configuration.settings
            pages = Pages(folders, settings.email.look(), site(configuration), root)
            app.state.sign_up_limits = SignUpLimits()
            app.state.desk = Desk(settings, configuration.topics, daily, tokens, pages, now)
            limits = app.state.sign_up_limits
            async with answering(
                daily.store,
                settings.delivery.grace,
                lambda one: signing_up.answer(daily, now(), limits, one),
                await elsewhere(daily.store) if elsewhere else None,
                timedelta(days=settings.keeping.sign_ups),
            ) as app.state.answering:
                yield
                await collecting.collector(app).stop()

    app = FastAPI(
        title=configuration.settings.email.name,
        description=document.DESCRIPTION,
        version=__version__,
        servers=[{"url": root or "/"}],
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
        docs_url=None,  # its page asks a third party for scripts
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.add_middleware(Guard, site=site(configuration), root=root)
    app.state.routers = _routers(configuration)
    for router in app.state.routers:
        app.include_router(router)
    document.describe(app)
    app.add_exception_handler(HTTPException, _sorry)
    app.add_exception_handler(RequestValidationError, _faulty)
    app.add_exception_handler(StoreError, _later)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def site(configuration: Configuration) -> str:
    """The page's own address as `site.url` has it, without a slash at its end; empty when it is not set."""
    return str(configuration.settings.site.url or "").rstrip("/")


def _routers(configuration: Configuration) -> list[APIRouter]:
    """All that answer. What nobody has set up is not there: no token opens it, and it tells of nothing.

    Raises ConfigurationError for a secret that cannot sign."""
    site, secret = configuration.settings.site, configuration.settings.bounces.webhook_secret
    modules = [*MODULES, *API, *((admin, *OPERATORS_API) if site.operator_token else ())]
    if secret:
        try:
            signing_key(secret.get_secret_value())
        except ValueError as error:
            raise ConfigurationError([Fault("settings", "bounces.webhook_secret", str(error))]) from None
        modules.append(bouncing)
    return [module.router for module in modules]


async def _later(request: Request, error: Exception) -> Response:
    """An answer for when the database cannot be read or written: the reader can do nothing but wait."""
    logging.getLogger(__name__).error("%s", error)
    desk: Desk = request.app.state.desk
    headers = {"Retry-After": "60", "Cache-Control": "no-store"}
    if problems.is_for_programs(request.url.path):
        return problems.problem(503, headers=headers)
    return desk.pages.page("sorry", {"status": 503}, status=503, headers=headers)


async def _sorry(request: Request, error: Exception) -> Response:
    """An answer for what is not there, as a page; for programs, as JSON."""
    assert isinstance(error, HTTPException)
    desk: Desk = request.app.state.desk
    headers = dict(error.headers or {})
    if methods := error.status_code == 405 and _methods(request):
        headers["Allow"] = ", ".join(sorted(methods))
    if problems.is_for_programs(request.url.path):
        return problems.of_error(error, headers)
    return desk.pages.page("sorry", {"status": error.status_code}, status=error.status_code, headers=headers)


async def _faulty(request: Request, error: Exception) -> Response:
    """An answer to programs about what they sent; pages read what people type themselves."""
    assert isinstance(error, RequestValidationError)
    return problems.of_faults(error)


async def _unforeseen(request: Request, error: Exception) -> Response:
    """An answer for a fault of ours. The log gets what happened, and not the address, which may be somebody's secret.
    Starlette makes this answer outside of the Guard, so it brings the headers itself."""
    logging.getLogger(__name__).error("a request failed", exc_info=error)
    desk: Desk = request.app.state.desk
    # Starlette raises the error once more, and the server hangs up: who would ask again here has to know.
    headers = HEADERS | {"Cache-Control": "no-store", "Connection": "close"}
    if problems.is_for_programs(request.url.path):
        return problems.problem(500, headers=headers)
    return desk.pages.page("sorry", {"status": 500}, status=500, headers=headers)


def _methods(request: Request) -> set[str]:
    """What may be asked of the request's address (RFC 9110, section 10.2.1): a page and its form are two routes, and
    Starlette tells of one."""
    routes = (one for router in request.app.state.routers for one in router.routes if isinstance(one, Route))
    return {name for one in routes if one.matches(request.scope)[0] is not Match.NONE for name in one.methods or ()}
