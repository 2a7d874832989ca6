"""`newsletter export`: everything, to take away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, progress_bar, shown_path

if TYPE_CHECKING:
    from newsletter.settings import Configuration


def export(
    context: typer.Context,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="A new folder (default: in the state folder, by the time)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everything as lines of JSON, one file for each kind: papers, editions, readers, deliveries and the rest.

    It holds people's addresses, and is for its owner's eyes. What sources answered word for word is in backups only.

    Example: newsletter export --to everything
    """
    import asyncio

    from newsletter.assembly import EXPORTS, utc_now

    loaded = configuration(context)
    folder = to or loaded.settings.state_dir / EXPORTS / f"newsletter-{utc_now():%Y%m%dT%H%M%SZ}"
    numbers = asyncio.run(_exported(loaded, folder))
    if as_json:
        answer_json({"folder": folder, "numbers": numbers})
        return
    answer_table(shown_path(folder), ("kind", "number"), list(numbers.items()), ("number",))
    answer("subscribers.csv has the readers who get mail, as `newsletter subscribers import` reads them.")


async def _exported(loaded: Configuration, folder: Path) -> dict[str, int]:
    from newsletter.assembly import opened_store
    from newsletter.daily.exporting import export as export_all
    from newsletter.daily.exporting import new_folder, private_file
    from newsletter.subscribing import export_csv

    async with opened_store(loaded) as store:
        with new_folder(folder) as draft, progress_bar() as progress:
            numbers = await export_all(store, draft, progress)
            with private_file(draft / "subscribers.csv") as file:
                async for block in export_csv(store):
                    file.write(block)
    return numbers
