"""`topics.toml` and `subscribers.toml`: what readers can follow, and who reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationError, field_validator

from newsletter.errors import Fault
from newsletter.languages import language
from newsletter.model import Rhythm, Subscriber, Topic
from newsletter.model.edition import TRENDING
from newsletter.policy.address import normal_address
from newsletter.settings.faults import Place, faults_of, key_of
from newsletter.settings.schema import Address
from newsletter.settings.times import TimezoneName
from newsletter.sources.options import Line, Table

TableT = TypeVar("TableT", bound=Table)

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Wording = Annotated[str, Field(min_length=1, max_length=200)]

# An archive, with or without a subject class (https://arxiv.org/category_taxonomy).
_CATEGORY = re.compile(r"[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[a-z]+)*)?")


def _like_a_category(text: str) -> str:
    if not _CATEGORY.fullmatch(text):
        raise ValueError("must be a category of arXiv like “cs.CV”, “q-bio.NC” or “math”")
    return text


def _name(text: str) -> str:
    # A followed name without a letter would be found everywhere, or nowhere.
    if not (text.isprintable() and any(char.isalnum() for char in text)):
        raise ValueError("must be one line of printable text with a letter or a digit in it")
    return text.strip()


Category = Annotated[str, Field(max_length=40), AfterValidator(_like_a_category)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_name)]
Example = Annotated[str, Field(max_length=500), AfterValidator(_name)]


def _language_or_none(code: str) -> str:
    return language(code).code if code else ""


class TopicTable(Table):
    """A `[[topics]]` table."""

    slug: Slug
    name: Annotated[Line, Field(min_length=1, max_length=100)]
    description: str = Field("", max_length=5000)
    keywords: tuple[Wording, ...] = Field((), max_length=10_000)
    exclude: tuple[Wording, ...] = Field((), max_length=1000)
    min_score: float = Field(2.5, ge=0, le=100)
    max_papers: int = Field(5, ge=1, le=100)
    categories: tuple[Category, ...] = Field((), max_length=100)
    authors: tuple[Name, ...] = Field((), max_length=200)
    institutions: tuple[Name, ...] = Field((), max_length=200)
    examples: tuple[Example, ...] = Field((), max_length=200)
    weight: float = Field(1.0, gt=0, le=10)

    @field_validator("slug")
    @classmethod
    def _not_reserved(cls, slug: str) -> str:
        if slug == TRENDING:
            raise ValueError(f"“{TRENDING}” is the section of readers without topics; choose another slug")
        return slug


class SubscriberTable(Table):
    """A `[[subscribers]]` table."""

    address: Address
    name: Line = Field("", max_length=200)
    topics: tuple[str, ...] = Field((), max_length=200)
    timezone: TimezoneName = "UTC"
    hour: int = Field(7, ge=0, le=23)
    rhythm: Rhythm = Rhythm.DAILY
    locale: Annotated[str, AfterValidator(_language_or_none)] = ""


class TopicsFile(Table):
    topics: tuple[TopicTable, ...] = ()


class SubscribersFile(Table):
    subscribers: tuple[SubscriberTable, ...] = ()


def topics_of(values: dict[str, Any], file: str, faults: list[Fault]) -> list[Topic]:
    """The topics of a parsed `topics.toml`; everything wrong is added to `faults`, good topics are returned anyway."""
    faults.extend(_faults(values, TopicsFile, file))
    slugs = [(number, table.get("slug")) for number, table in _tables(values, "topics")]
    for number, slug, _ in _repeated(slugs):
        faults.append(Fault(file, f"topics[{number}].slug", f"“{slug}” is defined twice; rename one"))
    good = [Topic(**table.model_dump()) for table in _valid(_tables(values, "topics"), TopicTable)]
    # A topic with a fault of its own is still defined: its readers need no second complaint.
    known = {topic.slug for topic in good}
    return good + [Topic(slug, slug) for _, slug in slugs if isinstance(slug, str) and slug not in known]


def subscribers_of(
    values: dict[str, Any], file: str, known_topics: Collection[str] | None, faults: list[Fault]
) -> list[Subscriber]:
    """The readers of a parsed `subscribers.toml`. `known_topics` are the slugs that exist, None when nobody knows."""
    faults.extend(_faults(values, SubscribersFile, file))
    tables = _tables(values, "subscribers")
    addresses = [(number, _normal_or_none(table.get("address"))) for number, table in tables]
    for number, address, first in _repeated(addresses):
        why = f"“{address}” is already subscriber {first}; keep one of the two"
        faults.append(Fault(file, f"subscribers[{number}].address", why))
    if known_topics is not None:
        faults.extend(_undefined_topics(tables, known_topics, file))
    fields = [table.model_dump() for table in _valid(tables, SubscriberTable)]
    return [Subscriber(**one | {"topics": tuple(dict.fromkeys(one["topics"]))}) for one in fields]


def _undefined_topics(
    tables: Iterable[tuple[int, dict[str, Any]]], known: Collection[str], file: str
) -> Iterator[Fault]:
    for number, table in tables:
        slugs = table.get("topics")
        for slug in slugs if isinstance(slugs, list) else []:
            if isinstance(slug, str) and slug not in known:
                yield Fault(file, f"subscribers[{number}].topics", unknown_topic(slug, known))


def unknown_topic(slug: Any, known: Collection[str]) -> str:
    """The sentence for a topic that nobody defined."""
    near = get_close_matches(str(slug), known, n=1)
    hint = f"; did you mean “{near[0]}”?" if near else f"; topics.toml defines {', '.join(sorted(known)) or 'none'}"
    return f"there is no topic “{slug}”{hint}"


def _faults(values: dict[str, Any], model: type[Table], file: str) -> list[Fault]:
    def where(place: Place) -> tuple[str, str]:
        return file, key_of(place)

    try:
        model.model_validate(values)
    except ValidationError as error:
        return faults_of(error, model, where)
    return []


def _tables(values: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """The tables of a file, valid or not, numbered from 1."""
    tables = values.get(key)
    numbered = enumerate(tables if isinstance(tables, list) else [], start=1)
    return [(number, table) for number, table in numbered if isinstance(table, dict)]


def _valid(tables: Iterable[tuple[int, dict[str, Any]]], model: type[TableT]) -> list[TableT]:
    """Those that validate; what is wrong with the others has been said."""
    good = []
    for _, table in tables:
        with suppress(ValidationError):
            good.append(model.model_validate(table))
    return good


def _repeated(named: Iterable[tuple[int, Any]]) -> list[tuple[int, str, int]]:
    """(number, name, number of the first) of every name that came before."""
    first: dict[str, int] = {}
    pairs = [(number, name) for number, name in named if isinstance(name, str)]
    return [(number, name, first[name]) for number, name in pairs if first.setdefault(name, number) != number]


def _normal_or_none(address: Any) -> str | None:
    try:
        return normal_address(str(address))
    except ValueError:
        return None
