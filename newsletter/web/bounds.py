"""What can be in the database at all: a page or the API asks for nothing beyond it.

SQLite finds nothing there; PostgreSQL would refuse the question.
"""

from __future__ import annotations

LAST_ROW = 2**31 - 1
"""The largest number of a row: of every table but the ledger's (INTEGER in PostgreSQL)."""

LAST_DELIVERY = 2**63 - 1
"""The largest number of a delivery (BIGINT there)."""


def fits(text: str) -> bool:
    """Whether a database can hold `text`: no NUL is in it, and no half of a character."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
