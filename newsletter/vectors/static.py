"""The extra `static`: WordLlama's table of word-piece vectors, averaged over a text. Over 1,000 abstracts a second."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.vectors.base import loading, readable, unit

PACKAGE = "wordllama"
DIMENSIONS = 256


class Static:
    """An `Encoder` on WordLlama's l2_supercat, 256 dimensions, read from its own wheel.

    The model is loaded when the first vector is asked for. Raises ConfigurationError when it cannot be, and
    PackageNotFoundError at once when WordLlama is not installed.
    """

    part = "static"

    def __init__(self) -> None:
        # A key of the cache: it must change with anything that changes a vector.
        self.name = f"wordllama-{version(PACKAGE)}-l2_supercat-{DIMENSIONS}"

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts x 256, of length 1 each; all zeros for a text without words. A text is read up to 20,000 characters."""
        rows = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in enumerate(map(readable, texts)):
            if text:  # One text at a time: together they are padded to the longest, and one long text fills the memory.
                rows[row] = unit(self._model.embed([text])[0])
        return rows

    @cached_property
    def _model(self) -> Any:  # WordLlamaInference, which has no types
        with loading(PACKAGE), _logging_as_it_was():
            import wordllama

            # Its loader looks for the tokenizer in the wrong folder of its wheel, unless that is called the cache.
            folder = Path(wordllama.__file__).parent
            return wordllama.WordLlama.load(cache_dir=folder, dim=DIMENSIONS, disable_download=True)


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """WordLlama calls logging.basicConfig when imported, which would send every library's chatter to the terminal."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
