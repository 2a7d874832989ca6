"""What a reader can choose, read from what they typed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from newsletter import timezones
from newsletter.languages import language
from newsletter.model import Rhythm, Subscriber, Topic
from newsletter.subscribing.wording import Worded, own_topics

Some = TypeVar("Some")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a reader follows and when they read: the fields of a `Subscriber` of the same names."""

    topics: tuple[str, ...] = ()
    timezone: str = "UTC"
    hour: int = 7
    rhythm: Rhythm = Rhythm.DAILY
    locale: str = ""
    own: tuple[Topic, ...] = ()

    def fields(self) -> dict[str, Any]:
        """The values by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def of(cls, reader: Subscriber) -> Wishes:
        """What `reader` has chosen."""
        return cls(**{one.name: getattr(reader, one.name) for one in fields(cls)})


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of a form as they were typed."""

    topics: Sequence[str]
    timezone: str
    hour: str
    rhythm: str
    locale: str
    own: Sequence[Worded] = ()


class Faults(dict[str, str]):
    """What is wrong, a sentence by the name of its field."""

    def unless(self, field: str, read: Callable[[str], Some], text: str, otherwise: Some) -> Some:
        """`text` as `read` reads it; `otherwise`, with the fault noted, when that raises ValueError."""
        try:
            return read(text)
        except ValueError as error:
            self[field] = str(error)
            return otherwise


def wishes(typed: Typed, topics: Collection[str], faults: Faults, own: Collection[str] = ()) -> Wishes:
    """The wishes in `typed`; what is wrong is added to `faults`. `topics` are the slugs there are to choose from, `own`
    those of the reader's own topics."""
    slugs = tuple(dict.fromkeys(typed.topics))
    if unknown := [slug for slug in slugs if slug not in topics]:
        faults["topics"] = f"there is no topic “{unknown[0][:60]}”"
    return Wishes(
        topics=slugs,
        timezone=faults.unless("timezone", timezones.checked, typed.timezone, "UTC"),
        hour=faults.unless("hour", hour, typed.hour, 7),
        rhythm=faults.unless("rhythm", rhythm, typed.rhythm, Rhythm.DAILY),
        locale=faults.unless("locale", locale, typed.locale, ""),
        own=own_topics(typed.own, own, faults),
    )


def hour(text: str) -> int:
    """An hour, 0 to 23. Raises ValueError for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > 23:
        raise ValueError(f"the hour must be 0 to 23, not “{text[:20]}”")
    return int(text)


def rhythm(text: str) -> Rhythm:
    """A rhythm by its name. Raises ValueError for what is none."""
    try:
        return Rhythm(text.casefold())
    except ValueError:
        raise ValueError(f"the rhythm must be {', '.join(Rhythm)}, not “{text[:20]}”") from None


def locale(code: str) -> str:
    """The code of a language there is; empty, the newsletter's own, stays so. Raises ValueError for another."""
    return language(code).code if code else ""
