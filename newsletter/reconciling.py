"""Unknown outcomes, settled by the relay's own log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from newsletter.mail.postfix_log import received
from newsletter.model import Delivery, State
from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the log could tell: deliveries that the relay has, and those it does not speak of."""

    accepted: tuple[Delivery, ...]
    silent: tuple[Delivery, ...]


async def reconcile(store: Store, log: Iterable[str], at: datetime) -> Reconciled:
    """Settle every unknown delivery whose Message-ID the relay's log has as received.

    The others stay unknown: a log that does not speak of a message may have been rotated. Where it is known to be
    complete, `newsletter resend --unknown` sends them.
    """
    unknown = await store.ledger.deliveries(state=State.UNKNOWN)
    known = received(log)
    accepted = []
    for delivery in unknown:
        entry = known.get(delivery.message_id)
        if entry and await store.ledger.settle_unknown(
            delivery.message_id, State.ACCEPTED, code=250, reply=entry.words, queue_id=entry.queue_id, at=at
        ):
            accepted.append(delivery)
    settled = {delivery.id for delivery in accepted}
    return Reconciled(tuple(accepted), tuple(one for one in unknown if one.id not in settled))
