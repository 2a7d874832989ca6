"""How often may somebody sign up, or have something ranked? Counted in memory: a restart forgets it, and several
processes count apart."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Request
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

PER_ADDRESS: RateLimitItem = RateLimitItemPerDay(3)
PER_NETWORK: RateLimitItem = RateLimitItemPerHour(20)
IN_TOTAL: RateLimitItem = RateLimitItemPerHour(1000)
RANKINGS_PER_NETWORK: RateLimitItem = RateLimitItemPerHour(30)
RANKINGS_IN_TOTAL: RateLimitItem = RateLimitItemPerHour(300)
RANKINGS_AT_ONCE = 2
MOMENT = 5
"""Seconds, after which a ranking that was going on is probably done."""


def network(client: str | None) -> str:
    """The network of the address `client`, whose owner is one customer, mostly: /24 of IPv4, /56 of IPv6.

    What is no address (a socket in the file system has none) is one network.
    """
    try:
        address = ip_address(client or "")
    except ValueError:
        return "nowhere"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 56), strict=False))


class Storage(MemoryStorage):
    """The library's, which keeps of whoever came once an empty list for ever; this one forgets."""

    _many = 1000

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if len(self.events) > self._many:
            for other in [name for name, entries in list(self.events.items()) if not entries]:
                with self.locks[other]:
                    if not self.events.get(other):
                        self.clear(other)
            self._many = max(self._many, 2 * len(self.events))
        return super().acquire_entry(key, limit, expiry, amount)


class SignUpLimits:
    """Counts sign-ups. A moving window, so that nobody gets the double at the turn of an hour."""

    def __init__(self) -> None:
        self._storage = Storage()
        self._limiter = MovingWindowRateLimiter(self._storage)

    def wait(self, client: str | None) -> int:
        """Count one more sign-up from `client`; 0 when it may go on, else in how many seconds the next one may."""
        return _wait(self._limiter, client, PER_NETWORK, IN_TOTAL)

    def may_write_to(self, address: str) -> bool:
        """Count one more message to `address`, normalised; False when it has had enough of them for a day."""
        return self._limiter.hit(PER_ADDRESS, address)

    def was_not_written_to(self, address: str) -> None:
        """The last message did not go out after all: the address may ask again."""
        key = PER_ADDRESS.key_for(address)
        with self._storage.locks[key]:
            del self._storage.events.get(key, [])[:1]  # the newest is the first; the library itself only forgets all


class RankingLimits:
    """Counts what visitors have ranked, each of which keeps a core busy for a second or many."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(Storage())
        self._running = 0

    @contextmanager
    def turn(self, client: str | None) -> Iterator[int]:
        """Count one more for `client`, and hold a place for it inside the block; as `SignUpLimits.wait`, 0 when it may
        go on."""
        if self._running >= RANKINGS_AT_ONCE:
            yield MOMENT
            return
        if seconds := _wait(self._limiter, client, RANKINGS_PER_NETWORK, RANKINGS_IN_TOTAL):
            yield seconds
            return
        self._running += 1
        try:
            yield 0
        finally:
            self._running -= 1


def _wait(
    limiter: MovingWindowRateLimiter, client: str | None, per_network: RateLimitItem, in_total: RateLimitItem
) -> int:
    # The total is asked before anything is counted: who changes networks faster than that leaves no trace of each.
    for within, limit, name in (
        (limiter.test, in_total, "everybody"),
        (limiter.hit, per_network, network(client)),
        (limiter.hit, in_total, "everybody"),
    ):
        if not within(limit, name):
            return max(1, math.ceil(limiter.get_window_stats(limit, name).reset_time - time.time()))
    return 0


def _limits(request: Request) -> SignUpLimits:
    """Those of the application."""
    limits: SignUpLimits = request.app.state.sign_up_limits
    return limits


def _ranking_limits(request: Request) -> RankingLimits:
    """Those of the application, made with its first preview."""
    state = request.app.state
    if not hasattr(state, "ranking_limits"):
        state.ranking_limits = RankingLimits()
    limits: RankingLimits = state.ranking_limits
    return limits


AtLimits = Annotated[SignUpLimits, Depends(_limits)]
AtRankingLimits = Annotated[RankingLimits, Depends(_ranking_limits)]
