"""Channels, as far as can be told without posting there."""

from __future__ import annotations

from newsletter.doctor.findings import Finding, fail, ok
from newsletter.errors import ChannelError
from newsletter.settings import Settings


def channels(settings: Settings) -> list[Finding]:
    """Whether each channel's URL is one that Apprise can post to; nothing without channels. Nothing is posted."""
    if not settings.channels:
        return []
    from newsletter.chat.outlet import Outlet  # Apprise takes a while to load

    found = []
    for one in settings.channels:
        name = f"channel {one.name}"
        try:
            outlet = Outlet(one.name, one.url.get_secret_value() if one.url else "")
        except ChannelError as error:
            found.append(fail(name, str(error)))
            continue
        said = f"{outlet.service} takes posts of {outlet.limit:,} characters, as {outlet.form}; none was sent."
        found.append(ok(name, said))
    return found
