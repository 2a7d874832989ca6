"""Who carries a run out, as the setting `dispatch` says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from newsletter.cli.console import remark
from newsletter.errors import ConfigurationError, Fault, NewsletterError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from newsletter.assembly import OpenedDispatch
    from newsletter.daily import Rules
    from newsletter.daily.collecting import Progress
    from newsletter.fleet import Fleet
    from newsletter.fleet.staff import Likeness
    from newsletter.settings import Configuration, Settings
    from newsletter.store import Store
    from newsletter.web.answering import Noted


def server(settings: Settings) -> str:
    """The URL of the PostgreSQL that a fleet works on. Raises ConfigurationError when another database is named, or the
    keys that sign links are not: each machine would make its own; NewsletterError when the extra is missing."""
    faults = []
    if not settings.database.url.startswith("postgresql"):
        why = "a fleet needs PostgreSQL: set it to postgresql://user:password@host/name, or set dispatch to local"
        faults.append(Fault("settings", "database.url", why))
    if not settings.secret_keys:
        why = "a fleet signs links with the same keys on every machine: set them; a file of the state folder has yours"
        faults.append(Fault("settings", "secret_keys", why))
    if faults:
        raise ConfigurationError(faults)
    try:
        import newsletter.fleet  # noqa: F401 - only to say what is missing
    except ImportError as error:
        raise NewsletterError("a fleet needs the extra `fleet`: pip install 'paper-newsletter[fleet]'") from error
    return settings.database.url


def alike(settings: Settings) -> Likeness:
    """What every machine of a fleet must have in common."""
    from newsletter.fleet.staff import likeness
    from newsletter.settings.keys import secret_keys

    return likeness(tuple(secret_keys(settings)), str(settings.site.url or ""))


def dispatch(loaded: Configuration, progress: Progress = lambda step, done, total: None) -> OpenedDispatch | None:
    """What opens the fleet, where the settings ask for one. Raises as `server` does."""
    if loaded.settings.dispatch == "local":
        return None
    url = server(loaded.settings)
    from newsletter.assembly import utc_now
    from newsletter.fleet import Fleet, Jobs
    from newsletter.fleet.jobs import new_app

    @asynccontextmanager
    async def opened(store: Store, rules: Rules, is_alive: Callable[[str], bool | None]) -> AsyncIterator[Fleet]:
        sources = [one.name for one in loaded.settings.sources]
        jobs = Jobs(new_app(url), store)
        yield Fleet(jobs, store, rules, alike(loaded.settings), sources, is_alive, utc_now, progress, remark)

    return opened


def confirming(loaded: Configuration) -> Callable[[Store], Awaitable[Noted]] | None:
    """What has the fleet answer sign-ups, where the settings ask for one. Raises as `server` does."""
    if loaded.settings.dispatch == "local":
        return None
    url = server(loaded.settings)
    from newsletter.fleet import Jobs
    from newsletter.fleet.jobs import new_app

    async def elsewhere(store: Store) -> Noted:
        jobs = Jobs(new_app(url), store)
        await jobs.prepare()

        async def noted(connection: AsyncConnection) -> None:
            await jobs.defer("confirm", {}, connection=connection)

        return noted

    return elsewhere
