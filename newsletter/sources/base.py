"""What every source has in common."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from newsletter.model import Batch


class Source(Protocol):
    """A place papers come from. `name` is the one the operator gave it; it is written on every batch and listing."""

    name: str

    async def collect(self, today: date) -> list[Batch]:
        """Everything the source shows, one batch per document (a page, a file, a feed).

        A document that cannot be read, wholly or in part, never raises: its batch says *partial* or *broken* and lists
        the problems. Raises SourceError only when the source cannot answer at all. `today` is the only clock a source
        has: it decides the year where a document names none.
        """
        ...
