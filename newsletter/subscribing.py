"""How readers come and go: by the configuration file, by a CSV file, and out again."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TextIO
from zoneinfo import ZoneInfo

from newsletter.languages import language
from newsletter.model import Rhythm, Subscriber
from newsletter.policy.address import normal_address
from newsletter.store import Store

COLUMNS = ("address", "name", "topics", "timezone", "hour", "rhythm", "locale")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a CSV file that was not taken, and why. `line` counts from 1, the header included."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to: readers added and updated, rows not taken, addresses that left and stay away."""

    added: int
    updated: int
    bad: tuple[BadRow, ...]
    stayed_away: tuple[str, ...]


async def import_csv(store: Store, file: TextIO, topics: Collection[str]) -> Imported:
    """Take the readers of a CSV file with the columns `address,name,topics,timezone,hour,rhythm,locale`.

    Only `address` is needed; topics are slugs separated by `;`, all of which must be in `topics`. A bad row is reported
    and the others are taken. Who left or was suppressed is not brought back.
    """
    bad: list[BadRow] = []
    good: dict[str, Subscriber] = {}
    of_file = {one.address for one in await store.subscribers.all() if one.origin == "file" and one.status != "left"}
    for line, row in _rows(file, bad):
        try:
            reader = _reader(row, topics)
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
            continue
        if reader.address in of_file:
            bad.append(BadRow(line, f"“{reader.address}” belongs to subscribers.toml; change it there"))
            continue
        if reader.address in good:
            bad.append(BadRow(line, f"“{reader.address}” came before in this file; the first row is taken"))
        good.setdefault(reader.address, reader)
    added, updated, stayed_away = await store.subscribers.add(list(good.values()))
    return Imported(added, updated, tuple(bad), tuple(stayed_away))


def _rows(file: TextIO, bad: list[BadRow]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file, strict=True)
    try:
        header = [name.strip(" \ufeff").casefold() for name in next(reader, [])]
        if "address" not in header:
            bad.append(BadRow(1, f"the first line must name the columns: {','.join(COLUMNS)}"))
            return
        if unknown := [name for name in header if name not in COLUMNS]:
            bad.append(BadRow(1, f"there is no column “{unknown[0]}”; known are {','.join(COLUMNS)}"))
            return
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(header):
                bad.append(BadRow(reader.line_num, f"has {len(row)} cells, the header {len(header)}"))
                continue
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in row), strict=False))
    except csv.Error as error:
        bad.append(BadRow(reader.line_num, f"is not CSV: {error}; the rows after it were not read"))
    except UnicodeDecodeError as error:
        bad.append(BadRow(reader.line_num + 1, f"is not UTF-8 text ({error.reason}); save the file as UTF-8"))


def _reader(row: dict[str, str], topics: Collection[str]) -> Subscriber:
    address = normal_address(row["address"])
    name = row.get("name", "")
    if len(name) > 200 or not name.isprintable():
        raise ValueError("the name must be one line of at most 200 printable characters")
    slugs = tuple(dict.fromkeys(slug.strip() for slug in row.get("topics", "").split(";") if slug.strip()))
    for slug in slugs:
        if slug not in topics:
            near = get_close_matches(slug, topics, n=1)
            raise ValueError(f"there is no topic “{slug}”{f'; did you mean “{near[0]}”?' if near else ''}")
    return Subscriber(
        address=address,
        name=name,
        topics=slugs,
        timezone=_timezone(row.get("timezone") or "UTC"),
        hour=_hour(row.get("hour") or "7"),
        rhythm=_rhythm(row.get("rhythm") or "daily"),
        locale=language(row["locale"]).code if row.get("locale") else "",
        origin="import",
    )


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone “{name}”; use a name like “Europe/Berlin”") from None


def _hour(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 23:
        raise ValueError(f"the hour must be 0 to 23, not “{text[:20]}”")
    return int(text)


def _rhythm(text: str) -> Rhythm:
    try:
        return Rhythm(text.casefold())
    except ValueError:
        raise ValueError(f"the rhythm must be {', '.join(Rhythm)}, not “{text[:20]}”") from None


def export_csv(subscribers: Iterable[Subscriber], file: TextIO) -> None:
    """Write `subscribers` in the form that `import_csv` reads."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in subscribers:
        writer.writerow(
            [one.address, one.name, ";".join(one.topics), one.timezone, one.hour, one.rhythm.value, one.locale]
        )


async def leave(store: Store, address: str, at: datetime) -> bool:
    """Take a reader out for good, whatever the configuration file says; True if the address was a reader's.

    Raises ValueError when `address` is none.
    """
    return await store.subscribers.leave(normal_address(address), "left", at)
