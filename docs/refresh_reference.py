"""Write the tables of all settings and of all sources' options into the pages, as the code describes them.

    python docs/refresh_reference.py            brings docs/configuration.md and docs/sources.md up to date
    python docs/refresh_reference.py --check    changes nothing; the exit code is 1 if a table is not as the code has it

A table is known by the heading of its section and by its first line, `| setting | default | meaning |` or
`| option | default | meaning |`; what stands around it is written by hand. A kind of source that is new needs its
section, with an empty table, first.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from newsletter.settings import Settings
from newsletter.sources import registry
from newsletter.sources.options import NetworkOptions, SourceOptions

DOCS = Path(__file__).resolve().parent

OF_ALL_SOURCES = "What every source has"

_TABLE = re.compile(r"^(\| (?:setting|option) \| default \| meaning \|\n\|---\|---\|---\|\n)((?:\|.*\n)*)", re.M)


def rows(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """One line of the table for each setting, with its default and meaning."""
    found = []
    for name, field in model.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            found += rows(table, f"{name}.")
        elif name != "sources":
            default = "" if field.is_required() else _shown(field.default)
            found.append(f"| `{prefix}{name}` | {default} | {field.description or ''} |")
    return found


def source_tables() -> dict[str, list[list[str]]]:
    """The same for the options of `[[sources]]` tables, by the heading of a section the tables in it: those that every
    source has, and every one on the network; and by kind what it has besides, or with another default."""
    common, network = rows(SourceOptions), rows(NetworkOptions)
    own = {
        f"`{name}`": [[row for row in rows(registry.kind(name).Options) if row not in network and not _of_all(row)]]
        for name in registry.KINDS
    }
    return {OF_ALL_SOURCES: [common, [row for row in network if row not in common]], **own}


def _of_all(row: str) -> bool:
    """`kind` is worded by each kind in its own way, and says what its heading says."""
    return row.startswith(("| `kind`", "| `name`"))


def _shown(default: object) -> str:
    if default is None or default == "" or default == ():
        return ""
    value = list(default) if isinstance(default, tuple) else default
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def configuration(text: str) -> str:
    """The page `text` of the configuration with the table of today's settings."""
    return _filled(text, {"Settings": [rows()]})


def sources(text: str) -> str:
    """The page `text` of the sources with the tables of today's options."""
    return _filled(text, source_tables())


PAGES: dict[str, Callable[[str], str]] = {"configuration.md": configuration, "sources.md": sources}


def _filled(text: str, tables: dict[str, list[list[str]]]) -> str:
    """`text` with each section's tables filled with their lines. Raises ValueError for a section that is not there, has
    more tables or fewer, or has one that the code knows nothing of."""
    sections = re.split(r"(?m)^(?=## )", text)
    named = {section.partition("\n")[0].removeprefix("## "): place for place, section in enumerate(sections)}
    for heading, several in tables.items():
        if heading not in named:
            raise ValueError(f"there is no section “{heading}”")
        section = sections[named[heading]]
        if len(_TABLE.findall(section)) != len(several):
            raise ValueError(f"the section “{heading}” needs {len(several)} tables with default and meaning")
        sections[named[heading]] = _TABLE.sub(partial(_with_rows, iter(several)), section)
    if strange := [name for name, place in named.items() if name not in tables and _TABLE.search(sections[place])]:
        raise ValueError(f"nothing is known of what the section “{strange[0]}” has a table of")
    return "".join(sections)


def _with_rows(tables: Iterator[list[str]], found: re.Match[str]) -> str:
    return found[1] + "".join(f"{row}\n" for row in next(tables))


def main(arguments: Sequence[str]) -> int:
    """Refresh the pages; with `--check` only say which need it, and return 1 if any does."""
    old = []
    for name, refreshed in PAGES.items():
        path = DOCS / name
        text = path.read_text(encoding="utf-8")
        try:
            made = refreshed(text)
        except ValueError as error:
            sys.exit(f"{name}: {error}")
        if made == text:
            continue
        old.append(name)
        if "--check" not in arguments:
            path.write_text(made, encoding="utf-8")
        print(f"{name}: {'needs refreshing' if '--check' in arguments else 'refreshed'}")  # noqa: T201  # to a terminal
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
