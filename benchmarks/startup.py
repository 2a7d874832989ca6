"""How long the commands take to start: wall time and CPU, beside what Python and two of our libraries take.

    python benchmarks/startup.py [--runs 5] [--imports 12]

The commands take turns in every round; the figures are medians. `newsletter run` is the seeds' run on a state folder of
its own each time, the word vectors left out as in the default install. Bytecode is compiled before the first round, as
an installation does it. The limits are those that the project set itself: 150 ms for the help, two seconds for the run.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

NEWSLETTER = ["-m", "newsletter"]
RUN = [*NEWSLETTER, "run", "--date", "latest"]
_IMPORT = re.compile(r"import time:\s+(?P<own>\d+) \|\s+(?P<whole>\d+) \| *(?P<name>\S+)")


@dataclass(frozen=True, slots=True)
class Timed:
    """A command of Python's, and the seconds that it may take, where there is a limit."""

    name: str
    words: list[str]
    limit: float | None = None
    fresh: bool = False


COMMANDS = (
    Timed("python -c pass", ["-c", "pass"]),
    Timed("import sqlalchemy, pydantic", ["-c", "import sqlalchemy, pydantic"]),
    Timed("import numpy, scipy.sparse", ["-c", "import numpy, scipy.sparse"]),
    Timed("newsletter --help", [*NEWSLETTER, "--help"], 0.15),
    Timed("newsletter status", [*NEWSLETTER, "status"]),
    Timed("newsletter run, the seeds", RUN, 2.0, fresh=True),
)


class Place:
    """Where the commands run: a state folder that holds a day already, and bytecode of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fresh = 0
        own = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSLETTER_", "PYTHON"))}
        self._environment = own | {
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "NEWSLETTER_RANKING__MODELS": "none",
        }
        self.timed(RUN)  # compiles, and fills the state folder
        for command in COMMANDS:
            self.timed(command.words)

    def timed(self, words: list[str], *, fresh: bool = False) -> tuple[float, float, str]:
        """Seconds by the clock and of CPU, and what it said on standard error; on a new state folder if `fresh`."""
        self._fresh += fresh
        state = self._folder / (f"state-{self._fresh}" if fresh else "state")
        environment = self._environment | {"NEWSLETTER_STATE_DIR": str(state)}
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None  # it is a pipe
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen would wait for it once more
        process.stderr.close()
        if process.returncode:
            raise SystemExit(f"python {' '.join(words)} ended with {process.returncode}: {said}")
        return seconds, usage.ru_utime + usage.ru_stime, said


def dearest(place: Place, most: int) -> list[tuple[str, int, float, float]]:
    """The packages of the seeds' run by their own import time: name, modules, own milliseconds, share of them all."""
    own: dict[str, list[int]] = {}
    for line in place.timed(["-X", "importtime", *RUN], fresh=True)[2].splitlines():
        if found := _IMPORT.match(line):
            own.setdefault(found["name"].partition(".")[0], []).append(int(found["own"]))
    every = sum(map(sum, own.values()))
    ranked = sorted(own.items(), key=lambda package: -sum(package[1]))[:most]
    return [(name, len(times), sum(times) / 1000, sum(times) / every) for name, times in ranked]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--imports", type=int, default=12)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        rounds = [[place.timed(one.words, fresh=one.fresh)[:2] for one in COMMANDS] for _ in range(given.runs)]
        packages = dearest(place, given.imports)
    sys.stdout.write(f"{'':<30}{'wall':>9}{'CPU':>9}{'limit':>9}{'share':>7}\n")
    for command, times in zip(COMMANDS, zip(*rounds, strict=True), strict=True):
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        limit = f"{1000 * command.limit:>6.0f} ms{wall / command.limit:>7.2f}" if command.limit else ""
        sys.stdout.write(f"{command.name:<30}{1000 * wall:>6.0f} ms{1000 * cpu:>6.0f} ms{limit}\n")
    sys.stdout.write(f"\n{'imports of the run':<30}{'modules':>9}{'own':>9}{'share':>7}\n")
    for name, modules, milliseconds, share in packages:
        sys.stdout.write(f"{name:<30}{modules:>9}{milliseconds:>6.0f} ms{share:>7.2f}\n")


if __name__ == "__main__":
    main()
