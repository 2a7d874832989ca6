"""The `[[channels]]` tables: where a topic's picks are posted besides e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from newsletter.model import Rhythm
from newsletter.settings.relays import RelayName
from newsletter.sources.options import Table

MOST_PAPERS = 20


class ChannelTable(Table):
    """A `[[channels]]` table. `url` is what Apprise calls the place, and holds its tokens."""

    name: RelayName
    url: SecretStr | None = None
    topics: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    rhythm: Rhythm = Rhythm.DAILY
    papers: int = Field(5, ge=1, le=MOST_PAPERS)

    @field_validator("url")
    @classmethod
    def _like_a_url(cls, url: SecretStr | None) -> SecretStr | None:
        text = url.get_secret_value() if url else "x://"
        if "://" not in text or not text.isprintable() or " " in text:
            raise ValueError("must be an Apprise URL like slack://... or discord://..., on one line")
        return url


def completed(channels: tuple[ChannelTable, ...], urls: Mapping[str, SecretStr]) -> tuple[ChannelTable, ...]:
    """`channels`, each with its URL: that of `urls`, by name, before its own. Raises ValueError for two of one name,
    for one without a URL, and for a URL of nobody."""
    names = [one.name for one in channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two channels are named “{twice[0]}”; give each a name of its own")
    if unknown := sorted(urls.keys() - set(names)):
        raise ValueError(f"channel_urls names “{unknown[0]}”, and there is no channel of that name")
    if missing := [one.name for one in channels if not (one.url or one.name in urls)]:
        raise ValueError(f"the channel “{missing[0]}” needs a url, in its table or in channel_urls")
    fields = ChannelTable.model_fields
    return tuple(
        ChannelTable(**{name: getattr(one, name) for name in fields} | {"url": urls.get(one.name, one.url)})
        for one in channels
    )
