"""How fast to send, and how many messages at a time. `now` is always an argument: seconds of any steady clock."""

from __future__ import annotations

import math
from collections import deque

LONGEST_TRANSACTION = 10.0
"""Seconds that a slow relay takes for one message; decides how many can usefully be under way."""

MOST_DOMAINS = 10_000
"""Recipient domains that are remembered before those whose turn has come again are forgotten."""

BLOCK = 0.25
"""Seconds for which turns of a shared limit are reserved together: it is asked for four times a second and not for each
message, and who dies holds no more than a quarter of a second's turns."""

LATE = 0.25
"""Seconds for which a reserved turn may still be used: long enough for a connection to come free, short enough that who
was held up does not send a second's messages at once."""


class Pace:
    """The limits of a relay: messages a second, an hour, and a second to one recipient domain; 0 is no limit.

    A limit of n in a time t lets one message go every t/n, evenly. So it holds in every stretch of time and not only in
    those that begin on the hour, a restart cannot break it by more than one message, and nobody waits for an hour to
    turn. Ask `delay`, wait, ask again until it is 0, then say `took`.
    """

    def __init__(self, per_second: float = 0, per_hour: float = 0, per_domain: float = 0) -> None:
        self.interval = max(_interval(per_second), 3600 * _interval(per_hour))
        """Seconds between two messages; 0 without a limit."""
        self.domain_interval = _interval(per_domain)
        """Seconds between two messages to one domain; 0 without a limit."""
        self._next = -math.inf
        self._next_to: dict[str, float] = {}

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all, so that nobody need ask."""
        return not (self.interval or self.domain_interval)

    @property
    def useful_width(self) -> float:
        """The number of messages beyond which more at a time only wait for each other; infinite without a limit."""
        return math.ceil(LONGEST_TRANSACTION / self.interval) if self.interval else math.inf

    def short(self, domain: str, now: float) -> bool:
        """Whether turns have to be asked for first: never, for these limits are nobody else's."""
        return False

    async def ask(self, domain: str) -> None:
        """Nobody is asked."""

    def delay(self, domain: str, now: float) -> float:
        """Seconds until a message to `domain` may go; 0 when it may at once."""
        return max(0.0, self._next - now, self._next_to.get(domain.lower(), -math.inf) - now)

    def took(self, domain: str, now: float) -> None:
        """A message to `domain` goes now."""
        self._next = now + self.interval
        if self.domain_interval:
            if len(self._next_to) >= MOST_DOMAINS:
                self._next_to = {name: then for name, then in self._next_to.items() if then > now}
            self._next_to[domain.lower()] = now + self.domain_interval


class Stock:
    """Turns of a limit that is shared with others, one each `interval` seconds: reserved in blocks, used one by one.

    A block is what was used in `BLOCK` seconds, and a sixteenth of what all may use in that time: so those who share a
    limit come to have as much of it as each can use, however many they are, and each asks about as often. A turn is
    never used before its time, and is lost when it was not used `LATE` seconds after it (or a tenth of the interval,
    where that is longer).
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._late = max(LATE, interval / 10)
        self._most = BLOCK / interval
        self._blocks: deque[tuple[float, int]] = deque()  # the moment of the first turn, and how many there are
        self._size = 0
        self._used = 0
        self._asked_at = -math.inf

    def held(self, now: float) -> int:
        """How many turns there are that may be used, now or later."""
        while self._blocks:
            first, number = self._blocks[0]
            lost = max(0, math.ceil((now - self._late - first) / self.interval))
            if lost < number:
                if lost:
                    self._blocks[0] = (first + lost * self.interval, number - lost)
                break
            self._blocks.popleft()
        return sum(number for _, number in self._blocks)

    def low(self, now: float) -> bool:
        """Whether the next block should be asked for: of the last one, half or less is left."""
        return 2 * self.held(now) <= self._size

    def ask(self, now: float) -> int:
        """How many turns to reserve now."""
        used = BLOCK * self._used / max(now - self._asked_at, 1e-3)
        self._asked_at, self._used = now, 0
        return max(1, min(math.ceil(used + self._most / 16), int(self._most)))

    def add(self, first: float, number: int) -> None:
        """`number` turns are reserved, the first of them at the moment `first`."""
        self._blocks.append((first, number))
        self._size = number

    def delay(self, now: float) -> float:
        """Seconds until the next turn; 0 when its time has come, or when there is none."""
        return max(0.0, self._blocks[0][0] - now) if self.held(now) else 0.0

    def took(self, now: float) -> None:
        """The next turn is used now."""
        if self.held(now):
            first, number = self._blocks.popleft()
            if number > 1:
                self._blocks.appendleft((first + self.interval, number - 1))
            self._used += 1


class Width:
    """How many messages may be under way at a time: between 1 and `most`, as much as the relay bears.

    Additive increase, multiplicative decrease (the rule of RFC 5681 section 3.1): one more after each `grow_after`
    messages that went well in a row, half as many when the relay says that it is too much. Begins with 5, Postfix's own
    initial concurrency, so that a relay with stricter limits than its operator thought is not met with all of `most`.
    """

    FIRST = 5
    LONGEST_REST = 60.0

    def __init__(self, most: int, grow_after: int = 20) -> None:
        self._most = max(1, most)
        self._grow_after = grow_after
        self._well = 0
        self._turned_away = 0
        self.now = min(self.FIRST, self._most)
        self.cuts = 0

    def went_well(self) -> None:
        """The relay accepted a message."""
        self._turned_away = 0
        self._well += 1
        if self._well >= self._grow_after:
            self._well = 0
            self.now = min(self.now + 1, self._most)

    def slow_down(self, cuts: int | None = None) -> float:
        """The relay says that it is too much; how many seconds everybody should rest.

        `cuts` is the value of `self.cuts` when that message was begun: of several messages that were under way
        together, all turned away for the same reason, only the first one halves the width. There is no rest while
        halving may help; a relay that turns even single messages away, one after the other, gets 1, 2, 4 ... 60 s.
        """
        if cuts is not None and cuts != self.cuts:
            return 0.0
        self.cuts += 1
        self._well = 0
        if self.now > 1:
            self.now //= 2
            return 0.0
        self._turned_away += 1
        return 0.0 if self._turned_away == 1 else min(2.0 ** (self._turned_away - 2), self.LONGEST_REST)


def _interval(rate: float) -> float:
    return 1 / rate if rate else 0.0
