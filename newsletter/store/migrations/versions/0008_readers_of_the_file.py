"""The readers of the file are found without looking at all."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """One index."""
    op.create_index("ix_subscribers_origin", "subscribers", ["origin"])
