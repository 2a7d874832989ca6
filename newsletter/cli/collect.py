"""`newsletter collect`: papers in, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer_json, answer_table, configuration, progress_bar, remark

if TYPE_CHECKING:
    from newsletter.daily import Collected


def collect(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Listing documents or folders of them, besides the configured sources."
        ),
    ] = None,
    year: Annotated[
        int | None, typer.Option(min=1991, max=2200, help="The year of documents at PATH that name only day and month.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask every source for papers and remember them; send nothing.

    Example: newsletter collect ~/papers/2025-03-13.txt
    """
    import asyncio

    from newsletter.assembly import listing_source, opened_daily
    from newsletter.cli.rows import BATCH_COLUMNS, NUMBERS, batch_json, cells

    loaded = configuration(context)
    if missing := [path for path in paths or [] if not path.exists()]:
        raise typer.BadParameter(f"there is no {missing[0]}")
    more = [listing_source(paths, year)] if paths else []

    async def go() -> list[Collected]:
        with progress_bar() as progress:
            async with opened_daily(loaded, progress) as daily:
                return await daily.collect(more)

    collected = asyncio.run(go())
    rows = [batch_json(one) for one in collected]
    if as_json:
        answer_json(rows)
    else:
        answer_table("Batches", BATCH_COLUMNS, cells(rows, BATCH_COLUMNS), NUMBERS)
        for one in collected:
            for problem in one.batch.problems:
                remark(str(problem))
    raise typer.Exit(3 if rows and all(row["verdict"] == "broken" for row in rows) else 0)
