"""What the ledger says of its own work: a line for each block of deliveries, and at *debug* for each message."""

from __future__ import annotations

from collections import Counter
from datetime import date

from newsletter.logs import Log, token
from newsletter.model import Delivery, State

BLOCK = 500
"""Deliveries that share a line, at the most; fewer where a sender is done."""

_log = Log(__name__)


class Settled:
    """Counts what was settled of each local date, and says so when it is a block."""

    def __init__(self) -> None:
        self._counts: dict[date, Counter[State]] = {}

    def began(self, delivery: Delivery, message_id: str, size: int) -> None:
        """From now on the relay may have the message."""
        _log.debug(
            "handed over",
            delivery=delivery.id,
            day=delivery.local_date,
            address=delivery.address,
            message=token(message_id),
            attempt=delivery.attempt,
            bytes=size,
        )

    def ended(self, delivery: Delivery, state: State, code: int | None, said: str, queue_id: str) -> None:
        """It is written down what became of it."""
        _log.debug(
            "settled",
            delivery=delivery.id,
            day=delivery.local_date,
            address=delivery.address,
            state=state,
            code=code,
            said=said,
            queue=queue_id,
        )
        counts = self._counts.setdefault(delivery.local_date, Counter())
        counts[state] += 1
        if counts.total() >= BLOCK:
            self.say()

    def say(self) -> None:
        """A line for each local date of which something was settled since the last one."""
        for day, counts in sorted(self._counts.items()):
            _log.info("deliveries", day=day, **{state: counts[state] for state in State if counts[state]})
        self._counts.clear()
