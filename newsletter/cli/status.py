"""`newsletter status`: a glance."""

from __future__ import annotations

from typing import Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, shown_path


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what was collected, published and delivered, and whether the ledger's counts add up.

    Exit code 1 when they do not.

    Example: newsletter status --json
    """
    import asyncio

    from newsletter.settings import Configuration

    loaded: Configuration = configuration(context)
    known = asyncio.run(_gather(loaded))
    if as_json:
        answer_json(known)
    else:
        _show(known)
    raise typer.Exit(0 if known["balanced"] else 1)


async def _gather(loaded: Any) -> dict[str, Any]:
    from collections import Counter

    from newsletter.assembly import opened_store, utc_now
    from newsletter.scheduling import next_run

    async with opened_store(loaded) as store:
        readers = await store.subscribers.all()
        batches = sorted(await store.batches.newest(), key=lambda batch: batch.collected_at, reverse=True)
        return {
            "deliveries": {str(state): number for state, number in (await store.ledger.counts()).items()},
            "balanced": await store.ledger.balanced(),
            "papers": await store.papers.count(),
            "newest": await store.papers.newest_day(utc_now().date()),
            "editions": await store.editions.all_days(),
            "subscribers": dict(Counter(str(reader.status) for reader in readers)),
            "batches": [
                {
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
                for batch in batches
            ],
            "next_run": next_run(loaded.settings, utc_now()),
            "state_dir": loaded.settings.state_dir,
        }


def _show(known: dict[str, Any]) -> None:
    from newsletter.cli.rows import ANSWER_COLUMNS, NUMBERS, cells

    batches = [one | {"asked": f"{one['collected_at']:%Y-%m-%d %H:%M}"} for one in known["batches"]]
    answer_table("What each source answered last", ANSWER_COLUMNS, cells(batches, ANSWER_COLUMNS), NUMBERS)
    counted = [(state, number) for state, number in known["deliveries"].items() if number]
    answer_table("Deliveries", ("state", "number"), counted, ("number",))
    editions = known["editions"]
    readers = ", ".join(f"{number} {state}" for state, number in known["subscribers"].items()) or "none"
    answer(f"Archive      {known['papers']} papers, newest day {known['newest'] or 'none'}")
    answer(f"Editions     {len(editions)}{f', newest {editions[-1]}' if editions else ''}")
    answer(f"Subscribers  {readers}")
    answer(f"Ledger       {'balanced' if known['balanced'] else 'NOT BALANCED: rows are missing; restore a backup'}")
    answer(f"Next run     {known['next_run']:%Y-%m-%d %H:%M %Z}, while `newsletter schedule` is running")
    answer(f"State        {shown_path(known['state_dir'])}")
