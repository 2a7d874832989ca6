"""From records (lines of JSON, or mappings) to papers, topics and verdicts; what is wrong with one, in a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from numbers import Integral, Real
from typing import Any, TypeVar

from newsletter.errors import ConfigurationError, Fault
from newsletter.model import Opinion, Paper, ReadablePaper, Topic
from newsletter.text import readable

Record = Mapping[str, Any]
Read = TypeVar("Read")

FAULTS_SAID = 20

# NaN is no JSON, but many programs write it for what they do not know.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


@dataclass(frozen=True, slots=True)
class Records:
    """Records from one place: each a mapping, or a line of JSON that holds one. Faults are told as `name`:number."""

    name: str
    rows: Iterable[Record | bytes]


@dataclass(frozen=True, slots=True)
class Given:
    """A paper with its id as it was given: text or a whole number."""

    id: str | int
    paper: ReadablePaper


@dataclass(frozen=True, slots=True)
class Opined:
    """A verdict as it was given: `topic` is a slug, `paper` names a paper, `day` is None when nobody says."""

    topic: str
    paper: str
    opinion: Opinion
    day: date | None


@dataclass
class Reading:
    """Reads records one kind after the other; `faults` are all that were found."""

    faults: list[Fault] = field(default_factory=list)

    def all(self, records: Records, read: Callable[[Record], Read]) -> list[Read]:
        """What `read` makes of each of `records`; those of which it makes nothing become faults."""
        return list(self._each(records, read))

    def _each(self, records: Records, read: Callable[[Record], Read]) -> Iterator[Read]:
        for number, row in enumerate(records.rows, start=1):
            try:
                if isinstance(row, bytes) and not (row := row.removeprefix(b"\xef\xbb\xbf").strip()):
                    continue
                yield read(_record(row))
            except ValueError as error:
                self.faults.append(Fault(f"{records.name}:{number}", "", str(error)))

    def check(self) -> None:
        """Raises ConfigurationError when there were faults."""
        said, more = self.faults[:FAULTS_SAID], len(self.faults) - FAULTS_SAID
        if said:
            raise ConfigurationError([*said, *([Fault("and", "", f"{more} more like these")] if more > 0 else [])])


def paper(record: Record) -> Given:
    """`id, title, abstract[, authors, categories, institutions, day, votes]`. Raises ValueError with a sentence."""
    given = _id(record, "id", "paper")
    one = Paper(
        id=str(given),
        title=_text(record, "title"),
        abstract=_text(record, "abstract"),
        authors=_texts(record, "authors"),
        # No listing: the order of the records is no page, and places on one would count.
        first_seen=_day(record, "day"),
        votes=_whole(record, "votes", least=0),
        categories=_words(record, "categories"),
        institutions=_texts(record, "institutions"),
    )
    return Given(given, readable(one))


def topic(record: Record) -> Topic:
    """`slug, name, description[, keywords, exclude, categories, authors, institutions, examples, min_score, max_papers,
    weight]`. Raises ValueError with a sentence."""
    chosen: dict[str, Any] = {
        "min_score": _number(record, "min_score"),
        "max_papers": _whole(record, "max_papers", least=1),
        "weight": _number(record, "weight", above=0.0),
    }
    return Topic(
        slug=str(_id(record, "slug", "topic")),
        name=_text(record, "name"),
        description=_text(record, "description"),
        keywords=_texts(record, "keywords"),
        exclude=_texts(record, "exclude"),
        categories=_words(record, "categories"),
        authors=_texts(record, "authors"),
        institutions=_texts(record, "institutions"),
        examples=_texts(record, "examples"),
        **{key: value for key, value in chosen.items() if value is not None},
    )


def opined(record: Record) -> Opined:
    """`topic, paper, verdict[, day or at]`. Raises ValueError with a sentence."""
    verdict = _text(record, "verdict")
    if verdict not in set(Opinion):
        raise ValueError(f"“verdict” must be {', '.join(Opinion)}, not “{_short(verdict)}”")
    about = str(_id(record, "topic", "verdict")), str(_id(record, "paper", "verdict"))
    return Opined(*about, Opinion(verdict), _day(record, "day") or _day(record, "at"))


def _record(row: object) -> Record:
    if isinstance(row, bytes):
        row = _decoded(row)
    if not isinstance(row, Mapping):
        raise ValueError(f"holds {_kind(row)}; write one JSON object, {{…}}, for each")
    return row


def _decoded(line: bytes) -> object:
    try:
        return _DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg}, column {error.colno}); write one object, {{…}}, a line") from None
    except (RecursionError, ValueError):  # lists in lists in lists; a number of thousands of digits
        raise ValueError("is JSON that cannot be read: nested too deep, or with a number too long") from None


def _id(record: Record, key: str, what: str) -> str | int:
    value = _known(record, key)
    if not isinstance(value, bool) and isinstance(value, Integral):
        return int(value)
    if isinstance(value, str) and value.strip():
        return value
    if value is None or value == "":
        raise ValueError(f"the {what} has no “{key}”")
    # A number with a point would lose its last 0: 2503.01230.
    raise ValueError(f"“{key}” must be text or a whole number; put it in quotes")


def _text(record: Record, key: str) -> str:
    value = _known(record, key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"“{key}” must be text, not {_kind(value)}")
    return value


def _texts(record: Record, key: str) -> tuple[str, ...]:
    value = _known(record, key)
    if value is None:
        return ()
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        raise ValueError(f"“{key}” must be a list of texts, not {_kind(value)}")
    several = list(value)
    if other := [one for one in several if not isinstance(one, str)]:
        raise ValueError(f"“{key}” must be a list of texts; {_kind(other[0])} is in it")
    return tuple(one for one in several if one.strip())


def _words(record: Record, key: str) -> tuple[str, ...]:
    """A list, or one text with spaces between ("cs.CV cs.LG")."""
    value = _known(record, key)
    return tuple(value.split()) if isinstance(value, str) else _texts(record, key)


def _day(record: Record, key: str) -> date | None:
    value = _known(record, key)
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    text = _text(record, key).strip()
    try:
        return datetime.fromisoformat(text).date() if text else None
    except ValueError:
        raise ValueError(f"“{key}” must be a day like 2025-03-12, not “{_short(text)}”") from None


def _number(record: Record, key: str, above: float = -math.inf) -> float | None:
    value = _known(record, key)
    if value is None:
        return None
    number = _real(value)
    if not above < number < math.inf:
        raise ValueError(f"“{key}” must be a number{f' above {above:g}' if above > -math.inf else ''}")
    return number


def _whole(record: Record, key: str, least: int) -> int | None:
    value = _known(record, key)
    if value is None:
        return None
    number = _real(value)
    if not number.is_integer() or number < least:
        raise ValueError(f"“{key}” must be a whole number, {least} or more")
    return int(number)


def _real(value: object) -> float:
    """NaN for what is no number, or one beyond all measure."""
    try:
        return float(value) if not isinstance(value, bool) and isinstance(value, Real) else math.nan
    except OverflowError:
        return math.nan


def _known(record: Record, key: str) -> Any:
    """The value of `key`; None also for what is no number and no text but the sign that nothing is known."""
    value = record.get(key)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", type(None): "null"}
    return kinds.get(type(value), "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
