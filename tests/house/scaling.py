"""The tables of `docs/scaling.md`, as the calculator says them.

python tests/house/scaling.py        prints them
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from newsletter.cli.capacity import SENDING, STORING, readers, shown
from newsletter.policy.capacity import Load, plan
from newsletter.policy.measured import MEASURED

SIZES = (10_000, 1_000_000, 100_000_000)
TWO_HOURS = 7_200.0
PROVISIONAL = "provisional"
Table = Callable[[], list[str]]
PLANS = [plan(Load(size, TWO_HOURS)) for size in SIZES]


def needs() -> list[str]:
    """What a day takes, for each size."""
    rows = [
        (name, *(shown(one.needs[key]) for one in PLANS)) for key, name in SENDING.items() if key not in ("messages",)
    ]
    rows.append(("**database**", *(f"**{one.engine}**" for one in PLANS)))
    rows += [(name, *(shown(one.needs[key]) for one in PLANS)) for key, name in STORING.items()]
    return _table(("readers", *(f"{size:,}" for size in SIZES)), rows)


def limits() -> list[str]:
    """Where it stops."""
    rows = [(one.what, readers(one), one.because, one.then) for one in PLANS[0].limits]
    return _table(("limit", "readers in 2 h", "because", "then"), rows, numbers=(1,))


def figures() -> list[str]:
    """What it is all reckoned from."""
    sqlite, postgresql = MEASURED.sqlite, MEASURED.postgresql
    rows = [
        (f"one process, signing: {kind}", f"{one.rate:,.0f}/s, {one.cpu * 1e3:.3f} ms of CPU a message", "Throughput")
        for kind, one in MEASURED.senders.items()
    ]
    rows += [
        ("a message", f"{MEASURED.message / 1e3:.1f} kB", "Throughput"),
        ("memory of a process", f"{MEASURED.memory / 1e6:.0f} MB", "Scaling"),
        ("a message on a connection", f"{_replies()}, and {MEASURED.between * 1e3:.1f} ms", "Latency"),
        (f"the most through {sqlite.name}'s one writer", f"{sqlite.rate:,.0f}/s", "Throughput"),
        (f"CPU of {postgresql.name}", f"{postgresql.cpu * 1e3:.3f} ms a message", PROVISIONAL),
    ]
    for engine, source, planning in ((sqlite, "footprint", "Scaling"), (postgresql, PROVISIONAL, "ledger")):
        log = f"{engine.log:,} bytes a message, {engine.flushed:,} a transaction"
        rows += [
            (f"{engine.name}: a delivery, a reader", f"{engine.row:,} bytes, {engine.reader:,} bytes", source),
            (f"{engine.name}: rows written", f"{engine.rows:g} a message", source),
            (f"{engine.name}: write-ahead log", log, source),
            (f"{engine.name}: planning", f"{engine.planned:,} rows/s", planning),
        ]
    return _table(("figure", "measured", "from"), rows, numbers=())


def _replies() -> str:
    return f"{MEASURED.pipelined} reply pipelined, {MEASURED.answered} without"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] | None = None) -> list[str]:
    right = range(1, len(columns)) if numbers is None else numbers
    rule = ["---:" if place in right else "---" for place in range(len(columns))]
    return [f"| {' | '.join(line)} |" for line in (columns, rule, *rows)]


if __name__ == "__main__":
    sys.stdout.write("\n\n".join("\n".join(table()) for table in (needs, limits, figures)) + "\n")
