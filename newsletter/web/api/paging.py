"""Lists, a page at a time: a cursor says where the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

from newsletter.web.api.problems import FaultyError
from newsletter.web.bounds import LAST_DELIVERY, LAST_ROW, fits

_LONGEST = 4_000


def iso_day(text: object) -> object:
    """A day as ISO 8601 writes it with hyphens; pydantic would take numbers and moments, too."""
    if isinstance(text, str) and (len(text) != 10 or text[4:8:3] != "--"):
        raise ValueError("a day is written like 2025-03-12")
    return text


Day = Annotated[date, BeforeValidator(iso_day)]

Cursor = Annotated[
    str,
    Query(max_length=_LONGEST, description="What `next` of the page before said; without it, the first page."),
]
Limit = Annotated[int, Query(ge=1, le=100, description="The most rows of a page; it may hold less.")]


def cursor(*place: object) -> str:
    """`place` as an opaque word; days as ISO 8601."""
    return base64.urlsafe_b64encode(json.dumps(place, default=str).encode()).decode().rstrip("=")


def place_of(given: str, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The place in a cursor, each part read by one of `kinds`; None without a cursor. Raises FaultyError for one
    that is none of ours."""
    if not given:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise FaultyError({"cursor": "this is no cursor of this list: leave it out for the first page"}) from None


def number(part: Any) -> int:
    """The number of a row, or a place in a list. Raises ValueError for what is none."""
    return _up_to(LAST_ROW, part)


def delivery_number(part: Any) -> int:
    """The number of a delivery. Raises ValueError for what is none."""
    return _up_to(LAST_DELIVERY, part)


def word(part: Any) -> str:
    """A text that a database can hold. Raises ValueError for what is none."""
    if not isinstance(part, str) or not fits(part):
        raise ValueError("a text has neither NUL nor half a character in it")
    return part


def day(part: Any) -> date:
    """A day. Raises ValueError."""
    return date.fromisoformat(word(part))


def _up_to(last: int, part: Any) -> int:
    if type(part) is not int or not 0 <= part <= last:
        raise ValueError
    return part
