"""What posts in channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from newsletter.daily import Publishing, Rules
from newsletter.daily.posting import Outlet, Posting
from newsletter.errors import ChannelError
from newsletter.model.post import Channel
from newsletter.settings import Settings
from newsletter.store import Store
from newsletter.store.owners import Owner


def channels_of(settings: Settings) -> Sequence[Channel]:
    """The configured channels, without their URLs."""
    return [Channel(one.name, one.topics, one.rhythm, one.papers) for one in settings.channels]


def channel_posting(
    settings: Settings,
    store: Store,
    publishing: Publishing,
    rules: Rules,
    now: Callable[[], datetime],
    owner: Owner,
) -> Posting:
    """What posts in the configured channels, in the name of `owner`."""
    channels, outlets, look = channels_of(settings), _outlets(settings), settings.email.look()
    return Posting(store, publishing, channels, outlets, look, rules, now, owner.name, owner.is_alive)


def unusable_channels(settings: Settings) -> list[str]:
    """A sentence for each channel that cannot be posted in as it is configured, without the URL and its secrets."""
    outlet, found = _outlets(settings), []
    for one in settings.channels:
        try:
            outlet(one.name)
        except ChannelError as error:
            found.append(str(error))
    return found


def _outlets(settings: Settings) -> Callable[[str], Outlet]:
    """What makes the one of a channel, by its name; it raises ChannelError."""
    urls = {one.name: one.url.get_secret_value() for one in settings.channels if one.url}

    def outlet(name: str) -> Outlet:
        from newsletter.chat.outlet import Outlet as Service  # Apprise takes a while to load

        return Service(name, urls[name])

    return outlet
