"""What is asked of a list: its filters, and where the last page ended."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import HTTPException, Request

from newsletter.text import clean
from newsletter.web.bounds import LAST_ROW

Word = TypeVar("Word", bound=StrEnum)

LONGEST = 200
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

# Before and after any mail; beside them a day can be counted on from.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(9998, 12, 30)


class Asked:
    """The query of a request, read field by field. What cannot be read is passed over, with a sentence in `faults`."""

    def __init__(self, request: Request) -> None:
        self._given = request.query_params
        self.given: dict[str, str] = {}
        self.faults: list[str] = []

    def text(self, name: str) -> str:
        """A field as one line."""
        return self._kept(name, clean(self._given.get(name, "")[:LONGEST]))

    def word(self, name: str, words: type[Word]) -> Word | None:
        """A field that is one of `words`."""
        given = self.text(name)
        if given and given not in set(words):
            self._fault(name, f"“{given}” is none of {', '.join(words)}")
            return None
        return words(given) if given else None

    def day(self, name: str) -> date | None:
        """A field that is a day."""
        given = self.text(name)
        try:
            day = date.fromisoformat(given) if given else None
        except ValueError:
            self._fault(name, f"“{given}” is not a day like 2025-03-12")
            return None
        if day and not _FIRST_DAY <= day <= _LAST_DAY:
            self._fault(name, f"{day} is no day of this newsletter")
            return None
        return day

    def more(self, path: str, name: str, place: str) -> str:
        """The address of the next page of the list at `path`: the same filters, and `place` in the field `name`."""
        return f"{path}?{urlencode({key: value for key, value in self.given.items() if value} | {name: place})}"

    def cursor(self, name: str) -> str:
        """Where the last page ended; it is no filter."""
        return clean(self._given.get(name, "")[:LONGEST])

    def _kept(self, name: str, value: str) -> str:
        self.given[name] = value
        return value

    def _fault(self, name: str, why: str) -> None:
        self.given[name] = ""
        self.faults.append(f"The {name}: {why}.")


def number(text: str, last: int = LAST_ROW) -> int:
    """A row's number, up to the `last`, as our links write it; anything else is no address of ours."""
    if not _NUMBER.fullmatch(text) or int(text) > last:
        raise HTTPException(404)
    return int(text)
