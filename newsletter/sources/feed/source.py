"""The source `feed`: any RSS or Atom feed, of a journal, of bioRxiv or medRxiv, of a blog."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from newsletter.model import Batch, Verdict
from newsletter.sources.base import Ask, Habits, Tools, Web
from newsletter.sources.feed.parser import parse_feed
from newsletter.sources.options import Address, Line, NetworkOptions

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


class FeedOptions(NetworkOptions):
    """A `[[sources]]` table with `kind = "feed"`."""

    kind: Literal["feed"] = Field(description="what sort of source it is: `feed`")
    url: Address = Field(description="the feed's own address, not that of the page that links to it")
    venue: Line = Field(
        "", max_length=200, description="put on its papers as where they were published; empty: what the feed says"
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.base_url is not None:
            raise ValueError("a feed is asked at its `url`: write its mirror's address there and leave `base_url` out")
        if self.url.username or self.url.password:
            raise ValueError("leave name and password out of `url`: give what the feed knows you by as `token`")
        return self


class FeedSource:
    """Reads one feed. A feed shows what it shows: asked for a day, it answers with its entries of that day."""

    Options: ClassVar = FeedOptions

    def __init__(self, options: FeedOptions, web: Web) -> None:
        self.name = options.name
        self._web = web
        self._url = str(options.url)
        self._venue = options.venue
        token = options.secret()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._habits = Habits("", options.pace, options.timeout, headers)

    @classmethod
    def build(cls, options: FeedOptions, tools: Tools) -> Self:
        """See `Kind.build`. Raises ValueError for a token file that cannot be read."""
        return cls(options, tools.web)

    async def collect(self, ask: Ask) -> list[Batch]:
        """One batch; see `Source.collect` and `parse_feed`. Raises SourceError when there is no answer."""
        answer = await self._web.ask(self.name, self._url, self._habits)
        charset = _CHARSET.search(answer.headers.get("content-type", ""))
        batch = await asyncio.to_thread(
            parse_feed,
            answer.body,
            name=self.name,
            url=self._url,
            charset=charset[1] if charset else "",
            venue=self._venue,
            today=ask.today,
            asked=ask.day,
            look_back=ask.look_back,
        )
        if batch.verdict in (Verdict.BROKEN, Verdict.PARTIAL):
            await self._web.reject(self.name, answer)
        return [batch]
