"""Where the shipped templates, configuration and seeds lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: str) -> Path:
    """The shipped folder `kind` (`templates`, `config` or `seeds`): inside the wheel, else in the checkout."""
    inside = _PACKAGE / "_shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def installed_from_wheel() -> bool:
    """Whether this package runs from a wheel rather than from a checkout."""
    return (_PACKAGE / "_shipped").is_dir()
