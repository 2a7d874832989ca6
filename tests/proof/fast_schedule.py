"""A scheduler in a process of its own, whose clock runs fast: the real looks, sends, database and mailbox.

    python fast_schedule.py FOLDER BEGIN EPOCH SPEED

It is BEGIN (ISO, UTC) at the EPOCH (seconds), and SPEED seconds pass in each: so that all processes have one clock.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.triggers.interval import IntervalTrigger

from newsletter.assembly import opened_daily
from newsletter.listening import told_to_stop
from newsletter.scheduling import Work, scheduled
from newsletter.settings import load

LOOK_EVERY = 0.3


async def main(folder: Path, begin: datetime, epoch: float, speed: float) -> None:
    loaded = load(folder, {})

    def now() -> datetime:
        return begin + timedelta(seconds=(time.time() - epoch) * speed)

    async def look() -> bool:
        async with opened_daily(loaded, now=now) as daily:
            await daily.look()
        return True

    async def send() -> None:
        async with opened_daily(loaded, now=now) as daily:
            sent = await daily.send()
            assert sent.failure is None, sent.failure

    async with scheduled(Work(look, send, lambda: None), IntervalTrigger(seconds=LOOK_EVERY), ZoneInfo("UTC")):
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        await told_to_stop()


if __name__ == "__main__":
    where, when, since, factor = sys.argv[1:]
    asyncio.run(main(Path(where), datetime.fromisoformat(when), float(since), float(factor)))
