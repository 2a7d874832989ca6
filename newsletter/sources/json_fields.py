"""What a JSON object from outside holds under its names, and what is wrong with it, in sentences. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

MOST_TEXT = 1_000
MOST_ENTRIES = 5_000  # the longest lists of authors have 3,000 names
MOST_NUMBER = 2**31 - 1  # what the INTEGER of every database holds
MOST_ADDRESS = 2_000

# NaN is no JSON, but many programs write it for what they do not know.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
_BREAKS = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]\s*")
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def decoded(content: bytes) -> Any:
    """The JSON value that is written there. Raises ValueError with a sentence that follows the name of the place."""
    try:
        return _DECODER.decode(content.removeprefix(b"\xef\xbb\xbf").decode().strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos + 1:,})") from None
    except (RecursionError, ValueError):  # lists in lists in lists; a number of thousands of digits
        raise ValueError("is JSON that cannot be read: nested too deep, or with a number too long") from None


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null")


def short(text: str) -> str:
    """A text from outside, for a sentence: one printable line of at most 40 characters."""
    line = "".join(one if one.isprintable() else "?" for one in text[:41])
    return line if len(text) <= 40 else f"{line[:39]}…"


def is_web_address(text: str) -> bool:
    """Whether `text` is an http or https address of a host, with nothing in it that could end an attribute or a line,
    and nobody's password."""
    if len(text) > MOST_ADDRESS or not text.isprintable() or set(text) & set(' "<>`\\'):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port  # raises ValueError for what is none
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port != 0


@dataclass(slots=True)
class Fields:
    """The fields of one JSON object. What is null, missing or NaN is not there; whatever is there but is not what was
    asked for is not there either, and said in `faults`. `removed` names the texts from which characters were removed
    that no text may hold. `path` is put before the names of an object in an object."""

    record: Mapping[str, Any]
    path: str = ""
    faults: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def text(self, key: str, most: int = MOST_TEXT) -> str:
        """One line of text of at most `most` characters; empty when there is none. Line breaks become spaces, controls
        and lone surrogates are removed, all else is as it was."""
        value = self._known(key)
        if isinstance(value, str):
            return self._tidy(key, value, most)
        if value is not None:
            self._fault(key, f"must be text, not {kind_of(value)}")
        return ""

    def texts(self, key: str, most: int = MOST_TEXT) -> tuple[str, ...]:
        """A list of texts, without the empty ones."""
        found = []
        for value in self._list(key):
            if not isinstance(value, str):
                self._fault(key, f"must be a list of texts; {kind_of(value)} is in it")
                return ()
            found.append(self._tidy(key, value, most))
        return tuple(text for text in found if text)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text with spaces between ("cs.CV cs.LG")."""
        value = self._known(key)
        return tuple(self._tidy(key, value, 10 * MOST_TEXT).split()) if isinstance(value, str) else self.texts(key)

    def whole(self, key: str, least: int = 0) -> int | None:
        """A whole number from `least` to MOST_NUMBER."""
        value = self._known(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= MOST_NUMBER:
            self._fault(key, f"must be a whole number from {least} to {MOST_NUMBER:,}, not {_shown(value)}")
            return None
        if value != int(value):
            self._fault(key, f"must be a whole number, not {value}")
            return None
        return int(value)

    def day(self, key: str) -> date | None:
        """A day like 2025-03-12, also with a time behind it."""
        text = self.text(key)
        try:
            return datetime.fromisoformat(text).date() if text else None
        except ValueError:
            self._fault(key, f"must be a day like 2025-03-12, not “{short(text)}”")
            return None

    def part(self, key: str) -> Fields:
        """An object in the object; one without fields when there is none."""
        value = self._known(key)
        if value is not None and not isinstance(value, dict):
            self._fault(key, f"must be an object, not {kind_of(value)}")
        return self._inner(key, value if isinstance(value, dict) else {})

    def parts(self, key: str) -> list[Fields]:
        """A list of objects."""
        values = self._list(key)
        if other := [value for value in values if not isinstance(value, dict)]:
            self._fault(key, f"must be a list of objects; {kind_of(other[0])} is in it")
        return [self._inner(key, value) for value in values if isinstance(value, dict)]

    def _inner(self, key: str, record: Mapping[str, Any]) -> Fields:
        return Fields(record, f"{self.path}{key}.", self.faults, self.removed)

    def _list(self, key: str) -> list[Any]:
        value = self._known(key)
        if isinstance(value, list) and len(value) <= MOST_ENTRIES:
            return value
        if isinstance(value, list):
            self._fault(key, f"must have at most {MOST_ENTRIES:,} entries, not {len(value):,}")
        elif value is not None:
            self._fault(key, f"must be a list, not {kind_of(value)}")
        return []

    def _tidy(self, key: str, text: str, most: int) -> str:
        if not text.isprintable():
            text = _BREAKS.sub(" ", text)
            tidy = _HARMFUL.sub("", text)
            if tidy != text:
                self.removed.append(f"{self.path}{key}")
                text = tidy
        text = text.strip()
        if len(text) > most:
            self._fault(key, f"must have at most {most:,} characters, not {len(text):,}")
            return ""
        return text

    def _known(self, key: str) -> Any:
        value = self.record.get(key)
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def _fault(self, key: str, why: str) -> None:
        self.faults.append(f"“{self.path}{key}” {why}")


def _shown(value: object) -> str:
    # A number may have thousands of digits.
    return short(str(value)) if isinstance(value, float | int) and abs(value) < 10**30 else kind_of(value)
