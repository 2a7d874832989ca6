"""`newsletter worker`: a member of the fleet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.bounces import take_from
from newsletter.cli.console import answer, configuration, go

if TYPE_CHECKING:
    from newsletter.daily.working import Beside, Workplace
    from newsletter.settings import Configuration

STEPS = "confirm, collect, freeze, plan, bounces, deliver, prune"


def worker(
    context: typer.Context,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Jobs at a time; to use another core, start another worker.")
    ] = 1,
    queues: Annotated[
        str, typer.Option(metavar="NAMES", help=f"Only jobs of these steps, with commas between them ({STEPS}).")
    ] = "",
) -> None:
    """Carry out the steps of runs that were deferred (dispatch = "fleet"), until SIGTERM or Ctrl-C.

    Any number may run, on any machines, with the same settings; each is told of new work by the database. What one that
    died was doing the others take over within seconds. On SIGTERM what is being handed over is finished, and the rest
    given back (delivery.grace).

    Example: newsletter worker --queues deliver,confirm
    """
    from newsletter.assembly import opened_workplace, utc_now
    from newsletter.cli.dispatching import alike, server

    loaded = configuration(context)
    settings = loaded.settings
    url = server(settings)
    from newsletter.fleet import QUEUES, work
    from newsletter.listening import told_to_stop

    chosen = [name.strip() for name in queues.split(",") if name.strip()] if queues else list(QUEUES)
    if not chosen:
        raise typer.BadParameter(f"--queues names no step; there are {STEPS}")
    if unknown := [name for name in chosen if name not in QUEUES]:
        raise typer.BadParameter(f"--queues knows no “{unknown[0]}”; there are {STEPS}")
    opened = partial(opened_workplace, settings)
    go(work(url, alike(settings), opened, partial(beside, loaded), chosen, concurrency, utc_now, answer, told_to_stop))


def beside(loaded: Configuration, place: Workplace) -> Beside:
    """What a worker does beside the steps of a run: the page's confirmations, and the mailbox of what comes back."""
    from newsletter.assembly import utc_now
    from newsletter.daily.working import Beside
    from newsletter.web import signing_up
    from newsletter.web.answering import Answering
    from newsletter.web.limiting import SignUpLimits

    limits = SignUpLimits()

    async def bounces() -> None:
        await take_from(loaded, place.store, None)

    answering = Answering(place.store, lambda one: signing_up.answer(place.daily, utc_now(), limits, one))
    return Beside(answering.answer_due, bounces if loaded.settings.bounces.mailbox else None)
