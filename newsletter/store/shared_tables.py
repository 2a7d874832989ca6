"""What all processes that share a database keep together: turns, limits, and when things were last done."""

from __future__ import annotations

from sqlalchemy import Column, Float, String, Table, Text

from newsletter.store.columns import UtcDateTime, metadata

# Who may ask a place on the network, and when next: one row for each, for all processes that share this database.
paces = Table(
    "paces",
    metadata,
    Column("group", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
)

# When something was last done that is done again and again, by whoever shares this database.
moments = Table(
    "moments",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# The limits that all senders keep together: when the next turn of each begins, in seconds since the epoch.
allowances = Table(
    "allowances",
    metadata,
    # A relay, or a relay and a recipient domain.
    Column("key", Text, primary_key=True),
    Column("next_at", Float, nullable=False),
)
