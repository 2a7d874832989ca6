"""`newsletter rank`: the ranking alone."""

from __future__ import annotations

import gc
import gzip
import io
import json
import os
import sys
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer_table, remark

if TYPE_CHECKING:
    from newsletter.ranking import Encoder
    from newsletter.standalone import Ranked, Records

SHOWN = 10
GZIPPED = b"\x1f\x8b"


class Parts(StrEnum):
    """Which of the extras take part."""

    AUTO = "auto"
    DEFAULT = "default"
    STATIC = "static"
    NEURAL = "neural"
    ALL = "all"


def rank(
    papers: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The papers to rank; - for standard input.")],
    topics: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The topics to rank them for.")],
    archive: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Papers of earlier days: what is usual.")
    ] = None,
    feedback: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Verdicts on papers: topic, paper, like|dislike|shown.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many papers a topic (a table shows 10).")
    ] = None,
    parts: Annotated[
        Parts, typer.Option(help="With what the extras add: auto takes those that are installed.")
    ] = Parts.AUTO,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the vectors of neural are kept (default: the user's cache folder)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank papers for topics, from files alone: no configuration, no database, nothing kept but vectors.

    Files are lines of JSON, also gzipped, or - for standard input. Papers have id, title, abstract, and may have
    authors, categories, institutions, day, votes; topics have slug, name, description, and may have keywords, exclude,
    categories, authors, institutions, examples. docs/ranking.md says it all.

    Example: newsletter rank --papers today.jsonl --topics topics.jsonl --archive earlier.jsonl
    """
    given = {"papers": papers, "topics": topics, "archive": archive, "feedback": feedback}
    if sum(str(file) == "-" for file in given.values()) > 1:
        raise typer.BadParameter("only one file can come from standard input")
    records = {name: _records(file, name) for name, file in given.items()}

    from newsletter.standalone import ranked

    # Millions of small values and no cycles among them: to look for some would take a sixth of the time.
    gc.disable()
    encoders = _encoders(parts, cache)
    found = ranked(**records, encoders=encoders, remark=remark)
    if as_json:
        _write(_json_lines(found, top))
    else:
        _show(found, top or SHOWN)
    for trouble in filter(None, (getattr(encoder, "trouble", "") for encoder in encoders)):
        remark(trouble)


def _records(file: Path | None, name: str) -> Records:
    from newsletter.standalone import Records

    if file is None:
        return Records(name, ())
    called = "standard input" if str(file) == "-" else str(file)
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        if content.startswith(GZIPPED):
            content = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise typer.BadParameter(f"{called} is gzipped, but not whole") from None
    except OSError as error:
        raise typer.BadParameter(f"{called} cannot be read: {error.strerror}") from None
    return Records(called, _lines(content))


def _lines(content: bytes) -> Iterator[bytes]:
    """A generator, because it lets go of the file when all is read."""
    yield from io.BytesIO(content)


def _encoders(parts: Parts, cache: Path | None) -> tuple[Encoder, ...]:
    from newsletter.vectors import available, encoders

    extras = {Parts.AUTO: available(), Parts.DEFAULT: (), Parts.ALL: ("static", "neural")}
    wanted = extras.get(parts, (str(parts),))
    # Static vectors are made faster than they are read from a disk.
    return (
        *encoders([one for one in wanted if one != "neural"], None),
        *encoders([one for one in wanted if one == "neural"], cache or _cache_folder()),
    )


def _cache_folder() -> Path | None:
    """Where this user's programs keep what they can make again (XDG Base Directory Specification 0.8)."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # The specification: a path that is not absolute is to be ignored.
        return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "newsletter"
    except RuntimeError:  # nobody's home
        return None


def _json_lines(found: Iterator[Ranked], top: int | None) -> Iterator[str]:
    """One object; each of its papers on a line of its own."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    opening = "{"
    for one in found:
        entries = "".join(f",\n{encode(entry)}" for entry in one.entries(top))
        yield f"{opening}\n{encode(one.topic.slug)}: [{entries[1:]}]"
        opening = ","
    yield "{}\n" if opening == "{" else "\n}\n"


def _write(pieces: Iterator[str]) -> None:
    for piece in pieces:
        # JSON is UTF-8, whatever the terminal; half a character pair becomes the escape that JSON has for it.
        typer.echo(piece.encode("utf-8", "backslashreplace"), nl=False)


def _show(found: Iterator[Ranked], top: int) -> None:
    from newsletter.rendering.words import shortened
    from newsletter.text import clean

    parts: dict[str, None] = {}
    for one in found:
        scored = one.scored
        parts |= dict.fromkeys(scored.parts)
        reaching = f"{len(scored.picked)} of {len(one.given)} papers score {one.topic.min_score:g} or more"
        rows = [
            (
                f"{scored.score[row]:.2f}",
                shortened(scored.candidates.papers[row].title, 80),
                clean(shortened(str(one.given[row].id), 40)),
                clean(f"excluded: {scored.excluded[row]}" if row in scored.excluded else "; ".join(one.reasons(row))),
            )
            for row in one.rows()[:top]
        ]
        title = f"{clean(one.topic.name or one.topic.slug)}: {reaching}"
        answer_table(title, ("score", "title", "id", "why"), rows, ("score",))
    if parts:
        remark(f"Parts of the scores: {', '.join(parts)}.")
