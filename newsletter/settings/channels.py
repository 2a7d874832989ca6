"""The `[[channels]]` tables: where a topic's picks are posted besides e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from newsletter.model import Rhythm
from newsletter.settings.relays import RelayName
from newsletter.sources.options import Table

MOST_PAPERS = 20


def _like_a_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text and ("://" not in text or not text.isprintable() or " " in text):
        raise ValueError("must be an Apprise URL like slack://... or discord://..., on one line")
    return url


ChannelUrl = Annotated[SecretStr, AfterValidator(_like_a_url)]
"""What Apprise calls a place, with its tokens. An empty one is as good as none (see `completed`)."""


class ChannelTable(Table):
    """A `[[channels]]` table."""

    name: RelayName
    url: ChannelUrl | None = None
    topics: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    rhythm: Rhythm = Rhythm.DAILY
    papers: int = Field(5, ge=1, le=MOST_PAPERS)


def completed(channels: tuple[ChannelTable, ...], urls: Mapping[str, SecretStr]) -> tuple[ChannelTable, ...]:
    """`channels`, each with its URL: that of `urls`, by name, before its own. Raises ValueError for two of one name,
    for one without a URL, and for a URL of nobody."""
    names = [one.name for one in channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two channels are named “{twice[0]}”; give each a name of its own")
    if unknown := sorted(urls.keys() - set(names)):
        raise ValueError(f"channel_urls names “{unknown[0]}”, and there is no channel of that name")
    found = {one.name: urls.get(one.name) or one.url for one in channels}
    if missing := [name for name, url in found.items() if not url]:
        raise ValueError(f"the channel “{missing[0]}” needs a url, in its table or in channel_urls")
    return tuple(one.model_copy(update={"url": found[one.name]}) for one in channels)
