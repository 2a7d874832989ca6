"""Days of the ledger whose rows are not kept any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """One column."""
    op.add_column("audiences", sa.Column("dropped", sa.Boolean, nullable=False, server_default=sa.false()))
