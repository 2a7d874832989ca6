"""Asking for mail on the page, and the confirmation without which there is none.

    nobody, or somebody who left by themselves   -> waits, gets the message with the link to confirm
    waits already                                -> the same once more, with the newest wishes
    gets mail, or has paused                     -> nothing changes; a message says so, with the link to change it
    bounced, complained, taken out by us         -> nothing changes, no message

From outside all of them look the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from newsletter.model import Outcome, State, Subscriber
from newsletter.policy.address import normal_address
from newsletter.policy.disposable import is_disposable
from newsletter.store import Store
from newsletter.store.subscribers import Confirmed
from newsletter.subscribing.forgetting import LEFT, ONE_CLICK
from newsletter.subscribing.wishes import Faults, Wishes

REVIVABLE = frozenset({LEFT, ONE_CLICK, "left by mail"})
"""Reasons of suppressions that are the reader's own will, so that the reader may change it."""

LONGEST_ADDRESS = 254
"""Characters (RFC 5321 section 4.5.3.1.3, less the angle brackets)."""


def address_asked(text: str, faults: Faults) -> str:
    """The address that a visitor typed, normalised; what is wrong with it is added to `faults`."""
    if not text.strip() or len(text) > LONGEST_ADDRESS:
        faults["address"] = "an e-mail address is needed, like ada@example.org"
        return ""
    address = faults.unless("address", normal_address, text, "")
    if address and is_disposable(address):
        faults["address"] = "mailboxes that are thrown away after a while cannot subscribe: take a lasting one"
    return address


async def sign_up(
    store: Store, address: str, asked: Wishes, at: datetime, write: Callable[[Subscriber], Awaitable[Outcome]]
) -> bool:
    """Note that `address`, normalised, asks `at` for mail, and let `write` send the message that belongs to its row.

    Returns whether there is nothing left to do. False: the relay could not take the message now. What was asked for
    stays noted, and doing the same again is all it takes. Raises what `write` raises, with the same being true.
    """
    reader = await store.subscribers.sign_up(Subscriber(address, **asked.fields()), at, REVIVABLE)
    if reader is None:
        return True
    return (await write(reader)).state is not State.DEFERRED


async def confirm(store: Store, reader: Subscriber) -> Confirmed:
    """From now on `reader` gets mail, as they asked for; who had left by themselves has not any more."""
    return await store.subscribers.confirm(reader.id, reader.address, REVIVABLE)
