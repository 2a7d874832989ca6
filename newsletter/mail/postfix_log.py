"""What Postfix's log says of messages: the relay's own record of what it took.

A line of `cleanup` ties a queue id to a Message-ID. It is written at the header, so a message that was cut off has one
too: only the queue manager's line, or one of a delivery agent (`status=sent`, `deferred`, `bounced`), says that the
relay has the message in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_QUEUE_ID = r"(?P<queue_id>[0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,})"
_RECEIVED = re.compile(rf"postfix(?:-\w+)?(?:/\w+)*/cleanup\[\d+\]: {_QUEUE_ID}: message-id=(?P<message_id><[^>\s]+>)")
_QUEUED = re.compile(rf"postfix(?:-\w+)?(?:/\w+)*/qmgr\[\d+\]: {_QUEUE_ID}: from=<.*\(queue active\)")
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
    """The messages that a log says were received in full, by Message-ID; other lines are passed over."""
    named: dict[str, str] = {}
    found: dict[str, Received] = {}
    for line in lines:
        text = line[:LONGEST_LINE]
        if match := _RECEIVED.search(text):
            named[match["queue_id"]] = match["message_id"]
        elif (match := _DELIVERED.search(text) or _QUEUED.search(text)) and match["queue_id"] in named:
            message_id = named[match["queue_id"]]
            words = f"{match['status']} {match['words']}" if "status" in match.groupdict() else "queued"
            found[message_id] = Received(message_id, match["queue_id"], words)
    return found
