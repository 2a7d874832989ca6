"""`newsletter collect`: papers in, and no more."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer_json, answer_table, configuration, day_asked, progress_bar, remark

if TYPE_CHECKING:
    from newsletter.daily import Collected, Daily
    from newsletter.sources.base import Source

PIPE = "-"
_SUMMED = ("source", "verdict", "documents", "papers", "new")
_MOST_REMARKS = 50


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
    given: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FILE", help="Papers as lines of JSON (“-”: standard input), and no other source."
        ),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this source; may be given several times.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="What was announced on this day, not what is new.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="Back-fill: every day from this one on, the newest first.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day of it (default: yesterday).")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Back-fill also the days that have been read whole before.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: read once more what the sources answered before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask every source for papers and remember them; send nothing.

    Example: newsletter collect --since 2026-10-01
    """
    import asyncio

    from newsletter.assembly import opened_daily
    from newsletter.cli.wanted import exclude

    loaded = configuration(context)
    asked, first, last = day_asked(day), day_asked(since), day_asked(until)
    exclude("--since", {"PATH": paths and since, "--from": given and since, "--date": day and since})
    exclude("--from", {"PATH": paths and given, "--source": names and given, "--offline": offline and given})
    exclude("--offline", {"PATH": paths and offline, "--again": again and offline})
    if (until or again) and not since:
        raise typer.BadParameter("--until and --again belong to --since")
    if year and not paths:
        raise typer.BadParameter("--year belongs to PATH; a configured source has `year` in its [[sources]] table")
    more = _named(paths, year, given)

    async def go() -> list[dict[str, Any]]:
        with progress_bar() as progress, _stoppable():
            async with opened_daily(loaded, progress) as daily:
                if first:
                    span = _span(first, last, daily.publishing.today())
                    return await _back_filled(daily, *span, names or [], again=again, offline=offline)
                if given is not None:
                    return _told(await daily.collect_from(more, asked))
                return _told(await daily.collect(more, only=names or [], day=asked, offline=offline))

    try:
        rows = asyncio.run(go())
    except asyncio.CancelledError:
        remark("Stopped as asked. What was read is kept; the same command goes on.")
        raise typer.Exit(130) from None
    if as_json:
        answer_json(rows)
    else:
        _show(rows, summed=bool(first))
    raise typer.Exit(3 if rows and all(row["verdict"] == "broken" for row in rows) else 0)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C end what is under way at once, and give our turn to ask a source back."""
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # a coroutine is running
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    yield


def _named(paths: list[Path] | None, year: int | None, given: str | None) -> list[Source]:
    """The sources that the command line names. What is not there ends the command with a sentence."""
    from newsletter.assembly import listing_source, records_source

    files = [*(paths or []), *([Path(given)] if given not in (None, PIPE) else [])]
    if missing := [path for path in files if not path.exists()]:
        raise typer.BadParameter(f"there is no {missing[0]}")
    if given is not None:
        return [records_source(None if given == PIPE else Path(given))]
    return [listing_source(paths, year)] if paths else []


def _span(first: date, last: date | None, today: date) -> tuple[date, date]:
    from datetime import timedelta

    until = last or today - timedelta(days=1)
    if until > today:
        raise typer.BadParameter(f"{until} has not come yet; today is {today}")
    if first > until:
        raise typer.BadParameter(f"--since {first} is later than {until}, the last day of it")
    return first, until


async def _back_filled(
    daily: Daily, since: date, until: date, names: list[str], *, again: bool, offline: bool
) -> list[dict[str, Any]]:
    """How many documents and papers of each source and verdict: a year's batches would be too many to keep."""
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    said = 0
    async for one in daily.back_fill(since, until, only=names, again=again, offline=offline):
        key = one.batch.source, str(one.batch.verdict)
        row = sums.setdefault(key, dict(zip(_SUMMED, (*key, 0, 0, 0), strict=True)))
        row["documents"] += 1
        row["papers"] += one.papers
        row["new"] += one.new
        if one.batch.verdict in {"broken", "partial", "stale"} and (said := said + 1) <= _MOST_REMARKS:
            remark(f"{one.batch.source}: {one.batch.asked}: {one.batch.why}")
    if said > _MOST_REMARKS:
        remark(f"and {said - _MOST_REMARKS:,} more")
    if not sums and offline:
        remark(f"no answer is kept of any day from {since} to {until}")
    elif not sums:
        remark(f"every day from {since} to {until} has been read before; --again asks once more")
    return [sums[key] for key in sorted(sums)]


def _told(collected: list[Collected]) -> list[dict[str, Any]]:
    from newsletter.cli.rows import batch_json

    return [batch_json(one) for one in collected]


def _show(rows: list[dict[str, Any]], *, summed: bool) -> None:
    from newsletter.cli.rows import BATCH_COLUMNS, NUMBERS, cells

    columns = _SUMMED if summed else BATCH_COLUMNS
    answer_table("Back-fill" if summed else "Batches", columns, cells(rows, columns), (*NUMBERS, "documents"))
    # What the table has said is not said again.
    problems = [one for row in rows for one in row.get("problems", []) if one["why"] != row["why"]]
    for problem in problems[:_MOST_REMARKS]:
        line = f":{problem['line']}" if problem["line"] else ""
        remark(f"{problem['document']}{line}: {problem['why']}")
    if len(problems) > _MOST_REMARKS:
        remark(f"and {len(problems) - _MOST_REMARKS:,} more; --json tells them all")
