"""What a report says about a reader: hard, soft, a complaint, about ourselves, or nothing.

What a delivery report (RFC 3464) means is told by its Action (section 2.3.3) and its Status (RFC 3463)::

    action, status                                     means                                        judged
    -------------------------------------------------- -------------------------------------------- -----------
    failed 5.1.1 5.1.2 5.1.3 5.1.4 5.1.6  (3463 3.2)   no such mailbox or domain, moved away        hard
    failed 5.1.10                         (RFC 7505)   the domain takes no mail (null MX)           hard
    failed 5.2.1                          (3463 3.3)   mailbox disabled                             hard
    failed 5.7.17 5.7.18                  (RFC 7293)   mailbox or domain belongs to somebody else   hard
    failed 5.1.7 5.1.8  (3463 3.2), 5.5.x (3.6),       our address, protocol, content, or standing  reputation
           5.6.x (3.7), 5.7.x (3.8)                    with the receiver
    failed 5.x.x, all others                           full, too large, no route, said too little   soft
    failed 4.x.x                                       given up after trying for long               soft
    delayed                                            still being tried                            soft
    delivered, relayed, expanded          (3464 2.3.3) it arrived, as far as anybody knows          ignored

No route (5.4.x) is soft because a name server that was set up wrongly for a day looks the same as a domain that is
gone, and 5.0.0 is what some servers say whatever happened. A reader whom no mail reaches at all is found by counting.

A complaint (RFC 5965 section 7.3) takes the reader out, whatever its type, except those types that are no reader's
complaint: not-spam (RFC 6430), auth-failure (RFC 6591), and virus, which a scanner sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HALF_LIFE = timedelta(days=30)
"""Time in which a soft bounce loses half of its weight."""

_HARD = {"5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.7.17", "5.7.18"}
_OURS = re.compile(r"5\.(?:1\.[78]|[567]\.\d+)")
_ARRIVED = {"delivered", "relayed", "expanded"}
_HARMLESS = {"not-spam", "auth-failure", "virus"}


class BounceKind(StrEnum):
    """What a report is, as it is counted and kept."""

    HARD = "hard"  # this address takes no mail and will not
    SOFT = "soft"  # not now, or nobody knows why
    COMPLAINT = "complaint"  # the reader called it spam
    UNSUBSCRIBE = "unsubscribe"  # the reader wrote to leave
    REPUTATION = "reputation"  # refused because of who we are or what we wrote; the reader is not to blame
    IGNORED = "ignored"  # says nothing about the reader


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a report comes to. `suppress` is the reason to mail the address no more, empty when there is none."""

    kind: BounceKind
    suppress: str = ""


IGNORED = Judgement(BounceKind.IGNORED)


def judge(action: str, status: str, *, past: Iterable[datetime], now: datetime, soft_limit: int) -> Judgement:
    """Judge one recipient of a delivery report, by the table above.

    `action` and `status` are as reported, in lower case; either may be empty. `past` are the times of the earlier soft
    bounces of the same reader, each about another message. At `soft_limit` soft bounces, this one included and each
    weighing half after every 30 days, the address is suppressed.
    """
    failed = action == "failed" or (action not in _ARRIVED | {"delayed"} and status.startswith("5."))
    if action in _ARRIVED or not (failed or action == "delayed" or status.startswith("4.")):
        return IGNORED
    if failed and status in _HARD:
        return Judgement(BounceKind.HARD, f"hard bounce ({status})")
    if failed and _OURS.fullmatch(status):
        return Judgement(BounceKind.REPUTATION)
    weight = 1 + sum(_weight(now - when) for when in past)
    return Judgement(BounceKind.SOFT, "soft bounces" if weight >= soft_limit else "")


def judge_complaint(feedback_type: str) -> Judgement:
    """Judge a complaint report by its Feedback-Type (RFC 5965 section 3.1), in lower case."""
    if feedback_type in _HARMLESS:
        return IGNORED
    return Judgement(BounceKind.COMPLAINT, f"complaint ({feedback_type})")


def mildest(judgements: Iterable[Judgement]) -> Judgement:
    """The judgement of a report about several recipients: the one that does least, IGNORED when there are none.

    An address that fans out to many is not dead because one of them is.
    """
    return min(judgements, key=lambda one: _SEVERITY.index(one.kind), default=IGNORED)


_SEVERITY = [BounceKind.IGNORED, BounceKind.SOFT, BounceKind.REPUTATION, BounceKind.HARD]


def _weight(age: timedelta) -> float:
    # A clock that was set back must not make a bounce weigh more than one.
    return float(0.5 ** (max(age, timedelta(0)) / HALF_LIFE))
