"""Arguments of jobs, as JSON holds them: what is due when, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from newsletter.model import Occasion, Rhythm
from newsletter.store import Slot


def as_json(occasion: Occasion, slots: Sequence[Slot], missed: str) -> dict[str, Any]:
    """The arguments of `Publishing.plan_due` as JSON holds them."""
    return {
        "through": occasion.through.isoformat() if occasion.through else None,
        "at": occasion.at.isoformat() if occasion.at else None,
        "slots": [[zone, hour, rhythm.value, begins.isoformat()] for zone, hour, rhythm, begins in slots],
        "missed": missed,
    }


def from_json(day: date, due: dict[str, Any]) -> tuple[Occasion, list[Slot], str]:
    """The same from what `as_json` made, for the local date `day`."""
    through, at = due["through"], due["at"]
    occasion = Occasion(
        day, date.fromisoformat(through) if through else None, datetime.fromisoformat(at) if at else None
    )
    slots = [
        (zone, hour, Rhythm(rhythm), datetime.fromisoformat(begins)) for zone, hour, rhythm, begins in due["slots"]
    ]
    return occasion, slots, due["missed"]
