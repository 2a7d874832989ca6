"""`newsletter prune`: what is too old to be kept goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, counted, remark

if TYPE_CHECKING:
    from newsletter.daily.pruning import Pruned
    from newsletter.settings import Configuration

NEEDS_A_LOOK = 3

Compacted = tuple[int, int] | None


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many of each kind would go.")] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Then write SQLite's file anew, which makes it smaller; others wait.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let go of what is older than the settings keep it, as every run and every fleet does by itself.

    Exit code 3 when something old could not go now.

    Example: newsletter prune --dry-run
    """
    import asyncio

    if dry_run and compact:
        raise typer.BadParameter("--compact cannot be combined with --dry-run")
    loaded = configuration(context)
    pruned, sizes = asyncio.run(_pruned(loaded, rehearse=dry_run, compact=compact))
    if as_json:
        kinds = {one.kind: {"days": one.days, "number": one.number, "why": one.why} for one in pruned}
        compacted = {"before": sizes[0], "after": sizes[1]} if sizes else None
        answer_json({"dry_run": dry_run, "kinds": kinds, "compacted": compacted})
    else:
        would = "would go" if dry_run else "gone"
        rows = [(one.kind, f"{one.days} days" if one.days else "for ever", one.number) for one in pruned]
        answer_table("What is too old to be kept", ("kind", "kept", would), rows, (would,))
        total = sum(one.number for one in pruned)
        answer(f"{counted(total, 'thing', 'things')} {would}.")
        if sizes:
            answer(f"The database has {sizes[1] / 1e6:.1f} MB; it had {sizes[0] / 1e6:.1f} MB.")
    for one in pruned:
        if one.why:
            remark(f"{one.kind}: {one.why}")
    raise typer.Exit(NEEDS_A_LOOK if any(one.why for one in pruned) else 0)


async def _pruned(loaded: Configuration, *, rehearse: bool, compact: bool) -> tuple[list[Pruned], Compacted]:
    from newsletter.assembly import opened_pruning, utc_now
    from newsletter.store.compacting import compact as compact_database

    async with opened_pruning(loaded) as pruning:
        pruned = await pruning.prune(utc_now(), rehearse=rehearse)
        return pruned, await compact_database(pruning.store.database) if compact else None
