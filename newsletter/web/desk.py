"""What a request needs, put together once when the server starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from newsletter.daily import Daily
from newsletter.mail.tokens import Tokens
from newsletter.model import Topic
from newsletter.settings import Settings
from newsletter.store import Store
from newsletter.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Desk:
    """`topics` are those of the configuration; `now` gives aware UTC."""

    settings: Settings
    topics: tuple[Topic, ...]
    daily: Daily
    tokens: Tokens
    pages: Pages
    now: Callable[[], datetime]

    @property
    def store(self) -> Store:
        return self.daily.store


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
"""The type of a handler's parameter: `async def front(desk: AtDesk) -> Response`."""
