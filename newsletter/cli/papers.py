"""`newsletter papers`: the archive."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer_json, answer_table, configuration, counted, day_asked, remark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newsletter.model import Paper

PIPE = "-"


def papers(
    context: typer.Context,
    day: Annotated[str | None, typer.Option("--date", metavar="DAY", help="Only papers listed on this day.")] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Only papers with all these words in title, abstract or authors."),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write them as lines of JSON, which `collect --from` reads (“-”: here)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the papers of the archive, newest day first.

    Example: newsletter papers --date 2025-03-12 --search "brain decoding"
    """
    import asyncio

    from newsletter.assembly import opened_store

    if export is not None and as_json:
        raise typer.BadParameter("--export cannot be combined with --json")
    loaded = configuration(context)
    asked = day_asked(day)

    async def go() -> tuple[list[Paper], int, dict[str, dict[str, int]]]:
        async with opened_store(loaded) as store:
            found = await store.papers.find(day=asked, search=search)
            observed = await store.papers.observed(paper.id for paper in found) if as_json else {}
            return found, await store.papers.count(), observed

    found, total, observed = asyncio.run(go())
    if export is not None:
        _export(found, export)
    elif as_json:
        answer_json(_rows(found, observed))
    elif not total:
        remark("The archive is empty; `newsletter collect` fetches papers.")
    else:
        shown = [
            (row["listings"][-1]["day"], row["listings"][-1]["rank"], row["title"], row["id"])
            for row in _rows(found, {})
        ]
        answer_table(f"{len(shown)} of {total} papers", ("day", "rank", "title", "id"), shown, ("rank",))


def _rows(found: Iterable[Paper], observed: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    from newsletter.cli.rows import paper_json

    return [paper_json(paper) | {"observed": observed.get(paper.id, {})} for paper in found]


def _export(found: list[Paper], to: str) -> None:
    """Write the papers as lines of JSON: all of them, or no file. What is no file, a device say, is written to as it
    is."""
    from newsletter.sources.interchange import written

    if to == PIPE:
        for paper in found:
            sys.stdout.write(f"{written(paper)}\n")
        return
    path = Path(to)
    whole = path.is_file() or not path.exists()
    draft = path.with_name(f".{path.name}.{os.getpid()}.part") if whole else path
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{written(paper)}\n" for paper in found)
        if whole:
            draft.replace(path)
    except OSError as error:
        if whole:
            draft.unlink(missing_ok=True)
        raise typer.BadParameter(f"{to} cannot be written: {error.strerror}") from None
    remark(f"{counted(len(found), 'paper', 'papers')} written to {to}")
