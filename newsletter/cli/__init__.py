"""The `newsletter` command: words on a terminal, no decisions. One file for each command.

Everything heavy is imported inside the commands, so that `newsletter --help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys

from newsletter.cli.app import TRACEBACK, app
from newsletter.errors import ConfigurationError, NewsletterError

FAILED, MISUSED = 1, 2

OBJECTS_BETWEEN_SEARCHES = 50_000
"""How many more objects there are before Python looks for garbage in cycles.

Its own figure, 700, is for small programs: a tenth of a short command's time would go into looking through modules that
are still being imported, and finding nothing."""


def _prepare_python() -> None:
    """What suits a command that is short, and whose numbers are the same however many cores there are."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)
    # On its way out Python searches everything for cycles, several times over, while it takes the modules apart: a
    # seventh of the seeds' run. Memory goes back with the process; what is frozen is not searched.
    atexit.register(gc.freeze)
    # numpy and scipy bring a BLAS each, and each would start a thread for every core, which spin before they sleep. Our
    # products are small or sparse; and the order in which threads add up would be part of the result.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _prepare_output() -> None:
    """A terminal that lacks a letter shows a question mark; nobody listening is no reason to fail."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open as long as we are
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _say(sentence: object) -> None:
    sys.stderr.write(f"{sentence}\n")


def main() -> None:
    """Run the command line; every failure is a sentence on standard error and an exit code."""
    _prepare_python()
    _prepare_output()
    try:
        app()
    except ConfigurationError as error:
        for fault in error.faults:
            _say(fault)
        sys.exit(MISUSED)
    except NewsletterError as error:
        _say(f"newsletter: {error}")
        sys.exit(FAILED)
    except OSError as error:
        # Every command puts its own failures into words; what is left is the answer that cannot be written.
        _say(f"newsletter: the answer cannot be written: {error.strerror}")
        sys.exit(FAILED)
    except Exception as error:
        if TRACEBACK in sys.argv:
            raise
        what = f"{type(error).__name__}: {error}"
        remedy = f"please report it, with what `newsletter {TRACEBACK} …` prints"
        _say(f"newsletter: this should not happen: {what}; {remedy}")
        sys.exit(FAILED)
