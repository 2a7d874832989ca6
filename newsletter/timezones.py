"""Time zones by their IANA names: those that the package tzdata ships, the same on every machine.

A host knows more, such as `localtime`, `posixrules` or `right/Europe/Berlin`: files that mean something else elsewhere,
or count leap seconds.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files

_NO_PLACE = "Factory"
"""In the database it stands for a clock that nobody has set."""

_LONGEST = 60


@cache
def names() -> frozenset[str]:
    """All there are, the older names of the same places too."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split()) - {_NO_PLACE}


def checked(name: str) -> str:
    """`name`, when it is one. Raises ValueError, which names it and a near one."""
    if name in names():
        return name
    near = _near(name[:_LONGEST])
    remedy = f"did you mean “{near}”?" if near else "use a name like “Europe/Berlin” or “UTC”"
    raise ValueError(f"there is no time zone “{name[:_LONGEST]}”; {remedy}")


@lru_cache(1000)  # a list of readers has the same mistake in every row
def _near(name: str) -> str:
    folded = {one.casefold(): one for one in names()}
    found = get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else ""
