"""`newsletter doctor`: what an operator asks when something is wrong, and the proof."""

from __future__ import annotations

import typer


def doctor(context: typer.Context) -> None:
    """Stub."""
