"""What was read last, kept for a while: a run asks for the same few things for each slice of its readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key, the ones asked for last; those asked for longest ago go when all together weigh more than `most`.

    `weight` says what a value weighs, 1 unless told.
    """

    def __init__(self, most: int, weight: Callable[[Value], int] = lambda value: 1) -> None:
        self._most = most
        self._weight = weight
        self._held: dict[Key, Value] = {}
        self._total = 0

    def get(self, key: Key) -> Value | None:
        """The value of `key`; None when it is not held. Whoever is asked for stays longest."""
        value = self._held.pop(key, None)
        if value is not None:
            self._held[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Hold `value` from now on, until others have pushed it out."""
        if (before := self._held.pop(key, None)) is not None:
            self._total -= self._weight(before)
        self._held[key] = value
        self._total += self._weight(value)
        while self._total > self._most and len(self._held) > 1:
            oldest = next(iter(self._held))
            self._total -= self._weight(self._held.pop(oldest))

    def __len__(self) -> int:
        return len(self._held)
