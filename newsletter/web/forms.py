"""Forms: what was typed into them, and what they offer to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import zip_longest

from babel import Locale
from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from newsletter import timezones
from newsletter.languages import LANGUAGES
from newsletter.model import Rhythm
from newsletter.subscribing.wishes import Typed, Wishes
from newsletter.subscribing.wording import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_TOPICS, Worded, terms
from newsletter.text import clean
from newsletter.web.desk import Desk

_MOST_FIELDS = 500
_LONGEST = 400
"""Characters of a field that we look at; nothing that means something to us is longer."""

RHYTHMS = {
    Rhythm.DAILY: "Every day",
    Rhythm.WEEKDAYS: "On weekdays",
    Rhythm.WEEKLY: "Once a week",
    Rhythm.MONDAYS: "On Mondays",
    Rhythm.TUESDAYS: "On Tuesdays",
    Rhythm.WEDNESDAYS: "On Wednesdays",
    Rhythm.THURSDAYS: "On Thursdays",
    Rhythm.FRIDAYS: "On Fridays",
    Rhythm.SATURDAYS: "On Saturdays",
    Rhythm.SUNDAYS: "On Sundays",
    Rhythm.MONTHLY: "Once a month",
}
"""What the page calls them."""


async def read(request: Request) -> FormData:
    """The form that was sent, without files. Answers 400 for what is none, 413 for what the Guard cut off."""
    try:
        return await request.form(max_files=0, max_fields=_MOST_FIELDS)
    except ClientDisconnect as error:
        raise HTTPException(413) from error
    except (LookupError, ValueError) as error:  # a charset that is none, or bytes that are not of it
        raise HTTPException(400) from error


def text(form: FormData, name: str) -> str:
    """A field as one line of printable text; empty when it is not there."""
    return _line(form.get(name))


def typed(form: FormData) -> Typed:
    """The fields of what a reader can choose."""
    return Typed(
        topics=[_line(one) for one in form.getlist("topics")],
        timezone=text(form, "timezone"),
        hour=text(form, "hour"),
        rhythm=text(form, "rhythm"),
        locale=text(form, "locale"),
        own=tuple(_own(form)),
    )


def lines(form: FormData, name: str) -> tuple[str, ...]:
    """Words, phrases or names that were typed into a field, with commas or new lines between them."""
    return terms(_whole(form.get(name)))


def as_typed(wanted: Wishes) -> Typed:
    """Wishes as a form shows them."""
    own = tuple(map(Worded.of, wanted.own))
    return Typed(wanted.topics, wanted.timezone, str(wanted.hour), wanted.rhythm, wanted.locale, own)


def choices(desk: Desk, chosen: Typed) -> dict[str, object]:
    """What `subscribe_choices.html.j2` shows, with what is chosen: `own` has one empty topic more, to be worded."""
    has_room = len(chosen.own) < MOST_TOPICS and not any(one.empty and not one.slug for one in chosen.own)
    return {
        "own": (*chosen.own, Worded()) if has_room else chosen.own,
        "longest_name": LONGEST_NAME,
        "longest_description": LONGEST_DESCRIPTION,
        "topics": desk.topics,
        "rhythms": RHYTHMS,
        "hours": [(str(hour), f"{hour:02}:00") for hour in range(24)],
        "timezones": zones(),
        "languages": [("", f"As the newsletter ({language_name(desk.settings.email.locale)})"), *_languages()],
        "chosen": chosen,
    }


@cache
def zones() -> tuple[str, ...]:
    """The time zones that are named after places, and UTC."""
    placed = {name for name in timezones.names() if "/" in name and not name.startswith("Etc/")}
    return ("UTC", *sorted(placed))


@cache
def _languages() -> tuple[tuple[str, str], ...]:
    return tuple((code, language_name(code)) for code in LANGUAGES)


def language_name(code: str) -> str:
    """A language in its own words."""
    return Locale.parse(code, sep="-").get_display_name() or code


def _own(form: FormData) -> Iterator[Worded]:
    """The topics in the reader's own words: each has a field of each name, in the same order. Those that are ticked in
    `own_out` are as if nothing was typed."""
    slugs, names, descriptions = (form.getlist(f"own_{name}") for name in ("slug", "name", "description"))
    lists = [form.getlist(f"own_{name}") for name in ("keywords", "exclude", "authors")]
    out = form.getlist("own_out")
    for slug, name, description, *three in zip_longest(slugs, names, descriptions, *lists, fillvalue=""):
        if slug and slug in out:
            yield Worded(slug=_line(slug))
        else:
            keywords, exclude, authors = (terms(_whole(one)) for one in three)
            yield Worded(clean(_whole(name)), clean(_whole(description)), keywords, exclude, authors, _line(slug))


def _line(value: object) -> str:
    return "".join(char if char.isprintable() else " " for char in _whole(value)[:_LONGEST])


def _whole(value: object) -> str:
    return value if isinstance(value, str) else ""
