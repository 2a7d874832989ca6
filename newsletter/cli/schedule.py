"""`newsletter schedule`: every day, unattended."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, go

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.daily.foretelling import Coming
    from newsletter.settings import Configuration

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST = timedelta(days=366)


def schedule(
    context: typer.Context,
    next_: Annotated[
        str | None,
        typer.Option("--next", metavar="7d", help="Print what will happen in so many hours, days or weeks, and why."),
    ] = None,
    subscriber: Annotated[str | None, typer.Option(metavar="ADDRESS", help="With --next: of one reader.")] = None,
    as_json: AsJson = False,
) -> None:
    """Do what is due, every day, in the foreground.

    Every few minutes (schedule.every) it makes the edition that is complete and plans the digests whose moment has
    come: each reader's own hour, in their own time zone. An edition is made from schedule.at on; for a source that
    should have announced more by then it waits collecting.wait hours at the most. Looking late, twice, or from two
    machines does no harm: what is due, and what has gone out, the database knows.

    The configuration is read again for every look, so new topics and readers count at once; other times of looking
    count after a restart. SIGTERM or Ctrl-C ends it; messages that are being handed over are finished first.

    Example: newsletter schedule --next 7d --subscriber ada@example.org
    """
    if next_ is not None:
        _show_next(configuration(context), _span(next_), subscriber, as_json)
        return
    if subscriber is not None or as_json:
        raise typer.BadParameter("--subscriber and --json are for --next: newsletter schedule --next 7d --json")
    import asyncio

    from newsletter.cli.looking import scheduling
    from newsletter.listening import told_to_stop

    async def scheduled() -> None:
        stopping = asyncio.create_task(told_to_stop())
        await asyncio.sleep(0)  # who reads the first line may tell us to stop
        async with scheduling(context, answer):
            await stopping
            answer("stopping")

    go(scheduled())


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,4})([hdw])", text, re.ASCII)
    span = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not timedelta() < span <= LONGEST:
        raise typer.BadParameter(f"--next takes hours, days or weeks, a year at the most, like 36h or 7d, not “{text}”")
    return span


def _chores(loaded: Configuration, now: datetime, until: datetime) -> list[Coming]:
    """What is done at times of its own, but for the mailbox of what comes back, which is looked into all the time."""
    from newsletter.daily.foretelling import Coming
    from newsletter.scheduling import PRUNE_AT, at_times, between

    zone = ZoneInfo(loaded.settings.schedule.timezone)
    several = [(f"source {one.name} is asked", f"cron: {one.cron}") for one in loaded.settings.sources if one.cron]
    times = [one.cron for one in loaded.settings.sources if one.cron]
    pruned = ("what is too old goes", "every night; docs/keeping.md")
    return [
        Coming(moment, what, why)
        for (what, why), cron in zip([*several, pruned], [*times, PRUNE_AT], strict=True)
        for moment in between(at_times(cron, zone, 0), now, until)
    ]


def _show_next(loaded: Configuration, span: timedelta, address: str | None, as_json: bool) -> None:
    from newsletter.assembly import channels_of, opened_store, rules_of, utc_now
    from newsletter.daily.foretelling import foretell

    async def foretold() -> list[dict[str, object]]:
        async with opened_store(loaded) as store:
            now = utc_now()
            settings = loaded.settings
            found = await foretell(store, rules_of(settings), channels_of(settings), now, span, address)
            if address is None:
                found = sorted([*found, *_chores(loaded, now, now + span)], key=lambda one: one.at)
            return [{"at": one.at, "what": one.what, "why": one.why} for one in found]

    found = go(foretold())
    if as_json:
        answer_json(found)
        return
    rows = [(f"{one['at']:%a %Y-%m-%d %H:%M %Z}", str(one["what"]), str(one["why"])) for one in found]
    answer_table("What will happen", ("at", "what", "why"), rows)
    if not rows:
        answer("Nothing will happen in that time.")
