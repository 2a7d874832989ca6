"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

_FLUSHES = 50


def flush_time(folder: Path) -> float:
    """Seconds of one flush of a page to the disk that `folder` is on, the median of many."""
    times = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(_FLUSHES):
            file.write(os.urandom(4096))
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


def described(folder: Path) -> str:
    """Processor, cores, system, Python, the time of a disk flush, how busy it was, and the day: one line."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    parts = [
        models[0] if models else platform.processor() or platform.machine(),
        f"{os.cpu_count()} cores",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"a disk flush {flush_time(folder) * 1000:.2f} ms",
        f"load {os.getloadavg()[0]:.1f}",
        f"{datetime.now(UTC):%Y-%m-%d}",
    ]
    return ", ".join(parts) + "."
