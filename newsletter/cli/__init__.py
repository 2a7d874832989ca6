"""The `newsletter` command: words on a terminal, no decisions. One file for each command.

Everything heavy is imported inside the commands, so that `newsletter --help` answers at once.
"""

from __future__ import annotations

import sys

from newsletter.cli.app import TRACEBACK, app
from newsletter.errors import ConfigurationError, NewsletterError

DONE, FAILED, MISUSED, LOOK, INTERRUPTED = 0, 1, 2, 3, 130


def main() -> None:
    """Run the command line; every failure is a sentence on standard error and an exit code."""
    try:
        app()
    except ConfigurationError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)  # noqa: T201 - this is the terminal
        sys.exit(MISUSED)
    except NewsletterError as error:
        print(f"newsletter: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(FAILED)
    except KeyboardInterrupt:
        print("newsletter: interrupted; the next run goes on where this one stopped", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        sys.exit(DONE)
    except Exception as error:
        if TRACEBACK in sys.argv:
            raise
        what = f"{type(error).__name__}: {error}"
        remedy = f"please report it, with what `newsletter {TRACEBACK} …` prints"
        print(f"newsletter: this should not happen: {what}; {remedy}", file=sys.stderr)  # noqa: T201
        sys.exit(FAILED)
