"""`newsletter subscribers`: who reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

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

    from newsletter.assembly import opened_store, utc_now
    from newsletter.subscribing import as_text, import_csv

    loaded = configuration(context)
    slugs = {topic.slug for topic in loaded.topics}
    counts = {"added": 0, "updated": 0, "bad": 0}
    bad: list[dict[str, object]] = []
    stayed_away: list[str] = []

    def tell(part: Imported) -> None:
        counts["added"] += part.added
        counts["updated"] += part.updated
        counts["bad"] += len(part.bad)
        for row in part.bad:
            remark(f"{file}:{row.line}: {row.why}")
        for address in part.stayed_away:
            remark(f"{address} left before and stays away")
        if as_json:
            bad.extend({"line": row.line, "why": row.why} for row in part.bad)
            stayed_away.extend(part.stayed_away)

    async def go() -> None:
        with as_text(sys.stdin.buffer if str(file) == "-" else file.open("rb")) as lines:
            async with opened_store(loaded) as store:
                async for part in import_csv(store, lines, slugs, utc_now()):
                    tell(part)

    try:
        asyncio.run(go())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    if as_json:
        answer_json({"added": counts["added"], "updated": counts["updated"], "bad": bad, "stayed_away": stayed_away})
    else:
        answer(f"{counts['added']} added, {counts['updated']} updated, {counts['bad']} rows not taken.")
    raise typer.Exit(3 if counts["bad"] else 0)


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

    from newsletter.assembly import opened_store
    from newsletter.subscribing import export_csv

    loaded = configuration(context)

    async def go(file: TextIO) -> int:
        readers = -1  # the header is none
        async with opened_store(loaded) as store:
            async for block in export_csv(store):
                file.write(block)
                readers += block.count("\n")
        return readers

    if out is None:
        asyncio.run(go(sys.stdout))
        return
    try:
        # Private: these are people's addresses.
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            readers = asyncio.run(go(file))
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}") from None
    answer(f"{readers} readers written to {out}.")


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
