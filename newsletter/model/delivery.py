"""One row of the ledger, and what an attempt to send came to.

The chart of states::

    planned ──> ready ──claim──> sending ──250──────────────> accepted
       │          ^                 ├──5xx──────────────────> refused
       │          ├── deferred <────┤ 4xx, or lost before DATA
       │          ├── lease over, phase claimed
       │          │                 └──lost after DATA began─> unknown ──(on_unknown = "resend")──> ready
       ├──> skipped      nothing for this reader
       └──> superseded   a later day's digest carries it
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"  # due; nothing composed yet
    READY = "ready"  # may be claimed
    SENDING = "sending"  # claimed by a process, see Phase
    ACCEPTED = "accepted"  # the relay answered 250
    DEFERRED = "deferred"  # refused for now; again at next_at
    REFUSED = "refused"  # refused for good
    SKIPPED = "skipped"  # nothing to send, or nobody to send it to
    SUPERSEDED = "superseded"  # a later digest carries what this one would have
    UNKNOWN = "unknown"  # the answer to the final dot never came


SETTLED_STATES = frozenset({State.ACCEPTED, State.REFUSED, State.SKIPPED, State.SUPERSEDED, State.UNKNOWN})
OPEN_STATES = frozenset(State) - SETTLED_STATES


class Phase(StrEnum):
    """How far a claimed delivery has come; DATA is made durable before the command is sent."""

    CLAIMED = "claimed"
    DATA = "data"


class Step(StrEnum):
    """The command of a conversation with a relay that a reply answers (RFC 5321 section 4.1)."""

    CONNECT = "connect"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "final dot"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The state of one subscriber's message for one local date. UNIQUE(subscriber, local_date).

    `sections` and `papers` count what the message holds, `size` its bytes; all 0 until it is composed. `enhanced` is
    the relay's enhanced status code (RFC 3463), `queue_id` the name it gave the message, both empty where it said none.
    `resent` says that an unknown outcome was already answered by sending once more. `through` is the day of the newest
    edition that it spans, as of when it was planned; None is the local date itself.
    """

    id: int
    subscriber_id: int
    address: str
    local_date: date
    state: State
    attempt: int = 0
    next_at: datetime | None = None
    reason: str = ""
    code: int | None = None
    reply: str = ""
    message_id: str = ""
    sections: int = 0
    papers: int = 0
    size: int = 0
    enhanced: str = ""
    queue_id: str = ""
    phase: Phase | None = None
    resent: bool = False
    updated_at: datetime | None = None
    through: date | None = None
    planned_at: datetime | None = None

    @property
    def occasion(self) -> Occasion:
        """What it has in common with others that were planned together."""
        return Occasion(self.local_date, self.through, self.planned_at if self.through else None)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the digests have in common that are planned together: the local date `day`, the day of the newest edition
    they go `through`, and when (`at`) that was. A run plans for a day as such: through its edition, without a moment.
    """

    day: date
    through: date | None = None
    at: datetime | None = None

    @property
    def newest(self) -> date:
        """The day of the newest edition that belongs to it."""
        return self.through or self.day


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to: `state` is accepted, refused, deferred or unknown.

    `code` is the relay's reply code, None when there was no reply; `text` its words, or ours where it said none; `step`
    the command that it answers. `retry_after` is the relay's own "try again in N".
    """

    state: State
    code: int | None
    text: str
    step: Step = Step.DOT
    enhanced: str = ""
    queue_id: str = ""
    retry_after: timedelta | None = None
