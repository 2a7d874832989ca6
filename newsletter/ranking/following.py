"""Authors and institutions that a reader follows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from newsletter.model import Paper, Topic

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
    wanted, given = folded(followed), folded(author)
    if not wanted or not given or wanted[-1] != given[-1]:
        return False
    if len(wanted) == 1 or len(given) == 1:
        return wanted == given
    if _run_together(wanted) == _run_together(given):  # Jean-Pierre, Jean Pierre
        return True
    middle = list(zip(wanted[1:-1], given[1:-1], strict=False))
    return _fits(wanted[0], given[0]) and all(_fits(one, other) or _fits(other, one) for one, other in middle)


def _run_together(name: tuple[str, ...]) -> str:
    return "".join(_LETTERS.findall("".join(name)))


def _fits(wanted: str, given: str) -> bool:
    """A reader's initial fits every name that begins with it."""
    return wanted == given or (len(wanted) == 1 and given.startswith(wanted))


def followed_author(topic: Topic, paper: Paper) -> str | None:
    """The first author of `paper` that `topic` follows, as the paper writes the name; None when there is none."""
    return _first(paper.authors, topic.authors, same_person)


def followed_institution(topic: Topic, paper: Paper) -> str | None:
    """The same for institutions: the followed name must stand in the paper's affiliation, word by word."""
    return _first(paper.institutions, topic.institutions, _at)


def _at(followed: str, institution: str) -> bool:
    wanted, given = _words(followed), _words(institution)
    return bool(wanted) and any(given[at : at + len(wanted)] == wanted for at in range(len(given)))


def _words(name: str) -> tuple[str, ...]:
    return tuple(_LETTERS.findall(_bare(name)))


def _bare(text: str) -> str:
    """Without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(char for char in plain if not unicodedata.combining(char))


def _first(names: Iterable[str], followed: Sequence[str], same: Callable[[str, str], bool]) -> str | None:
    return next((name for name in names for one in followed if same(one, name)), None)
