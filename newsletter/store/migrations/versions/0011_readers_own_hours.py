"""Digests at each reader's own hour: which edition they go through, who is due, and when it was last looked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Two columns, an index, a table."""
    op.add_column("batches", sa.Column("expected", sa.Date))
    op.add_column("deliveries", sa.Column("through", sa.Date))
    op.create_index("ix_subscribers_timezone_hour_rhythm", "subscribers", ["timezone", "hour", "rhythm"])
    op.create_table(
        "moments",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_moments"),
    )
