"""How good the ranking is, and how fast, on the development data, against peers in the same run.

    python benchmarks/relevance cold --data DIR [--ablate] [--with static|neural]
    python benchmarks/relevance feedback --data DIR
    python benchmarks/relevance screening --data DIR
    python benchmarks/relevance speed --data DIR

Prints a table in Markdown (--json: all figures). For a quick look: --every 6 takes every sixth week, --topics half
every second topic.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

# Before numpy is loaded: one core, so that times can be compared and sums do not depend on the number of cores.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

NEEDED = ("topic_stream/papers.jsonl.gz", "topic_stream/topics.jsonl", "screening/ace.jsonl.gz")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/relevance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("cold", "feedback", "screening", "speed"))
    parser.add_argument("--data", type=Path, required=True, help="the folder with topic_stream and screening")
    parser.add_argument("--ablate", action="store_true", help="cold: each part left out, and the parts one by one")
    parser.add_argument("--with", dest="extras", action="append", default=[], choices=("static", "neural"))
    parser.add_argument("--cache", type=Path, help="where the vectors of the extras are kept")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth week")
    parser.add_argument("--topics", choices=("all", "half"), default="all")
    parser.add_argument("--json", action="store_true", help="all figures as JSON, not a table")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    missing = [name for name in NEEDED if not (given.data / name).is_file()]
    if missing:
        sys.stderr.write(f"The development data are not there: {given.data} has no {', '.join(missing)}.\n")
        return 2
    import cold
    import feedback
    import screening
    import speed

    run = {"cold": cold.run, "feedback": feedback.run, "screening": screening.run, "speed": speed.run}[given.what]
    table = run(given)
    sys.stdout.write(json.dumps(table.json, ensure_ascii=False, indent=2) if given.json else table.markdown)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
