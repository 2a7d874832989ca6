"""What tells the operator."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from newsletter.assembly.mailing import letterhead, opened_mailer, signers
from newsletter.daily.watching import Post, Watch
from newsletter.heartbeat import ping
from newsletter.settings import Configuration
from newsletter.settings.keys import secret_keys
from newsletter.store import Store


def watch(configuration: Configuration, store: Store) -> Watch:
    """What looks after the runs of an installation. Nothing of it is open between two calls."""
    settings = configuration.settings
    operator, zone = settings.operator, ZoneInfo(settings.schedule.timezone)

    def today(now: datetime) -> date:
        return now.astimezone(zone).date()

    async def heartbeat() -> str:
        return await ping(str(settings.heartbeat.url)) if settings.heartbeat.url else ""

    return Watch(
        store,
        partial(opened_mailer, settings, store, 1, patience=0),  # a relay that is away is asked again at the next look
        Post(operator.address, letterhead(settings), secret_keys(settings)[-1].encode(), signers(settings)),
        heartbeat,
        configuration.command,
        today,
        timedelta(hours=operator.silence) if operator.silence else None,
    )
