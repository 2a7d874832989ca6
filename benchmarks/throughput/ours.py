"""One run of this project, as `newsletter run` does it, with a stopwatch at the door of delivering.

    python ours.py FOLDER DAY REPORT

The command itself is run, on a configuration folder; what it prints is not looked at. REPORT gets the seconds, by the
clock and of CPU, from before the first claim until the last delivery is settled and every connection is closed; in them
are the rendering of the cards, the look at the first message, and the start of more processes, where there are more.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

from newsletter.daily.processes import Deliverer, Processes

_deliver = Processes.deliver
_taken: dict[str, float] = {"seconds": 0.0, "cpu": 0.0, "attempted": 0}


def cpu() -> float:
    """Seconds of CPU of this process, and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def _timed(self: Processes, day: date, here: Deliverer) -> int:
    begun, used = time.perf_counter(), cpu()
    attempted = await _deliver(self, day, here)
    _taken["seconds"] += time.perf_counter() - begun
    _taken["cpu"] += cpu() - used
    _taken["attempted"] += attempted
    return attempted


def main() -> None:
    folder, day, report = sys.argv[1:]
    Processes.deliver = _timed  # type: ignore[method-assign]  # the stopwatch
    from newsletter.cli import main as newsletter

    sys.argv = ["newsletter", "--config", folder, "run", "--date", day, "--json"]
    try:
        newsletter()
    finally:
        Path(report).write_text(json.dumps(_taken), encoding="utf-8")


if __name__ == "__main__":
    main()
