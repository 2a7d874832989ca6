"""One sender, one sink: what each of the two needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from relays import sink_process, smtp_source

SESSIONS = 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What `messages` took: `seconds` and `cpu` of sending, `whole` and `whole_cpu` of the process from start to end,
    `sink` of CPU at the other side; `size` of a message in bytes, 0 where nobody counted."""

    messages: int
    seconds: float
    cpu: float
    whole: float
    whole_cpu: float
    sink: float
    size: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second, while sending."""
        return self.messages / self.seconds


class Sink:
    """A running smtp-sink: its `port`, and what it has taken and needed."""

    def __init__(self, port: int, process: int, counter: Path) -> None:
        self.port = port
        self._process = process
        self._counter = counter

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def messages(self) -> int:
        """How many messages it has taken, by its own count."""
        counts: list[str] = re.findall(r"mesg=(\d+)", self._counter.read_text())
        return int(counts[-1]) if counts else 0


@contextmanager
def counting_sink() -> Iterator[Sink]:
    """A fresh smtp-sink that counts (`-c`)."""
    with tempfile.NamedTemporaryFile() as counter, sink_process("-c", stdout=counter.file) as (port, process):
        yield Sink(port, process, Path(counter.name))


def limit(messages: int, size: int) -> Taken:
    """Postfix's own sender, prepared bytes over kept connections."""
    with counting_sink() as sink:
        used = sink.cpu()
        seconds, cpu = smtp_source(sink.port, messages, SESSIONS, size)
        return _checked(Taken(messages, seconds, cpu, seconds, cpu, sink.cpu() - used, size), sink)


def program(command: Sequence[str], messages: int, environment: Mapping[str, str] | None = None) -> Taken:
    """A sender in a process of its own. In `command`, PORT stands for the sink's port and REPORT for the file that the
    sender writes what sending took into.

    Raises SystemExit when it fails, or when the sink did not get as many messages as there should be.
    """
    with counting_sink() as sink, tempfile.TemporaryDirectory() as folder:
        report, said = Path(folder) / "report", Path(folder) / "said"
        places = {"PORT": str(sink.port), "REPORT": str(report)}
        settings = {name: places.get(value, value) for name, value in (environment or {}).items()}
        used, begun = sink.cpu(), time.perf_counter()
        with said.open("wb") as file:
            process = subprocess.Popen(
                [places.get(word, word) for word in command],
                env=os.environ | settings,
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
            _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen would wait for it once more
        if process.returncode or not report.exists():
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said.read_text()[-2000:]}")
        told = json.loads(report.read_text())
        whole_cpu = usage.ru_utime + usage.ru_stime
        taken = Taken(
            messages, told["seconds"], told["cpu"], whole, whole_cpu, sink.cpu() - used, told.get("size", 0.0)
        )
        return _checked(taken, sink)


def variables(**tables: Mapping[str, str]) -> dict[str, str]:
    """Settings as environment variables: NEWSLETTER_SMTP__PORT for smtp's `port`."""
    return {
        f"NEWSLETTER_{table}__{name}".upper(): value
        for table, values in tables.items()
        for name, value in values.items()
    }


def _checked(taken: Taken, sink: Sink) -> Taken:
    if sink.messages() != taken.messages:
        raise SystemExit(f"the sink took {sink.messages()} messages, and {taken.messages} were sent")
    return taken
