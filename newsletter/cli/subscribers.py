"""`newsletter subscribers`: who reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, counted, remark

if TYPE_CHECKING:
    from newsletter.model import Subscriber
    from newsletter.settings import Configuration
    from newsletter.subscribing import Imported

app = typer.Typer(
    help="List, import and export readers, and take one out.", no_args_is_help=True, rich_markup_mode=None
)


async def _everybody(loaded: Configuration) -> list[Subscriber]:
    from newsletter.assembly import opened_store

    async with opened_store(loaded) as store:
        return await store.subscribers.all()


@app.command("list")
def list_subscribers(context: typer.Context, as_json: AsJson = False) -> None:
    """List all subscribers with their topics and status.

    Example: newsletter subscribers list --json
    """
    import asyncio

    from newsletter.cli.rows import NUMBERS, cells, subscriber_json

    rows = [subscriber_json(one) for one in asyncio.run(_everybody(configuration(context)))]
    if as_json:
        answer_json(rows)
        return
    columns = ("address", "name", "status", "topics", "timezone", "hour", "rhythm", "locale", "origin")
    answer_table(counted(len(rows), "subscriber", "subscribers"), columns, cells(rows, columns), NUMBERS)


@app.command("import")
def import_subscribers(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The CSV file, - for standard input.")],
    as_json: AsJson = False,
) -> None:
    """Take readers from a CSV file: address,name,topics,timezone,hour,rhythm,locale.

    Only `address` is needed; topics are slugs separated by `;`. A bad row is reported and the others are taken. Nobody
    who left is brought back.

    Example: newsletter subscribers import readers.csv
    """
    import asyncio

    from newsletter.assembly import opened_store
    from newsletter.subscribing import import_csv

    loaded = configuration(context)
    slugs = {topic.slug for topic in loaded.topics}

    async def go() -> Imported:
        async with opened_store(loaded) as store:
            if str(file) == "-":
                return await import_csv(store, sys.stdin, slugs)
            with file.open(encoding="utf-8-sig", newline="") as lines:
                return await import_csv(store, lines, slugs)

    try:
        imported = asyncio.run(go())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    for row in imported.bad:
        remark(f"{file}:{row.line}: {row.why}")
    for address in imported.stayed_away:
        remark(f"{address} left before and stays away")
    if as_json:
        bad = [{"line": row.line, "why": row.why} for row in imported.bad]
        counts = {"added": imported.added, "updated": imported.updated}
        answer_json(counts | {"bad": bad, "stayed_away": list(imported.stayed_away)})
    else:
        answer(f"{imported.added} added, {imported.updated} updated, {len(imported.bad)} rows not taken.")
    raise typer.Exit(3 if imported.bad else 0)


@app.command("export")
def export_subscribers(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write (default: standard output).")
    ] = None,
) -> None:
    """Write the active and paused readers as CSV, in the form that `import` reads.

    Example: newsletter subscribers export --out readers.csv
    """
    import asyncio

    from newsletter.model import Status
    from newsletter.subscribing import export_csv

    everybody = asyncio.run(_everybody(configuration(context)))
    readers = [one for one in everybody if one.status in {Status.ACTIVE, Status.PAUSED}]
    if out is None:
        export_csv(readers, sys.stdout)
        return
    try:
        # Private: these are people's addresses.
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            export_csv(readers, file)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}") from None
    answer(f"{len(readers)} readers written to {out}.")


@app.command("leave")
def leave_subscriber(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The reader's address.")],
) -> None:
    """Take a reader out for good, as an unsubscribe mail asks for. No file and no import brings the address back.

    Example: newsletter subscribers leave ada@example.org
    """
    import asyncio

    from newsletter.assembly import opened_store, utc_now
    from newsletter.subscribing import leave

    loaded = configuration(context)

    async def go() -> bool:
        async with opened_store(loaded) as store:
            return await leave(store, address, utc_now())

    try:
        known = asyncio.run(go())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    answer(f"{address} gets no more mail." if known else f"{address} was no reader; it will not become one.")
