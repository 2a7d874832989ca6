"""What the relay said in full, and what came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Two columns and an index for deliveries, and the table of bounces."""
    # A column that must not be NULL needs a default, for the rows that are there already.
    empty = sa.text("''")
    op.add_column("deliveries", sa.Column("enhanced", sa.String(16), nullable=False, server_default=empty))
    op.add_column("deliveries", sa.Column("queue_id", sa.Text, nullable=False, server_default=empty))
    op.create_index("ix_deliveries_message_id", "deliveries", ["message_id"])
    op.create_table(
        "bounces",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("subscriber_id", sa.Integer),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("enhanced", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("report", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bounces"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name="fk_bounces_subscriber_id"),
        sa.UniqueConstraint("report", name="uq_bounces_report"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bounces_subscriber_id", "bounces", ["subscriber_id"])
