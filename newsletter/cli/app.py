"""The command line as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newsletter import __version__
from newsletter.cli import (
    bounces,
    capacity,
    channels,
    collect,
    configuration,
    db,
    deliveries,
    dkim,
    doctor,
    explain,
    export,
    feedback,
    forget,
    init,
    lint,
    papers,
    preview,
    prune,
    rank,
    replay,
    run,
    schedule,
    serve,
    status,
    subscribers,
    suggest,
    suppressions,
    templates,
    topics,
    worker,
)

TRACEBACK = "--traceback"

app = typer.Typer(
    name="newsletter",
    help="Turns each day's research papers into an e-mail that a researcher is glad to open.",
    epilog=(
        "Exit codes: 0 done; 1 failed, and standard error says why; 2 the command line or the configuration is wrong; "
        "3 done, but something wants a look (a message was not accepted, no source could be read, a row was not taken)."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"newsletter {__version__}")
        raise typer.Exit


@app.callback()
def newsletter(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="NEWSLETTER_CONFIG",
            metavar="DIR",
            help="The folder with newsletter.toml, topics.toml and subscribers.toml (default: the shipped one).",
        ),
    ] = None,
    traceback: Annotated[bool, typer.Option(TRACEBACK, help="Show where an unforeseen error comes from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = config


app.command("run")(run.run)
app.command("preview")(preview.preview)
app.command("lint")(lint.lint)
app.add_typer(templates.app, name="templates")
app.command("schedule")(schedule.schedule)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("collect")(collect.collect)
app.command("papers")(papers.papers)
app.command("topics")(topics.topics)
app.command("channels")(channels.channels)
app.command("rank")(rank.rank)
app.command("explain")(explain.explain)
app.command("replay")(replay.replay)
app.command("suggest")(suggest.suggest)
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(feedback.app, name="feedback")
app.command("export")(export.export)
app.command("forget")(forget.forget)
app.command("prune")(prune.prune)
app.command("status")(status.status)
app.command("deliveries")(deliveries.deliveries)
app.command("resend")(deliveries.resend)
app.command("reconcile")(deliveries.reconcile)
app.command("bounces")(bounces.bounces)
app.add_typer(suppressions.app, name="suppressions")
app.command("doctor")(doctor.doctor)
app.command("plan-capacity")(capacity.plan_capacity)
app.add_typer(db.app, name="db")
app.add_typer(dkim.app, name="dkim")
app.add_typer(configuration.app, name="config")
app.command("init")(init.init)
