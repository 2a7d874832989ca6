"""What ranking asks of a model of language, when one of the extras brings it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from newsletter.model import ReadablePaper


class Encoder(Protocol):
    """Turns texts into vectors. The same text gives the same vector, whatever stands beside it.

    `part` names the part of the score that it gives ("static", "neural"); `name` the model and its version.
    """

    @property
    def part(self) -> str: ...

    @property
    def name(self) -> str: ...

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts x dimensions: of length 1 each, all zeros for a text without words."""
        ...


def text_of(paper: ReadablePaper) -> str:
    """What a model reads of a paper."""
    return f"{paper.title}. {paper.abstract}"
