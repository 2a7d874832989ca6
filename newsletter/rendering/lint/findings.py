"""What the lint says: one fault each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONGEST_SNIPPET = 200


class Severity(StrEnum):
    """How bad a fault is: an error must not be sent, a warning needs a reason, a note is only said."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a message.

    `check` is an id of CHECKS, with a colon and a detail where a check has several ("support:css-border-radius").
    `message` is one sentence with the remedy, `where` a snippet of the element, rule or header, 200 characters at most.
    `allowed` is the written reason why the fault is accepted (see `allowances`); such a finding does not count.
    """

    check: str
    severity: Severity
    message: str
    where: str = ""
    allowed: str = ""


def error(check: str, message: str, where: str = "") -> Finding:
    """A fault that must not be sent. Nothing that a paper says may cause one, or it could stop an edition."""
    return Finding(check, Severity.ERROR, message, snippet(where))


def warning(check: str, message: str, where: str = "") -> Finding:
    """A fault that needs either a remedy or a written reason."""
    return Finding(check, Severity.WARNING, message, snippet(where))


def note(check: str, message: str, where: str = "") -> Finding:
    """Something worth knowing."""
    return Finding(check, Severity.NOTE, message, snippet(where))


def snippet(text: str) -> str:
    """`text` on one line, cut to LONGEST_SNIPPET characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SNIPPET else f"{line[: LONGEST_SNIPPET - 1]}…"
