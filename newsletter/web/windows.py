"""How often may one network do something? Counted in memory: a restart forgets it, several processes count apart."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem
from limits.strategies import MovingWindowRateLimiter

from newsletter.web.limiting import Storage, network


class Window:
    """Counts by the network of a client, in a window that moves: nobody gets the double at its turn."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit = limit
        self._limiter = MovingWindowRateLimiter(Storage())

    def wait(self, client: str | None) -> int:
        """0 when the network of `client` may go on, else in how many seconds it may. Counts nothing."""
        name = network(client)
        if self._limiter.test(self._limit, name):
            return 0
        reset = self._limiter.get_window_stats(self._limit, name).reset_time
        return max(1, math.ceil(reset - time.time()))

    def count(self, client: str | None) -> None:
        """Count one more."""
        self._limiter.hit(self._limit, network(client))
