"""The commands that the pages show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from places import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(sh|console)\n(.*?)^```$", re.M | re.S)
_PROMPT = "$ "


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it, and the lines that it says there."""

    page: str
    line: int
    words: str
    said: list[str] = field(default_factory=list, compare=False)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.words}"


def name_of(page: Path) -> str:
    """How a page is called here, like docs/page.md."""
    return page.relative_to(PROJECT).as_posix()


def shown(page: Path) -> list[Shown]:
    """Every command of a page: what stands in a fence of `sh`, and what stands behind a prompt in one of `console`."""
    text = page.read_text(encoding="utf-8")
    found: list[Shown] = []
    for fence in _FENCE.finditer(text):
        first = text.count("\n", 0, fence.start(2)) + 1
        if fence[1] == "sh":
            found += (Shown(name_of(page), first + place, words) for place, words in _logical(fence[2]))
            continue
        for place, line in enumerate(fence[2].splitlines()):
            if line.startswith(_PROMPT):
                found.append(Shown(name_of(page), first + place, line.removeprefix(_PROMPT)))
            else:
                assert found, (
                    f"{name_of(page)}:{first + place}: what a command says comes behind it, and a command behind “$ ”"
                )
                found[-1].said.append(line)
    return found


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """The commands of a script with their places: lines belong together where one ends in \\ or inside quotes."""
    begun, first = "", 0
    for place, line in enumerate(text.splitlines()):
        first = first if begun else place
        begun += line
        if begun.endswith("\\") or _is_open(begun):
            begun += "\n"
            continue
        if begun.strip() and not begun.startswith("#"):
            yield first, begun
        begun = ""
    assert not begun, f"a command that does not end: {begun}"


def _is_open(words: str) -> bool:
    try:
        shlex.split(words, comments=True)
    except ValueError:
        return True
    return False
