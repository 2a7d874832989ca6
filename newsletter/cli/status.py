"""`newsletter status`: a glance."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import (
    WIDTH_WITHOUT_TERMINAL,
    AsJson,
    answer_json,
    configuration,
    counted,
    go,
    shown_path,
)
from newsletter.logs import without_addresses

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from newsletter.settings import Configuration
    from newsletter.store import BatchRecord, Store

EVERY = 5.0
"""Seconds between two looks of `--watch`."""

_ALERTS = 3
_UNWELL = ("broken", "partial", "stale")
_AGES = ((timedelta(days=2), timedelta(days=1), "days"), (timedelta(hours=2), timedelta(hours=1), "hours"))


def status(
    context: typer.Context,
    seconds: Annotated[
        float | None,
        typer.Argument(
            min=0.5, max=86400, metavar="SECONDS", help=f"For --watch: how often to look (default: {EVERY:g})."
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, in place, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what was collected, published and delivered, how the relay and the runs are, and whether the ledger adds up.

    Exit code 1 when the ledger's counts do not add up.

    Example: newsletter status --watch 2
    """
    import asyncio

    loaded = configuration(context)
    if seconds is not None and not watch:
        raise typer.BadParameter("SECONDS belongs to --watch")
    if watch and (as_json or not sys.stdout.isatty()):
        raise typer.BadParameter("--watch draws on a terminal; a script asks for --json as often as it likes")
    if watch:
        go(_watched(loaded, seconds or EVERY))
        return
    known = asyncio.run(_once(loaded))
    if as_json:
        answer_json(known)
    else:
        _console().print(_glance(known, _now()))
    raise typer.Exit(0 if known["balanced"] else 1)


async def _once(loaded: Configuration) -> dict[str, Any]:
    from newsletter.assembly import opened_store

    async with opened_store(loaded) as store:
        return await _gather(loaded, store)


async def _watched(loaded: Configuration, seconds: float) -> None:
    import asyncio

    from rich.live import Live

    from newsletter.assembly import opened_store
    from newsletter.listening import told_to_stop

    stopping = asyncio.create_task(told_to_stop())
    async with opened_store(loaded) as store:
        with Live(console=_console(), auto_refresh=False) as live:
            while not stopping.done():
                live.update(_glance(await _gather(loaded, store), _now()), refresh=True)
                await asyncio.wait([stopping], timeout=seconds)


async def _gather(loaded: Configuration, store: Store) -> dict[str, Any]:
    from newsletter.assembly import calendar

    newest_date = await store.overview.newest_date()
    return {
        "deliveries": _counts(await store.ledger.counts()),
        "newest_date": newest_date,
        "newest_deliveries": _counts(await store.ledger.counts(newest_date)) if newest_date else {},
        "balanced": await store.ledger.balanced(),
        "papers": await store.papers.count(),
        "newest": await store.papers.newest_day(_now().date()),
        "editions": await store.editions.all_days(),
        "subscribers": {state: n for state, n in _counts(await store.subscribers.counts()).items() if n},
        "batches": [_batch(one) for one in await _batches(store)],
        "relay": await _relay(store),
        **await _runs(store),
        "alerts": [
            {"event": one.event, "noted_at": one.noted_at, "told_at": one.told_at}
            for one in await store.alerts.newest(_ALERTS)
        ],
        "next_run": calendar(loaded.settings).next_made(_now()),
        "state_dir": loaded.settings.state_dir,
        "disk": await _disk(loaded),
    }


def _counts(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(word): number for word, number in counts.items()}


async def _batches(store: Store) -> list[BatchRecord]:
    return sorted(await store.batches.newest(), key=lambda batch: batch.collected_at, reverse=True)


def _batch(batch: BatchRecord) -> dict[str, Any]:
    return {
        "source": batch.source,
        "document": batch.document,
        "day": batch.day,
        "verdict": batch.verdict,
        "declared": batch.declared,
        "papers": batch.papers,
        "new": batch.new,
        "why": batch.why,
        "collected_at": batch.collected_at,
    }


async def _relay(store: Store) -> dict[str, Any]:
    deferred = await store.overview.deferred()
    waiting = deferred and {
        "number": deferred.number,
        "next_at": deferred.next_at,
        "code": deferred.code,
        "reply": without_addresses(deferred.reply),
        "alike": deferred.alike,
    }
    accepted = await store.overview.last_accepted()
    return {"accepted_at": accepted, "replies": await store.overview.replies(), "deferred": waiting}


async def _runs(store: Store) -> dict[str, Any]:
    """The last good run, the last that failed, and how long each step took when it was last done."""
    from newsletter.store import RUN

    steps = await store.steps.all()
    run = steps.pop(RUN, None)
    good = {"at": run.good_at, "day": run.good_day} if run and run.good_at else None
    failed = {"at": run.failed_at, "why": run.why} if run and run.failed_at else None
    return {"good_run": good, "failed_run": failed, "seconds": {name: one.last_seconds for name, one in steps.items()}}


async def _disk(loaded: Configuration) -> dict[str, int]:
    import asyncio
    import os
    import shutil

    folder = loaded.settings.state_dir

    def size() -> int:
        total = 0
        for here, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.lstat(os.path.join(here, name)).st_size
                except FileNotFoundError:
                    continue  # it was somebody's draft
        return total

    return {"state_bytes": await asyncio.to_thread(size), "free_bytes": shutil.disk_usage(folder).free}


def _now() -> datetime:
    from newsletter.assembly import utc_now

    return utc_now()


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)


def _glance(known: dict[str, Any], now: datetime) -> RenderableType:
    """All of it, for 80 columns."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2), pad_edge=False)
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for label, text, wants_a_look in _lines(known, now):
        lines.add_row(label, Text(text, style="bold red" if wants_a_look else ""))
    batches = known["batches"]
    return Group(_sources(batches), *map(Text, _whys(batches)), "", lines)


def _sources(batches: list[dict[str, Any]]) -> Table:
    """A row for each source."""
    from rich.table import Table
    from rich.text import Text

    from newsletter.policy.verdicts import overall

    table = Table(
        title="Sources", title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    for name in ("asked", "source", "verdict", "documents", "papers", "new"):
        table.add_column(name, justify="right" if name in ("documents", "papers", "new") else "left", overflow="fold")
    for source in dict.fromkeys(one["source"] for one in batches):
        own = [one for one in batches if one["source"] == source]
        verdict = overall([one["verdict"] for one in own])
        table.add_row(
            f"{own[0]['collected_at']:%Y-%m-%d %H:%M}",
            Text(source),
            Text(verdict, style="bold red" if verdict in _UNWELL else ""),
            str(len(own)),
            str(sum(one["papers"] for one in own)),
            str(sum(one["new"] for one in own)),
        )
    return table


def _whys(batches: list[dict[str, Any]]) -> list[str]:
    """Why a source is not well, each once."""
    return list(dict.fromkeys(f"{one['source']}: {one['why']}" for one in batches if one["verdict"] in _UNWELL))


def _lines(known: dict[str, Any], now: datetime) -> list[tuple[str, str, bool]]:
    """A label, what there is to say, and whether it wants a look."""
    relay, editions, newest = known["relay"], known["editions"], known["newest_date"]
    good, failed = known["good_run"], known["failed_run"]
    lines = [
        ("Deliveries", _listed(known["deliveries"]), False),
        (str(newest or ""), _listed(known["newest_deliveries"]), False),
        ("Ledger", _BALANCED if known["balanced"] else _NOT_BALANCED, not known["balanced"]),
        ("Relay", f"took the last message {_ago(relay['accepted_at'], now)}", False),
        ("", f"replies: {_listed(relay['replies'])}", False),
    ]
    if waiting := relay["deferred"]:
        why = f"{waiting['code'] or ''} {waiting['reply']}".strip()
        many = f"{waiting['number']} wait{_until(waiting['next_at'], now)}"
        lines.append(("", f"{many}; {waiting['alike']} because of: {why}", True))
    lines += [
        ("Editions", f"{len(editions)}{f', newest {editions[-1]}' if editions else ''}", False),
        ("Archive", f"{known['papers']} papers, newest day {known['newest'] or 'none'}", False),
        ("Subscribers", _listed(known["subscribers"]), False),
        ("Good run", " for ".join([_ago(good and good["at"], now), *([str(good["day"])] if good else [])]), False),
    ]
    if failed:
        is_last = not good or failed["at"] > good["at"]
        lines.append(("Failed run", f"{_ago(failed['at'], now)}: {failed['why']}", is_last))
    if known["seconds"]:
        lines.append(("Steps", ", ".join(f"{step} {took:.1f} s" for step, took in known["seconds"].items()), False))
    lines.append(("Next run", f"{known['next_run']:%Y-%m-%d %H:%M %Z}, while `newsletter schedule` is running", False))
    alerts = [f"{one['noted_at']:%Y-%m-%d %H:%M}  {one['event']}, {_told(one)}" for one in known["alerts"]]
    lines.append(("Alerts", "\n".join(alerts) or "none", False))
    lines.append(("State", f"{shown_path(known['state_dir'])}: {_room(known['disk'])}", False))
    return [line for line in lines if line[1]]


_BALANCED = "balanced"
_NOT_BALANCED = "NOT BALANCED: rows are missing; restore a backup"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number) or "none"


def _until(at: datetime | None, now: datetime) -> str:
    """When the first of the deferred deliveries is tried again."""
    if at is None:
        return ""
    return f", the first until {at:%H:%M %Z}" if at > now else ", the first is due now, at the next look or run"


def _told(alert: Mapping[str, Any]) -> str:
    return f"told by mail {alert['told_at']:%H:%M}" if alert["told_at"] else "not told by mail"


def _room(disk: Mapping[str, int]) -> str:
    from rich.filesize import decimal

    return f"{decimal(disk['state_bytes'])}; {decimal(disk['free_bytes'])} free"


def _ago(at: datetime | None, now: datetime) -> str:
    """A moment and its age."""
    if at is None:
        return "never"
    age = now - at
    if age < timedelta(minutes=1):
        return f"{at:%Y-%m-%d %H:%M %Z} (just now)"
    for least, unit, name in _AGES:
        if age >= least:
            return f"{at:%Y-%m-%d %H:%M %Z} ({age // unit} {name} ago)"
    return f"{at:%Y-%m-%d %H:%M %Z} ({counted(age // timedelta(minutes=1), 'minute', 'minutes')} ago)"
