"""`newsletter run`: the day's journey."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import (
    AsJson,
    answer,
    answer_json,
    answer_table,
    command_line,
    configuration,
    day_asked,
    go,
    progress_bar,
    remark,
    shown_path,
)
from newsletter.cli.dispatching import dispatch

if TYPE_CHECKING:
    from newsletter.daily import Preview, Report
    from newsletter.settings import Configuration

LATEST = "latest"

_AT_THE_WORKERS = " The mail is in the local mailbox `outbox` (a Maildir), in the state folder of each worker."


def run(
    context: typer.Context,
    day: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="DAY",
            help="The day, like 2025-03-12, or “latest” for the archive's newest (default: today).",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Collect and compose everything; freeze, plan and send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Collect, rank, freeze and deliver one day.

    Run it as often as you like: what was sent is not sent again, what was interrupted goes on.

    Example: newsletter run --date latest
    """
    import asyncio

    from newsletter.assembly import opened_daily, utc_now, watch

    loaded = configuration(context)
    asked = day_asked(day, words=(LATEST,))

    async def journey() -> tuple[Report, list[Preview]]:
        with progress_bar() as progress:
            carrying = None if dry_run else dispatch(loaded, progress)
            async with opened_daily(loaded, progress, dispatch=carrying) as daily:
                if asked and asked > daily.publishing.today():
                    raise typer.BadParameter(f"{asked} has not come yet; today is {daily.publishing.today()}")
                watching = watch(loaded, daily.store)

                def stop() -> None:
                    daily.stop()
                    watching.stop()

                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
                if dry_run:
                    return await daily.rehearse(asked, latest=day == LATEST)
                try:
                    report = await daily.run(utc_now(), asked, latest=day == LATEST)
                except Exception as error:
                    await watching.after(error, utc_now(), asked)
                    raise
                await watching.after(report, utc_now(), asked)
                return report, []

    report, rehearsed = go(journey())
    if as_json:
        answer_json(_as_json(loaded, report, rehearsed, dry_run))
    else:
        show(loaded, report, rehearsed, dry_run=dry_run)
    if report.failure:
        raise report.failure
    raise typer.Exit(exit_code(report))


def show(loaded: Configuration, report: Report, rehearsed: list[Preview], *, dry_run: bool = False) -> None:
    """A run as tables, and where to look."""
    from newsletter.cli.rows import (
        BATCH_COLUMNS,
        DELIVERY_COLUMNS,
        NUMBERS,
        POST_COLUMNS,
        batch_json,
        cells,
        delivery_json,
        post_json,
        rehearsed_json,
    )

    batches = [batch_json(one) for one in report.collected]
    answer_table("Batches", BATCH_COLUMNS, cells(batches, BATCH_COLUMNS), NUMBERS)
    for one in report.collected:
        for problem in one.batch.problems:
            if problem.why != one.batch.why:  # which the table has said
                remark(str(problem))
    for alert in report.alerts:
        remark(f"alert: {alert}")
    rows = [delivery_json(one) for one in report.deliveries] + [rehearsed_json(one) for one in rehearsed]
    for row in rows:
        row["reply"] = row.get("reason") or row["reply"]
    if rows:
        title = f"{'Rehearsal' if dry_run else 'Deliveries'} for {report.day}"
        answer_table(title, DELIVERY_COLUMNS, cells(rows, DELIVERY_COLUMNS), NUMBERS)
    if report.posts:
        answer_table("Posts", POST_COLUMNS, cells([post_json(one) for one in report.posts], POST_COLUMNS), NUMBERS)
    if (more := sum(report.counts.values()) - len(report.deliveries)) > 0:
        answer(f"... and {more:,} more: {command_line(loaded, 'deliveries', '--date', str(report.day))}")
    answer(_conclusion(loaded, report, rehearsed, dry_run))


def _conclusion(loaded: Configuration, report: Report, rehearsed: list[Preview], dry_run: bool) -> str:
    if report.stopped and not report.deliveries:
        return "Stopped as asked before anything was sent; what was done is kept, and the next run goes on."
    if not report.deliveries and not rehearsed:
        return _nothing_to_do(loaded, report)
    if dry_run:
        one = command_line(loaded, "preview", "--subscriber", "ADDRESS")
        return f"This was a rehearsal: nothing was sent. `{one}` shows one of them."
    counts = ", ".join(f"{number} {state}" for state, number in report.counts.items())
    begun = "Stopped as asked. " if report.stopped else "" if report.attempted else "Nothing was sent now. "
    return f"{begun}{report.day}: {counts}.{_what_next(loaded, report)}"


def _nothing_to_do(loaded: Configuration, report: Report) -> str:
    if report.edition:
        return f"The edition of {report.day} has {len(report.edition.papers)} papers, but no reader is due that day."
    if report.collected and all(one.batch.verdict == "broken" for one in report.collected):
        return f"Nothing new for {report.day}: no source could be read; the table says why."
    if report.newest is None:
        collect = command_line(loaded, "collect", "PATH")
        return f"Nothing new for {report.day}: the archive is empty. `{collect}` reads documents."
    newest = command_line(loaded, "run", "--date", str(report.newest))
    return f"Nothing new for {report.day}. The newest day is {report.newest}: {newest}"


def _what_next(loaded: Configuration, report: Report) -> str:
    from newsletter.assembly import outbox
    from newsletter.model import State

    words = ""
    if report.next_at:
        who = "the workers" if loaded.settings.dispatch == "fleet" else "a run"
        words += f" Deferred ones are tried again by {who} after {report.next_at:%Y-%m-%d %H:%M %Z}."
    if State.SENDING in report.counts:
        words += " Those that are sending are held by a worker, by another run, or by one that died."
    accepted = next((one.address for one in report.deliveries if one.state is State.ACCEPTED), None)
    if accepted and report.attempted:
        look = command_line(loaded, "preview", "--subscriber", accepted, "--date", str(report.day), "--open")
        if _is_local(loaded):
            words += f" The mail is in the local mailbox {shown_path(outbox(loaded.settings))} (a Maildir)."
        elif not loaded.settings.smtp.each():
            words += _AT_THE_WORKERS
        words += f" To see one: {look}"
    return words


def _is_local(loaded: Configuration) -> bool:
    """Whether this process puts the mail into a mailbox of its own."""
    return not loaded.settings.smtp.each() and loaded.settings.dispatch == "local"


def exit_code(report: Report) -> int:
    """0, or 3 when something wants a look: a message not accepted, or no source that could be read."""
    from newsletter.model import State, Verdict

    if report.stopped:
        return 0
    unsettled = {State.REFUSED, State.DEFERRED, State.UNKNOWN, State.SENDING, State.READY}
    unread = bool(report.collected) and all(one.batch.verdict is Verdict.BROKEN for one in report.collected)
    states = {*report.counts, *(one.state for one in report.posts)}
    return 3 if unread or not unsettled.isdisjoint(states) else 0


def _as_json(loaded: Configuration, report: Report, rehearsed: list[Preview], dry_run: bool) -> dict[str, Any]:
    from newsletter.assembly import outbox
    from newsletter.cli.rows import batch_json, delivery_json, post_json, rehearsed_json

    return {
        "date": report.day,
        "dry_run": dry_run,
        "newest": report.newest,
        "edition": {"day": report.edition.day, "papers": len(report.edition.papers)} if report.edition else None,
        "batches": [batch_json(one) for one in report.collected],
        "counts": {str(state): number for state, number in report.counts.items()},
        "deliveries": [delivery_json(one) for one in report.deliveries] + [rehearsed_json(one) for one in rehearsed],
        "attempted": report.attempted,
        "posts": [post_json(one) for one in report.posts],
        "alerts": list(report.alerts),
        "stopped": report.stopped,
        "failure": str(report.failure) if report.failure else None,
        "outbox": outbox(loaded.settings) if _is_local(loaded) else None,
        "conclusion": _conclusion(loaded, report, rehearsed, dry_run),
    }
