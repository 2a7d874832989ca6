"""How fast to send, and how many messages at a time. `now` is always an argument: seconds of any steady clock."""

from __future__ import annotations

import math

LONGEST_TRANSACTION = 10.0
"""Seconds that a slow relay takes for one message; decides how many can usefully be under way."""

MOST_DOMAINS = 10_000
"""Recipient domains that are remembered before those whose turn has come again are forgotten."""


class Pace:
    """The limits of a relay: messages a second, an hour, and a second to one recipient domain; 0 is no limit.

    A limit of n in a time t lets one message go every t/n, evenly. So it holds in every stretch of time and not only in
    those that begin on the hour, a restart cannot break it by more than one message, and nobody waits for an hour to
    turn. Ask `delay`, wait, ask again until it is 0, then say `took`.
    """

    def __init__(self, per_second: float = 0, per_hour: float = 0, per_domain: float = 0) -> None:
        self._interval = max(_interval(per_second), 3600 * _interval(per_hour))
        self._domain_interval = _interval(per_domain)
        self._next = -math.inf
        self._next_to: dict[str, float] = {}

    @property
    def useful_width(self) -> float:
        """The number of messages beyond which more at a time only wait for each other; infinite without a limit."""
        return math.ceil(LONGEST_TRANSACTION / self._interval) if self._interval else math.inf

    def delay(self, domain: str, now: float) -> float:
        """Seconds until a message to `domain` may go; 0 when it may at once."""
        return max(0.0, self._next - now, self._next_to.get(domain.lower(), -math.inf) - now)

    def took(self, domain: str, now: float) -> None:
        """A message to `domain` goes now."""
        self._next = now + self._interval
        if self._domain_interval:
            if len(self._next_to) >= MOST_DOMAINS:
                self._next_to = {name: then for name, then in self._next_to.items() if then > now}
            self._next_to[domain.lower()] = now + self._domain_interval


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
