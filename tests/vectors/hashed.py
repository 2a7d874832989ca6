"""A stand-in for a model: a text's vector is drawn from the text's own hash. Always the same, and without meaning."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Hashed:
    part = "hashed"
    dimensions = 16

    def __init__(self, name: str = "hashed-1") -> None:
        self.name = name
        self.encoded: list[str] = []

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        return np.array([self._vector(text) for text in texts], np.float32).reshape(-1, self.dimensions)

    def _vector(self, text: str) -> NDArray[np.float32]:
        if not text.strip():
            return np.zeros(self.dimensions, np.float32)
        digest = hashlib.sha256(f"{self.name}{text}".encode("utf-8", "surrogatepass")).digest()
        drawn = np.random.default_rng(int.from_bytes(digest[:8], "big")).normal(size=self.dimensions)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)
