"""Readers who sign up on the page, and pause until a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Two columns for subscribers."""
    op.add_column("subscribers", sa.Column("paused_until", sa.Date))
    op.add_column("subscribers", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.add_column("subscribers", sa.Column("wishes", sa.JSON))
