"""Topics that readers word themselves, what they mute, when they came; sign-ups that wait for their message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Four columns for subscribers, one table."""
    op.add_column("subscribers", sa.Column("joined_at", sa.DateTime(timezone=True)))
    for name in ("own", "muted_words", "muted_authors"):
        op.add_column("subscribers", sa.Column(name, sa.JSON, nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "sign_ups",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("wishes", sa.JSON, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_ups_address", "sign_ups", ["address"])
    op.create_index("ix_sign_ups_next_at", "sign_ups", ["next_at"])
