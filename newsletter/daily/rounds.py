"""What is worked off when a date's deliveries are sent: a round of slices, through a mailer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from newsletter.daily.addressing import Addressing
from newsletter.daily.composing import Prepared
from newsletter.model import Delivery, Message, Occasion, Outcome, Subscriber


class Mailer(Protocol):
    """Takes messages to the relay, `most` at a time at the most. `before_data` is awaited when the message is next: the
    relay may have it from then on, unless `send` raises RelayError."""

    @property
    def most(self) -> int: ...

    def halt(self) -> None:
        """Hand over nothing more: messages that are on their way are finished, every other send raises HaltedError."""

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Slice:
    """Some claimed deliveries that were planned together, ready to be worked on."""

    deliveries: Sequence[Delivery]
    readers: Mapping[int, Subscriber]
    prepared: Prepared
    addressing: Addressing


@dataclass(slots=True)
class Round:
    """The deliveries of one date, while they are being worked on. `left` may still be claimed (None: all); `claimed`
    are in no slice yet. `coming` is the slice after the one that `waiting` is from, last delivery first; `over` tells
    that there are no more."""

    day: date
    mailer: Callable[[], Awaitable[Mailer]]
    expected: int
    left: int | None = None
    addressings: dict[Occasion, Addressing] = field(default_factory=dict)
    claimed: list[Delivery] = field(default_factory=list)
    width: int = 1
    waiting: list[tuple[Delivery, Slice]] = field(default_factory=list)
    coming: asyncio.Task[Slice | None] | None = None
    over: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    judged: set[str] = field(default_factory=set)
    attempted: int = 0
    answered: int = 0
    refused: int = 0
    judgeable: asyncio.Event = field(default_factory=asyncio.Event)
    bounced: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None
