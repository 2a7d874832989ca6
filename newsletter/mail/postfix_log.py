"""What Postfix's log says of messages: the relay's own record of what it took.

A line of `cleanup` ties a queue id to a Message-ID when the message has been received in full
(`cleanup(8)`); later lines of `smtp`, `lmtp`, `local`... tell what became of it (`status=sent`, `deferred`, `bounced`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_QUEUE_ID = r"(?P<queue_id>[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,})"
_RECEIVED = re.compile(rf"postfix(?:-\w+)?(?:/\w+)*/cleanup\[\d+\]: {_QUEUE_ID}: message-id=(?P<message_id><[^>\s]+>)")
_DELIVERED = re.compile(
    rf"postfix(?:-\w+)?(?:/\w+)*\[\d+\]: {_QUEUE_ID}: to=<.*?\bstatus=(?P<status>\w+) (?P<words>\(.*\))"
)
LONGEST_LINE = 4000


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the relay has: the name it gave it, and the last thing it said of it."""

    message_id: str
    queue_id: str
    words: str


def received(lines: Iterable[str]) -> dict[str, Received]:
    """The messages that a log says were received, by Message-ID. Lines that mean something else are passed over."""
    found: dict[str, Received] = {}
    by_queue: dict[str, str] = {}
    for line in lines:
        if match := _RECEIVED.search(line[:LONGEST_LINE]):
            message_id, queue_id = match["message_id"], match["queue_id"]
            found.setdefault(message_id, Received(message_id, queue_id, "received"))
            by_queue[queue_id] = message_id
        elif (match := _DELIVERED.search(line[:LONGEST_LINE])) and match["queue_id"] in by_queue:
            message_id = by_queue[match["queue_id"]]
            if found[message_id].queue_id == match["queue_id"]:
                found[message_id] = replace(found[message_id], words=f"{match['status']} {match['words']}")
    return found
