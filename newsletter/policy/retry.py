"""What becomes of a delivery after an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.model import Outcome, State

MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Decision:
    """The state to settle with, the reason in words, and for a deferred delivery the time of the next attempt."""

    state: State
    reason: str
    next_at: datetime | None = None


def after(outcome: Outcome, *, attempt: int, now: datetime) -> Decision:
    """Settle `outcome` of the given attempt (1 is the first).

    A temporary refusal waits 5 minutes, then twice as long each time up to 4 hours (RFC 5321 section 4.5.4.1 asks for
    30 minutes or more between tries after the first ones), or as long as the relay itself asks for. After eight
    attempts, about 13 hours, it is final, for by then the next day's digest carries what this one would have.
    """
    if outcome.state is not State.DEFERRED:
        return Decision(outcome.state, "" if outcome.state is State.ACCEPTED else outcome.text)
    if attempt >= MOST_ATTEMPTS:
        return Decision(State.REFUSED, f"given up after {attempt} attempts: {outcome.text}")
    wait = min(max(FIRST_WAIT * 2 ** (attempt - 1), outcome.retry_after or FIRST_WAIT), LONGEST_WAIT)
    return Decision(State.DEFERRED, outcome.text, now + wait)
