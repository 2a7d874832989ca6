"""The e-mail's templates one by one: what each is, whose file is in use, and copies to make one's own.

A folder of templates holds them under `email/`; `shipped` is the one that comes with the program, `own` the operator's,
whose files win.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from newsletter.errors import NewsletterError, NotFoundError

FOLDER = "email"
ENDING = ".j2"

_FIRST_COMMENT = re.compile(r"\s*\{#-?(.*?)-?#\}", re.DOTALL)
_AFTER_A_SENTENCE = re.compile(r"(?<=[.?!])\s")


class Whose(StrEnum):
    """Whose file is in use."""

    SHIPPED = "shipped"
    SAME = "yours, same as shipped"
    DIFFERS = "yours, differs from shipped"
    YOURS_ONLY = "yours, not among the shipped"


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it is in use: its name (`card.html.j2`), what it is ("" where nobody says), and whose file."""

    name: str
    about: str
    whose: Whose
    path: Path


def templates(shipped: Path, own: Path | None) -> list[Template]:
    """Every template by name, those of `own` in place of the shipped ones.

    What a template is, its first comment says; an own file without one is still what the shipped file of its name is.
    Raises NewsletterError if a file cannot be read.
    """
    theirs = _contents(shipped)
    yours = _contents(own) if own else {}
    return [
        Template(
            name,
            about(yours.get(name, b"")) or about(theirs.get(name, b"")),
            _whose(yours.get(name), theirs.get(name)),
            ((own if own and name in yours else shipped) / FOLDER / name),
        )
        for name in sorted(theirs | yours)
    ]


def _whose(yours: bytes | None, theirs: bytes | None) -> Whose:
    if yours is None:
        return Whose.SHIPPED
    if theirs is None:
        return Whose.YOURS_ONLY
    return Whose.SAME if yours == theirs else Whose.DIFFERS


def about(content: bytes) -> str:
    """The first sentence of the comment with which the template `content` begins, in one line; "" without one."""
    comment = _FIRST_COMMENT.match(content.decode("utf-8", "replace"))
    return " ".join(_AFTER_A_SENTENCE.split(comment[1].strip())[0].split()) if comment else ""


def shipped_name(asked: str, shipped: Path) -> str:
    """The shipped template that `card.html.j2`, `email/card.html.j2` or `card.html` means.

    Raises NotFoundError, naming the nearest ones, if there is none.
    """
    names = sorted(_contents(shipped))
    name = asked.removeprefix(f"{FOLDER}/").removesuffix(ENDING) + ENDING
    if name in names:
        return name
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    meant = f"; did you mean {' or '.join(near)}?" if near else ";"
    raise NotFoundError(f"there is no template “{asked}”{meant} `newsletter templates list` lists them")


def eject(names: Sequence[str], shipped: Path, own: Path) -> list[Path]:
    """Copy the shipped templates `names` into `own`, made where it is missing, and return the new files.

    Never overwrites: raises NewsletterError, before the first copy, if one of them is there already; also if one cannot
    be written.
    """
    copies = {shipped / FOLDER / name: own / FOLDER / name for name in names}
    if there := [path for path in copies.values() if path.exists() or path.is_symlink()]:
        raise NewsletterError(
            f"{there[0]} is there already and stays as it is; remove it first to have the shipped one"
        )
    for source, path in copies.items():
        _copy(source, path)
    return list(copies.values())


def missing(shipped: Path, own: Path) -> list[str]:
    """The shipped templates of which `own` has no copy."""
    return sorted(_contents(shipped).keys() - _contents(own).keys())


def _contents(folder: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes() for path in (folder / FOLDER).glob(f"*{ENDING}") if path.is_file()}
    except OSError as error:
        raise NewsletterError(
            f"the template {error.filename} cannot be read: {error.strerror}; check its permissions"
        ) from error


def _copy(source: Path, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            try:
                file.write(source.read_bytes())
                file.flush()
            except OSError:
                path.unlink()  # half a template is worse than none: it would be in use
                raise
    except OSError as error:
        raise NewsletterError(f"{path} cannot be written: {error.strerror}; check the folder {path.parent}") from error
