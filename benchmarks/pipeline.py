"""Parse both seeds, rank them, compose four readers' messages: seconds and peak memory.

    python benchmarks/pipeline.py [--runs 5]

Start-up (imports) is timed apart. The limits are those that the project set itself: two seconds and 150 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

LIMIT_SECONDS, LIMIT_MEGABYTES = 2.0, 150.0


async def once(state: Path) -> tuple[float, int]:
    """One journey from the documents to composed messages on a fresh state folder; seconds, and messages made."""
    from newsletter.assembly import opened_daily
    from newsletter.settings import configuration_folder, load

    loaded = load(configuration_folder(), {"state_dir": str(state)})
    loaded = replace(loaded, settings=loaded.settings.model_copy(update={"state_dir": state}))
    async with opened_daily(loaded, now=lambda: datetime(2025, 3, 12, 12, tzinfo=UTC)) as daily:
        begun = time.perf_counter()
        _, previews = await daily.rehearse(latest=True)
        return time.perf_counter() - begun, len(previews)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    begun = time.perf_counter()
    import newsletter.assembly  # noqa: F401 - timed

    startup = time.perf_counter() - begun
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            taken, messages = asyncio.run(once(Path(folder)))
            seconds.append(taken)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, median = seconds[0], statistics.median(seconds)
    rows = [
        ("imports", f"{startup:.2f} s", "", ""),
        (f"first run, {messages} messages", f"{first:.2f} s", f"{LIMIT_SECONDS:.0f} s", f"{first / LIMIT_SECONDS:.2f}"),
        (f"median of {runs}", f"{median:.2f} s", f"{LIMIT_SECONDS:.0f} s", f"{median / LIMIT_SECONDS:.2f}"),
        ("peak memory", f"{megabytes:.0f} MB", f"{LIMIT_MEGABYTES:.0f} MB", f"{megabytes / LIMIT_MEGABYTES:.2f}"),
    ]
    for what, measured, limit, share in [("", "measured", "limit", "share"), *rows]:
        sys.stdout.write(f"{what:<24}{measured:>10}{limit:>10}{share:>8}\n")


if __name__ == "__main__":
    main()
