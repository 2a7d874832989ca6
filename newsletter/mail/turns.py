"""A pace that is held together with everybody else who sends over the same relay: other processes, other machines.

Who shares it asks one place for turns, a block at a time (`policy.pacing.Stock`), and uses them one by one. The relay's
own limit and that for each recipient domain are asked for apart; a message needs a turn of both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.policy.pacing import BLOCK, MOST_DOMAINS, Pace, Stock


class Turns(Protocol):
    """What a pool asks before a message goes: whose turn it is.

    Where `short` says so, `ask` comes first; then wait for `delay` seconds, look again, and say `took`.
    """

    @property
    def unlimited(self) -> bool: ...

    @property
    def useful_width(self) -> float: ...

    def short(self, domain: str, now: float) -> bool: ...

    async def ask(self, domain: str) -> None: ...

    def delay(self, domain: str, now: float) -> float: ...

    def took(self, domain: str, now: float) -> None: ...


class Allowances(Protocol):
    """The one place: reserves `number` turns of `key`, `interval` seconds apart, and answers in how many seconds the
    first of them begins."""

    async def take(self, key: str, number: int, interval: float) -> float: ...


@dataclass(slots=True)
class _Limit:
    """One limit and what is reserved of it; `asking` is held while more is being reserved."""

    key: str
    stock: Stock
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class SharedPace:
    """The limits of `pace` for all who share `allowances`, under the `name` of the relay. `clock` gives steady seconds.

    What `allowances` raises goes through: whether the turns are reserved is then unknown, and none of them is used.
    """

    def __init__(
        self, name: str, pace: Pace, allowances: Allowances, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._pace = pace
        self._allowances = allowances
        self._clock = clock
        self._relay = _Limit(name, Stock(pace.interval)) if pace.interval else None
        self._domains: dict[str, _Limit] = {}

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return self._pace.unlimited

    @property
    def useful_width(self) -> float:
        """As of the pace: nobody else may be sending."""
        return self._pace.useful_width

    def short(self, domain: str, now: float) -> bool:
        """Whether turns for `domain` have to be asked for first."""
        return self._shortest(domain, now) is not None

    async def ask(self, domain: str) -> None:
        """Reserve turns where too few are held."""
        limit = self._shortest(domain, self._clock())
        if limit is None:
            return
        async with limit.asking:
            now = self._clock()
            if limit.stock.low(now):  # else another has asked meanwhile
                number = limit.stock.ask(now)
                wait = await self._allowances.take(limit.key, number, limit.stock.interval)
                limit.stock.add(self._clock() + wait, number)

    def delay(self, domain: str, now: float) -> float:
        """Seconds until the turns that are held for a message to `domain`."""
        return max((limit.stock.delay(now) for limit in self._limits(domain)), default=0.0)

    def took(self, domain: str, now: float) -> None:
        """A message to `domain` goes now."""
        for limit in self._limits(domain):
            limit.stock.took(now)
        if len(self._domains) > MOST_DOMAINS:
            kept = self._domains.items()
            self._domains = {name: one for name, one in kept if one.asking.locked() or one.stock.held(now)}

    def _shortest(self, domain: str, now: float) -> _Limit | None:
        """The limit to ask for. While one asks, the others use what is left; who has none left waits for it."""
        for limit in self._limits(domain):
            if not limit.stock.held(now) or (limit.stock.low(now) and not limit.asking.locked()):
                return limit
            if limit.stock.delay(now) > BLOCK:
                return None  # a turn of the relay would be over before this message can use it
        return None

    def _limits(self, domain: str) -> Iterator[_Limit]:
        if self._pace.domain_interval:
            name = domain.lower()
            if name not in self._domains:
                self._domains[name] = _Limit(f"{self._name} {name}", Stock(self._pace.domain_interval))
            yield self._domains[name]
        if self._relay:
            yield self._relay
