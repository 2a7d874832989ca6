"""Authors and institutions that a reader follows."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

_LETTERS = re.compile(r"[^\W\d_]+")
_NAMES = re.compile(r"[^\W\d_]+(?:[-‐’'][^\W\d_]+)*")

# Letters that no decomposition (NFKD) takes apart, as they are written without their sign.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe"})

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


def folded(name: str) -> tuple[str, ...]:
    """The words of a name, without case, accents and punctuation; "Rossi, Anna" is turned to "Anna Rossi", "Jr."
    falls away."""
    last, comma, first = name.partition(",")
    # A double name is one: Wei-Lin is not Wei.
    found = _NAMES.findall(_bare(f"{first} {last}" if comma else name))
    return tuple(name for name in found if name not in _SUFFIXES or len(found) < 3)


def same_person(followed: str, author: str) -> bool:
    """Whether `author`, as a paper names them, is the one `followed`.

    The names must agree word by word. A reader who writes an initial, "Y. LeCun", means everybody it fits; a paper's
    initial is no proof. Middle names that only one of the two gives do not part them.
    """
    return agree(folded(followed), folded(author))


def agree(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """The same of names that are `folded`."""
    if not wanted or not given or wanted[-1] != given[-1]:
        return False
    if len(wanted) == 1 or len(given) == 1:
        return wanted == given
    if _run_together(wanted) == _run_together(given):  # Jean-Pierre, Jean Pierre
        return True
    middle = list(zip(wanted[1:-1], given[1:-1], strict=False))
    return _fits(wanted[0], given[0]) and all(_fits(one, other) or _fits(other, one) for one, other in middle)


def _run_together(name: Sequence[str]) -> str:
    return "".join(_LETTERS.findall("".join(name)))


def _fits(wanted: str, given: str) -> bool:
    """A reader's initial fits every name that begins with it."""
    return wanted == given or (len(wanted) == 1 and given.startswith(wanted))


def stands_in(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Whether an institution, in `letters`, stands in an affiliation word by word."""
    return bool(wanted) and any(given[at : at + len(wanted)] == wanted for at in range(len(given)))


def letters(name: str) -> tuple[str, ...]:
    """The words of a name, without case, accents, punctuation and numbers."""
    return tuple(_LETTERS.findall(_bare(name)))


class Names:
    """Who papers are by, or where they are from: `lists` are each paper's names, `parted` makes words of a name, and
    `same` tells whether the words of one that is followed mean those of another; the last of them must be there."""

    def __init__(
        self,
        lists: Iterable[Sequence[str]],
        parted: Callable[[str], Sequence[str]],
        same: Callable[[Sequence[str], Sequence[str]], bool],
    ) -> None:
        self._lists = tuple(lists)
        self._parted = parted
        self._same = same
        self._rows: Mapping[str, list[int]] = defaultdict(list)
        self._with: Mapping[str, list[tuple[str, Sequence[str]]]] = defaultdict(list)
        for row, names in enumerate(self._lists):
            for name in dict.fromkeys(names):
                self._rows[name].append(row)
        for name in self._rows:
            words = parted(name)
            for word in dict.fromkeys(words):
                self._with[word].append((name, words))

    def followed(self, several: Iterable[str]) -> dict[int, str]:
        """The rows of the papers with a name that one of `several` means, each with the first such name."""
        meant = {name for one in several for name in self._meant(self._parted(one))}
        rows = {row for name in meant for row in self._rows[name]}
        return {row: next(name for name in self._lists[row] if name in meant) for row in rows}

    def _meant(self, wanted: Sequence[str]) -> Iterable[str]:
        near = self._with.get(wanted[-1], ()) if wanted else ()
        return (name for name, words in near if self._same(wanted, words))


def _bare(text: str) -> str:
    """Without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(char for char in plain if not unicodedata.combining(char))
