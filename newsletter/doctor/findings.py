"""What a check comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How bad it is; only `fail` makes the command fail."""

    OK = "ok"
    WARN = "warn"  # works, but not as well as it should
    FAIL = "fail"  # does not work, or will not for long
    UNCHECKED = "not checked"  # nobody could say


@dataclass(frozen=True, slots=True)
class Finding:
    """What `name` looks like: one sentence, which names the setting to change where something is wrong."""

    name: str
    health: Health
    sentence: str


def ok(name: str, sentence: str) -> Finding:
    """All is well."""
    return Finding(name, Health.OK, sentence)


def warn(name: str, sentence: str) -> Finding:
    """It works, but."""
    return Finding(name, Health.WARN, sentence)


def fail(name: str, sentence: str) -> Finding:
    """It does not work. The words of an error get their full stop."""
    return Finding(name, Health.FAIL, sentence if sentence.endswith(".") else f"{sentence}.")


def unchecked(name: str, sentence: str) -> Finding:
    """It could not be found out, and why."""
    return Finding(name, Health.UNCHECKED, sentence)
