"""`newsletter papers`: the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer_json, answer_table, configuration, day_asked, remark

if TYPE_CHECKING:
    from newsletter.model import Paper


def papers(
    context: typer.Context,
    day: Annotated[str | None, typer.Option("--date", metavar="DAY", help="Only papers listed on this day.")] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Only papers with all these words in title, abstract or authors."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the papers of the archive, newest day first.

    Example: newsletter papers --date 2025-03-12 --search "brain decoding"
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.cli.rows import paper_json

    loaded = configuration(context)
    asked = day_asked(day)

    async def go() -> tuple[list[Paper], int]:
        async with opened_store(loaded) as store:
            return await store.papers.find(day=asked, search=search), await store.papers.count()

    found, total = asyncio.run(go())
    rows = [paper_json(paper) for paper in found]
    if as_json:
        answer_json(rows)
        return
    if not total:
        remark("The archive is empty; `newsletter collect` fetches papers.")
        return
    shown = [(row["listings"][-1]["day"], row["listings"][-1]["rank"], row["title"], row["id"]) for row in rows]
    answer_table(f"{len(rows)} of {total} papers", ("day", "rank", "title", "id"), shown, ("rank",))
