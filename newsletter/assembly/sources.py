"""Where papers come from."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from newsletter.assembly.places import site
from newsletter.errors import SourceError
from newsletter.mail.headers import wire_address
from newsletter.model import Batch
from newsletter.settings import Settings, shipped
from newsletter.sources import registry
from newsletter.sources.base import Ask, NoWeb, Source, Tools, Web
from newsletter.sources.listing.source import ListingSource
from newsletter.sources.options import NetworkOptions, SourceOptions
from newsletter.store import Store


@asynccontextmanager
async def configured_sources(
    settings: Settings, store: Store, owner: str, now: Callable[[], datetime], *, offline: bool, until: datetime | None
) -> AsyncIterator[list[Source]]:
    """The configured sources."""
    async with _opened_web(settings, store, owner, now, offline=offline, until=until) as web:
        tools = Tools(web, shipped("seeds"))
        yield [_source(options, tools) for options in settings.sources]


@asynccontextmanager
async def _opened_web(
    settings: Settings, store: Store, owner: str, now: Callable[[], datetime], *, offline: bool, until: datetime | None
) -> AsyncIterator[Web]:
    if not any(isinstance(options, NetworkOptions) for options in settings.sources):
        yield NoWeb()
        return
    from newsletter.sources.web.asking import opened_web  # httpx takes a while to load, and most commands ask nobody

    async with opened_web(
        store.answers,
        store.paces,
        contact=contact(settings),
        owner=owner,
        allowed=settings.collecting.allow_hosts,
        offline=offline,
        until=until,
        now=now,
    ) as web:
        yield web


def contact(settings: Settings) -> str:
    """Whom servers may write to about our requests."""
    return settings.collecting.contact or site(settings) or f"mailto:{wire_address(settings.sender.address)}"


def brings_papers(options: SourceOptions) -> bool:
    """Whether the source is more than an enricher."""
    try:
        return bool(getattr(registry.kind(options.kind), "brings_papers", True))
    except ValueError:
        return True


def _source(options: SourceOptions, tools: Tools) -> Source:
    try:
        return registry.kind(options.kind).build(options, tools)
    except ValueError as error:
        return _Unusable(options.name, str(error))


class _Unusable:
    """A source that could not be built, so that the others are."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self._why = why

    async def collect(self, ask: Ask) -> list[Batch]:
        raise SourceError(f"source {self.name}: {self._why}")


def listing_source(paths: Sequence[Path], year: int | None) -> Source:
    """A source for listing documents named on the command line."""
    return ListingSource("command-line", paths, year)


def records_source(path: Path | None) -> Source:
    """A source for papers as lines of JSON, in a file named on the command line or, without one, on standard input."""
    from newsletter.sources.jsonl.source import JsonlSource, JsonlStream  # late, as in the registry: few runs read it

    if path is None:
        return JsonlStream("command-line", sys.stdin.buffer)
    if path.is_file() or path.is_dir():
        return JsonlSource("command-line", path)
    try:
        return JsonlStream("command-line", path.open("rb"), path.name)  # a pipe with a name
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
